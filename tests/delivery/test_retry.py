"""The ladder of tries."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.retry import next_try

NOW = datetime(2026, 11, 23, 7, tzinfo=UTC)


def test_a_deferred_delivery_waits_longer_each_time() -> None:
    waits = [(next_try(attempt, NOW, 0) - NOW) // timedelta(minutes=1) for attempt in range(1, 10)]
    assert waits == [5, 10, 20, 40, 80, 160, 240, 240, 240]


@given(st.integers(1, 50), st.floats(0, 1, exclude_max=True))
def test_the_dice_add_a_fifth_at_most(attempt: int, dice: float) -> None:
    wait, least = next_try(attempt, NOW, dice) - NOW, next_try(attempt, NOW, 0) - NOW
    assert least <= wait <= 1.2 * least


def test_there_is_no_wait_before_the_first_try() -> None:
    with pytest.raises(ValueError, match="first try"):
        next_try(0, NOW, 0)
