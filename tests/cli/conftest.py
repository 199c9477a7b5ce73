"""Calling the program as the shell does, without a new process each time."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from newsletter.cli import run


@dataclass
class Called:
    """What a call printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        assert self.out.count("\n") == 1, "one document and nothing else"
        document: dict[str, Any] = json.loads(self.out)
        assert document["schema"] == 1
        return document


Call = Callable[..., Called]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("NEWSLETTER_WORKSPACE", raising=False)

    def call(*arguments: str) -> Called:
        capsys.readouterr()
        code = run(list(arguments))
        out, err = capsys.readouterr()
        return Called(code, out, err)

    return call


@pytest.fixture
def sample(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the sample workspace, with nothing built and no issue; the current folder of the test."""
    shutil.copy(root / "newsletter.toml", tmp_path / "newsletter.toml")
    shutil.copytree(root / "posts", tmp_path / "posts", ignore=shutil.ignore_patterns("collected"))
    monkeypatch.chdir(tmp_path)
    return tmp_path
