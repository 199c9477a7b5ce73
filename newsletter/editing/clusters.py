"""Posts that no theme claims, and that speak of the same thing, are proposed as a theme of their own. Pure, without random.

A post is its words and pairs of words; rare ones weigh more (tf-idf), names twice. The two groups that are most alike are
joined, again and again, while their posts are alike on average; three posts that share words are a proposal.
"""

import heapq
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from newsletter.editing.words_of_themes import NEVER, ThemeVocabulary, make_vocabulary
from newsletter.model import Post, Theme
from newsletter.text.words import URL, WORD, fold_words, sentence_ends, slugify

FEWEST = 3
ALIKE = 0.1
NAMES_WEIGH = 2.0
# The newest ones: comparing grows with the square of their number.
MOST_POSTS = 400
_WORDS = 6
_SHORTEST = 4
_BETWEEN = re.compile(r"[ \t]+")


@dataclass(frozen=True, slots=True)
class Proposal:
    """A theme that could be: words for its `any`, and the posts that share them."""

    slug: str
    title: str
    words: tuple[str, ...]
    posts: tuple[Post, ...]

    @property
    def toml(self) -> str:
        """A block for newsletter.toml."""
        words = ", ".join(json.dumps(word, ensure_ascii=False) for word in self.words)
        title = json.dumps(self.title, ensure_ascii=False)
        return f'[[themes]]\nslug = "{self.slug}"\ntitle = {title}\nany = [{words}]\n'


@dataclass(frozen=True, slots=True)
class _PostTerms:
    """A post's terms with how often they stand there, and how each is written."""

    terms: Mapping[str, int]
    spellings: Mapping[str, Counter[str]]
    names: frozenset[str]


def propose_themes(unsorted: Sequence[Post], others: Iterable[Post], themes: tuple[Theme, ...]) -> tuple[Proposal, ...]:
    """Unsorted posts, oldest first → themes to think about, the largest first. `others` tell which words are common."""
    posts = _once(unsorted)[-MOST_POSTS:]
    readings = [_read(post) for post in posts]
    names = _find_names(readings)
    common = Counter(term for reading in readings for term in reading.terms)
    count = len(readings)
    for post in others:
        common.update(dict.fromkeys(_read(post).terms, 1))
        count += 1
    weights = [_weigh(reading, common, count, names) for reading in readings]
    groups = sorted(_join(_compare(weights)), key=lambda group: (-len(group), group))
    vocabulary = make_vocabulary(themes)
    taken = {theme.slug for theme in themes} | {"unsorted"}
    found = []
    for group in groups:
        words = tuple(_choose_words(group, readings, weights, names, vocabulary))
        slug = slugify(words[0]) if words else ""
        if len(words) > 1 and slug and slug not in taken:
            taken.add(slug)
            title = words[0][:1].upper() + words[0][1:]
            found.append(Proposal(slug, title, words, tuple(posts[number] for number in group)))
    return tuple(found)


def _once(posts: Iterable[Post]) -> list[Post]:
    """Without those that repeat a key or a title: one story told three times is no theme."""
    kept: dict[tuple[str, ...], Post] = {}
    keys: set[str] = set()
    for post in posts:
        if post.key not in keys:
            keys.add(post.key)
            kept.setdefault(tuple(fold_words(post.title)), post)
    return list(kept.values())


# --- reading ------------------------------------------------------------------------------------------------------


def _read(post: Post) -> _PostTerms:
    """Words and pairs of neighbours, counted; words of a post that are written with a capital inside of a sentence."""
    terms: Counter[str] = Counter()
    spellings: dict[str, Counter[str]] = {}
    names, small = set(), set()
    for text, is_title in ((post.title, True), (post.body, False)):
        bare = URL.sub(" ", text)
        starts = {0, *_sentence_starts(bare)}
        before = None
        for match in WORD.finditer(bare):
            raw, word = match.group(), match.group().casefold()
            terms[word] += 1
            spellings.setdefault(word, Counter())[raw] += 1
            if raw == raw.lower():
                small.add(word)
            elif not is_title and match.start() not in starts:
                names.add(word)
            if before and _BETWEEN.fullmatch(bare, before.end(), match.start()):
                pair = f"{before.group()} {raw}"
                terms[pair.casefold()] += 1
                spellings.setdefault(pair.casefold(), Counter())[pair] += 1
            before = match
    return _PostTerms(terms, spellings, frozenset(names - small))


