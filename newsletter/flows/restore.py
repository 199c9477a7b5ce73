"""The flow of a restore: a backup is checked whole beside its place, and only then put there. What comes back sends nothing."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import URL

from newsletter.config import Config
from newsletter.errors import Mistake, SettingsError, UsageError
from newsletter.flows.backup import is_of_database
from newsletter.store import issues
from newsletter.store.copies import carry_departures, check_copy, copy_database, is_in_use, load_copy, prepare_copy
from newsletter.store.database import Store, StoreError, exists, fill_server, is_server_in_use, open_store, stamp
from newsletter.store.keys import read_key
from newsletter.store.location import file_address, sqlite_file
from newsletter.store.slots import list_slots
from newsletter.workspace.backup_file import (
    DATABASE,
    JOURNAL,
    KEY,
    MARK,
    WORKSPACE,
    BackupError,
    BackupReader,
    Member,
    create_private,
    damaged,
    put_in_place,
    reading_backup,
    working_folder,
)
from newsletter.workspace.database import database_address, file_beside
from newsletter.workspace.files import SETTINGS, Workspace
from newsletter.workspace.load import read_config

_SHOWN = 10
_KEPT = "newsletter.db"  # the name of what is kept of a database on a server
_LOG = ("-wal", "-shm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was put back. `kept` is where that lies which stood there before, empty if nothing did.

    `stayed_away`: how many were found, in the database that stood there, to have left or been erased since the backup; None
    if there was none, or none that could be read: then nobody knows. `may_be_sent`: issues that may have gone out since.
    """

    workspace: Path
    made_at: str
    files: tuple[str, ...]
    bytes: int
    rows: dict[str, int]
    kept: str
    stayed_away: int | None
    may_be_sent: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Staged:
    """A backup unpacked in a folder of its own, beside where it is to stand."""

    folder: Path
    workspace: Workspace
    config: Config
    members: tuple[Member, ...]
    made_at: str
    has_database: bool

    @property
    def database(self) -> Path:
        return self.folder / DATABASE

    @property
    def key(self) -> Path:
        return self.folder / KEY


def restore_backup(
    path: Path, root: Path, now: datetime, *, overwrite: bool = False, outside: bool = False
) -> Restored:
    """Put a backup into the folder `root`, which may be new. Raises BackupError, UsageError, StoreError; then nothing changed.

    `overwrite`: also over what stands there and is other; that is kept. `outside`: also where the backup's settings name a
    place outside of the folder for the database or its key.
    """
    root = root.absolute()
    with ExitStack() as stack, reading_backup(path) as backup:
        _check_room(backup, root)
        try:
            is_new = not root.exists()
            root.mkdir(parents=True, exist_ok=True)
            if is_new:
                stack.callback(_remove_if_empty, root)
            staged = _unpack(backup, stack.enter_context(working_folder(root)))
            return _put_back(staged, Workspace(root.resolve()), now, overwrite=overwrite, outside=outside)
        except OSError as error:
            place = error.filename or str(root)
            message = f"cannot be written: {error.strerror or error}"
            raise BackupError(Mistake(code="NL111", file=str(place), message=message)) from None


def _remove_if_empty(folder: Path) -> None:
    if not any(folder.iterdir()):
        folder.rmdir()


def _check_room(backup: BackupReader, root: Path) -> None:
    """Attack: an archive of a few kilobytes that says it holds more than the disk."""
    needed = sum(member.bytes for member in backup.manifest.files)
    there = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if needed > free:
        told = f"holds {needed >> 20} MB, and {free >> 20} MB are free at {there}"
        raise BackupError(Mistake(code="NL111", file=str(backup.path), message=told))


def _unpack(backup: BackupReader, folder: Path) -> _Staged:
    """All members into a folder that nobody else may enter, each as the manifest says."""
    for member in backup.manifest.files:
        place = folder / member.name
        place.parent.mkdir(parents=True, exist_ok=True)
        mode = 0o600 if member.private or not member.name.startswith(WORKSPACE) else 0o666
        with create_private(place, mode) as file:
            backup.copy(member, file.write)
    workspace = Workspace((folder / WORKSPACE).resolve())
    if backup.find(f"{WORKSPACE}{SETTINGS}") is None:
        raise damaged(backup.path, f"holds no {SETTINGS}")
    try:
        config = read_config(workspace)
    except SettingsError as error:
        what = f"the settings in it cannot be used here: {error}"
        raise damaged(backup.path, what) from None
    manifest = backup.manifest
    has_database = backup.find(DATABASE) is not None
    staged = _Staged(folder, workspace, config, manifest.files, manifest.made_at, has_database)
    _check_database(backup, staged)
    return staged


