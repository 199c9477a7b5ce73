"""Lines become chunks: a paragraph, bullet, heading or address each, whatever the paste did to the line ends (R1, R1a, R2a)."""

import re
from collections.abc import Sequence
from enum import Enum
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from newsletter.sources.digest.lines import CACHED_LINES, Line, is_rule, is_separator, lone_address
from newsletter.sources.digest.noise import LineShape, is_noise, read_sign
from newsletter.sources.urls import site
from newsletter.text.addresses import is_web_address
from newsletter.text.characters import DIRECTION_MARKS, has_case, is_small, strip_marks

_TRAILING_URL = re.compile(r"^(.*\S)\s+<?(https?://[^\s<>]+)>?$", re.IGNORECASE)
_HAS_URL = re.compile(r"https?://", re.IGNORECASE)
# A • needs no space after it; any other sign without one is part of a word or number. Word's bullets are characters of
# its symbol font, and letters of others with a tab after them.
BULLET = re.compile(r"(--|[-–—−•·‣▪◦●○⁃→*+]|[\uf000-\uf0ff]|[o§Øüv](?=\s{2}))(?:\s+|(?<=•))(?=\S)")
NUMBER = re.compile(r"(?:\((\d{1,3})\)|(\d{1,3})([.)]))\s+(?=\S)")
LETTER = re.compile(r"[a-zA-Z]\)\s+(?=\S)")
LONGEST_WRAPPED = 90
# A shorter line was not wrapped because it was full.
FULL = 55
ENDS_SENTENCE = tuple(".:!?…。：！？؟।۔։")
# RFC 3986 Appendix C: line breaks within an address between < and > are not part of it.
_OPEN_ADDRESS = re.compile(r"(?:^|\s)<https?://[^\s<>]*$", re.IGNORECASE)
_GOES_ON = re.compile(r"[^\s<>]+>?")
_HASHES = re.compile(r"#{1,6}\s")
_LETTER_HYPHEN = re.compile(r"[^\W\d_]-$")


class Kind(Enum):
    """What a chunk is at first sight; the blocks know more."""

    TEXT = "text"
    URL = "url"
    SEPARATOR = "separator"
    RULE = "rule"


class Chunk(NamedTuple):
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


class _ChunkLine(NamedTuple):
    number: int
    text: str
    indent: int
    glued: bool
    in_address: bool = False

    @property
    def starts_chunk(self) -> bool:
        """Whether the line can only be the beginning of something (a bullet, an address, a Markdown heading)."""
        bare = self.text.lstrip(DIRECTION_MARKS)
        return bool(BULLET.match(bare) or _HASHES.match(bare) or lone_address(self.text) or is_rule(self.text))


def find_chunks(lines: Sequence[Line], separator: str | None = None) -> list[Chunk]:
    """Clean lines → chunks in order. `separator` is a line that the file's front matter names."""
    paragraphs = _find_paragraphs(lines)
    wrapped = is_hard_wrapped(lines)
    chunks = []
    for paragraph in paragraphs:
        chunks += [_make_chunk(piece, separator) for piece in _join_lines(paragraph, wrapped, separator)]
    return chunks


def is_hard_wrapped(lines: Sequence[Line]) -> bool:
    """Whether the whole text was wrapped at some column (R1a)."""
    lengths = [len(text) for _, text, _ in lines if text and not _HAS_URL.search(text) and not is_noise(text)]
    blank = any(not text for _, text, _ in lines)
    longest = max(lengths, default=0)
    full = sum(length >= longest - 16 for length in lengths)
    if not blank or not 40 <= longest <= 120 or len(lengths) < 4 or full < 0.6 * len(lengths):
        return False
    return len(lengths) >= 8 or _breaks_within_sentences(lines)


def _breaks_within_sentences(lines: Sequence[Line]) -> bool:
    """Whether three breaks at least are within paragraphs, and all of them within a sentence: a small letter follows."""
    pairs = [(before.text, line.text) for before, line in pairwise(lines) if before.text and line.text]
    pairs = [(before, text) for before, text in pairs if not lone_address(text)]
    return len(pairs) > 2 and all(is_small(text[0]) and not before.endswith(ENDS_SENTENCE) for before, text in pairs)


def split_trailing_urls(chunks: list[Chunk], terminator: str | None) -> list[Chunk]:
    """A chunk that ends in an address of the terminator site → its text and the address (R2a).

    Bullets or numbers in a row that each end in an address are a list of links, and no posts.
    """
    result: list[Chunk] = []
    links = [trailing_url(chunk) is not None and is_listed(chunk) for chunk in chunks]
    for position, chunk in enumerate(chunks):
        in_list = links[position] and any(links[max(0, position - 1) : position] + links[position + 1 : position + 2])
        url = trailing_url(chunk) if terminator and not in_list else None
        if url and site(url) == terminator:
            result += split_address(chunk)
        else:
            result.append(chunk)
    return result


