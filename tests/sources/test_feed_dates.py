"""Dates of feeds: known forms and zones are read, and anything else is no date."""

import zoneinfo
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.sources.feed_dates import _ZONES, read_date

THIRD = datetime(2025, 7, 3, tzinfo=UTC)
TEN = THIRD.replace(hour=10)
EIGHT = THIRD.replace(hour=8)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Thu, 03 Jul 2025 10:00:00 GMT", TEN),
        ("Thu, 03 Jul 2025 10:00:00 +0000", TEN),
        ("Thu, 3 Jul 2025 10:00 Z", TEN),
        ("03 Jul 25 10:00:00 UT", TEN),
        ("Thu, 03 Jul 2025 10:00:00 CEST", EIGHT),
        ("Thu, 03 Jul 2025 10:00:00 +0200 (CEST)", EIGHT),
        ("Thu, 03 Jul 2025 03:00:00 PDT", TEN),
        ("Thu, 03 Jul 2025 05:00 EST", TEN),
        ("Thu, 03 Jul 2025 19:00:00 JST", TEN),
        ("Thu, 03 Jul 2025 20:00:00 AEST", TEN),
        ("Thu, 03 Jul 2025 13:00:00 MSK", TEN),
        ("Thu, 03 Jul 2025 12:00:00 GMT+2", TEN),
        ("Thu, 03 Jul 2025 12:00:00 UTC+02:00", TEN),
        ("Thu, 03 Jul 2025 10:00:00 PM EST", datetime(2025, 7, 4, 3, tzinfo=UTC)),
        ("Thu, 03 Jul 2025 12:05 AM", THIRD.replace(minute=5)),
        ("Thursday, 03-Jul-25 10:00:00 GMT", TEN),
        ("Thu Jul  3 10:00:00 2025", TEN),
        ("Thu Jul  3 12:00:00 CEST 2025", TEN),
        ("July 3, 2025 10:00 a.m.", TEN),
        ("July 3rd, 2025", THIRD),
        ("2025-07-03T10:00:00Z", TEN),
        ("2025-07-03T10:00:00.123456789Z", TEN),
        ("2025-07-03 12:00:00 +02:00", TEN),
        ("2025-07-03T12:00+2:00", TEN),
        ("2025-07-03T06:30-0330", TEN),
        ("2025-07-02T24:00:00Z", THIRD),
        ("2025-07-03T10:00:60Z", TEN.replace(second=59)),
        ("2025-07-03", THIRD),
        ("2025-184", THIRD),
        ("2025-W27-4", THIRD),
        ("20250703", THIRD),
        ("20250703T100000Z", TEN),
        ("2025/07/03 10:00", TEN),
        ("2025.07.03", THIRD),
        ("2025. 7. 3.", THIRD),
        ("03.07.2025 10:00", TEN),
        ("2025年7月3日", THIRD),
        ("2025年07月03日(木) 10:00", TEN),
        ("2025년 7월 3일 10:00", TEN),
        ("3. Juli 2025", THIRD),
        ("Do, 03 Jul 2025 12:00:00 MESZ", TEN),
        ("jeu., 3 juil. 2025 10:00", TEN),
        ("3 de julio de 2025", THIRD),
        ("3 июля 2025 г.".removesuffix(" г."), THIRD),
        ("Πέμ, 03 Ιουλ 2025 13:00:00 +0300", TEN),
        ("2025. július 3.", THIRD),
        ("3 lipca 2025", THIRD),
        ("1751536800", TEN),
        ("1751536800000", TEN),
        ("  Thu,\n 03 Jul 2025\t10:00:00 GMT ", TEN),
    ],
)
def test_c21_a_date_of_a_known_form_is_read(text: str, moment: datetime) -> None:
    assert read_date(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "yesterday", "4 Juli", "04/07/2025", "07/25/2025", "2025", "2025-07", "12:00", "0000-00-00 00:00:00",
        "Thu, 03 Jul 2025 10:00:00 IST", "Thu, 03 Jul 2025 10:00:00 XYZ", "Thu, 03 Jul 2025 10:00:00 CEST+2",
        "Thu, 03 Jul 2025 10:00:00 America/New_York", "Thu, 03 Jul 2025 10:00:00 +9900", "Thu, 03 Jul 2025 10:00:00 GMT and more",
        "Thu, 31 Feb 2025 10:00:00 GMT", "Thu, 03 Jul 2025 25:00:00 GMT", "Thu, 03 Jul 2025 13:00 PM", "2025-366", "2025-13-01",
        "3 Foo 2025", "3 ju 2025", "1999999999999999", "2025-07-03T10:00:00Z2025-07-03T10:00:00Z", "x" * 10_000, "1 " * 5_000,
    ],
)  # fmt: skip
def test_c21_anything_else_is_no_usable_date(text: str) -> None:
    assert read_date(text) is None


def test_c21_every_zone_by_name_has_one_offset_only() -> None:
    """RFC 822 gives its own names their meaning; of the others the time zone database must know no second one."""
    offsets: dict[str, set[int]] = {}
    for name in zoneinfo.available_timezones():
        if name.startswith(("Etc/", "US/")):
            continue
        zone = zoneinfo.ZoneInfo(name)
        for year in range(2019, 2027):
            for month in (1, 7):
                moment = datetime(year, month, 1, tzinfo=zone)
                offset = moment.utcoffset()
                assert offset is not None
                offsets.setdefault(moment.tzname() or "", set()).add(int(offset.total_seconds() // 60))
    own = "Z UT UTC GMT EST EDT CST CDT MST MDT PST PDT MEZ MESZ".split()
    wrong = {
        name: offsets.get(name)
        for name, minutes in _ZONES.items()
        if name not in own and offsets.get(name) != {minutes}
    }
    assert wrong == {}


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2099, 1, 1)).map(lambda moment: moment.replace(microsecond=0)),
    st.sampled_from([-720, -210, 0, 60, 345, 840]),
)
def test_c21_what_programs_write_is_read_back(moment: datetime, minutes: int) -> None:
    from datetime import timedelta, timezone
    from email.utils import format_datetime

    aware = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    for text in (format_datetime(aware), aware.isoformat(), aware.isoformat(" "), str(aware)):
        assert read_date(text) == aware


@given(st.text(st.sampled_from("0123456789-/:. TZ+年月日,JulMar"), max_size=40))
def test_c21_no_text_is_a_fault(text: str) -> None:
    moment = read_date(text)
    assert moment is None or moment.tzinfo is UTC
