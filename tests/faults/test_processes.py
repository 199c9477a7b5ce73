"""What happens to the process and to what it stands on, rows F5-F13, F41, F42, F50, F54: signals, disk, database, terminal."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

from bench.kill import Desk, count_bound, make_addresses, make_desk
from bench.recorder import Recorder
from tests.faults.test_kill import addresses, database, doubts, finish, look, wait_until

READERS = 400
SLOW_S = 0.05
ISSUE = "2027-01-04-weekly"
BOUND = count_bound(10, chunking=False)


@dataclass(frozen=True)
class Post:
    """A workspace and the server that it sends to."""

    desk: Desk
    recorder: Recorder

    def send_some(self, some: int = 60, **options: Any) -> "subprocess.Popen[str]":
        """`newsletter send` in the middle of its work."""
        before = len(self.recorder.copies)
        process = self.desk.send(ISSUE, **options)
        wait_until(lambda: len(self.recorder.copies) >= before + some or process.poll() is not None)
        assert process.poll() is None, process.communicate()
        return process

    def stop(self) -> None:
        """Freeze it, send a part, and stop as one should."""
        process = self.send_some()
        process.terminate()
        process.communicate()
        assert process.returncode == 0

    def books(self) -> dict[str, Any]:
        return look(self.desk, "verify", ISSUE)

    def check_all_got_one(self) -> None:
        """Send what is left. Everybody has one copy, but for those in doubt, who may have one more for each time."""
        finish(self.desk, ISSUE)
        listed = Counter(doubts(self.desk, ISSUE))
        copies = Counter(addresses(self.recorder))
        assert set(copies) == set(make_addresses(READERS))
        assert {name: number for name, number in copies.items() if number > 1 + listed[name]} == {}
        books = self.books()
        assert (books["ok"], books["state"], books["accepted"]) == (True, "done", READERS)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A workspace with readers and an issue; each test has a copy."""
    desk = make_desk(tmp_path_factory.mktemp("template") / "desk", READERS, port=1)
    assert desk.draft(0) == ISSUE
    return desk


@contextmanager
def posting(
    template: Desk,
    folder: Path,
    *,
    at: Path | None = None,
    cut: str = "",
    hold: Path | None = None,
    hold_only: str = "",
    **settings: str,
) -> Iterator[Post]:
    with Recorder(folder / "log", delay_s=SLOW_S, cut=cut, hold=hold, hold_only=hold_only) as recorder:
        desk = point(template, recorder.port, at or folder / "desk", **settings)
        shutil.copytree(template.folder, desk.folder)
        yield Post(desk, recorder)


def point(template: Desk, port: int, folder: Path, **settings: str) -> Desk:
    given = {"SMTP__PORT": str(port)} | settings
    return Desk(folder, template.environment | {f"NEWSLETTER_{name}": value for name, value in given.items()})


