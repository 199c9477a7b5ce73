"""Faults of one connection, rows F17-F38: each against a server that does just that, octet by octet."""

import asyncio
import base64
import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import pytest
import trustme
import uvloop

from newsletter.delivery.dialogue import Mode, Outgoing, Phase, Result, make_wire
from newsletter.delivery.smtp import Connection, LoginRefused, Relay, RelayMemory, RelayUnavailable, Timeouts, connect
from tests.smtp_server import CHUNKING, EHLO, LOCK_STEP, Mail, Script, SmtpServer, Wire, serving

T = TypeVar("T")
QUICK = Timeouts(connect=5, greeting=5, command=5, data=5, reply_to_dot=5)
MODES = pytest.mark.parametrize("ehlo", [EHLO, LOCK_STEP, CHUNKING], ids=["pipelining", "lock-step", "chunking"])
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(autouse=True, params=LOOPS)
def loop_factory(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every fault on both loops: they differ in when octets are with the kernel."""
    monkeypatch.setitem(globals(), "new_loop", LOOPS[request.param])


def new_loop() -> asyncio.AbstractEventLoop:
    raise AssertionError("without `loop_factory`")


def in_loop(main: Coroutine[Any, Any, T]) -> T:
    """Run it, with nothing left over and no exception swallowed by the loop."""
    swallowed: list[dict[str, Any]] = []

    async def run() -> T:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: swallowed.append(context))
        return await asyncio.wait_for(main, 20)

    with asyncio.Runner(loop_factory=lambda: new_loop()) as runner:
        result = runner.run(run())
    assert swallowed == []
    return result


PLAIN = b".\r\n..x\r\n.y\r\nz\r\n"


def mail(number: int, size: int = 100) -> Outgoing:
    body = (b"y" * 70 + b"\r\n") * (size // 72 + 1)
    return Outgoing(number, "bounce@desk.example", f"reader{number}@example.org", b"Subject: x\r\n\r\n" + body)


class ListFeed:
    """Messages from a list, results into a list; it finishes the connection when the list is empty."""

    def __init__(self, messages: list[Outgoing]) -> None:
        self.messages = messages
        self.results: list[Result] = []
        self.connection: Connection | None = None

    def take(self) -> Outgoing | None:
        if self.messages:
            return self.messages.pop(0)
        if self.connection:
            self.connection.finish()
        return None

    def done(self, result: Result) -> None:
        self.results.append(result)


async def opened(server: SmtpServer, memory: RelayMemory | None = None, **options: Any) -> Connection:
    settings: dict[str, Any] = {"security": "none", "timeouts": QUICK} | options
    return await connect(Relay("127.0.0.1", server.port, **settings), memory)


async def drive(connection: Connection, messages: list[Outgoing]) -> list[Result]:
    feed = ListFeed(messages)
    feed.connection = connection
    await connection.run(feed)
    connection.close()
    await asyncio.sleep(0.01)
    assert connection.taken == len(feed.results)
    return feed.results


def send(server: SmtpServer, count: int = 3, size: int = 100, **options: Any) -> list[Result]:
    """What became of `count` messages over one connection."""
    implicit_tls = options.get("security") == "tls"

    async def run() -> list[Result]:
        async with serving(server, implicit_tls=implicit_tls):
            return await drive(await opened(server, **options), [mail(n, size) for n in range(count)])

    return in_loop(run())


def told(results: list[Result]) -> list[tuple[int, str, str]]:
    return [(result.message.id, result.status, str(result.phase)) for result in results]


def taken(server: SmtpServer) -> list[str]:
    return [one.recipient for one in server.mails]


ACCEPTED = [(0, "accepted", "reply"), (1, "accepted", "reply"), (2, "accepted", "reply")]


def nth(number: int, reply: Any) -> Script:
    """Something else at the n-th time (from 0)."""
    count = iter(range(10_000))
    return lambda server, wire, argument: reply if next(count) == number else ...


@MODES
def test_everything_is_taken_once(ehlo: bytes) -> None:
    server = SmtpServer(ehlo=ehlo)
    assert told(send(server)) == ACCEPTED
    assert [(one.sender, one.recipient) for one in server.mails] == [
        ("bounce@desk.example", f"reader{n}@example.org") for n in range(3)
    ]
    assert {one.data for one in server.mails} == {mail(0).data}
    assert server.connections == 1


def test_a_body_and_the_next_envelope_are_one_write() -> None:
    server, sizes = SmtpServer(), []

    def dot(server: SmtpServer, wire: Wire, argument: str) -> Any:
        async def look() -> Any:
            await asyncio.sleep(0.05)  # whatever was written with the body is here by now
            sizes.append(bytes(wire.reader._buffer))  # type: ignore[attr-defined]
            return ...

        return look()

    server.on["DOT"] = dot
    assert told(send(server)) == ACCEPTED
    assert [buffered.count(b"MAIL FROM") for buffered in sizes] == [1, 1, 0]


# --- opening: F17-F23 -------------------------------------------------------------------------------------------------


def refused(server: SmtpServer, match: str, kind: type[RelayUnavailable] = RelayUnavailable, **options: Any) -> None:
    async def run() -> None:
        async with serving(server, implicit_tls=options.pop("implicit_tls", False)):
            await opened(server, **options)

    with pytest.raises(kind, match=match):
        in_loop(run())


def test_f17_nobody_listens() -> None:
    with pytest.raises(RelayUnavailable, match="cannot be reached"):
        in_loop(connect(Relay("127.0.0.1", 1, security="none", timeouts=QUICK)))


@pytest.mark.parametrize("banner", [b"554 no service\r\n", b"421 too busy\r\n", b"HTTP/1.1 400 Bad Request\r\n"])
def test_f18_the_banner_refuses(banner: bytes) -> None:
    refused(SmtpServer(banner=banner), "does not want to talk|closes the connection|broke off")


def test_f19_ehlo_is_unknown() -> None:
    server = SmtpServer(ehlo=b"500 what\r\n")
    assert told(send(server)) == ACCEPTED
    assert [line.split()[0] for line in server.commands[:2]] == ["EHLO", "HELO"]


def test_f20_starttls_is_missing() -> None:
    server = SmtpServer()
    refused(server, "offers no STARTTLS; nothing was sent", security="starttls", username="a", password="b")
    assert [line.split()[0] for line in server.commands] == ["EHLO"]


def test_f21_octets_after_the_220_of_starttls() -> None:
    server = SmtpServer(ehlo=b"250-x\r\n250 STARTTLS\r\n", on={"STARTTLS": b"220 go\r\n250 injected\r\n"})
    refused(server, "somebody may be in between", security="starttls")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def certified(authority: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_f22_a_certificate_of_an_unknown_authority(authority: trustme.CA, security: str) -> None:
    server = SmtpServer(ehlo=b"250-x\r\n250 STARTTLS\r\n", tls=certified(authority))
    refused(server, "no valid certificate", security=security, implicit_tls=security == "tls")
    assert all(line.split()[0] in ("EHLO", "STARTTLS") for line in server.commands)


def test_f22_a_certificate_of_another_host(authority: trustme.CA, tmp_path: Any) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    server = SmtpServer(tls=certified(authority, "other.example"))
    refused(server, "no valid certificate", security="tls", implicit_tls=True, ca_file=str(tmp_path / "ca.pem"))


@contextlib.contextmanager
def refusing_tls(context: ssl.SSLContext, *, security: str) -> Iterator[int]:
    """A server whose TLS ends with an alert. asyncio's own drops the connection before it is sent, so this is a thread."""

    def serve() -> None:
        connection, _ = listening.accept()
        with connection, contextlib.suppress(OSError):
            if security == "starttls":
                for reply in (b"220 x\r\n", b"250-x\r\n250 STARTTLS\r\n", b"220 go on\r\n"):
                    connection.sendall(reply)
                    if not reply.startswith(b"220 go"):
                        connection.recv(1000)
            context.wrap_socket(connection, server_side=True)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(10)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_c68_an_alert_of_the_server_is_no_invalid_certificate(
    authority: trustme.CA, tmp_path: Any, security: str
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = certified(authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("DHE-RSA-AES128-GCM-SHA256")  # and no parameters for it: no cipher is left
    with (
        refusing_tls(context, security=security) as port,
        pytest.raises(RelayUnavailable, match='breaks TLS off: it sends the alert "handshake failure"'),
    ):
        in_loop(connect(Relay("127.0.0.1", port, security, ca_file=str(tmp_path / "ca.pem"), timeouts=QUICK)))  # type: ignore[arg-type]


def test_c68_a_server_without_tls_is_no_invalid_certificate() -> None:
    refused(SmtpServer(), "does not begin TLS as it should: wrong version number", security="tls")


@pytest.mark.parametrize("offered", ["PLAIN", "LOGIN"])
def test_f22_a_certificate_that_is_trusted_and_a_login(authority: trustme.CA, tmp_path: Any, offered: str) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    server = SmtpServer(tls=certified(authority), ehlo=f"250-x\r\n250-STARTTLS\r\n250 AUTH {offered}\r\n".encode())
    server.on = {"AUTH": b"334 VXNlcg\r\n" if offered == "LOGIN" else b"235 welcome\r\n"}
    server.on |= {"DESK": b"334 UGFzcw\r\n", "c2VjcmV0": b"235 welcome\r\n", "ZGVzaw==": b"334 UGFzcw\r\n"}
    server.on |= {verb.upper(): reply for verb, reply in server.on.items()}
    results = send(server, security="starttls", username="desk", password="secret", ca_file=str(tmp_path / "ca.pem"))
    assert told(results) == ACCEPTED


@pytest.mark.parametrize(
    ("reply", "kind"), [(b"535 5.7.8 no\r\n", LoginRefused), (b"454 4.7.0 later\r\n", RelayUnavailable)]
)
def test_f23_the_login_is_refused(
    authority: trustme.CA, tmp_path: Any, reply: bytes, kind: type[RelayUnavailable]
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    server = SmtpServer(tls=certified(authority), ehlo=b"250-x\r\n250 AUTH PLAIN\r\n", on={"AUTH": reply})
    options = {"security": "tls", "implicit_tls": True, "username": "desk", "password": "secret"}
    refused(server, "refuses the login", kind, ca_file=str(tmp_path / "ca.pem"), **options)


def test_a_password_never_travels_in_the_clear() -> None:
    server = SmtpServer(ehlo=b"250-x\r\n250 AUTH PLAIN\r\n")
    refused(server, "in the clear", LoginRefused, username="desk", password="secret")
    assert not any("AUTH" in line for line in server.commands)
    assert "secret" not in repr(Relay("h", 1, password="secret"))


# --- transactions: F24-F39 --------------------------------------------------------------------------------------------


@MODES
@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "DOT"])
@pytest.mark.parametrize("reply", [b"450 4.2.0 later\r\n", b"550 5.1.1 nobody\r\n"], ids=["4xx", "5xx"])
def test_f24_to_f34_a_refusal_is_definite_and_the_next_mails_go_through(ehlo: bytes, verb: str, reply: bytes) -> None:
    if verb == "DATA" and ehlo == CHUNKING:
        ehlo = EHLO
    server = SmtpServer(ehlo=ehlo, on={verb: nth(1, reply)})
    results = send(server, 4)
    phase = "reply" if verb == "DOT" else verb.lower()
    assert told(results) == [(0, *ACCEPTED[0][1:]), (1, "refused", phase), (2, *ACCEPTED[0][1:]), (3, *ACCEPTED[0][1:])]
    assert results[1].reply is not None
    assert results[1].reply.enhanced in ("4.2.0", "5.1.1")
    assert taken(server) == [f"reader{n}@example.org" for n in (0, 2, 3)]


def test_f26_a_server_that_takes_data_for_a_refused_recipient() -> None:
    server = SmtpServer(on={"RCPT": nth(1, b"550 5.1.1 nobody\r\n"), "DATA": b"354 go\r\n"})
    assert [status for _, status, _ in told(send(server, 4))] == ["accepted", "refused", "accepted", "accepted"]
    assert taken(server) == [f"reader{n}@example.org" for n in (0, 2, 3)]


@MODES
def test_f28_a_limit_of_messages_per_connection_charges_nobody(ehlo: bytes) -> None:
    server = SmtpServer(ehlo=ehlo, on={"MAIL": nth(2, b"421 4.7.0 enough, come again\r\n")})
    results = send(server, 5)
    assert told(results)[:2] == ACCEPTED[:2]
    assert {status for _, status, _ in told(results)[2:]} == {"unsent"}
    assert len(results) <= (5 if ehlo == CHUNKING else 4)  # those that were taken; the others stay with their feed


@MODES
def test_f30_a_break_in_the_middle_of_the_body_is_not_in_doubt(ehlo: bytes) -> None:
    def cut(server: SmtpServer, wire: Wire, argument: str) -> Any:
        wire.rude = True
        return None

    results = send(SmtpServer(ehlo=ehlo, on={"LINE": cut}), 1, size=30_000_000)
    assert told(results) == [(0, "unsent", "dot")]


@MODES
@pytest.mark.parametrize("keeps", [True, False], ids=["F31 taken", "F32 not taken"])
def test_f31_f32_a_break_after_the_dot_is_in_doubt_for_what_was_past_it(ehlo: bytes, keeps: bool) -> None:
    def cut(server: SmtpServer, wire: Wire, argument: str) -> Any:
        if len(server.mails) < 1:
            return ...
        if keeps:
            server.mails.append(Mail("", "reader1@example.org", b""))
        return None

    server = SmtpServer(ehlo=ehlo, on={"DOT": cut})
    results = send(server, 4)
    assert told(results)[:2] == [(0, "accepted", "reply"), (1, "in_doubt", "reply")]
    # Of chunks several are under way, and each of them may have been taken.
    assert {status for _, status, _ in told(results)[2:]} <= {"in_doubt" if ehlo == CHUNKING else "unsent"}


def test_f33_a_late_reply_to_the_dot_is_waited_for() -> None:
    async def late(server: SmtpServer, wire: Wire, argument: str) -> Any:
        await asyncio.sleep(1)
        return ...

    server = SmtpServer(on={"DOT": late})
    patience = Timeouts(connect=5, greeting=5, command=0.3, data=0.3, reply_to_dot=5)
    assert told(send(server, 1, timeouts=patience)) == [(0, "accepted", "reply")]


def test_f33_no_reply_to_the_dot_is_in_doubt() -> None:
    async def never(server: SmtpServer, wire: Wire, argument: str) -> Any:
        await asyncio.sleep(2)
        return None

    impatient = Timeouts(connect=5, greeting=5, command=5, data=5, reply_to_dot=0.3)
    assert told(send(SmtpServer(on={"DOT": never}), 1, timeouts=impatient)) == [(0, "in_doubt", "reply")]


@pytest.mark.parametrize(
    "reply",
    [
        b"250 " + b"x" * 64_000 + b"\r\n",
        b"250-x\r\n" * 200 + b"250 x\r\n",
        b"what?\r\n",
        b"\r\n",
        b"250-a\r\n550 b\r\n",
        b"354 go\r\n",
        b"199 x\r\n",
    ],
    ids=["long line", "many lines", "no code", "empty", "two codes", "354 to the dot", "1xx"],
)
def test_f35_a_reply_that_is_none_ends_the_connection_by_its_phase(reply: bytes) -> None:
    results = send(SmtpServer(on={"DOT": reply}), 1)
    assert told(results) == [(0, "in_doubt", "reply")]
    results = send(SmtpServer(on={"MAIL": reply}), 1)
    assert told(results) == [(0, "unsent", "mail")]


@pytest.mark.parametrize("reply", [b"250-first\r\n250 2.0.0 second\r\n", b"250\r\n", b"250 caf\xe9\r\n", b"250 ok\n"])
def test_f35_odd_replies_that_are_replies(reply: bytes) -> None:
    assert told(send(SmtpServer(on={"MAIL": reply, "DOT": ...}))) == ACCEPTED


@pytest.mark.parametrize("verb", ["MAIL", "RCPT"])
def test_f36_a_server_that_swallows_replies_of_a_pipeline(verb: str) -> None:
    def swallow(server: SmtpServer, wire: Wire, argument: str) -> bytes:
        wire.sender = wire.sender or argument
        return b""

    server = SmtpServer(on={verb: swallow})
    quick = Timeouts(connect=5, greeting=5, command=0.3, data=0.3, reply_to_dot=0.3)
    results = send(server, 2, timeouts=quick)
    assert {status for _, status, _ in told(results)} == {"unsent"}
    assert taken(server) == []


def test_f36_more_replies_than_commands() -> None:
    results = send(SmtpServer(on={"DOT": b"250 ok\r\n250 and one more\r\n250 and more\r\n"}), 1)
    assert told(results)[0] == (0, "accepted", "reply")


def test_f38_a_server_that_closes_between_two_messages() -> None:
    server = SmtpServer(on={"MAIL": nth(1, None)})
    results = send(server, 2)
    assert told(results) == [(0, "accepted", "reply"), (1, "unsent", "mail")]


async def eventually(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.005)


@MODES
def test_f38_a_connection_that_is_closed_while_it_has_nothing_to_do_charges_nobody(ehlo: bytes) -> None:
    async def idle(server: SmtpServer, wire: Wire, argument: str) -> Any:
        asyncio.get_running_loop().call_later(0.05, wire.writer.close)
        return ...

    server = SmtpServer(ehlo=ehlo, on={"DOT": idle})

    async def run() -> tuple[list[Result], str]:
        async with serving(server):
            connection, feed = await opened(server), ListFeed([mail(0)])
            await connection.run(feed)  # nobody finishes it: it ends because the server closes
            connection.poke()
            return feed.results, connection.fault

    assert [told(results) for results, _ in [in_loop(run())]] == [ACCEPTED[:1]]


@MODES
def test_f28_the_101st_message_goes_over_another_connection(ehlo: bytes) -> None:
    server = SmtpServer(ehlo=ehlo, on={"MAIL": nth(100, b"421 4.7.0 100 messages are enough\r\n")})

    async def run() -> list[Result]:
        messages, results = [mail(n) for n in range(150)], []
        async with serving(server):
            while messages:
                done = await drive(await opened(server), messages)
                results += done
                messages += [one.message for one in done if one.status == "unsent"]
        return results

    results = in_loop(run())
    assert {one.status for one in results} == {"accepted", "unsent"}
    assert sorted(taken(server)) == sorted(f"reader{n}@example.org" for n in range(150))
    assert server.connections == 2


@MODES
def test_f37_a_server_of_one_octet_at_a_time_is_not_waited_for_for_ever(ehlo: bytes) -> None:
    async def slowly(server: SmtpServer, wire: Wire, argument: str) -> Any:
        for octet in b"250 " + b"x" * 200:
            wire.writer.write(bytes([octet]))
            await asyncio.sleep(0.02)
        return b"\r\n"

    times = Timeouts(connect=5, greeting=5, command=5, data=5, reply_to_dot=0.4)
    results = send(SmtpServer(ehlo=ehlo, on={"DOT": slowly}), 1, timeouts=times)
    assert told(results) == [(0, "in_doubt", "reply")]


@MODES
def test_f6_nothing_is_ended_after_its_time(ehlo: bytes) -> None:
    server = SmtpServer(ehlo=ehlo)

    async def run() -> tuple[list[Result], str]:
        async with serving(server):
            connection = await opened(server)
            connection.not_after = asyncio.get_running_loop().time() - 1
            return await drive(connection, [mail(0)]), connection.fault

    results, fault = in_loop(run())
    assert {one.status for one in results} == {"unsent"}
    assert (taken(server), fault) == ([], "too late for a message's last octet")


# --- chunks: RFC 3030 -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("window", [1, 3, 8])
def test_no_more_messages_are_past_their_last_octet_than_the_window(window: int) -> None:
    seen: list[int] = []

    async def look(server: SmtpServer, wire: Wire, argument: str) -> Any:
        await asyncio.sleep(0.02)  # whatever will be written before this reply is here by now
        seen.append(1 + bytes(wire.reader._buffer).count(b"BDAT"))  # type: ignore[attr-defined]
        return ...

    server = SmtpServer(ehlo=CHUNKING, on={"DOT": look})
    assert {status for _, status, _ in told(send(server, 20, window=window))} == {"accepted"}
    assert max(seen) == window
    assert len(server.mails) == 20


def test_a_chunk_carries_its_dots_as_they_are() -> None:
    async def run(server: SmtpServer) -> list[Result]:
        async with serving(server):
            return await drive(await opened(server), [Outgoing(0, "b@desk.example", "r@example.org", make_wire(PLAIN))])

    servers = [SmtpServer(ehlo=ehlo) for ehlo in (CHUNKING, EHLO)]
    assert [told(in_loop(run(server))) for server in servers] == [ACCEPTED[:1], ACCEPTED[:1]]
    assert [server.mails[0].data for server in servers] == [PLAIN, PLAIN]
    assert f"BDAT {len(PLAIN)} LAST" in servers[0].commands


@pytest.mark.parametrize("at", [0, 3])
def test_a_cut_in_the_middle_of_a_chunk_is_not_in_doubt_as_long_as_the_kernel_has_not_all(at: int) -> None:
    def cut(server: SmtpServer, wire: Wire, argument: str) -> Any:
        if len(server.mails) == at:
            wire.rude = True
            return None
        return ...

    results = send(SmtpServer(ehlo=CHUNKING, on={"LINE": cut}), at + 1, size=20_000_000)
    assert told(results)[at:] == [(at, "unsent", "dot")]


@pytest.mark.parametrize("reply", [b"503 5.5.1 out of order\r\n", b"500 what\r\n", b"502 5.5.1 no\r\n"])
def test_a_server_that_does_not_know_what_it_offered_is_asked_less_the_next_time(reply: bytes) -> None:
    server, memory = SmtpServer(ehlo=CHUNKING, on={"DOT": reply}), RelayMemory()

    async def run() -> list[tuple[Mode, set[str]]]:
        seen: list[tuple[Mode, set[str]]] = []
        async with serving(server):
            for _ in range(2):
                connection = await opened(server, memory)
                results = await drive(connection, [mail(n) for n in range(2)])
                seen.append((connection.mode, {one.status for one in results}))
                server.on.clear()
        return seen

    assert in_loop(run()) == [(Mode.CHUNKING, {"in_doubt"}), (Mode.PIPELINING, {"accepted"})]


def test_f36_from_chunks_to_a_pipeline_to_lock_step() -> None:
    server, memory = SmtpServer(ehlo=CHUNKING, on={"RCPT": b"what?\r\n"}), RelayMemory()

    async def run() -> list[Mode]:
        modes = []
        async with serving(server):
            for _ in range(4):
                connection = await opened(server, memory)
                assert {one.status for one in await drive(connection, [mail(0)])} <= {"unsent"}
                modes.append(connection.mode)
        return modes

    assert in_loop(run()) == [Mode.CHUNKING, Mode.PIPELINING, Mode.LOCK_STEP, Mode.LOCK_STEP]


def test_f36_one_step_for_connections_that_break_together() -> None:
    memory = RelayMemory()
    memory.step_down(Mode.CHUNKING)
    memory.step_down(Mode.CHUNKING)
    assert memory.best is Mode.PIPELINING


def test_f36_a_server_that_throws_the_rest_of_a_pipeline_away() -> None:
    def forget(server: SmtpServer, wire: Wire, argument: str) -> Any:
        wire.reader._buffer.clear()  # type: ignore[attr-defined]
        return ...

    server, memory = SmtpServer(on={"MAIL": forget}), RelayMemory()
    quick = Timeouts(connect=5, greeting=5, command=0.2, data=0.2, reply_to_dot=5)

    async def run() -> list[set[str]]:
        async with serving(server):
            return [
                {one.status for one in await drive(await opened(server, memory, timeouts=quick), [mail(0), mail(1)])}
                for _ in range(2)
            ]

    assert in_loop(run()) == [{"unsent"}, {"accepted"}]
    assert memory.best is Mode.LOCK_STEP


# --- driving ----------------------------------------------------------------------------------------------------------


class Counted:
    """A transport that counts what is written."""

    def __init__(self, transport: Any) -> None:
        self.transport = transport
        self.writes: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)

    def write(self, data: bytes) -> None:
        self.writes.append(len(data))
        self.transport.write(data)


@pytest.mark.parametrize("ehlo", [EHLO, CHUNKING], ids=["pipelining", "chunking"])
def test_a_message_is_one_write(ehlo: bytes) -> None:
    async def run() -> list[int]:
        async with serving(server := SmtpServer(ehlo=ehlo)):
            connection = await opened(server)
            counted = Counted(connection._transport)
            connection._transport = counted  # type: ignore[assignment]
            assert len(await drive(connection, [mail(n) for n in range(20)])) == 20
            return counted.writes[:-1]  # the last is QUIT

    assert len(in_loop(run())) <= 20 + 1  # the first envelope goes alone


@MODES
def test_a_poke_brings_what_was_not_there_before(ehlo: bytes) -> None:
    async def run() -> list[Result]:
        async with serving(server := SmtpServer(ehlo=ehlo)):
            connection, feed = await opened(server), ListFeed([])
            running = asyncio.create_task(connection.run(feed))
            for number in range(3):
                await asyncio.sleep(0.01)
                feed.messages.append(mail(number))
                connection.poke()
                await eventually(lambda: len(feed.results) > number)  # noqa: B023 - waited for here
            connection.finish()
            await running
            connection.close()
            return feed.results

    assert told(in_loop(run())) == ACCEPTED


@MODES
def test_a_send_that_is_stopped_has_a_result_for_all_it_took(ehlo: bytes) -> None:
    async def never(server: SmtpServer, wire: Wire, argument: str) -> Any:
        await asyncio.sleep(5)

    async def run(stop: Callable[[asyncio.Task[None], Connection], Any]) -> list[Result]:
        async with serving(server := SmtpServer(ehlo=ehlo, on={"DOT": never})):
            connection, feed = await opened(server), ListFeed([mail(n) for n in range(3)])
            running = asyncio.create_task(connection.run(feed))
            await eventually(lambda: any("DATA" in line or "BDAT" in line for line in server.commands))
            await asyncio.sleep(0.05)
            stop(running, connection)
            await asyncio.gather(running, return_exceptions=True)
            assert connection.taken == len(feed.results)
            return feed.results

    for stop in (
        lambda task, connection: task.cancel(),
        lambda task, connection: connection.abort(),
        lambda task, connection: connection.close(),
    ):
        results = told(in_loop(run(stop)))
        assert results[0] == (0, "in_doubt", "reply")
        assert {status for _, status, _ in results[1:]} <= {"in_doubt" if ehlo == CHUNKING else "unsent"}


@MODES
def test_a_feed_that_fails_stops_its_connection_and_tells(ehlo: bytes) -> None:
    class Failing(ListFeed):
        def take(self) -> Outgoing | None:
            if len(self.messages) == 1:
                raise RuntimeError("no more memory")
            return super().take()

    async def run() -> list[Result]:
        async with serving(server := SmtpServer(ehlo=ehlo)):
            connection, feed = await opened(server), Failing([mail(n) for n in range(3)])
            with pytest.raises(RuntimeError, match="no more memory"):
                await connection.run(feed)
            assert connection.taken == len(feed.results)
            return feed.results

    in_loop(run())


def test_windows_leave_room_for_one_that_waits() -> None:
    async def run(ehlo: bytes) -> tuple[int, bool, Mode]:
        async with serving(server := SmtpServer(ehlo=ehlo)):
            connection = await opened(server)
            connection.close()
            return connection.window, connection.pipelining, connection.mode

    assert [in_loop(run(ehlo)) for ehlo in (LOCK_STEP, EHLO, CHUNKING)] == [
        (2, False, Mode.LOCK_STEP),
        (4, True, Mode.PIPELINING),
        (10, True, Mode.CHUNKING),
    ]


@MODES
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_goes_over_tls_in_every_mode(authority: trustme.CA, tmp_path: Any, ehlo: bytes, security: str) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    offers = ehlo.replace(b"250 ", b"250-STARTTLS\r\n250 ") if ehlo != LOCK_STEP else b"250-x\r\n250 STARTTLS\r\n"
    server, memory = SmtpServer(tls=certified(authority), ehlo=offers), RelayMemory()
    options: dict[str, Any] = {"security": security, "ca_file": str(tmp_path / "ca.pem"), "memory": memory}
    results = send(server, 12, size=300_000, **options)
    assert [status for _, status, _ in told(results)] == ["accepted"] * 12
    assert {len(one.data) for one in server.mails} == {len(mail(0, 300_000).data)}
    assert memory == RelayMemory()  # the reply to QUIT, which TLS still hands over, is not taken for a loss of count


def test_what_is_behind_tls_may_have_been_sent(authority: trustme.CA, tmp_path: Any) -> None:
    """Nobody tells when the octets of a TLS connection are with the kernel: in doubt, rather than sent twice unlisted."""

    def cut(server: SmtpServer, wire: Wire, argument: str) -> Any:
        wire.rude = True
        return None

    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    server = SmtpServer(tls=certified(authority), on={"LINE": cut})
    results = send(server, 1, size=3_000_000, security="tls", ca_file=str(tmp_path / "ca.pem"))
    assert told(results) == [(0, "in_doubt", "reply")]


def test_f22_a_certificate_that_is_not_to_be_verified(authority: trustme.CA) -> None:
    server = SmtpServer(tls=certified(authority, "other.example"))
    assert told(send(server, security="tls", verify=False)) == ACCEPTED


# --- XOAUTH2 ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("good", [True, False])
def test_a_token_logs_in(authority: trustme.CA, tmp_path: Any, good: bool) -> None:
    said: list[str] = []

    def auth(server: SmtpServer, wire: Wire, argument: str) -> bytes:
        said.append(argument)
        return b"235 welcome\r\n" if good else b"334 eyJzdGF0dXMiOiI0MDEifQ==\r\n"

    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    server = SmtpServer(tls=certified(authority), ehlo=b"250-x\r\n250 AUTH PLAIN XOAUTH2\r\n")
    server.on = {"AUTH": auth, "": b"535 5.7.8 no\r\n"}
    options: dict[str, Any] = {
        "security": "tls",
        "username": "desk@x.example",
        "token": "ya29.x",
        "ca_file": str(tmp_path / "ca.pem"),
    }
    if good:
        assert told(send(server, **options)) == ACCEPTED
    else:
        refused(server, "refuses the login: 535 5.7.8", LoginRefused, implicit_tls=True, **options)
        assert server.commands[-1] == ""
    kind, _, secret = said[0].partition(" ")
    assert (kind, base64.b64decode(secret)) == ("XOAUTH2", b"user=desk@x.example\x01auth=Bearer ya29.x\x01\x01")
    assert "ya29" not in repr(Relay("h", 1, token="ya29.x"))


def test_a_token_travels_neither_in_the_clear_nor_as_a_password(authority: trustme.CA, tmp_path: Any) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    server = SmtpServer(ehlo=b"250-x\r\n250 AUTH PLAIN XOAUTH2\r\n")
    refused(server, "in the clear", LoginRefused, username="desk", token="secret")
    server = SmtpServer(tls=certified(authority), ehlo=b"250-x\r\n250 AUTH PLAIN LOGIN\r\n")
    options: dict[str, Any] = {"security": "tls", "implicit_tls": True, "ca_file": str(tmp_path / "ca.pem")}
    refused(server, "no login with a token", LoginRefused, username="desk", token="secret", **options)
    refused(server, "control characters", LoginRefused, username="desk\x01auth=x", token="secret", **options)
    refused(server, "control characters", LoginRefused, username="desk\0admin", password="secret", **options)
    assert not any("AUTH" in line for line in server.commands)


def test_phases_have_their_time() -> None:
    times = Timeouts()
    assert [times.of(phase) for phase in (Phase.MAIL, Phase.RCPT, Phase.DATA, Phase.DOT)] == [300, 300, 120, 600]
