"""Where the posts of a web page begin: the lines above each that name its author, and the footer of the one before."""

from collections import Counter
from dataclasses import dataclass, field

from newsletter.sources.digest.chunks import Chunk, Kind
from newsletter.sources.digest.lines import has_words
from newsletter.sources.digest.noise import LineShape, Sign
from newsletter.sources.digest.page_rows import Row, is_clock, is_name_like
from newsletter.sources.digest.vocabulary import Role
from newsletter.text.characters import strip_marks
from newsletter.text.words import sentence_ends

LONGEST_NAME = 80
# A name, the same again, a headline, a scrambled time: more lines than these are a text.
MOST_LINES = 4
_ENDS_BYLINE = frozenset((LineShape.TIME, LineShape.DATE, Role.AUDIENCE, LineShape.HANDLE))
_BESIDE_NAME = frozenset((Role.LABEL, Role.COUNT))
_SURE = frozenset((Role.AUDIENCE, LineShape.HANDLE))
_STOPS = tuple(".:;!?…。：！？؟।۔։,")


@dataclass(slots=True)
class PageLines:
    """The chunks of a page, what each seems to be, the rows that are nobody's words, and the names found so far."""

    chunks: list[Chunk]
    signs: list[Sign | None]
    rows: list[Row]
    noise: set[int] = field(init=False)
    names: set[str] = field(default_factory=set)
    is_chat: bool = field(init=False)
    has_footers: bool = field(init=False)

    def __post_init__(self) -> None:
        self.noise = {at for row in self.rows for at in range(row.start, row.end)}
        self.is_chat = sum(is_clock(sign) for at in self.noise if (sign := self.signs[at])) >= 2
        self.has_footers = any(row.cut for row in self.rows)

    def is_text(self, at: int) -> bool:
        """Whether a chunk is text; a weak sign that stayed (a day, a lone "New") is."""
        return self.chunks[at].kind is Kind.TEXT and at not in self.noise

    def texts(self, start: int, end: int) -> list[int]:
        """The chunks of text from `start` up to `end`; the last sixteen are enough for a byline."""
        return [at for at in range(max(start, end - 16), end) if self.is_text(at)]

    def written(self, lines: list[int]) -> list[int]:
        """Those of the lines that are somebody's words: no day, no lone "New"."""
        return [at for at in lines if self.signs[at] is None]


@dataclass(slots=True)
class FoundPost:
    """A post of a page that begins at chunk `at`. All numbers are indexes of chunks.

    `lines` are those of its byline, `name` the one with the author, `day` the one with a day, `under_day` the last such
    line. `timed`: a time stands at its beginning. `ended`: a footer ends it. `comment`: its time stands below it.
    """

    at: int
    lines: tuple[int, ...] = ()
    name: int | None = None
    day: int | None = None
    under_day: int | None = None
    timed: bool = False
    ended: bool = False
    comment: bool = False


def find_bylines(page: PageLines) -> list[FoundPost]:
    """The posts of a page in order; the first begins at chunk 0, whatever it is."""
    found = [FoundPost(0)]
    stop, fresh = 0, True  # what may be a byline begins after `stop`; `fresh`: nothing of its post stands before it
    barriers = _barriers(page)
    for row in page.rows:
        if barriers[row.start] > stop:
            stop, fresh = barriers[row.start], True
        start = row.start
        if row.cut:
            if fresh:
                _find_comment(page, row, found, stop)
            found[-1].ended = True
            stop, fresh, start = _end_of_footer(page, row), True, row.cut
            found.append(FoundPost(stop, under_day=found[-1].under_day))
        one = _read_row(page, start, row.end, stop, fresh=fresh) if start < row.end else None
        if one:
            _add(found, one)
            if one.name is not None:
                page.names.add(page.chunks[one.name].text)
            stop, fresh = max(row.end, max(one.lines, default=0) + 1), False
    return found


def _add(found: list[FoundPost], one: FoundPost) -> None:
    """Adds a post, or puts it in the place of the one that begins where it does."""
    before = found[-1]
    one.under_day = before.under_day if one.day is None else one.day
    one.ended = one.ended or (before.ended and one.at <= before.at)
    if one.at <= before.at:
        found[-1] = one
    else:
        found.append(one)


def _end_of_footer(page: PageLines, row: Row) -> int:
    """Where a footer ends: addresses right behind it are those of the post above, unless addresses lead the posts."""
    end = row.cut
    leading = page.chunks[0].kind is Kind.URL and page.chunks[-1].kind is not Kind.URL
    while row.cut == row.end and not leading and end < len(page.chunks) and page.chunks[end].kind is Kind.URL:
        end += 1
    return end


def _barriers(page: PageLines) -> list[int]:
    """For each chunk where the text around it begins: behind the last address or separator before it."""
    last = 0
    result = []
    for at, chunk in enumerate(page.chunks):
        result.append(last)
        if chunk.kind is not Kind.TEXT:
            last = at + 1
    return result


def _find_comment(page: PageLines, row: Row, found: list[FoundPost], stop: int) -> None:
    """If a footer begins with an age and goes on with buttons, the post above it is a comment, its first line a name."""
    first = page.signs[row.start]
    texts = page.texts(stop, row.start)
    below = first is not None and first.kinds == {LineShape.TIME} and row.cut - row.start > 1
    if below and len(texts) > 1 and not found[-1].lines and _may_be_name(page.chunks[texts[0]]):
        _add(found, FoundPost(texts[0], (texts[0],), texts[0], comment=True))


