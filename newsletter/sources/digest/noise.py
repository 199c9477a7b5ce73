"""Lines that a page or program left in the paste: buttons, counters, times, notices (R8). Whole chunks only."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from newsletter.sources.digest.vocabulary import PhraseTables, Role, fold, vocabulary
from newsletter.sources.digest.when import When, read_when
from newsletter.text.characters import strip_marks

LONGEST = 90
# "Ana Maria is with Bo Chen and 3 others": two capitalised names at least, so that "Russia is with Iran" stays.
_NAME = r"[A-Z][\w.’'-]+"
_WITH = re.compile(rf"{_NAME}(?: {_NAME}){{1,3}} is with {_NAME}(?:,? {_NAME}){{0,4}}(?: (?:and|at) .{{1,40}})?\.?")
# Pictures that point at the address below, and the dots between two buttons.
_POINTERS = re.compile(r"[👉👇🔗➡⬇⬆▶📎\ufe0f\s]+")
_DOTS = re.compile(r"[·•⋅|\s]+")
_DASH = re.compile(r"[-–—.]")
_PICTURES = r"(?:[\u2600-\u27bf\u2b50\ufe0f\u200d\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff]\s*)+"
_PICTURE = re.compile(rf"{_PICTURES}|(?::[a-z0-9_+-]{{2,40}}:\s*)+")
_REACTIONS = re.compile(rf"(?:(?:{_PICTURES}|:[a-z0-9_+-]{{2,40}}:)\s*#\s*)+")
_HANDLE = re.compile(r"@[\w.]{1,40}(?:@[\w.-]{3,60})?")
_NUMBER = re.compile(r"\d{1,6}|\d{1,3}(?:[.,’' ]\d{3}){1,3}")
_PAGE = re.compile(r"[-–—]\s?\d{1,4}\s?[-–—]")
# Units of one letter that are at home in one language: `2 l` may be anybody's two litres.
_DOUBTFUL_UNIT = re.compile(r"[abcefgiklnopqrtuvxz]\.?")
# The site below a link's picture: `example.org`, `From example.org`.
_HOST = re.compile(r"(?:[^\W\d_]{2,8} )?(?:[a-z0-9-]{1,63}\.){1,4}[a-z]{2,24}")
# How near somebody is in a network, in any language: `• 2nd`, `• 2-й`, `• 2 度`. `• 2 kg` looks the same.
_DEGREE = re.compile(r"[•·]\s*[1-3](?:\S{0,4}| \S{1,2})\+?")
_SHORTCODE = re.compile(r":[a-z0-9_+-]{2,40}:\s*")
_PARTS = re.compile(r"\s*[·•⋅|]\s*|\s{2,}")
_CLOCK_AT_END = re.compile(r"(.*\D)(\d{1,2}:\d{2})", re.DOTALL)
_ELLIPSIS = ("…", "...")
_EXPAND_AT_END = re.compile(r"(.*\S?(?:…|\.{3}))\s*([^…\n]{2,30})$")


class LineShape(Enum):
    """What a line without words of its own looks like."""

    NUMBER = "a lone number"
    DOTS = "dots or a dash"
    PICTURE = "pictures"
    HANDLE = "a user's name"
    TIME = "a time"
    DATE = "a day"


Kind = Role | LineShape


@dataclass(frozen=True, slots=True)
class Sign:
    """What a chunk seems to be, if it is nobody's words. `strong`: whatever stands beside it.

    `weight` counts its buttons and counters of a network of people, `dotted` tells `3 d ·` from `3 d`.
    """

    kinds: frozenset[Kind]
    strong: bool = False
    when: When | None = None
    dotted: bool = False
    weight: int = 0


@lru_cache(maxsize=8192)
def read_sign(text: str) -> Sign | None:
    """A whole chunk's text → what it is on a page; None for words."""
    whole = strip_marks(text)
    if not whole or len(whole) > LONGEST:
        return None
    if not any(character.isalnum() for character in whole):
        return _read_shape(whole)
    tables = vocabulary()
    folded = fold(whole)
    counted = tables.count_phrase(folded)
    if _HANDLE.fullmatch(whole):
        return Sign(frozenset((LineShape.HANDLE,)))
    if counted == "#" and read_when(folded) is None:
        many = _NUMBER.fullmatch(folded) is None
        return Sign(frozenset((LineShape.NUMBER,)), strong=many and any(map(str.isalpha, folded)))
    if _HOST.fullmatch(folded):
        return Sign(frozenset((Role.WEAK,)))
    if _PAGE.fullmatch(whole):
        return Sign(frozenset((Role.PAGE,)), strong=True)
    if _REACTIONS.fullmatch(tables.number.sub("#", folded)):
        return Sign(frozenset((Role.COUNTER,)), strong=True, weight=1)
    if _PICTURE.fullmatch(folded):
        return Sign(frozenset((LineShape.PICTURE,)))
    if _WITH.fullmatch(whole):
        return Sign(frozenset((Role.LABEL,)), strong=True)
    if whole.startswith(_ELLIPSIS) and Role.EXPAND in tables.roles(counted):
        return Sign(frozenset((Role.EXPAND,)), strong=True)
    degree = Sign(frozenset((Role.LABEL,))) if _DEGREE.fullmatch(whole) else None
    return _read_parts(_SHORTCODE.sub("", folded)) or degree


