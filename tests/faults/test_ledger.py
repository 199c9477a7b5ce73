"""Faults of the ledger's database: rows F4-F16, F41-F48 and F55 of the fault matrix, as far as no process need be killed."""

import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from newsletter.audience.addresses import AddressError, read_address
from newsletter.errors import NothingToDo
from newsletter.store import issues
from newsletter.store.database import Store, StoreError, open_store
from newsletter.store.journal import Journal
from newsletter.store.lease import LEASE_S, LeaseLost, take_lease
from newsletter.store.subscribers import count_by_state, forget, unsubscribe
from tests.databases import NOW, new_store
from tests.store.desk import (
    HOUR,
    Process,
    Uptime,
    accepted,
    audience,
    counted,
    deferred,
    freeze,
    number_of,
    reader,
    start,
    states,
    take_in,
    url_of,
)

MINUTE = timedelta(minutes=1)


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Store]:
    """A SQLite file."""
    opened = new_store("sqlite", tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def postgresql(tmp_path: Path) -> Iterator[Store]:
    """A real server."""
    opened = new_store("postgresql", tmp_path)
    yield opened
    opened.close()


def limit_pages(process: Process, more: int) -> None:
    """The disk has room for so many pages more."""
    connection = process.ledger.driver.connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + more}")


