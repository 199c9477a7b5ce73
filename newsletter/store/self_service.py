"""What readers do to themselves on the public pages: ask, confirm, narrow, pause, leave. Each is one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update

from newsletter.model import SubscriberRow
from newsletter.store.consents import Evidence, activate, record
from newsletter.store.database import Store, stamp
from newsletter.store.mailed_links import drop_links, use_link
from newsletter.store.schema import consent, letter, subscriber, suppression
from newsletter.store.subscribers import forget, suppress, suppression_reason
from newsletter.store.transactional_mail import TO_READERS, Kind, Letter, mark_answered, may_get_another, queue_letter
from newsletter.store.webhooks import NOBODY, Listeners, queue_hooks

# Who has not confirmed by then has not wanted it (security L3).
CONFIRM_WITHIN = timedelta(days=7)
# The mails of an hour are used up, whoever asks.
USED_UP = "used up"
_BY_LINK = "the mailed link"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody sent by the form: who, from which network, and under which version of our text."""

    row: SubscriberRow
    network: str
    text_version: str


class Leaving(NamedTuple):
    """Somebody who leaves, and how that is known."""

    subscriber_id: int
    source: str


def ask_to_subscribe(
    store: Store, asked: Asked, now: datetime, *, most_an_hour: float, listeners: Listeners = NOBODY
) -> str:
    """Somebody typed an address into the form → the kind of letter it gets, empty for none, USED_UP for nobody now.

    Nobody is subscribed by it. One whose address bounced or complained, or who was erased, gets nothing (T24).
    """
    row = asked.row
    with store.writing() as connection:
        _one_at_a_time(store, connection)
        # Before anything is asked of the address: the answer must not depend on it (T25).
        if _letters_since(connection, ("confirm", "already"), now - timedelta(hours=1)) >= most_an_hour:
            return USED_UP
        digest = store.key.mailbox_hash(row.canonical)
        reason = suppression_reason(store, connection, row.canonical)
        known = connection.execute(
            select(subscriber.c.id, subscriber.c.state).where(subscriber.c.canonical == row.canonical)
        ).first()
        kind: Kind = "already" if known and known.state == "active" else "confirm"
        welcome = reason in ("", "unsubscribed") and may_get_another(connection, digest, TO_READERS, now)
        if not welcome:
            return ""
        number = known.id if known else _insert_pending(connection, row, now)
        if known and known.state != "active":
            wanted = {"themes": row.themes, "language": row.language}
            connection.execute(update(subscriber).where(subscriber.c.id == number).values(wanted))
        if kind == "confirm":
            seen = {"text_version": asked.text_version, "ip": asked.network}
            record(connection, [Evidence(number, "asked", stamp(now), "the form", **seen)])
            queue_hooks(connection, listeners, "subscribed", [{"subscriber": number}], now)
        queue_letter(connection, Letter(kind=kind, subscriber_id=number, address_hash=digest), now)
        return kind


def _insert_pending(connection: Connection, row: SubscriberRow, now: datetime) -> int:
    values = {name: getattr(row, name) for name in ("address", "canonical", "name", "themes", "language", "timezone")}
    empty = dict.fromkeys(("confirmed_at", "unsubscribed_at", "tags", "attributes"), "")
    statement = insert(subscriber).values(values | empty | {"state": "pending", "created_at": stamp(now)})
    number: int = connection.execute(statement.returning(subscriber.c.id)).scalar_one()
    return number


def _letters_since(connection: Connection, kinds: Sequence[Kind], since: datetime) -> int:
    where = (letter.c.made_at > stamp(since), letter.c.kind.in_(kinds))
    return connection.execute(select(func.count()).where(*where)).scalar_one()