def _read_shape(whole: str) -> Sign | None:
    if _DOTS.fullmatch(whole):
        return Sign(frozenset((LineShape.DOTS,)), strong=True)
    if _DASH.fullmatch(whole):
        return Sign(frozenset((LineShape.DOTS,)))
    if _POINTERS.fullmatch(whole):
        return Sign(frozenset((LineShape.PICTURE,)), strong=True)
    return Sign(frozenset((LineShape.PICTURE,))) if _PICTURE.fullmatch(whole) else None


def _read_parts(folded: str) -> Sign | None:
    """`3 d · Shared with Public`, `12 comments • 3 reposts`: every part must be known, but for what follows an age."""
    dotted = folded.rstrip().endswith(("·", "•", "⋅"))
    bare = folded.strip(" .·•…⋅|")
    if whole := read_when(bare):
        return Sign(frozenset((_shape_of_time(whole),)), dotted or _is_stamp(bare, whole), whole, dotted)
    parts = [part for part in _PARTS.split(bare) if part]
    kinds: set[Kind] = set()
    when: When | None = None
    weight = 0
    strong = False
    for part in parts:
        found = _read_part(part)
        if found is None:
            if when and when.relative and len(part) <= 20 and " " not in part:
                continue
            return None
        kinds |= found.kinds
        when = when or found.when
        weight += found.weight
        strong = strong or found.strong
    dotted = dotted or len(parts) > 1
    if not kinds or (len(parts) > 1 and kinds == {LineShape.NUMBER}):
        return None
    strong = strong or (dotted and (when is not None or len(parts) > 1))
    return Sign(frozenset(kinds), strong, when, dotted, weight)


@lru_cache(maxsize=8192)
def _read_part(part: str) -> Sign | None:
    tables = vocabulary()
    phrase = tables.count_phrase(part)
    if roles := tables.roles(phrase):
        return _sign_of(phrase, roles, tables)
    if when := read_when(part):
        return Sign(frozenset((_shape_of_time(when),)), strong=_is_stamp(part, when), when=when)
    if phrase == "#":
        return Sign(frozenset((LineShape.NUMBER,)))
    return _read_counter_and_time(part) or _read_row(phrase, tables)


def _read_counter_and_time(part: str) -> Sign | None:
    """`1.23K views10:12`, `Last reply 2 days ago`: a counter or label, and the time right behind it."""
    match = _CLOCK_AT_END.fullmatch(part)
    words = part.split()
    splits = [(match[1].strip(), match[2])] if match else []
    splits += [(" ".join(words[:cut]), " ".join(words[cut:])) for cut in range(1, min(4, len(words)))]
    for before, after in splits:
        when = read_when(after)
        sign = _read_part(before) if when and before else None
        if when and sign and sign.kinds & {Role.COUNTER, Role.COUNT, Role.LABEL, Role.AUDIENCE}:
            return Sign(sign.kinds | {LineShape.TIME}, sign.strong, when, weight=sign.weight)
    return None


def _shape_of_time(when: When) -> LineShape:
    return LineShape.DATE if when.has_date and not when.relative and when.clock is None else LineShape.TIME


