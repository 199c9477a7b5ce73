"""Files are written whole or not at all, and only inside the workspace."""

import os
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.errors import InputError, SettingsError, UsageError
from newsletter.workspace.files import SLUG, Workspace, by_age, find_workspace, natural, split_issue_slug
from newsletter.workspace.whole_files import _exchange, write_whole


def test_a_path_that_leads_out_is_refused(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path.resolve())
    for path in ("../x", "/etc/passwd", "a/../../x"):
        with pytest.raises(UsageError, match="leads out of the workspace"):
            workspace.write(path, "x")
    (tmp_path / "link").symlink_to("/tmp")
    with pytest.raises(UsageError):
        workspace.write("link/x", "x")


def test_the_same_bytes_are_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.txt"
    assert write_whole(path, b"x")
    before = path.stat().st_mtime_ns
    assert not write_whole(path, b"x")
    assert path.stat().st_mtime_ns == before
    assert write_whole(path, b"y")
    assert path.read_bytes() == b"y"


def test_rights_are_those_of_the_file_or_of_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "a"
    old = os.umask(0o027)
    try:
        write_whole(path, b"x")
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o600)
        write_whole(path, b"y")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        os.umask(old)


def test_a_failure_in_the_middle_leaves_the_old_file_and_no_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    write_whole(path, b"old")

    def fail(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(InputError, match="cannot be written: no space left on the disk"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["a"]


def test_files_come_in_natural_order_without_hidden_ones(tmp_path: Path) -> None:
    for name in ("week-10.txt", "week-2.txt", ".hidden", "sub/b.md", "sub/.git/x", "collected/wire/c.md"):
        (tmp_path / "posts" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "posts" / name).write_text("x", encoding="utf-8")
    workspace = Workspace(tmp_path.resolve())
    assert list(workspace.list_files("posts", without="posts/collected")) == [
        "posts/week-2.txt",
        "posts/week-10.txt",
        "posts/sub/b.md",
    ]
    assert list(workspace.list_files("nowhere")) == []
    assert sorted(["a10", "a9", "b1"], key=natural) == ["a9", "a10", "b1"]


def test_issues_are_found_oldest_first(tmp_path: Path) -> None:
    for name in ("2025-07-14-weekly", "2025-07-07-weekly", "notes", "2025-07-21-weekly"):
        (tmp_path / "issues" / name).mkdir(parents=True)
        if name != "2025-07-21-weekly":
            (tmp_path / "issues" / name / "issue.md").write_text("x", encoding="utf-8")
    assert Workspace(tmp_path).issue_slugs() == ["2025-07-07-weekly", "2025-07-14-weekly"]
    assert split_issue_slug("2025-07-07-weekly") == ("2025-07-07", "weekly")
    assert split_issue_slug("weekly") is None


@pytest.mark.parametrize("slug", ["a", "a-b", "2025", "a" * 80])
def test_t34_slugs(slug: str) -> None:
    assert SLUG.match(slug)


@pytest.mark.parametrize("slug", ["", "-a", "a-", "A", "a/b", "..", "a b", "a" * 81, "ä", "a\n"])
def test_t34_no_slugs(slug: str) -> None:
    assert not SLUG.match(slug)


def test_a_memory_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path.resolve())
    assert workspace.read_state("sources") == {}
    workspace.write_state("sources", {"a": 1})
    assert workspace.read_state("sources") == {"a": 1}
    (tmp_path / ".newsletter/sources.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=r"\.newsletter/sources\.json: cannot be read; delete it"):
        workspace.read_state("sources")


def test_the_nearest_workspace_above_is_found(tmp_path: Path) -> None:
    (tmp_path / "newsletter.toml").write_text("", encoding="utf-8")
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert find_workspace(deep).root == tmp_path
    assert find_workspace(deep, str(tmp_path)).root == tmp_path.resolve()
    with pytest.raises(SettingsError, match=r"no newsletter\.toml in it"):
        find_workspace(deep, str(deep))


def test_a_file_is_replaced_only_if_it_is_what_was_expected(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.write("a.md", b"one")
    workspace.path("a.md").chmod(0o640)
    assert workspace.replace("a.md", b"one", b"two", "kept/1")
    assert (workspace.read("a.md"), workspace.read("kept/1")) == (b"two", b"one")
    assert stat.S_IMODE(workspace.path("a.md").stat().st_mode) == 0o640
    assert not workspace.replace("a.md", b"one", b"three", "kept/2")
    assert workspace.read("a.md") == b"two"


def test_where_names_cannot_be_exchanged_it_is_looked_at_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("newsletter.workspace.whole_files._exchange", lambda one, other: False)
    test_a_file_is_replaced_only_if_it_is_what_was_expected(tmp_path)


def test_a_save_at_the_very_moment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody saves between the look and the exchange: the exchange is taken back."""
    workspace = Workspace(tmp_path)
    workspace.write("a.md", b"one")

    def exchange(keep: Path, path: Path, saves: list[bytes] = [b"by hand", b"by hand again"]) -> bool:  # noqa: B006 - one row of saves
        if saves:
            write_whole(path, saves.pop(0))
        return _exchange(keep, path)

    monkeypatch.setattr("newsletter.workspace.whole_files._exchange", exchange)
    assert not workspace.replace("a.md", b"one", b"ours", "kept")
    assert workspace.read("a.md") == b"by hand again"


def test_a_race_of_replacing_and_saving_loses_no_save(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.write("a.md", b"start\n")
    halt = threading.Event()
    replaced = 0

    def replace() -> None:
        nonlocal replaced
        while not halt.is_set():
            old = workspace.read("a.md")
            replaced += workspace.replace("a.md", old, old + b"+", "kept")

    thread = threading.Thread(target=replace)
    thread.start()
    try:
        for number in range(150):
            saved, before = b"save %d\n" % number, replaced
            write_whole(tmp_path / "a.md", saved)
            # For a moment another text may stand there: the one that goes back as soon as it is seen that somebody saved.
            until = time.monotonic() + 20
            while not workspace.read("a.md").startswith(saved) or (number % 3 == 0 and replaced == before):
                assert time.monotonic() < until
    finally:
        halt.set()
        thread.join()
    assert workspace.read("a.md").startswith(b"save 149\n")
    assert replaced >= 50


def test_a_file_that_is_taken_away_while_files_are_put_in_order_is_left_out(tmp_path: Path) -> None:
    for number, name in enumerate(("b", "a", "c")):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, ns=(number, number))

    def found() -> Iterator[Path]:
        for name in ("c", "gone", "a", "b"):
            yield tmp_path / name

    assert [path.name for path in by_age(found())] == ["b", "a", "c"]
    assert by_age([]) == []
