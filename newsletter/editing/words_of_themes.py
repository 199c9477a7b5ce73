"""Finding the themes' words in a text: whole words, in any script, each text read once for all themes."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from newsletter.editing.gazetteer import country_names
from newsletter.model import Theme
from newsletter.text.characters import is_unspaced
from newsletter.text.words import URL

COUNTRY = "country:"
NEVER = -1
ANY = 0  # sides of `all` count from 1

_WORD = re.compile(r"[^\W_]+")
_FOLD = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "‐": "-", "‑": "-", "–": "-", "—": "-", "\u00ad": None})


@dataclass(frozen=True, slots=True)
class TermRole:
    """Where a word belongs: a theme's `any` (0), one of its sides (1, 2 …) or its `not` (-1)."""

    theme: str
    side: int


@dataclass(frozen=True, slots=True)
class _Term:
    text: str
    pattern: re.Pattern[str]
    slots: tuple[TermRole, ...]


@dataclass(frozen=True, slots=True)
class ThemeVocabulary:
    """All themes' words, ready to be looked up by the first word of each.

    `first_words` maps a word in lower case to the terms that begin with it; `open_ended` are words with a star,
    `unspaced` those of scripts that put no spaces between words: both are searched for as they are.
    """

    first_words: Mapping[str, tuple[_Term, ...]]
    open_ended: tuple[_Term, ...] = ()
    unspaced: tuple[_Term, ...] = ()

    def find(self, text: str) -> Mapping[TermRole, Counter[str]]:
        """Markdown text → how often each word of each slot stands in it. Of two words at one place the longer counts."""
        found: dict[TermRole, Counter[str]] = {}
        taken: dict[TermRole, int] = {}
        for start, end, term in self._hits(fold_text(text)):
            for slot in term.slots:
                if start >= taken.get(slot, 0):
                    taken[slot] = end
                    found.setdefault(slot, Counter())[term.text] += 1
        return found

    def mark(self, text: str) -> Iterator[tuple[str, tuple[TermRole, ...]]]:
        """Markdown text → its pieces in order, each with the slots that it speaks for. Addresses are left out."""
        plain = fold_text(text)
        done = 0
        for start, end, term in self._hits(plain):
            if start >= done:
                yield plain[done:start], ()
                yield plain[start:end], term.slots
                done = end
        yield plain[done:], ()

    def _hits(self, plain: str) -> Iterator[tuple[int, int, _Term]]:
        """Where words stand, from left to right, of two at one place the longer first."""
        for start, term in sorted(self._candidates(plain), key=_leftmost_longest):
            hit = term.pattern.match(plain, start)
            if hit and not _joins(plain, hit.end()):
                yield start, hit.end(), term

    def _candidates(self, plain: str) -> Iterator[tuple[int, _Term]]:
        """Where which term may begin. Sets do the work: most texts hold few of the words."""
        lower = _lower(plain)
        for word in self.first_words.keys() & set(_WORD.findall(lower)):
            for start in _whole_word(lower, word):
                for term in self.first_words[word]:
                    yield start, term
        for term in self.open_ended:
            for hit in term.pattern.finditer(plain):
                if hit.start() == 0 or not (plain[hit.start() - 1].isalnum() or _joins(plain, hit.start() - 1)):
                    yield hit.start(), term
        for term in self.unspaced:
            for hit in term.pattern.finditer(plain):
                yield hit.start(), term


def _leftmost_longest(candidate: tuple[int, _Term]) -> tuple[int, int]:
    return candidate[0], -len(candidate[1].text)


def _whole_word(lower: str, word: str) -> Iterator[int]:
    """Where a word stands as a whole."""
    start = lower.find(word)
    while start >= 0:
        end = start + len(word)
        before_ends = start == 0 or not (lower[start - 1].isalnum() or _joins(lower, start - 1))
        if before_ends and (end == len(lower) or not lower[end].isalnum()):
            yield start
        start = lower.find(word, end)


def _lower(text: str) -> str:
    """Lower case, character by character, so that every place stays the same (`İ` would become two)."""
    lower = text.lower()
    if len(lower) != len(text):
        lower = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    return lower


def _joins(text: str, position: int) -> bool:
    """Whether a combining mark stands there: then the word goes on, though `re` thinks it has ended."""
    return 0 <= position < len(text) and text[position] > "\u02ff" and unicodedata.category(text[position])[0] == "M"


def fold_text(text: str) -> str:
    """Text for matching: no addresses, one kind of apostrophe and hyphen, NFC."""
    return unicodedata.normalize("NFC", URL.sub(" ", text) if "://" in text else text).translate(_FOLD)


@lru_cache(maxsize=2)
def make_vocabulary(themes: tuple[Theme, ...]) -> ThemeVocabulary:
    """Themes → their words, countries expanded to names."""
    slots: dict[str, list[TermRole]] = {}
    for theme in themes:
        lists = [
            (NEVER, theme.never),
            (ANY, theme.any),
            (ANY, tuple(f"{COUNTRY}{code}" for code in theme.countries)),
        ]
        lists += list(enumerate(theme.all, 1))
        for side, words in lists:
            for name in dict.fromkeys(name for word in words for name in _expand(word)):
                slots.setdefault(name, []).append(TermRole(theme.slug, side))
    first: dict[str, list[_Term]] = {}
    open_ended: list[_Term] = []
    unspaced: list[_Term] = []
    for name, where in slots.items():
        folded = fold_text(name)
        start = _WORD.search(folded)
        term = _Term(name, _pattern(folded), tuple(dict.fromkeys(where)))
        if start is None or start.start() or is_unspaced(folded[0]):
            unspaced.append(term)
        elif folded.endswith("*") and start.end() == len(folded) - 1:
            open_ended.append(term)
        else:
            first.setdefault(_lower(start.group()), []).append(term)
    return ThemeVocabulary({word: tuple(terms) for word, terms in first.items()}, tuple(open_ended), tuple(unspaced))


def _expand(word: str) -> tuple[str, ...]:
    return country_names(word.removeprefix(COUNTRY)) if word.startswith(COUNTRY) else (word.strip(),)


def _pattern(folded: str) -> re.Pattern[str]:
    """`Xi` matches Xi only, `rare earth` any case, `China` also CHINA; `Azerbaijan*` what begins so."""
    bare = folded.removesuffix("*")
    forms = [bare]
    flags = re.IGNORECASE
    if bare != bare.lower():
        flags = re.NOFLAG
        # In a headline set in capitals a name is still a name; two or three letters would be an abbreviation.
        forms += [bare.upper()] if len(bare) >= 4 else []
    body = "|".join(r"\s+".join(map(re.escape, form.split())) for form in dict.fromkeys(forms))
    end = r"\w*" if folded.endswith("*") else "" if is_unspaced(bare[-1:] or " ") else r"(?!\w)"
    return re.compile(f"(?:{body}){end}", flags)
