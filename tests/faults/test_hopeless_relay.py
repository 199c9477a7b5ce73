"""A relay that cannot be used before somebody changes the settings: the first attempt says so, and is the last one."""

import errno
import os
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme

from newsletter.delivery import relay_pool as site_module
from newsletter.delivery import smtp
from newsletter.delivery.relay import Relay, RelayMisconfigured, RelayUnavailable, unavailable
from newsletter.delivery.sender import Rules
from newsletter.flows.send import Sent
from newsletter.store.database import Store
from tests.databases import DATABASE, KEY, new_store
from tests.sending import ISSUE, QUICK, Desk, in_thread, make_desk
from tests.smtp_server import SmtpServer

# With a pause before it a second attempt would not come within the time that a test has.
RULES = Rules(patience_s=0, relay_pauses_s=(3600, 3600))
STARTTLS = b"250-x\r\n250 STARTTLS\r\n"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    store: Store = new_store("sqlite", tmp_path)
    yield make_desk(tmp_path, store)
    store.close()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def certified(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


# what is wrong → the server (None: none), the relay's settings, what is said
CASES: dict[str, tuple[dict[str, Any] | None, dict[str, Any], str]] = {
    "nobody listens": (None, {}, "cannot be reached: Connection refused"),
    "a name that does not exist": (None, {"host": "no.such.invalid"}, "cannot be reached: "),
    "a name that is none": (None, {"host": "a..b"}, "is no name of a host"),
    "a label that is too long": (None, {"host": f"{'a' * 64}.example"}, "is no name of a host"),
    "a banner that refuses": ({"banner": b"554 not for you\r\n"}, {}, "does not want to talk: 554"),
    "a greeting that is refused": ({"ehlo": b"550 no\r\n", "on": {"HELO": b"550 no\r\n"}}, {}, "refuses the greeting"),
    "no STARTTLS": ({}, {"security": "starttls"}, "offers no STARTTLS"),
    "STARTTLS refused": ({"ehlo": STARTTLS, "on": {"STARTTLS": b"554 no\r\n"}}, {"security": "starttls"}, "refuses STARTTLS"),
    "a server in the clear under tls": ({}, {"security": "tls"}, "does not begin TLS as it should"),
    "a certificate of another name": ({"tls": "other.example"}, {"security": "tls", "ca_file": "ca.pem"}, "no valid certificate"),
    "a certificate of nobody known": ({"tls": "127.0.0.1"}, {"security": "tls"}, "no valid certificate"),
    "a ca_file that is none": ({}, {"security": "tls", "ca_file": "none.pem"}, "cannot be used: ca_file"),
    "a login that is refused": (
        {"tls": "127.0.0.1", "ehlo": b"250-x\r\n250 AUTH PLAIN\r\n", "on": {"AUTH": b"535 5.7.8 no\r\n"}},
        {"security": "tls", "ca_file": "ca.pem", "username": "u", "password": "p"},
        "refuses the login: 535",
    ),
    "no login that we know": (
        {"tls": "127.0.0.1", "ehlo": b"250-x\r\n250 AUTH GSSAPI\r\n"},
        {"security": "tls", "ca_file": "ca.pem", "username": "u", "password": "p"},
        "offers no way to log in",
    ),
    "a login in the clear": ({}, {"username": "u", "password": "p"}, "would get the password in the clear"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_c56_what_only_a_change_can_mend_is_said_at_once(
    desk: Desk, tmp_path: Path, authority: trustme.CA, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, settings, words = CASES[case]
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    (tmp_path / "none.pem").write_text("no certificate")
    settings = dict(settings)
    if "ca_file" in settings:
        settings["ca_file"] = str(tmp_path / settings["ca_file"])
    _without_a_name_server(monkeypatch)
    said: list[str] = []
    with ExitStack() as stack:
        server = None
        if script is not None:
            tls = certified(authority, script["tls"]) if "tls" in script else None
            made = SmtpServer(**{**script, "tls": tls})
            server = stack.enter_context(in_thread(made, implicit_tls=tls is not None))
        port = server.port if server else closed_port()
        relay = replace(Relay("127.0.0.1", port, "none", timeouts=QUICK), **settings)
        sent = desk.send(relay=relay, rules=RULES, connections=3, tell=said.append)
    assert isinstance(sent.report.relay, RelayMisconfigured)
    assert words in str(sent.report.relay)
    assert said == [str(sent.report.relay)]
    assert server is None or server.connections <= 1
    assert desk.counts() == {"pending": 5}


def _without_a_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def look_up(host: Any, *rest: Any, **options: Any) -> Any:
        if str(host).endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


# --- what may mend itself -------------------------------------------------------------------------------------------


class Relays:
    """What happens to one attempt after the other; the last one goes on."""

    def __init__(self, *steps: Callable[[Relay], Exception | None]) -> None:
        self.steps = list(steps)
        self.asked = 0

    async def connect(self, relay: Relay, memory: object) -> Any:
        self.asked += 1
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if error := step(relay):
            raise error
        return await smtp.connect(relay, memory)  # type: ignore[arg-type]


def refuse(relay: Relay) -> Exception:
    return unavailable(relay, "cannot be reached: Connection refused", RelayMisconfigured)


def be_away(relay: Relay) -> Exception:
    return unavailable(relay, "does not answer in 30 s", RelayUnavailable)


def let_in(relay: Relay) -> None:
    return None


def send_with(desk: Desk, relays: Relays, monkeypatch: pytest.MonkeyPatch, **options: Any) -> tuple[Sent, list[str]]:
    monkeypatch.setattr(site_module, "connect", relays.connect)
    said: list[str] = []
    rules = Rules(patience_s=0, relay_pauses_s=(0.01,) * 5, messages_per_connection=1)
    with in_thread(SmtpServer()) as server:
        relay = Relay("127.0.0.1", server.port, "none", timeouts=QUICK)
        return desk.send(relay=relay, rules=rules, connections=1, tell=said.append, **options), said


def test_c56_a_relay_that_may_come_back_is_asked_again_and_that_is_said(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    sent, said = send_with(desk, Relays(be_away, be_away, let_in), monkeypatch)
    assert sent.books.counts == {"accepted": 5}
    assert len(said) == 1
    assert "does not answer in 30 s; it is asked again for" in said[0]


def test_c56_a_relay_that_is_restarted_in_mid_send_is_waited_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    sent, _ = send_with(desk, Relays(let_in, refuse, refuse, let_in), monkeypatch)
    assert sent.books.counts == {"accepted": 5}


def test_c56_a_relay_that_refuses_does_not_keep_another_from_its_work_and_is_named(desk: Desk) -> None:
    said: list[str] = []
    with in_thread(SmtpServer()) as server:
        relays = [
            (Relay("127.0.0.1", closed_port(), "none", timeouts=QUICK), 1),
            (Relay("127.0.0.1", server.port, "none", timeouts=QUICK), 1),
        ]
        sent = desk.send(relays=relays, rules=RULES, tell=said.append)
    assert sent.books.counts == {"accepted": 5}
    assert ["cannot be reached: Connection refused" in text for text in said] == [True]


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), RelayUnavailable),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), RelayMisconfigured),
    ],
)
def test_c56_a_name_server_that_is_away_is_asked_again_one_that_knows_no_such_name_is_not(
    failure: OSError, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    from newsletter.delivery.loop import look_at

    def look_up(*arguments: object, **options: object) -> object:
        raise failure

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(RelayUnavailable) as found:
        look_at(Relay("relay.example", 25, "none", timeouts=QUICK))
    assert type(found.value) is kind


def test_c56_a_relay_that_is_silent_is_named_while_it_is_waited_for(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site_module, "SILENCE_S", 0.05)
    said: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        quick = replace(QUICK, greeting=1)
        relay = Relay("127.0.0.1", silent.getsockname()[1], "none", timeouts=quick)
        sent = desk.send(relay=relay, rules=replace(RULES, relay_pauses_s=()), connections=1, tell=said.append)
    assert "does not answer yet; it is waited for" in said[0]
    assert "does not reply in 1 s" in str(sent.report.relay)


# --- the command ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["plain", "json"])
def test_c56_send_with_a_wrong_port_says_so_at_once(desk: Desk, tmp_path: Path, form: str) -> None:
    """Once it took 78 s: seven attempts, with pauses that grow."""
    folder = tmp_path / "copy"
    desk.store.close()
    ignore = shutil.ignore_patterns("copy", "*.lock")
    shutil.copytree(tmp_path, folder, ignore=ignore)
    assert {(folder / DATABASE).exists(), (folder / KEY).exists()} == {True}
    port = closed_port()
    environment = {
        **os.environ,
        "NEWSLETTER_SMTP__HOST": "127.0.0.1",
        "NEWSLETTER_SMTP__PORT": str(port),
        "NEWSLETTER_SMTP__SECURITY": "none",
    }
    words = [sys.executable, "-m", "newsletter", "send", ISSUE, "--yes", *(["--json"] if form == "json" else [])]
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 69
    reason = f"127.0.0.1:{port} cannot be reached: {os.strerror(errno.ECONNREFUSED)}"
    assert reason in (done.stdout if form == "json" else done.stderr)
    assert form == "json" or "correct [smtp] in newsletter.toml" in done.stderr