def ask_for_link(store: Store, canonical: str, now: datetime, *, most_an_hour: float) -> str:
    """Somebody asks for the link to their preferences → `link`, empty if no letter is sent, USED_UP for nobody now."""
    with store.writing() as connection:
        _one_at_a_time(store, connection)
        if _letters_since(connection, ("link",), now - timedelta(hours=1)) >= most_an_hour:
            return USED_UP
        digest = store.key.mailbox_hash(canonical)
        where = (subscriber.c.canonical == canonical, subscriber.c.state == "active")
        number = connection.execute(select(subscriber.c.id).where(*where)).scalar_one_or_none()
        links = (letter.c.address_hash == digest, letter.c.kind == "link", letter.c.made_at > stamp(now - _DAY))
        made = connection.execute(select(letter.c.made_at).where(*links)).scalars().all()
        had_one = len(made) >= _LINKS_A_DAY or any(one > stamp(now - _LINK_PAUSE) for one in made)
        if number is None or had_one:
            return ""
        queue_letter(connection, Letter(kind="link", subscriber_id=number, address_hash=digest), now)
        return "link"


# A link that did not arrive may be asked for again soon; a victim gets no flood.
_LINK_PAUSE, _LINKS_A_DAY, _DAY = timedelta(minutes=10), 3, timedelta(days=1)
_FORMS_LOCK = 7_115_601_992  # any number, but not the sender's


def _one_at_a_time(store: Store, connection: Connection) -> None:
    """PostgreSQL lets two read before either writes: the forms' limits would count neither. SQLite has one writer."""
    if not store.is_sqlite:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_FORMS_LOCK})")


def confirm(
    store: Store, token: str, now: datetime, *, network: str, text_version: str, listeners: Listeners = NOBODY
) -> bool:
    """The link in the confirmation was followed and its button pressed: now they are a subscriber."""
    with store.writing() as connection:
        number = use_link(connection, token, "confirm", now)
        row = _find(connection, number, lock=True)  # before the suppression is read: a complaint may be under way
        if row is None:
            return False
        digest = store.key.address_hash(row.canonical)
        lifted = (suppression.c.address_hash == digest, suppression.c.reason == "unsubscribed")
        connection.execute(delete(suppression).where(*lifted))
        if suppression_reason(store, connection, row.canonical):
            drop_links(connection, row.id)
            return False  # a complaint came in between
        evidence = Evidence(row.id, "confirmed", stamp(now), _BY_LINK, text_version=text_version, ip=network)
        activate(connection, evidence, confirmed_at=stamp(now), paused_until="")
        mark_answered(connection, store.key.mailbox_hash(row.canonical))
        queue_hooks(connection, listeners, "confirmed", [{"subscriber": row.id}], now)
        return True


def leave(store: Store, leaving: Sequence[Leaving], now: datetime, *, listeners: Listeners = NOBODY) -> int:
    """Some leave, at once; → how many were here. Those who have left already, or were erased, are no mistake (RFC 8058).

    Many in one transaction: a provider may send thousands at a time.
    """
    moment = stamp(now)
    sources = {one.subscriber_id: one.source for one in leaving}
    with store.writing() as connection:
        found = connection.execute(
            select(subscriber.c.id, subscriber.c.canonical, subscriber.c.state).where(
                subscriber.c.id.in_(sources), subscriber.c.state.in_(("active", "pending"))
            )
        ).all()
        if not found:
            return 0
        suppress(store, connection, {row.canonical: sources[row.id] for row in found}, "unsubscribed", moment)
        changes = {"state": "unsubscribed", "unsubscribed_at": moment}
        connection.execute(update(subscriber).where(subscriber.c.id.in_([row.id for row in found])).values(changes))
        record(connection, [Evidence(row.id, "unsubscribed", moment, sources[row.id]) for row in found])
        queue_hooks(connection, listeners, "unsubscribed", [{"subscriber": row.id} for row in found], now)
        return len(found)


