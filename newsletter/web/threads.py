"""Threads for what a page waits for: reading, writing and searching wait apart, each in a line of its own.

A page that only reads must not wait behind those that write: on SQLite they write one after the other, and another program
may hold the database for minutes. Searching is work for the processor: more than two at once would delay every page.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

READERS, WRITERS, SEARCHERS = 16, 8, 2

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """The lines of one server. Each function is called in a thread of its line and its result awaited."""

    def __init__(self) -> None:
        self._readers = ThreadPoolExecutor(READERS, "read")
        self._writers = ThreadPoolExecutor(WRITERS, "write")
        self._leavers = ThreadPoolExecutor(1, "leave")
        self._searchers = ThreadPoolExecutor(SEARCHERS, "search")

    async def read(self, call: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
        """What changes nothing in the database."""
        return await _run(self._readers, partial(call, *arguments, **options))

    async def write(self, call: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
        """What may change something in the database."""
        return await _run(self._writers, partial(call, *arguments, **options))

    async def leave(self, call: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
        """Writing down who leaves, before whom no form goes."""
        return await _run(self._leavers, partial(call, *arguments, **options))

    async def search(self, call: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
        """What reads much in memory."""
        return await _run(self._searchers, partial(call, *arguments, **options))


async def _run(line: ThreadPoolExecutor, call: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(line, call)
