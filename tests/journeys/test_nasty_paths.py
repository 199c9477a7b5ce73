"""A workspace may lie anywhere: whatever characters its path holds, every command works and every file stays inside."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.config import Config
from newsletter.config.settings import Database
from newsletter.model import Publication
from newsletter.store.database import create_store, open_store
from newsletter.store.location import sqlite_file
from newsletter.workspace.database import database_address
from newsletter.workspace.files import Workspace
from tests.cli.conftest import Call, call
from tests.databases import NOW

__all__ = ["call"]  # a fixture

ISSUE = "2025-07-07-weekly"
NAMES = {
    "a question mark": "what?",
    "a query": "news?mode=ro",
    "a percent sign": "100%",
    "an escape": "a%20b%41",
    "a format": "%(here)s",
    "a hash": "desk #1",
    "blanks": " two  words ",
    "a quote": "editor's",
    "double quotes": '"desk"',
    "a backslash": "back\\slash",
    "a backslash at the end": "end\\",
    "unicode": "Zeitung für Ünï 新聞",
    "decomposed": "Zu\u0308rich",
    "a colon": "c:desk",
    "an at sign": "a@b",
    "brackets": "[x]*{y}",
    "a dollar": "$HOME",
    "a semicolon": "a;b&c",
    "a dash": "-desk",
    "a line break": "two\nlines",
    "odd bytes": os.fsdecode(b"\xff\xfe"),
}
COMMANDS = {
    "collect": ("collect",),
    "draft": ("draft", "--date", "2025-07-07"),
    "build": ("build", ISSUE),
    "check": ("check", ISSUE),
    "import": ("subscribers", "import", "{root}/subscribers.csv.example", "--consent", "a test"),
    "dry run": ("send", ISSUE, "--dry-run"),
    "status": ("status",),
    "schedule": ("schedule",),
    "export": ("subscribers", "export", "{root}/out.csv"),
    "doctor": ("doctor", "--offline"),
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_c49_every_path_works_and_nothing_lies_outside(call: Call, tmp_path: Path, name: str) -> None:
    outer = tmp_path / "outer"
    root = outer / name
    assert call("init", "--json", "--", str(root)).code == 0
    done = {}
    for what, words in COMMANDS.items():
        called = call("--workspace", str(root), *(word.format(root=root) for word in words), "--json")
        assert "NL099" not in called.out
        done[what] = called.code
    assert {code: [what for what, found in done.items() if found == code] for code in (1, 2, 3, 69)} == {
        1: [], 2: [], 3: [], 69: []
    }  # fmt: skip
    assert (root / "newsletter.db").stat().st_size > 0
    assert len(list((root / f"build/{ISSUE}/outbox").iterdir())) > 0
    assert list(outer.iterdir()) == [root]


@pytest.mark.parametrize("encoding", ["utf-8:strict", "latin-1:strict", "ascii:strict"])
def test_c49_a_name_that_the_terminal_cannot_show_stops_nothing(tmp_path: Path, encoding: str) -> None:
    root = tmp_path / f"{NAMES['unicode']}{NAMES['odd bytes']}"
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    for words in (["init", "--json", str(root)], ["--workspace", str(root), "status", "--json"]):
        done = subprocess.run([sys.executable, "-m", "newsletter", *words], env=environment, capture_output=True)
        assert b"NL099" not in done.stdout + done.stderr
        document = json.loads(done.stdout.decode(encoding.partition(":")[0]))
        told = document.get("workspace") or document["error"]["message"]
        assert str(root) in told
    plain = subprocess.run(
        [sys.executable, "-m", "newsletter", "init", str(root)], env=environment, capture_output=True
    )
    assert plain.returncode == 6, plain.stderr


# What a folder's name may hold on this system: anything but the separator and NUL.
NAME = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="/\0"), min_size=1, max_size=40).filter(
    lambda name: name not in (".", "..")
)


@given(NAME)
def test_c49_the_database_is_in_the_workspace_for_every_name_of_it(name: str) -> None:
    config = Config(publication=Publication(title="x", url="https://x.example", sender="x@x.example"))
    root = Path("/var/lib") / name
    address, key = database_address(Workspace(root), config)
    assert sqlite_file(address) == root / "newsletter.db"
    assert key == root / "newsletter.key"


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("sqlite:///newsletter.db", "{root}/newsletter.db"),
        ("sqlite:///data/x.db", "{root}/data/x.db"),
        ("sqlite:////srv/x.db", "/srv/x.db"),
        ("sqlite:///my%20db", "{root}/my db"),
        ("sqlite:///a%3Fb%25.db", "{root}/a?b%.db"),
    ],
)
def test_c49_a_url_of_the_settings_is_read_as_before(tmp_path: Path, url: str, place: str) -> None:
    config = Config(
        publication=Publication(title="x", url="https://x.example", sender="x@x.example"), database=Database(url=url)
    )
    address, _ = database_address(Workspace(tmp_path), config)
    assert str(sqlite_file(address)) == place.format(root=tmp_path)


def test_c49_a_database_that_the_first_version_put_outside_is_named_with_the_way_to_move_it(
    call: Call, tmp_path: Path
) -> None:
    root = tmp_path / "what?"
    call("init", str(root))
    old = tmp_path / "what"  # where that version read the address to lead
    create_store(f"sqlite:///{root}/newsletter.db", root / "newsletter.key", NOW).close()
    assert old.is_file()
    called = call("--workspace", str(root), "status", "--json")
    assert (called.code, called.json["error"]["code"]) == (1, "NL091")
    assert str(old) in called.json["error"]["message"]
    assert not (root / "newsletter.db").exists()
    shutil.move(old, root / "newsletter.db")
    open_store(*database_address(Workspace(root), _config(root))).close()
    assert call("--workspace", str(root), "status").code == 0


def _config(root: Path) -> Config:
    from newsletter.workspace.load import read_config

    return read_config(Workspace(root))
