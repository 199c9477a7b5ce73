"""An issue goes out to readers through a real Postfix: what lies in their mailboxes is what was written, once each."""

import base64
import csv
import email
import email.policy
import json
import re
import shutil
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from random import Random
from typing import Any

import dkim  # type: ignore[import-untyped]
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from newsletter.audience.tokens import TokenKeys, read_unsubscribe, read_verp
from newsletter.cli import run
from newsletter.flows.build import render_issue
from newsletter.flows.relays import make_composer
from newsletter.model import Claim
from newsletter.store.database import open_store
from newsletter.store.issues import find_issue, read_variants
from newsletter.workspace.files import Workspace
from newsletter.workspace.load import read_config
from tests.journeys.conftest import run_newsletter
from tests.postfix import DOMAIN, Postfix, log_name, running_postfix, skip_without

SLUG = "2025-07-07-weekly"
# By the reader's themes: a mail of some sections says what is in these.
SUBJECTS = {
    "": "Moscow and Baku drift apart; Wang Yi in Brussels; A “six-month” clock",
    "caucasus": "Moscow and Baku drift apart",
    "eu-china caucasus": "Moscow and Baku drift apart; Wang Yi in Brussels",
}
BOUNCES = "b@bounces.borderlines.example"
# What Postfix writes above a mail that it delivers.
RECEIVED = re.compile(rb"Return-Path: .*\nX-Original-To: .*\nDelivered-To: .*\nReceived: .*\n(?:\t.*\n)*")
HEADERS = """From To Subject Date Message-ID List-Id List-Unsubscribe List-Unsubscribe-Post List-Help List-Owner
List-Subscribe List-Archive List-Post Archived-At Content-Language Auto-Submitted Precedence MIME-Version
Content-Type""".split()

Reader = tuple[str, str]  # address and themes


@pytest.fixture(scope="module")
def postfix() -> Iterator[Postfix]:
    with running_postfix() as one:
        yield one


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new workspace with the sample issue built."""
    folder = tmp_path_factory.mktemp("postfix") / "desk"
    assert run(["--quiet", "init", str(folder)]) == 0
    assert run(["--quiet", "--workspace", str(folder), "build", "--date", "2025-07-07"]) == 0
    return folder


@dataclass(frozen=True)
class Delivered:
    """A send that is over, and what lies in the Maildir."""

    folder: Path
    exit_status: int
    books: dict[str, Any]
    mails: list[bytes]

    @property
    def addresses(self) -> list[str]:
        return [delivered_to(mail) for mail in self.mails]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.folder / "newsletter.db")
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    @property
    def ids(self) -> dict[str, int]:
        """The number of each reader, by the address as it goes on the wire."""
        return {on_the_wire(address): number for number, address in self.rows("SELECT id, address FROM subscriber")}


def send_issue(
    desk: Path,
    folder: Path,
    postfix: Postfix,
    readers: Sequence[Reader],
    service: str = "everything",
    **environment: str,
) -> Delivered:
    """Import the readers, and send the issue in a process of its own."""
    shutil.copytree(desk, folder)
    people = folder / "people.csv"
    with people.open("w", encoding="utf-8", newline="") as stream:
        rows = [(address, themes, "active") for address, themes in readers]
        csv.writer(stream).writerows([("email", "themes", "state"), *rows])
    assert run(["--quiet", "--workspace", str(folder), "subscribers", "import", str(people), "--consent", "asked"]) == 0
    smtp = {"port": str(postfix.ports[service]), "security": "none", "bounces": BOUNCES} | environment
    done = run_newsletter(
        folder,
        "--json",
        "send",
        SLUG,
        "--yes",
        **{f"NEWSLETTER_SMTP__{name.upper()}": value for name, value in smtp.items()},
    )
    assert done.stdout, done.stderr
    delivered = Delivered(folder, done.returncode, json.loads(done.stdout), postfix.take())
    assert postfix.complaints == []
    return delivered


def on_the_wire(address: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.encode('idna').decode()}"


def headline(mail: bytes, name: str) -> str:
    """A header's line as it stands in the octets: unfolded there, or this fails."""
    found = re.findall(rb"(?m)^" + name.encode() + rb": (.*)\n(?![ \t])", mail.partition(b"\n\n")[0] + b"\n")
    assert len(found) == 1, name
    return bytes(found[0]).decode()


