"""What is said about a paste beside its posts: guesses, what was left out, and who wrote a message and when."""

from dataclasses import dataclass, field
from enum import Enum

from newsletter.sources.digest.when import When

Lines = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Guess:
    """A guess that the editor should look at: the line, what was decided, and how to decide otherwise."""

    line: int
    message: str


class PieceUse(Enum):
    """What became of a piece of a paste that is not part of a post's text. The values stand in the report."""

    AUTHOR = "author"
    DATE = "date"
    NOISE = "noise"
    MARKS = "quoting marks"


@dataclass(frozen=True, slots=True)
class Omission:
    """A piece of a line, or a whole one, that is in no post's text. `reason` is reported; empty: a fixed form, no guess."""

    text: str
    lines: Lines
    use: PieceUse = PieceUse.NOISE
    reason: str = ""


@dataclass(slots=True)
class Byline:
    """Who wrote what follows, and when, as a place says it above a message. `pieces` are the texts it was read from.

    `exact` tells the fixed form of a chat export or a mail from the lines of a web page, which are a guess.
    """

    line: int
    author: str = ""
    when: When | None = None
    pieces: list[Omission] = field(default_factory=list)
    exact: bool = False
