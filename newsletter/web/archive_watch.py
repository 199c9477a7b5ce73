"""Looks whether an issue has gone out since, for a reader who follows its link before the calendar has shown it."""

import asyncio
import re
from collections.abc import Callable
from time import monotonic

from newsletter.errors import NewsletterError
from newsletter.web.threads import Threads

# However many ask for pages that are not there, the database is looked at so often at most; after a look that failed it is
# left to the calendar for a while, which looks and reports by itself.
LOOK_EVERY_S, REST_S = 1.0, 20.0
_OF_AN_ISSUE = re.compile(r"\d{4}-\d{2}-\d{2}-[a-z0-9-]{1,80}(?:/|\Z)")


def may_be_an_issue(path: str) -> bool:
    """Whether a path of the archive could be an issue's page."""
    return _OF_AN_ISSUE.match(path) is not None


class ArchiveWatch:
    """All who ask at the same moment share one look. `refresh` shows what has gone out."""

    def __init__(self, refresh: Callable[[], bool], threads: Threads) -> None:
        self._refresh, self._threads = refresh, threads
        self._waiting: list[asyncio.Future[None]] = []
        self._task: asyncio.Task[None] | None = None
        self._next = self._rest_until = 0.0

    async def look(self) -> None:
        """Returns after a look that was begun after this call: what was sent before it is shown then."""
        if monotonic() < self._rest_until:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        await done

    async def _work(self) -> None:
        while self._waiting:
            await asyncio.sleep(max(0.0, self._next - monotonic()))
            some, self._waiting = self._waiting, []
            try:
                await self._threads.read(self._refresh)
            except NewsletterError:  # the last good archive stays
                self._rest_until = monotonic() + REST_S
            finally:
                self._next = monotonic() + LOOK_EVERY_S
                for done in some:
                    if not done.done():
                        done.set_result(None)
