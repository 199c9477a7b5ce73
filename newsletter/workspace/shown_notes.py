"""Which notes on the workspace's files were shown before: each is shown once, however often a file is read again.

Remembered in .newsletter/notes.json. A note is known by its file, its words and the words of its line, so it stays known when
lines are put in above it, and a changed line is noted anew.
"""

import hashlib
import re
from collections.abc import Iterable
from contextlib import suppress

from newsletter.errors import InputError
from newsletter.model import Finding
from newsletter.workspace.files import SETTINGS, Workspace

_MEMORY = "notes"
_MOST = 20_000
_PLACE = re.compile(r"(.+?)(?::(\d+))?\Z", re.DOTALL)


def new_notes(workspace: Workspace, findings: Iterable[Finding]) -> list[Finding]:
    """Those that were not shown before; they count as shown from now on. What is no note on a file is always shown."""
    known = _read(workspace)
    lines: dict[str, list[bytes]] = {}
    shown, fresh = [], dict[str, None]()
    for finding in findings:
        key = _name(workspace, finding, lines)
        if key is None or key not in known:
            shown.append(finding)
        if key is not None and key not in known:
            fresh[key] = None
    if fresh:
        keys = [*known, *fresh][-_MOST:]
        with suppress(InputError):  # a full disk: the note comes again
            workspace.write_state(_MEMORY, {"shown": keys})
    return shown


def _read(workspace: Workspace) -> dict[str, None]:
    shown = workspace.recall(_MEMORY).get("shown", ())
    return dict.fromkeys(map(str, shown)) if isinstance(shown, list) else {}


def _name(workspace: Workspace, finding: Finding, lines: dict[str, list[bytes]]) -> str | None:
    """What a note is known by; None for one that is on no file of the sources."""
    match = _PLACE.match(finding.where)
    file, number = (match[1], int(match[2] or 0)) if match else ("", 0)
    if not file or file == SETTINGS or not workspace.exists(file):
        return None
    if file not in lines:
        try:
            lines[file] = workspace.read(file).splitlines()
        except InputError:
            return None
    words = lines[file][number - 1] if 0 < number <= len(lines[file]) else b""
    return hashlib.sha256(b"\0".join((file.encode(), finding.message.encode(), words))).hexdigest()[:16]
