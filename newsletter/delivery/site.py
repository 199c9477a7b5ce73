"""One relay as a send sees it: whether it answers, how many connections it bears, and when to give it up."""

import asyncio
from collections.abc import Callable, Sequence

from newsletter.delivery.relay import LoginRefused, Memory, Relay, RelayUnavailable
from newsletter.delivery.smtp import Connection, connect


class Site:
    """Opens connections to one relay. `error` says why it cannot be used, while it cannot."""

    def __init__(self, relay: Relay, connections: int, pauses_s: Sequence[float], over: asyncio.Event) -> None:
        self.relay = relay
        self.error: RelayUnavailable | None = None
        self.given_up = False
        # By AIMD: halved when the relay asks for less, one more after each connection that went well (D36).
        self.allowed = self._most = connections
        self._pauses_s, self._over = pauses_s, over
        self._memory = Memory()
        self._reachable = False
        self._door = asyncio.Lock()

    def slow_down(self) -> None:
        """The relay asked for less."""
        self.allowed = max(1, self.allowed // 2)

    def speed_up(self) -> None:
        """A whole connection went well."""
        self.allowed = min(self._most, self.allowed + 1)

    async def open(self, wanted: Callable[[], bool]) -> Connection | None:
        """A connection, or None if there is none to be had. Until the relay has answered, one at a time asks."""
        while wanted() and not self.given_up:
            if self._reachable:
                connection = await self._try_open()
            else:
                async with self._door:
                    connection = None if self._reachable else await self._knock(wanted)
            if connection:
                return connection
        return None

    async def _knock(self, wanted: Callable[[], bool]) -> Connection | None:
        """Ask a relay that may not be there, with pauses that grow; then it is given up for this pass."""
        for pause in (*self._pauses_s, None):
            if self.given_up or not wanted():
                return None
            connection = await self._try_open()
            if connection:
                return connection
            if pause is not None and not self.given_up:
                await self.rest(pause)
        self.given_up = True
        return None

    async def _try_open(self) -> Connection | None:
        try:
            connection = await connect(self.relay, self._memory)
        except RelayUnavailable as error:
            self._reachable, self.error = False, error
            # A password that is wrong is not tried again and again (F23).
            self.given_up = isinstance(error, LoginRefused)
            return None
        self._reachable, self.error = True, None
        return connection

    async def rest(self, seconds: float) -> None:
        """Wait, unless the send is over before."""
        try:
            async with asyncio.timeout(seconds):
                await self._over.wait()
        except TimeoutError:
            pass
