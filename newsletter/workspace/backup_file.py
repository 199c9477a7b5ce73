"""The file of a backup: a ZIP archive (mode 0600) of plain files, whose manifest lists each with its size and SHA-256.

`manifest.json` is the last member. All others are `workspace/…`, paths in the workspace, or `database/…`: `newsletter.db`
(a SQLite file, whatever the database is), `key`, `mark` and `journal`. What is read is believed only as far as it agrees
with the manifest, and the manifest no further than to fit the limits below.
"""

import hashlib
import json
import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from newsletter.errors import InputError, Mistake

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = "database/newsletter.db"
KEY, MARK, JOURNAL = "database/key", "database/mark", "database/journal"
WORKSPACE = "workspace/"
# Attack: an archive of a few kilobytes that unpacks to fill the disk, or a list of files that fills the memory.
FILE_LIMIT = 256 << 20  # octets of a file of the workspace
SMALL_LIMIT = 1 << 20  # of key, mark and journal
MANIFEST_LIMIT = 64 << 20
MOST_FILES = 200_000
_BLOCK = 1 << 20
_WORKING = ".newsletter-backup-"
_LEVEL = 3  # half the time of 6, and a twentieth more of size


class BackupError(InputError):
    """A file is no backup of ours, or not a whole one. Nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A file in a backup. `private`: for its owner only."""

    name: str
    bytes: int
    sha256: str
    private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup holds. `database` is the kind and version of the database, and the rows of each table; None without one."""

    made_at: str
    program: str
    database: Mapping[str, Any] | None
    files: tuple[Member, ...]
    format: int = FORMAT


@dataclass(slots=True)
class BackupWriter:
    """Adds files, one after the other; their sizes and hashes are those of the octets that were written. See `Manifest`."""

    archive: zipfile.ZipFile
    made_at: datetime
    database: Mapping[str, Any] | None = None
    files: list[Member] = field(default_factory=list)

    def add(self, name: str, source: IO[bytes], *, private: bool = False) -> None:
        """Add what can be read from `source`."""
        count, digest = 0, hashlib.sha256()
        with self.archive.open(self.describe(name, private), "w", force_zip64=True) as target:
            while block := source.read(_BLOCK):
                count += len(block)
                digest.update(block)
                target.write(block)
        self.files.append(Member(name=name, bytes=count, sha256=digest.hexdigest(), private=private))

    def describe(self, name: str, private: bool) -> zipfile.ZipInfo:
        """The entry of a file in the archive."""
        info = zipfile.ZipInfo(name, self.made_at.timetuple()[:6])
        info.compress_type = zipfile.ZIP_DEFLATED
        info.create_system = 3  # so that the mode is read as one
        info.external_attr = (stat.S_IFREG | (0o600 if private else 0o644)) << 16
        return info


@contextmanager
def writing_backup(path: Path, made_at: datetime, program: str) -> Iterator[BackupWriter]:
    """Write a new file; the manifest comes last. Raises OSError."""
    # Addresses and keys are in it.
    with create_private(path) as file, zipfile.ZipFile(file, "w", compresslevel=_LEVEL) as archive:
        writer = BackupWriter(archive, made_at)
        yield writer
        manifest = Manifest(
            made_at=made_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            program=program,
            database=writer.database,
            files=tuple(writer.files),
        )
        info = writer.describe(MANIFEST, False)
        archive.writestr(info, json.dumps(asdict(manifest), ensure_ascii=False, indent=1), compresslevel=_LEVEL)


# --- reading --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BackupReader:
    """An open backup, whose manifest and list of members agree."""

    path: Path
    manifest: Manifest
    archive: zipfile.ZipFile

    def copy(self, member: Member, target: Callable[[bytes], object]) -> None:
        """Give a member's octets in blocks. Raises BackupError if they are not those that the manifest lists."""
        count, digest = 0, hashlib.sha256()
        try:
            with self.archive.open(member.name) as source:
                while block := source.read(_BLOCK):
                    count += len(block)
                    if count > member.bytes:
                        break
                    digest.update(block)
                    target(block)
        except Exception as error:  # of zipfile, zlib or the disk: each has its own
            raise damaged(self.path, f"{member.name} cannot be read: {error}") from None
        if (count, digest.hexdigest()) != (member.bytes, member.sha256):
            raise damaged(self.path, f"{member.name} is not what was written")

    def find(self, name: str) -> Member | None:
        """The member of that name."""
        return next((one for one in self.manifest.files if one.name == name), None)


@contextmanager
def reading_backup(path: Path) -> Iterator[BackupReader]:
    """Open a backup. Raises BackupError for a file that is none, or whose members are not those of its manifest."""
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise BackupError(Mistake(code="NL111", file=str(path), message="there is no such file")) from None
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise BackupError(
            Mistake(
                code="NL111", file=str(path), message=f"is no backup of newsletter-desk, or not a whole one: {error}"
            )
        ) from None
    with archive:
        yield BackupReader(path, _read_manifest(path, archive), archive)


