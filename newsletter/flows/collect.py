"""The flow that brings posts in: feeds are fetched, pastes are taken from files; each new post becomes a file of its own."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from newsletter.config import Config
from newsletter.errors import InputError, Mistake, UsageError
from newsletter.model import Finding, Post, Source
from newsletter.sources import SOURCES, SourceFile, collected_folder
from newsletter.sources.charset import label_with
from newsletter.sources.feed import (
    FeedState,
    after_failure,
    after_unchanged,
    after_visit,
    state_for,
    take_in,
)
from newsletter.sources.feed_account import EntryAccount, account_for, find_losses
from newsletter.sources.feed_entry import FeedDocument, NotAFeed
from newsletter.sources.http_types import UNREACHED, Response
from newsletter.sources.markdown_file import collected_name, write_markdown
from newsletter.sources.visit_order import keep_waiting, order_feeds
from newsletter.stopping import Arm, never_stopped
from newsletter.text.words import slugify, suggest
from newsletter.workspace.files import Workspace
from newsletter.workspace.load import about_new_files, read_source, read_sources
from newsletter.workspace.source_memory import (
    collecting,
    read_feed_state,
    read_folder_keys,
    split_old_memory,
    write_feed_state,
    write_folder_keys,
)

if TYPE_CHECKING:
    from newsletter.sources.feed_worker import FeedParser

# All sources together. Whoever is not reached waits for a turn at one of the next visits (`sources/visit_order`).
VISIT_LIMIT_S = 120.0
_WAITING = "unreached"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReport:
    """What one source brought. `failed` is the reason, if it did; `host` was asked; `paths` are the files written.

    `mistakes`: those of files of the source that could not be read; the others are taken. `left`: how many new entries of a
    feed were not taken because there were too many; the findings say so. `entries`: what became of each entry of a feed.
    """

    name: str
    kind: str
    new: int = 0
    known: int = 0
    left: int = 0
    failed: str = ""
    note: str = ""
    host: str = ""
    paths: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    entries: tuple[EntryAccount, ...] = ()


@dataclass(frozen=True, slots=True)
class _Bounds:
    """How long a visit of all sources may take, and what is handed in to interrupt it."""

    limit_s: float
    arm: Arm


def collect_sources(
    workspace: Workspace,
    config: Config,
    now: datetime,
    *,
    names: tuple[str, ...] = (),
    everything: bool = False,
    whole: bool = False,
    done: Callable[[str], None] = lambda name: None,
    limit_s: float = VISIT_LIMIT_S,
    arm: Arm = never_stopped,
) -> tuple[SourceReport, ...]:
    """Visit all sources, or those named: folders are read, feeds fetched. One that fails never stops the others.

    Feeds that are not read after `limit_s` seconds are left for the next visit, and so are all when the process is to end.
    `whole`: feeds are asked for all that they hold, also if they have not changed. `everything`: this, and entries that were
    left on an earlier visit are taken too.
    """
    sources = [source for source in config.sources if not names or source.name in names]
    findings = _split_old_memory(workspace)
    reports = {
        source.name: _look_into(workspace, config, source) for source in sources if not SOURCES[source.kind].fetches
    }
    for name in reports:
        done(name)
    fetched = [source for source in sources if SOURCES[source.kind].fetches]
    if fetched:
        bounds = _Bounds(limit_s, arm)
        reports |= _visit_feeds(workspace, config, fetched, now, bounds, everything=everything, whole=whole, done=done)
    if findings:
        first = reports[sources[0].name]
        reports[first.name] = replace(first, findings=(*findings, *first.findings))
    return tuple(reports[source.name] for source in sources)


def _split_old_memory(workspace: Workspace) -> tuple[Finding, ...]:
    try:
        return split_old_memory(workspace)
    except InputError as error:
        return (Finding(rule="memory", message=_reason(error)),)


def _reason(error: InputError) -> str:
    return "; ".join(map(str, error.mistakes))


def take_in_posts(
    workspace: Workspace, config: Config, source: Source, posts: Iterable[Post], now: datetime
) -> SourceReport:
    """Posts of a paste or file named by hand → files below posts/collected/, but for those that some source has already."""
    posts = tuple(posts)
    with collecting(workspace):
        known_keys = {post.key for post in read_sources(workspace, config).posts}
        new = [post for post in posts if post.key not in known_keys]
        unique = list({post.key: post for post in new}.values())
        paths = _write_posts(workspace, config, source, unique, now)
    return SourceReport(
        name=source.name, kind=source.kind, new=len(unique), known=len(posts) - len(unique), paths=paths
    )


def choose_source(config: Config, name: str | None) -> Source:
    """The source that a paste belongs to: the one named, else the first folder. Raises UsageError."""
    for source in config.sources:
        if source.name == name or (name is None and not SOURCES[source.kind].fetches):
            return source
    if name:
        raise no_such_source(config, name)
    raise UsageError(
        Mistake(
            code="NL015",
            message="no source of kind folder in the settings; name whose posts these are: --source NAME",
        )
    )


def no_such_source(config: Config, name: str) -> UsageError:
    """The error for a name that is no source's."""
    names = [source.name for source in config.sources]
    known = suggest(name, names) or f" (there is: {', '.join(names) or 'none'})"
    return UsageError(Mistake(code="NL015", message=f"no source {name!r} in the settings{known}"))


