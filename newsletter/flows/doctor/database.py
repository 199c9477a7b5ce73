"""The database: there, of this version, of its key. It is looked at, never made, and never brought up to date here."""

import sqlite3
from collections.abc import Iterator
from datetime import timedelta

from newsletter.errors import SettingsError
from newsletter.flows.doctor.installation import Check, Installation, tell
from newsletter.store.damage import TORN, count_unreadable
from newsletter.store.database import HEAD, Store, StoreError, stamp, stored_version
from newsletter.text.words import count_of
from newsletter.workspace.database import database_address, has_database, mark_path, open_database

# Before it, several connections that write or checkpoint at the same time can break a database (delivery D22).
SAFE_SQLITE = (3, 51, 3)
# `serve` sends a letter within seconds.
LETTERS_LATE = timedelta(minutes=10)


def check_database(case: Installation) -> Iterator[Check]:
    """Whether it is there, of this program's version, and of its key. It is neither made nor brought up to date here."""
    file = case.database_file
    # Before anything opens it: SQLite then takes the unreadable end of the log away.
    lost = count_unreadable(file) if file is not None and file.is_file() else 0
    if lost == TORN:
        told = "the last transaction in its log cannot be read: after a power loss nothing is missing"
        yield Check("database", "warning", told, "if there was none, look at the disk: somebody's wish may be lost")
    try:
        if not has_database(case.workspace, case.config):
            fix = "newsletter serve makes it, or newsletter subscribers import FILE --consent TEXT"
            yield Check("database", "warning", "there is none yet", fix)
            return
        version = stored_version(database_address(case.workspace, case.config)[0])
        if version is not None and version < HEAD:
            told = f"of version {version}; this program's is {HEAD}"
            fix = "back it up; the next command that uses it brings it up to date"
            yield Check("database", "warning", told, fix)
            return
        store = open_database(case.workspace, case.config)
        try:
            store.check_whole()
        finally:
            store.close()
    except (StoreError, SettingsError) as error:
        yield from tell(error, "database")
    else:
        yield Check("database", "ok", f"version {version}, its key fits, and its files are whole")


def check_waiting(case: Installation) -> Iterator[Check]:
    """What waits for a person or for a relay: a restore, held slots, paused issues, letters that do not leave."""
    from newsletter.store.issues import frozen_issues
    from newsletter.store.restore_guard import find_restore
    from newsletter.store.slots import list_slots
    from newsletter.store.transactional_mail import oldest_waiting

    store = _open_as_it_is(case)
    if store is None:
        return
    try:
        if why := find_restore(store, mark_path(case.workspace, store)):
            yield Check("restore", "error", f"{why}; nothing is sent", "docs/errors.md#nl100 says how to go on")
        for row in list_slots(store):
            if row.state == "held":
                yield Check("slot", "warning", f"{row.slot} is held: {row.reason}", "newsletter schedule")
        for frozen in frozen_issues(store, states=("paused",)):
            fix = f"mend it, then: newsletter resume {frozen.slug}"
            yield Check("issue", "warning", f"{frozen.slug} is paused: {frozen.reason}", fix)
        count, since = oldest_waiting(store)
        if count and since < stamp(case.now - LETTERS_LATE):
            told = f"{count_of(count, 'single mail')} not sent since {since}"
            yield Check(
                "letters", "warning", told, "is newsletter serve running, and the relay there? its log says why"
            )
    finally:
        store.close()


def _open_as_it_is(case: Installation) -> Store | None:
    """The database, if there is one of this version that can be opened."""
    try:
        address = database_address(case.workspace, case.config)[0]
        return open_database(case.workspace, case.config) if stored_version(address) == HEAD else None
    except (StoreError, SettingsError):
        return None  # check_database tells it


def biggest_frozen(case: Installation) -> int:
    """The octets of the biggest frozen message; 0 if there is none, or no database that can be opened as it is."""
    from sqlalchemy import func, select

    from newsletter.store.schema import variant

    store = _open_as_it_is(case)
    if store is None:
        return 0
    try:
        with store.reading() as connection:
            return connection.execute(select(func.max(func.length(variant.c.message)))).scalar() or 0
    finally:
        store.close()


def check_sqlite(case: Installation) -> Iterator[Check]:
    """Whether this SQLite is one without the fault of 3.7.0 to 3.51.2."""
    if case.database_file is None:
        return
    wanted = ".".join(map(str, SAFE_SQLITE))
    if sqlite3.sqlite_version_info < SAFE_SQLITE:
        told = f"{sqlite3.sqlite_version}; before {wanted} several writers at the same moment can break a database"
        fix = "one process sends (the program sees to it); let no other write much at the same time, or use PostgreSQL"
        yield Check("sqlite", "warning", told, fix)
    else:
        yield Check("sqlite", "ok", sqlite3.sqlite_version)
