"""A driver's error → a StoreError that says what to do: no space left, a damaged database, or anything else.

SQLite's result codes: https://www.sqlite.org/rescode.html; PostgreSQL's: its manual, appendix A.
"""

from dataclasses import replace
from pathlib import Path

from newsletter.errors import Mistake, NewsletterError, cannot_write, is_no_space

_FULL, _CORRUPT, _NOT_A_DATABASE = 13, 11, 26
_SHM_SIZE = 4874  # the log's index could not be made larger (SQLITE_IOERR_SHMSIZE)
# A write, a sync, a shortening that the disk refused (SQLITE_IOERR_…), with a limit of a file's size too.
_UNWRITTEN = (778, 1034, 1290, 1546)
_FULL_STATES, _DAMAGED_STATES = ("53100",), ("XX001", "XX002")
# SQLite gives these no code of their own.
_DAMAGED_WORDS = ("malformed database schema", "Could not decode to UTF-8")
DAMAGED = "NL110"
HELP_DAMAGED = (
    "send nothing more: stop newsletter serve, move the damaged files away, and put the last backup back; "
    "docs/errors.md#nl110 says how, and what can be saved without a backup"
)
HELP_FULL = "make room, and run the same command again: nothing is lost"


class StoreError(NewsletterError):
    """The database cannot be used. Nothing was sent without a record of it."""


class DatabaseDamaged(StoreError):
    """The database's file holds what the program never wrote there."""


def explain_failure(error: BaseException) -> StoreError:
    """A driver's or SQLAlchemy's error → what is told of it."""
    cause, told = getattr(error, "orig", None) or error, first_line(error)
    code, state = getattr(cause, "sqlite_errorcode", None) or 0, getattr(cause, "sqlstate", None)
    if code & 0xFF in (_CORRUPT, _NOT_A_DATABASE) or state in _DAMAGED_STATES or told.startswith(_DAMAGED_WORDS):
        return damaged(told)
    if code & 0xFF == _FULL or code == _SHM_SIZE or state in _FULL_STATES or is_no_space(cause):
        message = f"the database cannot be written: no space left on the disk ({told})"
        return StoreError(Mistake(code="NL090", message=message, help=HELP_FULL))
    return StoreError(
        Mistake(code="NL090", message=f"the database {'cannot be written' if code in _UNWRITTEN else 'failed'}: {told}")
    )


def cannot_write_store(file: Path, error: OSError) -> StoreError:
    """The error for one of the files beside the database that the system does not let us write."""
    (mistake,) = cannot_write(str(file), error).mistakes
    return StoreError(replace(mistake, code="NL090", message=f"{mistake.message}; nothing was sent"))


def first_line(error: BaseException) -> str:
    """What a driver says, without SQLAlchemy's words around it and without the statement."""
    cause = getattr(error, "orig", None) or error
    return next(iter(str(cause).strip().splitlines()), type(cause).__name__)


def damaged(what: str) -> DatabaseDamaged:
    """The error for a database that is damaged."""
    return DatabaseDamaged(Mistake(code=DAMAGED, message=f"the database is damaged: {what}", help=HELP_DAMAGED))
