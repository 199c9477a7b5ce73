"""Rows that wait to be done once, one by one: letters and hooks. A row that was begun and not ended is begun again later."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Table, select, update

from newsletter.store.database import Store, stamp

# Longer than one letter or hook can take; who began it and has not ended it by then is dead.
BEGUN_FOR = timedelta(minutes=15)


def begin_next(store: Store, table: Table, now: datetime) -> Any:
    """The next row that is due, now begun: its `attempt` counts this one. None if nothing is due."""
    due = (table.c.state == "waiting", table.c.next_at <= stamp(now))
    with store.writing() as connection:
        statement = select(table).where(*due).order_by(table.c.next_at, table.c.id).limit(1)
        row = connection.execute(statement.with_for_update(skip_locked=True)).first()
        if row is None:
            return None
        begun = {"attempt": row.attempt + 1, "next_at": stamp(now + BEGUN_FOR)}
        connection.execute(update(table).where(table.c.id == row.id).values(begun))
        return row


def end(store: Store, table: Table, number: int, state: str, next_at: datetime) -> None:
    """What became of a row: `sent`, `failed`, or `waiting` again until `next_at`."""
    with store.writing() as connection:
        connection.execute(update(table).where(table.c.id == number).values(state=state, next_at=stamp(next_at)))
