"""The limits where the bytes arrive, on real connections: what an attacker sends, and that nobody else notices."""

import asyncio
import socket
import struct
import time

import pytest
from starlette.responses import PlainTextResponse

from newsletter.web.connections import WireLimits
from tests.web.wire import is_closed, status_of, wait_until, wired

# What the two ends of a connection keep of bytes that nobody reads, as far as the system lets it grow.
MOST_IN_BUFFERS = 30_000_000
POST = b"POST /u/x HTTP/1.1\r\nHost: a\r\n"


def send_until_refused(connection: socket.socket, piece: bytes, most: int = 64 * 1024 * 1024) -> int:
    """Send the same again and again → the bytes that could be sent before the server closed."""
    sent = 0
    try:
        while sent < most:
            connection.sendall(piece)
            sent += len(piece)
    except OSError:
        pass
    return sent


# --- heads ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "piece", "status"),
    [
        (b"GET / HTTP/1.1\r\nX: ", b"a" * 1_000, 431),
        (b"GET / HTTP/1.1\r\n", b"a" * 1_000, 431),
        (b"GET / HTTP/1.1\r\n", b"X-A: b\r\n" * 10, 431),
        (b"GET / HTTP/1.1\r\nX: a\r\n", b" folded\r\n" * 10, 400),
        (b"GET /", b"a" * 1_000, 414),
        (b"GET /?", b"a=b&" * 250, 414),
        (b"", b"A" * 1_000, 400),
    ],
    ids=["a value", "a name", "headers", "folded lines", "an address", "a query", "a method"],
)
def test_c40_a_head_without_an_end_is_answered_and_closed(head: bytes, piece: bytes, status: int) -> None:
    with wired() as wire, wire.connect() as connection:
        connection.sendall(head)
        connection.sendall(piece * (20_000 // len(piece) + 1))
        assert status_of(connection) == status
        assert send_until_refused(connection, piece * 64) < 64 * 1024 * 1024
        assert is_closed(connection)
        assert wire.seen == []
        wait_until(lambda: wire.server.connections.held_bytes == 0)


def test_c40_an_address_of_60_mb_is_not_read() -> None:
    with wired() as wire, wire.connect() as connection:
        assert send_until_refused(connection, b"GET /" + b"a" * 65_536, 60_000_000) < MOST_IN_BUFFERS
        assert wire.refused == ["head-size"]
        assert wire.ask() == 200


@pytest.mark.parametrize(("fields", "status"), [(99, 200), (101, 431)])
def test_c40_a_hundred_headers_are_enough(fields: int, status: int) -> None:
    with wired() as wire:
        headers = b"".join(b"X-%d: y\r\n" % number for number in range(fields))
        assert wire.ask(b"GET / HTTP/1.1\r\n" + headers + b"\r\n") == status


@pytest.mark.parametrize(("size", "status"), [(16_000, 200), (17_000, 431)])
def test_c40_a_browser_with_many_cookies_is_let_in(size: int, status: int) -> None:
    with wired() as wire:
        assert wire.ask(b"GET / HTTP/1.1\r\nHost: a\r\nCookie: " + b"c" * size + b"\r\n\r\n") == status


def test_c40_trailers_without_an_end_are_not_kept() -> None:
    with wired() as wire, wire.connect() as connection:
        connection.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: ")
        send_until_refused(connection, b"a" * 4_096)
        assert is_closed(connection)
        assert wire.seen == []


def test_c40_many_requests_sent_at_once_on_one_connection_are_refused() -> None:
    with wired() as wire:
        one = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        with wire.connect() as connection:
            connection.sendall(one * 3)
            connection.shutdown(socket.SHUT_WR)
            answers = b""
            while some := connection.recv(65_536):
                answers += some
            assert answers.count(b"HTTP/1.1 200") == 3
        with wire.connect() as connection:
            connection.sendall(one * 5_000)
            assert is_closed(connection)
        assert len(wire.seen) < 30
        assert wire.refused == ["requests-at-once"]


# --- time -------------------------------------------------------------------------------------------------------------


def test_c40_a_head_that_does_not_come_is_answered_408() -> None:
    with wired(WireLimits(wait_s=0.2)) as wire, wire.connect() as silent, wire.connect() as begun:
        begun.sendall(b"GET / HTTP/1.1\r\nHost:")
        assert status_of(begun) == 408
        assert is_closed(begun)
        assert status_of(silent) == 0  # a browser opens connections to spare: nobody asked for an answer
        assert wire.seen == []


def test_c44_a_body_that_does_not_come_is_answered_408_and_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("newsletter.web.guard.BODY_SECONDS", 0.2)
    with wired() as wire:
        assert wire.ask(POST + b"Content-Length: 26\r\n\r\nList-Unsub") == 408
        assert wire.seen == []


def test_a_slow_phone_is_waited_for() -> None:
    """A byte at a time, and a pause between the head and the body: all of it in less than `wait_s`."""
    body = b"List-Unsubscribe=One-Click"
    with wired() as wire, wire.connect() as connection:
        for byte in POST + b"Content-Length: %d\r\n\r\n" % len(body) + body:
            connection.send(bytes([byte]))
            time.sleep(0.01)
        assert status_of(connection) == 200
        assert wire.seen == [("POST", "/u/x", body)]


def test_who_does_not_take_an_answer_does_not_keep_a_connection() -> None:
    with wired(WireLimits(stall_s=0.2), answer=b"x" * 30_000_000) as wire, wire.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: wire.refused == ["answer-not-taken"])
        wait_until(lambda: len(wire.server.connections) == 0)


def test_who_takes_an_answer_slowly_gets_all_of_it() -> None:
    whole = b"x" * 4_000_000
    with wired(WireLimits(stall_s=10, wait_s=0.2), answer=whole) as wire, wire.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        time.sleep(2)  # much longer than `wait_s`, and a sweep of the connections comes every second
        got = 0
        while some := connection.recv(65_536):
            got += len(some)
        assert got > len(whole)
        assert wire.refused == []


# --- connections ------------------------------------------------------------------------------------------------------


def test_c41_silent_connections_of_one_network_cost_that_network_only() -> None:
    with wired(WireLimits(connections=40, per_network=10)) as wire:
        reader = wire.connect("127.9.9.9")
        silent = [wire.connect("127.0.0.1") for _ in range(30)]
        assert all(is_closed(connection) for connection in silent[:20])
        reader.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert status_of(reader) == 200
        assert wire.ask(source="127.0.0.2") == 200  # somebody of the same network has something to ask
        assert set(wire.refused) == {"network-connections"}
        for connection in (reader, *silent):
            connection.close()


def test_c41_silent_connections_of_many_networks_make_room_for_a_reader() -> None:
    with wired(WireLimits(connections=40, per_network=10)) as wire:
        silent = [wire.connect(f"127.{number}.0.1") for number in range(1, 121)]
        assert wire.ask(source="127.200.9.9") == 200
        assert len(wire.server.connections) <= 40
        for connection in silent:
            connection.close()


def test_c41_where_all_are_at_work_the_next_one_is_told_to_come_later() -> None:
    with wired(WireLimits(connections=40, per_network=3)) as wire:
        wire.may_answer.clear()
        busy = [wire.connect() for _ in range(3)]
        for connection in busy:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: len(wire.seen) == 3)
        assert wire.ask() == 503
        wire.may_answer.set()
        assert [status_of(connection) for connection in busy] == [200] * 3
        for connection in busy:
            connection.close()


