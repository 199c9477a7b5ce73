"""Subscribers, their consents and the suppressions. Who left, bounced or complained stays away: no import brings them back."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, and_, delete, func, select, update

from newsletter.model import SubscriberRow
from newsletter.store.consents import GIVEN, Evidence, activate, given_by, record, record_same
from newsletter.store.database import Store, stamp
from newsletter.store.mailed_links import drop_links
from newsletter.store.schema import ERASED, attempt, consent, delivery, issue, subscriber, suppression

AWAY = ("unsubscribed", "bounced", "complained")
_CHUNK = 500  # names in one IN (…)
# In the order of SubscriberRow as far as both have them; `created_at` is added.
_COLUMNS = (
    "address", "canonical", "name", "themes", "state", "language", "timezone", "confirmed_at", "unsubscribed_at", "tags",
    "attributes", "created_at",
)  # fmt: skip
_PLAIN = ("address", "canonical", "name", "state", "created_at")
_PLAIN_VALUES = ["?" if name in _PLAIN else "''" for name in _COLUMNS]
_TOGETHER = 100  # rows in one statement
_UNTOLD = SubscriberRow("", "")[5:]
_CHANGEABLE = ("name", "themes", "language", "timezone", "tags", "attributes")


@dataclass(frozen=True, slots=True)
class Person:
    """All that is known about one address. `deliveries` are (issue, state, when, reply)."""

    id: int
    row: SubscriberRow
    created_at: str
    consents: tuple[tuple[str, str, str], ...]
    deliveries: tuple[tuple[str, str, str, str], ...]
    suppressed: str


class SubscriberIntake:
    """Takes rows into the audience inside one transaction, and counts what became of each."""

    def __init__(self, store: Store, connection: Connection, *, source: str, event: str, now: datetime) -> None:
        self._store, self._connection = store, connection
        self._source, self._event, self._at = source, event, stamp(now)
        self._insert = _insert_statement(connection, ["?"] * len(_COLUMNS))
        # Most rows are an address and perhaps a name: what is empty in all of them stands in the statement.
        self._insert_plain = _insert_statement(connection, _PLAIN_VALUES, _TOGETHER)
        if store.is_sqlite:
            connection.exec_driver_sql("PRAGMA cache_size = -48000")  # the unique index of a million addresses
        self.counts: Counter[str] = Counter()

    def take(self, rows: Sequence[SubscriberRow]) -> None:
        """Take in some rows; the last of two with the same address wins over the first, like in two files."""
        away = [row for row in rows if row.state in AWAY]
        if away:
            for row in away:
                self._take_away(row)
            rows = [row for row in rows if row.state not in AWAY]
        welcome = self._unsuppressed(rows)
        before = self._connection.execute(select(func.max(subscriber.c.id))).scalar() or 0
        added = self._add(welcome)
        if added < len(welcome):
            self._update_known(welcome, before)
        self._record_consents(welcome, before)
        self.counts["added"] += added

    def _add(self, rows: Sequence[SubscriberRow]) -> int:
        if not rows:
            return 0
        at = self._at
        # By position, not by name: this is the line that a million rows go through. In the order of the unique index,
        # whose pages are then touched once a batch instead of once a row.
        ordered = sorted(rows, key=itemgetter(1))
        if all(not row[3] and row[5:] == _UNTOLD for row in ordered):
            return sum(
                self._add_plain(ordered[start : start + _TOGETHER]) for start in range(0, len(ordered), _TOGETHER)
            )
        values = [(r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[10], r[11], r[12], r[13], at) for r in ordered]
        return self._connection.exec_driver_sql(self._insert, values).rowcount

    def _add_plain(self, rows: Sequence[SubscriberRow]) -> int:
        """Many rows in one statement: a statement costs more than a row."""
        at = self._at
        values = tuple(chain.from_iterable((row[0], row[1], row[2], row[4], at) for row in rows))
        statement = self._insert_plain
        if len(rows) != _TOGETHER:
            statement = _insert_statement(self._connection, _PLAIN_VALUES, len(rows))
        return self._connection.exec_driver_sql(statement, values).rowcount

    def _unsuppressed(self, rows: Sequence[SubscriberRow]) -> Sequence[SubscriberRow]:
        # Asked each time: while a long import runs somebody may leave for the first time.
        if not self._connection.execute(select(suppression.c.address_hash).limit(1)).first():
            return rows
        hashes = [self._store.key.address_hash(row.canonical) for row in rows]
        found: set[str] = set()
        for start in range(0, len(hashes), _CHUNK):
            part = suppression.c.address_hash.in_(hashes[start : start + _CHUNK])
            found.update(self._connection.execute(select(suppression.c.address_hash).where(part)).scalars())
        if not found:
            return list(rows)
        welcome = [row for row, digest in zip(rows, hashes, strict=True) if digest not in found]
        self.counts["suppressed"] += len(rows) - len(welcome)
        return welcome

    def _take_away(self, row: SubscriberRow) -> None:
        """Somebody whom another program says to have left: they leave here too."""
        known = _find_id(self._connection, row.canonical)
        if known is None:
            # Of whom only the suppression is left, nothing is written down again (security L4).
            if not suppression_reason(self._store, self._connection, row.canonical):
                self._add([row])
            self.counts["suppressed"] += 1
        else:
            changed = self._connection.execute(
                update(subscriber)
                .where(subscriber.c.id == known, subscriber.c.state.in_(("active", "pending")))
                .values(state=row.state, unsubscribed_at=row.unsubscribed_at or self._at)
            ).rowcount
            if changed:
                record(self._connection, [Evidence(known, row.state, self._at, row.consent or self._source)])
            self.counts["suppressed" if changed else "unchanged"] += 1
        suppress(self._store, self._connection, {row.canonical: self._source}, row.state, self._at)

    def _update_known(self, rows: Iterable[SubscriberRow], before: int) -> None:
        """What a row says beyond what is known; an empty cell takes nothing away. Its consent is kept beside the older ones."""
        seen: dict[str, list[SubscriberRow]] = {}
        for row in rows:
            seen.setdefault(row.canonical, []).append(row)
        for part in _chunks(list(seen)):
            known_rows = self._connection.execute(select(subscriber).where(subscriber.c.canonical.in_(part))).all()
            given = given_by(self._connection, [known.id for known in known_rows if known.id <= before])
            evidence: list[Evidence] = []
            for known in known_rows:
                told = dict(known._mapping)
                consents = given.get(known.id, [])
                # One that was new in this batch is compared with its later rows only.
                for row in seen[known.canonical][int(known.id > before) :]:
                    new = self._evidence(known.id, row)
                    is_told = known.id > before or any(_is_same(new, row, one) for one in consents)
                    if self._update_one(told, row, new, evidence, is_told=is_told):
                        consents.append(new)
            record(self._connection, evidence)

    def _update_one(
        self, told: dict[str, Any], row: SubscriberRow, new: Evidence, evidence: list[Evidence], *, is_told: bool
    ) -> bool:
        """Write what is new in a row; whether there was anything. `told` is what is known, `is_told`: its consent is, too.

        Its evidence is written, or stands in `evidence` to be written.
        """
        wanted = {name: getattr(row, name) for name in _CHANGEABLE if getattr(row, name)}
        changes = {name: value for name, value in wanted.items() if value != told[name]}
        if told["state"] == "pending" and row.state == "active":
            activate(self._connection, new, **changes)
            told["state"] = row.state
        elif changes:
            change = update(subscriber).where(subscriber.c.id == told["id"]).values(**changes)
            self._connection.execute(change)
            evidence.append(new)
        elif row.state == "active" and not is_told:
            evidence.append(new)
        else:
            self.counts["unchanged"] += 1
            return False
        told |= changes
        self.counts["updated"] += 1
        return True

    def _evidence(self, number: int, row: SubscriberRow) -> Evidence:
        source = row.consent or self._source
        return Evidence(number, self._event, row.consent_at or self._at, source, ip=row.consent_ip)

    def _record_consents(self, rows: Sequence[SubscriberRow], before: int) -> None:
        """The consents of all who are new."""
        new = and_(subscriber.c.id > before)
        if not any(row.consent or row.consent_at or row.consent_ip for row in rows):
            record_same(self._connection, new, Evidence(0, self._event, self._at, self._source))
            return
        told = {row.canonical: row for row in rows}
        for part in _chunks(list(told)):
            found = select(subscriber.c.id, subscriber.c.canonical).where(subscriber.c.canonical.in_(part), new)
            numbers = self._connection.execute(found).all()
            record(self._connection, [self._evidence(number, told[canonical]) for number, canonical in numbers])


def _is_same(new: Evidence, row: SubscriberRow, given: Evidence) -> bool:
    """Whether a consent is one that is known: an import that is repeated adds nothing."""
    return new.source == given.source and row.consent_at in ("", given.at)


def _chunks(values: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def _insert_statement(connection: Connection, values: Sequence[str], rows: int = 1) -> str:
    """The driver's own text of the insert: a million rows go through it without a dictionary each."""
    places = ", ".join([f"({', '.join(values)})"] * rows)
    statement = (
        f"INSERT INTO subscriber ({', '.join(_COLUMNS)}) VALUES {places}"  # noqa: S608 - our own column names
        " ON CONFLICT (canonical) DO NOTHING"
    )
    return statement if connection.dialect.name == "sqlite" else statement.replace("?", "%s")


