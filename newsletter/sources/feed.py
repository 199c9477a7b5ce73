"""A feed that is collected: its new entries become posts, and we remember what was seen. Pure; fetching is done outside."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from newsletter.model import Finding, Post, Source
from newsletter.sources.contract import Batch, SourceFile, SourceKind, collected_folder
from newsletter.sources.feed_entry import Entry, FeedDocument
from newsletter.sources.folder import read_files
from newsletter.sources.identity import content_hash, make_key

_DATE_IN_PATH = re.compile(r"/((?:19|20)\d{2})/(\d{1,2})/(\d{1,2})(?:/|$)")
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
_SEEN_LIMIT = 5_000
SIGHTINGS_OF_A_MOVE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedState:
    """What we remember of one feed between two visits. `seen` maps every key of an entry to its content hash."""

    url: str = ""
    etag: str = ""
    last_modified: str = ""
    retry_at: datetime | None = None
    errors: int = 0
    gone: bool = False
    moved_to: str = ""
    sightings: int = 0
    seen: Mapping[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """Where to ask: the new address once a permanent redirect was seen twice."""
        return self.moved_to if self.moved_to and self.sightings >= SIGHTINGS_OF_A_MOVE else self.url


@dataclass(frozen=True, slots=True)
class Intake:
    """What one visit brought: new posts, how many were known, and what to look at."""

    posts: tuple[Post, ...]
    known: int
    findings: tuple[Finding, ...]
    seen: Mapping[str, str]


def state_for(source: Source, state: FeedState | None) -> FeedState:
    """The state to start from: an address changed in the settings is a new feed, but what was seen stays seen."""
    if state is None:
        return FeedState(url=source.url)
    return state if state.url == source.url else FeedState(url=source.url, seen=state.seen)


def take_in(source: Source, document: FeedDocument, state: FeedState, now: datetime) -> Intake:
    """A feed's entries against what was seen → new posts, newest last, and the memory after it."""
    findings = _document_findings(source, document)
    keys = _entry_keys(source, document.entries)
    new: list[tuple[Entry, tuple[str, ...]]] = []
    seen = dict(state.seen)
    known = 0
    for entry, entry_keys in zip(document.entries, keys, strict=True):
        before = next((seen[key] for key in entry_keys if key in seen), None)
        digest = content_hash(entry.title, entry.body, title_derived=entry.title_derived)
        if before is None:
            new.append((entry, entry_keys))
        else:
            known += 1
            if before not in (digest, ""):
                findings.append(
                    Finding(
                        rule="feed-changed",
                        where=source.name,
                        message=f"changed at its source since it was collected: {entry.title!r}",
                    )
                )
        # An entry told as changed once is not told again: remember the new words, and as the latest seen.
        for key in entry_keys:
            seen.pop(key, None)
            seen[key] = digest
    if not state.seen and len(new) > source.newest:
        findings.append(
            Finding(
                rule="feed-first",
                where=source.name,
                message=f"first visit: took the newest {source.newest} of {len(new)} entries",
            )
        )
        new = sorted(new, key=lambda pair: pair[0].date or now, reverse=True)[: source.newest]
    posts = [_make_post(source, entry, entry_keys[0], now, findings) for entry, entry_keys in new]
    posts.sort(key=lambda post: (post.date or now, post.key))
    kept = dict(list(seen.items())[-_SEEN_LIMIT:])
    return Intake(tuple(posts), known, tuple(findings), kept)


def _document_findings(source: Source, document: FeedDocument) -> list[Finding]:
    findings = [
        Finding(rule="feed-entry", where=source.name, message=f"{entry.title[:60]!r}: {note}")
        for entry in document.entries
        for note in entry.notes
    ]
    if document.more:
        findings.append(
            Finding(
                rule="feed-limit",
                where=source.name,
                message=f"read the first {len(document.entries)} entries; {document.more} more stay unread",
            )
        )
    return findings


def _entry_keys(source: Source, entries: Iterable[Entry]) -> list[tuple[str, ...]]:
    """For each entry the keys it may be known by, best first: its id, its address, its words (B1).

    Ids that repeat in the document name nothing, and neither do addresses that do.
    """
    entries = tuple(entries)
    ids = Counter(entry.id for entry in entries)
    urls = Counter(entry.url for entry in entries)
    keys = []
    for entry in entries:
        candidates = []
        if entry.id and ids[entry.id] == 1:
            candidates.append(make_key(source.name, "id", entry.id))
        if entry.url and urls[entry.url] == 1:
            candidates.append(make_key(source.name, "url", entry.url))
        if not candidates:
            candidates.append(make_key(source.name, "words", content_hash(entry.title, entry.body)))
        keys.append(tuple(candidates))
    return keys


def _make_post(source: Source, entry: Entry, key: str, now: datetime, findings: list[Finding]) -> Post:
    moment = entry.date if entry.date and _EARLIEST <= entry.date <= now + timedelta(days=1) else None
    moment = moment or _date_in_path(entry.url)
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
    state: FeedState, *, seen: Mapping[str, str], etag: str, last_modified: str, moved_to: str
) -> FeedState:
    """The memory after a visit that worked. A permanent redirect counts once it was seen twice (X15)."""
    return replace(
        _note_move(state, moved_to),
        seen=seen,
        etag=etag,
        last_modified=last_modified,
        errors=0,
        gone=False,
        retry_at=None,
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
