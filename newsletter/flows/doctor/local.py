"""This machine and the settings: what can be seen without asking anybody."""

import os
import platform
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from newsletter.calendar import skipped_by, slots_from
from newsletter.flows.doctor.installation import Check, Installation
from newsletter.flows.reload import differences
from newsletter.model import Edition
from newsletter.text.words import count_of
from newsletter.workspace.files import SETTINGS
from newsletter.workspace.heartbeat import read_heartbeat

OLDEST_PYTHON = (3, 11)
FEW_BYTES, TOO_FEW_BYTES = 1_000_000_000, 100_000_000


def check_python(case: Installation) -> Iterator[Check]:
    """Whether this Python is new enough."""
    told = f"{platform.python_version()} on {platform.system()}"
    if sys.version_info < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        yield Check("python", "error", told, f"install Python {wanted} or newer")
    else:
        yield Check("python", "ok", told)


def check_disk(case: Installation) -> Iterator[Check]:
    """Whether there is room where the database lies."""
    place = (case.database_file or case.workspace.root / SETTINGS).parent
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    told, fix = f"{free / 1e9:,.1f} GB free in {place}", "make room: a full disk stops a send in the middle"
    if free < FEW_BYTES:
        yield Check("disk", "error" if free < TOO_FEW_BYTES else "warning", told, fix)
    else:
        yield Check("disk", "ok", told)


def check_time_zone(case: Installation) -> Iterator[Check]:
    """Whether the publication's zone is known here."""
    name = case.config.publication.timezone
    try:
        local = case.now.astimezone(case.config.zone)
    except (KeyError, ValueError, OSError):
        yield Check("time zone", "error", f"no data for {name} on this machine", "install the package tzdata")
    else:
        yield Check("time zone", "ok", f"{name}, where it is {local:%Y-%m-%d %H:%M}")


def check_settings(case: Installation) -> Iterator[Check]:
    """That they can be read was seen when they were read."""
    yield Check("settings", "ok", f"{SETTINGS} is read")
    if case.config.publication.postal_address.strip():
        yield Check("postal address", "ok", "is set")
    else:
        told = "is missing; the law of most countries wants one in each mail"
        yield Check("postal address", "error", told, f"set postal_address in [publication] of {SETTINGS}")


def check_serving(case: Installation) -> Iterator[Check]:
    """Whether a `serve` that runs holds the settings that are in the files."""
    beat = read_heartbeat(case.workspace, case.now)
    if beat is None:
        yield Check("serve", "ok", "newsletter serve does not run in this workspace, as far as is known")
        return
    found = differences(case.workspace, beat)
    for told in found:
        fix = (
            "correct the file; it is read at its next change"
            if beat.problem
            else "restart newsletter serve when it suits"
        )
        yield Check("serve", "warning", told, fix)
    if not found:
        yield Check("serve", "ok", f"newsletter serve runs, with the settings of {beat.read_at}")


def check_editions(case: Installation) -> Iterator[Check]:
    """Whether each edition has themes, and a slot some day if it has a schedule."""
    if not case.config.editions:
        yield Check("edition", "error", "there is none", f"add [[editions]] to {SETTINGS}")
    for edition in case.config.editions:
        yield _check_edition(case, edition)


def _check_edition(case: Installation, edition: Edition) -> Check:
    if not edition.themes:
        told = f"{edition.slug}: has no themes, so all its posts are unsorted"
        return Check("edition", "warning", told, f"list its themes in [[editions]] of {SETTINGS}")
    if not edition.schedule:
        return Check("edition", "ok", f"{edition.slug}: sent by hand (no schedule)")
    slots = slots_from(edition, case.now.astimezone(case.config.zone).date(), case.config.zone)
    slot = next((slot for slot in slots if slot.at > case.now and not skipped_by(edition, slot.day)), None)
    if slot is None:
        told = f"{edition.slug}: never runs in the year to come, all its days are skipped"
        return Check("edition", "warning", told, f"look at skip in [[editions]] of {SETTINGS}")
    mode = {"approve": "; sent when it is approved", "draft": "; drafted, and sent by hand"}.get(edition.mode, "")
    local = slot.at.astimezone(case.config.zone)
    return Check("edition", "ok", f"{edition.slug}: next {local:%Y-%m-%d %H:%M}{mode}")


def check_files(case: Installation) -> Iterator[Check]:
    """Whether files with addresses or secrets in them are their owner's alone (security T51, T55)."""
    if os.name == "nt":
        return
    paths = [path for path in _private_files(case) if path.exists()]
    open_ones = [path for path in paths if path.stat().st_mode & 0o077]
    for path in open_ones:
        shown = case.workspace.relative(path)
        told = f"{shown}: others may read or change it (mode {path.stat().st_mode & 0o777:o})"
        yield Check("files", "warning", told, f"chmod 600 {shlex.quote(shown)}")
    for path in [*paths, *sorted(case.workspace.root.glob("*.csv"))]:
        if case.workspace.is_in_git(path):
            shown = case.workspace.relative(path)
            told = f"{shown}: holds addresses or a secret, and git would take it along"
            yield Check("files", "warning", told, f"add /{shown} to .gitignore")
    if not open_ones:
        yield Check("files", "ok", f"{count_of(len(paths), 'file')} with addresses or secrets, for their owner only")
    for hook in case.config.hooks:
        if not (case.workspace.root / hook.secret_file).is_file():
            yield Check("files", "error", f"{hook.secret_file}: is not there", "write the secret of [[hooks]] into it")


def _private_files(case: Installation) -> list[Path]:
    config, database = case.config, case.database_file
    named = [config.database.key_file, config.smtp.password_file, config.smtp.token_file]
    named += [name for relay in config.relays for name in (relay.password_file, relay.token_file)]
    named.append(config.web.metrics_token_file)
    named += [key.key_file for key in config.dkim] + [hook.secret_file for hook in config.hooks]
    paths = [case.workspace.root / name for name in named if name]
    if database is not None and database.parent.is_dir():
        # Its log, its journal and the copies that were made before a change lie beside it.
        paths += [path for path in database.parent.iterdir() if path.name.startswith(database.name)]
    return sorted({path for path in paths if path.is_file()})
