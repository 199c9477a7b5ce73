"""The Nu HTML checker, once over many files. Without Java or the jar its tests are not run, and say so; with REQUIRE_VNU=1 they fail.

Its home is `VNU_JAR`, or where `npm install --prefix .cache/vnu --no-save --ignore-scripts vnu-jar@26.9.27` puts it.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import unquote, urlsplit

import pytest

JAR = Path(__file__).resolve().parent.parent / ".cache/vnu/node_modules/vnu-jar/build/dist/vnu.jar"
INSTALL = "npm install --prefix .cache/vnu --no-save --ignore-scripts vnu-jar@26.9.27"
# 1.7 s to start, and then some milliseconds a page; a machine that does much else takes longer.
PATIENCE_S = 90


@dataclass(frozen=True, slots=True)
class Message:
    """What the checker says of one place. `kind` is error, warning or info."""

    name: str
    line: int
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.name}:{self.line}: {self.kind}: {self.text}"


def judge(pages: Mapping[str, str], folder: Path) -> list[Message]:
    """All that the checker says of some pages, by name. They are written to `folder`. Skips or fails without a checker."""
    command = [_java(), "-jar", str(_jar()), "--format", "json", "--stdout", "--exit-zero-always"]
    # Which language a page is in, a guesser cannot tell of a mail in three of them.
    command += ["--no-langdetect", "--asciiquotes"]
    for name, html in pages.items():
        path = folder / f"{name}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(html, encoding="utf-8")
        command.append(str(path))
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, f"the checker failed: {done.stderr[-2000:]}"
    return [
        Message(
            name=Path(unquote(urlsplit(one["url"]).path)).relative_to(folder).with_suffix("").as_posix(),
            line=one.get("lastLine", 0),
            kind=one.get("subType") or one["type"],
            text=one["message"],
        )
        for one in json.loads(done.stdout)["messages"]
    ]


def _java() -> str:
    return shutil.which("java") or _not_run("no Java on this machine (Debian: apt-get install default-jre-headless)")


def _jar() -> Path:
    jar = Path(os.environ.get("VNU_JAR") or JAR)
    return jar if jar.is_file() else _not_run(f"no Nu HTML checker here ({INSTALL}, or VNU_JAR=its vnu.jar)")


def _not_run(why: str) -> NoReturn:
    if os.environ.get("REQUIRE_VNU"):
        pytest.fail(why)
    pytest.skip(f"not run: {why}")
