"""`newsletter backup` and `restore` on the command line: what they print, their exit codes, their JSON."""

import json
import os
import stat
from pathlib import Path

import pytest
from time_machine import TimeMachineFixture

from tests.cli.conftest import Call


@pytest.fixture
def sample(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with two readers, and we are in it."""
    monkeypatch.chdir(tmp_path)
    assert call("init", "ws").code == 0
    monkeypatch.chdir(tmp_path / "ws")
    Path("people.csv").write_text("email\na@example.org\nb@example.org\n")
    assert call("subscribers", "import", "people.csv", "--consent", "a form").code == 0
    return tmp_path


def test_c50_a_backup_says_what_is_in_it_and_what_is_not(call: Call, sample: Path) -> None:
    done = call("backup", "../b.backup")
    assert done.code == 0
    assert "../b.backup" in done.out
    assert "the database with 2 subscribers; verified" in done.err
    assert "not in it: people.csv, subscribers.csv.example" in done.err
    assert stat.S_IMODE((sample / "b.backup").stat().st_mode) == 0o600


def test_c50_the_json_of_a_backup_has_its_files_and_its_size(call: Call, sample: Path) -> None:
    document = json.loads(call("backup", "../b.backup", "--json").out)
    assert document["bytes"] == (sample / "b.backup").stat().st_size
    assert {"database/newsletter.db", "database/key", "database/mark", "workspace/newsletter.toml"} <= set(
        document["files"]
    )
    assert (document["rows"]["subscriber"], document["left_out"]) == (2, [])


def test_what_is_left_out_is_told_and_the_exit_code_says_so(call: Call, sample: Path) -> None:
    os.mkfifo("posts/pipe")
    done = call("backup", "../b.backup")
    assert done.code == 5
    assert "left out: posts/pipe: is no plain file" in done.err


def test_c7_a_restore_tells_the_gap_in_time_and_what_nobody_knows(
    call: Call, sample: Path, time_machine: TimeMachineFixture
) -> None:
    time_machine.move_to("2026-11-23 07:00Z", tick=False)
    assert call("backup", "../b.backup").code == 0
    time_machine.move_to("2026-11-26 09:30Z", tick=False)
    done = call("--workspace", "../new", "restore", "../b.backup")
    assert done.code == 0
    assert "a backup of 2026-11-23T07:00:00Z, 3 days 2 hours ago; with 2 subscribers" in done.err
    assert "who left since then is active again" in done.err
    assert "nothing is sent until you say --i-know" in done.err
    again = call("--workspace", "../other", "restore", "../b.backup", "--json")
    document = json.loads(again.out)
    assert (document["gap_s"], document["stayed_away"], document["kept"]) == (3 * 86400 + 9000, None, "")
    assert document["workspace"] == str(sample / "other")
    assert {"files", "bytes"} <= set(document)


def test_c7_a_restore_over_a_workspace_is_refused_with_what_to_do_and_keeps_it_when_asked(
    call: Call, sample: Path
) -> None:
    assert call("backup", "../b.backup").code == 0
    done = call("restore", "../b.backup")
    assert (done.code, "NL111" in done.err, "--overwrite" in done.err) == (2, True, True)
    assert call("subscribers", "unsubscribe", "a@example.org").code == 0
    done = call("restore", "../b.backup", "--overwrite")
    assert done.code == 0
    assert "what stood here lies in .newsletter/before-restore-" in done.err
    assert "1 subscriber had left since then" in done.err
    assert "unsubscribed" in call("subscribers", "show", "a@example.org").out


@pytest.mark.parametrize("name", ["none.backup", "newsletter.toml", "posts"])
def test_a_file_that_is_no_backup_is_one_line(call: Call, sample: Path, name: str) -> None:
    done = call("--workspace", "../new", "restore", name)
    assert (done.code, done.out) == (3, "")
    assert "NL111" in done.err
    assert len(done.err.splitlines()) <= 2
    assert not (sample / "new").exists()
