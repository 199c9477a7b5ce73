"""Rates: never exceeded over any hour, whatever restarts and whatever the clock does (D40-D42, F55)."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.store import issues
from newsletter.store.database import Store
from newsletter.store.limits import Limit, read_limit
from tests.databases import NOW
from tests.store.desk import HOUR, accepted, audience, deferred, freeze, make_empty, reader, start, take_in

SECOND = timedelta(seconds=1)
RATES = st.builds(
    lambda count, unit: read_limit("test", f"{count}/{unit}"), st.integers(1, 5000), st.sampled_from(["s", "min", "h"])
)


def most_in_any(span: timedelta, times: list[datetime]) -> int:
    """The most of these moments that lie within a span, both of its ends counted."""
    times = sorted(times)
    most = first = 0
    for last, moment in enumerate(times):
        while moment - times[first] > span:
            first += 1
        most = max(most, last - first + 1)
    return most


def draw(limit: Limit, tokens: float, before: datetime, now: datetime, wanted: int) -> tuple[float, int]:
    """What the ledger does with a bucket."""
    tokens = limit.refill(tokens, before, now)
    taken = min(wanted, int(tokens))
    return tokens - taken, taken


@pytest.mark.parametrize(
    ("rate", "count", "seconds"), [("14/s", 14, 1), ("500/min", 500, 60), ("20000/h", 20000, 3600), ("1/h", 1, 3600)]
)
def test_a_rate_is_read(rate: str, count: int, seconds: int) -> None:
    assert read_limit("x", rate) == Limit("x", count, seconds)


@pytest.mark.parametrize("rate", ["", "0/s", "14", "14/d", "-1/s", "1.5/s", "14/s ", "14/s\n"])
def test_what_is_no_rate_is_none(rate: str) -> None:
    assert read_limit("x", rate) is None


@given(limit=RATES, steps=st.lists(st.tuples(st.floats(0, 5000), st.integers(1, 6000)), max_size=60))
def test_no_span_of_time_sees_more_than_the_rate(limit: Limit, steps: list[tuple[float, int]]) -> None:
    tokens, before, now = 0.0, datetime.min.replace(tzinfo=UTC), NOW
    sent: list[datetime] = []
    for seconds, wanted in steps:
        now += timedelta(seconds=seconds)
        tokens, taken = draw(limit, tokens, before, now, wanted)
        before = now
        sent += [now] * taken
    assert most_in_any(timedelta(seconds=limit.seconds), sent) <= limit.count


@given(limit=RATES, jumps=st.lists(st.sampled_from([-30, -1, 1, 30, 365]), min_size=1, max_size=20))
def test_a_jump_of_the_clock_gives_no_more_than_the_bucket_holds(limit: Limit, jumps: list[int]) -> None:
    """In truth no time passes: each jump is worth one bucket at most, a jump back nothing."""
    now, tokens = NOW, 0.0
    for days in jumps:
        after = limit.refill(tokens, now, now + timedelta(days=days))
        assert after <= limit.capacity
        assert days > 0 or after == tokens
        now, tokens = now + timedelta(days=days), 0.0


@given(limit=RATES, tokens=st.floats(0, 0.999))
def test_after_the_wait_that_is_told_one_message_may_leave(limit: Limit, tokens: float) -> None:
    later = NOW + timedelta(seconds=limit.wait(tokens)) + timedelta(microseconds=2)
    assert int(limit.refill(tokens, NOW, later)) >= 1


@given(limit=RATES)
def test_a_rate_is_used_up_to_its_half_at_least(limit: Limit) -> None:
    assert limit.capacity >= 1
    assert limit.per_second * limit.seconds >= limit.count / 2


# --- in the ledger ------------------------------------------------------------------------------------------------

HUNDRED = Limit("the relay: 100/h", 100, 3600)


@pytest.mark.parametrize("seed", range(2))
def test_a_hundred_an_hour_are_a_hundred_in_any_hour_across_restarts(quick_store: Store, seed: int) -> None:
    """F55. Each process is stopped or killed at a random moment; some of what it claims goes back."""
    import random

    dice = random.Random(seed)
    make_empty(quick_store)
    frozen = audience(quick_store, 400)
    now, sent = NOW, []
    while now < NOW + 3 * HOUR:
        process = start(quick_store, frozen, now=now, limit=HUNDRED)
        for _ in range(dice.randint(1, 30)):
            claims = process.claim(dice.choice([1, 10, 200, 200]), now)
            sent += [now] * len(claims)
            process.turn([accepted(claim) for claim in claims if dice.random() < 0.9], now=now)
            now += dice.choice([SECOND, 40 * SECOND, 90 * SECOND])
        process.die()
        now += dice.choice([SECOND, 60 * SECOND])
    assert 80 <= most_in_any(HOUR, sent) <= 100
    assert issues.read_books(quick_store, frozen).balanced


@pytest.mark.parametrize("jump", [-HOUR, 30 * 24 * HOUR], ids=["back", "ahead"])
def test_a_clock_that_jumps_does_not_fill_the_bucket_beyond_its_size(store: Store, jump: timedelta) -> None:
    frozen = audience(store, 50, expires_at=NOW + 100 * 24 * HOUR)
    process = start(store, frozen, limit=HUNDRED)
    assert len(process.claim(50)) == 5
    assert len(process.claim(50, NOW + jump)) == (5 if jump > timedelta() else 0)
    process.end()


def test_what_slows_a_send_down_is_said_and_for_how_long(store: Store) -> None:
    frozen = audience(store, 50)
    process = start(store, frozen, limit=HUNDRED)
    process.claim(50)
    turn = process.turn((), 50)
    assert (list(turn.claims), turn.held_by) == ([], "the relay: 100/h")
    assert turn.wait_s == pytest.approx(3600 / 95)
    assert len(process.claim(50, NOW + timedelta(seconds=turn.wait_s or 0) + SECOND)) == 1
    process.end()


def lanes_of(store: Store, *, gmail: int, others: int) -> "issues.FrozenIssue":
    rows = [reader(number, address=f"g{number}@gmail.com") for number in range(gmail)]
    take_in(store, rows + [reader(number) for number in range(others)])
    return freeze(store, lanes=[["gmail.com"]])


TWENTY = Limit("gmail.com: 20/h", 20, 3600)


def test_a_provider_without_tokens_does_not_hold_up_the_others(store: Store) -> None:
    """D42."""
    frozen = lanes_of(store, gmail=10, others=5)
    process = start(store, frozen, lanes=[TWENTY])
    turn = process.turn((), 9)
    assert sorted(claim.lane for claim in turn.claims) == [0, 0, 0, 0, 0, 1]
    assert turn.held_by == ""
    assert process.turn((), 9).held_by == "gmail.com: 20/h"
    process.end()


def test_deferred_rows_of_a_provider_without_tokens_do_not_hold_up_the_others(store: Store) -> None:
    frozen = lanes_of(store, gmail=4, others=4)
    process = start(store, frozen, lanes=[Limit("gmail.com: 9000/h", 9000, 3600)])
    claims = sorted(process.claim(9), key=lambda claim: claim.address)  # gmail's first
    outcomes = [deferred(claim, NOW + (index + 1) * SECOND) for index, claim in enumerate(claims)]
    process.turn(outcomes)
    process.end()
    process = start(store, frozen, lanes=[TWENTY])
    later = NOW + 20 * SECOND
    first = process.claim(2, later)
    second = process.claim(2, later)
    third = process.claim(2, later)
    assert sorted(claim.lane for claim in [*first, *second, *third]) == [0, 0, 0, 0, 1]
    process.end()


def test_a_throttle_that_was_taken_out_of_the_settings_strands_nobody(store: Store) -> None:
    rows = [reader(0, address=f"{name}@{name}.test") for name in ("one", "two", "three", "four")]
    take_in(store, rows)
    frozen = freeze(store, lanes=[["one.test"], ["two.test"], ["three.test"]])
    for lanes in ([TWENTY], []):
        process = start(store, frozen, lanes=lanes)
        assert len(process.claim(9)) == 4
        process.die()


@pytest.mark.parametrize("options", [{"limit": TWENTY}, {"lanes": [TWENTY]}], ids=["the relay", "a provider"])
def test_nobody_waits_for_tokens_when_nothing_is_left_to_send(store: Store, options: dict[str, object]) -> None:
    take_in(store, [reader(0, address="g@gmail.com")])
    frozen = freeze(store, lanes=[["gmail.com"]])
    process = start(store, frozen, **options)  # type: ignore[arg-type]
    claims = process.claim(5)
    process.turn([accepted(claim) for claim in claims])
    # The first asking may not know yet that this was the last one; after the tokens' wait it does.
    now = NOW + timedelta(minutes=10)
    process.turn((), 5, now)
    process.turn((), 5, now)
    turn = process.turn((), 5, now)
    assert (list(turn.claims), turn.wait_s, turn.held_by) == ([], None, "")
    process.end()


def test_a_later_try_is_waited_for_also_when_the_limit_leaves_little_room(store: Store) -> None:
    frozen = audience(store, 1)
    process = start(store, frozen, limit=Limit("the relay: 14/s", 14, 1))
    (claim,) = process.claim(1)
    process.turn([deferred(claim, NOW + 20 * SECOND)])
    turns = [process.turn((), 5, NOW + 3 * SECOND) for _ in range(3)]
    assert turns[-1].wait_s == 17
    assert turns[-1].held_by == ""
    process.end()
