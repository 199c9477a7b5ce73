"""Somebody leaves while an issue is being sent: once that is written, nothing is claimed for them any more (F46)."""

import itertools
import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select, update

from newsletter.store import issues
from newsletter.store.database import Store
from newsletter.store.lease import take_lease
from newsletter.store.ledger import Ledger
from newsletter.store.schema import delivery, issue, subscriber
from newsletter.store.subscribers import forget, unsubscribe
from tests.databases import NOW, new_store
from tests.store.desk import Process, accepted, count_rows, freeze, make_empty, number_of, reader, start, take_in

# On PostgreSQL each step is several ways there and back; that two connections really meet is tested by threads below.
SCHEDULES = {"sqlite": 1000, "postgresql": 400}
ROUND = 50  # schedules in one database, an issue and some readers each
READERS = 4


def theme(schedule: int) -> str:
    """The readers of a schedule are those of its theme."""
    return f"theme-{schedule}"


def shuffled(dice: random.Random) -> list[int | str]:
    """A schedule: a number is somebody who leaves, the others are turns of the sender."""
    leavers: list[int | str] = list(dice.sample(range(READERS), dice.randint(1, 3)))
    steps = leavers + ["claim"] * dice.randint(1, 3)
    dice.shuffle(steps)
    return steps


def run_schedule(store: Store, ledger: Ledger, readers: dict[str, int], dice: random.Random) -> None:
    """Run one, and see after each turn that nobody in it had left."""
    gone: set[int] = set()
    seen: set[int] = set()
    steps = shuffled(dice)
    for step in steps:
        if isinstance(step, int):
            address = list(readers)[step]
            if dice.random() < 0.2:
                forget(store, address, NOW)
            else:
                unsubscribe(store, address, source="a link", now=NOW)
            gone.add(readers[address])
        else:
            claimed = {claim.subscriber_id for claim in ledger.turn((), dice.randint(1, 3), NOW).claims}
            assert not claimed & gone, steps
            assert not claimed & seen, steps
            seen |= claimed
    rest = {claim.subscriber_id for claim in ledger.turn((), READERS, NOW).claims}
    assert rest == set(readers.values()) - gone - seen, steps


@pytest.mark.usefixtures("untraced")
def test_f46_nobody_is_claimed_after_they_left_in_a_thousand_random_orders(quick_store: Store) -> None:
    dice = random.Random(46)
    for _ in range(SCHEDULES["sqlite" if quick_store.is_sqlite else "postgresql"] // ROUND):
        make_empty(quick_store)
        people = [[reader(one * READERS + n, themes=theme(one)) for n in range(READERS)] for one in range(ROUND)]
        take_in(quick_store, [row for rows in people for row in rows])
        with quick_store.reading() as connection:
            found = connection.execute(select(subscriber.c.canonical, subscriber.c.id)).all()
        numbers = {canonical: number for canonical, number in found}  # noqa: C416 - rows are not pairs to mypy
        frozen = [freeze(quick_store, theme(one), edition=theme(one), choose=_only(theme(one))) for one in range(ROUND)]
        with quick_store.writing() as connection:
            connection.execute(update(issue).values(state="sending"))
        lease = take_lease(quick_store)
        open_one = None  # a new connection for each schedule would take longer than the schedule
        for one, rows in enumerate(people):
            ledger = Ledger(quick_store, frozen[one], lease)
            ledger.driver.connection = open_one
            run_schedule(quick_store, ledger, {row.canonical: numbers[row.canonical] for row in rows}, dice)
            open_one = ledger.driver.connection
        ledger.close()
        lease.release()
        with quick_store.reading() as connection:
            states = set(connection.execute(select(delivery.c.state).distinct()).scalars())
        assert states == {"claimed", "suppressed"}
        assert count_rows(quick_store, "delivery") == ROUND * READERS


def _only(wanted: str) -> Callable[[str], str | None]:
    return lambda themes: themes if themes == wanted else None


def test_f46_nobody_is_claimed_after_they_left_by_threads_on_postgresql(tmp_path: Path) -> None:
    """Two connections at once: what one has written before the other begins, the other must see."""
    store = new_store("postgresql", tmp_path)
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
