"""The flow behind `newsletter themes report`: each sorted post judged by rules and by learning, and themes that are missing."""

from collections.abc import Sequence
from dataclasses import dataclass

from newsletter.config import Config
from newsletter.editing.clusters import Proposal, propose_themes
from newsletter.editing.themes import Sorter, is_clear
from newsletter.flows.learn import Lesson, Lessons, read_lessons
from newsletter.model import UNSORTED, Finding, Post
from newsletter.workspace.files import Workspace

# Which words are common shows in the newest posts well enough.
_COMPARED = 2_000


@dataclass(frozen=True, slots=True)
class Judged:
    """A post with its place, and where the rules alone and the rules with what was learned of all others would put it."""

    lesson: Lesson
    rules: str
    learned: str
    clear: bool


@dataclass(frozen=True, slots=True)
class ThemeReport:
    """What the issues teach. `learning` is false as long as nothing was moved; `unsorted` counts posts without a theme."""

    places: tuple[str, ...]
    judged: tuple[Judged, ...]
    learning: bool
    unsorted: int
    proposals: tuple[Proposal, ...]
    findings: tuple[Finding, ...]

    @property
    def moves(self) -> int:
        """How many posts were moved by hand."""
        return sum(one.lesson.moved for one in self.judged)

    @property
    def right_by_rules(self) -> int:
        """How many posts the rules alone would put where they stand."""
        return sum(one.rules == one.lesson.theme for one in self.judged)

    @property
    def right_by_learning(self) -> int:
        """How many the rules would with what was learned of all other posts."""
        return sum(one.learned == one.lesson.theme for one in self.judged)


def report_themes(workspace: Workspace, config: Config, posts: Sequence[Post]) -> ThemeReport:
    """The report over all issues and the collected `posts`. Nothing is written."""
    lessons = read_lessons(workspace, config, posts=posts)
    learned = lessons.learn() if config.sorting.learned else None
    sorter = Sorter(config.themes, config.sources, config.sorting, learned)
    unsorted, sorted_ = _part(lessons, posts, sorter)
    return ThemeReport(
        places=lessons.places,
        judged=tuple(_judge(lesson, sorter) for lesson in lessons.lessons),
        learning=learned is not None,
        unsorted=len(unsorted),
        proposals=propose_themes(unsorted, sorted_[-_COMPARED:], config.themes),
        findings=lessons.findings,
    )


def _judge(lesson: Lesson, sorter: Sorter) -> Judged:
    ruled = sorter.sort_by_words(lesson.post)
    final = sorter.add_learned(ruled)
    return Judged(lesson, ruled.theme or UNSORTED, final.theme or UNSORTED, is_clear(ruled))


def _part(lessons: Lessons, posts: Sequence[Post], sorter: Sorter) -> tuple[list[Post], list[Post]]:
    """Posts of issues, then those that wait in posts/ → (without a theme, with one). What was deleted is in neither."""
    without = [lesson.post for lesson in lessons.lessons if lesson.theme == UNSORTED]
    having = [lesson.post for lesson in lessons.lessons if lesson.theme != UNSORTED]
    for post in posts:
        if post.key not in lessons.offered:
            (having if sorter.sort(post).theme else without).append(post)
    return without, having