# --- disks (F7-F13) -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("garbage", [False, True], ids=["F7: the tail is lost", "F8: the tail is garbage"])
def test_a_log_that_ends_anywhere_loses_nobody_and_no_wish_to_be_left_alone(
    sqlite: Store, tmp_path: Path, garbage: bool
) -> None:
    """A power loss, at every frame of SQLite's log."""
    frozen = audience(sqlite, 20)
    unsubscribe(sqlite, reader(19).canonical, source="a link", now=NOW)
    assert sqlite.path
    with sqlite.reading() as connection:  # until here all is in the database itself
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").close()
    process = start(sqlite, frozen)
    for _ in range(4):
        process.turn([accepted(claim) for claim in process.claim(3)])
    log = sqlite.path.with_name(f"{sqlite.path.name}-wal").read_bytes()
    whole = sqlite.path.read_bytes()
    process.end()
    frame = 24 + 4096
    assert len(log) > 8 * frame
    for cut in range(0, len(log), frame):
        folder = tmp_path / f"cut-{cut}"
        folder.mkdir()
        tail = b"\xa5" * (len(log) - cut) if garbage else b""
        (folder / "newsletter.db").write_bytes(whole)
        (folder / "newsletter.db-wal").write_bytes(log[: cut + frame // 2] + tail if cut else tail)
        shutil.copy2(tmp_path / "newsletter.key", folder)
        _check_after_power_loss(folder)
        shutil.rmtree(folder)


def _check_after_power_loss(folder: Path) -> None:
    store = open_store(f"sqlite:///{folder / 'newsletter.db'}", folder / "newsletter.key")
    with store.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
    frozen = issues.find_issue(store, "2026-11-23-weekly")
    assert frozen
    assert issues.verify(store, frozen).missing == 0
    assert count_by_state(store) == {"active": 19, "unsubscribed": 1, "suppressed": 1}
    process = start(store, frozen)
    left = {claim.address for claim in process.claim(99)}
    assert reader(19).address not in left
    assert len(left) + counted(store, frozen).get("accepted", 0) == 19
    process.end()
    store.close()


def test_a_disk_that_is_full_when_rows_are_claimed_lets_nothing_leave(sqlite: Store) -> None:
    """F9."""
    frozen = audience(sqlite, 3000)
    process = start(sqlite, frozen)
    process.claim(1)
    process.turn([])
    limit_pages(process, 0)
    claimed = 1
    with pytest.raises(StoreError, match="database or disk is full"):  # noqa: PT012 - whichever of them finds it full
        for number in range(3000):
            outcomes = [
                accepted(claim)._replace(state="rejected", reply=f"{number:0200}") for claim in process.claim(1)
            ]
            claimed += 1
            process.turn(outcomes)
    process.die()
    books = counted(sqlite, frozen)
    assert books["claimed"] + books.get("rejected", 0) == claimed
    process = start(sqlite, frozen)  # there is room again
    assert process.recovered == books["claimed"]
    assert process.claim(5)
    process.end()


def test_a_disk_that_is_full_when_replies_are_written_doubles_nobody(sqlite: Store, tmp_path: Path) -> None:
    """F10."""
    journal = Journal(tmp_path / "journal")
    journal.prepare()
    frozen = audience(sqlite, 3000)
    process = start(sqlite, frozen)
    claims = process.claim(1500)
    limit_pages(process, 0)
    outcomes = [accepted(claim, "x" * 200) for claim in claims]
    with pytest.raises(StoreError, match="full"):
        journal.guard(process.ledger, frozen.id).turn(outcomes, 5, NOW)
    process.die()
    process = start(sqlite, frozen, journal=journal)
    assert process.recovered == 0
    assert counted(sqlite, frozen) == {"accepted": 1500, "pending": 1500}
    assert issues.in_doubt_list(sqlite, frozen) == []
    process.end()


def test_a_ledger_goes_on_with_a_new_connection_after_an_error_and_never_with_the_old_one(sqlite: Store) -> None:
    """D19: after an error the next write could seem to work and not be on the disk."""
    frozen = audience(sqlite, 2)
    process = start(sqlite, frozen)
    before = process.ledger.driver.connection
    before.execute("PRAGMA query_only = 1").close()
    with pytest.raises(StoreError, match="readonly"):
        process.claim(1)
    assert process.ledger.driver.connection is None
    assert len(process.claim(1)) == 1
    process.end()


def test_a_database_that_is_locked_for_long_is_waited_for(sqlite: Store) -> None:
    """F12, with a second instead of a minute: nothing is claimed meanwhile, nothing is lost."""
    frozen = audience(sqlite, 3)
    process = start(sqlite, frozen)
    assert sqlite.path
    other = sqlite3.connect(sqlite.path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    timer = threading.Timer(1.0, other.execute, ("ROLLBACK",))
    timer.start()
    assert len(process.claim(2)) == 2
    timer.join()
    other.close()
    process.end()


def test_a_database_that_is_taken_away_in_mid_send_stops_it_and_is_not_made_anew(sqlite: Store, tmp_path: Path) -> None:
    """F13."""
    frozen = audience(sqlite, 3)
    process = start(sqlite, frozen)
    process.claim(1)
    assert sqlite.path
    process.die()
    sqlite.engine.dispose()
    for path in tmp_path.glob("newsletter.db*"):
        path.unlink()
    with pytest.raises(StoreError):
        process.claim(1)
    with pytest.raises(StoreError):
        unsubscribe(sqlite, reader(0).canonical, source="a link", now=NOW)
    assert not sqlite.path.exists()


# --- PostgreSQL (F15, F16) ----------------------------------------------------------------------------------------


def cut_connections(store: Store) -> None:
    """The server ends all connections to this database but the one that asks.

    It waits until each of them is gone: without that it only asks, and one that has not heard yet still holds its locks.
    """
    with store.engine.connect() as connection:
        ended = (
            "SELECT bool_and(pg_terminate_backend(pid, 60000)) FROM pg_stat_activity WHERE datname = current_database()"
        )
        assert connection.execute(text(f"{ended} AND pid <> pg_backend_pid()")).scalar_one() is not False


def test_a_server_that_is_gone_in_mid_send_stops_it_and_the_next_start_knows_all(postgresql: Store) -> None:
    frozen = audience(postgresql, 4)
    process = start(postgresql, frozen)
    claims = process.claim(2)
    cut_connections(postgresql)
    with pytest.raises(StoreError, match="the database failed"):
        process.turn([accepted(claims[0])], 1)
    process.ledger.close()
    process.lease.release()  # its connection is gone too: that must not raise
    process = start(postgresql, frozen)
    assert process.recovered == 2
    assert counted(postgresql, frozen) == {"pending": 4}
    process.end()


@pytest.mark.parametrize("written", [True, False], ids=["it was written", "it was not"])
def test_a_commit_whose_fate_is_unknown_doubles_nobody(
    postgresql: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: bool
) -> None:
    """F15: the reply to COMMIT is lost. The rows are read again at the next start, and so is the journal."""
    journal = Journal(tmp_path / "journal")
    journal.prepare()
    frozen = audience(postgresql, 4)
    process = start(postgresql, frozen)
    claims = process.claim(2)
    fairy = process.ledger.driver.connection
    real: Callable[[], None] = fairy.driver_connection.commit

    class Breaking:
        """The driver's connection, which breaks at its next commit."""

        def __getattr__(self, name: str) -> object:
            return getattr(fairy, name)

        def commit(self) -> None:
            if written:
                real()
            raise postgresql.engine.dialect.loaded_dbapi.OperationalError("server closed the connection unexpectedly")

    process.ledger.driver.connection = Breaking()
    with pytest.raises(StoreError, match="server closed the connection"):
        journal.guard(process.ledger, frozen.id).turn([accepted(claims[0])], 1, NOW)
    process.die()
    process = start(postgresql, frozen, journal=journal)
    # What was claimed in that very transaction was never handed out, but nobody can tell.
    assert process.recovered == (2 if written else 1)
    assert states(postgresql, frozen)[claims[0].subscriber_id] == "accepted"
    assert len(process.claim(9)) == 3
    process.end()


def test_a_lease_whose_connection_was_cut_is_taken_by_another_and_the_first_is_fenced_off(postgresql: Store) -> None:
    frozen = audience(postgresql, 2)
    first = start(postgresql, frozen)
    first.claim(1)
    cut_connections(postgresql)
    second = start(postgresql, frozen)
    with pytest.raises((LeaseLost, StoreError)):
        first.claim(1)
    with pytest.raises(LeaseLost):
        first.claim(1)
    assert len(second.claim(9)) == 2
    first.ledger.close()
    first.lease.release()
    second.end()


# --- two at once (F6, F41-F44) ------------------------------------------------------------------------------------


def test_a_process_that_was_stopped_for_twenty_minutes_writes_nothing_more(store: Store) -> None:
    """F6."""
    frozen = audience(store, 4)
    late = start(store, frozen)
    claims = late.claim(2)
    now = NOW + 20 * MINUTE
    successor = start(store, frozen, now=now, uptime=Uptime(Uptime().seconds + LEASE_S))
    before = states(store, frozen)
    with pytest.raises(LeaseLost):
        late.turn([accepted(claim) for claim in claims], 2, now)
    assert states(store, frozen) == before
    assert len(issues.in_doubt_list(store, frozen)) == 2
    late.die()
    successor.end()


def test_two_that_send_at_once_claim_each_row_once(store: Store) -> None:
    """F41: the second is refused; if it were not, the rows themselves would refuse it."""
    frozen = audience(store, 30)
    first = start(store, frozen)
    with pytest.raises(NothingToDo):
        take_lease(store)
    claimed = [claim.subscriber_id for _ in range(10) for claim in first.claim(3)]
    assert len(set(claimed)) == len(claimed) == 30
    first.end()


def test_to_send_again_after_all_is_done_claims_nobody(store: Store) -> None:
    """F42."""
    frozen = audience(store, 3)
    process = start(store, frozen)
    process.turn([accepted(claim) for claim in process.claim(3)])
    process.end()
    assert issues.finish(store, frozen, NOW).state == "done"
    assert freeze(store).id == frozen.id
    process = start(store, frozen)
    turn = process.turn((), 5)
    assert (list(turn.claims), turn.state) == ([], "done")
    process.end()


def test_to_send_again_after_a_part_goes_on_with_the_rest(store: Store) -> None:
    """F42."""
    frozen = audience(store, 5)
    process = start(store, frozen)
    first = [claim.subscriber_id for claim in process.claim(2)]
    process.end()
    process = start(store, frozen, policy="skip")
    rest = [claim.subscriber_id for claim in process.claim(9)]
    assert sorted([*first, *rest]) == sorted(states(store, frozen))
    process.end()


def test_two_that_freeze_the_same_issue_at_once_make_one(store: Store) -> None:
    """F43. One of the two may be told to try again; then it finds the issue that is there."""
    take_in(store, [reader(number) for number in range(50)])
    both = threading.Barrier(2)
    failures: list[StoreError] = []

    def run() -> None:
        both.wait(10)
        try:
            freeze(store)
        except StoreError as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failures) <= (0 if store.is_sqlite else 1)
    assert len(issues.frozen_issues(store)) == 1
    assert counted(store, freeze(store)) == {"pending": 50}


@pytest.mark.parametrize("jump", [-HOUR, 30 * 24 * HOUR], ids=["an hour back", "thirty days ahead"])
def test_a_jump_of_the_clock_makes_no_second_issue_and_loses_no_later_try(store: Store, jump: timedelta) -> None:
    """F44."""
    frozen = audience(store, 2, expires_at=NOW + 90 * 24 * HOUR)
    process = start(store, frozen)
    first, second = process.claim(2)
    process.turn([accepted(first), deferred(second, NOW + 5 * MINUTE)])
    assert freeze(store, now=NOW + jump).id == frozen.id
    turn = process.turn((), 2, NOW + jump)
    if jump > timedelta():
        assert [claim.subscriber_id for claim in turn.claims] == [second.subscriber_id]
    else:
        assert turn.wait_s == 65 * 60
        assert [claim.subscriber_id for claim in process.claim(2, NOW + 5 * MINUTE)] == [second.subscriber_id]
    process.end()


# --- readers who change (F46-F48) ---------------------------------------------------------------------------------


def test_who_is_forgotten_and_comes_back_in_mid_send_gets_one_copy(store: Store) -> None:
    """F47."""
    frozen = audience(store, 3)
    process = start(store, frozen)
    (first,) = process.claim(1)
    process.turn([accepted(first)])
    for who in (0, 2):  # one who has got it and one who has not
        forget(store, reader(who).canonical, NOW)
        with store.writing() as connection:
            connection.execute(text("DELETE FROM suppression"))
        take_in(store, [reader(who)])
    rest = process.claim(9)
    assert [claim.address for claim in rest] == [reader(1).address]
    assert counted(store, frozen) == {"accepted": 1, "claimed": 1, "suppressed": 1}
    process.end()


SPELLINGS = {
    "case of the domain": ("a@EXAMPLE.org", "a@example.org"),
    "case of the name": ("Anna@example.org", "anna@example.org"),
    "an umlaut in two forms": ("a@bu\u0308cher.example", "a@b\u00fccher.example"),
    "a domain as typed and as sent": ("a@b\u00fccher.example", "a@xn--bcher-kva.example"),
    "blanks around it": (" a@example.org ", "a@example.org"),
}


@pytest.mark.parametrize(("one", "other"), SPELLINGS.values(), ids=SPELLINGS)
def test_two_spellings_of_an_address_are_one_reader_and_one_delivery(store: Store, one: str, other: str) -> None:
    """F48, T46."""
    for typed in (one, other):
        address = read_address(typed)
        take_in(store, [reader(0)._replace(address=address.typed, canonical=address.canonical)])
    assert freeze(store).planned == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [("a.b@gmail.com", "ab@gmail.com"), ("a+x@example.org", "a@example.org"), ("\u0430@example.org", "a@example.org")],
    ids=["dots", "a tag", "a Cyrillic letter"],
)
def test_addresses_that_only_look_alike_are_two_readers(store: Store, one: str, other: str) -> None:
    """No provider's rules are guessed: the other one may be somebody else."""
    for typed in (one, other):
        try:
            address = read_address(typed)
        except AddressError:
            return  # refused is no doubling either
        take_in(store, [reader(0)._replace(address=address.typed, canonical=address.canonical)])
    assert freeze(store).planned == 2


def test_an_unsubscribe_is_written_while_a_send_runs_and_counts_from_then_on(store: Store, tmp_path: Path) -> None:
    """F46: the other connection is not kept waiting by the sender's."""
    frozen = audience(store, 6)
    process = start(store, frozen)
    process.claim(2)
    other = open_store(url_of(store), tmp_path / "newsletter.key")
    unsubscribe(other, reader(3).canonical, source="a link", now=NOW)
    other.close()
    assert number_of(store, reader(3).canonical) not in {claim.subscriber_id for claim in process.claim(9)}
    process.end()


def test_a_statement_of_the_ledger_is_never_sent_outside_of_a_transaction(sqlite: Store) -> None:
    """What is read and what is then written belong together: nobody may write in between (D9)."""
    frozen = audience(sqlite, 3)
    process = start(sqlite, frozen)
    seen: list[str] = []
    process.ledger.driver.connection.driver_connection.set_trace_callback(seen.append)
    process.claim(2)
    assert seen[0].strip() == "BEGIN IMMEDIATE"
    assert seen[-1].strip() == "COMMIT"
    process.end()
