"""The flow from collected posts to issues/<slug>/issue.md: read, leave out what was told, sort, compose, write."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo
from typing import Protocol

from newsletter.config import Config
from newsletter.editing.compose import Composed, compose_issue, gather_sections, read_back
from newsletter.editing.duplicates import Duplicate, find_duplicates
from newsletter.editing.issue_file import insert_posts, write_issue
from newsletter.editing.themes import Sorter, ThemeVerdict, sort_posts
from newsletter.errors import InputError, Mistake, NewsletterError, NothingToDo, UsageError
from newsletter.flows.learn import learn_from_issues
from newsletter.model import UNSORTED, Edition, Finding, Issue, Post
from newsletter.sources import SOURCES, Batch, collected_folder
from newsletter.text.words import count_of
from newsletter.workspace.files import Workspace, issue_path, split_issue_slug
from newsletter.workspace.last_text import keep_text, set_aside, was_there
from newsletter.workspace.load import (
    Placed,
    about_new_files,
    load_offered,
    load_phrases,
    parse_issue,
    read_sources,
    write_offered,
)
from newsletter.workspace.past_issues import Drafted, read_past_issues

LOST = "issue-gone"
# The text of the last issue that was refreshed, as it was before.
_BEFORE = ".newsletter/draft/before-refresh.md"
# A feed fills an issue if more than this share of so many posts is its own.
_MOST, _MANY = 0.6, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What became of the collected posts. `added` stand in the issue now; the others are named with their reason.

    `older`: posts of feeds that are too old for the edition, and `newly_older` those of them that no draft has reported
    before; `mistakes`: those of files that could not be read.
    """

    slug: str
    path: str
    added: tuple[ThemeVerdict, ...]
    duplicates: tuple[Duplicate, ...]
    held: tuple[Post, ...]
    elsewhere: tuple[Post, ...]
    later: tuple[Post, ...]
    older: tuple[Post, ...]
    newly_older: tuple[Post, ...]
    used: int
    findings: tuple[Finding, ...]
    mistakes: tuple[Mistake, ...] = ()

    @property
    def unsorted(self) -> int:
        """How many of the added posts no theme claimed."""
        return sum(verdict.theme is None for verdict in self.added)


class Track(Protocol):
    """Shows how far a long row of posts is; the command line brings its own."""

    def __call__(self, items: Sequence[Post], label: str) -> Iterable[Post]:
        """The same items, one by one."""
        ...


def untracked(items: Sequence[Post], label: str) -> Iterable[Post]:
    """Nobody watches."""
    return items


def draft_issue(
    workspace: Workspace, config: Config, edition: Edition, day: date, *, older: bool = False, track: Track = untracked
) -> Draft:
    """A new issue of the posts that no issue has had. Raises NothingToDo if it stands already or nothing is new.

    `older`: posts of feeds come in however old they are. Raises InputError if there is nothing but files that cannot be read.
    """
    slug = f"{day.isoformat()}-{edition.slug}"
    with drafting(workspace):
        if workspace.exists(issue_path(slug)):
            raise NothingToDo(
                Mistake(
                    code="NL060",
                    message=f"{issue_path(slug)} stands already",
                    help=f"add what is new: newsletter draft --refresh {_options(edition, day)}",
                )
            )
        phrases = load_phrases(workspace, config)
        lost = was_there(workspace, slug)
        choice = _choose(workspace, config, edition, day, current=None, older=older, track=track)
        composed = compose_issue(choice.verdicts, edition=edition, themes=config.themes, day=day, phrases=phrases)
        if not composed.issue.sections:
            raise _nothing_new(slug, choice, edition, day, config.zone)
        text = write_issue(composed.issue)
        kept = set_aside(workspace, slug) if lost else None
        draft = _finish(workspace, config, slug, choice, composed, text)
    return replace(draft, findings=(_about_loss(slug, kept), *draft.findings)) if lost else draft


def _about_loss(slug: str, kept: str | None) -> Finding:
    told = f"; its last text is kept: {kept}" if kept else ""
    return Finding(rule=LOST, where=issue_path(slug), message=f"one stood here before and was gone{told}")