@pytest.fixture
def post(template: Desk, tmp_path: Path) -> Iterator[Post]:
    with posting(template, tmp_path) as made:
        yield made


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 6 MB of its own. Only root may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", folder], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(disk: Path) -> Path:
    """Take all the room there is, to the last octet."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 10, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue
    return filler


def told(process: "subprocess.Popen[str]") -> dict[str, Any]:
    out, _ = process.communicate(timeout=60)
    document: dict[str, Any] = json.loads(out)
    return document


# --- F5: signals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)], ids=["TERM", "INT"])
def test_f5_a_signal_lets_what_is_under_way_finish(post: Post, number: int, code: int) -> None:
    process = post.send_some()
    process.send_signal(number)
    books = told(process)
    assert process.returncode == code
    assert books["accepted"] == len(post.recorder.copies) < READERS
    assert books["pending"] == READERS - books["accepted"]
    assert books["in_doubt_events"] == 0
    post.check_all_got_one()
    assert len(post.recorder.copies) == READERS


# --- F9, F11: the disk ----------------------------------------------------------------------------------------------


def test_f9_a_full_disk_stops_before_anything_is_sent(template: Desk, small_disk: Path, tmp_path: Path) -> None:
    with posting(template, tmp_path, at=small_disk / "desk") as post:
        post.stop()
        sent = len(post.recorder.copies)
        filler = fill(small_disk)
        process = post.desk.send(ISSUE)
        error = told(process)["error"]
        assert process.returncode == 1
        assert error["code"] == "NL090"
        assert any(word in error["message"] for word in ("full", "No space", "I/O")), error
        assert len(post.recorder.copies) == sent
        filler.unlink()
        post.check_all_got_one()
        assert len(post.recorder.copies) == READERS


def test_f9_f10_a_disk_that_fills_up_in_mid_send_loses_nothing(
    template: Desk, small_disk: Path, tmp_path: Path
) -> None:
    with posting(template, tmp_path, at=small_disk / "desk") as post:
        process = post.send_some()
        filler = fill(small_disk)
        error = told(process)["error"]
        assert process.returncode == 1
        assert error["code"] == "NL090"
        time.sleep(SLOW_S)
        assert len(post.recorder.copies) < READERS
        kept = (post.desk.folder / "newsletter.db.journal").read_bytes()
        filler.unlink()
        post.check_all_got_one()
        assert any(kept), "no answer that could not be recorded was kept (F10)"
        # What was kept is not sent again: only what was under way can be double.
        assert len(post.recorder.copies) <= READERS + BOUND


def test_f11_a_disk_that_does_not_write_ends_the_send(post: Post) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    calls = "fdatasync,fsync"
    inject = [strace, "-f", "-qq", "-o", os.devnull, "-e", f"trace={calls}", "-e", f"inject={calls}:error=EIO:when=12+"]
    if subprocess.run([*inject, "true"], capture_output=True).returncode:
        pytest.skip("strace may not trace here")
    post.stop()
    before = len(post.recorder.copies)
    command = [*inject, sys.executable, "-m", "newsletter", "send", ISSUE, "--yes", "--json"]
    done = subprocess.run(command, cwd=post.desk.folder, env=post.desk.environment, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout + done.stderr
    assert json.loads(done.stdout)["error"]["code"] == "NL090"
    assert before < len(post.recorder.copies) < READERS
    post.check_all_got_one()
    assert len(post.recorder.copies) <= READERS + BOUND


# --- F12, F13: the database -----------------------------------------------------------------------------------------


def cpu_s(process: "subprocess.Popen[str]") -> float:
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the time of a process is not told here")
def test_f12_a_locked_database_is_waited_for(post: Post) -> None:
    process = post.send_some()
    with database(post.desk) as other:
        other.execute("BEGIN EXCLUSIVE")
        sent = -1
        while sent < len(post.recorder.copies):  # what was claimed goes out
            sent = len(post.recorder.copies)
            time.sleep(2)
        used = cpu_s(process)
        recorded = other.execute("SELECT count(*) FROM delivery WHERE state = 'accepted'").fetchone()[0]
        time.sleep(3)
        assert cpu_s(process) - used < 0.5, "it waits in a busy loop"
        assert len(post.recorder.copies) == sent, "it sends what it has not claimed"
        assert sent <= recorded + BOUND
        assert process.poll() is None
        other.execute("ROLLBACK")
    assert told(process)["accepted"] == READERS
    assert process.returncode == 0
    assert sorted(addresses(post.recorder)) == make_addresses(READERS)


@pytest.mark.parametrize("gone", ["newsletter.db", "newsletter.key"])
def test_f13_what_is_gone_is_not_made_anew(post: Post, gone: str) -> None:
    post.stop()
    sent = len(post.recorder.copies)
    kept = (post.desk.folder / gone).read_bytes()
    (post.desk.folder / gone).unlink()
    process = post.desk.send(ISSUE)
    assert told(process)["error"]["code"] == "NL091"
    assert process.returncode == 1
    assert not (post.desk.folder / gone).exists()
    assert len(post.recorder.copies) == sent
    (post.desk.folder / gone).write_bytes(kept)
    post.check_all_got_one()


def test_f13_the_database_is_taken_away_in_mid_send(post: Post) -> None:
    path = post.desk.folder / "newsletter.db"
    process = post.send_some()
    path.rename(path.with_name("away.db"))
    process.communicate(timeout=60)
    assert process.returncode == 1
    assert not path.exists(), "an empty one was made in its place"
    assert Counter(addresses(post.recorder)).most_common(1)[0][1] == 1


def test_f13_a_database_that_is_read_only(template: Desk, small_disk: Path, tmp_path: Path) -> None:
    with posting(template, tmp_path, at=small_disk / "desk") as post:
        post.stop()
        sent = len(post.recorder.copies)
        # Root may write into any file, but not on a disk that is read-only.
        subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
        process = post.desk.send(ISSUE)
        error = told(process)["error"]
        assert process.returncode == 1
        assert error["code"] == "NL090"
        assert len(post.recorder.copies) == sent
        subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
        post.check_all_got_one()


# --- F41, F42: more than one send -----------------------------------------------------------------------------------


def test_f41_two_sends_at_once(post: Post) -> None:
    processes = [post.desk.send(ISSUE) for _ in range(2)]
    said = [told(process) for process in processes]
    codes = sorted(process.returncode for process in processes)
    assert codes == [0, 6], said
    (refused,) = (one for one, process in zip(said, processes, strict=True) if process.returncode == 6)
    assert refused["error"]["code"] == "NL094"
    assert sorted(addresses(post.recorder)) == make_addresses(READERS)
    assert doubts(post.desk, ISSUE) == []


def test_f42_send_again_when_all_is_done(post: Post) -> None:
    post.check_all_got_one()
    process = post.desk.send(ISSUE)
    assert told(process)["accepted"] == READERS
    assert process.returncode == 6
    assert sorted(addresses(post.recorder)) == make_addresses(READERS)


# --- F50: poison ----------------------------------------------------------------------------------------------------

POISON = make_addresses(READERS)[100]


def test_f50_a_message_that_breaks_connections_is_held_and_the_rest_goes_out(template: Desk, tmp_path: Path) -> None:
    with posting(template, tmp_path, cut=POISON) as post:
        process = post.desk.send(ISSUE)
        books = told(process)
        assert process.returncode == 5
        assert (books["held"], books["accepted"]) == (1, READERS - 1)
        assert doubts(post.desk, ISSUE) == [POISON] * 3
        copies = Counter(addresses(post.recorder))
        assert copies.pop(POISON) == 3
        assert set(copies.values()) == {1}


def test_f50_c6_a_message_that_kills_the_process_is_held_and_its_neighbours_go_out(
    template: Desk, tmp_path: Path
) -> None:
    """Killed whenever this one is under way: twice among others, then alone."""
    poison = make_addresses(1)[0]
    hold = tmp_path / "hold"
    with posting(template, tmp_path, hold=hold, hold_only=poison, SMTP__CONNECTIONS="2") as post:
        hold.touch()
        for times in (1, 2, 3, 4):
            process = post.desk.send(ISSUE)
            wait_until(lambda: addresses(post.recorder).count(poison) == times)  # noqa: B023 - over before the next
            if times == 4:
                wait_until(lambda: states_of(post.desk) == {"accepted": READERS - 1, "claimed": 1})
            process.kill()
            process.communicate()
        process = post.desk.send(ISSUE)
        books = told(process)
        assert process.returncode == 5
        assert (books["held"], books["accepted"]) == (1, READERS - 1)
        assert doubts(post.desk, ISSUE).count(poison) == 4
        listed, copies = Counter(doubts(post.desk, ISSUE)), Counter(addresses(post.recorder))
        assert {name: count for name, count in copies.items() if count > 1 + listed[name]} == {}


def states_of(desk: Desk) -> dict[str, int]:
    with database(desk) as connection:
        return dict(connection.execute("SELECT state, count(*) FROM delivery GROUP BY state"))


# --- F54: nobody listens --------------------------------------------------------------------------------------------


@contextmanager
def broken(stream: str) -> Iterator[dict[str, IO[bytes] | int]]:
    """Where a stream goes that nobody can write to."""
    name, _, how = stream.partition(" ")
    with ExitStack() as stack:
        if how == "full":
            file: IO[bytes] | int = stack.enter_context(Path("/dev/full").open("wb"))
        else:
            reading, writing = os.pipe()
            os.close(reading)
            stack.callback(os.close, writing)
            file = writing
        yield {name: file}


CASES = ["plain stderr full", "plain stderr closed", "plain stdout full", "json stdout full", "json stdout closed"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("case", CASES)
def test_f54_talk_that_cannot_be_written_stops_no_send_halfway(template: Desk, tmp_path: Path, case: str) -> None:
    form, _, stream = case.partition(" ")
    # Slow enough for a line of progress, which comes every two seconds.
    with posting(template, tmp_path, SMTP__CONNECTIONS="3") as post:
        post.stop()
        sent = len(post.recorder.copies)
        with broken(stream) as streams:
            process = post.desk.start("send", ISSUE, "--yes", *(["--json"] if form == "json" else []), **streams)
            process.communicate(timeout=60)
        assert len(post.recorder.copies) in (sent, READERS)
        states = states_of(post.desk)
        assert states.pop("accepted") == len(post.recorder.copies)
        assert set(states) <= {"pending"}
        assert doubts(post.desk, ISSUE) == []