def delivered_to(mail: bytes) -> str:
    return headline(mail, "Delivered-To")


def token_in(mail: bytes) -> str:
    found = re.match(r"<https://borderlines\.example/u/([A-Za-z0-9_-]{32})>$", headline(mail, "List-Unsubscribe"))
    assert found
    return found[1]


def parse(mail: bytes) -> EmailMessage:
    message = email.message_from_bytes(mail, policy=email.policy.default)
    assert not message.defects
    return message


def bodies(message: EmailMessage) -> tuple[str, str]:
    """HTML and text, decoded by the standard library."""
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    parts = [message.get_body(preferencelist=(kind,)) for kind in ("html", "plain")]
    html, text = (part.get_content() for part in parts if part is not None)
    return html, text


def plain_readers(count: int) -> list[Reader]:
    return [(f"r{number}@{DOMAIN}", "") for number in range(count)]


def two_hundred_readers() -> list[Reader]:
    # 254 octets with the longest name before the @, which is the most that SMTP takes.
    long_domain = f"{'b' * 63}.{'c' * 63}.{'d' * 41}.{DOMAIN}"
    odd = ["o'neil", "under_score", "{curly}", "a/b", "a&b", "x=y", "100#", "$money", "~tilde", "a.b.c-d", "UPPER"]
    readers = [
        *((f"{name}@{DOMAIN}", "") for name in odd),
        (f"{'l' * 64}@{DOMAIN}", ""),
        (f"{'l' * 64}@{long_domain}", ""),
        (f"{'+'.join(['tag'] * 16)}@{DOMAIN}", "caucasus"),
        *((f"first.last{n}+news+{n}@{DOMAIN}", "") for n in range(20)),
        *((f"r{n}@bücher.{DOMAIN}", "") for n in range(10)),
        *((f"r{n}@новости.{DOMAIN}", "caucasus") for n in range(10)),
        *((f"caucasus{n}@{DOMAIN}", "caucasus") for n in range(20)),
        *((f"two{n}@{DOMAIN}", "eu-china caucasus") for n in range(10)),
        (f"jörg@{DOMAIN}", ""),
        (f"читатель@bücher.{DOMAIN}", ""),
    ]
    return [*readers, *plain_readers(200 - len(readers))]


