"""The same story twice is left out and listed: same address, same words, or nearly the same words.

A title alone never decides ("… approves …" and "… rejects …" are nearly equal titles): it needs words to go with it. An
address decides between two sources only: two posts of one source were told apart when they were collected, so with other
words they are two posts, whatever their address.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple
from zlib import crc32

from newsletter.model import Issue, IssuePost, Post
from newsletter.text.words import fold_units, fold_words, weigh_words

_NUMBER = re.compile(r"\d+")
SHINGLE = 5
ALIKE = 0.8
TITLE_ALIKE = 90.0
ALIKE_WITH_TITLE = 0.4
# "Video below." under two titles is two stories: so few words say nothing without the title.
FEW_WORDS = 20
# The smallest hashes of a text's shingles: two texts that share 40 % of their shingles all but surely share one of these.
SKETCH = 12


@dataclass(frozen=True, slots=True)
class KnownStory:
    """A story that was told already: in a past issue, or by an earlier post of this collection. `where` names it.

    `source` is empty where it is not known.
    """

    key: str | None
    title: str
    body: str
    urls: tuple[str, ...]
    where: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A post that is left out, what it repeats, and how that shows. `likeness` is from 0 to 1; `key` is the repeated post's."""

    post: Post
    title: str
    where: str
    reason: str
    likeness: float
    key: str | None = None


class _Place(NamedTuple):
    """An address for comparing: the page without scheme, `www.` and fragment, its query sorted; and the fragment."""

    page: str
    fragment: str


@dataclass(frozen=True, slots=True)
class _StoryReading:
    """A story read for comparing. The shingles themselves are not kept: 10,000 stories of them would fill the memory."""

    places: tuple["_Place", ...]
    title: tuple[str, ...]
    words: int
    sketch: tuple[int, ...]


class StoryIndex:
    """Stories told so far, found again by key, address, title or words."""

    def __init__(self) -> None:
        self._stories: list[tuple[KnownStory, _StoryReading]] = []
        self._by_key: dict[str, int] = {}
        # page → source → fragment → the first story there
        self._by_page: dict[str, dict[str, dict[str, int]]] = {}
        self._by_title: dict[tuple[str, ...], list[int]] = {}
        self._by_sketch: dict[int, list[int]] = {}

    def add(self, told: KnownStory, reading: _StoryReading | None = None) -> None:
        """Remember a story."""
        reading = reading or _read(told)
        number = len(self._stories)
        self._stories.append((told, reading))
        if told.key:
            self._by_key.setdefault(told.key, number)
        for page, fragment in reading.places:
            self._by_page.setdefault(page, {}).setdefault(told.source, {}).setdefault(fragment, number)
        if reading.title:
            self._by_title.setdefault(reading.title, []).append(number)
        for value in reading.sketch:
            self._by_sketch.setdefault(value, []).append(number)

    def find(self, told: KnownStory, reading: _StoryReading) -> tuple[KnownStory, str, float] | None:
        """What this story repeats, if anything: the story, the reason, the likeness."""
        if told.key in self._by_key:
            return self._stories[self._by_key[told.key]][0], "the same post", 1.0
        for place in reading.places:
            if (first := self._find_at(place, told.source)) is not None:
                return self._stories[first][0], "the same address", 1.0
        for number in self._by_title.get(reading.title, ()):
            # The same title over no text on one side: the short notice of a story and the story.
            if not reading.words or not self._stories[number][1].words:
                return self._stories[number][0], "the same title", 1.0
        return self._find_alike(told, reading)

    def _find_at(self, place: _Place, source: str) -> int | None:
        """The first story at an address that is not of the same source. A page's fragments are places of their own."""
        found = []
        for other, fragments in self._by_page.get(place.page, {}).items():
            if not source or other != source:
                near = (place.fragment, "") if place.fragment else fragments
                found += [fragments[one] for one in near if one in fragments]
        return min(found, default=None)

    def _find_alike(self, told: KnownStory, reading: _StoryReading) -> tuple[KnownStory, str, float] | None:
        candidates = sorted({number for value in reading.sketch for number in self._by_sketch.get(value, ())})
        mine = _shingles(fold_units(told.body)) if candidates else frozenset()
        for number in candidates:
            other, other_reading = self._stories[number]
            likeness = _jaccard(mine, _shingles(fold_units(other.body)))
            long = min(reading.words, other_reading.words) >= FEW_WORDS
            if likeness >= ALIKE and long:
                return other, f"{likeness:.0%} of the same words", likeness
            if likeness >= ALIKE_WITH_TITLE and _titles_alike(reading.title, other_reading.title):
                return other, f"nearly the same title and {likeness:.0%} of the same words", likeness
        return None