def _is_stamp(part: str, when: When) -> bool:
    """An age in short (`3 d`) or with a word such as "ago", or a day with a clock time; a lone clock time is weak."""
    if when.relative and when.clock is None:
        words = [word for word in part.split() if not word[0].isdigit()]
        short = len(words) != 1 or (len(words[0]) <= 4 and not _DOUBTFUL_UNIT.fullmatch(words[0]))
        return any(map(str.isdigit, part)) and short
    return when.has_date and when.clock is not None


def _sign_of(phrase: str, roles: frozenset[Role], tables: PhraseTables) -> Sign:
    strong = phrase in tables.lone or (roles != {Role.WEAK} and (" " in phrase or "#" in phrase))
    # A notice or placeholder is one in a chat; elsewhere the words may be a title.
    strong = strong and bool(roles - {Role.MEDIA, Role.NOTICE, Role.WEAK})
    return Sign(roles, strong, weight=int(bool(roles & {Role.SOCIAL, Role.COUNTER})))


def _read_row(phrase: str, tables: PhraseTables) -> Sign | None:
    """Buttons or counters in a row without anything between them: `Like Comment Share`, `12 comments 3 shares`."""
    words = phrase.split()
    if not 2 <= len(words) <= 12:
        return None
    kinds: set[Kind] = set()
    weight = start = found = 0
    while start < len(words):
        for end in range(min(len(words), start + 5), start, -1):
            piece = " ".join(words[start:end])
            roles = tables.phrases.get(piece, frozenset())
            if roles & {Role.SOCIAL, Role.COUNTER, Role.COUNT} or (
                roles & {Role.ACTION, Role.LABEL, Role.AUDIENCE} and (found or piece in tables.lone)
            ):
                break
        else:
            return None
        kinds |= roles
        weight += bool(roles & {Role.SOCIAL, Role.COUNTER})
        found += 1
        start = end
    return Sign(frozenset(kinds), strong=True, weight=weight) if found > 1 and kinds else None


def is_noise(text: str) -> bool:
    """Whether a whole chunk is a button, counter or time stamp and nobody's words, whatever stands beside it."""
    sign = read_sign(text)
    return sign is not None and sign.strong


def find_noise(texts: Sequence[str]) -> list[bool]:
    """For each chunk's text whether it is noise. A lone number, day or word is, if it stands in a row with noise."""
    return find_rows([read_sign(text) for text in texts])


def find_rows(signs: Sequence[Sign | None]) -> list[bool]:
    """Which signs are noise: those of a row (signs next to each other) with a strong one, or with two weak words."""
    noise = [False] * len(signs)
    start = 0
    while start < len(signs):
        end = start
        while end < len(signs) and signs[end] is not None:
            end += 1
        if end == start:
            start += 1
            continue
        row = [sign for sign in signs[start:end] if sign is not None]
        if any(sign.strong for sign in row) or _is_row_of_words(row):
            noise[start:end] = [True] * (end - start)
        start = end
    return noise


def _is_row_of_words(row: list[Sign]) -> bool:
    """Weak signs that cannot be chance: two words of buttons, a word and a number, a picture and its number."""
    words = sum(any(isinstance(kind, Role) for kind in sign.kinds) for sign in row)
    numbers = sum(LineShape.NUMBER in sign.kinds for sign in row)
    pictures = sum(LineShape.PICTURE in sign.kinds for sign in row)
    social = sum(sign.weight for sign in row)
    return (words >= 2 and social > 0) or (social > 0 and numbers > 0) or (pictures > 0 and numbers > 0)


def split_expand(text: str) -> tuple[str, str]:
    """`The end of a text… See more` → the text and the button; a text without one → itself and nothing."""
    match = _EXPAND_AT_END.match(text) if text[-1:].isalnum() else None
    if (
        match
        and any(map(str.isalnum, match[1]))
        and Role.EXPAND in vocabulary().roles(vocabulary().count_phrase(fold(match[2])))
    ):
        return match[1], match[2]
    return text, ""


def split_label(text: str) -> tuple[str, str]:
    """`A message (edited)` → the message and the note; a text without one → itself and nothing."""
    cut = text.rfind("(")
    if cut > 0 and text.endswith(")") and len(text) - cut <= 30:
        phrase = vocabulary().count_phrase(fold(text[cut:]))
        if Role.LABEL in vocabulary().phrases.get(phrase, ()):
            return text[:cut].rstrip(), text[cut:]
    return text, ""
