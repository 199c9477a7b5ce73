"""Text as a row of words: counting, comparing, cutting and slugging. A word is a run of letters and digits."""

import re
import unicodedata
from collections.abc import Iterable

WORD = re.compile(r"[^\W_]+")
# Where the Markdown renderer would begin a link too: not in the middle of a word.
URL = re.compile(r"(?<![A-Za-z0-9.+-])https?://[^\s<>\"]+", re.IGNORECASE)
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
