"""Who was in doubt twice goes alone: only a mail that was alone under way is held, and its neighbours are sent (F50)."""

import random
import re
from collections import Counter
from collections.abc import Sequence

import pytest
from sqlalchemy import select, update

from newsletter.delivery.retry import ALONE_IN_CRASHES, MOST_DOUBTS, MOST_OTHERS, after_doubt
from newsletter.model import SUSPECT_DOUBTS, Claim, Doubts, Outcome
from newsletter.store import issues, ledger
from newsletter.store.database import Store
from newsletter.store.issues import FrozenIssue
from newsletter.store.schema import delivery
from newsletter.store.subscribers import unsubscribe
from tests.databases import NOW, new_store
from tests.store.desk import HOUR, accepted, audience, counted, deferred, reader, start, states
from tests.store.test_limits import TWENTY

WINDOW = 40  # ten connections with four messages each
CRASHES_OF_POISON = 2 + ALONE_IN_CRASHES  # twice among others, then alone


def crash(store: Store, frozen: FrozenIssue, poison: frozenset[int], window: int = WINDOW) -> bool:
    """Send until a poison mail is under way and ends the process. False if all was sent."""
    process = start(store, frozen)
    outcomes: list[Outcome] = []
    while claims := process.turn(outcomes, window).claims:
        if poison & {claim.subscriber_id for claim in claims}:
            process.die()
            return True
        outcomes = [accepted(claim) for claim in claims]
    process.end()
    return False


def numbers(store: Store, frozen: FrozenIssue) -> list[int]:
    return sorted(states(store, frozen))


def state_of(store: Store, frozen: FrozenIssue, state: str) -> set[int]:
    return {number for number, one in states(store, frozen).items() if one == state}


@pytest.mark.parametrize("poisons", [1, 2, 4])
def test_c6_a_mail_that_ends_the_process_is_held_and_all_its_neighbours_are_sent(store: Store, poisons: int) -> None:
    frozen = audience(store, 3 * WINDOW)
    poison = frozenset(numbers(store, frozen)[5 : 5 + poisons])
    crashes = 0
    while crash(store, frozen, poison):
        crashes += 1
        assert crashes < 50
        assert not state_of(store, frozen, "held") - poison
    assert state_of(store, frozen, "held") == poison
    assert counted(store, frozen) == {"held": poisons, "accepted": 3 * WINDOW - poisons}
    # Each of several needs one more try for each of the others.
    assert crashes <= 2 + poisons * (ALONE_IN_CRASHES + poisons - 1)
    if poisons == 1:
        assert crashes == CRASHES_OF_POISON


def test_c6_neighbours_of_a_poison_mail_are_sent_before_it_is_tried_again(store: Store) -> None:
    frozen = audience(store, WINDOW)
    poison = frozenset(numbers(store, frozen)[:1])
    for accepted_count in (0, 0, 0, WINDOW - 1):
        assert crash(store, frozen, poison)
        assert len(state_of(store, frozen, "accepted")) == accepted_count


@pytest.mark.parametrize("seed", range(4))
def test_c6_kills_from_outside_hold_nobody(store: Store, seed: int) -> None:
    """kill -9 again and again soon after a process has begun to send: every claim may be under way when it comes."""
    dice = random.Random(seed)
    frozen = audience(store, 100)
    kills = 0
    while True:
        process = start(store, frozen)
        before = kills
        outcomes: list[Outcome] = []
        under_way: list[Claim] = []
        for _ in range(dice.randrange(1, 5) if kills < 60 else 10_000):
            claims = process.turn(outcomes, WINDOW - len(under_way)).claims
            under_way += claims
            if not under_way:
                break
            outcomes = [accepted(under_way.pop(dice.randrange(len(under_way)))) for _ in range(min(8, len(under_way)))]
        else:
            kills += 1
            process.die()
        if kills == before:
            process.end()
            break
    assert kills > 10
    assert counted(store, frozen) == {"accepted": 100}


