"""Issues that go out: frozen once, with their bytes and their audience, in one transaction."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, Text, case, cast, func, insert, literal, null, select, update

from newsletter.errors import Mistake, NothingToDo
from newsletter.model import FINAL, OPEN, DeliveryCounts
from newsletter.store.database import Store, StoreError, stamp
from newsletter.store.recipients import Choose, choose_variants, select_recipients, tally
from newsletter.store.schema import attempt, delivery, issue, subscriber, variant
from newsletter.store.webhooks import NOBODY, Listeners, queue_hooks

ALL = ""  # the choice of a reader who chose no themes: everything


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenIssue:
    """An issue as it was frozen. `state`: frozen → sending ⇄ paused → done, or cancelled; `reason` says why paused."""

    id: int
    slug: str
    edition: str
    state: str
    reason: str
    content_sha256: str
    frozen_at: str
    expires_at: str
    planned: int
    starts_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be frozen. `choose` maps a reader's themes to the variant they get, or None if nothing is for them.

    `write` gives a variant's bytes, asked for once each. `lanes` are groups of domains with a throttle of their own.
    Nothing leaves before `starts_at`: until then it can be taken back. `zones` says when it leaves to readers of a zone, if
    that is later; until then their deliveries are deferred.
    """

    slug: str
    edition: str
    choose: Choose
    write: Callable[[str], bytes]
    lanes: Sequence[Sequence[str]] = ()
    expires_at: datetime
    starts_at: datetime | None = None
    zones: Mapping[str, datetime] = field(default_factory=dict)


def reader_zones(store: Store) -> list[str]:
    """The time zones that subscribers have told, empty for those who have not."""
    with store.reading() as connection:
        return list(connection.execute(select(subscriber.c.timezone).distinct()).scalars())


def find_issue(store: Store, slug: str) -> FrozenIssue | None:
    """The frozen issue of that name."""
    with store.reading() as connection:
        row = connection.execute(select(issue).where(issue.c.slug == slug)).first()
        return FrozenIssue(**row._mapping) if row else None


def frozen_issues(store: Store, *, states: Sequence[str] = ()) -> list[FrozenIssue]:
    """All of them, or those in some states, oldest first."""
    statement = select(issue).order_by(issue.c.id)
    if states:
        statement = statement.where(issue.c.state.in_(states))
    with store.reading() as connection:
        return [FrozenIssue(**row._mapping) for row in connection.execute(statement)]


def freeze(
    store: Store, plan: Plan, now: datetime, *, first: Callable[[Connection], object] = lambda connection: None
) -> FrozenIssue:
    """Store the bytes and plan one delivery for each reader; whole or not at all. Frozen already: that one, unchanged.

    `first` is done before in the same transaction; what it raises stops everything.
    """
    with store.writing() as connection:
        if not store.is_sqlite:
            # Whoever comes or leaves meanwhile is not seen: else those counted are not those planned.
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        known = connection.execute(select(issue).where(issue.c.slug == plan.slug)).first()
        if known:
            return FrozenIssue(**known._mapping)
        first(connection)
        choices, expected = choose_variants(connection, plan.choose, now)
        if not expected:
            raise NothingToDo(
                Mistake(
                    code="NL095", message=f"nobody wants a section of {plan.slug}", help="newsletter subscribers list"
                )
            )
        numbers = {name: number for number, name in enumerate(sorted(expected))}
        messages = {name: plan.write(name) for name in numbers}
        number = connection.execute(
            insert(issue)
            .values(
                slug=plan.slug,
                edition=plan.edition,
                state="frozen",
                reason="",
                content_sha256=hash_messages(messages),
                frozen_at=stamp(now),
                expires_at=stamp(plan.expires_at),
                planned=sum(expected.values()),
                starts_at=stamp(plan.starts_at) if plan.starts_at else "",
            )
            .returning(issue.c.id)
        ).scalar_one()
        for name, message in messages.items():
            row = {"issue_id": number, "number": numbers[name], "themes": name, "message": message}
            connection.execute(insert(variant), row)
        chosen = {themes: numbers[name] for themes, name in choices.items()}
        planned = _plan(connection, number, chosen, plan, now)
        if planned != sum(expected.values()):
            raise StoreError(
                Mistake(code="NL093", message=f"{planned} deliveries were planned, {sum(expected.values())} expected")
            )
        # News that is a week old is not sent beside the new (D34); but not before the new has left everywhere.
        over = stamp(max(now, plan.starts_at or now, *plan.zones.values()))
        connection.execute(
            update(issue)
            .where(issue.c.edition == plan.edition, issue.c.id != number, issue.c.expires_at > over)
            .values(expires_at=over)
        )
        return FrozenIssue(**connection.execute(select(issue).where(issue.c.id == number)).one()._mapping)


