"""On a terminal: aligned tables, colours unless they are not wanted, a bar for long work."""

import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path

import pytest

from newsletter.cli.ui import printable


def on_terminal(folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    """Run on a pseudo-terminal → (exit code, what the screen was sent)."""
    main, side = pty.openpty()
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("NEWSLETTER_", "NO_COLOR", "FORCE_COLOR"))
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "newsletter", *arguments],
        cwd=folder,
        stdin=side,
        stdout=side,
        stderr=side,
        env=clean | {"TERM": "xterm"} | environment,
    )
    os.close(side)
    screen = b""
    while True:
        ready, _, _ = select.select([main], [], [], 30)
        try:
            data = os.read(main, 65536) if ready else b""
        except OSError:
            data = b""
        if not data:
            break
        screen += data
    os.close(main)
    return process.wait(30), screen.decode().replace("\r\n", "\n")


def test_a_build_is_shown_as_a_table_with_the_next_step(sample: Path) -> None:
    code, screen = on_terminal(sample, "build", "--date", "2025-07-07")
    assert code == 0
    assert re.search(r"^html +build/2025-07-07-weekly/email\.html$", screen, flags=re.MULTILINE)
    assert "\x1b[1m2025-07-07-weekly: 5 posts" in screen
    assert "Next: " in screen


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colours_stay_out_where_they_are_not_wanted(sample: Path, environment: dict[str, str]) -> None:
    _, screen = on_terminal(sample, "build", "--date", "2025-07-07", **environment)
    assert "\x1b[" not in screen


def test_errors_are_red_and_whole(sample: Path) -> None:
    code, screen = on_terminal(sample, "build", "nothing")
    assert code == 2
    assert "\x1b[31mno issue 'nothing'" in screen


def test_collecting_shows_a_bar(sample: Path) -> None:
    code, screen = on_terminal(sample, "collect")
    assert code == 0
    assert "collecting" in screen
    assert "5 new" in screen


def test_t53_text_from_outside_cannot_steer_the_terminal() -> None:
    assert printable("a\x1b[2Jb\x9b31mc\u202ed\ne") == "a�[2Jb�31mc�d\ne"