def drafting(workspace: Workspace) -> AbstractContextManager[None]:
    """The lock of what drafting writes: `serve` may draft in the moment in which somebody does by hand."""
    return workspace.lock("draft")


def refresh_issue(
    workspace: Workspace, config: Config, edition: Edition, day: date, *, older: bool = False, track: Track = untracked
) -> Draft:
    """Add to an issue what was collected since; what stands in it is not touched. Raises NothingToDo if nothing is new.

    Raises InputError if somebody has saved the issue meanwhile; then nothing was written.
    """
    slug = f"{day.isoformat()}-{edition.slug}"
    if not workspace.exists(issue_path(slug)):
        own = [name for name in workspace.issue_slugs() if name.endswith(f"-{edition.slug}")]
        latest = f"the latest issue: newsletter draft --refresh --date {own[-1][:10]}; " if own else ""
        message = f"no issue {slug} that could be refreshed"
        fresh = f"a new one: newsletter draft {_options(edition, day)}"
        raise UsageError(Mistake(code="NL031", message=message, help=latest + fresh))
    with drafting(workspace):
        before = workspace.read(issue_path(slug))
        current = parse_issue(before, slug)
        choice = _choose(workspace, config, edition, day, current=current.issue, older=older, track=track)
        sections, held, elsewhere = gather_sections(
            choice.verdicts, edition=edition, themes=config.themes, phrases=load_phrases(workspace, config)
        )
        if not sections:
            raise _nothing_new(slug, choice, edition, day, config.zone)
        composed = Composed(current.issue, held, elsewhere)
        return _finish(workspace, config, slug, choice, composed, insert_posts(current, sections), before=before)


def _options(edition: Edition, day: date) -> str:
    return f"--edition {edition.slug} --date {day.isoformat()}"


# --- choosing ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Choice:
    verdicts: tuple[ThemeVerdict, ...]
    duplicates: tuple[Duplicate, ...]
    later: tuple[Post, ...]
    older: tuple[Post, ...]
    newly_older: tuple[Post, ...]
    used: int
    offered: Placed
    batch: Batch
    findings: tuple[Finding, ...]
    sorter: Sorter


@dataclass(frozen=True, slots=True)
class Beside:
    """The collected posts beside an issue. `fresh` came since, `dropped` stood in it once; `placed` is by line.

    `older`: posts of feeds that are too old for the edition. `mistakes`: those of files that could not be read.
    """

    fresh: tuple[ThemeVerdict, ...]
    older: tuple[ThemeVerdict, ...]
    dropped: tuple[ThemeVerdict, ...]
    duplicates: tuple[Duplicate, ...]
    placed: Mapping[int, ThemeVerdict]
    sorter: Sorter
    mistakes: tuple[Mistake, ...] = ()


def _choose(
    workspace: Workspace,
    config: Config,
    edition: Edition,
    day: date,
    *,
    current: Issue | None,
    older: bool,
    track: Track,
) -> _Choice:
    """The posts for an issue: collected, not later than its day nor too old, in no other issue, not offered to one before."""
    slug = f"{day.isoformat()}-{edition.slug}"
    batch = read_sources(workspace, config)
    past = read_past_issues(workspace, _past_slugs(workspace, edition, slug))
    offered = load_offered(workspace, slug) if current else Placed()
    seen = past.keys | offered.posts.keys()
    age = _AgeLimit(config, edition, day)
    later, too_old, fresh, used = [], [], [], 0
    for post in batch.posts:
        if post.key in seen:
            used += 1
        elif age.is_later(post):
            later.append(post)
        elif not older and age.is_too_old(post):
            too_old.append(post)
        else:
            fresh.append(post)
    here = (Drafted(current, offered),) if current else ()
    drafted = (*past.drafted, *here)
    sources = {post.key: post.source for post in batch.posts} | past.sources | dict(offered.sources)
    new, duplicates = find_duplicates(track(fresh, "comparing"), [one.issue for one in drafted], sources=sources)
    known = {one.issue.slug: one for one in drafted}
    learned = learn_from_issues(workspace, config, known=known, posts=batch.posts)
    sorter = Sorter(config.themes, config.sources, config.sorting, learned)
    return _Choice(
        verdicts=sort_posts(track(new, "sorting"), sorter),
        duplicates=duplicates,
        later=tuple(later),
        older=tuple(too_old),
        newly_older=tuple(post for post in too_old if post.key not in past.older | offered.older.keys()),
        used=used,
        offered=offered,
        batch=batch,
        findings=past.findings,
        sorter=sorter,
    )


