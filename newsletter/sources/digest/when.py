"""A time stamp as a page or program writes it, in any of the known languages → what it says about the day."""

import re
from dataclasses import dataclass
from datetime import date, time, timedelta
from functools import lru_cache
from typing import Literal

from newsletter.sources.digest.vocabulary import UNITS, PhraseTables, fold, vocabulary
from newsletter.text.characters import is_unspaced

Order = Literal["day first", "month first"]

# Nobody writes a longer stamp; what is longer is not looked at.
LONGEST = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """What a stamp says. `day` is known; `orders` are the two readings of 05/07/2025 (day first, month first);
    `month_day` lacks a year; `age_days` counts back from the day of copying, if that is all there is.

    `has_date` tells a date of any kind from a bare clock time; `relative` is `3 d`, `5h` or `yesterday`. `order` is
    the order that figures such as 25/07/2025 are sure to have.
    """

    day: date | None = None
    clock: time | None = None
    orders: tuple[date, date] | None = None
    month_day: tuple[int, int] | None = None
    age_days: int | None = None
    has_date: bool = False
    relative: bool = False
    order: Order | None = None

    @property
    def is_whole_day(self) -> bool:
        """Whether it is a day with its year and nothing else: what stands above a post as a date line."""
        return self.clock is None and not self.relative and (self.day is not None or self.orders is not None)


@dataclass(slots=True)
class _Found:
    """What was found so far while the pieces of a stamp are taken out of its text."""

    rest: str
    date_parts: tuple[int, int, int] | None = None  # year, month, day
    orders: tuple[int, int, int] | None = None  # first, second, year
    month_day: tuple[int, int] | None = None
    clock: tuple[int, int, int] | None = None


_YEAR_FIRST = re.compile(r"(?<!\d)(\d{4})([-/.]) ?(\d{1,2})\2 ?(\d{1,2})(?!\d)\.?")
_YEAR_LAST = re.compile(r"(?<!\d)(\d{1,2})([-/.]) ?(\d{1,2})\2 ?(\d{4}|\d{2})(?!\d)")
_NO_YEAR = re.compile(r"(?<![\d:.])(\d{1,2})([/.])(\d{1,2})(?![\d:])\.?")
_CJK = re.compile(r"(?:(\d{4}) ?[年년] ?)?(\d{1,2}) ?[月월] ?(\d{1,2}) ?[日号號일]?")
_CLOCK = re.compile(r"(?<!\d)(\d{1,2}):(\d{2})(?::(\d{2}))?(?!\d)")
_LETTER_CLOCK = re.compile(r"(?<!\d)(\d{1,2}) ?(?:[hH時点點시]) ?(\d{2}) ?(?:min|[分분])?(?!\d)")
_DOT_CLOCK = re.compile(r"(?<!\d)(\d{1,2})\.(\d{2})(?:\.(\d{2}))?(?!\d)")
_TOKEN = re.compile(r"\d+|[^\s\d.,;:/()\[\]·•⋅|–—،؛<>-]+")
_NUMBERED = re.compile(r"\s*\(?\d+[.)]\s")  # `1. a` is the first of a list and no year
_ISO_T = re.compile(r"(?<=\d)t(?=\d)")
# Thai years count from 543 BC; they are taken for such when they cannot be ours.
_BUDDHIST = range(2480, 2644)
_OURS = range(1950, 2101)
# Years of the Persian and the Islamic calendar: a date, but of a day that is not reckoned here.
_ELSEWHERE = range(1340, 1500)


@lru_cache(maxsize=4096)
def read_when(text: str) -> When | None:
    """A stamp that is a time and nothing else, in whatever language; None if any word of it is another one."""
    if len(text) > LONGEST or not text:
        return None
    return _read(text, lenient=False)


@lru_cache(maxsize=1024)
def find_when(text: str) -> When | None:
    """The date and time that stand somewhere in a line, such as `On Sat, 5 Jul 2025 at 10:12, Ana wrote:`."""
    return _read(text[:300], lenient=True)


