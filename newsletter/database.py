"""Opening the workspace's database: where it is, where its key is, and when it may be made. And what it says is out."""

from datetime import datetime
from pathlib import Path

from newsletter.config import Config
from newsletter.store import issues
from newsletter.store.database import Store, create_store, exists, open_store, stamp
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
    return create_store(*database_address(workspace, config), now), True


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
