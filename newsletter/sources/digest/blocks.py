"""An item's chunks become its title and blocks: headings, labelled paragraphs, lists, links (R3-R6, M19-M26)."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from newsletter.sources.digest.chunks import BULLET, LETTER, NUMBER, Chunk, Kind
from newsletter.sources.digest.notes import Guess
from newsletter.sources.digest.titles import TITLE_LIMIT, is_beside_title, is_tag_line
from newsletter.text.characters import has_case, is_small
from newsletter.text.words import sentence_ends

Lines = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class HeadingBlock:
    """A heading, without its bullet and colon."""

    text: str
    lines: Lines


@dataclass(frozen=True, slots=True)
class ParagraphBlock:
    """A paragraph; `label` is the run-in heading before its first colon, colon included."""

    label: str
    text: str
    lines: Lines


@dataclass(frozen=True, slots=True)
class ListItem:
    """One bullet or number. `level` is 0 or 1; `number` is None for a bullet."""

    label: str
    text: str
    lines: Lines
    level: int = 0
    number: int | None = None


@dataclass(frozen=True, slots=True)
class ListBlock:
    """Adjacent bullets or numbers: one tight list."""

    items: tuple[ListItem, ...]

    @property
    def lines(self) -> Lines:
        """The lines of all its items."""
        return tuple(line for item in self.items for line in item.lines)


@dataclass(frozen=True, slots=True)
class LinkBlock:
    """An address on a line of its own, inside a post."""

    url: str
    lines: Lines


@dataclass(frozen=True, slots=True)
class Tags:
    """A line of hashtags: kept in the record, not part of the text."""

    tags: tuple[str, ...]
    lines: Lines


Block = HeadingBlock | ParagraphBlock | ListBlock | LinkBlock | Tags

_WORD = re.compile(r"[^\W_]+(?:[’'.-][^\W_]+)*")
_MARKDOWN_HEADING = re.compile(r"#{1,6}\s+(.*?)\s*#*\s*$")
_LABEL = re.compile(r"(.{1,90}?)(?::(?=\s)|：\s*)")
_QUOTES = tuple("\"'“‘«„‚「『")
_DASHES = frozenset("-–—−")
_COLONS = (":", "：")


def split_title(chunks: list[Chunk]) -> tuple[Chunk | None, list[Chunk]]:
    """The chunk that is the title, if the first one with a letter or digit can be, and the body's chunks (R3)."""
    for position, chunk in enumerate(chunks):
        if chunk.kind is not Kind.TEXT:
            break
        if is_beside_title(chunk):
            continue  # pictures, signs or a day above a title stay in the text
        bare = chunk.bare
        if len(bare) <= TITLE_LIMIT and not BULLET.match(bare) and not is_tag_line(chunk):
            return chunk, chunks[:position] + chunks[position + 1 :]
        break
    return None, chunks


def title_text(chunk: Chunk) -> str:
    """The words of a title chunk; an explicit Markdown `#` before them goes."""
    explicit = _MARKDOWN_HEADING.match(chunk.text)
    return " ".join((explicit[1] if explicit and explicit[1] else chunk.text).split())


def find_blocks(chunks: list[Chunk]) -> tuple[list[Block], list[Guess]]:
    """The body's chunks → blocks in order, and what the editor should look at."""
    doubts: list[Guess] = []
    emoji = _find_emoji_bullets(chunks)
    blocks: list[Block] = []
    position = 0
    while position < len(chunks):
        run = _list_run(chunks, position, emoji)
        if run:
            blocks.append(_make_list(run, emoji, doubts))
            position += len(run)
        else:
            blocks.append(_make_block(chunks, position, doubts))
            position += 1
    return blocks, doubts


