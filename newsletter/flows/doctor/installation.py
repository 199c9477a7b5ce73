"""What is examined, and what is found: the words that all checks share."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from newsletter.audience.addresses import wire_address
from newsletter.config import Config
from newsletter.delivery.records import Level, Resolver
from newsletter.errors import NewsletterError, SettingsError
from newsletter.store.location import sqlite_file
from newsletter.text.mailbox import split_mailbox
from newsletter.workspace.database import database_address
from newsletter.workspace.files import Workspace


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at, what was found, and what mends it."""

    name: str
    level: Level
    detail: str
    fix: str = ""

    @property
    def ok(self) -> bool:
        """Whether there is nothing to mend."""
        return self.level == "ok"


@dataclass(frozen=True, slots=True)
class Installation:
    """What is examined."""

    workspace: Workspace
    config: Config
    now: datetime
    resolver: Resolver

    @property
    def sender(self) -> str:
        """The domain that readers see."""
        return _domain(split_mailbox(self.config.publication.sender)[1])

    @property
    def envelope(self) -> str:
        """The domain that bounces go to."""
        return _domain(self.config.smtp.bounces) if self.config.smtp.bounces else self.sender

    @property
    def database_file(self) -> Path | None:
        """The SQLite file; None for PostgreSQL, or for an address that cannot be read (`check_database` reports it)."""
        try:
            return sqlite_file(database_address(self.workspace, self.config)[0])
        except SettingsError:
            return None


Look = Callable[[Installation], Iterable[Check]]


def tell(error: NewsletterError, name: str) -> Iterator[Check]:
    """What stops the program elsewhere is a finding here."""
    for mistake in error.mistakes:
        yield Check(name, "error", str(mistake), mistake.help or f"docs/errors.md#{mistake.code.lower()} says more")


def _domain(address: str) -> str:
    return wire_address(address).rpartition("@")[2]
