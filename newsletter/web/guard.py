"""Around every request: whose it is, how large and slow it may be, the headers of every answer, and a line in the log."""

import asyncio
import re
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from newsletter.web.limits import Buckets, find_client, is_direct, network_of
from newsletter.web.turns import Crowded, NetworkTurns

BODY_LIMIT = 65_536
# As long as `connections.WireLimits.wait_s`: a phone with a poor connection sends a form in less.
BODY_SECONDS = 30.0
# Requests of one network that are worked on at a time; those to unsubscribe share a transaction, so more of them.
TURNS, LEAVING_TURNS = 16, 64
# What one network may ask for at once, and in a second after that; more has to wait, and the mail does not.
PACE_BURST, PACE_PER_S = 1_000, 200
# Nobody waits longer, and no more wait: a visitor who leaves does not take along what was asked for.
PACE_WAIT_S, MOST_WAITING = 5.0, 2_000
# In the log only, as other servers write it: nobody is there to get an answer.
GONE_STATUS = 499
# No script, no frame, nothing from elsewhere but pictures; a form goes to us only (security T35).
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self' https:; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "browsing-topics=()",
}
# Whatever follows these in a path is somebody's key (T36).
_SECRET_PATH = re.compile(r"/(u|p|confirm)/.+", re.DOTALL)


class Guard:
    """ASGI middleware, the outermost one.

    `refuse(status, network)` makes the answer to what is too large or too slow; `note` gets what is logged of each request:
    it names nobody. `limited(limit, network)` is called when somebody has to wait.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        base: str,
        trusted: tuple[str, ...],
        refuse: Callable[[int, str], ASGIApp],
        note: Callable[..., None] = lambda event, **fields: None,
        limited: Callable[[str, str], None] = lambda limit, network: None,
    ) -> None:
        self._limited = limited
        self._app, self._trusted, self._refuse, self._note = app, trusted, refuse, note
        self._turns, self._leaving = NetworkTurns(TURNS, MOST_WAITING), NetworkTurns(LEAVING_TURNS, MOST_WAITING)
        self._pace = Buckets(PACE_BURST, PACE_PER_S)
        self._prefix = urlsplit(base).path.rstrip("/")
        self._headers = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
        if base.startswith("https:"):
            self._headers.append((b"strict-transport-security", b"max-age=31536000"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        scope = self._prepare(scope)
        answer = _Answer(send, self._headers)
        try:
            body = await _read_body(scope, receive)
            async with await self._wait_for_turn(scope):
                await self._app(scope, _replay(body), answer)
        except _Gone:
            answer.status = GONE_STATUS
        except (_BodyTooLarge, Crowded) as error:
            status = error.status if isinstance(error, _BodyTooLarge) else 429
            await self._refuse(status, scope["network"])(scope, receive, answer)
        except Exception as error:  # Starlette has answered; what it was must not be lost
            self._note("fault", level="critical", error=type(error).__name__, where=_find_place(error))
        finally:
            route = scope.get("route")
            self._note(
                "request",
                method=scope["method"],
                route=getattr(route, "path", "") or "-",
                path=_SECRET_PATH.sub(r"/\1/…", scope["path"])[:200],
                status=answer.status,
                ms=round((time.perf_counter() - began) * 1000, 1),
                network=scope["network"],
            )

    async def _wait_for_turn(self, scope: Mapping[str, Any]) -> AbstractAsyncContextManager[None]:
        """A turn of the visitor's network, when it is its time. A network that asks for too much waits first.

        Not so a provider who unsubscribes readers, a thousand a second (RFC 8058). Raises Crowded.
        """
        network = scope["network"]
        if scope["method"] == "POST" and scope["path"].startswith("/u/"):
            return self._leaving.of(network)
        delay_s = self._pace.borrow(network, time.monotonic(), PACE_WAIT_S)
        if delay_s is None:
            raise Crowded
        if delay_s:
            self._limited("network-requests", network)
            await asyncio.sleep(delay_s)
        return self._turns.of(network)

    def _prepare(self, scope: Scope) -> dict[str, Any]:
        forwarded = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
        peer = scope["client"][0] if scope.get("client") else ""
        path = scope["path"]
        # A proxy may pass the path of publication.url on, or leave it out.
        if self._prefix and (path == self._prefix or path.startswith(f"{self._prefix}/")):
            path = path[len(self._prefix) :] or "/"
        client = find_client(peer, forwarded, self._trusted)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        direct = is_direct(peer, headers, scope.get("http_version", ""), self._trusted)
        return dict(scope) | {"path": path, "network": network_of(client), "is_direct": direct}


def _find_place(error: Exception) -> str:
    """Where in this program it happened: the last two places of the traceback."""
    frames = traceback.extract_tb(error.__traceback__)[-2:]
    return " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames))


class _Answer:
    """Adds the headers to what is sent."""

    def __init__(self, send: Send, headers: list[tuple[bytes, bytes]]) -> None:
        self._send, self._headers = send, headers
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = dict(message) | {"headers": [*message.get("headers", ()), *self._headers]}
        await self._send(message)


class _Gone(Exception):
    """The client went away before its request was whole, or what it sent did not fit together: nothing is done."""


class _BodyTooLarge(Exception):
    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status


async def _read_body(scope: Mapping[str, Any], receive: Receive) -> bytes:
    """The whole body, at most 64 KB of it in 10 s (T42): what comes after need not think of either."""
    if scope["method"] in ("GET", "HEAD"):
        return b""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _Gone  # part of a form may say the opposite of the whole (RFC 9112 8)
                body += message.get("body", b"")
                if len(body) > BODY_LIMIT:
                    raise _BodyTooLarge(413)
                if not message.get("more_body"):
                    return bytes(body)
    except TimeoutError:
        raise _BodyTooLarge(408) from None


def _replay(body: bytes) -> Receive:
    parts = [body]

    async def receive() -> Message:
        if parts:
            return {"type": "http.request", "body": parts.pop(), "more_body": False}
        await asyncio.Event().wait()  # the client is still there, as far as anybody here need know
        raise AssertionError

    return receive
