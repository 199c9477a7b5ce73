"""Chat exports: the name and time that a program puts on the line of each message, in whatever locale it runs.

The forms are few and fixed; docs/digests.md lists them. A form without a date counts only where it comes twice.
"""

import re
from collections import Counter
from dataclasses import dataclass

from newsletter.sources.digest.lines import Line, has_words
from newsletter.sources.digest.noise import read_sign
from newsletter.sources.digest.notes import Byline, Omission, PieceUse
from newsletter.sources.digest.when import LONGEST, When, read_when
from newsletter.text.characters import DIRECTION_MARKS, strip_marks

LONGEST_NAME = 60
_DASH = re.compile(r"\s[-–—]\s")
_IN_BRACKETS = re.compile(r"\[([^\[\]]{1,60})\]\s*")
_AFTER_NAME = re.compile(r"(.{1,60}?)[,\s]\s*\[([^\[\]]{4,48})\]:?\s*(.*)", re.DOTALL)
_NAME_AND_TEXT = re.compile(r"([^:：\n]{1,60}?)\s?[:：](?:\s(.*)|)", re.DOTALL)
# IRC: `<ana> text`
_IN_ANGLES = re.compile(r"<([^<>\s]{1,40})>\s(.*)", re.DOTALL)
# LINE: clock, tab, name, tab, text.
_TABS = re.compile(r"(\d{1,2}:\d{2})\t([^\t]{1,60})\t(.*)", re.DOTALL)
_BEFORE_CLOCK = re.compile(r"(\S.{0,59}?)(?:\s+[—–]\s+|\s{2,})(\S.{3,40})")
_BEFORE_DATE = re.compile(r"(\S.{0,39}?)\s(\d{4}[-/]\d{1,2}[-/]\d{1,2}\s\d{1,2}:\d{2}(?::\d{2})?)")
_ROLE = re.compile(r"\s*\[[^\[\]]*\]\s*,?$|,$")  # `Ana Example [DESK],` on Discord
_PHONE = re.compile(r"[+(\d][\d\s().-]{5,}")
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Stamp:
    """What stands in front of a message: its form, time and name, and the text behind it.

    `fixed`: a date and a clock time; without one the form must come twice. `named` is False for notices and for
    messages whose sender stands elsewhere.
    """

    form: str
    when: When
    name: str
    text: str
    named: bool

    @property
    def fixed(self) -> bool:
        """Whether the form is sure by itself."""
        return self.when.has_date and self.when.clock is not None


def find_stamps(lines: list[Line]) -> dict[int, Stamp]:
    """The stamps of all lines by index: the fixed ones, and those without a date whose form comes twice at least."""
    found = {position: stamp for position, line in enumerate(lines) if (stamp := read_stamp(line.text))}
    forms = Counter(stamp.form for stamp in found.values())
    dated = any(stamp.fixed for stamp in found.values())
    return {
        position: stamp
        for position, stamp in found.items()
        if stamp.fixed or forms[stamp.form] > 1 or (dated and stamp.form == "brackets")
    }


def read_stamp(text: str) -> Stamp | None:
    """One line → the stamp it begins with (or is), if it has one of the known forms."""
    bare = text.lstrip(DIRECTION_MARKS + " ")
    head = bare[: LONGEST + LONGEST_NAME]
    if not _DIGIT.search(head) or "://" in head.split(" ", 1)[0]:
        return None
    for read in (_read_brackets, _read_dash, _read_comma, _read_after_name, _read_tabs, _read_end):
        if stamp := read(bare):
            return stamp
    return None


def _read_brackets(text: str) -> Stamp | None:
    """`[05/07/2025, 10:12:33] Ana: text` (iPhone, Signal), `[name] [10:12] text` (KakaoTalk), `[10:12] text` (Discord)."""
    match = _IN_BRACKETS.match(text)
    if not match:
        return None
    rest = text[match.end() :]
    when = _time(match[1])
    if when:
        return _with_name("brackets", when, rest)
    second = _IN_BRACKETS.match(rest)
    if second and (when := _time(second[1])) and has_words(match[1]):
        return Stamp("two brackets", when, match[1], rest[second.end() :], named=True)
    return None


def _read_dash(text: str) -> Stamp | None:
    """`05.07.25, 10:12 - Anna: text`: WhatsApp for Android. What has no name is a notice of the program."""
    match = _DASH.search(text[: LONGEST + 3])
    when = _time(text[: match.start()]) if match else None
    return _with_name("dash", when, text[match.end() :]) if match and when and when.has_date else None


def _read_comma(text: str) -> Stamp | None:
    """`2025. 7. 5. 오전 10:12, Kim : text`: WhatsApp and KakaoTalk in Korean."""
    head = text[:LONGEST]
    for match in re.finditer(r", ", head):
        when = _time(head[: match.start()])
        if when and when.has_date:
            stamp = _with_name("comma", when, text[match.end() :])
            return stamp if stamp.named else None
    return None


def _read_after_name(text: str) -> Stamp | None:
    """`Ana Example, [05.07.2025 10:12]`: Telegram; without the comma: Slack."""
    match = _AFTER_NAME.fullmatch(text[:400]) if "[" in text[:LONGEST] and len(text) < 400 else None
    when = _time(match[2]) if match else None
    return Stamp("after name", when, match[1], match[3], named=True) if match and when and has_words(match[1]) else None


def _read_tabs(text: str) -> Stamp | None:
    match = _TABS.fullmatch(text) if "\t" in text[:10] else None
    when = _time(match[1]) if match else None
    return Stamp("tabs", when, match[2], match[3], named=True) if match and when else None


def _read_end(text: str) -> Stamp | None:
    """`Ana Example — 05/07/2025 10:12` (Discord), `Ana Example  10:12 AM` (Slack), `Ana 2025-07-05 10:12:33` (WeChat)."""
    if len(text) > LONGEST + LONGEST_NAME:
        return None
    for pattern in (_BEFORE_CLOCK, _BEFORE_DATE):
        match = pattern.fullmatch(text)
        when = _time(match[2]) if match else None
        if match and when and has_words(match[1]) and not _DIGIT.match(match[1]) and read_sign(match[1]) is None:
            return Stamp("end of line", when, match[1], "", named=True)
    return None


def _time(text: str) -> When | None:
    """A stamp's time: what is a time as a whole and has a clock. `[12:30]` is one, `[2025]` and `[1]` are none."""
    when = read_when(strip_marks(text))
    return when if when and when.clock is not None else None


def _with_name(form: str, when: When, rest: str) -> Stamp:
    match = _IN_ANGLES.fullmatch(rest) or _NAME_AND_TEXT.fullmatch(rest)
    if match and has_words(match[1]) and "//" not in (match[2] or "")[:2]:
        return Stamp(form, when, match[1], match[2] or "", named=True)
    return Stamp(form, when, "", rest, named=False)


def make_byline(line: Line, stamp: Stamp) -> Byline:
    """A stamp → its byline. A telephone number is nobody's name, and is not published."""
    name = _ROLE.sub("", strip_marks(strip_marks(stamp.name).lstrip("~\u00a0 ")))
    before = line.text[: len(line.text) - len(stamp.text)]  # the text is the end of the line
    author = "" if _PHONE.fullmatch(name) or not has_words(name) else name
    rest = " ".join(before.replace(author, " ", 1).split()) if author else before
    pieces = [Omission(rest, (line.number,), PieceUse.DATE)]
    if author:
        pieces.append(Omission(author, (line.number,), PieceUse.AUTHOR))
    return Byline(line.number, author, stamp.when, pieces, exact=True)
