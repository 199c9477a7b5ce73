"""A feed that is collected: its new entries become posts, and we remember what was seen. Pure; fetching is done outside."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from newsletter.model import Finding, Post, Source
from newsletter.sources.contract import Batch, SourceFile, SourceKind, collected_folder
from newsletter.sources.feed_entry import Entry, FeedDocument
from newsletter.sources.identity import content_hash, make_key
from newsletter.sources.known_entries import EntryMatch, EntryMatches, Named, SeenEntry, match_entries, name_entries
from newsletter.sources.post_files import read_files
from newsletter.text.words import count_of

_DATE_IN_PATH = re.compile(r"/((?:19|20)\d{2})/(\d{1,2})/(\d{1,2})(?:/|$)")
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
# Ten times what a document may hold (`newest_entries.ENTRY_LIMIT`).
_SEEN_LIMIT = 5_000
SIGHTINGS_OF_A_MOVE = 2
# A visit is unusual if it brings more than twice what any of so many visits with news before it did.
_VISITS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedState:
    """What we remember of one feed between two visits. `seen` are its entries, those seen last at the end.

    `newest` is the date of the newest entry ever seen; `brought` how many new ones the last visits with news had, at most
    `_VISITS` of them; `unfinished` are the keys of posts that a visit began to write; it has not ended.
    """

    url: str = ""
    etag: str = ""
    last_modified: str = ""
    retry_at: datetime | None = None
    errors: int = 0
    gone: bool = False
    moved_to: str = ""
    sightings: int = 0
    seen: tuple[SeenEntry, ...] = ()
    newest: datetime | None = None
    brought: tuple[int, ...] = ()
    unfinished: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """Where to ask: the new address once a permanent redirect was seen twice."""
        return self.moved_to if self.moved_to and self.sightings >= SIGHTINGS_OF_A_MOVE else self.url


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedIntake:
    """What one visit brought: new posts, how many entries were known or left, what to look at, and the memory after it."""

    posts: tuple[Post, ...]
    known: int
    findings: tuple[Finding, ...]
    seen: tuple[SeenEntry, ...]
    newest: datetime | None = None
    brought: tuple[int, ...] = ()
    left: int = 0


def state_for(source: Source, state: FeedState | None) -> FeedState:
    """The state to start from: an address changed in the settings is a new feed, but what was seen stays seen."""
    if state is None:
        return FeedState(url=source.url)
    if state.url == source.url:
        return state
    return FeedState(
        url=source.url, seen=state.seen, newest=state.newest, brought=state.brought, unfinished=state.unfinished
    )


def take_in(
    source: Source,
    document: FeedDocument,
    state: FeedState,
    now: datetime,
    *,
    collected: frozenset[str] = frozenset(),
    everything: bool = False,
) -> FeedIntake:
    """A feed's entries against what was seen → new posts, newest last, and the memory after it.

    `collected` are keys of posts that are known though the memory may not say so. With `everything`, entries that an
    earlier visit left are taken too, and none is left.
    """
    matches = match_entries(name_entries(source.name, document.entries), state.seen)
    findings = _document_findings(source, document)
    findings += _changed(source, matches)
    fresh = [one for one in matches.entries if _is_fresh(source, one, collected, everything=everything)]
    taken = fresh if everything else _choose(source, fresh, matches, state, now, findings)
    used = {key for seen in state.seen for key in seen.keys_but()} | collected
    posts = []
    for one in taken:
        key = _choose_key(source, one.named, used)
        used.add(key)
        posts.append(_make_post(source, one.named.entry, key, now, findings))
    posts.sort(key=lambda post: (post.date or now, post.key))
    left = {id(one) for one in fresh}.difference(map(id, taken))
    if not everything:
        left.update(id(one) for one in matches.entries if one.seen and not one.seen.taken)
    seen = (*matches.absent, *(_as_seen(one, now, left=id(one) in left) for one in matches.entries))
    # An entry may be dated tomorrow; it must not make what comes today look old.
    dates = (min(moment, now) for one in matches.entries if (moment := _usable_date(one.named.entry, now)))
    regular = bool(state.seen and fresh) and not matches.moved and not everything
    return FeedIntake(
        posts=tuple(posts),
        known=len(matches.entries) - len(fresh),
        findings=tuple(findings),
        seen=seen[-_SEEN_LIMIT:],
        newest=max(filter(None, (*dates, state.newest)), default=None),
        brought=_add_visit(source, state, len(fresh)) if regular else state.brought,
        left=len(fresh) - len(taken),
    )


def _is_fresh(source: Source, one: EntryMatch, collected: frozenset[str], *, everything: bool) -> bool:
    if one.seen:
        return everything and not one.seen.taken
    return collected.isdisjoint(_keys(source, one.named))


def _as_seen(one: EntryMatch, now: datetime, *, left: bool) -> SeenEntry:
    """An entry as it is remembered. One that was left is taken only by `everything`, and then it is fresh."""
    named = one.named
    return SeenEntry(
        id=named.usable_id,
        url=named.url,
        words=named.words,
        title=named.title,
        date=_usable_date(named.entry, now),
        taken=not left,
    )


def _changed(source: Source, matches: EntryMatches) -> Iterator[Finding]:
    """An entry reported as changed is not reported again: its new words are remembered. After a move all are."""
    for one in () if matches.moved else matches.entries:
        if one.seen and one.seen.taken and one.seen.words not in (one.named.words, ""):
            message = f"changed at its source since it was collected: {one.named.entry.title!r}"
            yield Finding(rule="feed-changed", where=source.name, message=message)


# --- how many -----------------------------------------------------------------------------------------------------


def _choose(
    source: Source,
    fresh: list[EntryMatch],
    matches: EntryMatches,
    state: FeedState,
    now: datetime,
    findings: list[Finding],
) -> list[EntryMatch]:
    """The entries to take: all, but on a first visit, when the site has moved, or when there are many more than usual."""

    def newest(entries: list[EntryMatch], count: int) -> list[EntryMatch]:
        return sorted(entries, key=lambda one: _usable_date(one.named.entry, now) or now, reverse=True)[:count]

    rule = message = ""
    if not state.seen:
        taken = newest(fresh, source.newest)
        if len(taken) < len(fresh):
            rule, message = "feed-first", f"first visit: took the newest {len(taken)} of {len(fresh)} entries"
    elif matches.moved:
        taken = newest([one for one in fresh if _is_news(one, state, now) is not False], source.newest)
        only_news = len(taken) == len(matches.entries) and all(_is_news(one, state, now) for one in taken)
        if not only_news:
            rule, message = "feed-moved", _write_move(fresh, taken, matches, state)
    else:
        most = max(state.brought, default=0)
        taken = fresh if len(fresh) <= max(source.newest, 2 * most) else newest(fresh, max(source.newest, most))
        if len(taken) < len(fresh):
            rule, message = "feed-many", f"{len(fresh)} new entries, more than usual: took the newest {len(taken)}"
    if len(taken) < len(fresh):
        message += f"; to take in the others too: newsletter collect --source {source.name} --all"
    if message:
        findings.append(Finding(rule=rule, where=source.name, message=message))
    return taken


def _add_visit(source: Source, state: FeedState, fresh: int) -> tuple[int, ...]:
    """The last visits' numbers with this one's; a single one raises what is usual to the double at most."""
    return (*state.brought, min(fresh, 2 * max(source.newest, *state.brought, 0)))[-_VISITS:]


def _is_news(one: EntryMatch, state: FeedState, now: datetime) -> bool | None:
    """Whether an entry is at least as new as the newest that was known; None: that cannot be known."""
    moment = _usable_date(one.named.entry, now)
    return moment >= state.newest if moment and state.newest else None


def _write_move(fresh: list[EntryMatch], taken: list[EntryMatch], matches: EntryMatches, state: FeedState) -> str:
    by_words = len(matches.entries) - len(fresh)
    known = f"; {by_words} are known by their words, or by title and date" if by_words else ""
    since = f" that are not older than {state.newest:%Y-%m-%d}" if state.newest else ""
    return (
        f"no entry is known by its id or its address, as when a site has moved{known}; "
        f"treated like a first visit: took {len(taken)} of {len(fresh)}{since}"
    )


def _document_findings(source: Source, document: FeedDocument) -> list[Finding]:
    findings = [
        Finding(rule="feed-entry", where=source.name, message=f"{entry.title[:60]!r}: {note}")
        for entry in document.entries
        for note in entry.notes
    ]
    if document.more:
        message = f"read the newest {count_of(len(document.entries), 'entry')}; {document.more} older ones stay unread"
        findings.append(Finding(rule="feed-limit", where=source.name, message=message))
    return findings


def _keys(source: Source, named: Named) -> list[str]:
    """What a post of this entry may be called, best first: by its id, its address, its words."""
    keys = [key for key in (named.usable_id, named.usable_url) if key]
    return [*keys, make_key(source.name, "words", content_hash(named.entry.title, named.entry.body))]


def _choose_key(source: Source, named: Named, used: Iterable[str]) -> str:
    """A key that no other post of the source has: an id may have been given away, and an address used for many entries."""
    keys = _keys(source, named)
    return next((key for key in keys if key not in used), make_key(source.name, *keys))


def _usable_date(entry: Entry, now: datetime) -> datetime | None:
    """The date of an entry, or the one in its address; None if there is none, or one that cannot be."""
    return next(
        (
            moment
            for moment in (entry.date, _date_in_path(entry.url))
            if moment and _EARLIEST <= moment <= now + timedelta(days=1)
        ),
        None,
    )


def _make_post(source: Source, entry: Entry, key: str, now: datetime, findings: list[Finding]) -> Post:
    moment = _usable_date(entry, now)
    if moment is None:
        # Stored with the post, so the day it was first seen stays its day.
        moment = now.replace(microsecond=0)
        findings.append(
            Finding(
                rule="feed-date",
                where=source.name,
                message=f"no usable date; dated today: {entry.title[:60]!r}",
            )
        )
    return Post(
        key=key,
        title=entry.title or f"Untitled, {moment.date().isoformat()}",
        body=entry.body,
        source=source.name,
        url=entry.url or None,
        raw_urls=(entry.raw_url,) if entry.raw_url else (),
        date=moment,
        author=entry.author,
        language=entry.language,
        tags=entry.tags,
        title_derived=entry.title_derived,
    )


def _date_in_path(url: str) -> datetime | None:
    match = _DATE_IN_PATH.search(url)
    try:
        return datetime.combine(date(*map(int, match.groups())), time(), UTC) if match else None
    except ValueError:
        return None


def after_visit(
    state: FeedState,
    *,
    seen: tuple[SeenEntry, ...],
    etag: str,
    last_modified: str,
    moved_to: str,
    newest: datetime | None = None,
    brought: tuple[int, ...] = (),
) -> FeedState:
    """The memory after a visit that worked. A permanent redirect counts once it was seen twice."""
    return replace(
        _note_move(state, moved_to),
        seen=seen,
        newest=newest,
        brought=brought,
        etag=etag,
        last_modified=last_modified,
        errors=0,
        gone=False,
        retry_at=None,
        unfinished=(),
    )


def after_unchanged(state: FeedState, moved_to: str) -> FeedState:
    """The memory after a 304."""
    return replace(_note_move(state, moved_to), errors=0, retry_at=None)


def after_failure(state: FeedState, now: datetime, *, gone: bool, retry_after_s: int | None) -> FeedState:
    """The memory after a visit that failed; `retry_after_s` is the server's wish."""
    wait = now + timedelta(seconds=retry_after_s) if retry_after_s else None
    # A new address that fails is not to be trusted for ever: ask the old one again.
    moved = replace(state, moved_to="", sightings=0) if state.address != state.url else state
    return replace(moved, errors=state.errors + 1, gone=gone, retry_at=wait)


def _note_move(state: FeedState, moved_to: str) -> FeedState:
    if state.address != state.url:
        return state
    if not moved_to:
        return replace(state, moved_to="", sightings=0)
    return replace(state, moved_to=moved_to, sightings=state.sightings + 1 if moved_to == state.moved_to else 1)


def _read_collected(source: Source, files: Iterable[SourceFile], zone: tzinfo) -> Batch:
    """`encoding` of a feed is that of the feed; what was collected is UTF-8."""
    return read_files(replace(source, encoding="utf-8"), files, zone)


KIND = SourceKind(wants="url", fetches=True, folder=lambda source: collected_folder(source.name), read=_read_collected)