def split_address(chunk: Chunk) -> tuple[Chunk, Chunk]:
    """A chunk that ends in an address → its text and the address, each as a chunk."""
    match = _TRAILING_URL.match(strip_marks(chunk.text))
    if not match:
        raise ValueError("ends in no address")
    return Chunk(match[1], chunk.lines, Kind.TEXT, chunk.indent), Chunk(match[2], chunk.lines[-1:], Kind.URL)


def split_letter_bullet(chunk: Chunk) -> tuple[Chunk, str]:
    """A bullet that is a letter (Word's `o`) → the same with a ring, and the letter; other chunks → themselves and ""."""
    if "  " not in chunk.text[:8]:
        return chunk, ""
    match = BULLET.match(chunk.bare) if chunk.kind is Kind.TEXT else None
    if not match or not match[1].isalpha():
        return chunk, ""
    return chunk._replace(text=f"◦ {chunk.bare[match.end() :]}"), match[1]


def is_listed(chunk: Chunk) -> bool:
    """Whether a chunk begins with a bullet or number."""
    return chunk.kind is Kind.TEXT and bool(BULLET.match(chunk.bare) or NUMBER.match(chunk.bare))


def trailing_url(chunk: Chunk) -> str | None:
    """The address at the end of a text chunk, if there is one."""
    if chunk.kind is not Kind.TEXT or "://" not in chunk.text:
        return None
    match = _TRAILING_URL.match(strip_marks(chunk.text))
    return match[2] if match and is_web_address(match[2]) else None


def _find_paragraphs(lines: Sequence[Line]) -> list[list[_ChunkLine]]:
    paragraphs: list[list[_ChunkLine]] = [[]]
    for number, text, glued in lines:
        expanded = text.expandtabs(4) if "\t" in text else text
        bare = expanded.strip()
        if bare and (bare[0] not in DIRECTION_MARKS or strip_marks(bare)):
            indent = len(expanded) - len(expanded.lstrip()) if expanded[0] == " " else 0
            paragraphs[-1].append(_ChunkLine(number, bare, indent, glued))
        elif paragraphs[-1]:
            paragraphs.append([])
    return [paragraph for paragraph in paragraphs if paragraph]


def _join_lines(paragraph: list[_ChunkLine], wrapped: bool, separator: str | None) -> list[list[_ChunkLine]]:
    paragraph = _find_broken_addresses(paragraph)
    if not wrapped and _joins_nothing(paragraph):
        return [[line] for line in paragraph]
    longest = max(len(line.text) for line in paragraph)
    column = 0 if wrapped else _wrap_column(paragraph)
    pieces: list[list[_ChunkLine]] = [[paragraph[0]]]
    for before, line in pairwise(paragraph):
        if line.in_address or (line.glued and not line.starts_chunk and not line.text.startswith("<http")):
            pieces[-1].append(line)
            continue
        closed = any(_stands_alone(one.text, separator, wrapped=wrapped) for one in (before, line))
        if wrapped:
            joins = not closed and not _starts_in_wrapped(pieces[-1], before, line, longest)
        else:
            joins = not closed and _continues(pieces[-1][0], before, line, column)
        if joins:
            pieces[-1].append(line)
        else:
            pieces.append([line])
    return pieces


def _joins_nothing(paragraph: list[_ChunkLine]) -> bool:
    """Whether a paragraph has no line that could go on on the next one: none full, none indented, none glued."""
    return all(
        len(line.text) < FULL and not line.indent and not line.glued and not line.in_address for line in paragraph
    )


@lru_cache(maxsize=CACHED_LINES)
def _stands_alone(text: str, separator: str | None, *, wrapped: bool) -> bool:
    """Whether a line is never joined with another; a number may be the last word of a wrapped paragraph."""
    sign = read_sign(text)
    if sign and (sign.strong or (LineShape.NUMBER in sign.kinds and not wrapped)):
        return True
    return is_separator(text, separator) or lone_address(text) is not None or is_rule(text)


def _find_broken_addresses(paragraph: list[_ChunkLine]) -> list[_ChunkLine]:
    """The same lines; `in_address` are those on which an address goes on that was begun up to three lines above."""
    inside: set[int] = set()
    for position, line in enumerate(paragraph):
        if "<" not in line.text or not _OPEN_ADDRESS.search(line.text):
            continue
        for end, after in enumerate(paragraph[position + 1 : position + 4], position + 1):
            if not _GOES_ON.fullmatch(after.text):
                break
            if after.text.endswith(">"):
                inside.update(range(position + 1, end + 1))
                break
    return [line._replace(in_address=at in inside) for at, line in enumerate(paragraph)] if inside else paragraph


