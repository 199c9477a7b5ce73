"""Of a document with more entries than are read: the newest by date, whatever their order. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar

T = TypeVar("T")
ENTRY_LIMIT = 500  # of one document
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def choose_newest(entries: Sequence[T], dates: Sequence[datetime | None], limit: int = ENTRY_LIMIT) -> list[T]:
    """At most `limit` entries, in the document's order. One without a date counts as old as its neighbour with one.

    Where no entry has a date, nobody knows at which end the new ones stand: both ends are read.
    """
    if len(entries) <= limit:
        return list(entries)
    if not any(dates):
        return [*entries[: limit - limit // 2], *entries[len(entries) - limit // 2 :]]
    known = _fill(dates)
    newest = sorted(range(len(entries)), key=lambda place: known[place], reverse=True)[:limit]
    return [entries[place] for place in sorted(newest)]


def _fill(dates: Sequence[datetime | None]) -> list[datetime]:
    """Every date that is missing is that of the entry before; at the beginning, that of the first one that has any."""
    last = next((date for date in dates if date), _LONG_AGO)
    filled = []
    for date in dates:
        last = date or last
        filled.append(last)
    return filled
