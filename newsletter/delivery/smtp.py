"""A connection to a mail server: opened, secured, logged in, and then messages go over it.

What is decided about messages is decided in `dialogue`; here are the socket and the clock. Everything between two
messages happens in the event that brought the reply: no task is switched, nothing is awaited (speed S3).
"""

import asyncio
import socket

from newsletter.delivery.dial import open_line
from newsletter.delivery.dialogue import Dialogue, MessageFeed, Mode, Outgoing, Phase, Question, Result, TooLate
from newsletter.delivery.envelope import Extensions
from newsletter.delivery.handshake import Opening
from newsletter.delivery.relay import LoginRefused, Relay, RelayMemory, RelayUnavailable, Timeouts
from newsletter.delivery.replies import Capabilities, ProtocolFault

__all__ = [
    "Connection",
    "LoginRefused",
    "MessageFeed",
    "Mode",
    "Relay",
    "RelayMemory",
    "RelayUnavailable",
    "Timeouts",
    "connect",
]

TICK_S = 1.0  # how often a connection looks at the clock, at most
CLOSING_S = 30.0  # for the replies behind a 421, if any come


class _Nothing:
    """The feed of a connection that is not driven yet."""

    def take(self) -> Outgoing | None:
        return None

    def done(self, result: Result) -> None:
        raise AssertionError(result)


