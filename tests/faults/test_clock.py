"""Clocks that are set while an issue is sent, row F44: no send is refused by it, and none takes another's place."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.kill import Desk, make_addresses, make_desk
from bench.recorder import Recorder
from newsletter.store.restore_guard import read_mark
from tests.faults.test_kill import addresses, count, database, doubts, finish, look, wait_until
from tests.faults.test_processes import told

READERS = 400
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)

pytestmark = pytest.mark.skipif(FAKETIME is None, reason="libfaketime is not installed")


class Clock:
    """The wall clock of a machine, set while its processes run. What has gone by since the boot is not changed by it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.set("+0")

    def set(self, offset: str) -> None:
        """`-1h`: an hour behind."""
        temporary = self.file.with_suffix(".new")
        temporary.write_text(f"{offset}\n")
        temporary.replace(self.file)

    def of(self, desk: Desk) -> Desk:
        """A desk on this machine."""
        environment = {
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        return replace(desk, environment=desk.environment | environment)


@pytest.fixture
def sending(tmp_path: Path) -> Iterator[tuple[Desk, Recorder, str]]:
    with Recorder(tmp_path / "log", delay_s=0.05) as recorder:
        desk = make_desk(tmp_path / "desk", READERS, recorder.port, SMTP__CONNECTIONS="3")
        yield desk, recorder, desk.draft(0)


def beat(desk: Desk) -> str:
    with database(desk) as connection:
        found: str = connection.execute("SELECT heard FROM sender").fetchone()[0]
        return found


@pytest.mark.parametrize("offset", ["-1h", "-400d", "+20m"])
def test_c8_a_clock_that_is_set_in_mid_send_and_a_kill_do_not_look_like_a_restore(
    sending: tuple[Desk, Recorder, str], tmp_path: Path, offset: str
) -> None:
    desk, recorder, issue = sending
    clock = Clock(tmp_path / "clock")
    process = clock.of(desk).send(issue)
    wait_until(lambda: len(recorder.copies) >= 60)
    clock.set(offset)
    before = count(desk, "accepted")
    wait_until(lambda: count(desk, "accepted") >= before + 60)  # it goes on
    process.kill()
    process.communicate()
    finish(clock.of(desk), issue)
    assert look(desk, "verify", issue)["accepted"] == READERS
    assert set(addresses(recorder)) == set(make_addresses(READERS))
    assert len(recorder.copies) <= READERS + len(doubts(desk, issue))


def test_c8_a_process_whose_clock_is_ahead_does_not_take_the_place_of_one_that_sends(
    sending: tuple[Desk, Recorder, str], tmp_path: Path
) -> None:
    """By its clock the other one's lease is long over; by the time that has gone by it is not."""
    desk, recorder, issue = sending
    process = desk.send(issue)
    wait_until(lambda: len(recorder.copies) >= 30)
    clock = Clock(tmp_path / "clock")
    clock.set("+2h")
    second = clock.of(desk).send(issue)
    assert told(second)["error"]["code"] == "NL094"
    assert second.returncode == 6
    assert told(process)["accepted"] == READERS
    assert process.returncode == 0
    assert doubts(desk, issue) == []
    assert sorted(addresses(recorder)) == make_addresses(READERS)


def test_c8_the_mark_counts_and_holds_no_time(sending: tuple[Desk, Recorder, str]) -> None:
    desk, _, issue = sending
    finish(desk, issue)
    path = desk.folder / "newsletter.db.mark"
    mark = read_mark(path)
    assert mark
    assert path.stat().st_mode & 0o777 == 0o600
    assert (mark.epoch, mark.beat) == (2, 3)  # one at its making, one when it began to send, one when it ended
    assert len(beat(desk).split()) == 2