def _make_block(chunks: list[Chunk], position: int, doubts: list[Guess]) -> Block:
    chunk = chunks[position]
    if chunk.kind is Kind.URL:
        return LinkBlock(chunk.text, chunk.lines)
    if "#" not in chunk.text and not chunk.text.endswith(_COLONS):
        label, rest = split_label(chunk.text) if ":" in chunk.text or "：" in chunk.text else ("", chunk.text)
        return ParagraphBlock(label, rest, chunk.lines)
    if is_tag_line(chunk):
        return Tags(tuple(tag.lstrip("#@") for tag in chunk.bare.split()), chunk.lines)
    explicit = _MARKDOWN_HEADING.match(chunk.text)
    if explicit and explicit[1]:
        return HeadingBlock(explicit[1], chunk.lines)
    text = _without_bullet(chunk)
    if is_heading(text, followed=position + 1 < len(chunks)):
        return HeadingBlock(text.rstrip().rstrip(":：").rstrip(), chunk.lines)
    if text.endswith(_COLONS) and len(text) <= 40:
        doubts.append(Guess(chunk.lines[0], f"possible heading, kept as a paragraph: {text!r}"))
    label, rest = split_label(chunk.text)
    return ParagraphBlock(label, rest, chunk.lines)


# --- headings and labels ----------------------------------------------------------------------------------------


def is_heading(text: str, *, followed: bool = True) -> bool:
    """Whether a chunk is a heading: short, ends in a colon, its significant words begin with capitals (R5)."""
    if not text.endswith(_COLONS) or len(text) > (60 if "," in text else 90):
        return False
    if sentence_ends(text):
        return False
    if not _is_cased(text):
        return len(text) <= 40
    if text == text.upper():  # an author who writes in capitals gives no sign (M25)
        return len(text) <= 40 and followed
    return _capital_ratio(text) >= 0.6


def split_label(text: str) -> tuple[str, str]:
    """A run-in heading and the rest: `("Russian Responses:", "Russia has …")`, or `("", text)` (R6)."""
    match = _LABEL.match(text)
    if not match:
        return "", text
    label, rest = match[1], text[match.end() :].lstrip()
    if not rest or not _is_label(label, rest):
        return "", text
    return text[: match.end()].rstrip(), rest


def _is_label(label: str, rest: str) -> bool:
    words = _WORD.findall(label)
    if not words or len(words) > 12 or sentence_ends(label + " x") or "://" in label:
        return False
    if not _is_cased(label):
        return len(label) <= 20 and not all(word.isdigit() for word in words)
    # `Smith told Reuters: “…”` is speech (M23).
    if rest.startswith(_QUOTES) and any(is_small(word[0]) and len(word) > 3 for word in words):
        return False
    if label == label.upper() and len(label) > 40:
        return False
    return _capital_ratio(label) >= 0.6


def _is_cased(text: str) -> bool:
    """Whether at least half of the letters are of a script that begins words with capitals."""
    letters = [character for character in text if character.isalpha()]
    return 2 * sum(map(has_case, letters)) >= len(letters)


def _capital_ratio(text: str) -> float:
    significant = [word for word in _WORD.findall(text) if len(word) > 3 or not is_small(word[0])]
    if not significant:
        return 0.0
    return sum(not is_small(word[0]) for word in significant) / len(significant)


# --- lists ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Marker:
    family: str
    text: str
    number: int | None = None


def _marker(chunk: Chunk, emoji: frozenset[str]) -> _Marker | None:
    """The bullet or number a chunk begins with. Dashes of any length are one family, other bullets each their own."""
    if chunk.kind is not Kind.TEXT:
        return None
    bare = chunk.bare
    if bare[0].isalpha() and bare[1:2] != ")" and not emoji:
        return None
    if match := BULLET.match(bare):
        return _Marker("-" if match[1] in _DASHES else match[1].strip(), bare[match.end() :])
    if match := NUMBER.match(bare):
        return _Marker("1" + (match[3] or "("), bare[match.end() :], int(match[1] or match[2]))
    if LETTER.match(bare):
        return _Marker("a)", bare)  # Markdown has no lists with letters, so the letter stays in the text
    first = bare.split(" ", 1)[0]
    return _Marker(first, bare) if first in emoji else None


