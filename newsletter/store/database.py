"""A database address → an open store. A missing, foreign or newer database is refused, never replaced by an empty one."""

import hmac
import os
import re
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, insert, inspect, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from newsletter.errors import Mistake
from newsletter.store import schema
from newsletter.store.damage import TORN, count_unreadable, find_damage
from newsletter.store.failures import StoreError as StoreError
from newsletter.store.failures import cannot_write_store, damaged, explain_failure
from newsletter.store.keys import KEY_BYTES, DatabaseKey, read_key
from newsletter.store.location import file_address, show_address, sqlite_file

HEAD = "0003"
OLDER = ("0001", "0002")  # can be brought up to HEAD
_VERSION = "SELECT version_num FROM alembic_version"
# Another process may hold the database for a while, an import of a million rows say: wait, do not fail (F12).
BUSY_S = 120
# The threads of the pages and the jobs of `serve`: whoever waits for the database waits there, not for a connection to it.
_POOL: dict[str, Any] = {"pool_size": 5, "max_overflow": 60, "pool_timeout": BUSY_S}


class Store:
    """An open database. Use `reading` and `writing`; each is one transaction."""

    def __init__(self, engine: Engine, key: DatabaseKey, path: Path | None) -> None:
        self.engine = engine
        self.key = key
        self.path = path  # of the SQLite file; None for PostgreSQL
        self._file = self._find_file()
        self._turn = threading.Lock()

    @property
    def is_sqlite(self) -> bool:
        """Which of the two it is."""
        return self.path is not None

    def check_there(self) -> None:
        """Raises StoreError if the file was taken away: SQLite goes on writing into one that was moved or deleted (F13)."""
        if self._file != self._find_file():
            raise StoreError(Mistake(code="NL090", message="the database was taken away while it was in use"))

    def _find_file(self) -> int:
        try:
            return self.path.stat().st_ino if self.path else 0
        except OSError:
            return 0

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that changes nothing; what it reads is of one moment."""
        self.check_there()
        with _telling(), self.engine.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN")
            else:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    def check_whole(self) -> None:
        """Raises DatabaseDamaged if the file's pages, indexes or tables are damaged. PostgreSQL looks after its own."""
        if self.path is not None and (found := find_damage(self.path, HEAD)):
            raise damaged("; ".join(found))

    def shrink(self) -> None:
        """Let no older page of what was deleted stay in SQLite's log. Not for long, if somebody reads: it is tried again."""
        if self.is_sqlite:
            with _telling(), self.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA busy_timeout = 2000")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").close()
                connection.exec_driver_sql(f"PRAGMA busy_timeout = {BUSY_S * 1000}")

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is written whole or not at all, and on the disk when it ends."""
        self.check_there()
        with self._waiting(), _telling(), self.engine.connect() as connection, connection.begin():
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        """The threads of a process write one after the other. SQLite would let each look again and again, and sleep between."""
        is_ours = self.is_sqlite and self._turn.acquire(timeout=BUSY_S)
        try:
            yield
        finally:
            if is_ours:
                self._turn.release()

    def insert(self, table: Table) -> Any:
        """An INSERT of this database's own kind: with ON CONFLICT. Only that kind is loaded."""
        if self.is_sqlite:
            from sqlalchemy.dialects import sqlite

            return sqlite.insert(table)
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()