def test_behind_a_trusted_proxy_connections_are_not_counted_by_network() -> None:
    with wired(WireLimits(connections=100, per_network=3), trusted=("127.0.0.1",)) as wire:
        several = [wire.connect() for _ in range(20)]
        for connection in several:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert [status_of(connection) for connection in several] == [200] * 20
        assert wire.refused == []
        for connection in several:
            connection.close()


def test_a_thousand_readers_at_once_do_not_notice() -> None:
    async def read(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
        return answer[:12]

    async def read_all(port: int) -> list[bytes]:
        return await asyncio.gather(*(read(port) for _ in range(1_000)))

    with wired() as wire:
        assert set(asyncio.run(read_all(wire.port))) == {b"HTTP/1.1 200"}
        assert wire.refused == []


def test_a_network_that_asks_for_much_at_once_does_not_stand_before_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("newsletter.web.guard.TURNS", 2)
    with wired() as wire:
        wire.may_answer.clear()
        greedy = [wire.connect() for _ in range(6)]
        for connection in greedy:
            connection.sendall(b"GET /greedy HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: len(wire.seen) == 2)
        with wire.connect("127.9.9.9") as reader:
            reader.sendall(b"GET /reader HTTP/1.1\r\nHost: a\r\n\r\n")
            wait_until(lambda: ("GET", "/reader", b"") in wire.seen)
            assert len(wire.seen) == 3
            wire.may_answer.set()
            assert status_of(reader) == 200
        assert [status_of(connection) for connection in greedy] == [200] * 6
        for connection in greedy:
            connection.close()


def test_a_network_that_asks_too_often_waits_and_a_provider_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("newsletter.web.guard.PACE_BURST", 3)
    monkeypatch.setattr("newsletter.web.guard.PACE_PER_S", 20)
    with wired() as wire:
        assert [wire.ask() for _ in range(8)] == [200] * 8
        assert set(wire.refused) == {"network-requests"}
        wire.refused.clear()
        one_click = POST + b"Content-Length: 3\r\n\r\na=b"
        assert [wire.ask(one_click) for _ in range(20)] == [200] * 20
        assert wire.ask(source="127.9.9.9") == 200
        assert wire.refused == []


def test_requests_of_a_network_that_left_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("newsletter.web.guard.MOST_WAITING", 5)
    monkeypatch.setattr("newsletter.web.guard.TURNS", 2)
    with wired() as wire:
        wire.may_answer.clear()
        for _ in range(30):
            with wire.connect() as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                connection.shutdown(socket.SHUT_WR)
        wait_until(lambda: len(wire.notes) == 23)  # two are worked on and five wait
        assert {note["status"] for note in wire.notes} == {429}
        assert wire.ask(source="127.9.9.9", data=b"GET / HTTP/9\r\n\r\n") == 400
        wire.may_answer.set()
        wait_until(lambda: len(wire.notes) == 30)


def test_who_would_wait_too_long_is_told_to_come_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("newsletter.web.guard.PACE_BURST", 2)
    monkeypatch.setattr("newsletter.web.guard.PACE_PER_S", 0.001)
    with wired() as wire:
        assert [wire.ask() for _ in range(4)] == [200, 200, 429, 429]
        assert wire.ask(source="127.9.9.9") == 200


# --- whole requests only ----------------------------------------------------------------------------------------------


def end(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_WR)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize("leave", [end, reset, socket.socket.close], ids=["end", "reset", "close"])
@pytest.mark.parametrize(
    "request_",
    [
        b"Content-Length: 26\r\n\r\nList-Unsubscribe=One-Clic",
        b"Content-Length: 26\r\n\r\n",
        b"Content-Length: 9999\r\n\r\nList-Unsubscribe=One-Click",
        b"Transfer-Encoding: chunked\r\n\r\n1a\r\nList-Unsubscribe=One-Click",
        b"Transfer-Encoding: chunked\r\n\r\n1a\r\nList-Unsubscribe=One-Click\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n1a\r\nList-Unsubscribe=One-Click\r\n0\r\n",
        b"Content-Length: 26\r\nExpect: 100-continue\r\n\r\n",
        b"Content-Le",
    ],
)
def test_c44_a_request_that_was_cut_off_does_nothing(request_: bytes, leave: object) -> None:
    with wired() as wire:
        connection = wire.connect()
        connection.sendall(POST + request_)
        time.sleep(0.05)  # so that what was sent has arrived and is being waited on
        assert callable(leave)
        leave(connection)
        wait_until(lambda: len(wire.server.connections) == 0)
        assert wire.seen == []
        assert {note["status"] for note in wire.notes} <= {499}
        connection.close()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"Content-Length: 10\r\n\r\nList-Unsubscribe=One-Click", 400),
        (b"Content-Length: 10\r\nConnection: close\r\n\r\nList-Unsubscribe=One-Click", 400),
        (b"Content-Length: 5\r\nContent-Length: 26\r\n\r\nList-Unsubscribe=One-Click", 400),
        (b"Content-Length: 26\r\nTransfer-Encoding: chunked\r\n\r\nList-Unsubscribe=One-Click", 400),
        (b"Content-Length: -1\r\n\r\nList-Unsubscribe=One-Click", 400),
        (b"Content-Length: 0x1a\r\n\r\nList-Unsubscribe=One-Click", 400),
        (b"Transfer-Encoding: chunked\r\n\r\nzz\r\nList-Unsubscribe=One-Click\r\n0\r\n\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n\r\n5\r\nList-Unsubscribe=One-Click\r\n0\r\n\r\n", 400),
    ],
)
def test_c44_a_length_that_is_wrong_does_nothing(request_: bytes, status: int) -> None:
    with wired() as wire:
        assert wire.ask(POST + request_) == status
        time.sleep(0.05)
        assert wire.seen == []


