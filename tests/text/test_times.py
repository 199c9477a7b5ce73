"""Times of the settings: what is read, and what is refused before it can mean something else."""

from contextlib import suppress
from datetime import date, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.text.times import DAYS, Weekly, Window, read_days, read_late, read_span, read_weekly, read_window

CLOCKS = st.times().map(lambda at: at.replace(second=0, microsecond=0, fold=0))
DATES = st.dates(min_value=date(1000, 1, 1))


@given(st.sets(st.integers(0, 6), min_size=1), CLOCKS)
def test_weekdays_and_a_time_are_read_as_they_are_written(weekdays: set[int], at: time) -> None:
    text = f"{','.join(DAYS[day] for day in weekdays)} {at:%H:%M}"
    assert read_weekly(text) == Weekly(frozenset(weekdays), at)


def test_weekdays_count_from_monday_like_dates_do() -> None:
    assert read_weekly("mon 07:00").weekdays == {date(2026, 11, 23).weekday()}
    assert read_weekly("sun 07:00").weekdays == {date(2026, 11, 22).weekday()}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mon",
        "07:00",
        "1 07:00",
        "Mon 07:00",
        "mon 7:00",
        "mon 24:00",
        "mon 07:60",
        "mon 07:00:00",
        "mon  07:00",
        "mon, thu 07:00",
        "mon,07:00",
        "mon-fri 07:00",
        "* 07:00",
        "0 7 * * 1",
        "mon 07:00\n",
        " mon 07:00",
        "mon 0٧:00",
    ],
)
def test_what_is_no_weekly_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="weekday names and a time"):
        read_weekly(text)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("30s", timedelta(seconds=30)),
        ("5m", timedelta(minutes=5)),
        ("6h", timedelta(hours=6)),
        ("2d", timedelta(days=2)),
        ("9999d", timedelta(days=9999)),
    ],
)
def test_spans(text: str, span: timedelta) -> None:
    assert read_span(text) == span
    assert read_late(f"send-within {text}") == span


BAD_SPANS = ["", "0s", "05m", "-5m", "5", "m", "5 m", "5M", "1w", "1.5h", "10000d", "1h30m", "5m\n", "5٣m"]


@pytest.mark.parametrize("text", BAD_SPANS)
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="30s, 5m, 6h or 2d"):
        read_span(text)
    with pytest.raises(ValueError, match="must be"):
        read_late(f"send-within {text}")


def test_late_slots_are_skipped_or_asked_about_or_have_a_limit() -> None:
    assert read_late("skip") is None
    assert read_late("ask") is None


@pytest.mark.parametrize("text", ["", "never", "send", "send-within", "6h", "Skip", "skip ", "send-within  6h"])
def test_what_else_may_become_of_a_late_slot_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        read_late(text)


@pytest.mark.parametrize(
    ("text", "weekdays", "opens", "closes"),
    [
        ("mon-fri 07:00-19:00", {0, 1, 2, 3, 4}, time(7), time(19)),
        ("mon 00:00-00:01", {0}, time(0), time(0, 1)),
        ("mon-sun 00:00-24:00", {0, 1, 2, 3, 4, 5, 6}, time(0), None),
        ("sat-mon 07:00-19:00", {5, 6, 0}, time(7), time(19)),
        ("sun-sat 07:00-19:00", {0, 1, 2, 3, 4, 5, 6}, time(7), time(19)),
        ("fri-fri 23:59-24:00", {4}, time(23, 59), None),
    ],
)
def test_windows(text: str, weekdays: set[int], opens: time, closes: time | None) -> None:
    assert read_window(text) == Window(frozenset(weekdays), opens, closes)


@given(st.integers(0, 6), st.integers(0, 6))
def test_a_window_holds_its_first_and_last_weekday_and_those_between(first: int, last: int) -> None:
    weekdays = read_window(f"{DAYS[first]}-{DAYS[last]} 07:00-19:00").weekdays
    assert {first, last} <= weekdays
    assert len(weekdays) == (last - first) % 7 + 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mon",
        "07:00-19:00",
        "mon-fri",
        "mon-fri 07:00",
        "mon-fri 19:00-07:00",
        "mon 07:00-07:00",
        "mon,tue 07:00-08:00",
        "mon 24:00-24:00",
        "mon 07:00-24:01",
        "mon 7:00-19:00",
        "mon 07:00 - 19:00",
        "mon 07:00-19:00\n",
        "mon 0٧:00-19:00",
    ],
)
def test_what_is_no_window_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="hours of one day"):
        read_window(text)


@given(DATES, DATES)
def test_days_are_one_or_a_first_and_a_last(one: date, other: date) -> None:
    first, last = sorted((one, other))
    assert read_days(first.isoformat()) == (first, first)
    assert read_days(f"{first}/{last}") == (first, last)


def test_a_leap_day_is_a_day() -> None:
    assert read_days("2028-02-29") == (date(2028, 2, 29), date(2028, 2, 29))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "2026-12-28/",
        "/2026-12-28",
        "2026-12-28/2026-12-27",
        "2026-12-28/2026-12-29/2026-12-30",
        "2026-12-28 ",
        "2027-02-29",
        "2026-13-01",
        "28.12.2026",
        "20261228",
        "2026-W53",
        "2026-W53-1",
        "2026-12-28T00:00",
        "2026-12-2٨",
    ],
)
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a day"):
        read_days(text)


@given(st.text(alphabet="montuewdhfris,- 0123456789:/smhd-within", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (read_weekly, read_span, read_late, read_window, read_days):
        with suppress(ValueError):
            read(text)
