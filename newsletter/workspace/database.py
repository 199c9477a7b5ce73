"""Opening the workspace's database: where it is, its key and what lies beside it, when it may be made; what it says is out."""

import re
import shlex
from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from newsletter.config import Config
from newsletter.errors import Mistake, SettingsError
from newsletter.store import issues
from newsletter.store.damage import find_damage
from newsletter.store.database import HEAD, Store, StoreError, create_store, exists, open_store, stamp
from newsletter.store.failures import damaged
from newsletter.store.location import show_address, sqlite_file
from newsletter.store.restore_guard import begin_mark
from newsletter.workspace.files import SETTINGS, Workspace

_HOST = re.compile(r"[A-Za-z0-9._:-]{0,255}")


def database_address(workspace: Workspace, config: Config) -> tuple[URL, Path]:
    """Where the database is and where its key: both relative to the workspace, if they are files. Raises SettingsError.

    The workspace's path is never written into the text of an address: there `?` begins a query and `%41` is an A, and the
    database of a workspace whose path holds one of them would lie outside of it.
    """
    address = _read_address(config.database.url)
    if address.get_backend_name() == "sqlite":
        address = address.set(database=str(workspace.root / (address.database or "")))
    return address, workspace.root / config.database.key_file


def _read_address(text: str) -> URL:
    """Read `database.url`. Of one that cannot be read no part is told: where it breaks the password may begin."""
    try:
        address = make_url(text)
    except (ArgumentError, ValueError):
        address = None
    # An @ of a password ends it too early; what follows would be looked up as a host, and told by the driver.
    if address is None or not _HOST.fullmatch(address.host or ""):
        message = "database.url: is no address of a database"
        fix = "in a password each of / : ? # [ ] @ % is written as %2F %3A %3F %23 %5B %5D %40 %25"
        raise SettingsError(Mistake(code="NL014", file=SETTINGS, message=message, help=fix))
    return address


def show_database(workspace: Workspace, config: Config) -> str:
    """Where the database is, for people: without a password."""
    return show_address(database_address(workspace, config)[0])


def has_database(workspace: Workspace, config: Config) -> bool:
    """Whether there is a database, or a key that says that there was one."""
    url, key_file = database_address(workspace, config)
    return exists(url) or key_file.exists()


def open_database(workspace: Workspace, config: Config) -> Store:
    """The workspace's database. Raises StoreError if there is none: it is never made by the way."""
    _check_old_place(workspace, config)
    return open_store(*database_address(workspace, config))


def open_or_create(workspace: Workspace, config: Config, now: datetime) -> tuple[Store, bool]:
    """The database; made now if there never was one. True if it was. Raises StoreError if it was lost."""
    if has_database(workspace, config):
        return open_database(workspace, config), False
    _check_old_place(workspace, config)
    store = create_store(*database_address(workspace, config), now)
    begin_mark(store, mark_path(workspace, store))
    return store, True


def explain_fault(workspace: Workspace, config: Config) -> StoreError | None:
    """Why a command may have failed in a way that nobody thought of: a damaged database gives values that nobody wrote."""
    try:
        path = sqlite_file(database_address(workspace, config)[0])
    except SettingsError:
        return None
    found = find_damage(path, HEAD) if path is not None and path.is_file() else []
    return damaged("; ".join(found)) if found else None


def _check_old_place(workspace: Workspace, config: Config) -> None:
    """Version 0.1 read a workspace's path as a part of the address, and put the database where that led to."""
    path = sqlite_file(database_address(workspace, config)[0])
    if path is None or path.is_file() or ("?" not in str(path) and "%" not in str(path)):
        return
    old = sqlite_file(make_url(f"sqlite:///{path}"))
    if old is not None and old != path and old.is_file():
        move = f"mv {shlex.quote(str(old))} {shlex.quote(str(path))}, and the same with the files beside it whose names begin so"
        message = f"the database of this workspace lies outside of it: version 0.1 put it at {old}"
        raise StoreError(Mistake(code="NL091", message=message, help=move))


def mark_path(workspace: Workspace, store: Store) -> Path:
    """The file that counts how far sending has come (`store/mark.py`)."""
    return file_beside(workspace, store.path, "mark")


def journal_path(workspace: Workspace, store: Store) -> Path:
    """The file for replies that the database could not take (`store/journal.py`)."""
    return file_beside(workspace, store.path, "journal")


def file_beside(workspace: Workspace, database: Path | None, name: str) -> Path:
    """A file that belongs to the database: beside its file, or in the workspace if it is on a server."""
    return database.with_name(f"{database.name}.{name}") if database else workspace.root / ".newsletter" / name


def mailed_issues(store: Store, now: datetime) -> list[str]:
    """The issues whose first mail may have left, in the order in which they were fixed.

    Of one that was cancelled in the middle of its sending there are readers whose mail leads to the archive.
    """
    moment = stamp(now)
    return [
        one.slug
        for one in issues.frozen_issues(store)
        if one.starts_at <= moment and (one.state != "cancelled" or issues.was_mailed(store, one))
    ]


def first_issues(store: Store) -> dict[str, str]:
    """Edition → the first of its issues that was fixed for sending."""
    first: dict[str, str] = {}
    for one in issues.frozen_issues(store):
        first[one.edition] = min(one.slug, first.get(one.edition, one.slug))
    return first
