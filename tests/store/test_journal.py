"""What was accepted is not forgotten when the database cannot take it: it is kept aside and written at the next start (D20)."""

import os
import stat
import zlib
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.model import Claim, Outcome
from newsletter.store import issues
from newsletter.store.database import Store, StoreError
from newsletter.store.journal import Journal
from newsletter.store.lease import LEASE_S, LeaseLost
from newsletter.store.ledger import Ledger
from tests.databases import NOW
from tests.store.desk import (
    HOUR,
    Process,
    Uptime,
    accepted,
    audience,
    break_connection,
    counted,
    deferred,
    freeze,
    rejected,
    start,
)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """A journal that has its room."""
    made = Journal(tmp_path / "journal")
    made.prepare()
    return made


class Replayed(Ledger):
    """A ledger that only remembers what is replayed."""

    def __init__(self) -> None:
        self.found: list[tuple[int, int]] = []

    def replay(self, accepted: Sequence[tuple[int, int]], now: object) -> None:
        self.found += accepted


def kept(journal: Journal, issue: int) -> list[tuple[int, int]]:
    """What a start would find, and finds only once."""
    ledger = Replayed()
    count = journal.replay(ledger, issue, NOW)
    assert count == len(ledger.found)
    return ledger.found


def taken(number: int, code: int = 250) -> Outcome:
    """Accepted by the relay."""
    return accepted(Claim(number, 1, 0, 0, 0, ""))._replace(code=code)


def fail_with(journal: Journal, process: Process, issue: int, outcomes: list[Outcome]) -> None:
    """The database takes nothing any more, in the middle of a send; then the process ends."""
    break_connection(process.ledger)
    with pytest.raises(StoreError):
        journal.guard(process.ledger, issue).turn(outcomes, 2, NOW)
    process.die()


# --- the file -----------------------------------------------------------------------------------------------------


def test_the_journal_takes_its_room_before_anything_is_sent_and_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    for _ in range(2):
        Journal(path).prepare()
        assert path.stat().st_size == 64 * 4096
        assert path.stat().st_blocks * 512 >= 64 * 4096
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_journal_that_finds_no_room_says_so_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        Journal(tmp_path / "gone" / "journal").prepare()


def test_what_was_kept_is_found_once_and_in_order(journal: Journal) -> None:
    journal.append(1, [taken(7), taken(8, 251)])
    journal.append(1, [taken(9)])
    assert kept(journal, 1) == [(7, 250), (8, 251), (9, 250)]
    assert kept(journal, 1) == []


def test_only_what_was_accepted_is_kept(journal: Journal) -> None:
    claim = Claim(5, 1, 0, 0, 0, "")
    journal.append(1, [rejected(claim), deferred(claim, NOW), taken(6)])
    assert kept(journal, 1) == [(6, 250)]


def test_what_was_kept_of_another_issue_stays_until_that_one_is_sent(journal: Journal) -> None:
    journal.append(1, [taken(7)])
    journal.append(2, [taken(8)])
    journal.append(1, [taken(9)])
    assert kept(journal, 2) == [(8, 250)]
    journal.append(2, [taken(10)])
    assert kept(journal, 1) == [(7, 250), (9, 250)]
    assert kept(journal, 2) == [(10, 250)]


def test_a_journal_that_never_was_holds_nothing(tmp_path: Path) -> None:
    assert kept(Journal(tmp_path / "journal"), 1) == []


@given(cut=st.integers(0, 64 * 3 - 1), flipped=st.integers(0, 255))
def test_a_torn_record_ends_what_is_believed(tmp_path_factory: pytest.TempPathFactory, cut: int, flipped: int) -> None:
    """A power loss in the middle of the append: what stands before it counts, nothing that was not written does."""
    path = tmp_path_factory.mktemp("torn") / "journal"
    journal = Journal(path)
    journal.prepare()
    journal.append(1, [taken(7), taken(8), taken(9)])
    data = bytearray(path.read_bytes())
    data[cut : 64 * 3] = b"\0" * (64 * 3 - cut)
    data[cut] = flipped
    path.write_bytes(data)
    found = kept(journal, 1)
    assert found == [(7, 250), (8, 250), (9, 250)][: len(found)]
    assert len(found) >= cut // 64


