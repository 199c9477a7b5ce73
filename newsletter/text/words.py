"""Text as a row of words: counting, comparing, cutting and slugging. A word is a run of letters and digits."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache

from newsletter.text.characters import UNSPACED, is_unspaced

WORD = re.compile(r"[^\W_]+")
# Where the Markdown renderer would begin a link too: not in the middle of a word.
URL = re.compile(r"(?<![A-Za-z0-9.+-])https?://[^\s<>\"]+", re.IGNORECASE)
# Outside of Latin, Greek, Cyrillic, Armenian, punctuation and symbols there are marks, and scripts without spaces.
_SPECIAL = re.compile("[^\0-\u02ff\u0370-\u0482\u048a-\u0590\u2000-\u20cf\u2100-\u2bff]")
_FIRST_UNSPACED = chr(UNSPACED[0][0])
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")

# A stop after these is no sentence end. Compared in lower case, without the stop.
_ABBREVIATIONS = frozenset(
    "vs mr mrs ms dr prof st jr sr gen col lt sen rep gov no nos fig approx e.g i.e u.s u.k u.n etc inc ltd co corp".split()
    + "jan feb mar apr jun jul aug sep sept oct nov dec bzw ca z.b usw nr abs m mme".split()
)
_LONGEST_WORD = 40
_SENTENCE_END = re.compile(r"[.!?…։]+[\"'”’»)\]]*(?=\s)|[。！？؟।۔]")


def fold_words(text: str) -> list[str]:
    """The words of a Markdown text for comparing: no URLs, no tags, NFKC, case folded."""
    bare = _TAG.sub(" ", URL.sub(" ", text))
    return WORD.findall(unicodedata.normalize("NFKC", bare).casefold())


def fold_units(text: str) -> list[str]:
    """What texts are compared by: their words, folded as `fold_words` does, and the single characters of scripts that put no
    spaces between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese). Marks stay with the letter that they belong to.

    >>> fold_units("The EU与中国 in 2025")
    ['the', 'eu', '与', '中', '国', 'in', '2025']
    """
    if _SPECIAL.search(text) is None:
        return fold_words(text)
    bare = _TAG.sub(" ", URL.sub(" ", text))
    return _unit().findall(unicodedata.normalize("NFKC", bare).casefold())


@cache
def _unit() -> re.Pattern[str]:
    """A character of a script without spaces, or a word, each with its marks."""
    # What begins no word and yet belongs to one: Python's \w leaves out the vowel signs of Indic scripts, Thai and others.
    marks = "".join(chr(code) for code in range(0x300, 0x10000) if unicodedata.category(chr(code))[0] == "M")
    unspaced = "".join(f"{chr(start)}-{chr(end)}" for start, end in UNSPACED)
    return re.compile(rf"(?=[^\W_])[{unspaced}][{marks}]*|(?:[^\W_{unspaced}][{marks}]*)+")


def number_of_words(text: str) -> int:
    """How many words people would count: what stands between blanks, and each character of scripts without blanks.

    >>> number_of_words("The EU与中国 – in 2025")
    6
    """
    return sum(words + characters for words, characters in map(_count_parts, text.split()))


def weigh_words(units: Sequence[str]) -> int:
    """The length of a text in words; two characters of a script without spaces weigh as much as a word."""
    # Most texts have none: the comparison, which is quick, leaves few to look at.
    characters = sum([is_unspaced(unit[0]) for unit in units if unit >= _FIRST_UNSPACED])
    return len(units) - characters + characters // 2


def _count_parts(token: str) -> tuple[int, int]:
    """(1 if there is a word in it, the number of characters that count as words themselves)."""
    letters = [character for character in token if character.isalnum()]
    characters = 0 if token.isascii() else sum(map(is_unspaced, letters))
    return int(len(letters) > characters), characters


def sentence_ends(text: str) -> list[int]:
    """Where sentences end inside a text (offsets just past the stop); the end of the text is not listed."""
    ends = []
    for match in _SENTENCE_END.finditer(text):
        # No abbreviation is longer; the whole text before each of a million stops would be read half a million times.
        before = text[max(0, match.start() - _LONGEST_WORD) : match.start()].rsplit(None, 1)
        word = before[-1].lstrip("(\"'“‘«[").lower() if before else ""
        initial = len(word) == 1 and word.isalpha()
        if match.group().startswith(".") and (word in _ABBREVIATIONS or initial):
            continue
        if match.end() < len(text):
            ends.append(match.end())
    return ends


def first_sentence(text: str, limit: int = 120) -> str:
    """The first sentence, cut at a word if it is longer than `limit` characters."""
    flat = " ".join(text.split())
    ends = sentence_ends(flat)
    return cut_at_word(flat[: ends[0]] if ends else flat, limit)


def cut_at_word(text: str, limit: int) -> str:
    """At most `limit` characters, ending at a word with "…" where something was cut."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    cut = head.rsplit(None, 1)[0] if not text[limit - 1].isspace() and " " in head else head
    return cut.rstrip(" ,;:–—-(") + "…"


def slugify(text: str, limit: int = 60) -> str:
    """Text → `[a-z0-9-]` for file and page names; empty when it holds no Latin letter or digit."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if c not in "'’" and not unicodedata.combining(c))
    words = re.findall(r"[a-z0-9]+", bare.lower())
    slug = ""
    for word in words:
        if slug and len(slug) + 1 + len(word) > limit:
            break
        slug = f"{slug}-{word}" if slug else word[:limit]
    return slug


def suggest(word: str, known: Iterable[str]) -> str:
    """`; did you mean "port"?`, or nothing when no known name is near."""
    from difflib import get_close_matches  # 10 ms to load, and only a mistake needs it

    near = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f'; did you mean "{near[0]}"?' if near else ""


def count_of(number: int, noun: str) -> str:
    """`1 error`, `2 errors`, `1,200 errors`; of `box` the plural is `boxes`, of `entry` `entries`."""
    if number == 1:
        return f"1 {noun}"
    if noun.endswith(("s", "x", "ch", "sh")):
        return f"{number:,} {noun}es"
    return f"{number:,} {noun[:-1]}ies" if re.search("[^aeiou]y$", noun) else f"{number:,} {noun}s"
