"""The door into asyncio: everything outside this folder calls these and waits."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from newsletter.delivery.dialogue import Mode, Outgoing, Result
from newsletter.delivery.relay import Relay, RelayMemory
from newsletter.delivery.sender import Sender, SendReport
from newsletter.delivery.smtp import Connection, connect
from newsletter.stopping import Arm, Interrupted, never_stopped

LAST_WORDS_S = 1.0
# A single mail that is under way when the process is to end has so long for its reply; then it is given up.
SINGLE_DRAIN_S = 25.0


def run_sender(sender: Sender, arm: Arm) -> SendReport:
    """Run to the end. `arm` is given what to call, from a signal's handler or another thread, to stop it gently."""

    async def main() -> SendReport:
        loop = asyncio.get_running_loop()

        def stop() -> None:
            with suppress(RuntimeError):  # the loop has ended: there is nothing to stop
                loop.call_soon_threadsafe(sender.stop)

        arm(stop)
        return await sender.run()

    with asyncio.Runner(loop_factory=_quickest_loop()) as runner:
        return runner.run(main())


class _Single:
    """A feed of one message."""

    def __init__(self, connection: Connection, message: Outgoing) -> None:
        self._connection = connection
        self._left = [message]
        self.results: list[Result] = []

    def take(self) -> Outgoing | None:
        return self._left.pop() if self._left else None

    def done(self, result: Result) -> None:
        self.results.append(result)
        self._connection.finish()


def send_one(relay: Relay, message: Outgoing, arm: Arm = never_stopped) -> Result:
    """One message over a connection of its own. Raises RelayUnavailable, and Interrupted by what `arm` is given.

    Interrupted, a connection that is not open yet is given up at once; a message that is under way gets SINGLE_DRAIN_S for
    its reply, and then the result that the phase gives it (D10).
    """

    async def main() -> Result:
        loop = asyncio.get_running_loop()
        opening = asyncio.ensure_future(connect(relay, RelayMemory()))
        stopped = asyncio.Event()

        def give_up() -> None:
            stopped.set()
            if not opening.done():
                opening.cancel()
            elif not opening.cancelled() and not opening.exception():
                loop.call_later(SINGLE_DRAIN_S, opening.result().abort)

        def stop() -> None:
            with suppress(RuntimeError):  # the loop has ended: there is nothing to stop
                loop.call_soon_threadsafe(give_up)

        arm(stop)
        try:
            connection = await opening
        except asyncio.CancelledError:
            if stopped.is_set():
                raise Interrupted from None
            raise
        feed = _Single(connection, message)
        await connection.run(feed)
        await _hang_up(connection)
        return feed.results[0]

    with asyncio.Runner(loop_factory=_quickest_loop()) as runner:
        return runner.run(main())


async def _hang_up(connection: Connection) -> None:
    """QUIT, and a moment for the socket to close: the loop ends next. Under TLS a server may take its time."""
    connection.close()
    with suppress(TimeoutError):
        await asyncio.wait_for(connection.gone.wait(), LAST_WORDS_S)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a relay offers to us, who are logged in. `size_bytes` is its limit, 0 if it names none; `tls` e.g. TLSv1.3."""

    pipelining: bool
    chunking: bool
    size_bytes: int
    tls: str


def look_at(relay: Relay) -> Offer:
    """Connect, secure, log in, read what is offered, QUIT: no mail is begun. Raises RelayUnavailable, LoginRefused."""

    async def main() -> Offer:
        # What it can do, also where the settings do not let us use it.
        connection = await connect(replace(relay, pipelining=True, chunking=True), RelayMemory())
        secured = connection._transport.get_extra_info("ssl_object") if connection._transport else None
        offer = Offer(
            pipelining=connection.pipelining,
            chunking=connection.mode is Mode.CHUNKING,
            size_bytes=connection._dialogue._offered.size or 0,
            tls=secured.version() or "" if secured else "",
        )
        await _hang_up(connection)
        return offer

    with asyncio.Runner(loop_factory=_quickest_loop()) as runner:
        return runner.run(main())


def _quickest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop halves the work; nothing needs it."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
