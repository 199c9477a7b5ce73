"""The words that places put around posts: buttons, counters, months, notices. One table a language in `languages/`.

All languages are known at once, because a paste does not say whose interface it was copied from. Adding a language
is adding one file; docs/digests.md says what each key means.
"""

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any

from newsletter.text.characters import DIRECTION_MARKS

LANGUAGES = Path(__file__).parent / "languages"


class Role(Enum):
    """What a line that is nobody's words does on the page it was copied from. The values are the keys of the tables."""

    SOCIAL = "social"  # buttons of a network of people: Like, Comment, Reply
    ACTION = "actions"  # buttons that any page may have: Share, Save, Translate
    EXPAND = "expand"  # See more
    WEAK = "weak"  # words that are noise only beside other noise
    AUDIENCE = "audience"  # who may see a post; stands below its author
    LABEL = "labels"  # what stands beside an author: Edited, Follow, 2nd
    COUNTER = "counters"  # 12 comments
    COUNT = "counts"  # 1.2K views
    REPOST = "reposts"  # Ben reposted this
    MEDIA = "media"  # image omitted
    NOTICE = "notices"  # This message was deleted
    PAGE = "pages"  # page 3 of 4
    GREETING = "greetings"


PHRASES = tuple(role for role in Role if role is not Role.GREETING)
# Keys of the tables that are read word by word: what dates, mail headers and attributions are made of.
UNITS = ("second", "minute", "hour", "day", "week", "month", "year")
DATE_WORDS = ("today", "yesterday", "now", "am", "pm", *UNITS, "particles")
MAIL_WORDS = ("wrote", "mail_from", "mail_date", "mail_other", "mail_rules")
KEYS = frozenset(
    {role.value for role in Role} | {"months", "weekdays", "lone", "multipliers", *DATE_WORDS, *MAIL_WORDS}
)

# Digits of the scripts that the languages are written in → ASCII. (`str.isdecimal` knows them all, a table is quicker.)
_ZEROS = (0x0660, 0x06F0, 0x0966, 0x09E6, 0x0E50, 0xFF10)
_DIGITS = {zero + digit: str(digit) for zero in _ZEROS for digit in range(10)}
_APOSTROPHES = dict.fromkeys(map(ord, "’‘ʼ`´׳"), "'") | {ord("״"): '"'}
# Arabic vowel signs are written or left out as one pleases.
_GONE = dict.fromkeys(map(ord, DIRECTION_MARKS + "\u00ad\ufe0f\u200c\u200d")) | dict.fromkeys(range(0x064B, 0x0653))
_FOLD = _DIGITS | _APOSTROPHES | _GONE | {0x00A0: " ", 0x202F: " ", 0x2009: " ", 0x3000: " ", 0x0970: "."}
_LETTER_DOT = re.compile(r"(?<=[^\W\d_])\.\s?(?=[^\W\d_]\.)")
_QUOTES = re.compile(r"[“”„\"«»‹›「」『』:：!！?՝՞՜։]")
_PRIVATE = 0xE000


def fold(text: str) -> str:
    """The text as tables hold it: case folded, ASCII digits, one kind of apostrophe, no marks, `a.m.` → `am.`."""
    plain = unicodedata.normalize("NFC", text.translate(_FOLD)).casefold()
    return " ".join(_LETTER_DOT.sub("", plain).split())


@dataclass(frozen=True, slots=True)
class PhraseTables:
    """The tables of all languages, turned around: what a phrase or word may be.

    `words` are those of dates (month and weekday numbers count from 1, others are key names), `compounds` joins those
    of several words into one private character. `starts` and `ends` are phrases with a name in them (`* reposted`).
    """

    phrases: dict[str, frozenset[Role]]
    lone: frozenset[str]
    words: dict[str, frozenset[tuple[str, int]]]
    compounds: re.Pattern[str]
    compound_marks: dict[str, str]
    starts: dict[str, list[tuple[str, Role]]]
    ends: dict[str, list[tuple[str, Role]]]
    number: re.Pattern[str]
    greetings: frozenset[str]
    mail: dict[str, frozenset[str]]

    def roles(self, phrase: str) -> frozenset[Role]:
        """What a phrase (prepared by `count_phrase`) may be; empty for anybody's words."""
        found = self.phrases.get(phrase)
        if found is not None or len(phrase) < 4:
            return found or frozenset()
        roles = {role for start, role in self.starts.get(phrase[:3], ()) if phrase.startswith(start)}
        roles |= {role for end, role in self.ends.get(phrase[-3:], ()) if phrase.endswith(end)}
        return frozenset(roles)

    def count_phrase(self, folded: str) -> str:
        """A folded text with `#` for each number and without quotes, colons and commas: the form that phrases are kept in."""
        bare = _QUOTES.sub(" ", self.number.sub("#", folded)).replace(",", " ").replace("،", " ").replace("、", " ")
        return " ".join(bare.split()).strip(" .…")


