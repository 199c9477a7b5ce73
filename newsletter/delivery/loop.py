"""The door into asyncio: everything outside this folder calls these and waits."""

import asyncio
from collections.abc import Callable

from newsletter.delivery.dialogue import Outgoing, Result
from newsletter.delivery.relay import Memory, Relay
from newsletter.delivery.sender import Report, Sender
from newsletter.delivery.smtp import Connection, connect


def run_sender(sender: Sender, arm: Callable[[Callable[[], None]], None]) -> Report:
    """Run to the end. `arm` is given what to call, from a signal's handler or another thread, to stop it gently."""

    async def main() -> Report:
        loop = asyncio.get_running_loop()

        def stop() -> None:
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


def send_one(relay: Relay, message: Outgoing) -> Result:
    """One message over a connection of its own. Raises RelayUnavailable."""

    async def main() -> Result:
        connection = await connect(relay, Memory())
        feed = _Single(connection, message)
        await connection.run(feed)
        connection.close()
        await asyncio.sleep(0)
        return feed.results[0]

    with asyncio.Runner(loop_factory=_quickest_loop()) as runner:
        return runner.run(main())


def _quickest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop halves the work; nothing needs it."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
