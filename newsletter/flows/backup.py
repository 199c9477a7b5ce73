"""The flow of a backup: everything of a workspace that cannot be made again, in one verified file, while it is in use."""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path

from newsletter import __version__
from newsletter.config import Config
from newsletter.errors import Mistake
from newsletter.store.copies import check_copy, copy_database
from newsletter.store.database import HEAD, Store
from newsletter.store.keys import read_key
from newsletter.store.location import sqlite_file
from newsletter.workspace.backup_file import (
    DATABASE,
    FILE_LIMIT,
    JOURNAL,
    KEY,
    MARK,
    WORKSPACE,
    BackupError,
    BackupWriter,
    create_private,
    damaged,
    is_backup,
    is_safe,
    put_in_place,
    reading_backup,
    working_folder,
    writing_backup,
)
from newsletter.workspace.database import database_address, has_database, journal_path, mark_path, open_database
from newsletter.workspace.files import SETTINGS, Workspace

# Folders that hold what people wrote. Those that sources and other settings name are added.
FOLDERS = ("posts", "issues", "templates", "pictures")
FILES = (SETTINGS, ".gitignore")
# Keys of the settings that name a file or folder; and every key that ends with `_file`.
_NAMING = ("path", "logo", "logo_dark", "welcome")
# Subscribers' files: who is in them is in the database, and who was meant to be forgotten is not.
_NOT = (".csv",)
_POSTS = (".md", ".txt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """What was written. `files` are its members, `left_out` what belongs into it and could not be taken, each with its reason.

    `not_in_it` are the entries of the workspace's own folder that belong into none, because they can be made again or hold
    subscribers.
    """

    path: Path
    bytes: int
    made_at: str
    files: tuple[str, ...]
    rows: dict[str, int]
    left_out: tuple[str, ...]
    not_in_it: tuple[str, ...]


def write_backup(workspace: Workspace, config: Config, target: Path, now: datetime) -> Backup:
    """Write a backup, read it again, and only then put it in its place. Raises BackupError, StoreError; then nothing is there."""
    _check_target(workspace, config, target)
    try:
        with working_folder(target.absolute().parent) as folder:
            left_out: list[str] = []
            whole = folder / "backup"
            with writing_backup(whole, now, __version__) as writer:
                _add_database(workspace, config, writer, folder, now)
                for path, private in _list_files(workspace, config, left_out):
                    _add_file(workspace, writer, path, private, left_out)
            rows = verify_backup(whole, folder)
            put_in_place(whole, target)
    except OSError as error:
        raise BackupError(
            Mistake(code="NL112", file=str(target), message=f"cannot be written: {error.strerror or error}")
        ) from None
    return Backup(
        path=target,
        bytes=target.stat().st_size,
        made_at=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        files=tuple(member.name for member in writer.files),
        rows=rows,
        left_out=tuple(left_out),
        not_in_it=tuple(
            _list_others(workspace, [member.name for member in writer.files], database_files(workspace, config))
        ),
    )


def verify_backup(path: Path, folder: Path) -> dict[str, int]:
    """Read a backup as a restore would: every hash, the database's integrity, its key and the rows of each table.

    `folder` is where its database is put for a moment. Raises BackupError, StoreError.
    """
    copy, key_file = folder / "verify.db", folder / "verify.key"
    with reading_backup(path) as backup:
        for member in backup.manifest.files:
            place = {DATABASE: copy, KEY: key_file}.get(member.name)
            if place is None:
                backup.copy(member, len)
                continue
            with create_private(place) as file:
                backup.copy(member, file.write)
        database = backup.manifest.database
    if database is None:
        return {}
    try:
        rows = check_copy(copy, read_key(key_file))
        if rows != database["rows"]:
            raise damaged(path, "the database in it has other rows than were copied")
        return rows
    finally:
        copy.unlink(missing_ok=True)
        key_file.unlink(missing_ok=True)


def _check_target(workspace: Workspace, config: Config, target: Path) -> None:
    folders = [workspace.root / name for name in (*FOLDERS, *(named for _, named in _named_paths(config)))]
    if any(target.resolve().is_relative_to(folder.resolve()) for folder in folders if folder != workspace.root):
        message = "lies in a folder that is backed up: the next backup would hold this one"
    elif target.is_dir():
        message = "is a folder; name a file, e.g. newsletter-2026-11-23.backup"
    elif not target.absolute().parent.is_dir():
        message = "the folder for it is not there; make it first"
    elif (target.exists() or target.is_symlink()) and (target.is_symlink() or not is_backup(target)):
        message = "is there already, and is no backup: it is not overwritten"
    else:
        return
    raise BackupError(Mistake(code="NL112", file=str(target), message=message))


# --- what is in it ------------------------------------------------------------------------------------------------


def _add_database(workspace: Workspace, config: Config, writer: BackupWriter, folder: Path, now: datetime) -> None:
    if not has_database(workspace, config):
        return
    store = open_database(workspace, config)
    try:
        # Before the database: what it holds is taken by the rows that the copy says are claimed, and by no others.
        journal = journal_path(workspace, store)
        if journal.exists() and any(kept := journal.read_bytes()):
            writer.add(JOURNAL, BytesIO(kept), private=True)
        copy = folder / "newsletter.db"
        rows = copy_database(store, copy, now)
        writer.database = {"kind": "sqlite" if store.is_sqlite else "postgresql", "version": HEAD, "rows": rows}
        with copy.open("rb") as file:
            writer.add(DATABASE, file, private=True)
        copy.unlink()
        _add_key_and_mark(workspace, config, store, writer)
    finally:
        store.close()


def _add_key_and_mark(workspace: Workspace, config: Config, store: Store, writer: BackupWriter) -> None:
    mark = mark_path(workspace, store)
    for name, path in ((KEY, database_address(workspace, config)[1]), (MARK, mark)):
        if path.exists():
            with path.open("rb") as file:
                writer.add(name, file, private=True)


def _add_file(workspace: Workspace, writer: BackupWriter, path: str, private: bool, left_out: list[str]) -> None:
    place = workspace.root / path
    try:
        status = place.stat()
        if not stat.S_ISREG(status.st_mode):  # to open another one may wait for ever
            left_out.append(f"{path}: is no plain file")
            return
        if status.st_size > FILE_LIMIT:
            most = f"a backup takes files of up to {FILE_LIMIT >> 20} MB"
            left_out.append(f"{path}: has {status.st_size >> 20} MB; {most}")
            return
        octets = place.read_bytes()  # whole, so that a disk that fails leaves no half of it
    except OSError as error:
        left_out.append(f"{path}: {error.strerror or error}")
        return
    writer.add(f"{WORKSPACE}{path}", BytesIO(octets), private=private or not status.st_mode & 0o077)


def _list_files(workspace: Workspace, config: Config, left_out: list[str]) -> Iterator[tuple[str, bool]]:
    """The files to take, each once, and whether it is its owner's alone. What is hidden is none of the editor's."""
    root = workspace.root
    folders, secrets = [name for name in FOLDERS if (root / name).exists()], []
    for key, value in _named_paths(config):
        if not _lies_inside(root, value, is_secret=key.endswith("_file")):
            left_out.append(f"{value}: lies outside of the workspace; back it up yourself")
        elif (root / value).is_dir():
            folders.append(os.path.normpath(value))
        elif (root / value).exists():
            secrets.append(os.path.normpath(value))
    memory = [path.relative_to(root).as_posix() for path in sorted((root / ".newsletter").glob("*.json"))]
    own = database_files(workspace, config)
    for path in dict.fromkeys((*FILES, *memory, *secrets, *_walk(root, folders, left_out))):
        if not (root / path).exists() or is_of_database(path, own):
            continue
        if is_safe(path):
            yield path, path in secrets
        else:
            left_out.append(f"{path!r}: is hidden, or no name for a file")


def database_files(workspace: Workspace, config: Config) -> list[str]:
    """Database and key, as paths in the workspace if they are in it; what lies beside them begins with the same name."""
    url, key_file = database_address(workspace, config)
    places = [place for place in (sqlite_file(url), key_file) if place]
    return [place.relative_to(workspace.root).as_posix() for place in places if place.is_relative_to(workspace.root)]


def is_of_database(path: str, own: Iterable[str]) -> bool:
    """Whether a path is one of these, or a log, mark, journal or lock beside it."""
    return any(path == one or path.startswith((f"{one}.", f"{one}-")) for one in own)


def _named_paths(config: Config) -> Iterator[tuple[str, str]]:
    """Files and folders that the settings name: key and path. The database's key has its own place."""
    for section in fields(config):
        value = getattr(config, section.name)
        for item in value if isinstance(value, tuple) else (value,):
            for key in fields(item) if is_dataclass(item) and section.name != "database" else ():
                named = getattr(item, key.name)
                if named and isinstance(named, str) and (key.name in _NAMING or key.name.endswith("_file")):
                    yield key.name, named


def _lies_inside(root: Path, path: str, *, is_secret: bool) -> bool:
    """A link of the editor's own may lead elsewhere, and its content is taken; a secret's, to a credential of the system, not."""
    place = root / path
    inside = Path(os.path.normpath(place)).is_relative_to(root)
    return inside and not (is_secret and not place.resolve().is_relative_to(root.resolve()))


def _walk(root: Path, folders: list[str], left_out: list[str]) -> Iterator[str]:
    def report(error: OSError) -> None:
        left_out.append(f"{error.filename}: {error.strerror}")

    for folder in dict.fromkeys(folders):
        for place, names, files in os.walk(root / folder, onerror=report):
            here = Path(place)
            names[:] = sorted(name for name in names if not name.startswith(".") and here / name != root / "build")
            links = [name for name in names if (here / name).is_symlink()]
            left_out += [f"{(here / name).relative_to(root)}: is a link to a folder" for name in links]
            shown = (name for name in sorted(files) if not name.startswith(".") and not name.endswith(_NOT))
            # A source may be the workspace itself: of that only what a source reads.
            wanted = (name for name in shown if folder != "." or name.endswith(_POSTS))
            yield from ((here / name).relative_to(root).as_posix() for name in wanted)


def _list_others(workspace: Workspace, taken: list[str], own: list[str]) -> Iterator[str]:
    first = {name.removeprefix(WORKSPACE).partition("/")[0] for name in taken}
    for path in sorted(workspace.root.iterdir()):
        if path.name not in first and not is_of_database(path.name, own):
            yield path.name
