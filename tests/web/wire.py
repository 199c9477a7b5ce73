"""A server with the limits of the wire and a small application behind it, and clients that send what they like."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import PlainTextResponse, Response

from newsletter.web.connections import WireLimits
from newsletter.web.guard import Guard
from newsletter.web.server import WebServer

LONGEST_S = 20.0


@dataclass
class Wire:
    """A server on loopback. `seen` lists the requests that the application got, `refused` the limits that were applied."""

    answer: bytes = b"hello"
    seen: list[tuple[str, str, bytes]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)
    may_answer: threading.Event = field(default_factory=threading.Event)
    server: WebServer = field(init=False)
    port: int = 0

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        self.seen.append((scope["method"], scope["path"], message.get("body", b"")))
        while not self.may_answer.is_set():
            await asyncio.sleep(0.005)
        await Response(self.answer, media_type="text/plain")(scope, receive, send)

    def connect(self, source: str = "127.0.0.1") -> socket.socket:
        """A connection from an address of this machine: 127.0.0.0/8 has many networks."""
        connection = socket.socket()
        connection.bind((source, 0))
        connection.settimeout(LONGEST_S)
        connection.connect(("127.0.0.1", self.port))
        return connection

    def ask(self, data: bytes = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", source: str = "127.0.0.1") -> int:
        """The status of the answer to one request."""
        with self.connect(source) as connection:
            connection.sendall(data)
            return status_of(connection)


def status_of(connection: socket.socket) -> int:
    """The status of the next answer; 0 if there is none, and the connection is closed."""
    head = b""
    while b"\r\n\r\n" not in head:
        try:
            some = connection.recv(65_536)
        except OSError:
            some = b""
        if not some:
            return 0
        head += some
    return int(head[9:12])


def is_closed(connection: socket.socket) -> bool:
    """Whether the server has closed it. Waits until it has."""
    try:
        while connection.recv(65_536):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


def wait_until(holds: Callable[[], bool]) -> None:
    """Until something is so that another thread makes so."""
    until = time.monotonic() + LONGEST_S
    while not holds():
        assert time.monotonic() < until, "it never came to be"
        time.sleep(0.01)


@contextmanager
def wired(
    limits: WireLimits | None = None, *, trusted: tuple[str, ...] = (), answer: bytes = b"hello", app: Any = None
) -> Iterator[Wire]:
    """A server that runs. `app` takes the place of the guard and of what is behind it."""
    wire = Wire(answer)
    wire.may_answer.set()
    guard = Guard(
        wire.app,
        base="http://borderlines.example",
        trusted=trusted,
        refuse=lambda status, network: PlainTextResponse("too much", status),
        limited=lambda limit, network: wire.refused.append(limit),
        note=lambda event, **fields: wire.notes.append({"event": event, **fields}),
    )
    wire.server = WebServer(
        app or guard,
        "127.0.0.1",
        0,
        trusted=trusted,
        limits=limits or WireLimits(),
        refused=lambda limit, network: wire.refused.append(limit),
    )
    ready = threading.Event()

    def started(port: int) -> None:
        wire.port = port
        ready.set()

    thread = threading.Thread(target=wire.server.run, args=(started,))
    thread.start()
    try:
        assert ready.wait(LONGEST_S)
        yield wire
    finally:
        wire.may_answer.set()
        wire.server.stop(at_once=True)
        thread.join(LONGEST_S)
        assert not thread.is_alive()
