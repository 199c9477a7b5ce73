"""The flow of erasing a person: out of the database, and out of the files that the program itself made of the audience."""

import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from newsletter.audience.addresses import Address
from newsletter.store.database import Store
from newsletter.store.subscribers import forget
from newsletter.workspace.files import Workspace

OUTBOXES = "build/*/outbox"


def erase_person(workspace: Workspace, store: Store, who: Address, now: datetime) -> bool:
    """Erase somebody; a keyed hash stays, so that no import mails them again. False if they were not known."""
    done = forget(store, who.canonical, now)
    delete_outboxes(workspace)
    return done


def delete_outboxes(workspace: Workspace) -> None:
    """Delete what dry runs have written. The next one writes all of it again, without who was erased."""
    for folder in workspace.root.glob(OUTBOXES):
        shutil.rmtree(folder, ignore_errors=True)


def find_copies(workspace: Workspace, who: Address) -> Iterator[str]:
    """Files of the workspace that still hold the address, or may: what was exported or set aside is the user's to delete."""
    words = {spelling.casefold().encode() for spelling in (who.typed, who.canonical)}
    root = workspace.root
    for path in sorted([*root.glob("*.csv"), *root.glob("*.db.before-*"), *root.glob(f"{OUTBOXES}/*")]):
        if path.suffix != ".csv" or _holds(path, words):
            yield workspace.relative(path)


def _holds(path: Path, words: set[bytes]) -> bool:
    try:
        with path.open("rb") as file:
            return any(word in line.lower() for line in file for word in words)
    except OSError:
        return True  # nobody can tell
