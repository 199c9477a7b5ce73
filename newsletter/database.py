"""Opening the workspace's database: where it is, its key and what lies beside it, and when it may be made."""

from datetime import datetime
from pathlib import Path

from newsletter.config import Config
from newsletter.store.database import Store, create_store, exists, open_store
from newsletter.store.mark import begin_mark
from newsletter.workspace import Workspace


def database_address(workspace: Workspace, config: Config) -> tuple[str, Path]:
    """Where the database is and where its key: both relative to the workspace, if they are files."""
    url, prefix = config.database.url, "sqlite:///"
    if url.startswith(prefix) and not url.startswith(prefix + "/"):
        url = f"{prefix}{workspace.root / url.removeprefix(prefix)}"
    return url, workspace.root / config.database.key_file


def has_database(workspace: Workspace, config: Config) -> bool:
    """Whether there is a database, or a key that says that there was one."""
    url, key_file = database_address(workspace, config)
    return exists(url) or key_file.exists()


def open_database(workspace: Workspace, config: Config) -> Store:
    """The workspace's database. Raises StoreError if there is none: it is never made by the way."""
    return open_store(*database_address(workspace, config))


def open_or_create(workspace: Workspace, config: Config, now: datetime) -> tuple[Store, bool]:
    """The database; made now if there never was one. True if it was. Raises StoreError if it was lost."""
    if has_database(workspace, config):
        return open_database(workspace, config), False
    store = create_store(*database_address(workspace, config), now)
    begin_mark(store, mark_path(workspace, store))
    return store, True


def mark_path(workspace: Workspace, store: Store) -> Path:
    """The file that counts how far sending has come (`store/mark.py`)."""
    return file_beside(workspace, store.path, "mark")


def journal_path(workspace: Workspace, store: Store) -> Path:
    """The file for replies that the database could not take (`store/journal.py`)."""
    return file_beside(workspace, store.path, "journal")


def file_beside(workspace: Workspace, database: Path | None, name: str) -> Path:
    """A file that belongs to the database: beside its file, or in the workspace if it is on a server."""
    return database.with_name(f"{database.name}.{name}") if database else workspace.root / ".newsletter" / name
