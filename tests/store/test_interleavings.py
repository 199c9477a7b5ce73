"""Somebody leaves while an issue is being sent: once that is written, nothing is claimed for them any more (F46)."""

import itertools
import random
import threading
from collections.abc import Sequence

import pytest

from newsletter.store import issues
from newsletter.store.database import Store
from newsletter.store.subscribers import forget, unsubscribe
from tests.databases import NOW, new_store
from tests.store.desk import Process, accepted, freeze, make_empty, number_of, reader, start, take_in

SCHEDULES = 1000
ROUNDS = 50  # an emptied database each; the schedules of a round are issues in it
READERS = 5


def shuffled(dice: random.Random) -> list[int | str]:
    """A schedule: a number is somebody who leaves, the others are turns of the sender."""
    leavers: list[int | str] = list(dice.sample(range(READERS), dice.randint(1, 3)))
    steps = leavers + ["claim"] * dice.randint(1, 4)
    dice.shuffle(steps)
    return steps


def run_schedule(process: Process, numbers: Sequence[int], steps: Sequence[int | str], dice: random.Random) -> None:
    """Run one, and see after each turn that nobody in it had left."""
    gone: set[int] = set()
    seen: set[int] = set()
    for step in steps:
        if isinstance(step, int):
            address = reader(step).canonical
            erased = dice.random() < 0.2
            if erased:
                forget(process.store, address, NOW)
            else:
                unsubscribe(process.store, address, source="a link", now=NOW)
            gone.add(numbers[step])
        else:
            claimed = {claim.subscriber_id for claim in process.claim(dice.randint(1, 3))}
            assert not claimed & gone, steps
            assert not claimed & seen, steps
            seen |= claimed
    rest = {claim.subscriber_id for claim in process.claim(READERS)}
    assert rest == set(numbers) - gone - seen, steps


@pytest.mark.timeout(100)
def test_nobody_is_claimed_after_they_left_in_a_thousand_random_orders(quick_store: Store) -> None:
    dice = random.Random(46)
    rows = [reader(number) for number in range(READERS)]
    for _ in range(ROUNDS):
        make_empty(quick_store)
        for schedule in range(SCHEDULES // ROUNDS):
            # Those of the schedule before are gone for good: the database is theirs no more.
            with quick_store.writing() as connection:
                for table in ("subscriber", "suppression"):
                    connection.exec_driver_sql(f"DELETE FROM {table}")
            take_in(quick_store, rows)
            frozen = freeze(quick_store, f"issue-{schedule}")
            numbers = [number_of(quick_store, row.canonical) or 0 for row in rows]
            process = start(quick_store, frozen)
            run_schedule(process, numbers, shuffled(dice), dice)
            assert issues.read_books(quick_store, frozen).balanced
            process.end()


@pytest.mark.timeout(60)
def test_nobody_is_claimed_after_they_left_by_threads_on_postgresql(tmp_path: "pytest.TempPathFactory") -> None:
    """Two connections at once: what one has written before the other begins, the other must see."""
    store = new_store("postgresql", tmp_path)  # type: ignore[arg-type]
    count = 40
    for round_number in range(5):
        take_in(store, [reader(number + round_number * count) for number in range(count)])
        frozen = freeze(store, f"issue-{round_number}", edition=f"edition-{round_number}")
        _race(store, start(store, frozen), round_number * count, count)
        assert issues.read_books(store, frozen).balanced
    store.close()


def _race(store: Store, process: Process, first: int, count: int) -> None:
    clock = itertools.count()  # what comes first has the smaller number
    left: dict[int, int] = {}
    claimed: dict[int, int] = {}
    numbers = {who: number_of(store, reader(who).canonical) or 0 for who in range(first, first + count)}

    def leave() -> None:
        order = list(numbers)
        random.Random(first).shuffle(order)
        for who in order[: count * 2 // 3]:
            if not who % 3:
                forget(store, reader(who).canonical, NOW)
            else:
                unsubscribe(store, reader(who).canonical, source="a link", now=NOW)
            left[numbers[who]] = next(clock)

    leaver = threading.Thread(target=leave)
    leaver.start()
    misses = 0
    while misses < 2:
        began = next(clock)
        claims = process.claim(2)
        for claim in claims:
            assert claim.subscriber_id not in claimed
            claimed[claim.subscriber_id] = began
        process.turn([accepted(claim) for claim in claims])
        misses = 0 if claims or leaver.is_alive() else misses + 1
    leaver.join()
    process.end()
    for number, began in claimed.items():
        assert left.get(number, began) >= began
