"""A copy of the database in one SQLite file, of one moment, made while others write: what a backup holds of either kind.

A copy says of itself that it is one (`sender.copied_at`): whoever puts it in the place of a database finds that it sends
nothing until a person says so.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection, Table, delete, func, insert, select, text, update

from newsletter.errors import Mistake
from newsletter.store.database import HEAD, OLDER, Store, StoreError, make_tables, stamp
from newsletter.store.keys import DatabaseKey
from newsletter.store.schema import metadata, subscriber, suppression
from newsletter.store.self_service import Leaving, leave
from newsletter.store.subscribers import forget

_TOGETHER = 500  # rows in one statement; messages of 60 KB are among them
_TABLES = list(metadata.sorted_tables)
_NUMBERED = [table for table in _TABLES if "id" in table.c and table.c.id.autoincrement is True]
# Whoever subscribed after a backup is lost with their number. It is in the links of mails that are out, so nobody else may
# get it: the numbers go on so much later.
NUMBERS_LEFT_OUT = 1_000_000


def copy_database(store: Store, target: Path, now: datetime) -> dict[str, int]:
    """Write a copy into a new file, mode 0600 → the rows of each table. Raises StoreError."""
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        if store.is_sqlite:
            _copy_file(store, target)
        else:
            _copy_tables(store, target)
        with _open(target) as copy:
            # One that is a copy itself, and was never accepted, stays as old as it is.
            copy.execute("UPDATE sender SET copied_at = ? WHERE copied_at = ''", (stamp(now),))
            copy.commit()
            return _count_rows(copy)
    except (sqlite3.Error, OSError) as error:
        raise StoreError(
            Mistake(code="NL090", message=f"the database cannot be copied: {getattr(error, 'strerror', None) or error}")
        ) from None


def _copy_file(store: Store, target: Path) -> None:
    """In one step, so what is read is of one moment; writers go on beside it."""
    store.check_there()
    connection = store.engine.raw_connection()
    try:
        with _open(target) as copy:
            connection.driver_connection.backup(copy)  # type: ignore[union-attr]
            copy.execute("PRAGMA journal_mode = DELETE").close()  # one file, without a log beside it
    finally:
        connection.close()


def _copy_tables(store: Store, target: Path) -> None:
    """From PostgreSQL, all tables in one snapshot, a few rows at a time."""
    make_tables(target)
    with _open(target) as copy, store.reading() as connection:
        for table in _TABLES:
            names = [column.name for column in table.c]
            marks = ", ".join("?" * len(names))
            statement = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608 - our own names
            streamed = connection.execution_options(stream_results=True, yield_per=_TOGETHER)
            for rows in streamed.execute(select(table)).partitions():
                copy.executemany(statement, [tuple(row) for row in rows])
        given = connection.execute(text("SELECT last_value FROM subscriber_id_seq")).scalar_one()
        _set_last_number(copy, given)
        copy.commit()


def _set_last_number(copy: sqlite3.Connection, number: int) -> None:
    """The highest number that a subscriber was ever given, deleted ones too."""
    copy.execute("DELETE FROM sqlite_sequence WHERE name = 'subscriber'")
    copy.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('subscriber', ?)", (number,))


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as connection:
        yield connection


def _count_rows(copy: sqlite3.Connection) -> dict[str, int]:
    names = [row[0] for row in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    return {
        name: copy.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608 - quoted, and checked below
        for name in names
        if name in metadata.tables
    }


# --- checking -----------------------------------------------------------------------------------------------------


def check_copy(path: Path, key: DatabaseKey) -> dict[str, int]:
    """Whether a file is a whole copy of a database of ours, and of this key → the rows of each table. Raises StoreError."""
    try:
        with _open(path) as copy:
            found = [row[0] for row in copy.execute("PRAGMA integrity_check(5)")]
            if found != ["ok"]:
                raise _bad(f"is damaged: {found[0]}")
            # Attack: a trigger of somebody else's file would run with every change of ours.
            kinds = {row[0] for row in copy.execute("SELECT DISTINCT type FROM sqlite_master")}
            if kinds - {"table", "index"}:
                raise _bad(f"holds a {', '.join(sorted(kinds - {'table', 'index'}))}, which none of ours does")
            version = copy.execute("SELECT version_num FROM alembic_version").fetchone()
            check = copy.execute("SELECT key_check FROM installation").fetchone()
            if version is None or version[0] not in (*OLDER, HEAD):
                known = f"is of version {version[0] if version else None}; this program knows {HEAD}"
                raise StoreError(Mistake(code="NL092", message=f"the database in it {known}"))
            if check is None or check[0] != key.check:
                raise _bad("belongs to another key than the one beside it")
            return _count_rows(copy)
    except sqlite3.Error as error:
        raise _bad(f"is none of ours: {error}") from None


def _bad(what: str) -> StoreError:
    return StoreError(Mistake(code="NL111", message=f"the database in it {what}"))


# --- putting back -------------------------------------------------------------------------------------------------


def prepare_copy(staged: Store, made_at: str) -> None:
    """Make a copy ready to be put in place: it says that it is one, and no number that was given since is given again."""
    assert staged.is_sqlite  # noqa: S101 - it is a file
    with staged.writing() as connection:
        connection.execute(text("UPDATE sender SET copied_at = :at WHERE copied_at = ''"), {"at": made_at})
        last = connection.execute(text("SELECT seq FROM sqlite_sequence WHERE name = 'subscriber'")).scalar() or 0
        highest = connection.execute(select(func.coalesce(func.max(subscriber.c.id), 0))).scalar_one()
        number = max(last, highest) + NUMBERS_LEFT_OUT
        connection.execute(text("DELETE FROM sqlite_sequence WHERE name = 'subscriber'"))
        connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES ('subscriber', :seq)"), {"seq": number})


def carry_departures(old: Path, staged: Store, now: datetime) -> int | None:
    """Keep those away who left the old database, or were erased from it, since the copy was made → how many.

    None if the old database cannot be read, or has another key: then nobody knows who they are.
    """
    with staged.reading() as reading:
        known = set(reading.execute(select(suppression.c.address_hash)).scalars())
    try:
        with _open(old) as connection:
            check = connection.execute("SELECT key_check FROM installation").fetchone()
            if check is None or check[0] != staged.key.check:
                return None
            rows = connection.execute("SELECT address_hash, reason, at, source FROM suppression").fetchall()
    except sqlite3.Error:
        return None
    missing = []
    with suppress(sqlite3.Error):  # what can be read of a damaged one is of use
        missing = _find_missing(old, staged)
    suppressed = {row[0]: row for row in rows}
    # Who has no row any more, and is suppressed, was erased; others without one never confirmed.
    erased = [canonical for canonical in missing if staged.key.address_hash(canonical) in suppressed]
    for canonical in erased:
        forget(staged, canonical, now)
    new = {digest: row for digest, row in suppressed.items() if digest not in known}
    gone = _find_by_hash(staged, set(new)) if new else {}
    for some in batched(gone.values(), _TOGETHER):
        leave(staged, [Leaving(number, "restore") for number in some], now)
    with staged.writing() as connection:
        # As they were written down then: reason and time, also of those who are no subscribers here.
        for digest, reason, at, source in new.values():
            values = {"address_hash": digest, "reason": reason, "at": at, "source": source}
            statement = staged.insert(suppression).values(values)
            connection.execute(statement.on_conflict_do_update(index_elements=["address_hash"], set_=values))
        for digest, number in gone.items():
            states = {"state": new[digest][1], "unsubscribed_at": new[digest][2]}
            connection.execute(update(subscriber).where(subscriber.c.id == number).values(states))
    return len(erased) + len(gone)


def _find_missing(old: Path, staged: Store) -> list[str]:
    """The canonical addresses of a copy's subscribers whom the old database does not have any more."""
    query = """
        SELECT s.canonical FROM subscriber AS s LEFT JOIN old.subscriber AS o ON o.id = s.id WHERE o.id IS NULL
    """
    with _open(staged.path or Path()) as connection:
        connection.execute("ATTACH DATABASE ? AS old", (str(old),))
        return [row[0] for row in connection.execute(query)]


