"""What an outside text consists of, whatever it was written in: blocks, and runs of marked text inside them. Nouns only."""

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple


class TextMark(NamedTuple):
    """How a piece of text is marked. `value` is the address of a link, and the attributes of what HTML alone can say.

    `kind`: `link`, `strong`, `em`, `code`, or the name of an inline HTML element (`sub`).
    """

    kind: str
    value: str = ""


Marks = tuple[TextMark, ...]


class MarkedText(NamedTuple):
    """Words with the marks around them, outermost first."""

    text: str
    marks: Marks = ()


class Break(NamedTuple):
    """A line break inside a paragraph."""

    marks: Marks = ()


class Picture(NamedTuple):
    """A picture by its absolute address. `alt` says in words what it shows; width and height in CSS pixels, 0: not said."""

    alt: str
    src: str
    marks: Marks = ()
    width: int = 0
    height: int = 0


Inline = MarkedText | Break | Picture
_BLANKS = re.compile("  +")


class Paragraph(NamedTuple):
    """One paragraph: at least one visible piece, no break at its ends."""

    run: tuple[Inline, ...]


class Heading(NamedTuple):
    """A heading of level 2 to 6."""

    level: int
    run: tuple[Inline, ...]


class List(NamedTuple):
    """A list of items. `start` is the first number, None for bullets."""

    start: int | None
    items: "tuple[Blocks, ...]"


class Quote(NamedTuple):
    """What somebody else said."""

    blocks: "Blocks"


class Preformatted(NamedTuple):
    """Text whose white space counts."""

    text: str


class Cell(NamedTuple):
    """A cell of a table. `attributes` are those that HTML needs (`colspan="2"`)."""

    blocks: "Blocks"
    heads: bool = False
    attributes: str = ""


class DataTable(NamedTuple):
    """A table of data, row by row."""

    caption: "Blocks"
    rows: tuple[tuple[Cell, ...], ...]


class Terms(NamedTuple):
    """A list of terms and what is said of them, in order."""

    items: "tuple[tuple[bool, Blocks], ...]"  # (is it a term?, its blocks)


class ThematicBreak(NamedTuple):
    """A line across the page."""


Block = Paragraph | Heading | List | Quote | Preformatted | DataTable | Terms | ThematicBreak
Blocks = tuple[Block, ...]


def split_paragraphs(run: Iterable[Inline]) -> list[Paragraph]:
    """A run of pieces → paragraphs, with white space collapsed across the borders of pieces (CSS Text 3 §4.1).

    Two breaks in a row end a paragraph; breaks and blanks at its ends go.
    """
    paragraphs: list[list[Inline]] = [[]]
    for text_marks, pieces in groupby(run, key=lambda piece: piece.marks if isinstance(piece, MarkedText) else None):
        if text_marks is not None:
            # Joined in one go: a paragraph may have a hundred thousand pieces.
            _append_text(
                paragraphs[-1], "".join(piece.text for piece in pieces if isinstance(piece, MarkedText)), text_marks
            )
            continue
        for piece in pieces:
            now = paragraphs[-1]
            if isinstance(piece, Picture):
                now.append(piece)
                continue
            _strip_end(now)
            if now and isinstance(now[-1], Break):
                now.pop()
                paragraphs.append([])
            elif now:
                now.append(piece)
    for now in paragraphs:
        _strip_end(now)
        while now and isinstance(now[-1], Break):
            now.pop()
            _strip_end(now)
    return [Paragraph(tuple(now)) for now in paragraphs if now]


def _append_text(run: list[Inline], text: str, marks: Marks) -> None:
    last = run[-1] if run else None
    at_blank = last is None or isinstance(last, Break) or (isinstance(last, MarkedText) and last.text.endswith(" "))
    flat = _BLANKS.sub(" ", text)
    flat = flat.lstrip(" ") if at_blank else flat
    if flat and isinstance(last, MarkedText) and last.marks == marks:
        run[-1] = MarkedText(last.text + flat, marks)
    elif flat:
        run.append(MarkedText(flat, marks))


def _strip_end(run: list[Inline]) -> None:
    while run and isinstance(last := run[-1], MarkedText):
        bare = last.text.rstrip(" ")
        if bare:
            run[-1] = MarkedText(bare, last.marks)
            return
        run.pop()


def words_of(block: Block) -> str:
    """The words of a paragraph or heading on one line; "" for other blocks."""
    if not isinstance(block, Paragraph | Heading):
        return ""
    return " ".join("".join(piece.text if isinstance(piece, MarkedText) else " " for piece in block.run).split())


def addresses_in(blocks: Iterable[Block]) -> tuple[frozenset[str], frozenset[str]]:
    """(addresses of pictures, addresses of links) anywhere in some blocks."""
    pictures: set[str] = set()
    links: set[str] = set()
    for run in _runs(blocks):
        for piece in run:
            if isinstance(piece, Picture):
                pictures.add(piece.src)
            links.update(mark.value for mark in piece.marks if mark.kind == "link")
    return frozenset(pictures), frozenset(links)


def _runs(blocks: Iterable[Block]) -> Iterable[Sequence[Inline]]:
    for block in blocks:
        match block:
            case Paragraph() | Heading():
                yield block.run
            case Quote():
                yield from _runs(block.blocks)
            case List():
                for item in block.items:
                    yield from _runs(item)
            case DataTable():
                yield from _runs(block.caption)
                for row in block.rows:
                    for cell in row:
                        yield from _runs(cell.blocks)
            case Terms():
                for _, inner in block.items:
                    yield from _runs(inner)
