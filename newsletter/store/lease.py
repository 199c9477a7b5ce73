"""Who sends: one process for a database. The operating system frees the lock of a dead one; a number tells a late one apart."""

import os
import platform
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple

from sqlalchemy import Connection, select, text, update
from sqlalchemy.exc import DBAPIError

from newsletter.errors import Mistake, NothingToDo
from newsletter.store.database import Store, StoreError
from newsletter.store.failures import cannot_write_store
from newsletter.store.restore_guard import HighWaterMark, read_mark, write_mark
from newsletter.store.schema import sender

# Longer than the ten minutes for which the reply to a final dot is waited for.
LEASE_S = 15 * 60
_BEAT_S = 60
_ADVISORY_LOCK = 7_115_601_991  # any number, the same for all versions of this program
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class LeaseLost(StoreError):
    """Another process has taken over; this one must not write another dot."""


class Ticks(NamedTuple):
    """A clock that nobody sets: seconds of one boot of one machine. An empty `boot` can be compared with nothing."""

    boot: str
    seconds: float

    def write(self) -> str:
        """As the database keeps it."""
        return f"{self.boot} {self.seconds:.0f}"

    def since(self, written: str) -> float | None:
        """Seconds since a tick that was written; None if it is of another machine, or of another boot of this one."""
        boot, _, seconds = written.rpartition(" ")
        return self.seconds - int(seconds) if boot and boot == self.boot and seconds.isdecimal() else None


def read_ticks() -> Ticks:
    """The ticks of this machine (Linux; elsewhere its boots cannot be told apart)."""
    try:
        boot = _BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        boot = ""
    return Ticks(boot, time.monotonic())


@dataclass(slots=True)
class Lease:
    """The right to send. `epoch` is the number of this taking (a fencing token); every transaction checks it."""

    epoch: int
    is_sqlite: bool
    lock: IO[str] | Connection | None = field(repr=False)
    mark: Path | None = None
    database: str = ""
    ticks: Callable[[], Ticks] = field(default=read_ticks, repr=False)
    _beat_at: float = 0.0  # in seconds of `ticks`
    _marked: int = 0  # the beat that the mark says

    def check(self, cursor: Any) -> None:
        """Inside a transaction: raises LeaseLost if another process has taken over. Once a minute it shows that we live."""
        # On PostgreSQL whoever takes over waits until this transaction is over; on SQLite all writers do.
        lock = "" if self.is_sqlite else " FOR UPDATE"
        query = f"SELECT epoch, beat FROM sender WHERE id = 1{lock}"  # noqa: S608 - a constant
        epoch, beat = cursor.execute(query).fetchone()
        if epoch != self.epoch:
            raise LeaseLost(Mistake(code="NL094", message="another process sends now; this one stopped"))
        if beat > self._marked:
            self._write_mark(beat)  # read from the database, so it is committed: a mark is never ahead of it
        now = self.ticks()
        if now.seconds - self._beat_at >= _BEAT_S:
            self._beat_at = now.seconds
            values = (int(self.mark is not None), now.write())
            cursor.execute("UPDATE sender SET beat = beat + ?, heard = ? WHERE id = 1", values)

    def _write_mark(self, beat: int) -> None:
        """A mark that is behind stops nothing, so one that cannot be written now does no harm."""
        self._marked = beat
        if self.mark:
            with suppress(OSError):
                write_mark(self.mark, HighWaterMark(self.epoch, beat, self.database))

    def release(self, store: Store | None = None) -> None:
        """Let another process send. With the store, what was sent till now is marked as such."""
        if store and self.mark:
            ended = update(sender).where(sender.c.id == 1, sender.c.epoch == self.epoch)
            values = {"epoch": self.epoch + 1, "beat": sender.c.beat + 1}
            with suppress(StoreError):
                with store.writing() as connection:
                    beat = connection.execute(ended.values(values).returning(sender.c.beat)).scalar_one_or_none()
                if beat is not None:
                    self.epoch += 1
                    self._write_mark(beat)
        _unlock(self.lock)
        self.lock = None


def take_lease(store: Store, mark: Path | None = None, *, ticks: Callable[[], Ticks] = read_ticks) -> Lease:
    """Become the process that sends. `mark` is the file that counts how far sending has come.

    A holder that was stopped (SIGSTOP) keeps its lock; it is replaced after 15 minutes without a beat, if it runs on this
    machine: of another machine only the lock tells. Raises NothingToDo while another process sends.
    """
    lock = _lock_file(store.path) if store.path else _lock_postgresql(store)
    try:
        return _take(store, mark, ticks, lock)
    except BaseException:
        _unlock(lock)
        raise


def _take(store: Store, mark: Path | None, ticks: Callable[[], Ticks], lock: IO[str] | Connection | None) -> Lease:
    now, database = ticks(), store.key.check
    with store.writing() as connection:
        row = connection.execute(select(sender).where(sender.c.id == 1).with_for_update()).one()
        if lock is None and (now.since(row.heard) or 0.0) < LEASE_S:
            raise NothingToDo(
                Mistake(
                    code="NL094",
                    message=f"{row.holder} is sending already",
                    help="newsletter status shows how far it is; newsletter pause ISSUE stops it",
                )
            )
        if mark and not row.beat and read_mark(mark) is None:
            # Before the first count: a database that has counted and finds no mark was put back, not killed in between.
            try:
                write_mark(mark, HighWaterMark(row.epoch, 0, database))
            except OSError as error:
                raise cannot_write_store(mark, error) from None
        holder = f"process {os.getpid()} on {platform.node()}"
        beat = row.beat + int(mark is not None)
        values = {"epoch": row.epoch + 1, "holder": holder, "beat": beat, "heard": now.write()}
        connection.execute(update(sender).where(sender.c.id == 1).values(values))
    lease = Lease(row.epoch + 1, store.is_sqlite, lock, mark, database, ticks, now.seconds)
    lease._write_mark(beat)
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


def _unlock(lock: IO[str] | Connection | None) -> None:
    if isinstance(lock, Connection):
        # Back in the pool it would keep the server's lock; cut off, it would keep it for a moment.
        try:
            lock.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _ADVISORY_LOCK})
        except DBAPIError:
            lock.invalidate()
    if lock is not None:
        lock.close()