def _wrap_column(paragraph: list[_ChunkLine]) -> int:
    """The column at which a paragraph seems to have been wrapped, 0 if nothing speaks for it.

    What speaks for it is a line that was full and goes on in the middle of a sentence.
    """
    lines = [line for line in paragraph if len(line.text) <= LONGEST_WRAPPED]
    column = max((len(line.text) for line in lines if not _HAS_URL.search(line.text)), default=0)
    goes_on = any(_is_full(a, b, column) and _is_middle(a.text, b.text) for a, b in pairwise(paragraph))
    return column if goes_on else 0


def _is_full(before: _ChunkLine, line: _ChunkLine, column: int) -> bool:
    """Whether the first word of `line` had no room left on the line before it."""
    return FULL <= len(before.text) <= 80 and len(before.text) + 1 + len(line.text.split(" ", 1)[0]) > column


def _is_middle(before: str, text: str) -> bool:
    """Whether a sentence goes on from one line to the next: a small letter, or a word or comma that ends nothing."""
    if before.endswith(ENDS_SENTENCE) or _TRAILING_URL.match(before):
        return False
    last = before.rpartition(" ")[2]
    return is_small(text[:1]) or not has_case(text) or last.endswith(",") or (last.islower() and len(last) <= 3)


def _starts_in_wrapped(piece: list[_ChunkLine], before: _ChunkLine, line: _ChunkLine, longest: int) -> bool:
    """Whether a line of a hard-wrapped paragraph begins a chunk of its own."""
    number = NUMBER.match(line.text)
    if number:
        previous = NUMBER.match(piece[0].text)
        return previous is not None and int(number[1] or number[2]) == int(previous[1] or previous[2]) + 1
    if not line.starts_chunk:
        return False
    # A dash between words can land at the start of a wrapped line; the line above is then full and unfinished.
    unfinished = len(before.text) >= longest - 16 and not before.text.endswith(ENDS_SENTENCE)
    return not (unfinished and line.text[0] in "-–—−" and not BULLET.match(piece[0].text))


def _continues(first: _ChunkLine, before: _ChunkLine, line: _ChunkLine, column: int) -> bool:
    """Whether a line of an unwrapped file goes on where the line above stopped (R1, M18)."""
    if line.starts_chunk or NUMBER.match(line.text):
        return False
    bare = first.text.lstrip(DIRECTION_MARKS)
    if (BULLET.match(bare) or NUMBER.match(bare)) and line.indent > first.indent:
        return not LETTER.match(line.text)
    ends = before.text.endswith(ENDS_SENTENCE) or _TRAILING_URL.match(before.text)
    # Lines far longer than a wrap column were never wrapped, so the line above was no wrapped line either.
    return bool(column and not ends and len(line.text) <= LONGEST_WRAPPED and _is_full(before, line, column))


def _join(piece: list[_ChunkLine]) -> str:
    """The lines as one text; what each line adds is looked at once, however long the text has become."""
    parts: list[str] = []
    end, with_address = "", False  # the last two characters of the text; whether its last word holds an address
    for line in piece:
        hyphen = _LETTER_HYPHEN.search(end) is not None and not with_address
        glued = not parts or line.in_address or hyphen
        added = line.text if glued else f" {line.text}"
        with_address = _HAS_URL.search(added.rpartition(" ")[2]) is not None or (with_address and " " not in added)
        end = (end + added)[-2:]
        parts.append(added)
    return "".join(parts)


def _make_chunk(piece: list[_ChunkLine], separator: str | None) -> Chunk:
    if len(piece) == 1:
        number, text, indent = piece[0][:3]
        kind, text = _read_kind(text, separator)
        return Chunk(text, (number,), kind, indent if kind is Kind.TEXT else 0)
    kind, text = _read_kind(_join(piece), separator)
    return Chunk(text, tuple(line.number for line in piece), kind, piece[0].indent if kind is Kind.TEXT else 0)


@lru_cache(maxsize=CACHED_LINES)
def _read_kind(text: str, separator: str | None) -> tuple[Kind, str]:
    """What a line is, and its text: of an address, the address alone."""
    if is_separator(text, separator):
        return Kind.SEPARATOR, text
    if url := lone_address(text):
        return Kind.URL, url
    return (Kind.RULE if is_rule(text) else Kind.TEXT), text
