"""Settings that change while `serve` runs: when they are read again, and which of them hold at once."""

import hashlib
from contextlib import suppress
from dataclasses import fields, replace
from datetime import datetime

from newsletter.config import Config
from newsletter.errors import InputError
from newsletter.workspace.files import SETTINGS, Workspace
from newsletter.workspace.heartbeat import BEAT, Heartbeat, end_heartbeat, write_heartbeat

# What is opened once, when the process starts: the address of the pages with the limits of connections, and the database.
_OPENED = {"web": ("host", "port", "trusted_proxies"), "database": ("url", "key_file")}
NEEDS_RESTART = tuple(f"{section}.{key}" for section, keys in _OPENED.items() for key in keys)


def take_over(old: Config, new: Config) -> tuple[Config, tuple[str, ...]]:
    """The settings that hold from now on, and the keys of `new` that hold after a restart only."""
    waiting = []
    for section, keys in _OPENED.items():
        before, after = getattr(old, section), getattr(new, section)
        kept = {key: getattr(before, key) for key in keys if getattr(before, key) != getattr(after, key)}
        waiting += [f"{section}.{key}" for key in kept]
        new = replace(new, **{section: replace(after, **kept)})
    return new, tuple(waiting)


def changed_sections(old: Config, new: Config) -> tuple[str, ...]:
    """The names of the sections that differ, for the log: no value, since a secret may be among them."""
    return tuple(item.name for item in fields(Config) if getattr(old, item.name) != getattr(new, item.name))


def hash_settings(workspace: Workspace) -> str:
    """By this it is known which newsletter.toml somebody has read; empty if there is none."""
    try:
        return hashlib.sha256(workspace.read(SETTINGS)).hexdigest()
    except InputError:
        return ""


def differences(workspace: Workspace, beat: Heartbeat | None) -> list[str]:
    """In what the settings that a running `serve` holds differ from the files; empty if they do not, or none runs."""
    if beat is None:
        return []
    told = []
    if beat.problem:
        told.append(
            f"newsletter serve goes on with the settings of {beat.read_at}; it cannot use the new ones: {beat.problem}"
        )
    elif beat.settings != hash_settings(workspace):
        told.append(f"newsletter serve holds the settings of {beat.read_at}; it reads {SETTINGS} anew within seconds")
    if beat.restart:
        told.append(f"newsletter serve holds {beat.restart} as it was: that changes at its next start")
    return told


def describe_heartbeat(beat: Heartbeat | None) -> dict[str, object]:
    """A running `serve` as JSON."""
    if beat is None:
        return {"running": False}
    return {"running": True, "read_at": beat.read_at, "problem": beat.problem or None, "restart": beat.restart or None}


class SettingsWatch:
    """Notices that newsletter.toml or a template was changed, and tells other commands what is held (`heartbeat`)."""

    def __init__(self, workspace: Workspace, now: datetime) -> None:
        self._workspace = workspace
        self._held = self._last = self._look()
        self._beat = Heartbeat(
            seen_at=now.isoformat(), read_at=now.isoformat(timespec="seconds"), settings=hash_settings(workspace)
        )
        self._written_at: datetime | None = None

    def has_changed(self) -> bool:
        """Whether a file is another one than at the last `take` or `keep_old`, and is not being written just now."""
        before, self._last = self._last, self._look()
        return self._last == before != self._held

    def take(self, restart: str, now: datetime) -> None:
        """What the files say is held now, but for the keys named in `restart`."""
        beat = Heartbeat(
            seen_at="",
            read_at=now.isoformat(timespec="seconds"),
            settings=hash_settings(self._workspace),
            restart=restart,
        )
        self._settle(beat, now)

    def keep_old(self, problem: str, now: datetime) -> None:
        """The files cannot be used; they are read again when they have changed once more."""
        self._settle(replace(self._beat, problem=problem), now)

    def _settle(self, beat: Heartbeat, now: datetime) -> None:
        self._held, self._beat, self._written_at = self._last, beat, None
        self.beat(now)

    def beat(self, now: datetime) -> None:
        """Say that `serve` runs, now and then. That it cannot be said, on a full disk, stops nothing."""
        if self._written_at is None or abs(now - self._written_at) >= BEAT:
            self._written_at = now
            with suppress(InputError):
                write_heartbeat(self._workspace, replace(self._beat, seen_at=now.isoformat()))

    def end(self) -> None:
        """Say that it does not run any more."""
        end_heartbeat(self._workspace)

    def _look(self) -> object:
        names = [SETTINGS, *self._workspace.list_files("templates")]
        return tuple((name, self._workspace.stamp(name)) for name in names)