@pytest.fixture(scope="module")
def delivered(desk: Path, postfix: Postfix, tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    """Two hundred readers got the issue."""
    folder = tmp_path_factory.mktemp("two hundred") / "desk"
    return send_issue(desk, folder, postfix, two_hundred_readers())


def test_everybody_gets_it_once_and_the_books_say_so(delivered: Delivered) -> None:
    assert Counter(delivered.addresses) == Counter(on_the_wire(address) for address, _ in two_hundred_readers())
    assert delivered.exit_status == 0
    books = delivered.books
    assert (books["state"], books["planned"], books["accepted"]) == ("done", 200, 200)
    assert books["balanced"]
    assert {row[0] for row in delivered.rows("SELECT code FROM delivery")} == {250}
    assert run(["--quiet", "--workspace", str(delivered.folder), "verify", SLUG]) == 0


def test_sending_again_sends_nothing(delivered: Delivered, postfix: Postfix) -> None:
    done = run_newsletter(
        delivered.folder,
        "send",
        SLUG,
        "--yes",
        NEWSLETTER_SMTP__PORT=str(postfix.ports["everything"]),
        NEWSLETTER_SMTP__SECURITY="none",
    )
    assert done.returncode == 6
    assert postfix.take() == []


def test_the_words_that_arrive_are_those_that_were_rendered(delivered: Delivered) -> None:
    """Each variant is read back by the standard library, for each reader with their own token."""
    workspace = Workspace(delivered.folder)
    rendered = render_issue(workspace, read_config(workspace), SLUG)
    built = delivered.folder / "build" / SLUG
    whole = tuple((built / f"email.{kind}").read_text(encoding="utf-8") for kind in ("html", "txt"))
    expected = {
        "": whole,
        "caucasus": rendered.bodies(["caucasus"]),
        "eu-china caucasus": rendered.bodies(["caucasus", "eu-china"]),
    }
    themes = {on_the_wire(address): chosen for address, chosen in two_hundred_readers()}
    for mail in delivered.mails:
        html, text = expected[themes[delivered_to(mail)]]
        token = token_in(mail)
        assert html.count("__READER_TOKEN__") >= 1 <= text.count("__READER_TOKEN__")
        found = bodies(parse(mail))
        assert found == (html.replace("__READER_TOKEN__", token), text.replace("__READER_TOKEN__", token))
        assert "__READER_" not in mail.decode("utf-8")


def test_who_chose_a_theme_gets_just_that_section(delivered: Delivered) -> None:
    words = {"caucasus": "Yekaterinburg", "eu-china": "Airbus", "us-china": "Magnets", "australia-china": "Canberra"}
    seen: Counter[tuple[str, ...]] = Counter()
    for mail in delivered.mails:
        for body in bodies(parse(mail)):
            seen[tuple(theme for theme, word in words.items() if word in body)] += 1
    assert seen == {tuple(words): 2 * 159, ("caucasus",): 2 * 31, ("caucasus", "eu-china"): 2 * 10}


def test_each_token_opens_one_readers_door(delivered: Delivered) -> None:
    store = open_store(f"sqlite:///{delivered.folder}/newsletter.db", delivered.folder / "newsletter.key")
    keys = [TokenKeys.derive(store.key.derive)]
    store.close()
    ids = delivered.ids
    for mail in delivered.mails:
        door = read_unsubscribe(token_in(mail), keys)
        bounce = re.fullmatch(r"<b\+([0-9a-f]+)@bounces\.borderlines\.example>", headline(mail, "Return-Path"))
        assert bounce
        assert door == read_verp(bounce[1], keys) == (1, ids[delivered_to(mail)])


def test_the_headers_parse_back_as_they_were_written(delivered: Delivered) -> None:
    [(frozen_at,)] = delivered.rows("SELECT frozen_at FROM issue")
    base = "https://borderlines.example"
    fixed = {
        "From": "Borderlines <desk@borderlines.example>",
        "List-Id": "Borderlines Weekly <weekly.borderlines.example>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Help": f"<{base}/follow/>",
        "List-Owner": "<mailto:desk@borderlines.example>",
        "List-Subscribe": f"<{base}/subscribe>",
        "List-Archive": f"<{base}/>",
        "List-Post": "NO",
        "Archived-At": f"<{base}/{SLUG}/>",
        "Content-Language": "en",
        "Auto-Submitted": "auto-generated",
        "Precedence": "bulk",
        "MIME-Version": "1.0",
    }
    themes = {on_the_wire(address): chosen for address, chosen in two_hundred_readers()}
    for mail in delivered.mails:
        message, token = parse(mail), token_in(mail)
        assert message["Subject"] == SUBJECTS[themes[delivered_to(mail)]]
        assert message.keys() == ["Return-Path", "X-Original-To", "Delivered-To", "Received", *HEADERS]
        assert {name: message[name] for name in fixed} == fixed
        assert message["Date"].datetime == datetime.fromisoformat(frozen_at).replace(microsecond=0, tzinfo=UTC)
        assert f"To: {delivered_to(mail)}\n".encode() in mail
        unsubscribe = f"<{base}/u/{token}>"
        assert headline(mail, "List-Unsubscribe") == unsubscribe == message["List-Unsubscribe"]
    ids = [headline(mail, "Message-ID") for mail in delivered.mails]
    assert len(set(ids)) == 200
    assert all(re.fullmatch(rf"<{SLUG}\.[0-9a-z]+@borderlines\.example>", one) for one in ids)


def test_no_octet_was_changed_on_the_way(delivered: Delivered) -> None:
    """Postfix writes LF where SMTP has CRLF; all else below its own headers is what was composed."""
    workspace, folder = Workspace(delivered.folder), delivered.folder
    config = read_config(workspace)
    store = open_store(f"sqlite:///{folder}/newsletter.db", folder / "newsletter.key")
    frozen = find_issue(store, SLUG)
    assert frozen
    moment = datetime.fromisoformat(frozen.frozen_at)
    composer = make_composer(workspace, config, store, read_variants(store, frozen), frozen.id, moment)
    store.close()
    query = "SELECT id, address, variant FROM subscriber JOIN delivery ON subscriber_id = id"
    composed = {}
    for number, address, variant in delivered.rows(query):
        outgoing = composer.write(Claim(number, 1, 0, variant, 0, address))
        composed[on_the_wire(address)] = outgoing.plain.replace(b"\r\n", b"\n")
    assert {delivered_to(mail): RECEIVED.sub(b"", mail, count=1) for mail in delivered.mails} == composed


def test_chunks_were_used_where_they_are_offered(delivered: Delivered, postfix: Postfix) -> None:
    assert len(delivered.mails) == 200
    postfix.wait_for_log(rf"{log_name('everything')}/.* disconnect from .* mail=\d+ .*bdat=\d+")


@pytest.mark.parametrize(
    ("service", "verb"), [("no CHUNKING", "data"), ("lock-step", "data"), ("HELO", "data"), ("STARTTLS", "bdat")]
)
def test_a_relay_that_offers_less_gets_the_same(
    desk: Path, tmp_path: Path, postfix: Postfix, service: str, verb: str
) -> None:
    readers = plain_readers(20)
    secure = {"security": "starttls", "ca_file": str(postfix.authority)} if service == "STARTTLS" else {}
    done = send_issue(desk, tmp_path / "desk", postfix, readers, service, **secure)
    assert sorted(done.addresses) == sorted(address for address, _ in readers)
    assert (done.exit_status, done.books["accepted"]) == (0, 20)
    whole = (desk / "build" / SLUG / "email.txt").read_text(encoding="utf-8")
    for mail in done.mails:
        assert bodies(parse(mail))[1] == whole.replace("__READER_TOKEN__", token_in(mail))
    postfix.wait_for_log(rf"{log_name(service)}/.* disconnect from .* {verb}=")
    other = {"data": "bdat", "bdat": "data"}[verb]
    assert re.findall(rf"{log_name(service)}/.* disconnect from .* {other}=", postfix.log) == []


def test_addresses_that_do_not_exist_are_rejected_and_the_others_arrive(
    desk: Path, tmp_path: Path, postfix: Postfix
) -> None:
    good = plain_readers(20)
    bad = [(f"unknown{number}@{DOMAIN}", "") for number in range(4)]
    mixed = [*good[:3], bad[0], *good[3:9], bad[1], bad[2], *good[9:], bad[3]]
    done = send_issue(desk, tmp_path / "desk", postfix, mixed)
    assert sorted(done.addresses) == sorted(address for address, _ in good)
    assert (done.exit_status, done.books["state"]) == (0, "done")
    assert (done.books["accepted"], done.books["rejected"]) == (20, 4)
    refused = done.rows(
        "SELECT address, code, enhanced, reply FROM subscriber JOIN delivery ON subscriber_id = id"
        " WHERE delivery.state = 'rejected'"
    )
    assert {row[:3] for row in refused} == {(address, 550, "5.1.1") for address, _ in bad}
    assert all("User unknown in virtual mailbox table" in reply for *_, reply in refused)


# --- signatures ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", ["everything", "lock-step"])
def test_signatures_hold_after_postfix_had_the_mail(desk: Path, tmp_path: Path, postfix: Postfix, service: str) -> None:
    signing = shutil.copytree(desk, tmp_path / "signing")
    private = rsa.generate_private_key(65537, 2048)
    (signing / "dkim.pem").write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    (signing / "dkim.pem").chmod(0o600)
    with (signing / "newsletter.toml").open("a", encoding="utf-8") as settings:
        settings.write('\n[[dkim]]\nselector = "s1"\nkey_file = "dkim.pem"\n')
    readers = [
        (f"r1@{DOMAIN}", ""),
        (f"r2+tag@bücher.{DOMAIN}", ""),
        (f"r3@{DOMAIN}", "caucasus"),
        (f"{'l' * 64}@{DOMAIN}", "eu-china"),
        (f"jörg@{DOMAIN}", ""),
    ]
    done = send_issue(signing, tmp_path / "desk", postfix, readers, service)
    public = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)

    def verifies(mail: bytes) -> bool:
        names = {b"s1._domainkey.borderlines.example.": record}
        return bool(dkim.verify(mail, dnsfunc=lambda name, timeout=5: names[name]))

    assert len(done.mails) == 5
    for mail in done.mails:
        assert mail.count(b"\nDKIM-Signature: ") == 1
        assert verifies(mail)
        assert not verifies(mail.replace(b"List-Unsubscribe: <https://border", b"List-Unsubscribe: <https://evil"))