def test_a_record_is_found_by_its_checksum_and_not_by_its_place(journal: Journal, tmp_path: Path) -> None:
    journal.append(1, [taken(7)])
    record = (tmp_path / "journal").read_bytes()[:22]
    assert zlib.crc32(record[:18]) == int.from_bytes(record[18:], "big")


def test_many_more_than_its_room_are_kept_too(journal: Journal) -> None:
    journal.append(1, [taken(number) for number in range(5000)])
    assert kept(journal, 1) == [(number, 250) for number in range(5000)]


# --- with the ledger (F10) ----------------------------------------------------------------------------------------


def test_what_was_accepted_while_the_disk_was_full_is_not_in_doubt_and_not_sent_again(
    store: Store, journal: Journal
) -> None:
    frozen = audience(store, 4)
    process = start(store, frozen)
    claims = process.claim(3)
    fail_with(journal, process, frozen.id, [accepted(claims[0]), accepted(claims[1])])
    assert counted(store, frozen) == {"claimed": 3, "pending": 1}

    process = start(store, frozen, journal=journal)
    assert process.recovered == 1
    assert counted(store, frozen) == {"accepted": 2, "pending": 2}
    assert [address for address, _, _ in issues.in_doubt_list(store, frozen)] == [claims[2].address]
    assert {claim.address for claim in process.claim(9)}.isdisjoint({claims[0].address, claims[1].address})
    process.end()


def test_what_was_refused_while_the_disk_was_full_is_in_doubt(store: Store, journal: Journal) -> None:
    """It may be sent again: that does no harm."""
    frozen = audience(store, 1)
    process = start(store, frozen)
    fail_with(journal, process, frozen.id, [rejected(process.claim(1)[0])])
    process = start(store, frozen, journal=journal)
    assert (process.recovered, counted(store, frozen)) == (1, {"pending": 1})
    process.end()


def test_another_issue_that_is_sent_first_does_not_cost_the_journal(store: Store, journal: Journal) -> None:
    frozen = audience(store, 1)
    other = freeze(store, "2026-11-extra", edition="extra")
    process = start(store, frozen)
    fail_with(journal, process, frozen.id, [accepted(process.claim(1)[0])])
    start(store, other, journal=journal).end()
    process = start(store, frozen, journal=journal)
    assert (process.recovered, counted(store, frozen)) == (0, {"accepted": 1})
    process.end()


def test_a_replay_changes_only_what_is_still_claimed(store: Store, journal: Journal) -> None:
    frozen = audience(store, 2)
    process = start(store, frozen)
    first, second = process.claim(2)
    process.turn([accepted(first), deferred(second, NOW + HOUR)])
    journal.append(frozen.id, [accepted(first), accepted(second), taken(999)])
    process.end()
    start(store, frozen, journal=journal).end()
    assert counted(store, frozen) == {"accepted": 1, "deferred": 1}


def test_what_a_late_process_had_accepted_is_kept_although_it_may_change_nothing(
    store: Store, journal: Journal
) -> None:
    frozen = audience(store, 1)
    late = start(store, frozen)
    (claim,) = late.claim(1)
    successor = start(store, frozen, now=NOW + HOUR, uptime=Uptime(Uptime().seconds + LEASE_S))
    with pytest.raises(LeaseLost):
        journal.guard(late.ledger, frozen.id).turn([accepted(claim)], 1, NOW + HOUR)
    assert counted(store, frozen) == {"pending": 1}
    late.die()
    successor.end()
    assert kept(journal, frozen.id) == [(claim.subscriber_id, 250)]


def test_a_guarded_ledger_that_can_write_keeps_nothing_aside(store: Store, journal: Journal) -> None:
    frozen = audience(store, 2)
    process = start(store, frozen)
    guarded = journal.guard(process.ledger, frozen.id)
    (claim,) = guarded.turn([], 1, NOW).claims
    assert len(guarded.turn([accepted(claim)], 1, NOW).claims) == 1
    assert kept(journal, frozen.id) == []
    process.end()


def test_the_journal_is_on_the_disk_when_it_is_said_to_be(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[int] = []
    real = os.open

    def watch(path: str, flags: int, mode: int = 0o777) -> int:
        opened.append(flags)
        return real(path, flags, mode)

    monkeypatch.setattr(os, "open", watch)
    journal.append(1, [taken(7)])
    assert opened
    assert opened[0] & os.O_DSYNC == os.O_DSYNC
