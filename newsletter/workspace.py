"""Where things are in the user's folder, and writing there: a file is written whole or not at all."""

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from newsletter.errors import InputError, Mistake, SettingsError, UsageError

SETTINGS = "newsletter.toml"
SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,78}[a-z0-9])?\Z")
_ISSUE = re.compile(r"(\d{4}-\d{2}-\d{2})-([a-z0-9-]+)\Z")
_NUMBERS = re.compile(r"(\d+)")
_HERE, _RENAME_EXCHANGE = -100, 2  # AT_FDCWD and the flag of renameat2(2)
_TRIES = 9


@dataclass(frozen=True, slots=True)
class Workspace:
    """A folder with a newsletter.toml. Paths given and returned are relative to it, with `/`."""

    root: Path

    def path(self, relative: str) -> Path:
        """A place inside the workspace. Raises UsageError for one that leads out of it."""
        place = (self.root / relative).resolve()
        if not place.is_relative_to(self.root.resolve()):
            raise UsageError(
                Mistake(
                    code="NL002",
                    message=f"{relative} leads out of the workspace",
                    help="paths are inside the workspace",
                )
            )
        return place

    def _unresolved(self, relative: str) -> Path:
        return self.path(relative) if relative.startswith("/") or ".." in relative else self.root / relative

    def relative(self, path: Path) -> str:
        """A path for people: relative to the workspace where it is inside of it."""
        try:
            return path.resolve().relative_to(self.root.resolve()).as_posix()
        except ValueError:
            return path.as_posix()

    def read(self, relative: str) -> bytes:
        """A file's bytes. Raises InputError if it cannot be read. A link of the editor's own may lead elsewhere."""
        try:
            return self._unresolved(relative).read_bytes()
        except OSError as error:
            raise _unreadable(relative, error) from None

    def read_secret(self, path: str) -> bytes:
        """A file that the settings name. It may lie outside, as a credential of the operating system does. Raises InputError."""
        try:
            return (self.root / path).read_bytes()
        except OSError as error:
            raise _unreadable(path, error) from None

    def stamp(self, relative: str) -> tuple[int, int] | None:
        """When a file was last written, in ns, and its size; None while it is not there."""
        try:
            status = self._unresolved(relative).stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size

    def exists(self, relative: str) -> bool:
        """Whether there is such a file or folder."""
        return self._unresolved(relative).exists()

    def write(self, relative: str, content: str | bytes) -> bool:
        """Write a file whole or not at all; a file whose bytes are the same already is left alone. True if it was written."""
        return write_whole(self.path(relative), content.encode() if isinstance(content, str) else content)

    def remove(self, relative: str) -> None:
        """Delete a file that the program made; nothing happens if it is not there. Raises InputError if it must stay."""
        try:
            self.path(relative).unlink(missing_ok=True)
        except OSError as error:
            message = f"cannot be deleted: {error.strerror or error}"
            raise InputError(Mistake(code="NL027", file=relative, message=message)) from None

    def replace(self, relative: str, old: bytes, new: bytes, keep: str) -> bool:
        """Write a file anew if it still holds `old`; False, and nothing changed, if somebody else has written meanwhile.

        What stood there lies at `keep` afterwards: an editor that had the file open and writes now writes there.
        """
        return replace_whole(self.path(relative), old, new, self.path(keep))

    def list_files(self, folder: str, *, without: str = "") -> Iterator[str]:
        """The files below a folder in natural order (`2` before `10`), hidden ones left out; none if there is no folder."""
        start = self.path(folder)
        skipped = self.path(without) if without else None
        for place, folders, names in os.walk(start):
            here = Path(place)
            folders[:] = sorted(
                (name for name in folders if not name.startswith(".") and here / name != skipped), key=natural
            )
            for name in sorted((name for name in names if not name.startswith(".")), key=natural):
                yield (here / name).relative_to(self.root.resolve()).as_posix()

    def issue_slugs(self) -> list[str]:
        """All issues, oldest first."""
        folder = self.path("issues")
        names = (path.name for path in folder.iterdir() if (path / "issue.md").is_file()) if folder.is_dir() else ()
        return sorted(name for name in names if _ISSUE.match(name))

    def read_state(self, name: str) -> dict[str, object]:
        """What the program remembers in `.newsletter/<name>.json` (not for git); empty if there is nothing readable."""
        path = self.path(f".newsletter/{name}.json")
        try:
            state = json.loads(path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError):
            raise InputError(
                Mistake(
                    code="NL026",
                    file=f".newsletter/{name}.json",
                    message="cannot be read; delete it (the program then only forgets when it last asked)",
                )
            ) from None
        return state if isinstance(state, dict) else {}

    def memory(self, name: str) -> Path:
        """A folder for what the program may forget at any time; git ignores it."""
        self.write(".newsletter/.gitignore", "*\n")
        folder = self.path(f".newsletter/{name}")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"cannot be made: {error.strerror or error}"
            raise InputError(Mistake(code="NL027", file=f".newsletter/{name}", message=message)) from None
        return folder

    def write_state(self, name: str, state: Mapping[str, object]) -> None:
        """Remember something between two runs."""
        self.write(".newsletter/.gitignore", "*\n")
        self.write(f".newsletter/{name}.json", json.dumps(state, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def find_workspace(start: Path, given: str | None = None) -> Workspace:
    """The folder given, else the nearest one above `start` with a newsletter.toml. Raises SettingsError."""
    if given is not None:
        root = Path(given)
        if (root / SETTINGS).is_file():
            return Workspace(root.resolve())
        raise SettingsError(
            Mistake(
                code="NL010",
                message=f"{given}: no {SETTINGS} in it",
                help=f"make a workspace: newsletter init {given}",
            )
        )
    for folder in (start, *start.parents):
        if (folder / SETTINGS).is_file():
            return Workspace(folder)
    raise SettingsError(
        Mistake(
            code="NL010",
            message=f"no {SETTINGS} here or in a folder above",
            help="make a workspace: newsletter init DIR; or name one: --workspace DIR",
        )
    )


def issue_path(slug: str) -> str:
    """Where an issue lies."""
    return f"issues/{slug}/issue.md"


def split_issue_slug(slug: str) -> tuple[str, str] | None:
    """`2025-07-07-weekly` → its day and edition; None if it is no issue's name."""
    match = _ISSUE.match(slug)
    return (match[1], match[2]) if match else None


def natural(name: str) -> list[tuple[int, str]]:
    """A sort key by which `week-2` comes before `week-10`."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in _NUMBERS.split(name)]


def write_whole(path: Path, content: bytes) -> bool:
    """Bytes → file: temporary beside it, fsync, rename. False if the same bytes are there already."""
    try:
        if path.is_file() and path.read_bytes() == content:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InputError(
            Mistake(code="NL027", file=str(path), message=f"cannot be written: {error.strerror or error}")
        ) from None
    return True


def replace_whole(path: Path, old: bytes, new: bytes, keep: Path) -> bool:
    """Exchange a file for another if it holds what is expected. False if it does not.

    Looking first and renaming then would overwrite what an editor saves between the two. Where the system can exchange two
    names at once (Linux, renameat2), what stood there is looked at after the exchange, and put back if it was something else.
    """
    try:
        if path.read_bytes() != old:
            return False
        write_whole(keep, new)
        keep.chmod(path.stat().st_mode & 0o777)
        if not _exchange(keep, path):
            write_whole(keep, old)  # before the file itself: of what was replaced there is always a copy
            write_whole(path, new)
            return True
        done = _settle(path, keep, old, new)
        os.utime(keep)  # it came with the old file's time; the history goes by when something was replaced
        return done
    except OSError as error:
        raise InputError(
            Mistake(code="NL027", file=str(path), message=f"cannot be written: {error.strerror or error}")
        ) from None


def _settle(path: Path, keep: Path, old: bytes, new: bytes) -> bool:
    """After the exchange: what came out was `old`, or it is what somebody has just saved and goes back."""
    came_out, went_in = keep.read_bytes(), new
    if came_out == old:
        return True
    for _ in range(_TRIES):
        _exchange(keep, path)
        went_in, expected = came_out, went_in
        came_out = keep.read_bytes()
        if came_out == expected:
            break
    return False


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names at once; False where the system cannot."""
    import ctypes

    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError, TypeError):
        return False
    return bool(renameat2(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _RENAME_EXCHANGE) == 0)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _unreadable(relative: str, error: OSError) -> InputError:
    reason = "there is no such file" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
    return InputError(Mistake(code="NL024", file=relative, message=reason))
