"""The lines of a web page among a paste's chunks: rows of them, and which rows are the footer of a post."""

from collections import Counter
from dataclasses import dataclass

from newsletter.sources.digest.chunks import Chunk, Kind
from newsletter.sources.digest.noise import LineShape, Sign, find_rows, read_sign
from newsletter.sources.digest.page_lines import learn_buttons
from newsletter.sources.digest.vocabulary import Role
from newsletter.text.characters import is_small

_FOOTER = frozenset((Role.SOCIAL, Role.COUNTER, Role.ACTION, Role.EXPAND, Role.COUNT, Role.WEAK, LineShape.NUMBER))
_CLOCK = frozenset((LineShape.TIME, Role.LABEL, Role.WEAK))


@dataclass(frozen=True, slots=True)
class Row:
    """Neighbouring chunks that are nobody's words, from `start` up to `end`; a footer reaches up to `cut` (else 0)."""

    start: int
    end: int
    cut: int


def read_signs(chunks: list[Chunk]) -> list[Sign | None]:
    """What each chunk seems to be on a page; None for text, addresses and separators."""
    signs = [read_sign(chunk.text) if chunk.kind is Kind.TEXT else None for chunk in chunks]
    learn_buttons(chunks, signs)
    return signs


def find_page_rows(chunks: list[Chunk], signs: list[Sign | None]) -> list[Row]:
    """The rows of noise in order. Handles, bare counters and clock times are noise only on a page of their kind."""
    noise = find_rows(signs)
    handles = [
        at for at, sign in enumerate(signs) if at and sign and LineShape.HANDLE in sign.kinds and signs[at - 1] is None
    ]
    if handles and any(sign and sign.when for sign in signs):
        _add_counters(signs, noise)
        for at in handles:
            noise[at] = True
            if at + 1 < len(signs) and (below := signs[at + 1]) and below.when:
                noise[at + 1] = True
        _spread(signs, noise)
    clocks = [at for at, sign in enumerate(signs) if sign and is_clock(sign)]
    if len(clocks) >= 2 and _is_chat(chunks, signs, clocks):
        for at in clocks:
            noise[at] = True
        _spread(signs, noise)
    times_end = bool(signs) and (last := signs[-1]) is not None and is_clock(last)
    rows = []
    start = 0
    while start < len(noise):
        end = start
        while end < len(noise) and noise[end]:
            end += 1
        if end > start:
            rows.append(Row(start, end, _footer_end(signs, start, end, bare=bool(handles), times_end=times_end)))
        start = max(end, start + 1)
    return rows


def _add_counters(signs: list[Sign | None], noise: list[bool]) -> None:
    for at in range(1, len(signs)):
        before, sign = signs[at - 1], signs[at]
        if before and sign and LineShape.NUMBER in before.kinds and LineShape.NUMBER in sign.kinds:
            noise[at - 1] = noise[at] = True


def is_name_like(chunk: Chunk) -> bool:
    """Whether a chunk has the form of a person's name: one to three words, none with a small first letter, no figures."""
    words = chunk.text.split()
    return (
        chunk.kind is Kind.TEXT
        and 1 <= len(words) <= 3
        and len(chunk.text) <= 40
        and not chunk.text.endswith(tuple(".:;!?…。：！？؟।۔։,"))
        and all(word[0].isalpha() and not is_small(word[0]) for word in words)
    )


def is_clock(sign: Sign) -> bool:
    """Whether a chunk is the time of a chat's message: a clock time, with or without a day, and no age."""
    when = sign.when
    return bool(when and when.clock and (when.age_days is not None or not when.relative)) and sign.kinds <= _CLOCK


def _spread(signs: list[Sign | None], noise: list[bool]) -> None:
    """Weak signs next to noise are noise as well; but not days, which may stand above a post."""
    for order in (range(1, len(signs)), range(len(signs) - 2, -1, -1)):
        for at in order:
            neighbour = noise[at - 1] if order.step > 0 else noise[at + 1]
            sign = signs[at]
            if neighbour and sign and LineShape.DATE not in sign.kinds:
                noise[at] = True


def _is_chat(chunks: list[Chunk], signs: list[Sign | None], clocks: list[int]) -> bool:
    """Whether lone clock times are those of messages: a day stands above, or names repeat, or counters or dashes do.

    Or all stand right below what has the form of a name, at the beginning or below an address.
    """
    first = signs[0]
    before = [signs[at - 1] for at in clocks if at]
    names = Counter(chunks[at - 1].text for at in clocks if at)
    return (
        bool(first and first.when and first.when.has_date and first.when.clock is None)
        or any(sign and LineShape.DOTS in sign.kinds for sign in before)
        or any(sign and sign.weight and sign.strong for sign in signs)
        or max(names.values(), default=0) > 1
        or all(at and is_name_like(chunks[at - 1]) and (at == 1 or chunks[at - 2].kind is Kind.URL) for at in clocks)
    )


def _footer_end(signs: list[Sign | None], start: int, end: int, *, bare: bool, times_end: bool) -> int:
    """Where the counters and buttons that end a post end; 0 if the row is no footer.

    It is one, if it holds two counters or buttons and one of them is a social network's ("12 comments", "Like"); a
    counter of views with a clock time; or two numbers and more on a page of handles (`bare`). `times_end`: the time of
    each post stands below its counters.
    """
    row = [sign for sign in signs[start:end] if sign]
    weight = sum(sign.weight for sign in row)
    numbers = sum(LineShape.NUMBER in sign.kinds for sign in row)
    others = sum(bool(sign.kinds & {Role.ACTION, Role.COUNT}) and not sign.weight for sign in row)
    clock = any(sign.when and sign.when.clock for sign in row)
    viewed = clock and any(Role.COUNT in sign.kinds for sign in row)
    if not viewed and not (bare and numbers >= 2) and (not weight or weight + numbers + others < 2):
        return 0
    if times_end and is_clock(row[-1]):
        return end
    return max((at + 1 for at in range(start, end) if (sign := signs[at]) and sign.kinds & _FOOTER), default=0)
