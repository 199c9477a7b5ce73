"""The flow that brings posts in: feeds are fetched, pastes are taken from files; each new post becomes a file of its own."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from newsletter.config import Config
from newsletter.desk import about_new_files, read_source
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
from newsletter.sources.feed_entry import NotAFeed
from newsletter.sources.markdown_file import collected_name, write_markdown
from newsletter.text.words import slugify, suggest
from newsletter.workspace import Workspace

STATE = "sources"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReport:
    """What one source brought. `failed` is the reason, if it did; `host` was asked; `paths` are the files written.

    `entries`: what became of each entry of a feed.
    """

    name: str
    kind: str
    new: int = 0
    known: int = 0
    failed: str = ""
    note: str = ""
    host: str = ""
    paths: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    entries: tuple[EntryAccount, ...] = ()


def collect_sources(
    workspace: Workspace,
    config: Config,
    now: datetime,
    *,
    names: tuple[str, ...] = (),
    report: bool = False,
    done: Callable[[str], None] = lambda name: None,
) -> tuple[SourceReport, ...]:
    """Visit all sources, or those named: folders are read, feeds fetched. One that fails never stops the others.

    `report`: feeds are asked for all that they hold, also if they have not changed.
    """
    sources = [source for source in config.sources if not names or source.name in names]
    state = workspace.read_state(STATE)
    reports = {
        source.name: _look_into(workspace, config, source, state)
        for source in sources
        if not SOURCES[source.kind].fetches
    }
    for name in reports:
        done(name)
    fetched = [source for source in sources if SOURCES[source.kind].fetches]
    if fetched:
        reports |= _visit_feeds(workspace, config, fetched, state, now, done, report=report)
    workspace.write_state(STATE, state)
    return tuple(reports[source.name] for source in sources)


def take_in_posts(
    workspace: Workspace, config: Config, source: Source, posts: Iterable[Post], now: datetime
) -> SourceReport:
    """Posts of a paste or file named by hand → files below posts/collected/, but for those that some source has already."""
    known_keys = {post.key for post in _read_what_can_be_read(workspace, config)}
    posts = tuple(posts)
    new = [post for post in posts if post.key not in known_keys]
    unique = list({post.key: post for post in new}.values())
    paths = _write_posts(workspace, config, source, unique, now)
    return SourceReport(
        name=source.name, kind=source.kind, new=len(unique), known=len(posts) - len(unique), paths=paths
    )


def _read_what_can_be_read(workspace: Workspace, config: Config) -> Iterator[Post]:
    """The posts of all sources but for those that hold a mistake: `draft` tells it; here it must not stop other files."""
    for source in config.sources:
        with suppress(InputError):
            yield from read_source(workspace, config, source).posts


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


def _look_into(workspace: Workspace, config: Config, source: Source, state: dict[str, Any]) -> SourceReport:
    """A folder is read in place; new is what was not there at the last visit."""
    try:
        batch = read_source(workspace, config, source)
    except InputError as error:
        return SourceReport(name=source.name, kind=source.kind, failed="; ".join(map(str, error.mistakes)))
    before = set(state.get(source.name, {}).get("keys", ()))
    keys = sorted({post.key for post in batch.posts})
    state[source.name] = {"keys": keys}
    fresh = {post.key: post for post in batch.posts if post.key not in before}
    return SourceReport(
        name=source.name,
        kind=source.kind,
        new=len(fresh),
        known=len(batch.posts) - len(fresh),
        failed=""
        if workspace.exists(source.path)
        else f"there is no folder {source.path}; make it, or change its path",
        findings=about_new_files(batch.findings, fresh.values(), batch.posts),
    )


# --- feeds --------------------------------------------------------------------------------------------------------


def _visit_feeds(
    workspace: Workspace,
    config: Config,
    sources: list[Source],
    state: dict[str, Any],
    now: datetime,
    done: Callable[[str], None],
    *,
    report: bool,
) -> dict[str, SourceReport]:
    from newsletter.sources.asked import Request, hosts
    from newsletter.sources.feed_worker import FeedParser
    from newsletter.sources.fetch import fetch_all

    states = {source.name: state_for(source, _read_feed_state(state.get(source.name))) for source in sources}
    reports: dict[str, SourceReport] = {}
    wanted: dict[str, Request] = {}
    for source in sources:
        waiting = _why_wait(states[source.name], now)
        if waiting:
            reports[source.name] = SourceReport(name=source.name, kind=source.kind, failed=waiting)
            done(source.name)
        else:
            memory = states[source.name]
            wanted[source.name] = Request(
                url=memory.address,
                etag="" if report else memory.etag,
                last_modified="" if report else memory.last_modified,
                allow_hosts=hosts(config.fetch.allow_hosts),
                agent=config.fetch.agent or f"newsletter-desk (+{config.publication.url})",
            )
    by_name = {source.name: source for source in sources}
    with FeedParser() as parser:
        for name, fetched in fetch_all(wanted):
            source = by_name[name]
            reports[name], after = _receive(workspace, config, source, states[name], fetched, parser, now)
            # After its posts, never before: what was not written must be asked for again (X15).
            state[name] = _write_feed_state(after)
            workspace.write_state(STATE, state)
            done(name)
    return reports


def _why_wait(memory: FeedState, now: datetime) -> str:
    if memory.gone:
        return "the server said it is gone for good (410); remove it from the settings, or give it a new url"
    if memory.retry_at and memory.retry_at > now:
        return f"the server asked to be left alone until {memory.retry_at:%Y-%m-%d %H:%M} UTC"
    return ""


def _receive(
    workspace: Workspace,
    config: Config,
    source: Source,
    memory: FeedState,
    fetched: Any,
    parser: Any,
    now: datetime,
) -> tuple[SourceReport, FeedState]:
    """What one visit brought → the report and what to remember."""
    # The host alone: the rest of an address may hold a secret.
    report = SourceReport(name=source.name, kind=source.kind, host=urlsplit(memory.address).hostname or "")
    if fetched.outcome == "unchanged":
        return replace(report, note="unchanged"), after_unchanged(memory, fetched.moved_to)
    if fetched.outcome != "content":
        after = after_failure(memory, now, gone=fetched.outcome == "gone", retry_after_s=fetched.retry_after_s)
        return replace(report, failed=fetched.reason), after
    try:
        document = parser.parse(fetched.data, label_with(fetched.content_type, source.encoding), fetched.url)
    except NotAFeed as error:
        return replace(report, failed=str(error)), after_failure(memory, now, gone=False, retry_after_s=None)
    intake = take_in(source, document, memory, now)
    paths = _write_posts(workspace, config, source, intake.posts, now)
    accounts = account_for(source.name, document, intake.posts)
    # With these, a server would say "unchanged" of a document whose end we have not seen.
    whole = not (document.unfinished or fetched.cut_off)
    after = after_visit(
        memory,
        seen=intake.seen,
        etag=fetched.etag if whole else "",
        last_modified=fetched.last_modified if whole else "",
        moved_to=fetched.moved_to,
    )
    note = f"moved to {after.address}; change its url in the settings" if after.address != after.url else ""
    report = replace(
        report,
        new=len(intake.posts),
        known=intake.known,
        paths=paths,
        findings=(*find_losses(source.name, document, fetched, accounts), *intake.findings),
        note=note,
        entries=accounts,
    )
    return report, after


def _read_feed_state(values: Any) -> FeedState | None:
    if not isinstance(values, dict) or "url" not in values:
        return None
    moment = values.get("retry_at")
    return FeedState(**{**values, "retry_at": datetime.fromisoformat(moment) if moment else None})


def _write_feed_state(memory: FeedState) -> dict[str, Any]:
    return asdict(memory) | {
        "retry_at": memory.retry_at.isoformat() if memory.retry_at else None,
        "seen": dict(memory.seen),
    }


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
    from newsletter.sources.folder import read_file

    return read_file(source, file, config.zone)
