"""What became of each slot of the calendar: one row, changed only by who knows its last state. So each step happens once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, delete, select, update

from newsletter.store.database import Store, stamp
from newsletter.store.schema import slot as slots
from newsletter.store.transactional_mail import Letter, queue_letter

State = Literal["planned", "drafted", "held", "sent", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotRow:
    """A slot that is expected, or of which something became.

    `held` waits for a person, `sent` was frozen, `skipped` is over; `reason` says why.
    """

    slot: str
    edition: str
    planned_at: str
    issue: str
    state: State
    reason: str
    at: str


def find_slot(store: Store, name: str) -> SlotRow | None:
    """What became of a slot; None if nothing yet."""
    with store.reading() as connection:
        row = connection.execute(select(slots).where(slots.c.slot == name)).first()
        return SlotRow(**row._mapping) if row else None


def list_slots(
    store: Store, *, edition: str | None = None, issue: str | None = None, after: datetime | None = None
) -> list[SlotRow]:
    """Slots, oldest first: of one edition, of one issue, only those after a moment."""
    statement = select(slots).order_by(slots.c.planned_at, slots.c.slot)
    if edition is not None:
        statement = statement.where(slots.c.edition == edition)
    if issue is not None:
        statement = statement.where(slots.c.issue == issue)
    if after is not None:
        statement = statement.where(slots.c.planned_at > stamp(after))
    with store.reading() as connection:
        return [SlotRow(**row._mapping) for row in connection.execute(statement)]


def forget_slots(store: Store, names: Iterable[str]) -> None:
    """Slots that the settings do not know any more and of which nothing has become yet."""
    with store.writing() as connection:
        connection.execute(delete(slots).where(slots.c.slot.in_(list(names)), slots.c.state == "planned"))


def move_slot(store: Store, row: SlotRow, was: SlotRow | None, letters: Sequence[Letter], now: datetime) -> bool:
    """A slot's next state, and the letters that tell of it, in one transaction. False if somebody was quicker (D52)."""
    with store.writing() as connection:
        return move_slot_in(store, connection, row, was, letters, now)


def move_slot_in(
    store: Store, connection: Connection, row: SlotRow, was: SlotRow | None, letters: Sequence[Letter], now: datetime
) -> bool:
    """The same in a transaction that is open: what else is written in it happens if this does."""
    values = {name: getattr(row, name) for name in SlotRow.__slots__} | {"at": stamp(now)}
    if was is None:
        statement = store.insert(slots).values(values).on_conflict_do_nothing()
        done = connection.execute(statement).rowcount
    else:
        same = (slots.c.slot == row.slot, slots.c.state == was.state, slots.c.reason == was.reason)
        done = connection.execute(update(slots).where(*same).values(values)).rowcount
    if done:
        for letter in letters:
            queue_letter(connection, letter, now)
    return bool(done)
