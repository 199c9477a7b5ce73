"""Who sends: one process; a dead one frees its place at once, a late one is told apart (F6, F41)."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from newsletter.errors import NothingToDo
from newsletter.store import issues
from newsletter.store.database import Store, open_store
from newsletter.store.lease import LEASE_S, Lease, LeaseLost, Ticks, read_ticks, take_lease
from newsletter.store.ledger import Ledger
from newsletter.store.restore_guard import read_mark
from newsletter.store.schema import attempt, delivery, sender
from tests.databases import NOW
from tests.store.desk import HOUR, Uptime, accepted, after_crash, audience, counted, deferred, rejected, start, url_of

MINUTE = timedelta(minutes=1)
# Another process, really: it takes the lease, says so, and keeps it.
OTHER = """
import sys
from newsletter.errors import NothingToDo
from pathlib import Path
from newsletter.store.database import open_store
from newsletter.store.lease import take_lease
store = open_store(sys.argv[1], Path(sys.argv[2]))
try:
    lease = take_lease(store)
except NothingToDo as error:
    print("refused:", error, flush=True)
else:
    print("taken", lease.epoch, flush=True)
    sys.stdin.read()
"""


@contextmanager
def other_process(store: Store, folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """It and the first thing it says."""
    command = [sys.executable, "-c", OTHER, url_of(store), str(folder / "newsletter.key")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def rows_of(store: Store) -> list[object]:
    """All that a late process must not change."""
    with store.reading() as connection:
        return [connection.execute(select(table)).all() for table in (delivery, attempt, sender)]


def test_the_lease_has_a_number_that_goes_up(store: Store) -> None:
    for epoch in (1, 2, 3):
        lease = take_lease(store)
        assert lease.epoch == epoch
        lease.release()


def test_a_lease_that_was_given_back_can_be_taken_at_once_many_times(store: Store, tmp_path: Path) -> None:
    """On PostgreSQL its connection goes back to the pool: the lock must not go with it."""
    for _ in range(20):
        take_lease(store).release()
        other = open_store(url_of(store), tmp_path / "newsletter.key")
        take_lease(other).release()
        other.close()


def test_to_give_back_twice_does_no_harm(store: Store) -> None:
    lease = take_lease(store)
    lease.release()
    lease.release()


def test_a_second_sender_in_this_process_is_refused(store: Store) -> None:
    lease = take_lease(store)
    with pytest.raises(NothingToDo, match=r"process \d+ on .* is sending already"):
        take_lease(store)
    lease.release()
    take_lease(store).release()


def test_a_second_process_is_refused_while_the_first_one_lives(store: Store, tmp_path: Path) -> None:
    lease = take_lease(store)
    with other_process(store, tmp_path) as (_, said):
        assert said.startswith("refused:")
        assert "is sending already" in said
    lease.release()
    with other_process(store, tmp_path) as (_, said):
        assert said == "taken 2"


def test_a_process_that_is_killed_frees_its_place_at_once(store: Store, tmp_path: Path) -> None:
    with other_process(store, tmp_path) as (process, said):
        assert said == "taken 1"
        with pytest.raises(NothingToDo):
            take_lease(store)
        process.send_signal(signal.SIGKILL)
        process.wait(60)
        _take_soon(store).release()


def _take_soon(store: Store) -> Lease:
    """The kernel closes a file with its process; PostgreSQL notices the lost connection a moment later."""
    for _ in range(6000):
        try:
            return take_lease(store)
        except NothingToDo:
            time.sleep(0.01)
    raise AssertionError("the lock was never freed")


def later(seconds: float, boot: str = "") -> Callable[[], Ticks]:
    """This machine's ticks so many seconds from now, or those of another boot."""
    now = read_ticks()
    return lambda: Ticks(boot or now.boot, now.seconds + seconds)


def test_a_process_that_is_stopped_keeps_its_lease_until_it_is_over(store: Store, tmp_path: Path) -> None:
    """F6: SIGSTOP holds the lock for ever; the lease does not."""
    with other_process(store, tmp_path) as (process, _):
        process.send_signal(signal.SIGSTOP)
        with pytest.raises(NothingToDo):
            take_lease(store, ticks=later(LEASE_S - 60))
        lease = take_lease(store, ticks=later(LEASE_S + 60))
        assert (lease.epoch, lease.lock) == (2, None)
        process.send_signal(signal.SIGCONT)


