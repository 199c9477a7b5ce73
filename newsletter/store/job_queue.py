"""Rows that wait to be done once, one by one: letters and hooks. A row that was begun and not ended is begun again later."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Table, and_, or_, select, update

from newsletter.store.database import Store, stamp

# Longer than one letter or hook can take; who began it and has not ended it by then is dead.
BEGUN_FOR = timedelta(minutes=15)
# Nothing is put off for longer than a day: what is, was written while the clock was wrong.
_LONGEST_WAIT = timedelta(days=3)


def begin_next(store: Store, table: Table, now: datetime, *, again: Any = None) -> Any:
    """The next row that is due, now begun; its `attempt` is of those before. None if nothing is due.

    Of those that were begun and not ended only such are begun `again`; all, if nothing is said.
    """
    left = table.c.state == "begun" if again is None else and_(table.c.state == "begun", again)
    in_time = or_(table.c.next_at <= stamp(now), table.c.next_at > stamp(now + _LONGEST_WAIT))
    due = (or_(table.c.state == "waiting", left), in_time)
    if not _is_any(store, table, due):
        return None  # without a write: this is asked every few seconds
    with store.writing() as connection:
        statement = select(table).where(*due).order_by(table.c.next_at, table.c.id).limit(1)
        row = connection.execute(statement.with_for_update(skip_locked=True)).first()
        if row is None:
            return None
        begun = {"state": "begun", "attempt": row.attempt + 1, "next_at": stamp(now + BEGUN_FOR)}
        connection.execute(update(table).where(table.c.id == row.id).values(begun))
        return row


def _is_any(store: Store, table: Table, due: tuple[Any, ...]) -> bool:
    with store.reading() as connection:
        return connection.execute(select(table.c.id).where(*due).limit(1)).first() is not None


def end(store: Store, table: Table, number: int, state: str, next_at: datetime) -> None:
    """What became of a row: `sent`, `failed`, or `waiting` again until `next_at`."""
    with store.writing() as connection:
        connection.execute(update(table).where(table.c.id == number).values(state=state, next_at=stamp(next_at)))