def _sentence_starts(text: str) -> Iterator[int]:
    """Where the first word of each sentence and each paragraph begins: a capital says nothing there."""
    for end in (0, *sentence_ends(text), *(match.end() for match in re.finditer(r"\n", text))):
        word = WORD.search(text, end)
        if word:
            yield word.start()


def _find_names(readings: Iterable[_PostTerms]) -> frozenset[str]:
    """Words that are names wherever they stand inside of a sentence."""
    names: set[str] = set()
    small: set[str] = set()
    for reading in readings:
        names |= reading.names
        small |= {word for word, spellings in reading.spellings.items() if any(raw == raw.lower() for raw in spellings)}
    return frozenset(names - small)


def _weigh(reading: _PostTerms, common: Mapping[str, int], count: int, names: frozenset[str]) -> dict[str, float]:
    """Term → its share of the post; the squares add up to 1. A pair that stands nowhere else is left out: most do."""
    weights = {}
    for term, times in reading.terms.items():
        rare = math.log(count / common[term])
        if rare and not (common[term] == 1 and " " in term):
            named = any(word in names for word in term.split(" "))
            weights[term] = (1 + math.log(times)) * rare * (NAMES_WEIGH if named else 1.0)
    length = math.sqrt(math.fsum(weight * weight for weight in weights.values())) or 1.0
    return {term: weight / length for term, weight in weights.items()}


# --- joining ------------------------------------------------------------------------------------------------------


def _compare(weights: Sequence[Mapping[str, float]]) -> dict[int, dict[int, float]]:
    """The cosine of all pairs of posts that share a term."""
    alike: dict[int, dict[int, float]] = {number: {} for number in range(len(weights))}
    holders: dict[str, list[int]] = {}
    for number, terms in enumerate(weights):
        for term, weight in terms.items():
            for other in holders.setdefault(term, []):
                likeness = alike[other].get(number, 0.0) + weight * weights[other][term]
                alike[other][number] = alike[number][other] = likeness
            holders[term].append(number)
    return alike


def _join(alike: dict[int, dict[int, float]]) -> list[tuple[int, ...]]:
    """Groups of at least three posts, by average likeness; of equals those that come first are joined first."""
    groups: dict[int, tuple[int, ...]] = {number: (number,) for number in alike}
    waiting = [(-likeness, one, other) for one, row in alike.items() for other, likeness in row.items() if one < other]
    heapq.heapify(waiting)
    fresh = len(groups)
    while waiting:
        nearness, one, other = heapq.heappop(waiting)
        if -nearness < ALIKE:
            break
        if one not in groups or other not in groups:
            continue
        group = groups[fresh] = (*groups.pop(one), *groups.pop(other))
        first, second = alike.pop(one), alike.pop(other)
        alike[fresh] = {}
        for number in sorted(groups):
            total = first.get(number, 0.0) + second.get(number, 0.0)
            if number != fresh and total:
                alike[fresh][number] = alike[number][fresh] = total
                heapq.heappush(waiting, (-total / len(group) / len(groups[number]), number, fresh))
        fresh += 1
    return [tuple(sorted(group)) for group in groups.values() if len(group) >= FEWEST]


# --- words --------------------------------------------------------------------------------------------------------


def _choose_words(
    group: Sequence[int],
    readings: Sequence[_PostTerms],
    weights: Sequence[Mapping[str, float]],
    names: frozenset[str],
    vocabulary: ThemeVocabulary,
) -> Iterator[str]:
    """The words that at least half of the group share, most telling first, as they would be written into the settings."""
    shared = Counter(term for number in group for term in readings[number].terms)
    telling = {
        term: math.fsum(weights[number].get(term, 0.0) for number in group)
        for term, times in shared.items()
        if times >= max(FEWEST, (len(group) + 1) // 2)
    }
    chosen: set[str] = set()
    for term in sorted(telling, key=lambda term: (-telling[term], term)):
        parts = term.split(" ")
        named = any(part in names for part in parts)
        if not all(part in names or len(part) >= _SHORTEST for part in parts) or not chosen.isdisjoint(parts):
            continue
        word = _spell(term, group, readings) if named else term
        if telling[term] and not any(slot.side != NEVER for slot in vocabulary.find(word)):
            chosen.update(parts)
            yield word
        if len(chosen) >= _WORDS:
            return


def _spell(term: str, group: Iterable[int], readings: Sequence[_PostTerms]) -> str:
    """How the posts write it most often."""
    spellings = sum((readings[number].spellings.get(term, Counter()) for number in group), Counter[str]())
    return min(spellings, key=lambda raw: (-spellings[raw], raw))
