"""What a feed says, as plain values: the same for RSS, Atom and JSON Feed."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple


class NotAFeed(ValueError):
    """The bytes are no feed; the message says what they are."""


class LeftOut(NamedTuple):
    """Something of an entry that is not in its body as it stood: what it was, and its words or address."""

    what: str
    text: str = ""

    def __str__(self) -> str:
        return f"{self.what}: {self.text}" if self.text else self.what


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry as the document gives it. Missing things are empty; `date` is UTC.

    `notes` are for the editor's eye, `left_out` for the account.
    """

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
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedDocument:
    """A feed: its title, its entries in the document's order, and how many more there were than we take.

    `unfinished`: the document breaks off; the entry that was open at its end is not among the entries. `notes` are
    guesses about the whole document, such as its encoding.
    """

    title: str = ""
    entries: tuple[Entry, ...] = field(default=())
    more: int = 0
    unfinished: bool = False
    notes: tuple[str, ...] = ()