def _plan(connection: Connection, number: int, numbers: Mapping[str, int], plan: Plan, now: datetime) -> int:
    """One row for each recipient, made inside the database."""
    if not numbers:
        return 0
    state, next_at = _choose_start(plan, now)
    columns = {
        "issue_id": literal(number, BigInteger),
        "subscriber_id": subscriber.c.id,
        "state": state,
        "next_at": next_at,
        "lane": _choose_lane(plan),
    }
    found = select_recipients(numbers, now, [value.label(name) for name, value in columns.items()])
    statement = insert(delivery).from_select([*columns, "variant"], found)
    planned = connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount
    # Python's sqlite3 does not count what an INSERT … SELECT behind a WITH did; the database itself does.
    return (
        planned if connection.dialect.name != "sqlite" else connection.exec_driver_sql("SELECT changes()").scalar_one()
    )


def _choose_lane(plan: Plan) -> Any:
    """The group of domains with a throttle of its own to which a reader's provider belongs, from 1; 0 for all others."""
    lanes = [
        (subscriber.c.canonical.like(f"%@{domain}"), lane)
        for lane, domains in enumerate(plan.lanes, 1)
        for domain in domains
    ]
    return case(*lanes, else_=0) if lanes else literal(0)


def _choose_start(plan: Plan, now: datetime) -> tuple[Any, Any]:
    """State and next try of a delivery: pending, or deferred to when the issue leaves to the reader's time zone."""
    later = {name: stamp(moment) for name, moment in plan.zones.items() if moment > now}
    if not later:
        return literal("pending"), cast(null(), Text)
    next_at = case(later, value=subscriber.c.timezone)
    return case((next_at.is_(None), "pending"), else_="deferred"), next_at


def hash_messages(messages: Mapping[str, bytes]) -> str:
    """One hash over all variants."""
    whole = hashlib.sha256()
    for name in sorted(messages):
        whole.update(f"{name}\0{len(messages[name])}\0".encode() + messages[name])
    return whole.hexdigest()


def read_variants(store: Store, frozen: FrozenIssue) -> dict[int, bytes]:
    """The frozen messages by number. Raises StoreError if they are not what was frozen."""
    with store.reading() as connection:
        rows = connection.execute(select(variant).where(variant.c.issue_id == frozen.id)).all()
    if hash_messages({row.themes: row.message for row in rows}) != frozen.content_sha256:
        raise StoreError(
            Mistake(code="NL093", message=f"{frozen.slug}: the stored messages are not those that were frozen")
        )
    return {row.number: row.message for row in rows}


def variant_names(store: Store, frozen: FrozenIssue) -> list[str]:
    """The choices of themes that were frozen."""
    with store.reading() as connection:
        return list(connection.execute(select(variant.c.themes).where(variant.c.issue_id == frozen.id)).scalars())


def was_mailed(store: Store, frozen: FrozenIssue) -> bool:
    """Whether anybody has got it."""
    mine = (delivery.c.issue_id == frozen.id, delivery.c.state == "accepted")
    with store.reading() as connection:
        return connection.execute(select(delivery.c.subscriber_id).where(*mine).limit(1)).first() is not None


def next_due(store: Store, frozen: FrozenIssue) -> datetime | None:
    """When the next delivery that was put off comes due."""
    where = (delivery.c.issue_id == frozen.id, delivery.c.state == "deferred")
    with store.reading() as connection:
        moment = connection.execute(select(func.min(delivery.c.next_at)).where(*where)).scalar()
        return datetime.fromisoformat(moment) if moment else None


def set_state(store: Store, frozen: FrozenIssue, state: str, reason: str = "", *, unless: Sequence[str] = ()) -> bool:
    """Pause, go on, end. False if the issue is in one of the states that forbid it."""
    with store.writing() as connection:
        return bool(
            connection.execute(
                update(issue)
                .where(issue.c.id == frozen.id, issue.c.state.not_in(unless))
                .values(state=state, reason=reason)
            ).rowcount
        )


