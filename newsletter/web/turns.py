"""Who is worked for next: each network has its own line, so that none stands before the others."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Crowded(Exception):
    """So many requests of one network wait already that one more is refused."""


class NetworkTurns:
    """At most `most` requests of one network are worked on at a time; `waiting` others wait, first come first served.

    So a network that asks for thousands of pages at once delays those of all others by `most` pages, not by thousands.
    """

    def __init__(self, most: int, waiting: int) -> None:
        self._most, self._waiting = most, waiting
        self._users: Counter[str] = Counter()
        self._free: dict[str, asyncio.Semaphore] = {}

    @asynccontextmanager
    async def of(self, network: str) -> AsyncIterator[None]:
        """A turn of this network. Raises Crowded."""
        if self._users[network] >= self._most + self._waiting:
            raise Crowded
        free = self._free.setdefault(network, asyncio.Semaphore(self._most))
        self._users[network] += 1
        try:
            async with free:
                yield
        finally:
            self._users[network] -= 1
            if not self._users[network]:
                del self._users[network], self._free[network]
