"""A journey runs real processes in a workspace of its own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def workspace(tmp_path: Path, root: Path) -> Path:
    """A copy of the sample workspace with nothing built and no issue."""
    return copy_sample(root, tmp_path / "desk")


def copy_sample(root: Path, to: Path) -> Path:
    to.mkdir(parents=True)
    shutil.copy(root / "newsletter.toml", to)
    shutil.copytree(root / "posts", to / "posts", ignore=shutil.ignore_patterns("collected"))
    return to


def run_newsletter(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`newsletter …` in a process of its own, with a bare environment."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLETTER_")}
    return subprocess.run(
        [sys.executable, "-m", "newsletter", *arguments],
        cwd=folder,
        env=clean | {"NO_COLOR": "1"} | environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def read_tree(folder: Path) -> dict[str, bytes]:
    """All files below a folder, by their path in it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