def test_c6_a_suspect_is_claimed_when_nothing_else_is_and_nothing_is_claimed_beside_it(store: Store) -> None:
    frozen = audience(store, 6)
    first, second, *rest = numbers(store, frozen)
    make_suspects(store, first, second)
    process = start(store, frozen)
    claims = process.claim(9)
    assert [claim.subscriber_id for claim in claims] == rest
    assert process.claim(9) == []  # four are under way
    turn = process.turn([accepted(claim) for claim in claims[:3]], 9)
    assert list(turn.claims) == []
    assert turn.wait_s is not None  # there is more to come
    (alone,) = process.turn([accepted(claims[3])], 9).claims
    assert (alone.subscriber_id, alone.doubts, alone.alone, alone.others) == (first, 2, 0, 0)
    assert process.claim(9) == []
    (alone,) = process.turn([accepted(alone)], 9).claims
    assert alone.subscriber_id == second
    turn = process.turn([accepted(alone)], 9)
    assert (list(turn.claims), turn.wait_s) == ([], None)
    process.end()
    assert counted(store, frozen) == {"accepted": 6}


def make_suspects(store: Store, *subscribers: int, **values: object) -> None:
    """As version 0.1 left them: in doubt twice, nobody knows in whose company."""
    with store.writing() as connection:
        mine = delivery.c.subscriber_id.in_(subscribers)
        connection.execute(update(delivery).where(mine).values({"doubts": 2, **values}))


@pytest.mark.parametrize("doubts", [2, 3, 9])
def test_c6_doubts_of_an_older_version_hold_nobody_by_their_number(store: Store, doubts: int) -> None:
    """It did not keep who was alone: also those that wait in doubt under another policy go alone, and are not held."""
    frozen = audience(store, 3)
    one, two, _ = numbers(store, frozen)
    make_suspects(store, one, doubts=doubts)
    make_suspects(store, two, doubts=doubts, state="in_doubt")
    assert not crash(store, frozen, frozenset())
    assert counted(store, frozen) == {"accepted": 3}


def test_c6_claims_that_an_older_version_left_are_not_alone(store: Store) -> None:
    frozen = audience(store, 4)
    make_suspects(store, *numbers(store, frozen), state="claimed", epoch=0)
    process = start(store, frozen)
    assert process.recovered == 4
    assert counted(store, frozen) == {"pending": 4}
    assert [len(process.claim(9)), len(process.claim(9))] == [1, 0]
    process.end()


def test_c6_what_a_person_held_before_stays_held(store: Store) -> None:
    frozen = audience(store, 2)
    make_suspects(store, numbers(store, frozen)[0], doubts=3, state="held")
    assert not crash(store, frozen, frozenset())
    assert counted(store, frozen) == {"held": 1, "accepted": 1}


def test_c6_who_was_released_by_a_person_is_no_suspect_any_more(store: Store) -> None:
    frozen = audience(store, 2)
    make_suspects(store, *numbers(store, frozen), doubts=4, alone=2, state="held")
    issues.resend(store, frozen, "held", NOW + HOUR)
    process = start(store, frozen)
    assert [(claim.doubts, claim.alone) for claim in process.claim(9)] == [(0, 0)] * 2
    process.end()


def test_c6_two_crashes_without_a_start_between_them_are_told_apart(store: Store) -> None:
    """Each left one row: each was alone in its process."""
    frozen = audience(store, 2)
    make_suspects(store, numbers(store, frozen)[0], state="claimed", epoch=-1)
    make_suspects(store, numbers(store, frozen)[1], state="claimed", epoch=0)
    start(store, frozen, policy="hold").end()
    with store.reading() as connection:
        assert connection.execute(select(delivery.c.alone)).scalars().all() == [1, 1]


def test_a_suspect_that_is_put_off_is_tried_again_alone_at_its_time(store: Store) -> None:
    frozen = audience(store, 2)
    suspect, other = numbers(store, frozen)
    make_suspects(store, suspect)
    process = start(store, frozen)
    (claim,) = process.claim(9)
    assert claim.subscriber_id == other
    (alone,) = process.turn([accepted(claim)], 9).claims
    turn = process.turn([deferred(alone, NOW + HOUR)], 9)
    assert (list(turn.claims), turn.wait_s) == ([], 3600)
    (alone,) = process.claim(9, NOW + 2 * HOUR)
    assert (alone.subscriber_id, alone.attempt) == (suspect, 2)
    process.end()


def test_a_suspect_who_has_left_is_not_mailed_and_the_next_one_is_claimed(store: Store) -> None:
    frozen = audience(store, 2)
    make_suspects(store, *numbers(store, frozen))
    process = start(store, frozen)
    unsubscribe(store, reader(0).canonical, source="a link", now=NOW)
    (alone,) = process.claim(9)
    assert alone.address == reader(1).address
    process.turn([accepted(alone)])
    process.end()
    assert counted(store, frozen) == {"suppressed": 1, "accepted": 1}


