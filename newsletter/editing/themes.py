"""Posts are sorted into themes by words, with a score and a margin; what no theme wins clearly stays unsorted.

How points are made (docs/themes.md says the same for readers):
a word counts log2(1 + how often) times the weight of where it stands (title, lead = first paragraph, body);
`any` words add up; the sides of `all` give their harmonic mean times the number of sides, so that many words of one
side and one of the other are worth little; a theme that has no word at all gets nothing from a source's prior.
What was learned from posts that the editor moved (`learning`) adds its share, unless the words alone are clear.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from newsletter.editing.learning import Learned, read_words
from newsletter.editing.words_of_themes import ANY, NEVER, TermRole, make_vocabulary
from newsletter.errors import InputError, Mistake
from newsletter.model import UNSORTED, Post, Sorting, Source, Theme
from newsletter.text.markdown import TextBlock, find_blocks
from newsletter.text.words import suggest

Zone = Literal["title", "lead", "body"]
# A verdict by words that leads by half of its points: nothing that was learned changes it.
CLEAR = 0.5


@dataclass(frozen=True, slots=True)
class TermMatch:
    """One word that speaks for a theme: where it stands, how often, what it is worth. Side 0 is `any`."""

    word: str
    zone: Zone
    count: int
    points: float
    side: int


@dataclass(frozen=True, slots=True)
class Score:
    """What one theme has to say to a post. `points` are 0 unless it claims the post; `note` says why not.

    `learned` is the part of the points that comes from posts sorted by hand. Unsorted has points from there only.
    """

    theme: str
    points: float
    matches: tuple[TermMatch, ...]
    note: str = ""
    learned: float = 0.0
    ruled_out: bool = False


@dataclass(frozen=True, slots=True)
class ThemeVerdict:
    """Where a post goes. `theme` is None for unsorted; `margin` is how far the best leads, as a share of its points.

    `by` is "learned" where the words alone would have put it elsewhere.
    """

    post: Post
    theme: str | None
    by: Literal["editor", "words", "learned", "nobody"]
    scores: tuple[Score, ...]
    margin: float


@dataclass(frozen=True, slots=True)
class OffTheme:
    """A bullet or paragraph that speaks of another theme than its post's, and not of its own."""

    line: int
    text: str
    words: tuple[str, ...]
    themes: tuple[str, ...]


