"""Turns of the ledger: what is claimed, what is recorded, what a crash leaves, and what it costs."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from newsletter.model import FINAL, OPEN
from newsletter.store import issues, ledger
from newsletter.store.database import Store
from newsletter.store.schema import attempt, delivery
from newsletter.store.subscribers import unsubscribe
from tests.databases import NOW, new_store
from tests.store.desk import (
    HOUR,
    accepted,
    audience,
    counted,
    deferred,
    freeze,
    reader,
    rejected,
    start,
    states,
    take_in,
)

MINUTE = timedelta(minutes=1)


# --- claiming and recording ---------------------------------------------------------------------------------------


def test_nobody_is_claimed_twice(store: Store) -> None:
    frozen = audience(store, 10)
    process = start(store, frozen)
    claimed = [claim.subscriber_id for _ in range(5) for claim in process.claim(3)]
    assert sorted(claimed) == sorted(set(claimed)) == sorted(states(store, frozen))
    process.end()


def test_a_row_is_claimed_before_its_claim_is_handed_out(store: Store) -> None:
    """D9: what `claim` gives is committed, as another connection sees it."""
    frozen = audience(store, 3)
    process = start(store, frozen)
    (claim,) = process.claim(1)
    assert states(store, frozen)[claim.subscriber_id] == "claimed"
    assert (claim.attempt, claim.doubts, claim.address) == (1, 0, reader(0).address)
    process.end()


def test_replies_and_the_next_claims_are_one_transaction(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """D11: if the claim fails, the reply is not written either."""
    frozen = audience(store, 3)
    process = start(store, frozen)
    (claim,) = process.claim(1)

    def fail(*values: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(process.ledger, "_claim", fail)
        with pytest.raises(ZeroDivisionError):
            process.turn([accepted(claim)], 1)
    assert counted(store, frozen) == {"claimed": 1, "pending": 2}
    process.turn([accepted(claim)], 1)
    assert counted(store, frozen) == {"accepted": 1, "claimed": 1, "pending": 1}
    process.end()


def test_a_reply_is_kept_in_the_row_and_a_failed_try_also_in_the_log(store: Store) -> None:
    frozen = audience(store, 2)
    process = start(store, frozen)
    first, second = process.claim(2)
    process.turn([accepted(first, "2.0.0 " + "x" * 500), rejected(second, "5.1.1 unknown")], now=NOW + MINUTE)
    with store.reading() as connection:
        rows = {row.subscriber_id: row for row in connection.execute(select(delivery))}
        logged = connection.execute(select(attempt)).all()
    assert (rows[first.subscriber_id].code, len(rows[first.subscriber_id].reply)) == (250, 200)
    assert rows[first.subscriber_id].at == "2026-11-23T07:01:00Z"
    assert (rows[second.subscriber_id].reply, rows[second.subscriber_id].label) == ("5.1.1 unknown", "unknown")
    assert [(row.subscriber_id, row.state, row.phase, row.code) for row in logged] == [
        (second.subscriber_id, "rejected", "rcpt", 550)
    ]
    process.end()


def test_deferred_rows_come_back_when_their_time_has_come_the_oldest_first(store: Store) -> None:
    frozen = audience(store, 3)
    process = start(store, frozen)
    claims = process.claim(3)
    process.turn([deferred(claim, NOW + minutes * MINUTE) for claim, minutes in zip(claims, (30, 10, 20), strict=True)])
    turn = process.turn((), 3, NOW + MINUTE)
    assert (list(turn.claims), turn.wait_s) == ([], 9 * 60)
    assert [claim.subscriber_id for claim in process.claim(1, NOW + 25 * MINUTE)] == [claims[1].subscriber_id]
    (second,) = process.claim(3, NOW + 25 * MINUTE)
    assert (second.subscriber_id, second.attempt) == (claims[2].subscriber_id, 2)
    assert process.turn((), 3, NOW + 25 * MINUTE).wait_s == 5 * 60
    process.end()


def test_deferred_rows_that_are_due_come_before_new_ones(store: Store) -> None:
    frozen = audience(store, 4)
    process = start(store, frozen)
    (claim,) = process.claim(1)
    process.turn([deferred(claim, NOW + MINUTE)])
    first, _ = process.claim(2, NOW + 2 * MINUTE)
    assert first.subscriber_id == claim.subscriber_id
    process.end()


def test_a_row_that_was_given_back_is_claimed_again_in_the_same_pass(store: Store) -> None:
    frozen = audience(store, 3)
    process = start(store, frozen)
    claims = process.claim(3)
    process.turn([accepted(claims[0])._replace(state="pending", attempt=0, label="returned")])
    (again,) = process.claim(3)
    assert (again.subscriber_id, again.attempt) == (claims[0].subscriber_id, 1)
    process.end()


def test_rows_that_a_person_planned_anew_during_a_pass_are_found_before_it_ends(store: Store) -> None:
    frozen = audience(store, 2)
    process = start(store, frozen)
    process.turn([rejected(claim) for claim in process.claim(2)])
    issues.resend(store, frozen, "rejected", NOW + 24 * HOUR)
    assert process.turn((), 5).wait_s == 0
    assert len(process.claim(5)) == 2
    process.end()


def test_the_issue_ends_when_nothing_comes_by_itself_any_more(store: Store) -> None:
    frozen = audience(store, 1)
    process = start(store, frozen)
    process.turn([accepted(claim) for claim in process.claim(1)])
    turn = process.turn((), 1)
    assert (list(turn.claims), turn.wait_s, turn.state) == ([], None, "sending")
    process.end()


def test_who_left_is_passed_over_wherever_they_stand(store: Store) -> None:
    frozen = audience(store, 9)
    for who in (0, 4, 8):
        unsubscribe(store, reader(who).canonical, source="a link", now=NOW)
    process = start(store, frozen)
    assert len(process.claim(6)) == 6
    assert process.claim(6) == []
    assert counted(store, frozen) == {"claimed": 6, "suppressed": 3}
    process.end()


def test_who_leaves_while_a_later_try_waits_is_not_tried_again(store: Store) -> None:
    frozen = audience(store, 1)
    process = start(store, frozen)
    (claim,) = process.claim(1)
    process.turn([deferred(claim, NOW + MINUTE)])
    unsubscribe(store, reader(0).canonical, source="a link", now=NOW)
    assert process.claim(1, NOW + 2 * MINUTE) == []
    assert counted(store, frozen) == {"suppressed": 1}
    process.end()


def test_an_outcome_of_a_row_that_is_not_ours_changes_nothing(store: Store) -> None:
    frozen = audience(store, 2)
    process = start(store, frozen)
    (claim,) = process.claim(1)
    other = max(states(store, frozen))
    process.turn([accepted(claim), accepted(claim._replace(subscriber_id=other))])
    assert counted(store, frozen) == {"accepted": 1, "pending": 1}
    process.turn([rejected(claim)])
    assert counted(store, frozen) == {"accepted": 1, "pending": 1}
    process.end()


@given(
    outcomes=st.lists(st.sampled_from(["accepted", "rejected", "deferred", "pending", "in_doubt", "held"]), max_size=9)
)
def test_whatever_is_answered_everybody_stays_in_exactly_one_state(
    books_store: tuple[Store, Any], outcomes: list[str]
) -> None:
    store, frozen = books_store
    with store.writing() as connection:
        connection.execute(update(delivery).values(state="pending", attempt=0, doubts=0, next_at=None))
    process = start(store, frozen)
    claims = process.claim(9)
    process.turn(
        [
            deferred(claim, NOW + HOUR) if state == "deferred" else accepted(claim)._replace(state=state, label=state)
            for claim, state in zip(claims, outcomes, strict=False)
        ]
    )
    process.end()
    found = counted(store, frozen)
    assert sum(found.values()) == 9
    assert set(found) <= {*OPEN, *FINAL}
    for state in set(outcomes):
        assert found[state] == outcomes.count(state)


@pytest.fixture(scope="module")
def books_store(quick_store: Store) -> tuple[Store, Any]:
    """Nine readers and an issue."""
    from tests.store.desk import make_empty

    make_empty(quick_store)
    return quick_store, audience(quick_store, 9)


# --- after a crash (D13, D14, D21) --------------------------------------------------------------------------------


def test_a_recovery_finds_exactly_the_rows_that_were_claimed(store: Store) -> None:
    frozen = audience(store, 6)
    process = start(store, frozen)
    claims = process.claim(5)
    process.turn([accepted(claims[0]), rejected(claims[1]), deferred(claims[2], NOW + HOUR)])
    process.die()

    process = start(store, frozen, now=NOW + MINUTE)
    assert process.recovered == 2
    listed = issues.in_doubt_list(store, frozen)
    died = "the process ended before the reply was recorded"
    assert listed == [(claim.address, "2026-11-23T07:01:00Z", died) for claim in claims[3:]]
    assert counted(store, frozen) == {"accepted": 1, "rejected": 1, "deferred": 1, "pending": 3}
    process.die()
    assert start_again(store, frozen) == 0  # nothing was claimed since
    assert issues.in_doubt_list(store, frozen) == listed


def start_again(store: Store, frozen: issues.FrozenIssue) -> int:
    process = start(store, frozen)
    process.die()
    return process.recovered


def test_one_issue_s_crash_is_not_another_issue_s(store: Store) -> None:
    frozen = audience(store, 2)
    other = freeze(store, "2026-11-extra", edition="extra")
    process = start(store, frozen)
    process.claim(1)
    process.die()
    assert start_again(store, other) == 0
    assert counted(store, frozen) == {"claimed": 1, "pending": 1}
    assert start_again(store, frozen) == 1


@pytest.mark.parametrize(
    ("policy", "state"), [("resend", "pending"), ("hold", "in_doubt"), ("skip", "in_doubt")], ids=str
)
def test_what_is_in_doubt_goes_where_the_policy_says(store: Store, policy: str, state: str) -> None:
    frozen = audience(store, 1)
    process = start(store, frozen)
    process.claim(1)
    process.die()
    process = start(store, frozen, policy=policy)
    assert counted(store, frozen) == {state: 1}
    assert len(process.claim(1)) == (state == "pending")
    process.end()


def test_what_waited_in_doubt_is_sent_when_the_policy_is_changed(store: Store) -> None:
    frozen = audience(store, 1)
    process = start(store, frozen)
    process.claim(1)
    process.die()
    start(store, frozen, policy="hold").end()
    process = start(store, frozen, policy="resend")
    (claim,) = process.claim(1)
    assert (claim.attempt, claim.doubts) == (2, 1)
    assert len(issues.in_doubt_list(store, frozen)) == 1  # listed once, not for each start
    process.end()


def test_who_was_in_doubt_stays_listed_when_all_is_well_again(store: Store) -> None:
    frozen = audience(store, 1)
    process = start(store, frozen)
    process.claim(1)
    process.die()
    process = start(store, frozen)
    process.turn([accepted(claim) for claim in process.claim(1)])
    process.end()
    assert counted(store, frozen) == {"accepted": 1}
    assert [address for address, _, _ in issues.in_doubt_list(store, frozen)] == [reader(0).address]


# --- what it costs (S9) -------------------------------------------------------------------------------------------


@pytest.fixture
def sqlite_store(tmp_path_factory: pytest.TempPathFactory) -> Any:
    opened = new_store("sqlite", tmp_path_factory.mktemp("plan"))
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("statement", "values", "way"),
    [
        (ledger._PENDING.format(lane=""), (1, 5, 10), "SEARCH d USING PRIMARY KEY (issue_id=? AND subscriber_id>?)"),
        (
            ledger._PENDING.format(lane=" AND d.lane = 1"),
            (1, 5, 10),
            "SEARCH d USING PRIMARY KEY (issue_id=? AND subscriber_id>?)",
        ),
        (
            ledger._DUE.format(lanes=""),
            (1, "2026", 10),
            "SEARCH d USING INDEX delivery_deferred (issue_id=? AND next_at<?)",
        ),
        (ledger._NEXT_DUE, (1,), "SEARCH delivery USING INDEX delivery_deferred (issue_id=?)"),
        (
            ledger._CLAIM_RANGE.format(lane=""),
            (1, 1, 5, 9),
            "SEARCH delivery USING PRIMARY KEY (issue_id=? AND subscriber_id>? AND subscriber_id<?)",
        ),
        (ledger._ACCEPT, (250, "", "", 1, 5, 1), "SEARCH delivery USING PRIMARY KEY (issue_id=? AND subscriber_id=?)"),
    ],
    ids=["pending", "pending in a lane", "due", "next due", "claim", "accept"],
)
def test_a_statement_of_each_turn_finds_its_rows_by_an_index(
    sqlite_store: Store, statement: str, values: tuple[object, ...], way: str
) -> None:
    with sqlite_store.reading() as connection:
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
    assert plan[0] == way
    assert not [line for line in plan if "SCAN" in line or "TEMP B-TREE" in line]


def test_a_claim_costs_the_same_at_the_end_of_an_issue_as_at_its_beginning(sqlite_store: Store) -> None:
    frozen = audience(sqlite_store, 4000)
    process = start(sqlite_store, frozen)
    steps = [0]

    def count() -> int:
        steps[0] += 1
        return 0

    costs: list[int] = []
    outcomes: list[Any] = []
    while len(costs) < 400:
        process.ledger.driver.connection.driver_connection.set_progress_handler(count, 10)
        steps[0] = 0
        claims = process.turn(outcomes, 10).claims
        costs.append(steps[0])
        outcomes = [accepted(claim) for claim in claims]
        assert len(claims) == 10
    process.end()
    early, late = sum(costs[10:60]), sum(costs[-50:])
    assert early > 0
    assert late <= early * 1.2


# --- SQLite and its neighbours ------------------------------------------------------------------------------------


def test_a_turn_that_would_have_to_wait_says_so_and_has_done_nothing(sqlite_store: Store) -> None:
    frozen = audience(sqlite_store, 2)
    process = start(sqlite_store, frozen)
    (claim,) = process.claim(1)
    with sqlite_store.writing():
        assert process.ledger.try_turn([accepted(claim)], 1, NOW) is None
    assert counted(sqlite_store, frozen) == {"claimed": 1, "pending": 1}
    turn = process.ledger.try_turn([accepted(claim)], 1, NOW)
    assert turn is not None
    assert len(turn.claims) == 1
    assert counted(sqlite_store, frozen) == {"claimed": 1, "pending": 1}  # nothing of it counts yet
    process.ledger.commit()
    assert counted(sqlite_store, frozen) == {"accepted": 1, "claimed": 1}
    process.end()


def test_a_turn_waits_for_another_writer_and_is_not_lost(sqlite_store: Store) -> None:
    """F12."""
    frozen = audience(sqlite_store, 2)
    process = start(sqlite_store, frozen)
    assert process.ledger.try_turn([], 1, NOW) is not None  # then impatient; the next one must be patient again
    process.ledger.commit()
    holding, release = threading.Event(), threading.Event()

    def hold() -> None:
        with sqlite_store.writing():
            holding.set()
            release.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    holding.wait(10)
    threading.Timer(0.2, release.set).start()
    assert len(process.claim(1)) == 1
    holder.join()
    process.end()


def test_rows_are_taken_in_by_many_and_claimed_in_order(store: Store) -> None:
    take_in(store, [reader(number) for number in range(1200)])
    frozen = freeze(store)
    process = start(store, frozen)
    claimed = [claim.subscriber_id for _ in range(13) for claim in process.claim(100)]
    assert claimed == sorted(claimed)
    assert len(claimed) == 1200
    process.end()
