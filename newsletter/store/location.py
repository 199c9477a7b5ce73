"""Where a database is: its address as an URL, its file if it is SQLite, and how it is shown to people."""

import re
from pathlib import Path

from sqlalchemy.engine import URL

_SECRET = re.compile("pass|secret|token", re.IGNORECASE)  # in the name of a key of an address


def file_address(path: Path) -> URL:
    """The address of a SQLite file."""
    return URL.create("sqlite", database=str(path))


def sqlite_file(address: URL) -> Path | None:
    """The file of a SQLite database; None for PostgreSQL."""
    return Path(address.database or "") if address.get_backend_name() == "sqlite" else None


def show_address(address: URL) -> str:
    """A database's address for a message: the file, or the address without what opens it (security T37)."""
    query = {key: "hidden" if _SECRET.search(key) else value for key, value in address.query.items()}
    return str(sqlite_file(address) or address.set(query=query).render_as_string(hide_password=True))