@pytest.mark.parametrize("leave", [end, socket.socket.close], ids=["end", "close"])
def test_a_whole_request_is_done_though_nobody_waits_for_the_answer(leave: object) -> None:
    """Some mail providers send the request and close: it is the reader's wish all the same."""
    with wired() as wire:
        connection = wire.connect()
        connection.sendall(POST + b"Content-Length: 26\r\n\r\nList-Unsubscribe=One-Click")
        assert callable(leave)
        leave(connection)
        wait_until(lambda: len(wire.seen) == 1)
        connection.close()


@pytest.mark.parametrize(
    "request_",
    [
        b"Content-Length: 26\r\n\r\nList-Unsubscribe=One-Click",
        b"Content-Length: 26\r\nConnection: close\r\n\r\nList-Unsubscribe=One-Click\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nList-\r\n15\r\nUnsubscribe=One-Click\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n1a;x=y\r\nList-Unsubscribe=One-Click\r\n0\r\nX-Trailer: t\r\n\r\n",
    ],
    ids=["length", "length and a line end", "chunks", "chunks with extras"],
)
def test_every_way_to_send_a_whole_body_is_understood(request_: bytes) -> None:
    with wired() as wire:
        assert wire.ask(POST + request_) == 200
        assert wire.seen == [("POST", "/u/x", b"List-Unsubscribe=One-Click")]


