"""A process that is to end waits for nobody longer than it says: 5 s for pages, 35 s for what has been sent (docs/operate.md)."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from newsletter.delivery import loop as loop_module
from newsletter.delivery.sender import Rules
from newsletter.flows import relays as relays_module
from newsletter.serve import DRAIN_S, LONGEST_STOP_S, Server
from newsletter.sources.fetch import GRACE_S as LOOK_UP_S
from newsletter.sources.fetch import POST_LIMIT_S
from newsletter.store.transactional_mail import Letter, queue_letter
from newsletter.web.server import GRACE_S
from tests.sending import in_thread
from tests.serving import THURSDAY, Desk, listening
from tests.smtp_server import SmtpServer

# Each of these waits takes five minutes or more if nothing ends it (RFC 5321, 4.5.3.2); a test that waits so long has failed.
FAR_TOO_LONG_S = 30
SILENT_AT = ("TLS", "BANNER", "EHLO", "MAIL", "RCPT", "DATA", "DOT", "NAME")


class Silence:
    """A server that says nothing more at one place, and lets it be known that it was reached."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.reached = threading.Event()

    async def _hang(self, server: SmtpServer, wire: object, argument: str) -> bytes:
        self.reached.set()
        await asyncio.sleep(3600)
        return b""

    def script(self) -> dict[str, Any]:
        # Under TLS the client speaks first, and a server that waits for its own turn is silent.
        return {"BANNER" if self.place == "TLS" else self.place: self._hang}

    def look_up(self, *arguments: object, **options: object) -> Any:
        self.reached.set()
        threading.Event().wait(120)
        raise OSError


@pytest.fixture
def drained(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fraction of a second for replies that are under way; what is not under way must not need any."""
    monkeypatch.setattr(loop_module, "SINGLE_DRAIN_S", 0.2)
    monkeypatch.setattr(relays_module, "Rules", partial(Rules, drain_s=0.2))


@pytest.fixture
def silent_relay(request: pytest.FixtureRequest, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Silence]:
    silence = Silence(request.param)
    with in_thread(SmtpServer(on=silence.script())) as server:
        security: Any = "tls" if silence.place == "TLS" else "none"
        desk.config = replace(desk.config, smtp=replace(desk.config.smtp, port=server.port, security=security))
        desk.restart()
        if silence.place == "NAME":
            monkeypatch.setattr(socket, "getaddrinfo", silence.look_up)
        yield silence


def run_and_stop(server: Server, job: Callable[[], None], reached: threading.Event) -> bool:
    """Whether a job that waits ends when the process is to end, without being given up."""
    given_up = threading.Event()
    server.give_up = given_up.set
    thread = threading.Thread(target=job, daemon=True)
    thread.start()
    assert reached.wait(FAR_TOO_LONG_S), "it never came to wait"
    server.stop()
    thread.join(FAR_TOO_LONG_S)
    assert server._alarm is not None
    server._alarm.cancel()
    return not thread.is_alive() and not given_up.is_set()


@pytest.mark.usefixtures("drained")
@pytest.mark.parametrize("silent_relay", SILENT_AT, indirect=True)
def test_c45_a_single_mail_behind_a_silent_relay_keeps_no_process(desk: Desk, silent_relay: Silence) -> None:
    with desk.store.writing() as connection:
        queue_letter(connection, Letter(kind="alert", about="2025-07-07-weekly", text="Something"), desk.clock())
    assert run_and_stop(desk.server, desk.server.send_letters, silent_relay.reached)
    (note,) = [note for note in desk.notes if note["event"] == "letter"]
    assert note["state"] == "waiting" or silent_relay.place == "DOT", "what did not go out waits for the next start"


@pytest.mark.usefixtures("drained")
@pytest.mark.parametrize("silent_relay", SILENT_AT, indirect=True)
def test_c45_an_issue_behind_a_silent_relay_keeps_no_process(desk: Desk, silent_relay: Silence) -> None:
    server = desk.server
    for moment in (THURSDAY, THURSDAY.replace(day=6, hour=5), THURSDAY.replace(day=7, hour=5)):
        desk.clock.now = moment
        server.visit_sources()
        server.keep_calendar()
    assert run_and_stop(server, server.send_due, silent_relay.reached)
    assert desk.smtp.mails == []


def test_c45_the_time_that_a_stop_has_holds_all_waits() -> None:
    """Of those that nothing ends sooner: a mail that is under way, and the call of another program (a hook)."""
    assert POST_LIMIT_S + LOOK_UP_S < DRAIN_S
    assert loop_module.SINGLE_DRAIN_S < DRAIN_S
    assert Rules().drain_s <= DRAIN_S
    assert LONGEST_STOP_S == GRACE_S + DRAIN_S + 5 <= 40


def test_c45_the_whole_process_ends_though_a_relay_is_silent(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """All jobs at once, pages too, with an open connection of a visitor who says nothing."""
    monkeypatch.setattr(loop_module, "SINGLE_DRAIN_S", 0.2)
    silence = Silence("BANNER")
    with in_thread(SmtpServer(on=silence.script())) as relay:
        desk.config = replace(desk.config, smtp=replace(desk.config.smtp, port=relay.port))
        with desk.store.writing() as connection:
            queue_letter(connection, Letter(kind="alert", about="2025-07-07-weekly", text="Something"), desk.clock())
        given_up = threading.Event()
        with listening(desk) as port, socket.create_connection(("127.0.0.1", port)) as visitor:
            desk.server.give_up = given_up.set
            visitor.sendall(b"GET / HT")
            assert silence.reached.wait(FAR_TOO_LONG_S)
        assert not given_up.is_set()