def _read_row(page: PageLines, start: int, end: int, stop: int, *, fresh: bool) -> FoundPost | None:
    """A row above or within a text: whether it ends a byline, and which lines above it belong to that."""
    kinds = {kind for sign in page.signs[start:end] if sign for kind in sign.kinds}
    beside = fresh and page.has_footers and end - start > 1 and kinds >= _BESIDE_NAME
    if not kinds & _ENDS_BYLINE and not beside:
        return None
    above = page.texts(stop, start)
    lines = _lines_above(page, above, fresh=fresh)
    written = page.written(lines)
    if written and end < len(page.chunks) and page.is_text(end) and _are_initials(page, written[-1], end):
        return FoundPost(lines[0], (*lines, end), end, _day_in(page, lines))
    name = _choose_name(page, written, start) if written else None
    if name is not None and _is_named(page, start, end, written, name, fresh=fresh):
        return FoundPost(lines[0], tuple(lines), name, _day_in(page, lines))
    chat = page.is_chat and any(sign and is_clock(sign) for sign in page.signs[start:end])
    if chat or (kinds & _SURE and not above):
        while lines and page.signs[lines[0]] is None:
            lines = lines[1:]
        return FoundPost(lines[0] if lines else start, tuple(lines), None, _day_in(page, lines), timed=True)
    return None


def _day_in(page: PageLines, lines: list[int]) -> int | None:
    return next((at for at in reversed(lines) if (sign := page.signs[at]) and sign.when), None)


def _is_named(page: PageLines, start: int, end: int, written: list[int], name: int, *, fresh: bool) -> bool:
    """Whether what the page shows speaks for a name above a row of signs.

    A title with `3 hours ago` below it stays a title, unless the page has buttons and counters of a network.
    """
    row = [sign for sign in page.signs[start:end] if sign]
    kinds = {kind for sign in row for kind in sign.kinds}
    if not _may_be_name(page.chunks[name]):
        # "Ana Example added 3 new photos." above an audience is no name alone, but no title either.
        return fresh and len(written) == 1 and bool(kinds & _SURE) and len(page.chunks[name].text) <= LONGEST_NAME
    twice = len({page.chunks[at].text for at in written}) < len(written)
    if kinds & _SURE or twice or _stands_beside(page, name) or page.chunks[name].text in page.names:
        return True
    dotted = LineShape.DOTS in kinds or any(sign.dotted for sign in row)
    chat = page.is_chat and any(is_clock(sign) for sign in row)
    return (fresh and page.has_footers) or ((dotted or chat) and is_name_like(page.chunks[name]))


def _lines_above(page: PageLines, above: list[int], *, fresh: bool) -> list[int]:
    """The lines above a row that belong to its byline, if it ends one."""
    if fresh and len(above) <= MOST_LINES + 2 and sum(page.signs[at] is None for at in above) <= MOST_LINES:
        return above
    if not above:
        return []
    first = len(above) - 1
    for position in range(len(above) - 1, max(-1, len(above) - 4), -1):
        if _stands_beside(page, above[position]):
            first = position
            break
    while first and (
        page.chunks[above[first - 1]].text == page.chunks[above[first]].text or page.signs[above[first - 1]] is not None
    ):
        first -= 1
    return above[first:]


def _stands_beside(page: PageLines, at: int) -> bool:
    """Whether a line such as `2nd`, `12,345 followers` or `@ana` stands right below a chunk."""
    below = page.signs[at + 1] if at + 1 < len(page.signs) else None
    return below is not None and bool(below.kinds & (_BESIDE_NAME | {LineShape.HANDLE}))


def _choose_name(page: PageLines, written: list[int], row: int) -> int:
    """The name among the lines of a byline: one with a line beside it, that is known, or stands twice; else the first.

    Of two names above a dot the second is the author's, the first that of a group.
    """
    first = page.signs[row]
    dotted = first is not None and first.kinds == {LineShape.DOTS} and len(written) == 2
    texts = Counter(page.chunks[at].text for at in written)
    beside = [at for at in written if _stands_beside(page, at)]
    member = [at for at in written[1:] if dotted and is_name_like(page.chunks[at])]
    known = [at for at in written if page.chunks[at].text in page.names]
    twice = [at for at in written if texts[page.chunks[at].text] > 1]
    return (beside or member or known or twice or written)[0]


def _may_be_name(chunk: Chunk) -> bool:
    text = strip_marks(chunk.text)
    if not has_words(text) or len(text) > LONGEST_NAME or chunk.kind is not Kind.TEXT:
        return False
    return (
        not text.endswith(_STOPS) and not sentence_ends(text) and "://" not in text and not text.startswith(("#", "-"))
    )


def _are_initials(page: PageLines, at: int, name: int) -> bool:
    """Whether a text is the first letters of a name's first two words, as a page shows them in place of a picture."""
    letters = "".join(word[0] for word in page.chunks[name].text.split()[:2])
    return len(page.chunks[at].text) <= 3 and page.chunks[at].text.casefold() == letters.casefold()
