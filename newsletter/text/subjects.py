"""Titles that others wrote → words that may stand in the subject of a mail, or in its preheader."""

import re
import unicodedata

from newsletter.links import SLOT_PREFIX
from newsletter.text.characters import DIRECTION_MARKS, drop_controls
from newsletter.text.encoded_words import decode_words

# What stands before the subject of an answer or of a forwarded mail, in the languages in which mail programs write it.
ANSWER = re.compile(r"\s*(?:re|fwd?|aw|wg|antw|sv)\s*(?:\[\d+\]\s*)?:", re.IGNORECASE)


def fit_line(text: str) -> str:
    """One line without control characters and without marks that turn the direction of letters."""
    flat = " ".join(drop_controls(text).split())
    return "".join(character for character in flat if character not in DIRECTION_MARKS)


def fit_subject(text: str) -> str:
    """A title → words for a subject: no `Re:` in front, nothing that a mail client would decode; empty if none can be seen.

    Attack: the title `=?utf-8?q?a=0aBcc:_evil@x?=` becomes a header line once something decodes a subject twice.

    >>> fit_subject("Re: AW: [list] Zoning law"), fit_subject("\\u202e\\u200b")
    ('[list] Zoning law', '')
    """
    line = fit_line(text)
    while match := ANSWER.match(line):
        line = line[match.end() :].lstrip()
    if decode_words(line) != line:
        line = line.replace("=?", "= ?")
    line = line.replace(SLOT_PREFIX, SLOT_PREFIX.strip("_"))
    return line if any(map(is_seen, line)) else ""


def is_seen(character: str) -> bool:
    """Whether a character leaves ink: it is no blank, no mark on another letter, no control or format character."""
    return unicodedata.category(character) not in ("Cc", "Cf", "Cn", "Co", "Cs", "Mn", "Me", "Zs", "Zl", "Zp")