def test_c8_of_a_holder_on_another_machine_only_the_lock_tells(store: Store, tmp_path: Path) -> None:
    """Its ticks are not ours, and a wall clock says nothing: so it is never replaced while it holds the lock."""
    with other_process(store, tmp_path):
        for boot in ("another-machine", ""):
            with pytest.raises(NothingToDo, match="is sending already"):
                take_lease(store, ticks=later(100 * LEASE_S, boot or "x"))


@pytest.mark.parametrize("say", ["accepted", "rejected", "deferred", "nothing"])
def test_a_late_process_is_fenced_off_and_changes_nothing(store: Store, say: str) -> None:
    frozen = audience(store, 4)
    late = start(store, frozen)
    (claim, _) = late.claim(2)
    later = NOW + 20 * MINUTE
    successor = start(store, frozen, now=later, uptime=Uptime(1000 + 20 * 60))
    assert successor.recovered == 2
    before = rows_of(store)
    outcomes = {
        "accepted": [accepted(claim)],
        "rejected": [rejected(claim)],
        "deferred": [deferred(claim, later + HOUR)],
        "nothing": [],
    }[say]
    for _ in range(2):
        with pytest.raises(LeaseLost, match="another process sends now"):
            late.turn(outcomes, 2, later)
    with pytest.raises(LeaseLost):
        late.ledger.recover(after_crash(), later)
    with pytest.raises(LeaseLost):
        late.ledger.replay([(claim.subscriber_id, 250)], later)
    assert rows_of(store) == before
    assert len(successor.claim(9, later)) == 4
    late.die()
    successor.end()


def test_the_lease_is_renewed_by_work_so_a_long_send_is_not_taken_over(store: Store) -> None:
    frozen = audience(store, 1)
    uptime = Uptime()
    process = start(store, frozen, uptime=uptime)
    for _ in range(12):
        uptime.seconds += 5 * 60
        process.turn()
        with pytest.raises(NothingToDo):
            take_lease(store, ticks=lambda: Ticks(uptime.boot, uptime.seconds + LEASE_S - 120))
    process.end()


@pytest.mark.parametrize("jump", [-HOUR, 30 * 24 * HOUR], ids=["back", "ahead"])
def test_c8_a_jump_of_the_clock_neither_costs_nor_gives_the_lease(store: Store, jump: timedelta) -> None:
    """A second process with such a clock is refused too: it does not take the holder for one that was stopped."""
    frozen = audience(store, 2, expires_at=NOW + 60 * 24 * HOUR)
    uptime = Uptime()
    process = start(store, frozen, uptime=uptime)
    (claim,) = process.claim(1)
    uptime.seconds += 90
    assert len(process.turn([accepted(claim)], 1, NOW + jump).claims) == 1
    with pytest.raises(NothingToDo):
        start(store, frozen, now=NOW + jump, uptime=uptime)
    process.end()


def test_a_beat_of_the_sender_is_written_once_a_minute(store: Store, tmp_path: Path) -> None:
    frozen = audience(store, 1)
    uptime, mark = Uptime(), tmp_path / "mark"
    lease = take_lease(store, mark, ticks=uptime)
    ledger = Ledger(store, frozen, lease)
    beats = []
    for _ in range(6):
        uptime.seconds += 25
        ledger.turn((), 0, NOW)
        with store.reading() as connection:
            beats.append(connection.execute(select(sender.c.beat)).scalar_one())
    assert beats == [1, 1, 2, 2, 2, 3]
    found = read_mark(mark)
    assert found
    assert found.beat == 2  # never ahead of what is committed
    ledger.close()
    lease.release(store)
    assert read_mark(mark) == (2, 4, store.key.check)


def test_a_sender_that_takes_over_finds_the_rows_of_the_one_before_in_doubt(store: Store) -> None:
    frozen = audience(store, 3)
    first = start(store, frozen)
    first.claim(2)
    first.die()
    second = start(store, frozen)
    assert second.recovered == 2
    assert counted(store, frozen) == {"pending": 3}
    assert len(issues.in_doubt_list(store, frozen)) == 2
    second.end()


@pytest.mark.parametrize(
    ("written", "since"), [("a-boot 940", 60), ("", None), ("940", None), ("b-boot 940", None), ("a-boot x", None)]
)
def test_ticks_of_another_boot_say_nothing(written: str, since: float | None) -> None:
    assert Ticks("a-boot", 1000).since(written) == since
    assert Ticks("", 1000).since(written) is None