def read_books(store: Store, frozen: FrozenIssue) -> DeliveryCounts:
    """The issue's deliveries, counted row by row."""
    with store.reading() as connection:
        return _books(connection, frozen.id)


def _books(connection: Connection, number: int) -> DeliveryCounts:
    row = connection.execute(select(issue).where(issue.c.id == number)).one()
    counts = tally(connection, delivery.c.state, delivery.c.issue_id == number)
    return DeliveryCounts(issue=row.slug, state=row.state, planned=row.planned, counts=counts)


def finish(
    store: Store, frozen: FrozenIssue, now: datetime, *, doubts_wait: bool = False, listeners: Listeners = NOBODY
) -> DeliveryCounts:
    """Mark the issue done if nothing is left that goes on by itself; `held` rows wait for a person (D8).

    `doubts_wait`: so do those in doubt, and the issue with them. `listeners` are told that it was sent, once.
    """
    waiting = ("pending", "claimed", "deferred", *(("in_doubt",) if doubts_wait else ()))
    with store.writing() as connection:
        books = _books(connection, frozen.id)
        is_done = books.state == "sending" and books.balanced
        if not is_done or any(books.counts.get(state) for state in waiting):
            return books
        connection.execute(update(issue).where(issue.c.id == frozen.id).values(state="done"))
        queue_hooks(connection, listeners, "issue.sent", [{"issue": frozen.slug}], now)
        return replace(books, state="done")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a recount row by row found. Each list is empty if all is well."""

    books: DeliveryCounts
    missing: int
    strange_states: tuple[str, ...]
    unknown_variants: int


def verify(store: Store, frozen: FrozenIssue) -> Verification:
    """Recount: every planned reader once, in a state that exists, with a message that exists."""
    with store.reading() as connection:
        books = _books(connection, frozen.id)
        numbers = select(variant.c.number).where(variant.c.issue_id == frozen.id)
        lost = (
            select(func.count())
            .select_from(delivery)
            .where(delivery.c.issue_id == frozen.id, delivery.c.variant.not_in(numbers))
        )
        return Verification(
            books=books,
            missing=books.planned - sum(books.counts.values()),
            strange_states=tuple(sorted(set(books.counts) - {*OPEN, *FINAL})),
            unknown_variants=connection.execute(lost).scalar_one(),
        )


def in_doubt_list(store: Store, frozen: FrozenIssue) -> list[tuple[str, str, str]]:
    """Everybody who may have got a second copy: (address, when, what was known), also after it was resolved (D14)."""
    statement = (
        select(func.coalesce(subscriber.c.address, ""), attempt.c.at, attempt.c.reply)
        .select_from(attempt.outerjoin(subscriber, subscriber.c.id == attempt.c.subscriber_id))
        .where(attempt.c.issue_id == frozen.id, attempt.c.state == "in_doubt")
        .order_by(attempt.c.id)
    )
    with store.reading() as connection:
        return [(address, at, reply) for address, at, reply in connection.execute(statement)]


RESENDABLE = {
    "missed": ("held", "in_doubt", "expired", "rejected"),
    "uncertain": ("in_doubt",),
    "held": ("held",),
    "rejected": ("rejected",),
}


def resend(store: Store, frozen: FrozenIssue, what: str, expires_at: datetime) -> int:
    """Plan those anew that a person decided to try again → how many. Nobody who has accepted it is among them."""
    with store.writing() as connection:
        count = connection.execute(
            update(delivery)
            .where(delivery.c.issue_id == frozen.id, delivery.c.state.in_(RESENDABLE[what]))
            .values(state="pending", attempt=0, doubts=0, alone=0, next_at=None)
        ).rowcount
        if count:
            connection.execute(
                update(issue)
                .where(issue.c.id == frozen.id)
                .values(state="sending", reason="", expires_at=stamp(expires_at))
            )
        return count


def cancel(store: Store, frozen: FrozenIssue, now: datetime) -> int:
    """Take back what has not left: → how many readers do not get it. What is on its way arrives."""
    with store.writing() as connection:
        count = connection.execute(
            update(delivery)
            .where(delivery.c.issue_id == frozen.id, delivery.c.state.in_(("pending", "deferred", "held")))
            .values(state="expired", label="cancelled", at=stamp(now))
        ).rowcount
        connection.execute(update(issue).where(issue.c.id == frozen.id).values(state="cancelled", reason="cancelled"))
        return count
