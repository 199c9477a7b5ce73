"""Faults of one connection, rows F17-F38: each against a server that does just that, octet by octet."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trustme

from newsletter.delivery.dialogue import Outgoing, Phase, Result
from newsletter.delivery.smtp import Connection, LoginRefused, Relay, RelayUnavailable, Timeouts, connect
from tests.smtp_server import EHLO, LOCK_STEP, Mail, Script, SmtpServer, Wire, serving

QUICK = Timeouts(connect=5, greeting=5, command=5, data=5, reply_to_dot=5)
MODES = pytest.mark.parametrize("ehlo", [EHLO, LOCK_STEP], ids=["pipelining", "lock-step"])


def mail(number: int, size: int = 100) -> Outgoing:
    return Outgoing(
        number, "bounce@desk.example", f"reader{number}@example.org", b"Subject: x\r\n\r\n" + b"y" * size + b"\r\n"
    )


async def stream(messages: list[Outgoing]) -> AsyncIterator[Outgoing]:
    for message in messages:
        yield message


async def opened(server: SmtpServer, **options: Any) -> Connection:
    settings: dict[str, Any] = {"security": "none", "timeouts": QUICK} | options
    return await connect(Relay("127.0.0.1", server.port, **settings))


def send(server: SmtpServer, count: int = 3, size: int = 100, **options: Any) -> list[Result]:
    """What became of `count` messages over one connection."""

    async def run() -> list[Result]:
        async with serving(server):
            connection = await opened(server, **options)
            results = [result async for result in connection.send(stream([mail(n, size) for n in range(count)]))]
            connection.close()
            await asyncio.sleep(0)
            return results

    return asyncio.run(asyncio.wait_for(run(), 20))


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
        asyncio.run(asyncio.wait_for(run(), 20))


def test_f17_nobody_listens() -> None:
    with pytest.raises(RelayUnavailable, match="cannot be reached"):
        asyncio.run(connect(Relay("127.0.0.1", 1, security="none", timeouts=QUICK)))


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
    assert len(results) in (3, 4)  # those that were taken from the source; the others stay with it


@MODES
def test_f30_a_break_in_the_middle_of_the_body_is_not_in_doubt(ehlo: bytes) -> None:
    def cut(server: SmtpServer, wire: Wire, argument: str) -> Any:
        wire.rude = True
        return None

    results = send(SmtpServer(ehlo=ehlo, on={"LINE": cut}), 1, size=30_000_000)
    assert told(results) == [(0, "unsent", "dot")]


@MODES
@pytest.mark.parametrize("keeps", [True, False], ids=["F31 taken", "F32 not taken"])
def test_f31_f32_a_break_after_the_dot_is_in_doubt_for_that_one_alone(ehlo: bytes, keeps: bool) -> None:
    def cut(server: SmtpServer, wire: Wire, argument: str) -> Any:
        if len(server.mails) < 1:
            return ...
        if keeps:
            server.mails.append(Mail("", "reader1@example.org", b""))
        return None

    server = SmtpServer(ehlo=ehlo, on={"DOT": cut})
    results = send(server, 4)
    assert told(results)[:2] == [(0, "accepted", "reply"), (1, "in_doubt", "reply")]
    assert {status for _, status, _ in told(results)[2:]} <= {"unsent"}


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


def test_phases_have_their_time() -> None:
    times = Timeouts()
    assert [times.of(phase) for phase in (Phase.MAIL, Phase.RCPT, Phase.DATA, Phase.DOT)] == [300, 300, 120, 600]
