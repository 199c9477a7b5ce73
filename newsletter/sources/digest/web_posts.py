"""Posts copied from a web page: the author and time above each are a byline, the counters and buttons below end it.

A page's lines have no fixed form, so that everything here is a guess from the order of known lines, and is reported.
"""

from bisect import bisect
from collections import Counter
from dataclasses import dataclass, field, replace

from newsletter.sources.digest.bylines import FoundPost, PageLines, find_bylines
from newsletter.sources.digest.chunks import Chunk, Kind
from newsletter.sources.digest.noise import read_sign
from newsletter.sources.digest.notes import Byline, Guess, Omission, PieceUse
from newsletter.sources.digest.page_lines import split_lines_of_names
from newsletter.sources.digest.page_rows import find_page_rows, read_signs
from newsletter.sources.digest.vocabulary import Role
from newsletter.sources.digest.when import When
from newsletter.text.characters import strip_marks


@dataclass(slots=True)
class Part:
    """Chunks that belong together, with their byline. `times` are those left out, by the line of the chunk beside them.

    `whole`: a message, or a post of a page, that only several addresses of its own divide further.
    `single`: not even those (a thread).
    """

    chunks: list[Chunk] = field(default_factory=list)
    byline: Byline | None = None
    whole: bool = False
    single: bool = False
    times: dict[int, tuple[When, Omission]] = field(default_factory=dict)


@dataclass(slots=True)
class PageParts:
    """The parts of a text, what is in none of them, and what was guessed."""

    parts: list[Part] = field(default_factory=list)
    left_out: list[Omission] = field(default_factory=list)
    doubts: list[Guess] = field(default_factory=list)


def find_parts(chunks: list[Chunk]) -> PageParts:
    """The chunks of a text → its parts, without the lines of the page they were copied from."""
    chunks = split_lines_of_names(chunks)
    signs = read_signs(chunks)
    view = PageLines(chunks, signs, find_page_rows(chunks, signs))
    page = PageParts()
    found = find_bylines(view)
    for number, one in enumerate(found):
        end = found[number + 1].at if number + 1 < len(found) else len(chunks)
        _add_part(page, view, one, end)
    _name_by_first_lines(page)
    for part in page.parts:
        _drop_weak_start(part, page)
    return page


def _drop_weak_start(part: Part, page: PageParts) -> None:
    """`Photo` above the text of a post of a page is no title."""
    while part.whole and len(part.chunks) > 1 and part.chunks[1].kind is Kind.TEXT:
        sign = read_sign(part.chunks[0].text) if part.chunks[0].kind is Kind.TEXT else None
        if sign is None or not sign.kinds & {Role.WEAK, Role.MEDIA}:
            return
        page.left_out.append(_leave_out(part.chunks.pop(0)))


def strip_noise(chunks: list[Chunk]) -> tuple[list[Chunk], list[Omission]]:
    """The chunks of a chat's message without buttons and counters; its author and time are known already."""
    signs = read_signs(chunks)
    noise = {at for row in find_page_rows(chunks, signs) for at in range(row.start, row.end)}
    left_out = [_leave_out(chunk) for at, chunk in enumerate(chunks) if at in noise]
    return [chunk for at, chunk in enumerate(chunks) if at not in noise], left_out


def _add_part(page: PageParts, view: PageLines, found: FoundPost, end: int) -> None:
    inside = [at for at in range(found.at, end) if at not in found.lines]
    texts = [at for at in inside if at not in view.noise]
    part = Part(
        [view.chunks[at] for at in texts],
        _make_byline(page, view, found),
        whole=found.ended or bool(found.lines or found.timed),
    )
    for at in inside:
        if at in view.noise and not _place_time(part, view, at, texts):
            page.left_out.append(_leave_out(view.chunks[at]))
    _add_day(part, view, found)
    if part.chunks or part.byline:
        page.parts.append(part)


def _place_time(part: Part, view: PageLines, at: int, texts: list[int]) -> bool:
    """Takes a time as that of the byline, or of the text it stands below (or, at the beginning, above)."""
    chunk, sign = view.chunks[at], view.signs[at]
    if sign is None or sign.when is None:
        return False
    piece = Omission(chunk.text, chunk.lines, PieceUse.DATE)
    if part.byline:
        if part.byline.when is None:
            part.byline.when = sign.when
            part.byline.pieces.append(piece)
            return True
        return False
    if not texts:
        return False
    beside = view.chunks[texts[max(0, bisect(texts, at) - 1)]].lines[0]
    return part.times.setdefault(beside, (sign.when, piece))[1] is piece


def _leave_out(chunk: Chunk) -> Omission:
    return Omission(chunk.text, chunk.lines, reason="a button or counter")


def _make_byline(page: PageParts, view: PageLines, found: FoundPost) -> Byline | None:
    """The lines above a post → its byline; None if the post has none."""
    if not found.lines and not found.timed:
        return None
    byline = Byline(line=view.chunks[found.lines[0] if found.lines else found.at].lines[0])
    for at in found.lines:
        chunk = view.chunks[at]
        if at == found.name:
            byline.author = strip_marks(chunk.text)
            byline.pieces.append(Omission(chunk.text, chunk.lines, PieceUse.AUTHOR))
            page.doubts.append(Guess(chunk.lines[0], f"taken as the author of the post below: {chunk.text!r}"))
        elif at == found.day:
            byline.pieces.append(Omission(chunk.text, chunk.lines, PieceUse.DATE))
        else:
            byline.pieces.append(Omission(chunk.text, chunk.lines, reason="a line beside the author's name"))
    if found.comment:
        page.doubts.append(Guess(byline.line, "this looks like a comment; taken as a post of its own"))
    return byline


def _add_day(part: Part, view: PageLines, found: FoundPost) -> None:
    """A clock time alone gets the day that stands above it, above this message or an earlier one."""
    sign = view.signs[found.under_day] if found.under_day is not None else None
    if sign and sign.when and part.byline and part.byline.when and not part.byline.when.has_date:
        part.byline.when = replace(sign.when, clock=part.byline.when.clock)


def _name_by_first_lines(page: PageParts) -> None:
    """The same first line above two posts and more that buttons and counters end is who wrote them (a channel's name)."""
    bare = [
        part
        for part in page.parts
        if part.whole and part.byline is None and len(part.chunks) > 1 and part.chunks[0].kind is Kind.TEXT
    ]
    counts = Counter(part.chunks[0].text for part in bare)
    for part in bare:
        first = part.chunks[0]
        if counts[first.text] > 1:
            del part.chunks[0]
            part.byline = Byline(
                first.lines[0], strip_marks(first.text), pieces=[Omission(first.text, first.lines, PieceUse.AUTHOR)]
            )
            if time := part.times.pop(first.lines[0], None):
                part.times[part.chunks[0].lines[0]] = time
            page.doubts.append(Guess(first.lines[0], f"taken as the author of the post below: {first.text!r}"))