def _check_database(backup: BackupReader, staged: _Staged) -> None:
    database = backup.manifest.database
    if (database is not None) is not staged.has_database or staged.has_database is not staged.key.exists():
        raise damaged(backup.path, "holds a database without its key, or a key without its database")
    if database is not None and check_copy(staged.database, read_key(staged.key)) != database.get("rows"):
        raise damaged(backup.path, "the database in it has other rows than its manifest says")


# --- putting it there ---------------------------------------------------------------------------------------------


def _put_back(staged: _Staged, workspace: Workspace, now: datetime, *, overwrite: bool, outside: bool) -> Restored:
    url, key_file = database_address(workspace, staged.config)
    _check_places(staged, workspace, url, key_file, outside=outside)
    file = sqlite_file(url)
    # A damaged one is there too.
    stands = staged.has_database and (os.path.lexists(file) if file else exists(url))
    if not overwrite:
        _check_nothing_is_lost(staged, workspace, key_file, stands=stands)
    keep = workspace.root / ".newsletter" / f"before-restore-{now:%Y%m%dT%H%M%SZ}"
    old = [*_list_kept(workspace, file), *(_find_old(url, key_file, keep, now) if stands else ())]
    stayed_away, may_be_sent = None, []
    if staged.has_database:
        copy = open_store(file_address(staged.database), staged.key)
        try:
            carried = [count for one in old if (count := carry_departures(one, copy, now)) is not None]
            stayed_away = sum(carried) if carried else None
            prepare_copy(copy, staged.made_at)
            may_be_sent = sorted(set(_list_doubtful(copy, now)))
        finally:
            copy.close()
        rows = check_copy(staged.database, read_key(staged.key))
        _put_database(staged, workspace, url, key_file, keep)
    written = _put_files(staged, workspace, keep)
    return Restored(
        workspace=workspace.root,
        made_at=staged.made_at,
        files=tuple(written),
        bytes=sum(member.bytes for member in staged.members),
        rows=rows if staged.has_database else {},
        kept=workspace.relative(keep) if keep.exists() else "",
        stayed_away=stayed_away,
        may_be_sent=tuple(may_be_sent),
    )


def _check_places(staged: _Staged, workspace: Workspace, url: URL, key_file: Path, *, outside: bool) -> None:
    """Attack: settings that put a file anywhere, or files of the workspace in the place of the database or its key."""
    places = [place.resolve() for place in (sqlite_file(url), key_file) if place and staged.has_database]
    away = [str(place) for place in places if not place.is_relative_to(workspace.root)]
    if away and not outside:
        fix = (
            "if that is right: --outside; else say another place, e.g. NEWSLETTER_DATABASE__URL=sqlite:///newsletter.db"
        )
        raise UsageError(
            Mistake(
                code="NL111",
                message=f"the settings in it put {' and '.join(away)} outside of {workspace.root}",
                help=fix,
            )
        )
    for path in _list_paths(staged):
        place = workspace.path(path)  # raises UsageError if a link that stands there leads out
        if is_of_database(str(place), map(str, places)):
            raise damaged(place, "is a file of the workspace in the backup, and the place of the database or its key")


def _list_paths(staged: _Staged) -> Iterator[str]:
    """The files of the workspace; its settings last, by which it is one."""
    paths = [member.name.removeprefix(WORKSPACE) for member in staged.members if member.name.startswith(WORKSPACE)]
    yield from sorted(paths, key=lambda path: (path == SETTINGS, path))