class Connection(asyncio.Protocol):
    """A connection that is ready for mail. `fault` says why it broke.

    `window` messages can be used at once: those under way, and one more, so that a body and the next envelope are one
    write. `not_after` is the time of the loop after which the last octet of a message may not be written (F6).
    """

    def __init__(self, relay: Relay, capabilities: Capabilities, memory: RelayMemory, *, secured: bool) -> None:
        self.mode = _choose_mode(relay, capabilities, memory)
        self.pipelining = self.mode >= Mode.PIPELINING
        self.window = {Mode.LOCK_STEP: 2, Mode.PIPELINING: 4, Mode.CHUNKING: max(relay.window, 1) + 2}[self.mode]
        self.fault = ""
        self._memory, self._secured, self._timeouts = memory, secured, relay.timeouts
        self._loop = asyncio.get_running_loop()
        offered = Extensions(
            size=capabilities.size if "SIZE" in capabilities else None,
            utf8="SMTPUTF8" in capabilities,
            dsn=relay.dsn and "DSN" in capabilities,
        )
        self._dialogue = Dialogue(_Nothing(), self.mode, window=relay.window, offered=offered, clock=self._loop.time)
        self._limits: dict[object, float] = {phase: relay.timeouts.of(phase) for phase in Phase}
        self._transport: asyncio.Transport | None = None
        self._over: asyncio.Future[None] | None = None
        self.gone = asyncio.Event()  # the transport has let go of the socket
        self._error: Exception | None = None
        self._lost = self._busy = False
        self._awaited: Question | None = None
        self._since = 0.0
        self._tick_s = min(TICK_S, self._timeouts.shortest / 8)
        self._alarm: asyncio.TimerHandle | None = None

    # --- driving --------------------------------------------------------------------------------------------------

    @property
    def taken(self) -> int:
        """Messages taken so far."""
        return self._dialogue.taken

    @property
    def not_after(self) -> float | None:
        """The time of the loop after which no message may be ended any more."""
        return self._dialogue.not_after

    @not_after.setter
    def not_after(self, when: float | None) -> None:
        self._dialogue.not_after = when

    async def run(self, feed: MessageFeed) -> None:
        """Send what the feed has, until the connection is gone or `finish` was called and nothing is under way.

        When it returns, or is cancelled, all that was taken has its result. Raises what the feed raised.
        """
        if not self._lost:
            self._dialogue.feed = feed
            self._over = self._loop.create_future()
            self.poke()
            try:
                await self._over
            except asyncio.CancelledError:
                self.abort()
                raise
            finally:
                self._over = None
        if self._error:
            raise self._error

    def poke(self) -> None:
        """There may be something to take now."""
        if self._busy or self._lost or self._transport is None or self._transport.is_closing():
            return
        self.data_received(b"")

    def finish(self) -> None:
        """Take no more. `run` returns when all that was taken has its result."""
        self._dialogue.finishing = True
        if not self._busy:
            self._settle()

    def close(self) -> None:
        """QUIT, without waiting for what the server says to it (D15). With something under way it is `abort`."""
        if self._lost or self._transport is None:
            return
        if not self._dialogue.is_idle:
            # What is still in a buffer would go out behind a result that says it was not sent.
            self.abort()
            return
        self._lost = True  # the reply to QUIT is no reply to nothing
        self._transport.write(b"QUIT\r\n")
        self._transport.close()
        self._stop()

    def abort(self) -> None:
        """End it now, in the middle of whatever is under way; all that was taken gets its result here."""
        self._break("the send was stopped")

    # --- events ---------------------------------------------------------------------------------------------------

    def attach(self, transport: asyncio.Transport) -> None:
        """Take over a connection that is greeted, secured and logged in."""
        self._transport = transport
        if not self._secured:
            # `resume_writing` then says when the last octet went to the kernel. (Behind TLS nobody says that.)
            transport.set_write_buffer_limits(high=0)
        sock = transport.get_extra_info("socket")
        if sock is not None:
            # Without it the last segment of a message waits 40 ms for an acknowledgement (speed A3).
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport.set_protocol(self)

    def data_received(self, data: bytes) -> None:
        """One event: replies in, results to the feed, messages from it, and at most one write."""
        if self._lost:
            return
        dialogue = self._dialogue
        self._busy = True
        try:
            parts = dialogue.receive(data)
        except ProtocolFault as fault:
            self._break(str(fault), lost_count=True)
            return
        except TooLate as late:
            self._break(str(late))
            return
        except Exception as error:  # of the feed; `run` raises it
            self._error = error
            self._break(f"the feed failed: {type(error).__name__}")
            return
        finally:
            self._busy = False
        if parts:
            self._write(parts)
        if self._alarm is None and dialogue.awaited:
            self._alarm = self._loop.call_later(self._tick_s, self._tick)
        if dialogue.closing or dialogue.finishing:
            self._settle()

    def _write(self, parts: list[bytes]) -> None:
        transport = self._transport
        assert transport is not None  # noqa: S101 - `attach` was called
        transport.write(parts[0] if len(parts) == 1 else b"".join(parts))
        # A write that failed at once leaves an empty buffer as well, but a closing transport; nothing of it was handed
        # over. Behind TLS it is not known what the kernel has, so it is taken to have it all (D10).
        if self._secured or (not transport.get_write_buffer_size() and not transport.is_closing()):
            self._dialogue.handed_over()

    def resume_writing(self) -> None:
        """The kernel has taken the last octet that was written."""
        if not self._secured:
            self._dialogue.handed_over()

    def connection_lost(self, error: Exception | None) -> None:
        """The server closed, or the network did."""
        self.gone.set()
        if not self._lost:
            self._transport = None
            self._break(type(error).__name__ if error else "the server closed the connection")

    def _settle(self) -> None:
        if self._dialogue.is_over:
            self._break("the server closes the connection (421)")
        elif self._dialogue.finishing and self._dialogue.is_idle:
            self._wake()

    def _stop(self) -> None:
        if self._alarm:
            self._alarm.cancel()
            self._alarm = None
        self._wake()

    def _wake(self) -> None:
        if self._over and not self._over.done():
            self._over.set_result(None)

    def _break(self, fault: str, *, lost_count: bool = False) -> None:
        if self._lost:
            return
        self._lost = True
        self.fault = fault
        if lost_count:
            self._memory.step_down(self.mode)
        if self._transport:
            self._transport.abort()
            if self._transport.get_write_buffer_size():
                # asyncio has dropped what was in its buffer; uvloop may still hand it over in this turn of the loop.
                self._dialogue.handed_over()
        self._dialogue.end(lost_count=lost_count)
        self._stop()

    # --- the clock ------------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        """See whether the reply that was awaited at the last tick still is. Between two ticks time costs nothing."""
        self._alarm = None
        now, awaited = self._loop.time(), self._dialogue.awaited
        if awaited is None:
            self._dialogue.careful = True  # the server may close in a pause, so the next message goes carefully (F38)
            self._awaited = None
            return
        if awaited is not self._awaited:
            self._awaited, self._since = awaited, now
        limit = self._limits.get(awaited[0], self._timeouts.command)
        if self._dialogue.closing:
            limit = min(limit, CLOSING_S)
        if now - self._since < limit:
            self._alarm = self._loop.call_later(self._tick_s, self._tick)
            return
        # Silence in the middle of an envelope that went as one: perhaps its other commands were thrown away (F36).
        within = self.pipelining and awaited[0] in (Phase.RCPT, Phase.DATA)
        self._break(f"no reply to {awaited[0]} in {limit:g} s", lost_count=within)


async def connect(relay: Relay, memory: RelayMemory | None = None) -> Connection:
    """Open, greet, secure, log in. Raises RelayUnavailable, and LoginRefused when it is we who are not wanted."""
    line = await open_line(relay)
    opening = Opening(relay, line)
    try:
        offered = await opening.run()
        assert line.transport is not None  # noqa: S101 - it has been talked over
        connection = Connection(relay, offered, memory or RelayMemory(), secured=opening.secured)
        connection.attach(line.transport)
    except BaseException:
        line.abort()
        raise
    return connection


def _choose_mode(relay: Relay, offered: Capabilities, memory: RelayMemory) -> Mode:
    able = Mode.LOCK_STEP
    if "PIPELINING" in offered:
        able = Mode.CHUNKING if "CHUNKING" in offered else Mode.PIPELINING
    return min(able, relay.best, memory.best)
