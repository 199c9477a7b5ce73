"""Single mails that are no issue, waiting to be sent. How many an address may get is limited here (security T24)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, func, insert, select, update

from newsletter.store import job_queue
from newsletter.store.database import Store, stamp
from newsletter.store.schema import letter as letters

Kind = Literal["confirm", "already", "link", "review", "alert"]
TO_READERS = ("confirm", "already", "link")
# A victim of somebody who types foreign addresses into the form gets one mail a day, and three in all.
MOST_UNCONFIRMED = 3
ONE_A_DAY = timedelta(hours=24)
_COUNTED = ("waiting", "begun", "sent")  # not those that were answered, nor those that never left


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail to a subscriber, or to the editor if there is no `subscriber_id`. `about` names an issue; `text` is what to say."""

    kind: Kind
    subscriber_id: int | None = None
    address_hash: str = ""
    about: str = ""
    text: str = ""
    id: int = 0
    attempt: int = 0
    made_at: str = ""


def queue_letter(connection: Connection, letter: Letter, now: datetime) -> None:
    """Let it be sent."""
    values = {name: getattr(letter, name) for name in Letter.__slots__ if name != "id"}
    moment = stamp(now)
    connection.execute(insert(letters).values(values | {"state": "waiting", "made_at": moment, "next_at": moment}))


def may_get_another(connection: Connection, address_hash: str, kinds: tuple[str, ...], now: datetime) -> bool:
    """Whether an address has had none of these for a day, and fewer than three that it never answered."""
    mine = (letters.c.address_hash == address_hash, letters.c.kind.in_(kinds), letters.c.state.in_(_COUNTED))
    count, newest = connection.execute(
        select(func.count(), func.coalesce(func.max(letters.c.made_at), "")).where(*mine)
    ).one()
    return bool(count < MOST_UNCONFIRMED and newest <= stamp(now - ONE_A_DAY))


def mark_answered(connection: Connection, address_hash: str) -> None:
    """Its owner has followed a link in one of them: they wanted it, and may ask again."""
    mine = (letters.c.address_hash == address_hash, letters.c.state == "sent")
    connection.execute(update(letters).where(*mine).values(state="answered"))


def begin_letter(store: Store, now: datetime) -> Letter | None:
    """The next letter that is due."""
    # One to a reader that was begun and not ended may have arrived: better none, which can be asked for again, than two.
    row = job_queue.begin_next(store, letters, now, again=letters.c.kind.not_in(TO_READERS))
    if row is None:
        return None
    return Letter(**{name: getattr(row, name) for name in Letter.__slots__})


def end_letter(store: Store, letter: Letter, state: str, next_at: datetime) -> None:
    """What became of it."""
    job_queue.end(store, letters, letter.id, state, next_at)


def oldest_waiting(store: Store) -> tuple[int, str]:
    """How many letters wait, and since when the oldest of them does."""
    waiting = select(func.count(), func.coalesce(func.min(letters.c.made_at), "")).where(letters.c.state == "waiting")
    with store.reading() as connection:
        count, since = connection.execute(waiting).one()
        return count, since


def count_waiting(store: Store) -> int:
    """How many letters are yet to be sent."""
    with store.reading() as connection:
        return connection.execute(select(func.count()).where(letters.c.state == "waiting")).scalar_one()