def find_duplicates(
    posts: Iterable[Post], past: Iterable[Issue], *, sources: Mapping[str, str] | None = None
) -> tuple[tuple[Post, ...], tuple[Duplicate, ...]]:
    """Posts in order → (those that are new, those that repeat a past issue or an earlier post).

    `sources` names the source of posts of past issues, by key. Of a bare title and the story under the same title, the story
    is kept. `keep: true` in a post's front matter keeps it.
    """
    memory = remember(past, sources)
    kept: list[tuple[int, Post]] = []
    left_out: list[tuple[int, Duplicate]] = []
    # Stories before bare titles: the sort is stable, so among the others the first one collected wins.
    for position, post in sorted(enumerate(posts), key=lambda pair: not pair[1].body.strip()):
        urls = tuple(url for url in (post.url, *post.extra_urls) if url)
        told = KnownStory(post.key, post.title, post.body, urls, post.origin or post.source, post.source)
        reading = _read(told)
        match = None if post.keep else memory.find(told, reading)
        if match:
            first, reason, likeness = match
            duplicate = Duplicate(post, first.title, first.where, reason, round(likeness, 3), first.key)
            left_out.append((position, duplicate))
        else:
            memory.add(told, reading)
            kept.append((position, post))
    kept.sort(key=itemgetter(0))
    left_out.sort(key=itemgetter(0))
    return tuple(post for _, post in kept), tuple(duplicate for _, duplicate in left_out)


def remember(past: Iterable[Issue], sources: Mapping[str, str] | None = None) -> StoryIndex:
    """All posts of past issues."""
    memory = StoryIndex()
    for issue in past:
        for post in issue.posts:
            memory.add(_told(post, f"issue {issue.slug}", sources))
    return memory


def find_told(
    issue: Issue, memory: StoryIndex, sources: Mapping[str, str] | None = None
) -> Iterator[tuple[IssuePost, str]]:
    """The posts of an issue that tell a story again, and what they repeat, in words."""
    for post in issue.posts:
        told = _told(post, "", sources)
        if match := memory.find(told, _read(told)):
            yield post, f"{match[1]} as {match[0].title!r} in {match[0].where}"


def _told(post: IssuePost, where: str, sources: Mapping[str, str] | None) -> KnownStory:
    source = (sources or {}).get(post.key or "", "")
    return KnownStory(post.key, post.title, post.body, tuple(link.url for link in post.sources), where, source)


@lru_cache(maxsize=2048)
def _read(told: KnownStory) -> _StoryReading:
    units = fold_units(told.body)
    places = tuple(dict.fromkeys(place for url in told.urls if (place := _canonical(url)).page))
    return _StoryReading(
        places, tuple(fold_words(told.title)), weigh_words(units), tuple(sorted(_shingles(units))[:SKETCH])
    )


def _titles_alike(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Nearly the same words. "Release 1.0" and "Release 2.0" are not alike: a number tells one title from the next."""
    from rapidfuzz import fuzz

    if not one or not other or _numbers(one) != _numbers(other):
        return False
    return fuzz.token_sort_ratio(" ".join(one), " ".join(other)) >= TITLE_ALIKE


def _numbers(title: tuple[str, ...]) -> list[str]:
    return sorted(number for word in title for number in _NUMBER.findall(word))


def _canonical(url: str) -> _Place:
    """An address for comparing. No page for a bare host: a site is no story."""
    from w3lib.url import canonicalize_url

    try:
        plain: str = canonicalize_url(url)
    except ValueError:
        plain = url
    key = plain.partition("://")[2].removeprefix("www.").partition("#")[0].rstrip("/")
    fragment = url.partition("#")[2]
    # `#xtor=RSS-1` and `#:~:text=…` say where a reader came from or looks, `#v2` names a part of the page.
    return _Place(key if "/" in key or "?" in key else "", "" if "=" in fragment else fragment)


def _shingles(words: list[str]) -> frozenset[int]:
    """Numbers that stand for all runs of five words or characters (for the whole text, if it is shorter)."""
    if not words:
        return frozenset()
    # crc32, not hash(): Python salts the hash of texts, and the same posts must give the same verdict tomorrow.
    numbers = [crc32(word.encode()) for word in words]
    if len(numbers) < SHINGLE:
        return frozenset((hash(tuple(numbers)),))
    return frozenset(map(hash, zip(*(numbers[start:] for start in range(SHINGLE)), strict=False)))


def _jaccard(one: frozenset[int], other: frozenset[int]) -> float:
    return len(one & other) / len(one | other) if one and other else 0.0
