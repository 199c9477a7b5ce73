"""What the name of a column and the text of a cell say about permission to mail somebody. Pure; the words: permission_words.py.

A name is judged by its words in some twenty-five languages, a cell as a yes, a no, a time, a number or a state. What
is not understood is said to be unknown: whoever calls must ask and not guess, for a guess could mail somebody who left.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Literal, NamedTuple

from newsletter.audience import permission_words as words
from newsletter.audience.phrases import Phrases
from newsletter.audience.systems import fold

Away = Literal["pending", "unsubscribed", "bounced", "complained"]
Kind = Literal["", "wanted", "confirmed", "left", "status", "either", "doubtful"]
# The scripts that the tables have words of. A name in another one may say anything.
_KNOWN_SCRIPTS = re.compile(
    "[0-9a-z\u0370-\u03ff\u0400-\u04ff\u0590-\u06ff\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uff66-\uff9f]"
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_EITHER = re.compile(r"[/|]|\b(?:or|oder|ou|of|eller|tai|lub|nebo|vagy|или|або)\b", re.IGNORECASE)
_DATE = re.compile(r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4}|(?<!\d)(?:19|20)\d\d(?!\d)|(?<!\d)\d{10}(?:\d{3})?(?!\d)")
_COMPACT_DATE = re.compile(r"(?:19|20)\d\d[01]\d[0-3]\d(?:T?\d{4,6}Z?)?\Z")
# How databases write that there is no time.
_NO_TIME = re.compile(r"(?:0000|0001|1970|1900)-0[01]-0[01](?:[ T]0\d:00(?::00)?(?:\.0+)?(?:Z|\+00:00)?)?\Z")
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?\Z")
_NAMELESS = re.compile(r"(?:column|spalte|colonne|columna|field|feld) ?\d*\Z")
_TIME_LIMIT, _STATEMENT_WORDS = 60, 6
_EMPTY = frozenset("-–—−.·/?*[]{}()\"' ")


def _of_languages(*tables: Mapping[str, str]) -> Phrases:
    return Phrases(entry for table in tables for entries in table.values() for entry in entries.split(","))


def _whole(entries: str) -> Phrases:
    return Phrases(f"{entry.strip().rstrip('.')}." for entry in entries.split(","))


def _cells(entries: str) -> frozenset[str]:
    return frozenset(filter(None, map(fold, entries.split(","))))


class _Tables(NamedTuple):
    """The words to look for in folded text, and sets of whole cells."""

    away: Mapping[Away, Phrases]
    leaving: Phrases
    wanted: Phrases
    confirmed: Phrases
    status: Phrases
    negation: Phrases
    other_channels: Phrases
    mail: Phrases
    about: Phrases
    reason: Phrases
    region: Phrases
    proper_names: Phrases
    other_subjects: Phrases
    doubtful: Phrases
    yes: frozenset[str]
    no: frozenset[str]
    nothing: frozenset[str]
    doubtful_cells: frozenset[str]
    states: Mapping[str, str]


@cache
def _tables() -> _Tables:
    """Made once, when the first column is judged: most commands judge none."""
    return _Tables(
        away={
            "complained": _of_languages(words.COMPLAINED),
            "bounced": _of_languages(words.BOUNCED),
            "unsubscribed": _of_languages(words.LEFT),
            "pending": _of_languages(words.WAITING),
        },
        leaving=_of_languages(words.COMPLAINED, words.BOUNCED, words.LEFT),
        wanted=_of_languages(words.WANTED),
        confirmed=_of_languages(words.CONFIRMED),
        status=_of_languages(words.STATUS),
        negation=_whole(words.NOT),
        other_channels=_whole(words.OTHER_CHANNELS),
        mail=_whole(words.MAIL_WORDS),
        about=_whole(words.ABOUT),
        reason=_whole(words.REASON),
        region=_whole(words.REGION),
        proper_names=_whole(words.PROPER_NAMES),
        other_subjects=Phrases(words.OTHER_SUBJECTS.split(",")),
        doubtful=_whole(words.DOUBTFUL),
        yes=_cells(words.YES),
        no=_cells(words.NO),
        nothing=_cells(words.NOTHING),
        doubtful_cells=_cells(words.DOUBTFUL),
        # Of two readings of a word the one that means less mail stands: it is written last.
        states={cell: state for state, entries in words.CELLS.items() for cell in _cells(entries)},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What a column's name says.

    `kind`: empty, nothing about permission; `wanted`, a yes means mail; `confirmed`, a yes means that the address was
    proved; `left`, a yes means no mail, and `away` is the state of such a reader; `status`, the cells are states;
    `either`, its words contradict each other; `doubtful`, about mail or about something else.
    `about`: it tells something beside the permission (a source, a plan), so numbers and free texts in it decide nothing.
    `reason`: any text in it is why somebody left. `elsewhere`: it is about another subject, an order for example.
    `region`: it may be a part of a country. `other`: it holds proper names, or is about another way of being reached, so
    its cells say nothing about mail. `readable`: its words are in a script that the tables know.
    """

    kind: Kind = ""
    away: Away = "unsubscribed"
    about: bool = False
    reason: bool = False
    elsewhere: bool = False
    region: bool = False
    other: bool = False
    readable: bool = True