def _read(text: str, *, lenient: bool) -> When | None:
    tables = vocabulary()
    found = _Found(tables.compounds.sub(lambda match: f" {tables.compound_marks[match[0]]} ", fold(text)))
    _take_numbers(found)
    words = [_split_unspaced(word, tables) for word in _TOKEN.findall(found.rest)]
    tokens = [piece for pieces in words for piece in pieces]
    numbers = [int(token) for token in tokens if token.isdecimal()]
    roles = [tables.words.get(token, frozenset()) for token in tokens if not token.isdecimal()]
    if not lenient and (not all(roles) or len(numbers) > 2 or any(number > 9999 for number in numbers)):
        return None
    keys = {key for role in roles for key, _ in role}
    clock = _clock(found.clock, keys)
    if found.clock and clock is None and not lenient:
        return None
    # "3 days ago" holds a word that is short for August elsewhere: an age is looked for before a month.
    age = (
        not lenient
        and not _NUMBERED.match(text)
        and all({key for key, _ in role} & {*UNITS, "particles"} for role in roles)
    )
    return (
        _numeric(found, clock, numbers, lenient)
        or (_relative(tokens, numbers, keys, clock) if age else None)
        or _named(tokens, tables, clock, lenient)
        or (None if lenient or _NUMBERED.match(text) else _relative(tokens, numbers, keys, clock))
        or (When(clock=clock) if clock and (lenient or not numbers) else None)
    )


def _take_numbers(found: _Found) -> None:
    """Dates and clock times written in figures are taken out of the text; each kind at most once."""
    found.rest = _ISO_T.sub(" ", found.rest)
    if match := _YEAR_FIRST.search(found.rest):
        found.date_parts = (int(match[1]), int(match[3]), int(match[4]))
    elif match := _YEAR_LAST.search(found.rest):
        year = int(match[4]) + (2000 if len(match[4]) == 2 else 0)
        if match[2] == ".":
            found.date_parts = (year, int(match[3]), int(match[1]))
        else:
            found.orders = (int(match[1]), int(match[3]), year)
    elif match := _CJK.search(found.rest):
        if match[1]:
            found.date_parts = (int(match[1]), int(match[2]), int(match[3]))
        else:
            found.month_day = (int(match[2]), int(match[3]))
    has_date = match is not None
    if match:
        found.rest = found.rest[: match.start()] + " " + found.rest[match.end() :]
    clocks = (_CLOCK, _LETTER_CLOCK, _DOT_CLOCK) if has_date else (_CLOCK, _LETTER_CLOCK)
    for pattern in clocks:
        if match := pattern.search(found.rest):
            second = int(match[3] or 0) if pattern.groups > 2 else 0
            found.clock = (int(match[1]), int(match[2]), second)
            found.rest = found.rest[: match.start()] + " " + found.rest[match.end() :]
            break
    if not has_date and found.clock and (match := _NO_YEAR.search(found.rest)):
        found.month_day = (0, 0)  # 05/07 without a year may be either, and no day comes of it
        found.rest = found.rest[: match.start()] + " " + found.rest[match.end() :]


def _split_unspaced(word: str, tables: PhraseTables) -> list[str]:
    """`上午` before a clock, `小时前`: words without spaces are cut into known ones, the longest first."""
    if word in tables.words or not is_unspaced(word[0]) or len(word) > 20:
        return [word]
    pieces = []
    start = 0
    while start < len(word):
        end = next((end for end in range(len(word), start, -1) if word[start:end] in tables.words), None)
        if end is None:
            return [word]
        pieces.append(word[start:end])
        start = end
    return pieces


def _clock(parts: tuple[int, int, int] | None, keys: set[str]) -> time | None:
    if parts is None:
        return None
    hour, minute, second = parts
    if "pm" in keys and "am" not in keys and hour < 12:
        hour += 12
    elif "am" in keys and "pm" not in keys and hour == 12:
        hour = 0
    try:
        return time(hour, minute, second)
    except ValueError:
        return None


