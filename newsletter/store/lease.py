"""Who sends: one process for a database. The operating system frees the lock of a dead one; a number tells a late one apart."""

import os
import platform
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, select, text, update
from sqlalchemy.exc import DBAPIError

from newsletter.errors import Mistake, NothingToDo
from newsletter.store.database import Store, StoreError, stamp
from newsletter.store.failures import cannot_write_store
from newsletter.store.mark import Mark, write_mark
from newsletter.store.schema import sender

# Longer than the ten minutes for which the reply to a final dot is waited for (D23).
LEASE = timedelta(minutes=15)
_RENEW = timedelta(minutes=1)
_ADVISORY_LOCK = 7_115_601_991  # any number, the same for all versions of this program


class LeaseLost(StoreError):
    """Another process has taken over; this one must not write another dot."""


@dataclass(slots=True)
class Lease:
    """The right to send. `epoch` is the number of this taking; it is checked in every transaction."""

    epoch: int
    until: datetime
    is_sqlite: bool
    lock: IO[str] | Connection | None = field(repr=False)
    mark: Path | None = None

    def check(self, cursor: Any, now: datetime) -> None:
        """Inside a transaction: still ours? Renews it now and then. Raises LeaseLost."""
        # On PostgreSQL whoever takes over waits until this transaction is over; on SQLite all writers do.
        lock = "" if self.is_sqlite else " FOR UPDATE"
        epoch = cursor.execute(f"SELECT epoch FROM sender WHERE id = 1{lock}").fetchone()[0]  # noqa: S608 - a constant
        if epoch != self.epoch:
            raise LeaseLost(Mistake(code="NL094", message="another process sends now; this one stopped"))
        if self.until - now < LEASE - _RENEW or self.until - now > LEASE:
            self._write_mark()  # what is on the disk for certain: the one before
            self.until = now + LEASE
            cursor.execute("UPDATE sender SET until = ? WHERE id = 1", (stamp(self.until),))

    def _write_mark(self) -> None:
        if self.mark:
            write_mark(self.mark, Mark(self.epoch, stamp(self.until)))

    def release(self, store: Store | None = None) -> None:
        """Let another process send. With the store, what was sent till now is marked as such."""
        if store and self.mark:
            ended = update(sender).where(sender.c.id == 1, sender.c.epoch == self.epoch)
            values = {"epoch": self.epoch + 1, "until": stamp(self.until)}
            with suppress(StoreError):
                with store.writing() as connection:
                    done = connection.execute(ended.values(values)).rowcount
                if done:
                    self.epoch += 1
                    self._write_mark()
        lock, self.lock = self.lock, None
        if isinstance(lock, Connection):
            # Back in the pool it would keep the server's lock; cut off, it would keep it for a moment.
            try:
                lock.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _ADVISORY_LOCK})
            except DBAPIError:
                lock.invalidate()
        if lock is not None:
            lock.close()


def take_lease(store: Store, now: datetime, mark: Path | None = None) -> Lease:
    """Become the one that sends. `mark` is where it is kept how far sending has come. Raises NothingToDo if another does."""
    lock = _lock_file(store.path) if store.path else _lock_postgresql(store)
    with store.writing() as connection:
        row = connection.execute(select(sender).where(sender.c.id == 1).with_for_update()).one()
        # Without the lock its holder lives, unless it was stopped for so long that its lease is over (F6).
        if lock is None and row.until > stamp(now):
            raise NothingToDo(
                Mistake(
                    code="NL094",
                    message=f"{row.holder} is sending already",
                    help="newsletter status shows how far it is; newsletter pause ISSUE stops it",
                )
            )
        holder = f"process {os.getpid()} on {platform.node()}"
        epoch = row.epoch + 1
        until = now + LEASE
        connection.execute(
            update(sender).where(sender.c.id == 1).values(epoch=epoch, holder=holder, until=stamp(until))
        )
    lease = Lease(epoch, until, store.is_sqlite, lock, mark)
    lease._write_mark()
    return lease


def _lock_file(database: Path) -> IO[str] | None:
    """A lock that dies with its process, kill -9 included."""
    import fcntl

    path = database.with_name(f"{database.name}.lock")
    try:
        handle = os.fdopen(os.open(path, os.O_CREAT | os.O_RDWR, 0o600), "w", encoding="ascii")
    except OSError as error:
        raise cannot_write_store(path, error) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        return None
    return handle


def _lock_postgresql(store: Store) -> Connection | None:
    """The same by the server: an advisory lock lives as long as its connection."""
    connection = store.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    if connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _ADVISORY_LOCK}).scalar_one():
        return connection
    connection.close()
    return None
