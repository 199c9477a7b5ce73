"""Counts what was refused because a limit was reached, and says so: in the log, as a number, and in a file for `doctor`."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime

from newsletter.flows.doctor.visitor_limits import VISITOR_LIMITS
from newsletter.store.database import stamp
from newsletter.workspace.files import Workspace

# In the log once a minute for each limit: who is refused a thousand times a second does not fill it.
SAY_EVERY_S = 60.0
STATE = "limits"


class Refusals:
    """Called with the name of a limit and a network (empty: unknown). `note` gets `refused` with how often since the last."""

    def __init__(self, note: Callable[..., None], clock: Callable[[], datetime]) -> None:
        self._note, self._clock = note, clock
        self._counts: Counter[str] = Counter()
        self._last: dict[str, datetime] = {}
        self._said: dict[str, tuple[float, int]] = {}
        self._kept: dict[str, int] = {}

    def __call__(self, limit: str, network: str) -> None:
        """A limit was applied to somebody. Raises KeyError for one that nobody has explained."""
        VISITOR_LIMITS[limit]
        self._counts[limit] += 1
        self._last[limit] = self._clock()
        said_at, said = self._said.get(limit, (float("-inf"), 0))
        now = time.monotonic()
        if now - said_at >= SAY_EVERY_S:
            times = self._counts[limit] - said
            self._said[limit] = (now, self._counts[limit])
            self._note("refused", level="warning", limit=limit, times=times, network=network)

    def counts(self) -> Iterator[tuple[str, int]]:
        """Every limit, and how often it was applied since the process began."""
        return ((limit, self._counts[limit]) for limit in VISITOR_LIMITS)

    def keep(self, workspace: Workspace) -> None:
        """Write for `doctor` when each limit was applied last, and how often since the process began."""
        counts = dict(self._counts)
        if counts == self._kept:
            return
        known = workspace.recall(STATE)
        new = {limit: {"times": counts[limit], "last": stamp(moment)} for limit, moment in self._last.copy().items()}
        workspace.write_state(STATE, known | new)
        self._kept = counts
