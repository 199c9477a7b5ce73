"""Writes files whole or not at all: beside their place first, then under their name."""

import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

from newsletter.errors import cannot_write

_HERE, _RENAME_EXCHANGE = -100, 2  # AT_FDCWD and the flag of renameat2(2)
_TRIES = 9


def write_whole(path: Path, content: bytes, *, mode: int | None = None) -> bool:
    """Bytes → file. False if the same bytes are there already. Raises InputError.

    `mode` is that of the file; without it, it keeps the one it has, or gets what the umask allows.
    """
    try:
        if path.is_file() and path.read_bytes() == content:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        usual = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
        with _taking_the_place_of(path, usual if mode is None else mode) as file:
            file.write(content)
    except OSError as error:
        raise cannot_write(str(path), error) from None
    return True


@contextmanager
def writing_whole(path: Path, *, mode: int) -> Iterator[TextIO]:
    """A text stream whose file takes the place of `path` when all was written; else what was there stays. UTF-8.

    What is no file, a pipe or /dev/stdout, is written to as it is. Raises InputError.
    """
    try:
        if path.exists() and not path.is_file():
            with path.open("w", encoding="utf-8", newline="") as stream:
                yield stream
            return
        with _taking_the_place_of(path, mode) as file:
            stream = io.TextIOWrapper(file, encoding="utf-8", newline="")
            yield stream
            stream.detach()
    except OSError as error:
        raise cannot_write(str(path), error) from None


@contextmanager
def _taking_the_place_of(path: Path, mode: int) -> Iterator[BinaryIO]:
    """A file beside `path`, on the disk before it gets its name; gone if anything fails."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


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
        raise cannot_write(str(path), error) from None


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