def narrow(store: Store, subscriber_id: int, wanted: Sequence[str], source: str, now: datetime) -> bool:
    """Fewer themes, never more, and nothing is told of those before: any holder of a mail can do this (T30)."""
    with store.writing() as connection:
        row = _find(connection, subscriber_id)
        if row is None or row.state != "active":
            return False
        kept = [theme for theme in wanted if not row.themes or theme in row.themes.split()]
        if not kept:
            return False
        themes = " ".join(sorted(kept))
        connection.execute(update(subscriber).where(subscriber.c.id == subscriber_id).values(themes=themes))
        record(connection, [Evidence(subscriber_id, "themes", stamp(now), source)])
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """What a reader may set for themselves. `paused_until` is a moment, or empty."""

    themes: str = ""
    language: str = ""
    paused_until: str = ""


def read_preferences(store: Store, subscriber_id: int) -> tuple[Preferences, str] | None:
    """What they have set, and their canonical address; None if they are no subscriber (any more)."""
    with store.reading() as connection:
        row = _find(connection, subscriber_id)
        if row is None or row.state != "active":
            return None
        kept = Preferences(themes=row.themes, language=row.language, paused_until=row.paused_until)
        return kept, row.canonical


def find_address(store: Store, subscriber_id: int) -> tuple[str, str, str] | None:
    """Address, language and state of a subscriber."""
    with store.reading() as connection:
        row = _find(connection, subscriber_id)
        return (row.address, row.language, row.state) if row else None


def is_unwelcome(store: Store, subscriber_id: int) -> bool:
    """Whether no letter at all may go to them: their address bounced, or they complained."""
    with store.reading() as connection:
        row = _find(connection, subscriber_id)
        return row is None or suppression_reason(store, connection, row.canonical) not in ("", "unsubscribed")


def change_preferences(store: Store, token: str, wanted: Preferences, now: datetime) -> bool:
    """Set them, by a mailed link that is used up by it."""
    with store.writing() as connection:
        number = use_link(connection, token, "preferences", now)
        row = _find(connection, number)
        if row is None or row.state != "active":
            return False
        mark_answered(connection, store.key.mailbox_hash(row.canonical))
        values = {name: getattr(wanted, name) for name in Preferences.__slots__}
        connection.execute(update(subscriber).where(subscriber.c.id == number).values(values))
        record(connection, [Evidence(row.id, "preferences", stamp(now), _BY_LINK)])
        return True


def drop_unconfirmed(store: Store, now: datetime) -> int:
    """Forget who has not confirmed within a week → how many. Nothing was agreed to, so nothing is kept."""
    asked = select(consent.c.subscriber_id, func.max(consent.c.at).label("at")).where(consent.c.event == "asked")
    last = asked.group_by(consent.c.subscriber_id).subquery()
    with store.writing() as connection:
        late = (subscriber.c.state == "pending", last.c.at <= stamp(now - CONFIRM_WITHIN))
        found = select(subscriber.c.id).join(last, last.c.subscriber_id == subscriber.c.id).where(*late)
        numbers = connection.execute(found).scalars().all()
        # By their state once more: on PostgreSQL somebody may confirm in this very moment.
        gone = delete(subscriber).where(subscriber.c.id.in_(numbers), subscriber.c.state == "pending")
        dropped = connection.execute(gone.returning(subscriber.c.id)).scalars().all()
        connection.execute(delete(consent).where(consent.c.subscriber_id.in_(dropped)))
        return len(dropped)


def _find(connection: Connection, number: int | None, *, lock: bool = False) -> Any:
    if number is None:
        return None
    statement = select(subscriber).where(subscriber.c.id == number)
    return connection.execute(statement.with_for_update() if lock else statement).first()


def erase_by_link(store: Store, token: str, now: datetime) -> bool:
    """Erase who holds a mailed link, and use it up."""
    with store.writing() as connection:
        row = _find(connection, use_link(connection, token, "preferences", now))
        if row is not None:
            mark_answered(connection, store.key.mailbox_hash(row.canonical))
    return row is not None and forget(store, row.canonical, now)