def _check_nothing_is_lost(staged: _Staged, workspace: Workspace, key_file: Path, *, stands: bool) -> None:
    others = [
        path for path in _list_paths(staged) if _is_other(_find_other(workspace, path), staged.workspace.root / path)
    ]
    if staged.has_database:
        others += [workspace.relative(key_file)] if _is_other(key_file, staged.key) else []
        others += ["the database"] if stands else []
    if others:
        more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        raise UsageError(
            Mistake(
                code="NL111",
                message=f"these stand in {workspace.root} and are other: {', '.join(others[:_SHOWN])}{more}",
                help="restore into a new folder (--workspace DIR), or say --overwrite: what stands there is kept beside",
            )
        )


def _find_other(workspace: Workspace, path: str) -> Path:
    """What stands in the way of a file: one in the place of its folder, else what has its name."""
    place = workspace.root / path
    between = [folder for folder in reversed(place.parents) if folder.is_relative_to(workspace.root)]
    return next((folder for folder in between if os.path.lexists(folder) and not folder.is_dir()), place)


def _is_other(there: Path, new: Path) -> bool:
    if not os.path.lexists(there):
        return False
    return not there.is_file() or there.read_bytes() != new.read_bytes()


def _find_old(url: URL, key_file: Path, keep: Path, now: datetime) -> Iterator[Path]:
    """See that nobody uses the database that stands there, and give a file to ask who has left it."""
    file = sqlite_file(url)
    if is_in_use(file) if file else is_server_in_use(url):
        raise UsageError(
            Mistake(
                code="NL111",
                message="the database that stands there is in use",
                help="stop newsletter serve, and whatever else has it open; then restore again",
            )
        )
    if file:
        yield file
        return
    keep.mkdir(parents=True, exist_ok=True, mode=0o700)
    with suppress(StoreError), closing(open_store(url, key_file)) as store:
        copy_database(store, keep / _KEPT, now)
        yield keep / _KEPT


def _list_kept(workspace: Workspace, file: Path | None) -> Iterator[Path]:
    """Databases that restores have moved aside, one that was killed among them: they know who left, too."""
    name = file.name if file else _KEPT
    for folder in sorted((workspace.root / ".newsletter").glob("before-restore-*")):
        yield from sorted(folder.rglob(name))


def _list_doubtful(copy: Store, now: datetime) -> Iterator[str]:
    """Issues that may have gone out since: those that were not done, and those whose time has come."""
    for frozen in issues.frozen_issues(copy, states=("frozen", "sending", "paused")):
        if issues.read_books(copy, frozen).open:
            yield frozen.slug
    for slot in list_slots(copy):
        if slot.state in ("planned", "drafted", "held") and slot.planned_at <= stamp(now):
            yield slot.issue


def _put_database(staged: _Staged, workspace: Workspace, url: URL, key_file: Path, keep: Path) -> None:
    file = sqlite_file(url)
    mark, journal = (file_beside(workspace, file, name) for name in ("mark", "journal"))
    if file is None:
        fill_server(url, lambda connection: load_copy(staged.database, connection))
    _keep(key_file, keep, other_than=staged.key)
    # Of the old database's numbers; read for the new one it would mark others as accepted.
    _keep(journal, keep)
    put_in_place(staged.key, key_file)
    if file:
        for place in (file, *(file.with_name(f"{file.name}{end}") for end in _LOG)):
            _keep(place, keep)
        put_in_place(staged.database, file)
    # The mark that stands here may know more than the one in the backup, and never less.
    if not mark.exists() and (staged.folder / MARK).exists():
        put_in_place(staged.folder / MARK, mark)
    if (staged.folder / JOURNAL).exists():
        put_in_place(staged.folder / JOURNAL, journal)


def _put_files(staged: _Staged, workspace: Workspace, keep: Path) -> list[str]:
    written = []
    for path in _list_paths(staged):
        new, place = staged.workspace.root / path, workspace.path(path)
        _keep(_find_other(workspace, path), keep, other_than=new)
        put_in_place(new, place)
        written.append(path)
    return written


def _keep(place: Path, keep: Path, *, other_than: Path | None = None) -> None:
    """Move away what stands in a place, if it is something else: it is kept under its own name."""
    if not os.path.lexists(place) or (other_than and not _is_other(place, other_than)):
        return
    keep.mkdir(parents=True, exist_ok=True, mode=0o700)
    root = keep.parent.parent
    name = place.relative_to(root) if place.is_relative_to(root) else Path(place.name)
    (keep / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.move(place, keep / name)