class _AgeLimit:
    """Whether a post is too new or too old for an issue's day."""

    def __init__(self, config: Config, edition: Edition, day: date) -> None:
        self._zone, self._day = config.zone, day
        limits = ((one, one.max_age_days) for one in config.sources if SOURCES[one.kind].fetches)
        self._by_folder = {
            collected_folder(one.name): edition.max_age_days if limit is None else limit for one, limit in limits
        }

    def is_later(self, post: Post) -> bool:
        """Whether it is dated after the issue's day."""
        return bool(post.date and self._date(post.date) > self._day)

    def is_too_old(self, post: Post) -> bool:
        """Whether it came from a feed and is older than its limit. What somebody has put there by hand never is."""
        limit = self._by_folder.get("/".join(post.origin.split("/")[:3]), 0)
        return bool(limit and post.date and not post.keep and (self._day - self._date(post.date)).days > limit)

    def _date(self, moment: datetime) -> date:
        return moment.astimezone(self._zone).date()


def posts_beside(workspace: Workspace, config: Config, issue: Issue) -> Beside:
    """What was collected and does not stand in an issue, and why each post that does got its theme. Raises InputError."""
    edition = config.edition(issue.edition)
    choice = _choose(workspace, config, edition, issue.date, current=issue, older=False, track=untracked)
    sorter = choice.sorter
    keys = {post.key for post in issue.posts}
    collected = {post.key: post for post in choice.batch.posts}
    dropped = [collected[key] for key in choice.offered.posts if key in collected and key not in keys]
    origin = issue_path(issue.slug)
    placed = [collected.get(post.key or "") or read_back(post, origin) for post in issue.posts]
    return Beside(
        fresh=choice.verdicts,
        older=tuple(map(sorter.sort, choice.older)),
        dropped=tuple(map(sorter.sort, dropped)),
        duplicates=choice.duplicates,
        placed={post.line: sorter.sort(one) for post, one in zip(issue.posts, placed, strict=True)},
        sorter=sorter,
        mistakes=choice.batch.mistakes,
    )


def _past_slugs(workspace: Workspace, edition: Edition, slug: str) -> Iterator[str]:
    """The other issues; of this edition only, if it says so."""
    for other in workspace.issue_slugs():
        parts = split_issue_slug(other)
        if other != slug and parts and (edition.past == "all" or parts[1] == edition.slug):
            yield other


def remember_offered(workspace: Workspace, slug: str, verdict: ThemeVerdict) -> None:
    """The post stands in the issue by hand: `draft --refresh` must not bring it back once it is deleted."""
    with drafting(workspace):
        write_offered(workspace, slug, _add_offered(load_offered(workspace, slug), [verdict], ()))


def _add_offered(offered: Placed, verdicts: Iterable[ThemeVerdict], older: Iterable[Post]) -> Placed:
    """What was put into an issue, and where the program would have it: it learns from where the editor has it. The source of
    a post is kept for later issues: two posts of one source are two posts, though they have one address.
    """
    added = tuple(verdicts)
    return Placed(
        {**offered.posts, **{verdict.post.key: verdict.post.title for verdict in added}},
        {**offered.themes, **{verdict.post.key: verdict.theme or UNSORTED for verdict in added}},
        {**offered.sources, **{verdict.post.key: verdict.post.source for verdict in added}},
        {**offered.older, **{post.key: post.title for post in older}},
    )