# --- folders ------------------------------------------------------------------------------------------------------


def _look_into(workspace: Workspace, config: Config, source: Source) -> SourceReport:
    """A folder is read in place; new is what was not there at the last visit."""
    report = SourceReport(name=source.name, kind=source.kind)
    batch = read_source(workspace, config, source)
    try:
        with collecting(workspace):
            before, findings = read_folder_keys(workspace, source.name)
            write_folder_keys(workspace, source.name, {post.key for post in batch.posts})
    except InputError as error:
        return replace(report, failed=_reason(error), mistakes=batch.mistakes)
    fresh = {post.key: post for post in batch.posts if post.key not in before}
    return replace(
        report,
        new=len(fresh),
        known=len(batch.posts) - len(fresh),
        failed=""
        if workspace.exists(source.path)
        else f"there is no folder {source.path}; make it, or change its path",
        findings=(*findings, *about_new_files(batch.findings, fresh.values(), batch.posts)),
        mistakes=batch.mistakes,
    )


# --- feeds --------------------------------------------------------------------------------------------------------


def _visit_feeds(
    workspace: Workspace,
    config: Config,
    sources: list[Source],
    now: datetime,
    bounds: _Bounds,
    *,
    everything: bool,
    whole: bool,
    done: Callable[[str], None],
) -> dict[str, SourceReport]:
    """Fetch without the lock, which others may want meanwhile; what a feed brought is taken in under it, feed by feed."""
    from newsletter.sources.feed_worker import FeedParser
    from newsletter.sources.fetch import fetch_all
    from newsletter.sources.http_types import Request, hosts

    by_name = {source.name: source for source in sources}
    reports: dict[str, SourceReport] = {}
    wanted: dict[str, Request] = {}
    try:
        with collecting(workspace):
            states = {name: _recall(workspace, source) for name, source in by_name.items()}
    except InputError as error:
        return {name: SourceReport(name=name, kind=one.kind, failed=_reason(error)) for name, one in by_name.items()}
    queue = _read_waiting(workspace)
    for name in order_feeds(states, queue, frozenset(name for name, (memory, _) in states.items() if memory.errors)):
        memory = states[name][0]
        waiting = _why_wait(memory, now)
        if waiting:
            reports[name] = SourceReport(name=name, kind=by_name[name].kind, failed=waiting)
            done(name)
            continue
        wanted[name] = Request(
            url=memory.address,
            etag="" if everything or whole else memory.etag,
            last_modified="" if everything or whole else memory.last_modified,
            allow_hosts=hosts(config.fetch.allow_hosts),
            agent=config.fetch.agent or f"newsletter-desk (+{config.publication.url})",
        )
    with FeedParser() as parser:
        for name, fetched in fetch_all(wanted, limit_s=bounds.limit_s, arm=bounds.arm):
            if fetched.outcome == "unreached":
                reports[name] = SourceReport(name=name, kind=by_name[name].kind, failed=fetched.reason)
                done(name)
                continue
            memory, findings = states[name]
            # The host alone: the rest of an address may hold a secret.
            empty = SourceReport(name=name, kind=by_name[name].kind, host=urlsplit(memory.address).hostname or "")
            visit = _FeedVisit(workspace, config, by_name[name], now, everything)
            try:
                report = visit.receive(empty, fetched, parser)
            except InputError as error:
                report = replace(empty, failed=_reason(error))
            reports[name] = replace(report, findings=(*findings, *report.findings))
            done(name)
    unreached = frozenset(name for name in wanted if reports[name].failed == UNREACHED)
    workspace.write_state(_WAITING, {"names": keep_waiting(queue, list(wanted), unreached)})
    return reports


def _read_waiting(workspace: Workspace) -> tuple[str, ...]:
    """Feeds that earlier visits did not get to, the longest waiting first."""
    names = workspace.recall(_WAITING).get("names")
    return tuple(map(str, names)) if isinstance(names, list) else ()


def _recall(workspace: Workspace, source: Source) -> tuple[FeedState, tuple[Finding, ...]]:
    state, findings = read_feed_state(workspace, source.name)
    return state_for(source, state), findings