# --- a filter's opinion -------------------------------------------------------------------------------------------


def build_with_more_posts(desk: Path, folder: Path, *, posts: int, paragraphs: int) -> Path:
    """A workspace with posts made of the sample's words."""
    shutil.copytree(desk, folder)
    shutil.rmtree(folder / "issues")
    words = (folder / "posts/2025-07-05-collected.txt").read_text(encoding="utf-8").partition("https")[0].split()
    dice = Random(7)
    for number in range(posts):
        body = "\n\n".join(" ".join(dice.sample(words, 60)) + "." for _ in range(paragraphs))
        text = f"---\ntitle: What Yerevan and Baku said on day {number}\n---\n\n{body}\n"
        (folder / f"posts/day-{number}.md").write_text(text, encoding="utf-8")
    assert run(["--quiet", "--workspace", str(folder), "build", "--date", "2025-07-07"]) == 0
    return folder


def ask_spamassassin(mail: bytes, folder: Path) -> tuple[float, set[str]]:
    """The score and the rules that fired: offline, with those of Debian's package."""
    program = skip_without("spamassassin", "REQUIRE_SPAMASSASSIN")
    # Many rules are kind to what came from this very machine. So it is shown as it would have come from another.
    outside = mail.replace(b"(unknown [127.0.0.1])", b"(mail.borderlines.example [93.184.216.34])", 1)
    assert outside != mail
    done = subprocess.run(
        [program, "-L", "-t", "-x", "-C", "/usr/share/spamassassin", "--cf=use_bayes 0"],
        input=outside,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        timeout=60,
        check=True,
    )
    status = " ".join(str(parse(done.stdout)["X-Spam-Status"]).split())
    verdict = re.match(r"(?:No|Yes), score=(-?[\d.]+) required=\S+ tests=(.*?) autolearn=", status)
    assert verdict, status
    rules = set(re.split(r"[, ]+", verdict[2]))
    assert "ALL_TRUSTED" not in rules
    assert "MAILING_LIST_MULTI" in rules, "the filter sees a mailing list, so its rules were at work (H24)"
    return float(verdict[1]), rules


