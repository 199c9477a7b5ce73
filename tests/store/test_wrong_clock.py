"""What was put off while the clock was wrong comes back when it is right again, and not a month later (F44)."""

from datetime import timedelta

from newsletter.store import issues
from newsletter.store.database import Store
from newsletter.store.transactional_mail import Letter, begin_letter, end_letter, queue_letter
from tests.databases import NOW
from tests.store.desk import HOUR, audience, deferred, start

MONTH = timedelta(days=30)


def test_c8_a_try_that_was_put_off_by_a_clock_a_month_ahead_is_made_when_it_is_right_again(store: Store) -> None:
    frozen = audience(store, 2, expires_at=NOW + 2 * MONTH)
    process = start(store, frozen, now=NOW + MONTH)
    one, two = process.claim(2, NOW + MONTH)
    process.turn([deferred(one, NOW + MONTH + HOUR), deferred(two, NOW + HOUR)], now=NOW + MONTH)
    process.end()
    assert issues.next_due(store, frozen) == NOW + HOUR
    process = start(store, frozen)
    assert [claim.subscriber_id for claim in process.claim(9)] == [one.subscriber_id]
    process.end()


def test_what_waits_for_another_time_zone_is_not_taken_for_it(store: Store) -> None:
    frozen = audience(store, 1)
    process = start(store, frozen)
    (claim,) = process.claim(1)
    process.turn([deferred(claim, NOW + 26 * HOUR)])
    process.end()
    process = start(store, frozen)
    assert process.claim(9) == []
    assert issues.next_due(store, frozen) == NOW + 26 * HOUR
    process.end()


def test_c8_a_letter_that_was_put_off_by_a_clock_a_month_ahead_is_sent_when_it_is_right_again(store: Store) -> None:
    with store.writing() as connection:
        queue_letter(connection, Letter(kind="alert", text="x"), NOW + MONTH)
    letter = begin_letter(store, NOW)
    assert letter
    end_letter(store, letter, "waiting", NOW + 24 * HOUR)
    assert begin_letter(store, NOW) is None
