"""A disk that is nearly full: whatever command meets it says so, loses nothing, and goes on when there is room again."""

import errno
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import structlog

from newsletter.cli.serve import Log
from newsletter.store.database import create_store
from tests.cli.conftest import Call, Called, call
from tests.databases import DATABASE, KEY, NOW
from tests.faults.test_damage import fill as fill_store
from tests.faults.test_processes import fill, small_disk

__all__ = ["call", "small_disk"]  # fixtures

ISSUE = "2025-07-07-weekly"
COMMANDS = {
    "init": ("init", "new"),
    "collect": ("collect",),
    "collect a file": ("collect", "paste.txt"),
    "draft": ("draft", "--date", "2025-07-07"),
    "build": ("build", ISSUE),
    "check": ("check", ISSUE, "--sarif", "found.json"),
    "approve": ("approve", ISSUE, "--by", "me"),
    "explain": ("explain", ISSUE),
    "add": ("subscribers", "add", "new@example.org", "--consent", "a test"),
    "import": ("subscribers", "import", "people.csv", "--consent", "a test"),
    "export": ("subscribers", "export", "out.csv"),
    "list": ("subscribers", "list"),
    "dry run": ("send", ISSUE, "--dry-run"),
    "send": ("send", ISSUE, "--yes"),
    "rehearse": ("rehearse", ISSUE),
    "status": ("status",),
    "schedule": ("schedule",),
    "doctor": ("doctor", "--offline"),
    "the first reader": ("subscribers", "add", "first@example.org", "--consent", "a test"),
}
ROOM_KB = (0, 4, 12, 40, 150, 400)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    shutil.copy(root / "newsletter.toml", folder)
    shutil.copytree(root / "posts", folder / "posts", ignore=shutil.ignore_patterns("collected"))
    shutil.copytree(root / "issues", folder / "issues")
    (folder / "paste.txt").write_text("A new post\n\nWith words of its own.\n\nhttps://example.org/new\n")
    (folder / "people.csv").write_text("email\nsomebody@example.org\nnot an address\n")
    store = create_store(f"sqlite:///{folder / DATABASE}", folder / KEY, NOW)
    fill_store(store, 100)
    store.close()
    return folder


def prepare(whole: Path, folder: Path, what: str) -> None:
    shutil.copytree(whole, folder)
    if what == "draft":
        shutil.rmtree(folder / "issues")
    if what == "the first reader":
        (folder / DATABASE).unlink()
        (folder / KEY).unlink()


def is_told(called: Called) -> bool:
    """Whether a command that failed for want of room says so."""
    if "sources" in called.json:  # `collect` goes on, and says it of each
        reasons = [source["reason"] for source in called.json["sources"] if source["failed"]]
        return bool(reasons) and all("no space left" in reason for reason in reasons)
    error = called.json["error"]
    return error["code"] in ("NL027", "NL090") and "no space left" in error["message"]


@pytest.mark.parametrize("what", COMMANDS)
def test_c53_a_disk_that_is_nearly_full_is_called_that(
    call: Call, whole: Path, small_disk: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("SMTP__HOST", "127.0.0.1"), ("SMTP__PORT", "1"), ("SMTP__SECURITY", "none")):
        monkeypatch.setenv(f"NEWSLETTER_{name}", value)
    monkeypatch.setenv("TMPDIR", str(small_disk))
    folder = small_disk / "desk"
    for room in ROOM_KB:
        prepare(whole, folder, what)
        monkeypatch.chdir(folder)
        monkeypatch.setattr(tempfile, "tempdir", None)
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".db"}
        filler = fill(small_disk)
        os.truncate(filler, filler.stat().st_size - room * 1024)
        called = call(*COMMANDS[what], "--json")
        assert "NL099" not in called.out, (room, called.out)
        if called.code in (1, 3):
            assert is_told(called), (room, called.out)
        assert {path: path.read_bytes() for path in before} == before  # whole, whatever was to be written
        assert not list(small_disk.rglob("*.tmp"))
        filler.unlink()
        again = call(*COMMANDS[what], "--json")
        assert again.code in (0, 4, 5, 6, 69), (room, again.out)  # 69: there is no relay
        shutil.rmtree(folder)
    monkeypatch.setattr(tempfile, "tempdir", None)


@pytest.mark.parametrize("what", ["draft", "build", "export", "add", "import", "the first reader", "send"])
def test_c53_a_limit_of_the_system_for_files_is_called_that(whole: Path, tmp_path: Path, what: str) -> None:
    """RLIMIT_FSIZE, as a host of small machines sets it; no right to mount is needed to try it."""
    folder = tmp_path / "desk"
    prepare(whole, folder, what)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))

    words = [sys.executable, "-m", "newsletter", *COMMANDS[what], "--json"]
    environment = {**os.environ, "NEWSLETTER_SMTP__HOST": "127.0.0.1", "NEWSLETTER_SMTP__PORT": "1", "PYTHONDONTWRITEBYTECODE": "1"}  # fmt: skip
    done = subprocess.run(words, cwd=folder, env=environment, preexec_fn=limit, capture_output=True, text=True)
    assert done.returncode in (1, 3), done.stdout + done.stderr
    error = json.loads(done.stdout)["error"]
    assert error["code"] in ("NL027", "NL090")
    assert "cannot be written" in error["message"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize(
    "words", [("--json", "subscribers", "list"), ("subscribers", "export"), ("--help",)], ids=" ".join
)
def test_c53_an_output_that_cannot_be_written_is_told_on_stderr(whole: Path, words: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "newsletter", *words]
        done = subprocess.run(command, cwd=whole, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("standard output: cannot be written: no space left on the disk  [NL027]")
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_c53_an_export_that_fails_leaves_the_file_that_was_there(
    call: Call, whole: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(whole)
    target = small_disk / "people.csv"
    target.write_text("what was exported last week\n")
    fill(small_disk)
    called = call("subscribers", "export", str(target), "--json")
    assert is_told(called)
    assert target.read_text() == "what was exported last week\n"


def test_c53_rows_that_cannot_be_written_aside_let_nothing_be_taken_in(
    call: Call, whole: Path, small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(whole, tmp_path / "desk")
    monkeypatch.chdir(tmp_path / "desk")
    people = small_disk / "people.csv"
    people.write_text("email\n" + "".join(f"good{n}@example.org\nbad {n}\n" for n in range(300)))
    fill(small_disk)
    before = call("subscribers", "list", "--json").json["counts"]
    called = call("subscribers", "import", str(people), "--consent", "a test", "--json")
    assert is_told(called)
    assert "rejected" in called.json["error"]["file"]
    assert call("subscribers", "list", "--json").json["counts"] == before


def test_c53_a_log_that_cannot_be_written_stops_nothing_and_says_what_was_lost() -> None:
    class Stream:
        """A disk that is full at first."""

        full, text = True, ""

        def write(self, text: str) -> None:
            if self.full:
                raise OSError(errno.ENOSPC, "No space left on device")
            self.text += text

        def flush(self) -> None:
            pass

    stream = Stream()
    log = structlog.wrap_logger(structlog.PrintLogger(stream), processors=[structlog.processors.JSONRenderer()])  # type: ignore[arg-type]
    note = Log(log)
    note("slot", slot="weekly/2025-07-07")
    note("sent", level="error", issue=ISSUE)
    stream.full = False
    note("archive", pages=3)
    assert [json.loads(line)["event"] for line in stream.text.splitlines()] == ["lost", "archive"]
    assert json.loads(stream.text.splitlines()[0])["events"] == 2
