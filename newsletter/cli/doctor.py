"""`newsletter doctor`: what is wrong with this installation, and how to mend it."""

import sys
from collections.abc import Iterator

import click

from newsletter.cli.common import Context, in_workspace
from newsletter.cli.ui import paint, printable
from newsletter.flows.doctor import Check, examine

MARKS = {"ok": "✔", "warning": "⚠", "error": "✖"}
# For a terminal or a file that has not these characters.
PLAIN_MARKS = {"ok": "ok  ", "warning": "warn", "error": "FAIL"}
COLOURS = {"ok": "green", "warning": "yellow", "error": "red"}


@click.command("doctor")
@click.option("--offline", is_flag=True, help="Ask nobody: no DNS, no mail relay, no web server.")
@in_workspace
def command(here: Context, offline: bool) -> int:
    """Say what is wrong with this installation, and how to mend it. Nothing is changed and nothing is mailed.

    Example: newsletter doctor --offline
    """
    checks = examine(here.workspace, here.config, here.now, online=not offline)
    document = [
        {"name": check.name, "ok": check.ok, "level": check.level, "detail": check.detail, "fix": check.fix}
        for check in checks
    ]
    here.ui.answer({"checks": document}, ([line] for check in checks for line in _lines(check)))
    return 4 if any(check.level == "error" for check in checks) else 0


def _lines(check: Check) -> Iterator[str]:
    marks = MARKS if _encodable("".join(MARKS.values())) else PLAIN_MARKS
    yield f"{paint(marks[check.level], COLOURS[check.level], sys.stdout)} {_writable(f'{check.name}: {check.detail}')}"
    if check.fix:
        yield _writable(f"    {check.fix}")


def _encodable(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _writable(text: str) -> str:
    """One line that stdout can hold: what a server says must neither steer the terminal nor stop us (security T53)."""
    line = printable(text.replace("\n", " "))
    return line if _encodable(line) else line.encode("ascii", "replace").decode("ascii")
