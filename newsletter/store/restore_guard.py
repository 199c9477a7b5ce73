"""Detects a database that was put back from a backup: a mark beside it counts how far sending has come (F52).

The counts go up by one with every taking of the right to send and about once a minute while a process sends. No time is
compared: a clock that is set back says nothing about what was sent.
"""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import select, update

from newsletter.errors import Mistake
from newsletter.store.database import Store, StoreError
from newsletter.store.failures import cannot_write_store
from newsletter.store.schema import sender


class HighWaterMark(NamedTuple):
    """How far sending had come at least: the numbers of `sender` in the database, which names itself by its key's check."""

    epoch: int
    beat: int
    database: str = ""


def read_mark(path: Path) -> HighWaterMark | None:
    """A mark from its file. None if there is none, or none that can be read."""
    try:
        document = json.loads(path.read_bytes())
        epoch = int(document["epoch"])
        # Version 0.1 wrote no beat; the migration began to count from the epoch.
        return HighWaterMark(epoch, int(document.get("beat", epoch)), str(document.get("database", "")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write_mark(path: Path, mark: HighWaterMark) -> None:
    """Write a mark whole, and onto the disk: after a power loss a database without its mark sends nothing. Raises OSError."""
    is_new = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.tmp")
    with os.fdopen(os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.write(json.dumps(mark._asdict()))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    if is_new:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def begin_mark(store: Store, path: Path) -> None:
    """Give a new database its mark, before anything was sent: from now on a copy without it is told apart."""
    with suppress(OSError):
        write_mark(path, HighWaterMark(0, 0, store.key.check))
        with store.writing() as connection:
            connection.execute(update(sender).where(sender.c.id == 1).values(beat=1))
        write_mark(path, HighWaterMark(0, 1, store.key.check))


def find_restore(store: Store, path: Path) -> str:
    """Say why a database looks as if it had been put back, so that what it calls unsent may be sent; empty if it does not."""
    with store.reading() as connection:
        row = connection.execute(select(sender).where(sender.c.id == 1)).one()
    mark = read_mark(path)
    if row.copied_at:
        return f"the database is a backup of {row.copied_at} that was put back"
    if mark and mark.database not in ("", store.key.check):
        mark = None  # of another database
    if mark is None:
        # The mark is on the disk before the first count is.
        how = "cannot be read, or is another's" if path.exists() else "is not there"
        return f"the database has sent mail, or may have, and its mark {how} ({path.name})" if row.beat else ""
    if mark.epoch <= row.epoch and mark.beat <= row.beat:
        return ""
    return "the database is older than what was sent: it was put back from a backup"


def check_mark(store: Store, path: Path) -> None:
    """Raises StoreError for a database that was put back: nobody knows here who has got a mail since that backup."""
    if why := find_restore(store, path):
        raise StoreError(
            Mistake(
                code="NL100",
                message=why,
                help="nothing is sent: who has got a mail since then would get it again. Take back what went out "
                "(newsletter cancel ISSUE); then newsletter send ISSUE --i-know, or newsletter serve --i-know",
            )
        )


def accept_restore(store: Store, path: Path) -> None:
    """Let a database that was put back send again, because a person said so. Its counts go beyond all that were used here."""
    if not find_restore(store, path):
        return  # one that is sending now must not be fenced off
    mark = read_mark(path) or HighWaterMark(0, 0)
    with store.writing() as connection:
        row = connection.execute(select(sender).where(sender.c.id == 1).with_for_update()).one()
        epoch, beat = max(mark.epoch, row.epoch) + 1, max(mark.beat, row.beat) + 1
        connection.execute(update(sender).where(sender.c.id == 1).values(epoch=epoch, beat=beat, copied_at=""))
    try:
        write_mark(path, HighWaterMark(epoch, beat, store.key.check))
    except OSError as error:
        raise cannot_write_store(path, error) from None
