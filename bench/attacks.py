"""What strangers do to a web server on loopback, each for some seconds in a process of its own.

`python -m bench.attacks NAME --port N --seconds S`. All come from addresses of this machine: 127.0.0.0/8 has many networks.
"""

import argparse
import contextlib
import re
import resource
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlencode

HOME = "127.0.0.1"
PIECE = 65_536
FILES = 16_384
SILENT = 3_000
STREAMS = 24
STAMP_USES = 215
FILLED_IN_S = 3.0

GET = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
POST = b"POST /u/x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"


class Attack:
    """One attack on a port, until a moment of the monotonic clock."""

    def __init__(self, port: int, until: float) -> None:
        self.port, self.until = port, until

    @property
    def goes_on(self) -> bool:
        """Whether there is time left."""
        return time.monotonic() < self.until

    def connect(self, source: str = HOME) -> socket.socket:
        """A connection from an address of this machine."""
        connection = socket.socket()
        connection.settimeout(5)
        connection.bind((source, 0))
        connection.connect(("127.0.0.1", self.port))
        return connection

    def pour(self, head: bytes, piece: bytes, count: int = STREAMS) -> None:
        """The same bytes without an end over several connections; one that is closed is opened again."""

        def stream() -> None:
            while self.goes_on:
                with contextlib.suppress(OSError), self.connect() as connection:
                    connection.sendall(head)
                    while self.goes_on:
                        connection.sendall(piece)

        threads = [threading.Thread(target=stream) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def hold(self, first: bytes, sources: Iterator[str], then: Callable[[socket.socket], None]) -> None:
        """Many connections that send something first and then next to nothing; those that are closed are opened again."""
        held: list[socket.socket] = []
        while self.goes_on:
            with contextlib.suppress(OSError):
                connection = self.connect(next(sources))
                connection.sendall(first)
                held.append(connection)
            if len(held) >= SILENT:
                time.sleep(0.5)
                held = [one for one in held if is_open(one, then)]
        for connection in held:
            connection.close()


def is_open(connection: socket.socket, then: Callable[[socket.socket], None]) -> bool:
    """Whether the server has left a connection open; `then` is done on it first."""
    try:
        then(connection)
        connection.setblocking(False)
        return connection.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        connection.settimeout(5)


def from_one() -> Iterator[str]:
    """One network."""
    while True:
        yield HOME


def from_many() -> Iterator[str]:
    """Sixty networks, of ten addresses each."""
    while True:
        yield from (f"127.{network}.0.{host}" for host in range(1, 11) for network in range(10, 70))


def do_nothing(connection: socket.socket) -> None:
    """Silence."""


def drip(connection: socket.socket) -> None:
    """A byte."""
    connection.send(b"a")


def reuse_stamp(attack: Attack) -> None:
    """One form, sent again and again with another address each time."""
    with attack.connect() as connection:
        connection.sendall(b"GET /subscribe HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        stamp = find_stamp(read_all(connection))
    time.sleep(FILLED_IN_S)
    for number in range(STAMP_USES):
        with contextlib.suppress(OSError), attack.connect() as connection:
            connection.sendall(write_form(f"stranger{number}@example.org", stamp))
            read_all(connection)


def find_stamp(page: bytes) -> str:
    """The stamp in the page of the form. Raises ValueError."""
    found = re.search(rb'name="stamp" value="([^"]+)"', page)
    if found is None:
        raise ValueError(page[:200])
    return found[1].decode()


def write_form(address: str, stamp: str) -> bytes:
    """The request of a form that was filled in."""
    body = urlencode({"address": address, "stamp": stamp}).encode()
    head = POST.replace(b"/u/x", b"/subscribe") + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    return head + body


def read_all(connection: socket.socket) -> bytes:
    """Everything until the server closes."""
    parts = []
    while part := connection.recv(PIECE):
        parts.append(part)
    return b"".join(parts)


def take_nothing(attack: Attack) -> None:
    """Feeds that are asked for and not taken."""

    def ask(connection: socket.socket) -> None:
        connection.setblocking(False)
        connection.send(GET.replace(b"GET /", b"GET /feed.xml"))

    attack.hold(GET.replace(b"GET /", b"GET /feed.xml"), from_one(), ask)


def crowd(attack: Attack) -> None:
    """Many pages at once, and ever more connections behind them."""

    def ask(connection: socket.socket) -> None:
        connection.setblocking(False)
        connection.send(GET)

    attack.hold(GET * 10, from_one(), ask)


def ask_for_pages(attack: Attack) -> None:
    """One page after the other, on two hundred connections."""

    def read() -> None:
        while attack.goes_on:
            with contextlib.suppress(OSError), attack.connect() as connection:
                while attack.goes_on:
                    connection.sendall(GET)
                    if not connection.recv(PIECE):
                        break

    threads = [threading.Thread(target=read) for _ in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


ATTACKS: dict[str, tuple[str, Callable[[Attack], None]]] = {
    "headers": ("a header without an end", lambda one: one.pour(b"GET / HTTP/1.1\r\nX: ", b"a" * PIECE)),
    "address": ("an address without an end", lambda one: one.pour(b"GET /", b"a" * PIECE)),
    "trailers": (
        "a trailer without an end",
        lambda one: one.pour(POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: ", b"a" * PIECE),
    ),
    "chunks": (
        "a body without an end",
        lambda one: one.pour(POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1000\r\n" + b"a" * 4_096 + b"\r\n"),
    ),
    "pipelined": ("requests without waiting for answers", lambda one: one.pour(b"", GET * 2_000)),
    "silent": ("3,000 silent connections of one network", lambda one: one.hold(b"", from_one(), do_nothing)),
    "networks": ("3,000 silent connections of 60 networks", lambda one: one.hold(b"", from_many(), do_nothing)),
    "half-heads": (
        "3,000 headers of 12 KB, a byte at a time",
        lambda one: one.hold(b"GET / HTTP/1.1\r\nX: " + b"a" * 12_000, from_many(), drip),
    ),
    "half-bodies": (
        "3,000 forms of 60 KB, a byte at a time",
        lambda one: one.hold(POST + b"Content-Length: 65000\r\n\r\n" + b"a" * 60_000, from_many(), drip),
    ),
    "answers": ("3,000 feeds that are not taken", take_nothing),
    "refused": ("connections while all places of the network are at work", crowd),
    "pages": ("pages, as many as one network can ask for", ask_for_pages),
    "stamp": ("one form, sent 215 times", reuse_stamp),
}


def main(arguments: Sequence[str]) -> int:
    """Run one of them."""
    parser = argparse.ArgumentParser(prog="python -m bench.attacks")
    parser.add_argument("name", choices=ATTACKS)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    options = parser.parse_args(arguments)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES, hard), hard))
    ATTACKS[options.name][1](Attack(options.port, time.monotonic() + options.seconds))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