@contextmanager
def _telling() -> Iterator[None]:
    """A driver's error becomes ours at this door."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise explain_failure(error) from error


def exists(url: str | URL) -> bool:
    """Whether there is a database with our tables."""
    address = make_url(url)
    path = sqlite_file(address)
    if path is not None and not path.is_file():
        return False
    engine = _connect(address)
    try:
        with _telling(), engine.connect() as connection:
            return inspect(connection).has_table("installation")
    finally:
        engine.dispose()


def stored_version(url: str | URL) -> str | None:
    """The version of the tables; None without a database. Nothing is brought up to date. Raises StoreError."""
    if not exists(url):
        return None
    engine = _connect(make_url(url))
    try:
        with _telling(), engine.connect() as connection:
            return _read_version(connection)
    finally:
        engine.dispose()


def create_store(url: str | URL, key_file: Path, now: datetime) -> Store:
    """A new database and its key. Raises StoreError if either is there already: then the other one was lost."""
    address = make_url(url)
    path = sqlite_file(address)
    if key_file.exists():
        raise StoreError(
            Mistake(
                code="NL091",
                file=str(key_file),
                message=f"this key belongs to a database that is not there ({show_address(address)})",
                help="put the database back from a backup; only if there never was one, delete the key file",
            )
        )
    if (path is not None and path.exists()) or exists(url):
        raise StoreError(
            Mistake(
                code="NL091",
                file=str(key_file),
                message=f"{show_address(address)} is there already, and its key is not",
                help="put the key back from a backup: without it no link in a mail that is out works any more",
            )
        )
    engine = _connect(address)
    key, made = DatabaseKey(secrets.token_bytes(KEY_BYTES)), list[Path]()
    try:
        if path is not None:
            _make_file(path, b"", made)
            made += _beside(path)
        _make_file(key_file, f"{key.secret.hex()}\n".encode(), made)
        with _telling(), engine.connect() as connection:
            _migrate(connection)
            row = {"id": 1, "created_at": stamp(now), "key_check": key.check}
            connection.execute(insert(schema.installation), row)
            connection.execute(insert(schema.sender), {"id": 1, "epoch": 0, "holder": ""})
            connection.commit()
    except BaseException as error:
        # Nothing has come to be: a key that stayed would say that a database was lost.
        engine.dispose()
        for one in made:
            one.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise cannot_write_store(Path(error.filename or key_file), error) from None
        raise
    return Store(engine, key, path)


def open_store(url: str | URL, key_file: Path) -> Store:
    """The database that is there. Raises StoreError for one that is missing, of another version, or of another key."""
    address = make_url(url)
    if not exists(url):
        path = sqlite_file(address)
        if path is not None and path.is_file() and key_file.exists():
            raise damaged(f"{path.name} holds none of the program's tables")
        what = "is gone: its key is here, the database is not" if key_file.exists() else "is not there yet"
        fix = (
            "put it back from a backup; nothing is sent from an empty one"
            if key_file.exists()
            else "newsletter serve makes it, or newsletter subscribers import FILE"
        )
        raise StoreError(Mistake(code="NL091", message=f"the database {show_address(address)} {what}", help=fix))
    key = read_key(key_file)
    engine = _connect(address)
    store = Store(engine, key, sqlite_file(address))
    try:
        _check(store, address, key_file)
    except BaseException:
        store.close()
        raise
    return store


def make_tables(path: Path) -> None:
    """All tables in an empty SQLite file; nothing is in them, so it is no database yet."""
    engine = _connect(file_address(path))
    try:
        with _telling(), engine.connect() as connection:
            _migrate(connection)
    finally:
        engine.dispose()


def fill_server(url: URL, fill: Callable[[Connection], None]) -> None:
    """Make the tables on a PostgreSQL server, if they are not there, and `fill` them in one transaction. Raises StoreError."""
    engine = _connect(make_url(url))
    try:
        with _telling(), engine.connect() as connection:
            _migrate(connection)
            with connection.begin():
                fill(connection)
    finally:
        engine.dispose()


def is_server_in_use(url: URL) -> bool:
    """Whether anybody else is connected to a database on a PostgreSQL server."""
    engine = _connect(make_url(url))
    query = """
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
    """
    try:
        with _telling(), engine.connect() as connection:
            return bool(connection.exec_driver_sql(query).scalar_one())
    finally:
        engine.dispose()


def stamp(moment: datetime) -> str:
    """A moment as it is stored: `2026-11-23T07:00:00Z`, so that texts sort like times."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


# --- the key ------------------------------------------------------------------------------------------------------


def _beside(path: Path) -> Iterator[Path]:
    """The files that SQLite keeps beside a database while it is open."""
    yield from (path.with_name(f"{path.name}{end}") for end in ("-wal", "-shm", "-journal"))


