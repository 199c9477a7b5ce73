"""Takes a lock that dies with its process: flock(2) on a file."""

import os
import sys
import time
from pathlib import Path

from newsletter.errors import InputError, Mistake

# What is done under a lock takes seconds; whoever holds it for longer was stopped, or works on a disk that hangs.
LOCK_WAIT_S = 60.0
_LOCK_POLL_S = 0.02


def take_lock(path: Path, file: str, wait_s: float) -> int:
    """Open a file and lock it → its handle. Raises InputError, named `file` for people, if that takes too long."""
    give_up = time.monotonic() + wait_s
    while True:
        try:
            handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o666)
        except OSError as error:
            message = f"cannot be opened: {error.strerror or error}"
            raise InputError(Mistake(code="NL027", file=file, message=message)) from None
        try:
            if _is_locked_now(handle, path, file):
                return handle
            holder = os.read(handle, 20).decode("ascii", "replace")
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
        if time.monotonic() >= give_up:
            who = f"process {holder}" if holder.isdecimal() else "another process"
            message = f"{who} has been writing here for more than {wait_s:g} s; run the command again when it has ended"
            raise InputError(Mistake(code="NL027", file=file, message=message))
        time.sleep(_LOCK_POLL_S)


def _is_locked_now(handle: int, path: Path, file: str) -> bool:
    """Try to lock an open file by flock(2), which Linux and macOS have; then write into it who holds it."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Somebody may have deleted the file meanwhile: a lock of a file without a name keeps nobody out.
        if path.stat().st_ino != os.fstat(handle).st_ino:
            return False
    except (BlockingIOError, FileNotFoundError):
        return False
    except OSError as error:
        message = f"cannot be locked: {error.strerror or error}; the workspace must lie on a local disk"
        raise InputError(Mistake(code="NL027", file=file, message=message)) from None
    os.ftruncate(handle, 0)
    os.pwrite(handle, str(os.getpid()).encode(), 0)
    return True
