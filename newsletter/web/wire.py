"""HTTP on the wire: uvicorn's protocol, with limits where the bytes arrive, before any of them is kept.

httptools, which parses faster than h11, keeps a header until it is whole, however long it becomes, and uvicorn starts to
count at a whole request. So both are asked for less at a time here, and what is too much is answered and closed.
"""

import asyncio
import socket
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from newsletter.web.connections import Connections
from newsletter.web.limits import UNKNOWN, is_trusted, network_of

# The parser gets so many bytes at a time: no more than these come on top of a limit.
PIECE_BYTES = 4_096
# What the system keeps of an answer that was not taken yet, for one connection; it doubles the figure. So little that it
# can be seen whether a slow client takes anything at all.
SEND_BUFFER_BYTES = 65_536
# After a refusal so much of what still comes is thrown away, and the connection is closed after so long: who writes meets an
# answer, not a reset connection (RFC 9112 9.6), and who writes without an end waits with us.
LINGER_S = 1.0
LINGER_BYTES = 262_144
_BODY_HEADERS = (b"content-length", b"transfer-encoding")


class _HeadTooLarge(Exception):
    """Raised inside of the parser, which then stops."""


class WireProtocol(HttpToolsProtocol):
    """One connection. A subclass of `bind` has the connections that it is one of."""

    shared: Connections
    trusted: tuple[str, ...]
    answer_headers: tuple[tuple[str, str], ...]

    @classmethod
    def bind(
        cls, shared: Connections, trusted: tuple[str, ...], answer_headers: tuple[tuple[str, str], ...]
    ) -> type["WireProtocol"]:
        """A class for the connections of one server: uvicorn makes the objects."""
        values = {"shared": shared, "trusted": trusted, "answer_headers": answer_headers}
        return type("BoundWireProtocol", (cls,), values)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # uvicorn lets anything follow a request with `Connection: close`; here it shows that a length was wrong.
        self.parser.set_dangerous_leniencies(lenient_data_after_close=False)
        self.network, self.held = UNKNOWN, 0
        self.url = b""
        self._head: int | None = 0  # bytes of the head so far; None while no head is being read
        self._body = 0  # bytes since the head, with the marks between chunks and the trailers
        # What the parser's next error is answered with, and the limit that was reached.
        self._refusal: tuple[int, str] = (400, "")
        self._is_refused = False
        self._drained = 0
        self._left_to_send = 0
        self._taken_at = 0.0

    # --- the connection -------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take it in, if there is room."""
        super().connection_made(transport)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        peer = self.client[0] if self.client else ""
        self.network = "" if is_trusted(peer, self.trusted) else network_of(peer)
        if not self.shared.admit(self, self.loop.time()):
            # Without lingering: it is counted nowhere, and there is no descriptor to spare for it.
            self._is_refused = True
            transport.write(self._write_refusal(503))
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self.shared.leave(self)
        super().connection_lost(exc)

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """The client sends no more. A request that was whole is worked on and answered; one that was not, never is."""
        if self.cycle is None or self.cycle.response_complete or self.cycle.more_body:
            return None
        self.cycle.keep_alive = False
        return True

    def drop(self) -> None:
        """Close it at once; its request was not whole, or its answer is not taken."""
        self.transport.abort()

    def expire(self) -> None:
        """Close it because nothing whole came in time."""
        if self._head or self._is_reading_body:
            self._refuse(408, "request-time")
        elif not self._is_refused:
            self.transport.close()  # it was silent, as a browser's spare connection is: nobody expects an answer

    @property
    def is_sending(self) -> bool:
        """Whether part of an answer waits to be taken."""
        return self.transport.get_write_buffer_size() > 0

    def has_stalled(self, now: float) -> bool:
        """Whether nothing of the answer was taken for `stall_s`."""
        left = self.transport.get_write_buffer_size()
        if left == 0 or left != self._left_to_send:
            self._left_to_send, self._taken_at = left, now
        return now - self._taken_at > self.shared.limits.stall_s

    # --- what arrives ---------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Feed the parser piece by piece, and stop as soon as a limit is reached."""
        if self._is_refused:
            self._drained += len(data)
            if self._drained > LINGER_BYTES:
                self.flow.pause_reading()
            return
        self.shared.hold(self, len(data))
        for start in range(0, len(data), PIECE_BYTES):
            if self._is_refused or self.transport.is_closing():
                return
            piece = data[start : start + PIECE_BYTES]
            was_in_head, was_in_body = self._head is not None, self._is_reading_body
            super().data_received(piece)
            if self._head is not None and was_in_head:
                self._head += len(piece)
                if self._head > self.shared.limits.head_bytes:
                    self._refuse(self._head_status(), "head-size")
            elif self._is_reading_body and was_in_body:
                self._body += len(piece)
                if self._body > self.shared.limits.body_bytes:
                    self._refuse(413, "body-size")

    def on_message_begin(self) -> None:
        """A request begins."""
        if len(self.pipeline) >= self.shared.limits.pipelined:
            self._stop_parser(429, "requests-at-once")
        super().on_message_begin()
        self._head = 0
        if not self._is_answering:
            self.shared.waits(self, self.loop.time())

    def on_headers_complete(self) -> None:
        """Its head is whole."""
        limits = self.shared.limits
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > limits.head_bytes or len(self.headers) > limits.head_fields:
            self._stop_parser(self._head_status(), "head-size")
        # The parser takes whatever follows a request with `Upgrade` for another protocol, its body too. We speak no other
        # and answer as if it were not there (RFC 9110 7.8): once, and only where there is no body to be lost.
        is_upgrade = self.parser.should_upgrade()
        if is_upgrade and any(name in _BODY_HEADERS for name, _ in self.headers):
            self._stop_parser(400, "")
        self._head, self._body = None, 0
        super().on_headers_complete()
        if is_upgrade:
            self.cycle.keep_alive = False
        if not self._is_answering:
            self.shared.waits(self, self.loop.time())

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer: those come after the body, are no part of the request here, and are not kept."""
        if self._head is not None:
            super().on_header(name, value)

    def on_message_complete(self) -> None:
        """The request is whole."""
        super().on_message_complete()
        self.cycle.more_body = False  # also of one that was answered before it was whole
        if self._is_answering:
            self.shared.works(self)
        else:
            self.shared.waits(self, self.loop.time())

    def on_response_complete(self) -> None:
        """An answer was handed over; the next request may have arrived already."""
        super().on_response_complete()
        if not self._is_answering:
            self.shared.release(self)
            self.shared.waits(self, self.loop.time())

    @property
    def _is_answering(self) -> bool:
        """Whether there is a whole request that was not answered yet."""
        if self.pipeline:
            return True
        return self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body

    @property
    def _is_reading_body(self) -> bool:
        return self._head is None and self.cycle is not None and self.cycle.more_body

    # --- refusals -------------------------------------------------------------------------------------------------------

    def _head_status(self) -> int:
        """Whether it is the address that is too long (RFC 9110 15.5.15) or the headers (RFC 6585 5)."""
        return 414 if len(self.url) * 2 > self.shared.limits.head_bytes else 431

    def _stop_parser(self, status: int, limit: str) -> None:
        self._refusal = (status, limit)
        raise _HeadTooLarge

    def send_400_response(self, msg: str) -> None:
        """The parser has stopped: at what is no HTTP, or at a limit."""
        self._refuse(*self._refusal)

    def _refuse(self, status: int, limit: str = "") -> None:
        """Answer what cannot be taken, unless an answer is under way already, and close.

        A whole request in front of it that nobody works on yet is not done: what comes after it shows that its length was
        wrong (RFC 9112 6.3).
        """
        if self._is_refused:
            return
        if limit:
            self.shared.refused(limit, self.network)
        last = self.cycle
        for cycle in (last, *(cycle for cycle, _ in self.pipeline)):
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
        self.pipeline.clear()
        if last is None or not last.response_started or (last.response_complete and not last.more_body):
            self.transport.write(self._write_refusal(status))
        self._linger()

    def _write_refusal(self, status: int) -> bytes:
        text = f"{status} {HTTPStatus(status).phrase}\n"
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
        lines += [f"{name}: {value}" for name, value in self.answer_headers]
        lines += ["content-type: text/plain; charset=utf-8", f"content-length: {len(text)}", "connection: close"]
        return ("\r\n".join(lines) + "\r\n\r\n" + text).encode("ascii")

    def _linger(self) -> None:
        """Take nothing more in, and close soon."""
        self._is_refused = True
        self.shared.release(self)
        self._unset_keepalive_if_required()
        self.loop.call_later(LINGER_S, self.transport.close)
