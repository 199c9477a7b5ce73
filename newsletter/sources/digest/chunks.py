"""Lines become chunks: a paragraph, bullet, heading or address each, whatever the paste did to the line ends (R1, R1a, R2a)."""

import re
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from newsletter.sources.urls import site
from newsletter.text.addresses import is_web_address
from newsletter.text.characters import DIRECTION_MARKS, has_case, strip_marks

Lines = list[tuple[int, str]]

LONE_URL = re.compile(r"<?(https?://[^\s<>]+)>?", re.IGNORECASE)
_TRAILING_URL = re.compile(r"^(.*\S)\s+<?(https?://[^\s<>]+)>?$", re.IGNORECASE)
_HAS_URL = re.compile(r"https?://", re.IGNORECASE)
# A • needs no space after it; any other sign without one is part of a word or number.
BULLET = re.compile(r"(--|[-–—−•·‣▪◦●○⁃→*+])(?:\s+|(?<=•))(?=\S)")
NUMBER = re.compile(r"(?:\((\d{1,3})\)|(\d{1,3})([.)]))\s+(?=\S)")
LETTER = re.compile(r"[a-zA-Z]\)\s+(?=\S)")
LONGEST_WRAPPED = 90
SEPARATOR = re.compile(r"-{3,}|={3,}")
_ENDS_SENTENCE = tuple(".:!?…。：！？؟।")
_LETTER_HYPHEN = re.compile(r"[^\W\d_]-$")


class Kind(Enum):
    """What a chunk is at first sight; the blocks know more."""

    TEXT = "text"
    URL = "url"
    SEPARATOR = "separator"


@dataclass(frozen=True, slots=True)
class Chunk:
    """One piece of a paste. `lines` are the file's line numbers it came from; `indent` is in columns.

    For a URL, `text` is the address alone.
    """

    text: str
    lines: tuple[int, ...]
    kind: Kind = Kind.TEXT
    indent: int = 0

    @property
    def bare(self) -> str:
        """The text without the directional marks in front of it: what bullets are looked for in."""
        return self.text.lstrip(DIRECTION_MARKS)


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    text: str
    indent: int

    @property
    def lone_url(self) -> str | None:
        match = LONE_URL.fullmatch(strip_marks(self.text))
        return match[1] if match and is_web_address(match[1]) else None

    @property
    def starts_chunk(self) -> bool:
        """Whether the line can only be the beginning of something (a bullet, an address, a Markdown heading)."""
        bare = self.text.lstrip(DIRECTION_MARKS)
        return bool(BULLET.match(bare) or self.lone_url or re.match(r"#{1,6}\s", bare))


def find_chunks(lines: Lines, separator: str | None = None) -> list[Chunk]:
    """Clean (number, line) pairs → chunks in order. `separator` is a line that the file's front matter names."""
    paragraphs = _find_paragraphs(lines)
    wrapped = is_hard_wrapped(lines)
    chunks = []
    for paragraph in paragraphs:
        chunks += [_make_chunk(piece, separator) for piece in _join_lines(paragraph, wrapped, separator)]
    return chunks


def is_hard_wrapped(lines: Lines) -> bool:
    """Whether the whole file was wrapped at some column (R1a)."""
    lengths = [len(text) for _, text in lines if text and not _HAS_URL.search(text)]
    blank = any(not text for _, text in lines)
    longest = max(lengths, default=0)
    full = sum(length >= longest - 16 for length in lengths)
    return blank and 40 <= longest <= 120 and len(lengths) >= 8 and full >= 0.6 * len(lengths)


def split_trailing_urls(chunks: list[Chunk], terminator: str | None) -> list[Chunk]:
    """A chunk that ends in an address of the terminator site → its text and the address (R2a).

    Bullets or numbers in a row that each end in an address are a list of links, and no posts.
    """
    result = []
    links = [trailing_url(chunk) is not None and is_listed(chunk) for chunk in chunks]
    for position, chunk in enumerate(chunks):
        in_list = links[position] and any(links[max(0, position - 1) : position] + links[position + 1 : position + 2])
        url = trailing_url(chunk) if terminator and not in_list else None
        match = _TRAILING_URL.match(strip_marks(chunk.text)) if url else None
        if match and site(match[2]) == terminator:
            result.append(Chunk(match[1], chunk.lines, Kind.TEXT, chunk.indent))
            result.append(Chunk(match[2], chunk.lines[-1:], Kind.URL))
        else:
            result.append(chunk)
    return result


def is_listed(chunk: Chunk) -> bool:
    """Whether a chunk begins with a bullet or number."""
    return chunk.kind is Kind.TEXT and bool(BULLET.match(chunk.bare) or NUMBER.match(chunk.bare))