def about_the_making(rules: set[str]) -> list[str]:
    """Rules about how the HTML is made (M62). HTML_MESSAGE scores 0 and says that there is HTML."""
    return [rule for rule in rules - {"HTML_MESSAGE"} if rule.startswith(("HTML_", "FONT_", "MPART_"))]


def test_spamassassin_has_nothing_against_it(desk: Path, postfix: Postfix, tmp_path: Path) -> None:
    """The whole issue, that of one theme, and one that is nearly as long as Gmail shows."""
    readers = [(f"whole@{DOMAIN}", ""), (f"theme@{DOMAIN}", "caucasus")]
    mails = send_issue(desk, tmp_path / "desk", postfix, readers).mails
    long = build_with_more_posts(desk, tmp_path / "long", posts=12, paragraphs=9)
    assert 80_000 < (long / "build" / SLUG / "email.html").stat().st_size < 102_400
    mails += send_issue(long, tmp_path / "long sent", postfix, [(f"long@{DOMAIN}", "")]).mails
    assert len(mails) == 3
    with ThreadPoolExecutor() as pool:
        verdicts = list(pool.map(lambda mail: ask_spamassassin(mail, tmp_path), mails))
    for score, rules in verdicts:
        assert score <= 0.5, rules
        assert about_the_making(rules) == []


def test_spamassassin_and_many_posts(desk: Path, postfix: Postfix, tmp_path: Path) -> None:
    many = build_with_more_posts(desk, tmp_path / "many", posts=24, paragraphs=1)
    [mail] = send_issue(many, tmp_path / "many sent", postfix, [(f"many@{DOMAIN}", "")]).mails
    score, rules = ask_spamassassin(mail, tmp_path)
    assert score <= 0.5, rules
    if about_the_making(rules) == ["HTML_SINGLET_MANY"]:
        pytest.xfail("a · alone between two links is a singlet, as in the contents; SpamAssassin minds from 21 on")
    assert about_the_making(rules) == []
