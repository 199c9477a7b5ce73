"""A small file beside the database that knows how far sending has come: a database put back from an old backup does not (D24).

It is compared with who sent last and until when; so a backup older than two minutes is told apart, unless the mark was put
back with it.
"""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import select

from newsletter.errors import Mistake
from newsletter.store.database import Store, StoreError
from newsletter.store.schema import sender


class Mark(NamedTuple):
    """The number of the last taking of the lease, and until when it held."""

    epoch: int
    until: str


def read_mark(path: Path) -> Mark | None:
    """What the file says; None if there is none that can be read."""
    try:
        return Mark(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def write_mark(path: Path, mark: Mark) -> None:
    """Say it. A mark that cannot be written stops no mail: it guards against a mistake that is seldom made."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.tmp")
        with os.fdopen(os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
            file.write(json.dumps(mark._asdict()))
        temporary.replace(path)


def check_mark(store: Store, path: Path, *, i_know: bool = False) -> None:
    """Raises StoreError if the database is older than the mark. With `i_know` the mark is set back instead."""
    mark = read_mark(path)
    with store.reading() as connection:
        row = connection.execute(select(sender.c.epoch, sender.c.until).where(sender.c.id == 1)).one()
    if mark is None or Mark(*row) >= mark:
        return
    if i_know:
        write_mark(path, Mark(*row))
        return
    raise StoreError(
        Mistake(
            code="NL100",
            message="the database is older than what was sent: it was put back from a backup",
            help="who has got a mail since then would get it again; if you want that: newsletter send ISSUE --i-know",
        )
    )