def batched(values: Iterable[int], size: int) -> Iterator[list[int]]:
    """In groups of that size (itertools has it from Python 3.12 on)."""
    iterator = iter(values)
    while some := list(islice(iterator, size)):
        yield some


def _find_by_hash(store: Store, digests: set[str]) -> dict[str, int]:
    """Who of the subscribers has one of these hashes and may still be mailed: hash → number."""
    found = {}
    statement = select(subscriber.c.id, subscriber.c.canonical).where(subscriber.c.state.in_(("active", "pending")))
    with store.reading() as connection:
        for row in connection.execution_options(yield_per=_TOGETHER).execute(statement):
            digest = store.key.address_hash(row.canonical)
            if digest in digests:
                found[digest] = row.id
    return found


def load_copy(copy: Path, connection: Connection) -> None:
    """Fill PostgreSQL's tables, which are there, from a copy; what was in them is gone. In the caller's transaction."""
    with _open(copy) as source:
        for table in reversed(_TABLES):
            connection.execute(delete(table))
        for table in _TABLES:
            _load_table(source, table, connection)
        last = source.execute("SELECT seq FROM sqlite_sequence WHERE name = 'subscriber'").fetchone()
    for table in _NUMBERED:
        highest = connection.execute(select(func.coalesce(func.max(table.c.id), 0))).scalar_one()
        number = max(highest, last[0] if last and table is subscriber else 0, 1)
        connection.execute(text(f"SELECT setval('{table.name}_id_seq', :number)"), {"number": number})


def _load_table(source: sqlite3.Connection, table: Table, connection: Connection) -> None:
    names = [column.name for column in table.c]
    rows = source.execute(f"SELECT {', '.join(names)} FROM {table.name}")  # noqa: S608 - our own names
    while some := rows.fetchmany(_TOGETHER):
        connection.execute(insert(table), [dict(zip(names, row, strict=True)) for row in some])


def is_in_use(path: Path) -> bool:
    """Whether another process has this SQLite file open: then it must not be moved away."""
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(path, timeout=0.2)) as connection:
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE").close()
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return False
