"""The flow from collected posts to issues/<slug>/issue.md: read, leave out what was told, sort, compose, write."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, tzinfo
from typing import Protocol

from newsletter.config import Config
from newsletter.desk import (
    Offered,
    about_new_files,
    load_issue,
    load_offered,
    load_phrases,
    read_sources,
    write_offered,
)
from newsletter.editing.compose import Composed, compose_issue, gather_sections, read_back
from newsletter.editing.duplicates import Duplicate, find_duplicates
from newsletter.editing.issue_file import insert_posts, write_issue
from newsletter.editing.themes import Sorter, Verdict, sort_posts
from newsletter.errors import Mistake, NothingToDo, UsageError
from newsletter.last_text import keep_text, set_aside, was_there
from newsletter.learn import Drafted, learn_from_issues
from newsletter.model import UNSORTED, Edition, Finding, Issue, Post
from newsletter.workspace import Workspace, issue_path, split_issue_slug

LOST = "issue-gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What became of the collected posts. `added` stand in the issue now; the others are named with their reason."""

    slug: str
    path: str
    added: tuple[Verdict, ...]
    duplicates: tuple[Duplicate, ...]
    held: tuple[Post, ...]
    elsewhere: tuple[Post, ...]
    later: tuple[Post, ...]
    used: int
    findings: tuple[Finding, ...]

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
    workspace: Workspace, config: Config, edition: Edition, day: date, *, track: Track = untracked
) -> Draft:
    """A new issue of the posts that no issue has had. Raises NothingToDo if it stands already or nothing is new."""
    slug = f"{day.isoformat()}-{edition.slug}"
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
    choice = _choose(workspace, config, edition, day, current=None, track=track)
    composed = compose_issue(choice.verdicts, edition=edition, themes=config.themes, day=day, phrases=phrases)
    if not composed.issue.sections:
        raise _nothing_new(slug, choice, config.zone)
    text = write_issue(composed.issue)
    kept = set_aside(workspace, slug) if lost else None
    draft = _write(workspace, slug, text, choice, composed)
    return replace(draft, findings=(_about_loss(slug, kept), *draft.findings)) if lost else draft


def _about_loss(slug: str, kept: str | None) -> Finding:
    told = f"; its last text is kept: {kept}" if kept else ""
    return Finding(rule=LOST, where=issue_path(slug), message=f"one stood here before and was gone{told}")


def refresh_issue(
    workspace: Workspace, config: Config, edition: Edition, day: date, *, track: Track = untracked
) -> Draft:
    """Add to an issue what was collected since; what stands in it is not touched. Raises NothingToDo if nothing is new."""
    slug = f"{day.isoformat()}-{edition.slug}"
    if not workspace.exists(issue_path(slug)):
        own = [name for name in workspace.issue_slugs() if name.endswith(f"-{edition.slug}")]
        latest = f"the latest issue: newsletter draft --refresh --date {own[-1][:10]}; " if own else ""
        message = f"no issue {slug} that could be refreshed"
        fresh = f"a new one: newsletter draft {_options(edition, day)}"
        raise UsageError(Mistake(code="NL031", message=message, help=latest + fresh))
    current = load_issue(workspace, slug)
    choice = _choose(workspace, config, edition, day, current=current.issue, track=track)
    sections, held, elsewhere = gather_sections(
        choice.verdicts, edition=edition, themes=config.themes, phrases=load_phrases(workspace, config)
    )
    if not sections:
        raise _nothing_new(slug, choice, config.zone)
    return _write(workspace, slug, insert_posts(current, sections), choice, Composed(current.issue, held, elsewhere))


def _options(edition: Edition, day: date) -> str:
    return f"--edition {edition.slug} --date {day.isoformat()}"


# --- choosing ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Choice:
    verdicts: tuple[Verdict, ...]
    duplicates: tuple[Duplicate, ...]
    later: tuple[Post, ...]
    used: int
    offered: Offered
    posts: tuple[Post, ...]
    findings: tuple[Finding, ...]
    sorter: Sorter


@dataclass(frozen=True, slots=True)
class Beside:
    """The collected posts beside an issue. `fresh` came since, `dropped` stood in it once; `placed` is by line."""

    fresh: tuple[Verdict, ...]
    dropped: tuple[Verdict, ...]
    duplicates: tuple[Duplicate, ...]
    placed: Mapping[int, Verdict]
    sorter: Sorter