class Reading(NamedTuple):
    """What a cell says: nothing, yes, no, a number, a time, a state, or unknown. `state` is set for a state only."""

    kind: Literal["nothing", "yes", "no", "number", "time", "state", "doubtful", "unknown"]
    state: str = ""


_UNKNOWN = Reading("unknown")


@lru_cache(maxsize=1024)
def judge_name(name: str) -> Meaning:
    """A column's name → what it says about permission.

    >>> judge_name("HasOptedOutOfEmail").kind, judge_name("Abgemeldet am").kind, judge_name("Accepts SMS Marketing").kind
    ('left', 'left', '')
    """
    text = fold(_CAMEL.sub(" ", name)).replace("no of ", "number of ")
    if not text or _NAMELESS.match(text):
        return Meaning(readable=False)
    facts = Meaning(
        about=_has(_tables().about, text),
        reason=_has(_tables().reason, text),
        elsewhere=_has(_tables().other_subjects, text) and not _has(_tables().mail, text),
        region=_has(_tables().region, text),
        other=_has(_tables().proper_names, text),
        readable=all(_KNOWN_SCRIPTS.match(character) or character == " " for character in text),
    )
    if _has(_tables().other_channels, text) and not _has(_tables().mail, text):
        return replace(facts, other=True)
    kind, away = _kind_of(text, name)
    # "Mailing city" is a place and "newsletter name" a name: neither says that somebody wants mail.
    return facts if facts.other and kind == "wanted" else replace(facts, kind=kind, away=away)


def _kind_of(text: str, name: str) -> tuple[Kind, Away]:
    left, wanted = _find_away(text), _tables().wanted.find(text)
    # "Subscribed / unsubscribed", and "subscription expired".
    if wanted is not None and ((left and _EITHER.search(name)) or (not left and _has(_tables().doubtful, text))):
        return "either", "unsubscribed"
    if left and not (left[0] == "pending" and _has(_tables().status, text)):
        state, start = left
        # A soft bounce is a mailbox that was full for a day: nobody left by it.
        doubtful: Kind = "doubtful" if state == "bounced" and "soft" in text.split() else "left"
        return ("either" if _is_negated(text, start) else doubtful), state
    if _has(_tables().status, text):
        return "status", "unsubscribed"
    for kind, found in (("wanted", wanted), ("confirmed", _tables().confirmed.find(text))):
        if found is not None:
            return ("left" if _is_negated(text, found) else kind), "unsubscribed"  # type: ignore[return-value]
    return ("doubtful" if _has(_tables().doubtful, text) else ""), "unsubscribed"


