"""Where things are in the user's folder, and writing there: a file is written whole or not at all."""

import json
import os
import re
import shlex
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from newsletter.errors import InputError, Mistake, SettingsError, UsageError, cannot_write
from newsletter.text.gitignore import is_ignored
from newsletter.workspace.locks import LOCK_WAIT_S, take_lock
from newsletter.workspace.whole_files import replace_whole, write_whole

SETTINGS = "newsletter.toml"
SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,78}[a-z0-9])?\Z")
_ISSUE = re.compile(r"(\d{4}-\d{2}-\d{2})-([a-z0-9-]+)\Z")
_NUMBERS = re.compile(r"(\d+)")


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

    def write(self, relative: str, content: str | bytes, *, private: bool = False) -> bool:
        """Write a file whole or not at all; a file whose bytes are the same already is left alone. True if it was written.

        `private`: for its owner only, since addresses are in it (security T51).
        """
        data = content.encode() if isinstance(content, str) else content
        return write_whole(self.path(relative), data, mode=0o600 if private else None)

    def empty(self, folder: str) -> None:
        """Delete what is in a folder that the program alone writes to."""
        shutil.rmtree(self.path(folder), ignore_errors=True)

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
        """The files below a folder in natural order (`2` before `10`), hidden ones left out; none if there is no folder.

        A folder below it that cannot be listed is given itself, so that who reads what was listed learns of it.
        """
        start = self.path(folder)
        closed: list[str] = []
        skipped = self.path(without) if without else None
        for place, folders, names in os.walk(start, onerror=lambda error: closed.append(error.filename)):
            here = Path(place)
            folders[:] = sorted(
                (name for name in folders if not name.startswith(".") and here / name != skipped), key=natural
            )
            below = here.relative_to(self.root.resolve()).as_posix()
            for name in sorted((name for name in names if not name.startswith(".")), key=natural):
                yield name if below == "." else f"{below}/{name}"
        yield from (Path(place).relative_to(self.root.resolve()).as_posix() for place in closed if Path(place).exists())

    def is_in_git(self, path: Path) -> bool:
        """Whether a file would be committed with the workspace: it is in a repository, and no .gitignore leaves it out."""
        place = path.resolve()
        folder = next((one for one in (place, *place.parents) if (one / ".git").exists()), None)
        if folder is None or not place.is_relative_to(self.root.resolve()):
            return False
        for above in place.parents:
            try:
                lines = (above / ".gitignore").read_text(encoding="utf-8", errors="replace")
            except OSError:
                lines = ""
            if is_ignored(lines, place.relative_to(above).as_posix()):
                return False
            if above == folder:
                break
        return True

    def issue_slugs(self) -> list[str]:
        """All issues, oldest first."""
        folder = self.path("issues")
        return [name for name in self.issue_folders() if (folder / name / "issue.md").is_file()]

    def issue_folders(self) -> list[str]:
        """The folders of all issues, oldest first, with those whose issue.md is gone."""
        folder = self.path("issues")
        names = (path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else ()
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

    def recall(self, name: str) -> dict[str, object]:
        """Like `read_state`, for what does no harm when it is forgotten: a file that cannot be read is as good as none."""
        try:
            return self.read_state(name)
        except InputError:
            return {}

    def memory(self, name: str) -> Path:
        """A folder for what the program may forget at any time; git ignores it."""
        self.write(".newsletter/.gitignore", "*\n")
        folder = self.path(f".newsletter/{name}")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(f".newsletter/{name}", error) from None
        return folder

    def write_state(self, name: str, state: Mapping[str, object]) -> None:
        """Remember something between two runs."""
        self.write(".newsletter/.gitignore", "*\n")
        self.write(f".newsletter/{name}.json", json.dumps(state, indent=1, sort_keys=True, ensure_ascii=False) + "\n")

    def set_state_aside(self, name: str) -> str:
        """Rename `.newsletter/<name>.json`, which cannot be read, so that work can go on; → its new name."""
        aside = f".newsletter/{name}.json.unreadable"
        try:
            self.path(f".newsletter/{name}.json").replace(self.path(aside))
        except OSError as error:
            message = f"cannot be renamed: {error.strerror or error}"
            raise InputError(Mistake(code="NL027", file=f".newsletter/{name}.json", message=message)) from None
        return aside

    @contextmanager
    def lock(self, name: str, wait_s: float = LOCK_WAIT_S) -> Iterator[None]:
        """Hold `.newsletter/<name>.lock`, which one process, or one thread of it, holds at a time.

        Waits up to `wait_s` seconds for the holder, then raises InputError. The operating system frees the lock of a
        process that has ended, however it ended: a file that is left over locks nothing. Windows has no such lock; there
        two processes are not kept apart.
        """
        self.write(".newsletter/.gitignore", "*\n")
        handle = take_lock(self.path(f".newsletter/{name}.lock"), f".newsletter/{name}.lock", wait_s)
        try:
            yield
        finally:
            os.close(handle)


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
                help=f"make a workspace: newsletter init {shlex.quote(given)}",
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


def by_age(files: Iterable[Path]) -> list[Path]:
    """The files that are there, oldest first. One that another process takes away meanwhile is left out."""
    found = []
    for path in files:
        with suppress(FileNotFoundError):
            found.append((path.stat().st_mtime_ns, path))
    return [path for _, path in sorted(found)]


def natural(name: str) -> list[tuple[int, str]]:
    """A sort key by which `week-2` comes before `week-10`."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in _NUMBERS.split(name)]


def _unreadable(relative: str, error: OSError) -> InputError:
    reason = "there is no such file" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
    return InputError(Mistake(code="NL024", file=relative, message=reason))