def trailing_url(chunk: Chunk) -> str | None:
    """The address at the end of a text chunk, if there is one."""
    match = _TRAILING_URL.match(strip_marks(chunk.text)) if chunk.kind is Kind.TEXT else None
    return match[2] if match and is_web_address(match[2]) else None


def _find_paragraphs(lines: Lines) -> list[list[_Line]]:
    paragraphs: list[list[_Line]] = [[]]
    for number, text in lines:
        expanded = text.expandtabs(4)
        bare = expanded.strip()
        if strip_marks(bare):
            paragraphs[-1].append(_Line(number, bare, len(expanded) - len(expanded.lstrip())))
        elif paragraphs[-1]:
            paragraphs.append([])
    return [paragraph for paragraph in paragraphs if paragraph]


def _join_lines(paragraph: list[_Line], wrapped: bool, separator: str | None) -> list[list[_Line]]:
    longest = max(len(line.text) for line in paragraph)
    column = 0 if wrapped else _wrap_column(paragraph)
    pieces: list[list[_Line]] = [[paragraph[0]]]
    for before, line in pairwise(paragraph):
        closed = before.lone_url or is_separator(before.text, separator) or is_separator(line.text, separator)
        if wrapped:
            joins = not closed and not _starts_in_wrapped(pieces[-1], before, line, longest)
        else:
            joins = not closed and _continues(pieces[-1][0], before, line, column)
        if joins:
            pieces[-1].append(line)
        else:
            pieces.append([line])
    return pieces


def _wrap_column(paragraph: list[_Line]) -> int:
    """The column at which a paragraph seems to have been wrapped, 0 if nothing speaks for it.

    What speaks for it is a line that was full and goes on in the middle of a sentence.
    """
    lines = [line for line in paragraph if len(line.text) <= LONGEST_WRAPPED]
    column = max((len(line.text) for line in lines if not _HAS_URL.search(line.text)), default=0)
    goes_on = any(_is_full(a, b, column) and _is_middle(a.text, b.text) for a, b in pairwise(paragraph))
    return column if goes_on else 0


def _is_full(before: _Line, line: _Line, column: int) -> bool:
    """Whether the first word of `line` had no room left on the line before it."""
    return 55 <= len(before.text) <= 80 and len(before.text) + 1 + len(line.text.split(" ", 1)[0]) > column


def _is_middle(before: str, text: str) -> bool:
    """Whether a sentence goes on from one line to the next: a small letter, or a word or comma that ends nothing."""
    if before.endswith(_ENDS_SENTENCE) or _TRAILING_URL.match(before):
        return False
    last = before.rpartition(" ")[2]
    return text[:1].islower() or not has_case(text) or last.endswith(",") or (last.islower() and len(last) <= 3)


def _starts_in_wrapped(piece: list[_Line], before: _Line, line: _Line, longest: int) -> bool:
    """Whether a line of a hard-wrapped paragraph begins a chunk of its own."""
    number = NUMBER.match(line.text)
    if number:
        previous = NUMBER.match(piece[0].text)
        return previous is not None and int(number[1] or number[2]) == int(previous[1] or previous[2]) + 1
    if not line.starts_chunk:
        return False
    # A dash between words can land at the start of a wrapped line; the line above is then full and unfinished.
    unfinished = len(before.text) >= longest - 16 and not before.text.endswith(_ENDS_SENTENCE)
    return not (unfinished and line.text[0] in "-–—−" and not BULLET.match(piece[0].text))


def _continues(first: _Line, before: _Line, line: _Line, column: int) -> bool:
    """Whether a line of an unwrapped file goes on where the line above stopped (R1, M18)."""
    if line.starts_chunk or NUMBER.match(line.text):
        return False
    bare = first.text.lstrip(DIRECTION_MARKS)
    if (BULLET.match(bare) or NUMBER.match(bare)) and line.indent > first.indent:
        return not LETTER.match(line.text)
    ends = before.text.endswith(_ENDS_SENTENCE) or _TRAILING_URL.match(before.text)
    # Lines far longer than a wrap column were never wrapped, so the line above was no wrapped line either.
    return bool(column and not ends and len(line.text) <= LONGEST_WRAPPED and _is_full(before, line, column))


def is_separator(text: str, separator: str | None) -> bool:
    """Whether a line separates posts: the one the front matter names, else three or more `-` or `=`."""
    return text == separator if separator else SEPARATOR.fullmatch(text) is not None


def _make_chunk(piece: list[_Line], separator: str | None) -> Chunk:
    numbers = tuple(line.number for line in piece)
    text = piece[0].text
    for line in piece[1:]:
        text += line.text if _LETTER_HYPHEN.search(text) else f" {line.text}"
    if is_separator(text, separator):
        return Chunk(text, numbers, Kind.SEPARATOR)
    url = piece[0].lone_url
    if url and len(piece) == 1:
        return Chunk(url, numbers, Kind.URL)
    return Chunk(text, numbers, Kind.TEXT, piece[0].indent)
