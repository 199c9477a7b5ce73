"""What every kind of source gives. A new kind is one file like `folder.py` and one line in the table."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import tzinfo
from typing import Literal

from newsletter.errors import Mistake
from newsletter.model import Finding, Post, Source

# What to do about a file of posts that is not UTF-8.
ENCODING_ADVICE = (
    'a file of an old Windows machine? set encoding = "cp1252" for its source in newsletter.toml, '
    "or take it in once: newsletter collect FILE --encoding cp1252"
)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of the workspace: its path for messages (`posts/a.md`) and its bytes."""

    path: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """Posts read from files, in order, and what the editor should look at.

    `mistakes` are those of the files that could not be read: no post of such a file is among the posts.
    """

    posts: tuple[Post, ...]
    findings: tuple[Finding, ...] = ()
    mistakes: tuple[Mistake, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceKind:
    """One kind of source. `wants` is the settings key it cannot do without; `folder` is where its files lie."""

    wants: Literal["path", "url"]
    fetches: bool
    folder: Callable[[Source], str]
    read: Callable[[Source, Iterable[SourceFile], tzinfo], Batch]


def collected_folder(name: str) -> str:
    """Where `collect` writes the posts of a source."""
    return f"posts/collected/{name}"
