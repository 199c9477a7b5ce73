"""Readers, issues and senders for the tests of the store, in as few words as the tests can do with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Text, func, select, text

from newsletter.delivery.retry import after_doubt
from newsletter.model import Claim, Doubts, Outcome, SubscriberRow, Turn
from newsletter.store import issues, schema
from newsletter.store.database import Store
from newsletter.store.issues import ALL, FrozenIssue, Plan
from newsletter.store.journal import Journal
from newsletter.store.lease import Lease, Ticks, take_lease
from newsletter.store.ledger import Ledger
from newsletter.store.subscribers import SubscriberIntake
from tests.databases import NOW

HOUR = timedelta(hours=1)


@dataclass
class Uptime:
    """The ticks of a machine, moved on by hand: whatever a wall clock says, they never go back."""

    seconds: float = 1000.0
    boot: str = "a-boot"

    def __call__(self) -> Ticks:
        return Ticks(self.boot, self.seconds)


def reader(number: int, **fields: str) -> SubscriberRow:
    """Somebody, told by a number."""
    address = fields.pop("address", f"reader{number}@example.org")
    return SubscriberRow(address, address.lower(), **fields)


def take_in(
    store: Store, rows: Sequence[SubscriberRow], *, source: str = "a form", event: str = "imported", now: datetime = NOW
) -> dict[str, int]:
    """Import rows → the counts."""
    with store.writing() as connection:
        intake = SubscriberIntake(store, connection, source=source, event=event, now=now)
        intake.take(rows)
    return {name: count for name, count in intake.counts.items() if count}


def plan(slug: str = "2026-11-23-weekly", **changes: Any) -> Plan:
    """A plan that sends the same to everybody."""
    usual: dict[str, Any] = {
        "edition": "weekly",
        "choose": lambda themes: ALL,
        "write": lambda chosen: f"Subject: {slug} {chosen}\r\n\r\nNews.\r\n".encode(),
        "expires_at": NOW + 72 * HOUR,
    }
    return Plan(slug=slug, **(usual | changes))


def freeze(store: Store, slug: str = "2026-11-23-weekly", *, now: datetime = NOW, **changes: Any) -> FrozenIssue:
    """An issue with its audience."""
    return issues.freeze(store, plan(slug, **changes), now)


def audience(store: Store, count: int, **changes: Any) -> FrozenIssue:
    """That many readers, and an issue frozen for them."""
    take_in(store, [reader(number) for number in range(count)])
    return freeze(store, **changes)


@dataclass
class Process:
    """A process that sends: its lease and its ledger."""

    store: Store
    lease: Lease
    ledger: Ledger
    recovered: int

    def turn(self, outcomes: Sequence[Outcome] = (), wanted: int = 0, now: datetime = NOW) -> Turn:
        """One transaction of the ledger."""
        return self.ledger.turn(outcomes, wanted, now)

    def claim(self, wanted: int, now: datetime = NOW) -> list[Claim]:
        """Only claims."""
        return list(self.turn((), wanted, now).claims)

    def die(self) -> None:
        """As kill -9 does it: the operating system closes what was open."""
        self.ledger.close()
        drop_lock(self.lease)

    def end(self) -> None:
        """As a process ends that has done its work."""
        self.ledger.close()
        self.lease.release()


def drop_lock(lease: Lease) -> None:
    """What the operating system does with the lock of a process that is no more."""
    if isinstance(lease.lock, Connection):
        lease.lock.execute(text("SELECT pg_advisory_unlock_all()"))
        lease.lock.close()
    elif lease.lock is not None:
        lease.lock.close()
    lease.lock = None


def start(
    store: Store,
    frozen: FrozenIssue,
    *,
    now: datetime = NOW,
    policy: str = "resend",
    journal: Journal | None = None,
    uptime: Uptime | None = None,
    **options: Any,
) -> Process:
    """A process that has taken the lease and looked at what the last one left, as `send` does."""
    lease = take_lease(store, ticks=uptime or Uptime())
    ledger = Ledger(store, frozen, lease, **options)
    if journal:
        journal.replay(ledger, frozen.id, now)
    recovered = ledger.recover(after_crash(policy), now)
    issues.set_state(store, frozen, "sending", unless=("cancelled", "done"))
    return Process(store, lease, ledger, recovered)


def after_crash(policy: str = "resend") -> Callable[[Doubts], str]:
    """What becomes of those whom a dead process left in doubt."""
    return lambda doubts: after_doubt(policy, doubts, crashed=True)


def accepted(claim: Claim, reply: str = "2.0.0 queued") -> Outcome:
    """The relay has taken it."""
    return Outcome(claim.subscriber_id, "accepted", claim.attempt, claim.doubts, "reply", 250, "", reply)


def rejected(claim: Claim, reply: str = "5.1.1 no such user") -> Outcome:
    """The relay does not want it."""
    return accepted(claim)._replace(state="rejected", phase="rcpt", code=550, reply=reply, label="unknown")


def deferred(claim: Claim, until: datetime) -> Outcome:
    """The relay wants to be asked again."""
    return accepted(claim)._replace(
        state="deferred", phase="rcpt", code=450, reply="4.2.0 later", next_at=until.strftime("%Y-%m-%dT%H:%M:%SZ")
    )


def states(store: Store, frozen: FrozenIssue) -> dict[int, str]:
    """Subscriber → where their delivery stands."""
    columns = schema.delivery.c
    with store.reading() as connection:
        rows = connection.execute(select(columns.subscriber_id, columns.state).where(columns.issue_id == frozen.id))
        return {number: state for number, state in rows}  # noqa: C416 - rows are not pairs to mypy


def counted(store: Store, frozen: FrozenIssue) -> dict[str, int]:
    """State → how many, and the books balance."""
    books = issues.read_books(store, frozen)
    assert books.balanced
    return dict(books.counts)


def number_of(store: Store, canonical: str) -> int | None:
    """The number of a subscriber."""
    statement = select(schema.subscriber.c.id).where(schema.subscriber.c.canonical == canonical)
    with store.reading() as connection:
        return connection.execute(statement).scalar_one_or_none()


def url_of(store: Store) -> str:
    """The address by which it can be opened again."""
    return f"sqlite:///{store.path}" if store.path else store.engine.url.render_as_string(hide_password=False)


def count_rows(store: Store, table: str) -> int:
    """How many rows a table has."""
    with store.reading() as connection:
        return connection.execute(select(func.count()).select_from(schema.metadata.tables[table])).scalar_one()


def all_text(store: Store) -> str:
    """Everything that is written in any text column of any table, in small letters."""
    words: list[str] = []
    with store.reading() as connection:
        for table in schema.metadata.sorted_tables:
            columns = [column for column in table.c if isinstance(column.type, Text)]
            for row in connection.execute(select(*columns)):
                words += [str(cell).lower() for cell in row if cell]
    return "\n".join(words)


def break_connection(ledger: Ledger) -> None:
    """From now on the database takes nothing from this ledger, as when its disk is full."""
    cursor = ledger.driver.connection.cursor()
    if ledger.driver.is_sqlite:
        cursor.execute("PRAGMA query_only = 1")
    else:
        cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
        ledger.driver.connection.commit()
    cursor.close()


def make_empty(store: Store) -> None:
    """Like new, numbers included: the same example gives the same numbers."""
    names = [table.name for table in schema.metadata.sorted_tables if table.name not in ("installation", "sender")]
    numbered = [name for name in names if "id" in schema.metadata.tables[name].c]
    statements = [f"DELETE FROM {name}" for name in names]  # noqa: S608 - our own names
    statements.append("UPDATE sender SET epoch = 0, holder = '', beat = 0, heard = '', copied_at = ''")
    with store.writing() as connection:
        if store.is_sqlite:
            for statement in (*statements, "DELETE FROM sqlite_sequence"):
                connection.exec_driver_sql(statement)
        else:
            statements += [f"ALTER SEQUENCE {name}_id_seq RESTART" for name in numbered]
            connection.exec_driver_sql("; ".join(statements))  # one way there and back instead of a dozen