def _finish(
    workspace: Workspace,
    config: Config,
    slug: str,
    choice: _Choice,
    composed: Composed,
    text: str,
    *,
    before: bytes | None = None,
) -> Draft:
    """Write the issue and what was put into it. `before`: what stands there; if it does no more, nothing is written."""
    left = {id(post) for post in (*composed.held, *composed.elsewhere)}
    added = tuple(verdict for verdict in choice.verdicts if id(verdict.post) not in left)
    # The issue first: a post that is only said to have been put in would never come.
    if before is None:
        workspace.write(issue_path(slug), text)
    elif not workspace.replace(issue_path(slug), before, text.encode(), _BEFORE):
        message = "was saved by somebody meanwhile; nothing was written over it"
        raise InputError(Mistake(code="NL103", file=issue_path(slug), message=message, help="run the command again"))
    keep_text(workspace, slug, text)
    write_offered(workspace, slug, _add_offered(choice.offered, added, choice.newly_older))
    new = [verdict.post for verdict in added]
    return Draft(
        slug=slug,
        path=issue_path(slug),
        added=added,
        duplicates=choice.duplicates,
        held=composed.held,
        elsewhere=composed.elsewhere,
        later=choice.later,
        older=choice.older,
        newly_older=choice.newly_older,
        used=choice.used,
        findings=(
            *choice.findings,
            *about_new_files(choice.batch.findings, new, choice.batch.posts),
            *_find_one_feed(config, new),
        ),
        mistakes=choice.batch.mistakes,
    )


def write_older(draft: Draft) -> str:
    """How many posts were newly too old, of which feeds, and how to take them in: for the editor. Each is reported once."""
    day, edition = draft.slug[:10], draft.slug[11:]
    sources = Counter(post.source for post in draft.newly_older)
    feeds = ", ".join(f"{name} {number}" for name, number in sources.most_common())
    return (
        f"{count_of(len(draft.newly_older), 'post')} of feeds older than max_age_days ({feeds}); to take them in: "
        f"newsletter draft --refresh --older --edition {edition} --date {day}; for a single one: keep: true in its file"
    )


def _find_one_feed(config: Config, posts: Sequence[Post]) -> Iterator[Finding]:
    """Whether one feed has brought most of the posts, where there are other sources that could."""
    feeds = {source.name for source in config.sources if SOURCES[source.kind].fetches}
    for name, count in Counter(post.source for post in posts if post.source in feeds).most_common(1):
        if len(config.sources) > 1 and len(posts) >= _MANY and count > _MOST * len(posts):
            message = f"{count} of the {len(posts)} posts that were put in are from this feed"
            yield Finding(rule="one-feed", where=name, message=message)


def _nothing_new(slug: str, choice: _Choice, edition: Edition, day: date, zone: tzinfo) -> NewsletterError:
    parts = [
        f"{choice.used} stood in an issue before" if choice.used else "",
        f"{len(choice.duplicates)} repeat one" if choice.duplicates else "",
        f"{len(choice.later)} are dated later" if choice.later else "",
        f"{len(choice.older)} of feeds are too old (max_age_days)" if choice.older else "",
        f"{len(choice.verdicts)} are held back or belong to other editions" if choice.verdicts else "",
    ]
    if choice.batch.mistakes:
        return InputError.of(choice.batch.mistakes)
    known = ", ".join(part for part in parts if part) or "the sources hold none"
    return NothingToDo(
        Mistake(
            code="NL060",
            message=f"no new posts for {slug}: {known}",
            help=_next_step(choice, edition, day, zone),
        )
    )


def _next_step(choice: _Choice, edition: Edition, day: date, zone: tzinfo) -> str:
    """What can be done about an issue that has no posts, by why it has none."""
    if choice.verdicts:
        return (
            "why posts are held back: newsletter explain; which themes an edition has: [[editions]] in newsletter.toml"
        )
    if choice.later:
        first = min(post.date for post in choice.later if post.date).astimezone(zone).date()
        return f"an issue of their day: newsletter draft {_options(edition, first)}"
    if choice.older:
        return f"take in those that are too old: newsletter draft --older {_options(edition, day)}"
    return (
        "fetch feeds: newsletter collect; take in a paste: newsletter collect FILE; or write a post into posts/NAME.md"
    )
