"""What the DNS says of a sender's domain: a good and a bad example of every rule, and the one look-up."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import dns.exception
import dns.rdata
import dns.resolver
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from newsletter.delivery.dkim import DkimKey
from newsletter.delivery.records import (
    NoAnswer,
    Resolver,
    ask_dns,
    find_dmarc,
    judge_alignment,
    judge_dkim,
    judge_dmarc,
    judge_mx,
    judge_spf,
    write_dkim_record,
)

DOMAIN = "borderlines.example"
NAME = f"s1._domainkey.{DOMAIN}"


def answering(records: Mapping[tuple[str, str], Sequence[str]]) -> Resolver:
    return lambda name, kind: records.get((name, kind), ())


# --- MX -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "has_host", "level", "words"),
    [
        (["10 mx1.borderlines.example.", "20 mx2.borderlines.example."], False, "ok", "mx1.borderlines.example, mx2"),
        ([], True, "warning", "no MX"),
        ([], False, "error", "neither MX nor address"),
        (["0 ."], False, "error", "takes no mail"),
    ],
    ids=["two", "only an address", "nothing", "null MX"],
)
def test_mx(found: list[str], has_host: bool, level: str, words: str) -> None:
    judged = judge_mx(DOMAIN, found, has_host=has_host)
    assert judged.level == level
    assert words in judged.detail
    assert bool(judged.fix) == (level != "ok")


# --- SPF ----------------------------------------------------------------------------------------------------------

TEN = " ".join(f"include:r{number}.example" for number in range(10))


@pytest.mark.parametrize(
    ("texts", "level", "words"),
    [
        (["v=spf1 include:relay.example -all"], "ok", "include:relay.example"),
        (["google-site-verification=x", "V=SPF1 ip4:192.0.2.1 ip6:2001:db8::1 ~all"], "ok", "ip4"),
        (["v=spf1 redirect=_spf.relay.example"], "ok", "redirect"),
        (["v=spf1 a/24 mx:mail.example//64 exists:%{i}.x.example exp=why.example -all"], "ok", "exists"),
        (["v=spf1 -all"], "ok", "-all"),
        ([f"v=spf1 {TEN} -all"], "ok", "r9"),
        ([f"v=spf1 {TEN} redirect=x.example -all"], "ok", "redirect"),
        ([f"v=spf1 {TEN} a -all"], "error", "11 look-ups"),
        ([f"v=spf1 {TEN} redirect=x.example"], "error", "11 look-ups"),
        ([], "error", "no SPF record"),
        (["v=spf10 -all", "spf2.0/pra -all"], "error", "no SPF record"),
        (["v=spf1 a -all", "v=spf1 mx -all"], "error", "2 SPF records"),
        (["v=spf1 a +all"], "error", "everybody"),
        (["v=spf1 a all"], "error", "everybody"),
        (["v=spf1 a ?all"], "warning", "nothing of other senders"),
        (["v=spf1 a"], "warning", "nothing of other senders"),
        (["v=spf1 includes:relay.example -all"], "error", "'includes:relay.example'"),
        (["v=spf1 192.0.2.1 -all"], "error", "'192.0.2.1'"),
    ],
)
def test_spf(texts: list[str], level: str, words: str) -> None:
    judged = judge_spf(DOMAIN, texts)
    assert judged.level == level, judged
    assert words in judged.detail
    assert judged.detail.startswith(f"{DOMAIN}: ")
    assert bool(judged.fix) == (level != "ok")


def test_all_that_is_wrong_with_a_record_is_told_at_once() -> None:
    judged = judge_spf(DOMAIN, [f"v=spf1 {TEN} mx +all"])
    assert "11 look-ups" in judged.detail
    assert "everybody" in judged.detail
    assert judged.fix.count(";") == 1


# --- DKIM ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rsa() -> RSAPrivateKey:
    return generate_rsa(65537, 2048)


@pytest.fixture(scope="module")
def key(rsa: RSAPrivateKey) -> DkimKey:
    return DkimKey(DOMAIN, "s1", "rsa-sha256", rsa)


def spki(private: Any) -> str:
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(public).decode()


def test_the_record_that_belongs_to_a_key_is_good(key: DkimKey) -> None:
    judged = judge_dkim(NAME, [write_dkim_record(key)], key)
    assert (judged.level, judged.fix) == ("ok", "")
    assert "RSA key of 2048 bits" in judged.detail


def test_an_ed25519_key_is_published_as_its_bare_octets() -> None:
    young = DkimKey(DOMAIN, "s2", "ed25519-sha256", Ed25519PrivateKey.generate())
    record = write_dkim_record(young)
    assert record.startswith("v=DKIM1; k=ed25519; p=")
    assert judge_dkim(NAME, [record], young).level == "ok"
    other = DkimKey(DOMAIN, "s2", "ed25519-sha256", Ed25519PrivateKey.generate())
    assert judge_dkim(NAME, [record], other).level == "error"


@pytest.mark.parametrize(
    ("change", "level", "words"),
    [
        (lambda record: record.replace("v=DKIM1; k=rsa; ", ""), "ok", "2048"),
        (lambda record: record[:60] + " " + record[60:], "ok", "2048"),
        (lambda record: record + "; s=email; h=sha1:sha256; t=s", "ok", "2048"),
        (lambda record: record + "; t=y:s", "warning", "t=y"),
        (lambda record: record + "; h=sha1", "error", "sha256"),
        (lambda record: record + "; s=tlsrpt", "error", "e-mail"),
        (lambda record: record.replace("DKIM1", "DKIM2"), "error", "DKIM2"),
        (lambda record: record.replace("k=rsa", "k=dsa"), "error", "k=dsa"),
        (lambda record: record.partition("p=")[0] + "p=", "error", "withdrawn"),
        (lambda record: record[:-20], "error", "no key"),
        (lambda record: "v=DKIM1; p=***", "error", "no key"),
        (lambda record: "v=DKIM1", "error", "no key"),
        (lambda record: f"v=DKIM1; p={spki(generate_private_key(SECP256R1()))}", "error", "do not know"),
        (lambda record: f"v=DKIM1; p={spki(generate_rsa(65537, 2048))}", "error", "not that of [[dkim]]"),
    ],
)
def test_a_dkim_record(key: DkimKey, change: Any, level: str, words: str) -> None:
    judged = judge_dkim(NAME, [change(write_dkim_record(key))], key)
    assert judged.level == level, judged
    assert words in judged.detail


def test_a_key_that_providers_refuse() -> None:
    short = generate_rsa(65537, 1024)  # noqa: S505 - that is what is refused
    judged = judge_dkim(NAME, [f"v=DKIM1; p={spki(short)}"], DkimKey(DOMAIN, "s1", "rsa-sha256", short))
    assert judged.level == "error"
    assert "1024 bits" in judged.detail


def test_without_a_record_its_text_is_told_and_nothing_secret(key: DkimKey) -> None:
    judged = judge_dkim(NAME, [], key)
    assert judged.level == "error"
    assert write_dkim_record(key) in judged.fix
    assert "PRIVATE" not in judged.fix
    assert judge_dkim(NAME, [], None).level == "error"


def test_two_records_under_one_name_are_none(key: DkimKey) -> None:
    assert judge_dkim(NAME, [write_dkim_record(key)] * 2, key).level == "error"


def test_without_our_key_the_record_is_judged_alone(key: DkimKey) -> None:
    assert judge_dkim(NAME, [write_dkim_record(key)], None).level == "ok"


# --- DMARC --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("records", "level", "words"),
    [
        (["v=DMARC1; p=reject; rua=mailto:d@borderlines.example"], "ok", "p=reject"),
        (["v=DMARC1;p=quarantine;pct=100;rf=afrf;ri=86400"], "ok", "p=quarantine"),
        (["v = DMARC1 ; p=reject; np=reject; psd=n"], "ok", "p=reject"),
        (["v=DMARC1; p=none"], "warning", "p=none"),
        (["v=DMARC1; p=reject; t=y"], "warning", "t=y"),
        (["v=DMARC1; p=rejekt"], "warning", "rejekt"),
        (["v=DMARC1"], "warning", "missing"),
        (["v=DMARC1; p=reject", "v=DMARC1; p=none"], "warning", "2 DMARC records"),
        ([], "warning", "no DMARC record"),
        (["v=DMARC10; p=reject"], "warning", "no DMARC record"),
    ],
)
def test_dmarc(records: list[str], level: str, words: str) -> None:
    owner, found = find_dmarc(DOMAIN, answering({(f"_dmarc.{DOMAIN}", "TXT"): records}))
    judged = judge_dmarc(DOMAIN, owner, found)
    assert judged.level == level
    assert words in judged.detail
    assert bool(judged.fix) == (level != "ok")


@pytest.mark.parametrize(
    ("record", "level"),
    [("v=DMARC1; p=reject", "ok"), ("v=DMARC1; p=reject; sp=none", "warning"), ("v=DMARC1; p=none; sp=reject", "ok")],
)
def test_a_sub_domain_has_the_policy_of_the_domain_above(record: str, level: str) -> None:
    owner, found = find_dmarc(f"news.{DOMAIN}", answering({(f"_dmarc.{DOMAIN}", "TXT"): [record]}))
    assert owner == DOMAIN
    assert judge_dmarc(f"news.{DOMAIN}", owner, found).level == level


def test_nobody_asks_the_top_of_the_dns() -> None:
    asked = []

    def resolver(name: str, kind: str) -> tuple[str, ...]:
        asked.append(name)
        return ()

    find_dmarc("a.b.example", resolver)
    assert asked == ["_dmarc.a.b.example", "_dmarc.b.example"]


# --- together -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("envelope", "signers", "level"),
    [
        (DOMAIN, [], "ok"),
        (f"bounces.{DOMAIN}", [], "ok"),
        ("relay.example", [DOMAIN], "ok"),
        ("relay.example", ["relay.example", f"news.{DOMAIN}"], "ok"),
        ("relay.example", ["relay.example"], "error"),
        ("relay.example", [], "warning"),
        (f"x{DOMAIN}", [], "warning"),
    ],
)
def test_spf_or_dkim_must_speak_for_the_domain_that_readers_see(envelope: str, signers: list[str], level: str) -> None:
    assert judge_alignment(DOMAIN, envelope, signers).level == level


def test_domains_side_by_side_belong_together() -> None:
    assert judge_alignment(f"news.{DOMAIN}", f"bounces.{DOMAIN}", []).level == "ok"


# --- the look-up --------------------------------------------------------------------------------------------------


def resolving(monkeypatch: pytest.MonkeyPatch, answer: Any) -> list[tuple[Any, ...]]:
    asked = []

    class Resolver:
        def resolve(self, name: str, kind: str, lifetime: float) -> Any:
            asked.append((name, kind, lifetime))
            if isinstance(answer, type):
                raise answer
            return answer

    monkeypatch.setattr(dns.resolver, "Resolver", Resolver)
    return asked


def test_a_text_in_pieces_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    record = dns.rdata.from_text("IN", "TXT", '"v=DKIM1; p=" "AAAA"')
    asked = resolving(monkeypatch, [record])
    assert ask_dns(NAME, "TXT") == ("v=DKIM1; p=AAAA",)
    assert asked == [(NAME, "TXT", 5.0)]


def test_other_records_are_given_as_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, [dns.rdata.from_text("IN", "MX", "10 mx.borderlines.example.")])
    assert ask_dns(DOMAIN, "MX") == ("10 mx.borderlines.example.",)


@pytest.mark.parametrize("answer", [dns.resolver.NXDOMAIN, dns.resolver.NoAnswer], ids=["no name", "no record"])
def test_that_there_is_none_is_an_answer(monkeypatch: pytest.MonkeyPatch, answer: type[Exception]) -> None:
    resolving(monkeypatch, answer)
    assert ask_dns(NAME, "TXT") == ()


@pytest.mark.parametrize(
    "answer",
    [dns.exception.Timeout, dns.resolver.NoNameservers, dns.resolver.NoResolverConfiguration, OSError],
)
def test_silence_is_no_answer(monkeypatch: pytest.MonkeyPatch, answer: type[Exception]) -> None:
    resolving(monkeypatch, answer)
    with pytest.raises(NoAnswer, match=r"s1\._domainkey"):
        ask_dns(NAME, "TXT")