def _choose(
    workspace: Workspace, config: Config, edition: Edition, day: date, *, current: Issue | None, track: Track
) -> _Choice:
    """The posts for an issue: collected, not later than its day, in no other issue, not offered to one before."""
    slug = f"{day.isoformat()}-{edition.slug}"
    batch = read_sources(workspace, config)
    past = _past_issues(workspace, edition, slug)
    offered = load_offered(workspace, slug) if current else Offered()
    seen = {key for one in past for key in one.offered.posts} | set(offered.posts)
    seen |= {post.key for one in past for post in one.issue.posts if post.key}
    later, fresh, used = [], [], 0
    for post in batch.posts:
        if post.key in seen:
            used += 1
        elif post.date and post.date.astimezone(config.zone).date() > day:
            later.append(post)
        else:
            fresh.append(post)
    here = (Drafted(current, offered),) if current else ()
    new, duplicates = find_duplicates(track(fresh, "comparing"), [one.issue for one in (*past, *here)])
    known = {one.issue.slug: one for one in (*past, *here)}
    learned = learn_from_issues(workspace, config, known=known, posts=batch.posts)
    sorter = Sorter(config.themes, config.sources, config.sorting, learned)
    verdicts = sort_posts(track(new, "sorting"), sorter)
    return _Choice(verdicts, duplicates, tuple(later), used, offered, batch.posts, batch.findings, sorter)


def posts_beside(workspace: Workspace, config: Config, issue: Issue) -> Beside:
    """What was collected and does not stand in an issue, and why each post that does got its theme. Raises InputError."""
    choice = _choose(workspace, config, config.edition(issue.edition), issue.date, current=issue, track=untracked)
    sorter = choice.sorter
    keys = {post.key for post in issue.posts}
    collected = {post.key: post for post in choice.posts}
    dropped = [collected[key] for key in choice.offered.posts if key in collected and key not in keys]
    origin = issue_path(issue.slug)
    placed = [collected.get(post.key or "") or read_back(post, origin) for post in issue.posts]
    return Beside(
        fresh=choice.verdicts,
        dropped=tuple(map(sorter.sort, dropped)),
        duplicates=choice.duplicates,
        placed={post.line: sorter.sort(one) for post, one in zip(issue.posts, placed, strict=True)},
        sorter=sorter,
    )


def _past_issues(workspace: Workspace, edition: Edition, slug: str) -> tuple[Drafted, ...]:
    """The other issues (of this edition only, if it says so), and what was offered to them."""
    issues = []
    for other in workspace.issue_slugs():
        parts = split_issue_slug(other)
        if other == slug or parts is None or (edition.past == "edition" and parts[1] != edition.slug):
            continue
        issues.append(Drafted(load_issue(workspace, other).issue, load_offered(workspace, other)))
    return tuple(issues)


def remember_offered(workspace: Workspace, slug: str, verdict: Verdict) -> None:
    """The post stands in the issue by hand: `draft --refresh` must not bring it back once it is deleted."""
    write_offered(workspace, slug, _add_offered(load_offered(workspace, slug), [verdict]))


def _add_offered(offered: Offered, verdicts: Iterable[Verdict]) -> Offered:
    """What was put into an issue, and where the program would have it: it learns from where the editor has it."""
    added = tuple(verdicts)
    return Offered(
        {**offered.posts, **{verdict.post.key: verdict.post.title for verdict in added}},
        {**offered.themes, **{verdict.post.key: verdict.theme or UNSORTED for verdict in added}},
    )


def _write(workspace: Workspace, slug: str, text: str, choice: _Choice, composed: Composed) -> Draft:
    left = {id(post) for post in (*composed.held, *composed.elsewhere)}
    added = tuple(verdict for verdict in choice.verdicts if id(verdict.post) not in left)
    write_offered(workspace, slug, _add_offered(choice.offered, added))
    workspace.write(issue_path(slug), text)
    keep_text(workspace, slug, text)
    return Draft(
        slug=slug,
        path=issue_path(slug),
        added=added,
        duplicates=choice.duplicates,
        held=composed.held,
        elsewhere=composed.elsewhere,
        later=choice.later,
        used=choice.used,
        findings=about_new_files(choice.findings, [verdict.post for verdict in added], choice.posts),
    )


def _nothing_new(slug: str, choice: _Choice, zone: tzinfo) -> NothingToDo:
    parts = [
        f"{choice.used} stood in an issue before" if choice.used else "",
        f"{len(choice.duplicates)} repeat one" if choice.duplicates else "",
        f"{len(choice.later)} are dated later" if choice.later else "",
        f"{len(choice.verdicts)} are held back or belong to other editions" if choice.verdicts else "",
    ]
    known = ", ".join(part for part in parts if part) or "the sources hold none"
    return NothingToDo(
        Mistake(
            code="NL060",
            message=f"no new posts for {slug}: {known}",
            help=_next_step(slug, choice, zone),
        )
    )


def _next_step(slug: str, choice: _Choice, zone: tzinfo) -> str:
    """What can be done about an issue that has no posts, by why it has none."""
    if choice.verdicts:
        return (
            "why posts are held back: newsletter explain; which themes an edition has: [[editions]] in newsletter.toml"
        )
    if choice.later:
        day = min(post.date for post in choice.later if post.date).astimezone(zone).date()
        return f"an issue of their day: newsletter draft --edition {slug[11:]} --date {day}"
    return (
        "fetch feeds: newsletter collect; take in a paste: newsletter collect FILE; or write a post into posts/NAME.md"
    )