@lru_cache(maxsize=1)
def vocabulary() -> PhraseTables:
    """The tables of all languages. They are read once, in about 30 ms."""
    tables = [tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(LANGUAGES.glob("*.toml"))]
    words, compounds = _date_words(tables)
    multipliers = sorted({fold(word) for table in tables for word in table.get("multipliers", ())}, key=len)
    number = re.compile(
        r"\d+(?:(?:[.,'٫٬]| (?=\d{3}(?!\d)))\d+)*"
        rf"(?: ?(?:{'|'.join(map(re.escape, reversed(multipliers)))})(?![^\W\d_])\.?)?\+?"
    )
    empty = PhraseTables({}, frozenset(), {}, number, {}, {}, {}, number, frozenset(), {})
    phrases, starts, ends = _phrases(tables, empty)
    return PhraseTables(
        phrases=phrases,
        lone=frozenset(empty.count_phrase(fold(word)) for table in tables for word in table.get("lone", ())),
        words=words,
        compounds=re.compile("|".join(rf"(?<![^\W\d_]){re.escape(text)}(?![^\W\d_])" for text in compounds)),
        compound_marks=compounds,
        starts=starts,
        ends=ends,
        number=number,
        greetings=frozenset(fold(word) for table in tables for word in table.get("greetings", ())),
        mail={
            key: frozenset(empty.count_phrase(fold(word)) for table in tables for word in table.get(key, ()))
            for key in MAIL_WORDS
        },
    )


def _phrases(
    tables: list[dict[str, Any]], empty: PhraseTables
) -> tuple[dict[str, frozenset[Role]], dict[str, list[tuple[str, Role]]], dict[str, list[tuple[str, Role]]]]:
    phrases: dict[str, frozenset[Role]] = {}
    starts: dict[str, list[tuple[str, Role]]] = {}
    ends: dict[str, list[tuple[str, Role]]] = {}
    for table in tables:
        for role in PHRASES:
            for written in table.get(role.value, ()):
                before, star, after = fold(written).partition("*")
                if star and before:
                    start = empty.count_phrase(before) + (" " if before.endswith(" ") else "")
                    starts.setdefault(start[:3], []).append((start, role))
                elif star:
                    end = (" " if after.startswith(" ") else "") + empty.count_phrase(after)
                    ends.setdefault(end[-3:], []).append((end, role))
                else:
                    phrase = empty.count_phrase(before)
                    phrases[phrase] = phrases.get(phrase, frozenset()) | {role}
    return phrases, starts, ends


def _date_words(tables: list[dict[str, Any]]) -> tuple[dict[str, frozenset[tuple[str, int]]], dict[str, str]]:
    """Words of dates → what they may be, and the private characters that stand for those of several words."""
    found: dict[str, set[tuple[str, int]]] = {}
    for table in tables:
        for key in ("months", "weekdays"):
            for number, variants in enumerate(table[key], 1):
                for variant in variants.split():
                    found.setdefault(_bare(variant.replace("_", " ")), set()).add((key, number))
        for key in DATE_WORDS:
            for word in table.get(key, ()):
                found.setdefault(_bare(word), set()).add((key, 0))
    several = sorted((word for word in found if " " in word or re.search(r"[\d'\"-]", word)), key=len, reverse=True)
    compounds = {word: chr(_PRIVATE + number) for number, word in enumerate(several)}
    return {compounds.get(word, word): frozenset(roles) for word, roles in found.items()}, compounds


def _bare(word: str) -> str:
    return fold(word).rstrip(".")
