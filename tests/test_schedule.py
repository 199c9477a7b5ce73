"""The next day of a schedule, in the publication's zone, also where clocks change."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from newsletter.model import Edition
from newsletter.schedule import next_day, publication_moment

BERLIN = ZoneInfo("Europe/Berlin")


def edition(schedule: str) -> Edition:
    return Edition(slug="w", title="W", themes=("a",), schedule=schedule)


@pytest.mark.parametrize(
    ("schedule", "now", "day"),
    [
        ("mon 07:00", "2025-07-08T10:00", date(2025, 7, 14)),
        ("mon 07:00", "2025-07-07T10:00", date(2025, 7, 7)),
        ("mon 07:00", "2025-07-06T22:30", date(2025, 7, 7)),
        ("mon,thu 07:00", "2025-07-08T10:00", date(2025, 7, 10)),
        ("sun 02:30", "2027-03-27T12:00", date(2027, 3, 28)),
        ("sun 02:30", "2027-10-30T12:00", date(2027, 10, 31)),
        ("mon 07:00", "2026-12-29T12:00", date(2027, 1, 4)),
        ("", "2025-07-08T23:30", date(2025, 7, 9)),
    ],
)
def test_next_days(schedule: str, now: str, day: date) -> None:
    assert next_day(edition(schedule), datetime.fromisoformat(now).replace(tzinfo=UTC), BERLIN) == day


def test_an_issue_is_published_at_the_schedules_time() -> None:
    assert publication_moment(edition("mon 07:00"), date(2025, 7, 7), BERLIN).isoformat() == "2025-07-07T07:00:00+02:00"
    assert publication_moment(None, date(2025, 1, 6), BERLIN).isoformat() == "2025-01-06T00:00:00+01:00"