def _find_away(text: str) -> tuple[Away, int] | None:
    for state, phrases in _tables().away.items():
        place = phrases.find(text)
        if place is not None:
            return state, place
    return None


def _has(phrases: Phrases, text: str) -> bool:
    return phrases.find(text) is not None


def _is_negated(text: str, start: int) -> bool:
    """Whether one of the two words before says "not"."""
    before = " ".join(text[:start].split()[-2:])
    return _has(_tables().negation, before)


def read_cell(cell: str, more: Mapping[str, str] | None = None) -> Reading:
    """A cell of a column about permission → what it says. `more`: further words (folded) and the states they mean.

    >>> read_cell("Ja"), read_cell("01.02.2025").kind, read_cell("désinscrit le 3 mai").state
    (Reading(kind='yes', state=''), 'time', 'unsubscribed')
    """
    raw = cell.strip()
    text = fold(raw)
    if more and text in more:
        return Reading("state", more[text])
    if answer := _read_answer(raw, text):
        return answer
    if state := _tables().states.get(text):
        return Reading("state", state)
    if text in _tables().doubtful_cells:
        return Reading("doubtful", "unsubscribed")
    if found := _read_statement(fold(_CAMEL.sub(" ", raw))):
        return Reading("state", found)
    return Reading("time") if _is_time(raw) else _UNKNOWN


def _read_answer(raw: str, text: str) -> Reading | None:
    """Nothing, a yes, a no or a number; None for anything else. `text` is the folded cell."""
    if raw in words.SYMBOLS:
        return Reading("yes" if words.SYMBOLS[raw] else "no")
    if not text and _EMPTY.issuperset(raw):
        return Reading("nothing")
    tables = _tables()
    if text in tables.nothing or _NO_TIME.match(raw) or raw.startswith(("http://", "https://")):
        return Reading("nothing")
    if text in tables.yes:
        return Reading("yes")
    if text in tables.no:
        return Reading("no")
    if _NUMBER.match(raw):
        return Reading("number" if raw.strip("+-0.,") else "no")
    return None


def _is_time(raw: str) -> bool:
    return len(raw) <= _TIME_LIMIT and bool(_DATE.search(raw) or _COMPACT_DATE.match(raw))


def _read_statement(text: str) -> str:
    """A few words in which somebody says that a reader left → the state; empty for none.

    That a reader wants mail is believed of whole cells only: "former subscriber" says the opposite.
    """
    if not text or text.count(" ") >= 2 * _STATEMENT_WORDS:
        return ""
    if left := _find_away(text):
        return "" if _is_negated(text, left[1]) else left[0]
    wanted = _tables().wanted.find(text)
    return "unsubscribed" if wanted is not None and _is_negated(text, wanted) else ""


def read_note(cell: str) -> Reading:
    """A cell of a column whose name says nothing → its answer or state; doubtful, if it may speak of leaving."""
    raw = cell.strip()
    if len(raw) > _TIME_LIMIT:
        return _UNKNOWN
    text = fold(raw)
    if answer := _read_answer(raw, text):
        return answer
    if text.count(" ") >= _STATEMENT_WORDS:
        return _UNKNOWN
    tables = _tables()
    if text in tables.doubtful_cells:
        return Reading("doubtful", "unsubscribed")
    if text in tables.states:
        return Reading("state", tables.states[text])
    if tables.leaving.begins(text):
        return Reading("doubtful", "unsubscribed")
    return Reading("time") if _is_time(raw) else _UNKNOWN


def speaks_of_leaving(text: str) -> bool:
    """Whether a few words, a file's name say, are about readers who left, bounced or complained."""
    folded = fold(_CAMEL.sub(" ", text))
    found = _find_away(folded)
    return found is not None and found[0] != "pending" and not _is_negated(folded, found[1])