def _numeric(found: _Found, clock: time | None, numbers: list[int], lenient: bool) -> When | None:
    if numbers and not lenient:
        return None
    if found.date_parts:
        year, month, day = found.date_parts
        if year in _ELSEWHERE:
            return When(clock=clock, has_date=True)
        known = _day(year, month, day)
        return When(day=known, clock=clock, has_date=True) if known else None
    if found.orders:
        first, second, year = found.orders
        day_first, month_first = _day(year, second, first), _day(year, first, second)
        if day_first and month_first and day_first != month_first:
            return When(orders=(day_first, month_first), clock=clock, has_date=True)
        known = day_first or month_first
        order: Order | None = None if day_first and month_first else "day first" if day_first else "month first"
        return When(day=known, clock=clock, has_date=True, order=order) if known else None
    if found.month_day:
        return When(month_day=found.month_day, clock=clock, has_date=True)
    return None


def _named(tokens: list[str], tables: PhraseTables, clock: time | None, lenient: bool) -> When | None:
    """A date with the name of its month: `5 July 2025`, `July 5`, `July 5th, 2025`."""
    for position, token in enumerate(tokens):
        months = sorted({number for key, number in tables.words.get(token, ()) if key == "months"})
        if len(months) != 1:  # a word for two months in two languages says neither
            continue
        span = range(max(0, position - 3), min(len(tokens), position + 5))
        near = [int(tokens[at]) for at in sorted(span, key=lambda at: abs(at - position)) if tokens[at].isdecimal()]
        years = [year for number in near if (year := _year(number))]
        days = [number for number in near if 1 <= number <= 31 and not _year(number)]
        strangers = len(near) - len(years) - len(days)
        if not lenient and (strangers or len(days) != 1 or len(years) > 1 or len(near) < _count_numbers(tokens)):
            continue
        if not days:
            continue
        if years:
            known = _day(years[0], months[0], days[0])
            return When(day=known, clock=clock, has_date=True) if known else None
        return When(month_day=(months[0], days[0]), clock=clock, has_date=True)
    return None


def _count_numbers(tokens: list[str]) -> int:
    return sum(token.isdecimal() for token in tokens)


def _year(number: int) -> int | None:
    return number if number in _OURS else number - 543 if number in _BUDDHIST else None


def _day(year: int, month: int, day: int) -> date | None:
    known = _year(year)
    try:
        return date(known, month, day) if known else None
    except ValueError:
        return None


def _relative(tokens: list[str], numbers: list[int], keys: set[str], clock: time | None) -> When | None:
    """`3 d`, `vor 5 Std.`, `yesterday at 10:12`, `Saturday 10:12`: all but days are of no use for a date."""
    if "yesterday" in keys and not numbers:
        return When(age_days=1, clock=clock, has_date=True, relative=True)
    if "today" in keys and not numbers:
        return When(age_days=0, clock=clock, has_date=True, relative=True)
    if "now" in keys and not numbers and not clock:
        return When(has_date=True, relative=True)
    if clock:
        return When(clock=clock, has_date="weekdays" in keys, relative="weekdays" in keys) if not numbers else None
    units = keys & set(UNITS)
    if not units or len(numbers) != 1 or numbers[0] > 99:
        return None  # without a number it may be anybody's word
    roles = [{key for key, _ in vocabulary().words.get(token, ())} for token in tokens]
    number = next(at for at, token in enumerate(tokens) if token.isdecimal())
    if not any(role & set(UNITS) for role in roles[number:]):
        return None  # G7 is no seven days
    # `d` is a day; `j` is a day in French, a year in German and an hour in Indonesian, so that nothing is known.
    days = numbers[0] if units <= {"day", "second"} and "day" in units else None
    return When(age_days=days, has_date=True, relative=True)


def count_back(when: When, day: date) -> date | None:
    """The day that a stamp without a year, or with an age in days, means when it was copied on `day`."""
    if when.age_days is not None:
        return day - timedelta(days=when.age_days)
    if when.month_day and when.month_day != (0, 0):
        month, number = when.month_day
        for year in (day.year, day.year - 1):
            try:
                known = date(year, month, number)
            except ValueError:
                continue
            if known <= day:
                return known
    return None
