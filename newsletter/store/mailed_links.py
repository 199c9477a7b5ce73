"""One-time links that were mailed, kept as the hash of what is in them (security K5)."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, delete, insert, select, update

from newsletter.store.database import Store, stamp
from newsletter.store.schema import link

Purpose = Literal["confirm", "preferences"]
LIFETIMES = {"confirm": timedelta(days=7), "preferences": timedelta(hours=1)}


@dataclass(frozen=True, slots=True)
class MailedLink:
    """Whose link it is, and whether it was used. One that is too old is not found."""

    subscriber_id: int
    used: bool


def make_link(store: Store, subscriber_id: int, purpose: Purpose, now: datetime) -> str:
    """A new link's token: nobody can print it a second time."""
    token = secrets.token_urlsafe(24)
    row = {
        "hash": _hash(token),
        "subscriber_id": subscriber_id,
        "purpose": purpose,
        "expires_at": stamp(now + LIFETIMES[purpose]),
        "used_at": "",
    }
    with store.writing() as connection:
        connection.execute(delete(link).where(link.c.expires_at <= stamp(now)))
        connection.execute(insert(link), row)
    return token


def read_link(store: Store, token: str, purpose: Purpose, now: datetime) -> MailedLink | None:
    """Whose it is; None if it is not ours, too old, or for another purpose: one answer for all."""
    where = (link.c.hash == _hash(token), link.c.purpose == purpose, link.c.expires_at > stamp(now))
    with store.reading() as connection:
        row = connection.execute(select(link).where(*where)).first()
        return MailedLink(row.subscriber_id, bool(row.used_at)) if row else None


def use_link(connection: Connection, token: str, purpose: Purpose, now: datetime) -> int | None:
    """Use it up → whose it was; None if it cannot be used (any more)."""
    where = (
        link.c.hash == _hash(token),
        link.c.purpose == purpose,
        link.c.expires_at > stamp(now),
        link.c.used_at == "",
    )
    return connection.execute(
        update(link).where(*where).values(used_at=stamp(now)).returning(link.c.subscriber_id)
    ).scalar_one_or_none()


def drop_links(connection: Connection, subscriber_id: int) -> None:
    """No link of theirs works any more."""
    connection.execute(delete(link).where(link.c.subscriber_id == subscriber_id))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
