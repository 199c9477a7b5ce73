"""What stops the program, told so that the reader knows the next step. Each `NL` code has a heading in docs/errors.md."""

import errno
from collections.abc import Iterable
from dataclasses import dataclass

# What the system says where no octet more can be written: a full disk, a used-up quota, a limit of a file's size.
_NO_SPACE = {
    errno.ENOSPC: "no space left on the disk",
    errno.EDQUOT: "no space left: the quota is used up",
    errno.EFBIG: "no space left: the system lets no file become larger",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One thing that is wrong, where it is, and what to do about it. `diff`: what has changed, if that is what is wrong."""

    code: str
    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    help: str | None = None
    diff: str | None = None

    @property
    def place(self) -> str:
        """`file:line:column`, as far as it is known."""
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class NewsletterError(Exception):
    """Something failed that the user can act on. Carries one mistake or several of a kind."""

    exit_status = 1

    def __init__(self, *mistakes: Mistake) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = mistakes

    @classmethod
    def of(cls, mistakes: Iterable[Mistake]) -> "NewsletterError":
        """The same kind of error about several mistakes."""
        return cls(*mistakes)


class UsageError(NewsletterError):
    """The command was called with something that does not exist or does not fit."""

    exit_status = 2


class SettingsError(NewsletterError):
    """newsletter.toml or its environment overlay cannot be used."""

    exit_status = 3


class InputError(NewsletterError):
    """A file of the workspace (a paste, a post, an issue, a template) cannot be used."""

    exit_status = 3


class ChecksFailed(NewsletterError):
    """What would go out has errors that the checks have found."""

    exit_status = 4


class NothingToDo(NewsletterError):
    """There is nothing to work on; nothing was changed."""

    exit_status = 6


def is_no_space(error: BaseException) -> bool:
    """Whether something could not be written because there is no room for it."""
    return isinstance(error, OSError) and error.errno in _NO_SPACE


def cannot_write(file: str, error: OSError) -> InputError:
    """The error for a file that the system does not let us write."""
    why = _NO_SPACE.get(error.errno or 0) or error.strerror or str(error)
    fix = "make room, and run the same command again" if is_no_space(error) else None
    return InputError(Mistake(code="NL027", file=file or None, message=f"cannot be written: {why}", help=fix))


def describe_fault(error: BaseException) -> str:
    """`ValueError at send.py:88 < letters.py:40`: what an unexpected error is, and where it came from.

    Its text is left out: libraries put the value into it that they could not use, and that may be a password or an address.
    """
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    mine = [frame for frame in frames if "newsletter" in frame.filename.replace("\\", "/").split("/")] or frames
    places = " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(mine[-2:]))
    return f"{type(error).__name__} at {places}" if places else type(error).__name__
