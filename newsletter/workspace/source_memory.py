"""What `collect` remembers of each source between two visits: a file a source, `.newsletter/sources/<name>.json`.

Whoever reads or changes one holds `collecting(workspace)`, from reading it to writing it; the posts that go with it are
written under the same lock.
"""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from newsletter.errors import InputError
from newsletter.model import Finding
from newsletter.sources.feed import FeedState
from newsletter.sources.known_entries import read_seen, read_seen_of_0_1
from newsletter.workspace.files import SLUG, Workspace

_OLD = "sources"  # the one file of version 0.1, with all sources in it


def collecting(workspace: Workspace) -> AbstractContextManager[None]:
    """The lock of whatever `collect` changes. Raises InputError if another process holds it for a minute."""
    return workspace.lock("collect")


def split_old_memory(workspace: Workspace) -> tuple[Finding, ...]:
    """The memory of version 0.1 → a file a source. Once; after that there is nothing to do."""
    if not workspace.exists(f".newsletter/{_OLD}.json"):
        return ()
    with collecting(workspace):
        document, findings = _read(workspace, _OLD)
        for name, values in document.items():
            path = f".newsletter/{_OLD}/{name}.json"
            if isinstance(values, dict) and SLUG.match(name) and not workspace.exists(path):
                workspace.write_state(f"{_OLD}/{name}", values)
        workspace.path(f".newsletter/{_OLD}.json").unlink(missing_ok=True)
    return findings


def read_feed_state(workspace: Workspace, name: str) -> tuple[FeedState | None, tuple[Finding, ...]]:
    """What is remembered of a feed; None: nothing. A file that cannot be read is put aside, and that is reported."""
    values, findings = _read(workspace, f"{_OLD}/{name}")
    if not values or "keys" in values:  # nothing yet, or the source was a folder till now
        return None, findings
    try:
        return _as_state(values), ()
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return None, _set_aside(workspace, f"{_OLD}/{name}")


def write_feed_state(workspace: Workspace, name: str, state: FeedState) -> None:
    """Remember a feed."""
    document = {
        "url": state.url,
        "etag": state.etag,
        "last_modified": state.last_modified,
        "retry_at": _write_moment(state.retry_at),
        "errors": state.errors,
        "gone": state.gone,
        "moved_to": state.moved_to,
        "sightings": state.sightings,
        "newest": _write_moment(state.newest),
        "brought": list(state.brought),
        "unfinished": list(state.unfinished),
        "entries": [one.write() for one in state.seen],
    }
    workspace.write_state(f"{_OLD}/{name}", document)


def read_folder_keys(workspace: Workspace, name: str) -> tuple[frozenset[str], tuple[Finding, ...]]:
    """The keys of the posts that a folder held on the last visit."""
    values, findings = _read(workspace, f"{_OLD}/{name}")
    keys = values.get("keys", ())
    return frozenset(map(str, keys)) if isinstance(keys, list) else frozenset(), findings


def write_folder_keys(workspace: Workspace, name: str, keys: Iterable[str]) -> None:
    """Remember the posts of a folder."""
    workspace.write_state(f"{_OLD}/{name}", {"keys": sorted(keys)})


def _read(workspace: Workspace, name: str) -> tuple[Mapping[str, Any], tuple[Finding, ...]]:
    try:
        return workspace.read_state(name), ()
    except InputError:
        return {}, _set_aside(workspace, name)


def _set_aside(workspace: Workspace, name: str) -> tuple[Finding, ...]:
    """Nothing but comfort is lost with this memory, so it stops no visit: collected posts are known by their files."""
    aside = workspace.set_state_aside(name)
    message = f"cannot be read; kept as {aside}, and what it remembered is forgotten: treated like a first visit"
    return (Finding(rule="memory", where=f".newsletter/{name}.json", message=message),)


def _as_state(values: Mapping[str, Any]) -> FeedState:
    if "seen" in values:  # version 0.1
        seen = read_seen_of_0_1({str(key): str(words) for key, words in values["seen"].items()})
    else:
        seen = tuple(map(read_seen, values["entries"]))
    return FeedState(
        url=str(values["url"]),
        etag=str(values.get("etag", "")),
        last_modified=str(values.get("last_modified", "")),
        retry_at=_read_moment(values.get("retry_at")),
        errors=int(values.get("errors", 0)),
        gone=bool(values.get("gone", False)),
        moved_to=str(values.get("moved_to", "")),
        sightings=int(values.get("sightings", 0)),
        newest=_read_moment(values.get("newest")),
        brought=tuple(map(int, values.get("brought", ()))),
        unfinished=tuple(map(str, values.get("unfinished", ()))),
        seen=seen,
    )


def _read_moment(value: str | None) -> datetime | None:
    moment = datetime.fromisoformat(value) if value else None
    if moment and moment.tzinfo is None:
        raise ValueError("a moment without its zone")
    return moment


def _write_moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