def is_backup(path: Path) -> bool:
    """Whether a file is a backup of ours that may be replaced by a newer one."""
    try:
        with reading_backup(path):
            return True
    except BackupError:
        return False


def damaged(path: Path, what: str) -> BackupError:
    """The error for a backup that is not as it was written."""
    help_ = "nothing was changed; take another backup"
    return BackupError(Mistake(code="NL111", file=str(path), message=what, help=help_))


def _read_manifest(path: Path, archive: zipfile.ZipFile) -> Manifest:
    infos = {info.filename: info for info in archive.infolist()}
    if MANIFEST not in infos:
        raise damaged(path, f"is no backup of newsletter-desk: there is no {MANIFEST} in it")
    if len(infos) != len(archive.infolist()):
        raise damaged(path, "has two files of one name in it")
    if infos[MANIFEST].file_size > MANIFEST_LIMIT:
        raise damaged(path, "has a manifest that is too large")
    try:
        manifest = _parse(json.loads(archive.read(MANIFEST)))
    except Exception as error:  # of the archive or of what is in it, which may be anything
        raise damaged(path, f"has a manifest that cannot be read: {type(error).__name__}: {error}") from None
    if manifest.format != FORMAT:
        raise damaged(path, f"is of format {manifest.format}; this program knows {FORMAT}")
    listed = {member.name: member for member in manifest.files}
    if len(listed) != len(manifest.files) or set(listed) != set(infos) - {MANIFEST}:
        raise damaged(path, "holds other files than its manifest lists")
    for name, member in listed.items():
        if problem := find_problem(member, infos[name]):
            raise damaged(path, f"{name[:200]!r} {problem}")
    return manifest


def _parse(document: Any) -> Manifest:
    files = document["files"]
    if len(files) > MOST_FILES:
        raise ValueError(f"{len(files)} files; {MOST_FILES} are the limit")
    database = document["database"]
    if database is not None and not isinstance(database, dict):
        raise ValueError("no database")
    datetime.fromisoformat(document["made_at"])
    return Manifest(
        format=int(document["format"]),
        made_at=str(document["made_at"]),
        program=str(document["program"])[:100],
        database=database,
        files=tuple(
            Member(
                name=str(one["name"]), bytes=int(one["bytes"]), sha256=str(one["sha256"]), private=bool(one["private"])
            )
            for one in files
        ),
    )


def find_problem(member: Member, info: zipfile.ZipInfo) -> str:
    """What is wrong with a member, before an octet of it is read; empty if nothing is.

    Attacks: `../` and absolute names lead out of the folder, links do so when something is written through them, and
    `.git/config` names programs that git runs.
    """
    name = member.name
    if info.orig_filename != name:
        return "is no name for a file"
    kind = stat.S_IFMT(info.external_attr >> 16)
    if info.is_dir() or kind not in (0, stat.S_IFREG) or info.flag_bits & 1:
        return "is no plain file"
    if info.file_size != member.bytes or member.bytes < 0:
        return "has another size than the manifest says"
    if name in (DATABASE, KEY, MARK, JOURNAL):
        return "is too large" if name != DATABASE and member.bytes > SMALL_LIMIT else ""
    if not name.startswith(WORKSPACE):
        return "is none of the files of a backup"
    if not is_safe(name.removeprefix(WORKSPACE)):
        return "does not lie in the workspace, is hidden, or is no name for a file"
    return "is too large" if member.bytes > FILE_LIMIT else ""


def is_safe(path: str) -> bool:
    """Whether a path may be in a backup: a name inside the workspace, and not hidden but for the program's own memory."""
    parts = path.split("/")
    if not path.isprintable() or "\\" in path or len(path) > 1000 or any(part in ("", ".", "..") for part in parts):
        return False
    if path == ".gitignore" or (parts[0] == ".newsletter" and len(parts) == 2 and path.endswith(".json")):
        return not parts[-1].startswith("..")
    return not any(part.startswith(".") for part in parts)


# --- folders and places ---------------------------------------------------------------------------------------------


@contextmanager
def working_folder(parent: Path) -> Iterator[Path]:
    """A folder for copies that nobody else may enter; those that killed processes left beside it are taken away."""
    import fcntl

    for stale in parent.glob(f"{_WORKING}*/lock"):
        with suppress(OSError), stale.open("r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(stale.parent)
    with tempfile.TemporaryDirectory(prefix=_WORKING, dir=parent) as name, create_private(Path(name) / "lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield Path(name)


@contextmanager
def create_private(path: Path, mode: int = 0o600) -> Iterator[IO[bytes]]:
    """A new file, by default for its owner only from its first moment on."""
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "wb") as file:
        yield file


def put_in_place(new: Path, place: Path) -> None:
    """Move a file, once it is on the disk, into its place at once; and see that the folder knows it after a power loss."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with new.open("rb+") as file:
        os.fsync(file.fileno())
    shutil.move(new, place)
    handle = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