@pytest.mark.parametrize("other", [b"h2c", b"websocket", b"TLS/1.0"])
def test_a_wish_for_another_protocol_is_overheard(other: bytes) -> None:
    wish = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: " + other + b"\r\nHTTP2-Settings: AAMAAABk\r\n"
    with wired() as wire:
        with wire.connect() as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n" + wish + b"\r\n")
            assert status_of(connection) == 200
            assert is_closed(connection)
        # The parser would take the body for that protocol's: better no answer than half a request.
        assert wire.ask(POST + wish + b"Content-Length: 26\r\n\r\nList-Unsubscribe=One-Click") == 400
        assert wire.seen == [("GET", "/", b"")]


def test_a_body_that_is_too_large_gets_its_answer_and_not_a_reset() -> None:
    with wired() as wire:
        assert wire.ask(POST + b"Content-Length: 300000\r\n\r\n" + b"x" * 200_000) == 413
        assert wire.ask(POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 150_000) == 413
        assert wire.seen == []


def test_every_refusal_carries_the_headers_of_all_answers() -> None:
    with wired() as wire, wire.connect() as connection:
        connection.sendall(b"GET / HTTP/9.9\r\n\r\n")
        answer = b""
        while some := connection.recv(65_536):
            answer += some
        assert answer.startswith(b"HTTP/1.1 400")
        assert b"Content-Security-Policy: default-src 'none'" in answer
        assert b"connection: close" in answer


def test_an_answer_that_comes_before_the_body_leaves_the_connection_in_use() -> None:
    with wired(WireLimits(body_bytes=100_000), app=PlainTextResponse("no", 403)) as wire, wire.connect() as connection:
        for size in (3, 90_000, 0, 5):
            connection.sendall(POST + b"Content-Length: %d\r\n\r\n" % size)
            assert status_of(connection) == 403
            connection.sendall(b"x" * size)
        connection.sendall(POST + b"Content-Length: 99999999\r\n\r\n")
        assert status_of(connection) == 403
        assert send_until_refused(connection, b"x" * 65_536, 99_999_999) < MOST_IN_BUFFERS
        assert status_of(connection) == 0  # one answer is enough
        wait_until(lambda: len(wire.server.connections) == 0)


def test_one_connection_is_used_for_many_requests() -> None:
    with wired() as wire, wire.connect() as connection:
        for _ in range(20):
            connection.sendall(POST + b"Content-Length: 3\r\n\r\na=b")
            assert status_of(connection) == 200
        assert wire.seen == [("POST", "/u/x", b"a=b")] * 20


def test_the_server_ends_though_connections_are_open() -> None:
    with wired() as wire:
        several = [wire.connect() for _ in range(10)]
        wait_until(lambda: len(wire.server.connections) == 10)
    assert len(wire.server.connections) == 0
    for connection in several:
        connection.close()