@pytest.mark.parametrize("options", [{"limit": TWENTY}, {"lanes": [TWENTY]}], ids=["the relay", "a provider"])
def test_suspects_too_wait_for_a_limit_and_the_pass_is_not_over(store: Store, options: dict[str, object]) -> None:
    frozen = audience(store, 2, lanes=[["example.org"]])
    make_suspects(store, numbers(store, frozen)[0])
    process = start(store, frozen, **options)  # type: ignore[arg-type]
    (other,) = process.claim(9)  # it takes the only token
    turn = process.turn([accepted(other)], 9)
    assert list(turn.claims) == []
    assert turn.wait_s
    assert turn.held_by == TWENTY.name
    (alone,) = process.claim(9, NOW + HOUR)
    assert alone.doubts == 2
    process.end()


def test_c6_mails_that_broke_connections_alone_count_for_each_other(store: Store) -> None:
    """What the ledger tells of others is what the database says, before and after a start."""
    frozen = audience(store, 3)
    make_suspects(store, *numbers(store, frozen))
    process = start(store, frozen)
    seen = []
    outcomes: Sequence[Outcome] = ()
    for _ in range(3):
        (claim,) = process.turn(outcomes, 9).claims
        seen.append((claim.alone, claim.others))
        outcomes = [accepted(claim)._replace(state="pending", doubts=claim.doubts + 1, alone=1, label="in_doubt")]
    process.turn(outcomes)
    assert seen == [(0, 0), (0, 1), (0, 2)]
    process.end()
    process = start(store, frozen)
    (claim,) = process.claim(9)
    assert (claim.alone, claim.others) == (1, 2)
    process.end()


@pytest.mark.parametrize(
    ("policy", "doubts", "crashed", "state"),
    [
        ("resend", Doubts(1), True, "pending"),
        ("resend", Doubts(2, 2), True, "pending"),
        ("resend", Doubts(3), True, "pending"),
        ("resend", Doubts(100), True, "pending"),
        ("resend", Doubts(3, 1), True, "pending"),
        ("resend", Doubts(3, 2), True, "held"),
        ("resend", Doubts(3, 1), False, "held"),
        ("resend", Doubts(9, 2, 1), True, "pending"),
        ("resend", Doubts(9, 3, 1), True, "held"),
        ("resend", Doubts(9, 2 + MOST_OTHERS, 1000), True, "held"),
        ("hold", Doubts(9, 9), True, "in_doubt"),
        ("skip", Doubts(9, 9), False, "in_doubt"),
    ],
)
def test_c6_when_a_mail_in_doubt_is_held_is_a_table(policy: str, doubts: Doubts, crashed: bool, state: str) -> None:
    assert after_doubt(policy, doubts, crashed=crashed) == state


def test_a_reader_who_is_the_only_one_is_held_after_three_crashes(store: Store) -> None:
    frozen = audience(store, 1)
    crashes = 0
    while crash(store, frozen, frozenset(numbers(store, frozen))):
        crashes += 1
    assert crashes == MOST_DOUBTS
    assert counted(store, frozen) == {"held": 1}
    assert Counter(address for address, _, _ in issues.in_doubt_list(store, frozen)) == {reader(0).address: MOST_DOUBTS}


def test_statements_and_index_have_the_same_number_of_doubts_as_the_program(store: Store) -> None:
    numbers = re.findall(r"doubts (?:<|>=) (\d+)", " ".join(str(value) for value in vars(ledger).values()))
    assert len(numbers) >= 5
    assert set(numbers) == {str(SUSPECT_DOUBTS)}
    query = (
        "SELECT sql FROM sqlite_master WHERE name = 'delivery_suspect'"
        if store.is_sqlite
        else "SELECT indexdef FROM pg_indexes WHERE indexname = 'delivery_suspect'"
    )
    with store.reading() as connection:
        assert f"doubts >= {SUSPECT_DOUBTS}" in connection.exec_driver_sql(query).scalar_one()


def test_suspects_are_found_by_their_own_index(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing is read of the million others."""
    store = new_store("sqlite", tmp_path_factory.mktemp("plan"))
    for statement, values in (
        (ledger._SUSPECT.format(lanes=""), (1, "2026")),
        (ledger._NEXT_SUSPECT, (1,)),
    ):
        with store.reading() as connection:
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
        assert "USING INDEX delivery_suspect (issue_id=?" in plan[0]
        assert not [line for line in plan if "SCAN" in line or "TEMP B-TREE" in line]
    store.close()
