"""Write transactions on a driver's own connection: what runs for every message is too much for SQLAlchemy."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from newsletter.store.database import BUSY_S, Store, StoreError
from newsletter.store.failures import explain_failure

_AGAIN = ("40001", "40P01")


class StoreAgain(StoreError):
    """PostgreSQL took a transaction back and asks to try it again (40001, 40P01). Nothing of it has happened."""


class StoreBusy(Exception):
    """Another process writes just now."""


class Driver:
    """One connection and its write transactions. Not to be shared between threads. Statements mark values by `?`."""

    def __init__(self, store: Store) -> None:
        self.is_sqlite = store.is_sqlite
        self._store = store
        self.connection: Any = None  # opened when it is needed; thrown away after a failure
        self._waits = True  # what SQLite was told last of a busy database

    @contextmanager
    def writing(self, *, patient: bool = True, open_end: bool = False) -> Iterator[Any]:
        """A write transaction; gives a cursor. With `open_end` it is left for `commit` to end.

        Raises StoreError, StoreAgain; StoreBusy if another process writes and one is not `patient`.
        """
        with self._telling():
            if self.connection is None:
                self.connection = self._store.engine.raw_connection()
            try:
                self._store.check_there()
            except StoreError:
                self.close()
                raise
            cursor = self.connection.cursor()
            if self.is_sqlite:
                self._begin(cursor, patient)
            try:
                yield cursor if self.is_sqlite else _MarkedCursor(cursor)
            except BaseException:
                self.connection.rollback()
                raise
            if not open_end:
                self.connection.commit()
            cursor.close()

    def commit(self) -> None:
        """End what was left open. Raises StoreError; then nothing of it has happened."""
        with self._telling():
            self.connection.commit()

    def close(self) -> None:
        """Let go of the connection."""
        connection, self.connection, self._waits = self.connection, None, True
        if connection is not None:
            connection.invalidate()

    def _begin(self, cursor: Any, patient: bool) -> None:
        if patient != self._waits:
            cursor.execute(f"PRAGMA busy_timeout = {BUSY_S * 1000 if patient else 0}")
            self._waits = patient
        try:
            cursor.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if patient or error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            raise StoreBusy from None

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """A driver's error becomes ours. After any failure the connection is thrown away (D19)."""
        try:
            yield
        except (SQLAlchemyError, self._store.engine.dialect.loaded_dbapi.Error) as error:
            self.close()
            failure = explain_failure(error)
            if getattr(error, "sqlstate", "") in _AGAIN:
                failure = StoreAgain(*failure.mistakes)
            raise failure from error


class _MarkedCursor:
    """PostgreSQL's cursor for statements with SQLite's marks."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        self.fetchone, self.fetchall = cursor.fetchone, cursor.fetchall

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Any:
        return self._cursor.execute(statement.replace("?", "%s"), values)

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        self._cursor.executemany(statement.replace("?", "%s"), rows)
