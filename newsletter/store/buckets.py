"""The token buckets of one turn of the ledger: read when they are asked for, written back at its end (delivery D41)."""

from datetime import UTC, datetime
from typing import Any

from newsletter.store.limits import Limit

_READ = "SELECT tokens, at FROM bucket WHERE name = ?"
_FILL = """
    INSERT INTO bucket (name, tokens, at) VALUES (?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET tokens = excluded.tokens, at = excluded.at
"""


class TurnBuckets:
    """What may leave now. `wait` is how long until an empty bucket has something, `held_by` the name of the first of them."""

    def __init__(self, cursor: Any, now: datetime, *, lock: str) -> None:
        self._cursor, self._now = cursor, now
        self._read = _READ + lock
        self._tokens: dict[Limit, float] = {}
        self.wait: float | None = None
        self.held_by = ""

    def room(self, limit: Limit | None) -> int:
        """How many messages may leave now."""
        if limit is None:
            return 1 << 30
        if limit not in self._tokens:
            row = self._cursor.execute(self._read, (limit.name,)).fetchone()
            before = datetime.fromisoformat(row[1]) if row else datetime.min.replace(tzinfo=UTC)
            self._tokens[limit] = limit.refill(row[0] if row else 0.0, before, self._now)
        tokens = self._tokens[limit]
        if tokens < 1:
            wait = limit.wait(tokens)
            self.wait = wait if self.wait is None else min(self.wait, wait)
            self.held_by = self.held_by or limit.name
        return int(tokens)

    def spend(self, limit: Limit | None, count: int) -> None:
        """Take from a bucket."""
        if limit is not None and count:
            self._tokens[limit] -= count

    def draw(self, limit: Limit) -> bool:
        """Take one, if there is one."""
        there = self.room(limit) > 0
        self.spend(limit, int(there))
        return there

    def close(self) -> None:
        """Write the buckets back. Their time is exact: at 14/s a whole second is a message too few each time."""
        for limit, tokens in self._tokens.items():
            self._cursor.execute(_FILL, (limit.name, tokens, self._now.isoformat()))