class Sorter:
    """The themes' words, made ready once for many posts."""

    def __init__(
        self,
        themes: tuple[Theme, ...],
        sources: tuple[Source, ...] = (),
        sorting: Sorting | None = None,
        learned: Learned | None = None,
    ) -> None:
        self.themes = themes
        self.sorting = sorting or Sorting()
        self.learned = learned
        self._priors = {source.name: frozenset(source.themes) for source in sources}
        self._vocabulary = make_vocabulary(themes)

    def sort(self, post: Post) -> ThemeVerdict:
        """One post → its theme and why. Raises InputError if the editor named a theme that does not exist."""
        return self.add_learned(self.sort_by_words(post))

    def sort_by_words(self, post: Post) -> ThemeVerdict:
        """One post → its theme by the rules alone, whatever was learned."""
        scores = self._score(post)
        margin = _margin(scores)
        if post.theme is not None:
            return ThemeVerdict(post, self._chosen(post), "editor", scores, margin)
        theme = self._winner(scores, margin)
        return ThemeVerdict(post, theme, "words" if theme else "nobody", scores, margin)

    def add_learned(self, verdict: ThemeVerdict) -> ThemeVerdict:
        """A verdict by the rules → with what was learned. The editor's, and a clear one, stay as they are."""
        if self.learned is None or verdict.by == "editor" or is_clear(verdict):
            return verdict
        post = verdict.post
        shares = self.learned.weigh(read_words(post.title, post.body), key=post.key)
        points = {place: round(self.sorting.learned * share, 2) for place, share in shares.items()}
        if not any(points.values()):
            return verdict
        scores = [_add(score, points.get(score.theme, 0.0)) for score in verdict.scores]
        if UNSORTED in points:
            scores.append(Score(UNSORTED, points[UNSORTED], (), learned=points[UNSORTED]))
        order = {theme.slug: number for number, theme in enumerate(self.themes)}
        ranked = tuple(sorted(scores, key=lambda score: (-score.points, order.get(score.theme, len(order)))))
        margin = _margin(ranked)
        theme = self._winner(ranked, margin)
        return ThemeVerdict(post, theme, verdict.by if theme == verdict.theme else "learned", ranked, margin)

    def _winner(self, scores: tuple[Score, ...], margin: float) -> str | None:
        """The best theme, if it has points enough and leads clearly."""
        best = scores[0] if scores else None
        wins = best and best.points >= self.sorting.minimum and margin >= self.sorting.margin
        return best.theme if best and wins and best.theme != UNSORTED else None

    def find_off_theme(self, body: str, theme: str | None) -> tuple[OffTheme, ...]:
        """Blocks of a post under a theme that name at least two words of other themes and none of its own."""
        if theme is None or theme not in [one.slug for one in self.themes]:
            return ()
        blocks = (block for block in find_blocks(body) if block.kind in ("paragraph", "item"))
        return tuple(off for block in blocks if (off := self._judge_block(block, theme)))

    def mark(self, text: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Markdown text → its pieces in order, each with the themes that it speaks for; `-slug` is ruled out by it."""
        return tuple(
            (piece, tuple(dict.fromkeys(f"-{slot.theme}" if slot.side == NEVER else slot.theme for slot in slots)))
            for piece, slots in self._vocabulary.mark(text)
            if piece
        )

    def _judge_block(self, block: TextBlock, own: str) -> OffTheme | None:
        others: dict[str, Counter[str]] = {}
        for slot, words in self._vocabulary.find(block.text).items():
            if slot.side == NEVER:
                continue
            if slot.theme == own:
                return None
            others.setdefault(slot.theme, Counter()).update(words)
        if not others:
            return None
        most = max(sum(words.values()) for words in others.values())
        if most < 2:
            return None
        best = tuple(theme for theme, words in others.items() if sum(words.values()) == most)
        return OffTheme(block.line, block.text, tuple(others[best[0]]), best)

    def _chosen(self, post: Post) -> str | None:
        known = [theme.slug for theme in self.themes]
        if post.theme == UNSORTED:
            return None
        if post.theme is None or post.theme in known:
            return post.theme
        raise InputError(
            Mistake(
                code="NL023",
                file=post.origin or post.source,
                line=post.line,
                message=f"theme: no theme {post.theme!r} in the settings"
                + (suggest(post.theme, known) or f" (there is: {', '.join(known) or 'none'})"),
            )
        )

    def _score(self, post: Post) -> tuple[Score, ...]:
        """All themes, best first; among equals the settings' order."""
        found = {zone: self._vocabulary.find(text) for zone, text in split_zones(post).items() if text}
        scores = [self._score_theme(theme, found, post.source) for theme in self.themes]
        return tuple(sorted(scores, key=lambda score: -score.points))

    def _score_theme(self, theme: Theme, found: Mapping[Zone, Mapping[TermRole, Counter[str]]], source: str) -> Score:
        sides: dict[int, float] = dict.fromkeys(range(len(theme.all) + 1), 0.0)
        matches = []
        forbidden = ""
        for zone, slots in found.items():
            weight: float = getattr(self.sorting, zone)
            for slot, words in slots.items():
                if slot.theme != theme.slug:
                    continue
                if slot.side == NEVER:
                    forbidden = next(iter(words))
                    continue
                for word, count in words.items():
                    points = weight * math.log2(1 + count)
                    sides[slot.side] += points
                    matches.append(TermMatch(word, zone, count, round(points, 2), slot.side))
        matches.sort(key=lambda match: (match.side, -match.points, match.word))
        return self._sum_up(theme, sides, tuple(matches), forbidden, theme.slug in self._priors.get(source, ()))

    def _sum_up(
        self,
        theme: Theme,
        sides: Mapping[int, float],
        matches: tuple[TermMatch, ...],
        forbidden: str,
        prior: bool,
    ) -> Score:
        if forbidden:
            return Score(theme.slug, 0.0, matches, f"ruled out by {forbidden!r}", ruled_out=True)
        pair = [points for side, points in sides.items() if side != ANY]
        complete = bool(pair) and all(pair)
        total = sides[ANY] + (len(pair) ** 2 / sum(1 / points for points in pair) if complete else 0.0)
        if not total:
            one_sided = any(pair)
            return Score(theme.slug, 0.0, matches, "no word of every side" if one_sided else "")
        if prior:
            total += self.sorting.prior
        return Score(theme.slug, round(total, 2), matches, "with its source's prior" if prior else "")


def is_clear(verdict: ThemeVerdict) -> bool:
    """Whether the words decide so clearly that nothing else may."""
    return verdict.by == "words" and verdict.margin >= CLEAR


def _add(score: Score, share: float) -> Score:
    if score.ruled_out or not share:
        return score
    return replace(score, points=round(score.points + share, 2), learned=share)


def _margin(scores: tuple[Score, ...]) -> float:
    """How far the best leads the second, as a share of its points."""
    best = scores[0].points if scores else 0.0
    second = scores[1].points if len(scores) > 1 else 0.0
    return (best - second) / best if best else 0.0


def split_zones(post: Post) -> dict[Zone, str]:
    """A post's title, lead (first paragraph) and the rest. A title made from the text does not count twice."""
    lead, _, rest = post.body.strip().partition("\n\n")
    return {"title": "" if post.title_derived else post.title, "lead": lead, "body": rest}


def sort_posts(posts: Iterable[Post], sorter: Sorter) -> tuple[ThemeVerdict, ...]:
    """Posts → verdicts in the same order. Themes that do not exist are told for all posts at once."""
    verdicts = []
    mistakes: list[Mistake] = []
    for post in posts:
        try:
            verdicts.append(sorter.sort(post))
        except InputError as error:
            mistakes += error.mistakes
    if mistakes:
        raise InputError.of(mistakes)
    return tuple(verdicts)
