"""The flow from past issues to what the editor's sorting teaches: every post of every issue, and whether it was moved by hand."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from newsletter.config import Config
from newsletter.editing.compose import read_back
from newsletter.editing.learning import Example, Learned, learn, read_words
from newsletter.editing.themes import Sorter
from newsletter.model import UNSORTED, Finding, IssuePost, Post
from newsletter.workspace.files import Workspace, issue_path
from newsletter.workspace.load import read_sources
from newsletter.workspace.past_issues import Drafted, read_past_issues


@dataclass(frozen=True, slots=True)
class Lesson:
    """A post that stands in an issue, and the theme (or unsorted) under which it stands. `moved`: by hand."""

    post: Post
    theme: str
    moved: bool


@dataclass(frozen=True, slots=True)
class Lessons:
    """What the issues teach, oldest issue first; `findings` name issues that could not be read.

    `offered` are the keys of all posts that stand in an issue or once did.
    """

    lessons: tuple[Lesson, ...]
    places: tuple[str, ...]
    offered: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = ()

    @property
    def moves(self) -> int:
        """How many posts were moved by hand."""
        return sum(lesson.moved for lesson in self.lessons)

    def learn(self) -> Learned | None:
        """What was learned; None as long as nothing was moved: the rules alone are what the editor wants."""
        if not self.moves:
            return None
        return learn((as_example(lesson) for lesson in self.lessons), self.places)


def as_example(lesson: Lesson) -> Example:
    """A lesson as its words."""
    words = read_words(lesson.post.title, lesson.post.body)
    return Example(lesson.post.key, words, lesson.theme)


def learn_from_issues(
    workspace: Workspace, config: Config, *, known: Mapping[str, Drafted] | None = None, posts: Iterable[Post] = ()
) -> Learned | None:
    """What the workspace's issues teach. None if `[sorting] learned` is 0, or nothing was moved in any of them."""
    return read_lessons(workspace, config, known=known, posts=posts).learn() if config.sorting.learned else None


def read_lessons(
    workspace: Workspace, config: Config, *, known: Mapping[str, Drafted] | None = None, posts: Iterable[Post] = ()
) -> Lessons:
    """The lessons of all issues. Those in `known` are not read again; `posts` are the collected ones, if they are read already.

    An issue that cannot be read teaches nothing: whoever drafts another one need not mend it first.
    """
    slugs = workspace.issue_slugs()
    past = read_past_issues(workspace, (slug for slug in slugs if slug not in (known or {})))
    by_slug = {one.issue.slug: one for one in past.drafted} | dict(known or {})
    issues = [by_slug[slug] for slug in slugs if slug in by_slug]
    collected = {post.key: post for post in posts or _collected(workspace, config, issues)}
    teacher = _Teacher(config, collected)
    lessons = tuple(lesson for drafted in issues for lesson in teacher.read(drafted))
    offered = {key for drafted in issues for key in drafted.offered.posts}
    offered |= {post.key for drafted in issues for post in drafted.issue.posts if post.key}
    return Lessons(lessons, teacher.places, frozenset(offered), past.findings)


def _collected(workspace: Workspace, config: Config, issues: Iterable[Drafted]) -> tuple[Post, ...]:
    """The collected posts, if an issue holds any of which it is not written down where it was put."""
    if all(post.key in drafted.offered.themes for drafted in issues for post in drafted.issue.posts):
        return ()
    return read_sources(workspace, config).posts


class _Teacher:
    """Tells of the posts of an issue where they were put and whether they were moved."""

    def __init__(self, config: Config, collected: Mapping[str, Post]) -> None:
        self.places = (*(theme.slug for theme in config.themes), UNSORTED)
        self._collected = collected
        self._sorter = Sorter(config.themes, config.sources, config.sorting)
        self._sources = config.sources

    def read(self, drafted: Drafted) -> Iterator[Lesson]:
        """The lessons of one issue. A section of the editor's own is no theme and teaches nothing."""
        for section in drafted.issue.sections:
            if section.slug not in self.places:
                continue
            for post in section.posts:
                lesson = self._judge(post, section.slug, drafted)
                if lesson:
                    yield lesson

    def _judge(self, standing: IssuePost, theme: str, drafted: Drafted) -> Lesson | None:
        post = read_back(standing, issue_path(drafted.issue.slug))
        collected = self._collected.get(post.key)
        if collected:
            post = replace(post, source=collected.source)
        put = drafted.offered.themes.get(post.key)
        if put is None:
            return Lesson(post, theme, moved=not self._rules_would_put(collected or post, theme))
        stale = theme == put == UNSORTED and self._sorter.sort_by_words(post).theme
        # Nobody moved it, and today's rules would claim it: it waited for a theme that did not exist yet.
        return None if stale else Lesson(post, theme, moved=theme != put)

    def _rules_would_put(self, post: Post, theme: str) -> bool:
        """Whether the rules alone put a post there, of whichever source it may have been."""
        sources = [post.source] if post.source else ["", *(one.name for one in self._sources if theme in one.themes)]
        verdicts = (self._sorter.sort_by_words(replace(post, source=source)) for source in sources)
        return any((verdict.theme or UNSORTED) == theme for verdict in verdicts)