def _find_emoji_bullets(chunks: list[Chunk]) -> frozenset[str]:
    """Pictures that begin two chunks or more: bullets, but part of the text as well (M21)."""
    firsts = Counter(chunk.bare.split(" ", 1)[0] for chunk in chunks if chunk.kind is Kind.TEXT and " " in chunk.bare)
    return frozenset(
        first for first, count in firsts.items() if count >= 2 and first and unicodedata.category(first[0]) == "So"
    )


def _without_bullet(chunk: Chunk) -> str:
    match = BULLET.match(chunk.bare)
    return chunk.bare[match.end() :] if match else chunk.text


def _list_run(chunks: list[Chunk], start: int, emoji: frozenset[str]) -> list[Chunk]:
    """The chunks from `start` on that make one list; empty if there is none."""
    if _marker(chunks[start], emoji) is None:
        return []
    run: list[Chunk] = []
    numbers: dict[str, list[tuple[int, int]]] = {}  # by kind of number: (where in the run, which)
    for position in range(start, len(chunks)):
        marker = _marker(chunks[position], emoji)
        if marker is None or _is_bulleted_heading(chunks, position) or (marker.family == "a)" and not run):
            break
        if marker.number is not None:
            family = numbers.setdefault(marker.family, [])
            if family and marker.number != family[-1][1] + 1:
                break  # `2025. A year` is text, and so is a second count from 1
            family.append((len(run), marker.number))
        run.append(chunks[position])
    return run[: _end_of_counts(list(numbers.values()), len(run))]


def _end_of_counts(families: list[list[tuple[int, int]]], length: int) -> int:
    """Where a run must end so that each kind of number in it stands at least twice (M20)."""
    while True:
        inside = [[at for at, _ in family if at < length] for family in families]
        alone = [places[0] for places in inside if len(places) == 1]
        if not alone:
            return length
        length = min(alone)


def _is_bulleted_heading(chunks: list[Chunk], position: int) -> bool:
    chunk = chunks[position]
    following = chunks[position + 1] if position + 1 < len(chunks) else None
    nests = following is not None and following.indent > chunk.indent and BULLET.match(following.bare)
    return not nests and BULLET.match(chunk.bare) is not None and is_heading(_without_bullet(chunk))


def _make_list(run: list[Chunk], emoji: frozenset[str], doubts: list[Guess]) -> ListBlock:
    """Levels by indent and by marker: deeper or another kind of bullet is nested, two levels are kept (M19)."""
    items = []
    levels: list[tuple[int, str]] = []
    for chunk in run:
        marker = _marker(chunk, emoji)
        if marker is None:  # every chunk of a run has one
            continue
        depth = _depth(levels, chunk.indent, marker.family)
        if depth > 1:
            doubts.append(Guess(chunk.lines[0], "bullets nested three deep; kept at the second level"))
        label, text = split_label(marker.text)
        items.append(ListItem(label, text, chunk.lines, min(depth, 1), marker.number))
    return ListBlock(tuple(items))


def _depth(levels: list[tuple[int, str]], indent: int, family: str) -> int:
    """How deep a bullet stands; `levels` holds (indent, family) of the open levels and is kept up to date."""
    while levels and indent < levels[-1][0] - 1:
        levels.pop()
    known = [position for position, (_, other) in enumerate(levels) if other == family]
    if levels and indent >= levels[-1][0] + 2:
        levels.append((indent, family))
    elif known:
        del levels[known[-1] + 1 :]
    else:
        levels.append((max(indent, levels[-1][0] if levels else 0), family))
    return len(levels) - 1


def iterate_texts(blocks: list[Block]) -> Iterator[str]:
    """Every piece of text of the blocks in order: what the words are counted over."""
    for block in blocks:
        match block:
            case HeadingBlock(text=text):
                yield text
            case ParagraphBlock(label=label, text=text):
                yield f"{label} {text}"
            case ListBlock(items=items):
                yield from (f"{item.label} {item.text}" for item in items)
            case LinkBlock(url=url):
                yield url
            case Tags(tags=tags):
                yield " ".join(tags)
