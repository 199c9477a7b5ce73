"""The clean lines of a paste, and what a line is by itself: an address, a separator, a rule of stars."""

import re
from functools import lru_cache
from typing import NamedTuple

from newsletter.text.addresses import is_web_address
from newsletter.text.characters import strip_marks

# What a line is, is asked several times; most pastes of a page repeat most of their lines.
CACHED_LINES = 4096

_LONE_URL = re.compile(r"<?(https?://[^\s<>]+)>?", re.IGNORECASE)
# `www.example.org/1`, `example.org/1`: written as a browser shows it, on a line of its own.
_BARE_URL = re.compile(
    r"<?((?:www\.)(?:[a-z0-9-]+\.)+[a-z]{2,24}(?:[/?#][^\s<>]*)?|(?:[a-z0-9-]+\.)+[a-z]{2,24}/[^\s<>]+)>?"
)
_SEPARATOR = re.compile(r"-{3,}|={3,}")
# What lines are drawn with. Stops, brackets and pictures of faces are not: `...` and `)))` say something.
_RULE_SIGNS = re.compile(r"[-*_~=#+|/\\^%§°·•∙―‐-―※⁂⁕⁎・〰➖❖❉✦✧✱✶✻★☆\u2500-\u25ff\s]{3,}|⁂")


class Line(NamedTuple):
    """A clean line with its number in the file. `glued`: it goes on where the line above it stopped."""

    number: int
    text: str
    glued: bool = False


@lru_cache(maxsize=CACHED_LINES)
def lone_address(text: str) -> str | None:
    """The address that a line is made of, with `https://` in front if that was left out; None for other lines.

    What ends in `…` was cut off by the page that showed it, and is no address.
    """
    bare = strip_marks(text)
    match = _LONE_URL.fullmatch(bare) or _BARE_URL.fullmatch(bare.lower() if len(bare) < 300 else "")
    if not match or match[1].endswith(("…", "...")):
        return None
    url = bare.strip("<>") if "://" in match[1] else f"https://{bare.strip('<>')}"
    return url if is_web_address(url) else None


def is_separator(text: str, separator: str | None) -> bool:
    """Whether a line separates posts and alone decides: the one the front matter names, else three or more `-` or `=`."""
    return text == separator if separator else _SEPARATOR.fullmatch(text) is not None


@lru_cache(maxsize=CACHED_LINES)
def is_rule(text: str) -> bool:
    """Whether a line is drawn: three signs or more of one or two kinds (`***`, `* * *`, `_____`, `~~~`, `➖➖➖`)."""
    bare = strip_marks(text)
    if not _RULE_SIGNS.fullmatch(bare):
        return False
    signs = bare.replace(" ", "")
    return signs == "⁂" or (len(signs) >= 3 and len(set(signs)) <= 2)


@lru_cache(maxsize=CACHED_LINES)
def has_words(text: str) -> bool:
    """Whether a text holds a letter or digit of any script: one without is no title and no name."""
    return any(character.isalnum() for character in text)