def _find_id(connection: Connection, canonical: str) -> int | None:
    return connection.execute(select(subscriber.c.id).where(subscriber.c.canonical == canonical)).scalar_one_or_none()


# --- one person ---------------------------------------------------------------------------------------------------


def suppress(store: Store, connection: Connection, sources: Mapping[str, str], reason: str, at: str) -> None:
    """Never mail these addresses again. The first reason stays, but a complaint is never forgotten (B9).

    `sources`: canonical address → how it is known.
    """
    rows = [
        {"address_hash": store.key.address_hash(canonical), "reason": reason, "at": at, "source": source}
        for canonical, source in sources.items()
    ]
    statement = store.insert(suppression)
    if reason == "complained":
        statement = statement.on_conflict_do_update(index_elements=["address_hash"], set_={"reason": reason, "at": at})
    else:
        statement = statement.on_conflict_do_nothing()
    connection.execute(statement, rows)


def suppression_reason(store: Store, connection: Connection, canonical: str) -> str:
    """Why an address is suppressed; empty if it is not."""
    where = suppression.c.address_hash == store.key.address_hash(canonical)
    return connection.execute(select(suppression.c.reason).where(where)).scalar_one_or_none() or ""


def lift(store: Store, connection: Connection, canonical: str, source: str, now: datetime) -> int | None:
    """Let an address back in, because its owner asked for it anew → the subscriber that they were, if they are known."""
    connection.execute(delete(suppression).where(suppression.c.address_hash == store.key.address_hash(canonical)))
    known = _find_id(connection, canonical)
    if known is not None:
        activate(connection, Evidence(known, "added", stamp(now), source))
    return known


