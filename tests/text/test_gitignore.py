"""Our reading of .gitignore against git's own."""

import shutil
import subprocess
from pathlib import Path

import pytest

from newsletter.text.gitignore import is_ignored

PATTERNS = (
    "/*.csv", "*.csv", "people.csv", "/build/", "build", "lists/", "lists/*.csv", "**/deep/*.csv", "lists/**", "*.c?v",
    "[a-p]*.csv", "[!p]*.csv", "# a comment", "", "!people.csv", "/lists/in.csv ", "newsletter.db*", "a.b", ".newsletter/",
)  # fmt: skip
FILES = (
    "people.csv", "lists/in.csv", "lists/deep/in.csv", "build/x/email.html", "sub/build/x", "newsletter.db-wal",
    "newsletter.toml", "axb", ".newsletter/notes.json", "quite.csv", "builder",
)  # fmt: skip


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize("lines", [*PATTERNS, "*.csv\n!people.csv", "lists/\n!lists/in.csv", "/*.csv\n*.secret\n"])
def test_c59_a_gitignore_is_read_as_git_reads_it(tmp_path: Path, lines: str) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text(lines)
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    asked = subprocess.run(["git", "-C", tmp_path, "check-ignore", *FILES], capture_output=True, text=True)
    assert [name for name in FILES if is_ignored(lines, name)] == [
        name for name in FILES if name in asked.stdout.splitlines()
    ]
