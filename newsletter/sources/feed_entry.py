"""What a feed says, as plain values: the same for RSS, Atom and JSON Feed."""

from dataclasses import dataclass, field
from datetime import datetime


class NotAFeed(ValueError):
    """The bytes are no feed; the message says what they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry as the document gives it. Missing things are empty; `date` is UTC."""

    id: str = ""
    url: str = ""
    raw_url: str = ""
    title: str = ""
    title_derived: bool = False
    body: str = ""
    date: datetime | None = None
    author: str = ""
    language: str = ""
    tags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedDocument:
    """A feed: its title, its entries in the document's order, and how many more there were than we take."""

    title: str = ""
    entries: tuple[Entry, ...] = field(default=())
    more: int = 0