def _why_wait(memory: FeedState, now: datetime) -> str:
    if memory.gone:
        return "the server said it is gone for good (410); remove it from the settings, or give it a new url"
    if memory.retry_at and memory.retry_at > now:
        return f"the server asked to be left alone until {memory.retry_at:%Y-%m-%d %H:%M} UTC"
    return ""


@dataclass(frozen=True, slots=True)
class _FeedVisit:
    """One feed's turn: what was fetched is taken in, and remembered after its posts, never before.

    Two processes may have fetched the same entries: each reads the memory anew under the lock.
    """

    workspace: Workspace
    config: Config
    source: Source
    now: datetime
    everything: bool

    def receive(self, report: SourceReport, fetched: Response, parser: "FeedParser") -> SourceReport:
        """What was fetched → the report, completed. Raises InputError if nothing can be written."""
        document = None
        if fetched.outcome == "content":
            try:
                document = parser.parse(
                    fetched.data, label_with(fetched.content_type, self.source.encoding), fetched.url
                )
            except NotAFeed as error:
                fetched = replace(fetched, outcome="failed", reason=str(error))
        with collecting(self.workspace):
            memory, _ = _recall(self.workspace, self.source)
            if document:
                return self._take_in(report, fetched, document, memory)
            if fetched.outcome == "unchanged":
                after, report = after_unchanged(memory, fetched.moved_to), replace(report, note="unchanged")
            else:
                gone = fetched.outcome == "gone"
                after = after_failure(memory, self.now, gone=gone, retry_after_s=fetched.retry_after_s)
                report = replace(report, failed=fetched.reason)
            self._remember(after, memory)
        return report

    def _take_in(
        self, report: SourceReport, fetched: Response, document: FeedDocument, memory: FeedState
    ) -> SourceReport:
        # Without any memory (another machine, a file that was put aside) posts are known by their files.
        collected = self._collected_keys() if memory.unfinished or not memory.seen else frozenset()
        known = frozenset() if memory.unfinished else collected
        intake = take_in(self.source, document, memory, self.now, collected=known, everything=self.everything)
        written = collected & frozenset(memory.unfinished)
        posts = [post for post in intake.posts if post.key not in written]
        if posts:
            # Killed between two posts, the next visit finds out which of these there are.
            keys = tuple(post.key for post in intake.posts)
            self._remember(replace(memory, unfinished=keys), memory)
        paths = _write_posts(self.workspace, self.config, self.source, posts, self.now)
        accounts = account_for(self.source.name, document, posts)
        # With these, a server would say "unchanged" of a document whose end we have not seen.
        is_whole = not (document.unfinished or fetched.cut_off)
        after = after_visit(
            memory,
            seen=intake.seen,
            etag=fetched.etag if is_whole else "",
            last_modified=fetched.last_modified if is_whole else "",
            moved_to=fetched.moved_to,
            newest=intake.newest,
            brought=intake.brought,
        )
        write_feed_state(self.workspace, self.source.name, after)
        note = f"moved to {after.address}; change its url in the settings" if after.address != after.url else ""
        return replace(
            report,
            new=len(posts),
            known=intake.known + len(intake.posts) - len(posts),
            left=intake.left,
            paths=paths,
            findings=(*find_losses(self.source.name, document, fetched, accounts), *intake.findings),
            note=note,
            entries=accounts,
        )

    def _remember(self, after: FeedState, before: FeedState) -> None:
        if after != before:
            write_feed_state(self.workspace, self.source.name, after)

    def _collected_keys(self) -> frozenset[str]:
        """The keys of the posts that were collected: those of the feed's own folder."""
        posts = read_source(self.workspace, self.config, self.source).posts
        return frozenset(post.key for post in posts)


# --- files --------------------------------------------------------------------------------------------------------


def _write_posts(
    workspace: Workspace, config: Config, source: Source, posts: Iterable[Post], now: datetime
) -> tuple[str, ...]:
    """One file a post. A file that is there is never written over: it may have been edited."""
    paths = []
    folder = collected_folder(source.name)
    for post in posts:
        name = collected_name(post, now, config.zone, slugify(post.title))
        stem, number = name.removesuffix(".md"), 2
        while workspace.exists(f"{folder}/{name}"):
            name, number = f"{stem}-{number}.md", number + 1
        workspace.write(f"{folder}/{name}", write_markdown(post, config.zone))
        paths.append(f"{folder}/{name}")
    return tuple(paths)


def read_named_file(source: Source, file: SourceFile, config: Config) -> tuple[tuple[Post, ...], tuple[Finding, ...]]:
    """The posts of a file named on the command line."""
    from newsletter.sources.post_files import read_file

    return read_file(source, file, config.zone)