def unsubscribe(store: Store, canonical: str, *, source: str, now: datetime, state: str = "unsubscribed") -> bool:
    """Somebody leaves, at once: mail that is not claimed yet does not reach them. False if they were not here."""
    with store.writing() as connection:
        suppress(store, connection, {canonical: source}, state, stamp(now))
        known = _find_id(connection, canonical)
        if known is None:
            return False
        changed = connection.execute(
            update(subscriber)
            .where(subscriber.c.id == known, subscriber.c.state.in_(("active", "pending")))
            .values(state=state, unsubscribed_at=stamp(now))
        ).rowcount
        if changed:
            record(connection, [Evidence(known, state, stamp(now), source)])
        return bool(changed)


def forget(store: Store, canonical: str, now: datetime) -> bool:
    """Erase a person: row, evidence and what they would still get; the keyed hash stays, so that nobody mails them again."""
    with store.writing() as connection:
        if store.is_sqlite:
            connection.exec_driver_sql("PRAGMA secure_delete = ON")  # deleted is overwritten, not only let go
        suppress(store, connection, {canonical: ""}, "erased", stamp(now))
        known = _find_id(connection, canonical)
        if known is None:
            return False
        open_issues = select(issue.c.id).where(issue.c.state.not_in(("done", "cancelled")))
        connection.execute(
            update(delivery)
            .where(
                delivery.c.subscriber_id == known,
                delivery.c.issue_id.in_(open_issues),
                delivery.c.state.in_(("pending", "deferred", "held")),
            )
            .values(state="suppressed", at=stamp(now))
        )
        # A refusal often names the address. By the label the ledger knows that of what is under way, too.
        for table, values in ((delivery, {"reply": "", "label": ERASED}), (attempt, {"reply": ""})):
            mine = and_(table.c.issue_id.in_(select(issue.c.id)), table.c.subscriber_id == known)
            connection.execute(update(table).where(mine).values(values))
        connection.execute(update(consent).where(consent.c.subscriber_id == known).values(source="", ip=""))
        drop_links(connection, known)
        record(connection, [Evidence(known, "erased", stamp(now), "")])
        connection.execute(delete(subscriber).where(subscriber.c.id == known))
    store.shrink()
    return True