def _make_file(path: Path, content: bytes, made: list[Path]) -> None:
    """A file that was not there, for its owner only (security T51). Raises OSError; `made` then holds what is to be removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    made.append(path)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


# --- engines ------------------------------------------------------------------------------------------------------


def _connect(address: URL) -> Engine:
    path = sqlite_file(address)
    if path is not None:
        _check_log(path)
        # rw: SQLite would make an empty file where the database was taken away in the middle of a send (F13).
        there = address.set(database=path.absolute().as_uri(), query={"mode": "rw", "uri": "true"})
        engine = create_engine(there, connect_args={"timeout": BUSY_S, "isolation_level": None}, **_POOL)
        event.listen(engine, "connect", _prepare_sqlite)
        return engine
    try:
        return create_engine(address, pool_pre_ping=True, **_POOL)
    except ModuleNotFoundError:
        raise StoreError(
            Mistake(
                code="NL090",
                message="PostgreSQL needs its driver",
                help="install newsletter-desk[postgres], and write the address as postgresql+psycopg://…",
            )
        ) from None


def _check_log(path: Path) -> None:
    """Raises StoreError for a log whose middle is damaged: SQLite would forget what stands behind it, and nobody would know."""
    lost = count_unreadable(path)
    if lost > TORN:
        log = f"{path.name}-wal"
        raise damaged(f"{lost} transactions in {log} cannot be read, and SQLite would leave them out")


def _prepare_sqlite(connection: Any, record: object) -> None:
    # FULL: what was promised survives a power loss. WAL: readers do not wait for the sender; it is copied into the file
    # every 32 MB, for a send changes the same pages again and again.
    settings = (
        "journal_mode=WAL",
        "synchronous=FULL",
        "temp_store=MEMORY",
        "cache_size=-16000",
        "wal_autocheckpoint=8000",
    )
    for setting in settings:
        connection.execute(f"PRAGMA {setting}").close()


# --- versions -----------------------------------------------------------------------------------------------------


def _check(store: Store, address: URL, key_file: Path) -> None:
    _upgrade(store)
    with store.reading() as connection:
        _check_version(connection, address)
        check = connection.execute(select(schema.installation.c.key_check)).scalar_one()
    if not hmac.compare_digest(check, store.key.check):
        raise StoreError(
            Mistake(
                code="NL091",
                file=str(key_file),
                message=f"is not the key of {show_address(address)}",
                help="links in mails that are out, and the list of those who left, need the database's own key",
            )
        )


def _upgrade(store: Store) -> None:
    """A database of an older version is brought up to this one; on SQLite a copy of it is kept beside it."""
    with store.reading() as connection:
        version = _read_version(connection)
    if version not in OLDER:
        return
    if store.path:
        copy = store.path.with_name(f"{store.path.name}.before-{HEAD}")
        try:
            os.close(os.open(copy, os.O_CREAT | os.O_WRONLY, 0o600))
        except OSError as error:
            raise cannot_write_store(copy, error) from None
        with _telling(), closing(sqlite3.connect(store.path)) as old, closing(sqlite3.connect(copy)) as new:
            old.backup(new)
    with _telling(), store.engine.connect() as connection:
        _migrate(connection)


def _read_version(connection: Connection) -> str | None:
    version: str | None = connection.exec_driver_sql(_VERSION).scalar_one_or_none()
    return version


def _check_version(connection: Connection, address: URL) -> None:
    version = _read_version(connection)
    if not re.fullmatch(r"\d{4}", version or ""):
        raise damaged(f"its version is {version!r}")
    if version != HEAD:
        raise StoreError(
            Mistake(
                code="NL092",
                message=f"the database {show_address(address)} is of version {version}; this program knows {HEAD}",
                help="it was made by a newer newsletter-desk: install that one; a database is never migrated downwards",
            )
        )


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    # Alembic reads `%` as the beginning of a name to be replaced.
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.commit()
