"""What the editor's own sorting teaches: posts and where they stand → how much a new post is like those of each theme.

A complement naive Bayes over the words of title and body, each word once a post: a theme is judged by how seldom a word
stands in the posts of all others, so that a theme of few posts is not at a disadvantage. Words of one post come together
and are no independent witnesses: what they say in sum is divided by the root of their number. Pure, without random.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from sys import intern

from newsletter.text.characters import is_unspaced
from newsletter.text.words import fold_words

# Half the root, and softer as long as there are few posts to go by. Both were chosen on real texts (decision 0016).
_BOLDNESS, _FEW = 2.0, 5


@dataclass(frozen=True, slots=True)
class Example:
    """A post that has its place: its words, each once, and the theme (or unsorted) under which it stands."""

    key: str
    words: tuple[str, ...]
    theme: str


@dataclass(slots=True)
class _Count:
    """In how many posts a word stands, for each place, and in all."""

    places: list[int]
    total: int = 0


@dataclass(frozen=True, slots=True)
class Learned:
    """Counts over examples. `places` are the themes in the settings' order, then unsorted."""

    places: tuple[str, ...]
    posts: list[int]
    sizes: list[int]
    words: dict[str, _Count]
    by_key: dict[str, list[Example]] = field(default_factory=dict)

    def weigh(self, words: Sequence[str], *, key: str = "") -> Mapping[str, float]:
        """Words, each once → for each place how much more likely it is than by chance: 1 is certain, 0 not at all.

        Examples of this key are left out, as if they had never been learned: a post is not explained by itself.
        """
        posts, sizes = list(self.posts), list(self.sizes)
        mine: dict[str, tuple[int, ...]] = {}
        for example in self.by_key.get(key, ()):
            place = self.places.index(example.theme)
            posts[place] -= 1
            sizes[place] -= len(example.words)
            for word in example.words:
                mine[word] = (*mine.get(word, ()), place)
        unknown = sum([self.words[word].total == len(places) for word, places in mine.items()])
        open_places = [place for place, count in enumerate(posts) if count]
        sums, known = self._sum_up(words, open_places, mine)
        if not known or len(open_places) < 2:
            return {}
        vocabulary, everything = len(self.words) - unknown, sum(sizes)
        boldness = _BOLDNESS / math.sqrt(known) * sum(posts) / (sum(posts) + _FEW)
        logs = [
            known * math.log(everything - sizes[place] + vocabulary) - spoken
            for place, spoken in zip(open_places, sums, strict=True)
        ]
        chances = _share_out([boldness * log for log in logs])
        even = 1 / len(open_places)
        return {
            self.places[place]: (chance - even) / (1 - even)
            for place, chance in zip(open_places, chances, strict=True)
            if chance > even
        }

    def _sum_up(
        self, words: Sequence[str], open_places: Sequence[int], mine: Mapping[str, tuple[int, ...]]
    ) -> tuple[list[float], int]:
        """For each place the sum of log(1 + posts elsewhere) over the words that are known, and how many are."""
        sums, known = [0.0] * len(open_places), 0
        for word in words:
            count = self.words.get(word)
            own = mine.get(word, ())
            if count is None or count.total == len(own):
                continue
            known += 1
            for number, place in enumerate(open_places):
                elsewhere = count.total - count.places[place] - len(own) + own.count(place)
                if elsewhere:
                    sums[number] += math.log1p(elsewhere)
        return sums, known


def learn(examples: Iterable[Example], places: tuple[str, ...]) -> Learned:
    """Examples → counts. The same examples give the same, in whatever order; all their themes must be among `places`."""
    learned = Learned(places, [0] * len(places), [0] * len(places), {})
    number = {name: position for position, name in enumerate(places)}
    for example in examples:
        place = number[example.theme]
        learned.posts[place] += 1
        learned.sizes[place] += len(example.words)
        learned.by_key.setdefault(example.key, []).append(example)
        for word in example.words:
            count = learned.words.get(word)
            if count is None:
                count = learned.words[word] = _Count([0] * len(places))
            count.places[place] += 1
            count.total += 1
    return learned


@lru_cache(maxsize=4096)
def read_words(title: str, body: str) -> tuple[str, ...]:
    """The words of a post, folded, each once, in the order of the text.

    >>> read_words("Gas for Baku", "Gas and 石油公司")
    ('gas', 'for', 'baku', 'and', '石油', '油公', '公司')
    """
    return tuple(dict.fromkeys(intern(part) for word in fold_words(f"{title}\n{body}") for part in _split(word)))


def _split(word: str) -> Iterator[str]:
    """Where no spaces stand between words a run is a sentence: its pairs of characters are taken."""
    if len(word) > 2 and (is_unspaced(word[0]) or is_unspaced(word[-1])):
        yield from (word[start : start + 2] for start in range(len(word) - 1))
    else:
        yield word


def _share_out(logs: Sequence[float]) -> list[float]:
    """Logarithms → shares that add up to 1."""
    most = max(logs)
    powers = [math.exp(log - most) for log in logs]
    total = math.fsum(powers)
    return [power / total for power in powers]