def find_person(store: Store, canonical: str) -> Person | None:
    """All about one address; None if nothing is known but perhaps a suppression."""
    with store.reading() as connection:
        row = connection.execute(_export_statement().where(subscriber.c.canonical == canonical)).first()
        if row is None:
            return None
        told = select(consent.c.at, consent.c.event, consent.c.source)
        got = (
            select(
                issue.c.slug, delivery.c.state, func.coalesce(delivery.c.at, ""), func.coalesce(delivery.c.reply, "")
            )
            .join(delivery, and_(delivery.c.issue_id == issue.c.id, delivery.c.subscriber_id == row.id))
            .order_by(issue.c.id)
        )
        return Person(
            row.id,
            _to_row(row),
            row.created_at,
            tuple(
                (at, event, source)
                for at, event, source in connection.execute(
                    told.where(consent.c.subscriber_id == row.id).order_by(consent.c.id)
                )
            ),
            tuple((slug, state, at, reply) for slug, state, at, reply in connection.execute(got)),
            suppression_reason(store, connection, canonical),
        )


# --- all of them --------------------------------------------------------------------------------------------------


def count_by_state(store: Store) -> dict[str, int]:
    """How many subscribers are in each state, and how many addresses are suppressed."""
    with store.reading() as connection:
        states = select(subscriber.c.state, func.count()).group_by(subscriber.c.state).order_by(subscriber.c.state)
        counts = {row[0]: row[1] for row in connection.execute(states)}
        suppressed = connection.execute(select(func.count()).select_from(suppression)).scalar_one()
        return {**counts, "suppressed": suppressed}


def export_rows(store: Store, state: str | None = None) -> Iterator[SubscriberRow]:
    """All subscribers, oldest first, one by one."""
    statement = _export_statement().order_by(subscriber.c.id)
    if state:
        statement = statement.where(subscriber.c.state == state)
    with store.reading() as connection:
        for row in connection.execution_options(stream_results=True, yield_per=1000).execute(statement):
            yield _to_row(row)


def _export_statement() -> Any:
    given = consent.alias()
    newest = (
        select(func.max(given.c.id))
        .where(given.c.subscriber_id == subscriber.c.id, given.c.event.in_(GIVEN))
        .scalar_subquery()
    )
    return select(
        subscriber,
        func.coalesce(consent.c.source, "").label("consent"),
        func.coalesce(consent.c.at, "").label("consent_at"),
        func.coalesce(consent.c.ip, "").label("consent_ip"),
    ).select_from(subscriber.outerjoin(consent, consent.c.id == newest))


def _to_row(row: Any) -> SubscriberRow:
    return SubscriberRow(*(getattr(row, name) for name in SubscriberRow._fields))
