"""What a running `serve` tells other commands: that it runs, and which settings it holds. In .newsletter/serve.json."""

from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from newsletter.workspace.files import Workspace

_NAME = "serve"
BEAT = timedelta(seconds=60)
# Not heard of for so long, it is taken to have ended: killed, or its machine asleep.
SILENT = timedelta(seconds=150)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """`settings` is the hash of the newsletter.toml that is held, `read_at` when it was read.

    `problem` says why a newer file is not held; `restart` names keys that hold after a restart only.
    """

    seen_at: str
    read_at: str
    settings: str
    problem: str = ""
    restart: str = ""


def write_heartbeat(workspace: Workspace, beat: Heartbeat) -> None:
    """Say that `serve` runs."""
    workspace.write_state(_NAME, asdict(beat))


def end_heartbeat(workspace: Workspace) -> None:
    """Say that it does not run any more."""
    with suppress(OSError):
        workspace.path(f".newsletter/{_NAME}.json").unlink(missing_ok=True)


def read_heartbeat(workspace: Workspace, now: datetime) -> Heartbeat | None:
    """The running `serve` of this workspace; None if none was heard of lately."""
    try:
        beat = Heartbeat(**{key: str(value) for key, value in workspace.recall(_NAME).items()})
        age = now - datetime.fromisoformat(beat.seen_at)
    except (TypeError, ValueError):
        return None
    return beat if abs(age) < SILENT else None
