"""The calendar in the publication's zone, also where clocks, days and rules change (delivery D50-D53, F43-F45)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from io import BytesIO
from itertools import islice, pairwise
from struct import pack
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.calendar import (
    Slot,
    current_slots,
    lateness_limit,
    next_day,
    next_opening,
    publication_moment,
    skipped_by,
    slots_from,
    wall_instant,
)
from newsletter.model import Edition
from newsletter.text.times import DAYS, read_window

DAY = timedelta(days=1)
BERLIN = ZoneInfo("Europe/Berlin")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # half an hour
BEIRUT = ZoneInfo("Asia/Beirut")  # at midnight
CAIRO = ZoneInfo("Africa/Cairo")  # at midnight
APIA = ZoneInfo("Pacific/Apia")  # had no 30 December 2011
SAO_PAULO = ZoneInfo("America/Sao_Paulo")  # at midnight, until 2019
ST_JOHNS = ZoneInfo("America/St_Johns")  # at one minute past midnight, until 2011
KWAJALEIN = ZoneInfo("Pacific/Kwajalein")  # had no 21 August 1993
NEW_YORK = ZoneInfo("America/New_York")
CASABLANCA = ZoneInfo("Africa/Casablanca")  # twice a year around Ramadan
ODD = [BERLIN, NEW_YORK, LORD_HOWE, BEIRUT, CAIRO, APIA, SAO_PAULO, ST_JOHNS, KWAJALEIN, CASABLANCA]

# From 1973 on all offsets are whole minutes.
ZONES = st.sampled_from([*ODD, *map(ZoneInfo, ("UTC", "Asia/Kathmandu", "America/Havana", "Pacific/Chatham"))])
DATES = st.dates(date(1973, 1, 15), date(2040, 12, 1))
INSTANTS = st.datetimes(datetime(1973, 1, 15), datetime(2040, 12, 1), timezones=st.just(UTC))
CLOCKS = st.times().map(lambda at: at.replace(second=0, microsecond=0, fold=0))
NIGHTS = st.sampled_from([time(), time(0, 1), time(0, 30), time(2), time(2, 15), time(2, 30), time(3), time(23, 30)])
WEEKDAYS = st.sets(st.sampled_from(DAYS), min_size=1).map(lambda days: ",".join(sorted(days)))
WEEKLY = st.builds(lambda days, at: f"{days} {at:%H:%M}", WEEKDAYS, CLOCKS | NIGHTS)


def edition(schedule: str, **settings: str | tuple[str, ...] | bool) -> Edition:
    return replace(Edition(slug="w", title="W", themes=("a",), schedule=schedule), **settings)  # type: ignore[arg-type]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def change_near(zone: ZoneInfo, instant: datetime) -> datetime:
    """The first day in the half-year after it that begins with another offset, so that examples meet changes often."""
    for one, later in pairwise(instant + step * DAY for step in range(200)):
        if one.astimezone(zone).utcoffset() != later.astimezone(zone).utcoffset():
            return later
    return instant


# --- one wall time --------------------------------------------------------------------------------------------------


def search_wall(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The slow answer: minute by minute, the first one at which the clock on the wall shows that time or a later one."""
    wanted = datetime.combine(day, at)
    instant = wanted.replace(tzinfo=UTC) - timedelta(hours=26)
    while instant.astimezone(zone).replace(tzinfo=None) < wanted:
        instant += timedelta(minutes=1)
    return instant


@given(ZONES, DATES, CLOCKS | NIGHTS, st.booleans())
@example(APIA, date(2011, 12, 30), time(12), False)
@example(KWAJALEIN, date(1993, 8, 21), time(23, 59), False)
@example(ST_JOHNS, date(2011, 11, 6), time(0, 0), False)
def test_a_wall_time_is_the_first_instant_that_shows_it_or_a_later_one(
    zone: ZoneInfo, day: date, at: time, near: bool
) -> None:
    if near:
        change = change_near(zone, datetime.combine(day, time(), UTC)).astimezone(zone)
        day = change.date() - (at > time(12)) * DAY
    assert wall_instant(day, at, zone) == search_wall(day, at, zone)


@given(ZONES, INSTANTS)
def test_a_wall_time_that_exists_comes_back(zone: ZoneInfo, instant: datetime) -> None:
    wall = instant.astimezone(zone).replace(second=0, microsecond=0)
    found = wall_instant(wall.date(), wall.time(), zone)
    assert found.tzinfo is UTC
    assert found.astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None)
    assert found <= wall.astimezone(UTC)
    assert (found == wall.astimezone(UTC)) or wall.fold


@pytest.mark.parametrize(
    ("zone", "day", "at", "instant"),
    [
        (BERLIN, date(2027, 3, 28), "01:59", "2027-03-28T00:59"),
        (BERLIN, date(2027, 3, 28), "02:00", "2027-03-28T01:00"),
        (BERLIN, date(2027, 3, 28), "02:59", "2027-03-28T01:00"),
        (BERLIN, date(2027, 3, 28), "03:00", "2027-03-28T01:00"),
        (BERLIN, date(2027, 10, 31), "02:30", "2027-10-31T00:30"),
        (NEW_YORK, date(2027, 3, 14), "02:30", "2027-03-14T07:00"),
        (NEW_YORK, date(2027, 11, 7), "01:30", "2027-11-07T05:30"),
        (LORD_HOWE, date(2026, 10, 4), "02:10", "2026-10-03T15:30"),
        (LORD_HOWE, date(2027, 4, 4), "01:45", "2027-04-03T14:45"),
        (BEIRUT, date(2026, 3, 29), "00:00", "2026-03-28T22:00"),
        (CAIRO, date(2026, 4, 24), "00:30", "2026-04-23T22:00"),
        (CAIRO, date(2026, 10, 29), "23:30", "2026-10-29T20:30"),
        (SAO_PAULO, date(2018, 11, 4), "00:00", "2018-11-04T03:00"),
        (APIA, date(2011, 12, 29), "23:59", "2011-12-30T09:59"),
        (APIA, date(2011, 12, 30), "07:00", "2011-12-30T10:00"),
        (APIA, date(2011, 12, 31), "00:00", "2011-12-30T10:00"),
        (BERLIN, date(2028, 2, 29), "07:00", "2028-02-29T06:00"),
    ],
)
def test_wall_times_around_changes_of_clocks(zone: ZoneInfo, day: date, at: str, instant: str) -> None:
    assert wall_instant(day, time.fromisoformat(at), zone) == utc(instant)


def test_an_issue_is_published_at_the_schedules_time() -> None:
    assert publication_moment(edition("mon 07:00"), date(2025, 7, 7), BERLIN).isoformat() == "2025-07-07T07:00:00+02:00"
    assert publication_moment(None, date(2025, 1, 6), BERLIN).isoformat() == "2025-01-06T00:00:00+01:00"
    assert publication_moment(edition(""), date(2026, 3, 29), BEIRUT).isoformat() == "2026-03-29T01:00:00+03:00"


# --- slots ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schedule", "now", "day"),
    [
        ("mon 07:00", "2025-07-08T10:00", date(2025, 7, 14)),
        ("mon 07:00", "2025-07-06T22:30", date(2025, 7, 7)),
        ("mon,thu 07:00", "2025-07-08T10:00", date(2025, 7, 10)),
        ("sun 02:30", "2027-03-27T12:00", date(2027, 3, 28)),
        ("sun 02:30", "2027-10-30T12:00", date(2027, 10, 31)),
        ("mon 07:00", "2026-12-29T12:00", date(2027, 1, 4)),
        ("tue 07:00", "2028-02-28T12:00", date(2028, 2, 29)),
        ("", "2025-07-08T23:30", date(2025, 7, 9)),
    ],
)
def test_next_days(schedule: str, now: str, day: date) -> None:
    assert next_day(edition(schedule), utc(now), BERLIN) == day


@pytest.mark.parametrize(
    ("schedule", "zone", "first", "days"),
    [
        ("sun 02:30", BERLIN, date(2027, 3, 21), ["2027-03-21T01:30", "2027-03-28T01:00", "2027-04-04T00:30"]),
        ("sun 02:30", BERLIN, date(2027, 10, 24), ["2027-10-24T00:30", "2027-10-31T00:30", "2027-11-07T01:30"]),
        ("fri,sat 00:00", APIA, date(2011, 12, 29), ["2011-12-30T10:00", "2011-12-30T10:00", "2012-01-05T10:00"]),
        ("fri 00:00", CAIRO, date(2026, 4, 17), ["2026-04-16T22:00", "2026-04-23T22:00", "2026-04-30T21:00"]),
        ("thu 07:00", BERLIN, date(2026, 12, 24), ["2026-12-24T06:00", "2026-12-31T06:00", "2027-01-07T06:00"]),
        ("mon 07:00", BERLIN, date(2020, 12, 21), ["2020-12-21T06:00", "2020-12-28T06:00", "2021-01-04T06:00"]),
        ("tue 07:00", BERLIN, date(2028, 2, 22), ["2028-02-22T06:00", "2028-02-29T06:00", "2028-03-07T06:00"]),
    ],
    ids=["gap", "repeat", "missing day", "midnight gap", "year's end", "53rd week", "leap day"],
)
def test_slots_where_the_calendar_is_odd(schedule: str, zone: ZoneInfo, first: date, days: list[str]) -> None:
    slots = list(islice(slots_from(edition(schedule), first, zone), 3))
    assert [slot.at for slot in slots] == [utc(day) for day in days]
    assert len({slot.name for slot in slots}) == 3


def test_a_year_of_53_weeks_has_a_slot_in_each() -> None:
    slots = [slot for slot in slots_from(edition("mon 07:00"), date(2026, 1, 1), BERLIN) if slot.day.year == 2026]
    weeks = [slot.day.isocalendar().week for slot in slots]
    assert weeks == list(range(2, 54))
    assert slots[-1].day == date(2026, 12, 28)


def test_a_slot_is_named_by_its_day_and_issue() -> None:
    slot = next(slots_from(edition("mon 07:00"), date(2026, 11, 23), BERLIN))
    assert (slot.name, slot.issue) == ("w/2026-11-23", "2026-11-23-w")


def test_without_a_schedule_there_are_no_slots() -> None:
    assert list(slots_from(edition(""), date(2026, 11, 23), BERLIN)) == []


@given(
    WEEKLY, WEEKLY | st.just(""), st.sampled_from(["", "30s", "10m", "3h", "2d", "20d"]), ZONES, DATES, st.booleans()
)
@example("fri,sat 00:00", "thu,fri 12:00", "1d", APIA, date(2011, 12, 20), False)
@example("sun 02:30", "sun 02:15", "10m", BERLIN, date(2027, 3, 20), False)
@example("mon 07:00", "sun 20:00", "", BERLIN, date(2026, 11, 20), True)
def test_slots_are_in_order_have_names_of_their_own_and_are_drafted_before(
    schedule: str, draft: str, undo: str, zone: ZoneInfo, first: date, local: bool
) -> None:
    slots = list(slots_from(edition(schedule, draft=draft, undo=undo, local_time=local), first, zone))
    assert len({slot.name for slot in slots}) == len(slots) >= 57
    assert slots == sorted(slots, key=lambda slot: slot.day) == sorted(slots, key=lambda slot: slot.at)
    for slot in slots:
        assert slot.draft_at <= slot.freezes_at <= slot.at
        assert slot.draft_at < slot.at
        assert slot.at - slot.draft_at <= max(timedelta(days=8, hours=1), slot.at - slot.freezes_at)


@pytest.mark.parametrize(
    ("schedule", "settings", "draft_at", "freezes_at"),
    [
        ("mon 07:00", {}, "2027-03-28T05:00", "2027-03-29T05:00"),
        ("mon 07:00", {"draft": "fri 12:00"}, "2027-03-26T11:00", "2027-03-29T05:00"),
        ("mon 07:00", {"draft": "sun 02:30"}, "2027-03-28T01:00", "2027-03-29T05:00"),
        ("mon 07:00", {"draft": "mon 07:00"}, "2027-03-22T06:00", "2027-03-29T05:00"),
        ("mon 07:00", {"draft": "mon 06:50"}, "2027-03-29T04:50", "2027-03-29T05:00"),
        ("mon 07:00", {"undo": "10m"}, "2027-03-28T05:00", "2027-03-29T04:50"),
        ("mon 07:00", {"draft": "mon 06:50", "undo": "30m"}, "2027-03-29T04:30", "2027-03-29T04:30"),
        ("mon 07:00", {"undo": "2d"}, "2027-03-27T05:00", "2027-03-27T05:00"),
    ],
)
def test_when_a_slot_is_drafted_and_frozen(
    schedule: str, settings: dict[str, str], draft_at: str, freezes_at: str
) -> None:
    slot = next(slots_from(edition(schedule, **settings), date(2027, 3, 29), BERLIN))
    assert (slot.draft_at, slot.freezes_at) == (utc(draft_at), utc(freezes_at))


# --- what is to be done now -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "days"),
    [("22T05:59", [16]), ("22T06:00", [16, 23]), ("23T05:59", [16, 23]), ("23T06:00", [23]), ("29T05:59", [23])],
)
def test_the_last_slot_and_those_being_prepared(now: str, days: list[int]) -> None:
    assert [slot.day.day for slot in current_slots(edition("mon 07:00"), utc(f"2026-11-{now}"), BERLIN)] == days


def test_one_that_freezes_weeks_before_is_there_in_time() -> None:
    early = edition("mon 07:00", undo="20d")
    days = [slot.day for slot in current_slots(early, utc("2026-11-23T06:00"), BERLIN)]
    assert days == [date(2026, 11, 23), date(2026, 11, 30), date(2026, 12, 7)]


def slots_of(now: datetime, one: Edition, zone: ZoneInfo) -> list[Slot]:
    return [slot for slot in slots_from(one, now.date() - 40 * DAY, zone) if slot.day <= now.date() + 40 * DAY]


@given(WEEKLY, WEEKLY | st.just(""), st.sampled_from(["", "10m", "3d", "20d"]), ZONES, INSTANTS, st.booleans())
@example("fri 00:00", "", "", APIA, utc("2011-12-30T10:00"), False)
def test_of_missed_slots_only_the_last_is_looked_at_and_none_to_come_is_forgotten(
    schedule: str, draft: str, undo: str, zone: ZoneInfo, now: datetime, local: bool
) -> None:
    one = edition(schedule, draft=draft, undo=undo, local_time=local)
    found, everything = current_slots(one, now, zone), slots_of(now, one, zone)
    assert found == [
        *[slot for slot in everything if slot.at <= now][-1:],
        *[slot for slot in everything if slot.draft_at <= now < slot.at],
    ]


@given(WEEKLY, ZONES, INSTANTS, st.booleans())
@example("mon,tue,wed,thu,fri,sat,sun 07:00", APIA, utc("2011-12-30T10:00"), False)
def test_whoever_looks_every_two_hours_meets_each_slot_once(
    schedule: str, zone: ZoneInfo, now: datetime, near: bool
) -> None:
    one, start = edition(schedule), (change_near(zone, now) if near else now) - 8 * DAY
    looks = [start + step * timedelta(hours=2) for step in range(16 * 12)]
    met = {slot.name: slot for look in looks for slot in current_slots(one, look, zone) if slot.at <= look}
    passed = [slot for slot in slots_of(looks[96], one, zone) if looks[0] < slot.at <= looks[-1]]
    # On either side of a day that does not exist two may come at once: of these the last.
    expected = [
        slot.name
        for number, slot in enumerate(passed)
        if all(later.at - slot.at > timedelta(hours=2) for later in passed[number + 1 : number + 2])
    ]
    assert [name for name, slot in met.items() if slot.at > looks[0]] == expected


def test_skipped_days() -> None:
    some = edition("mon 07:00", skip=("2028-02-29", "2026-12-24/2027-01-03"))
    for day in (date(2026, 12, 24), date(2026, 12, 31), date(2027, 1, 3)):
        assert skipped_by(some, day) == "2026-12-24/2027-01-03"
    assert skipped_by(some, date(2028, 2, 29)) == "2028-02-29"
    for day in (date(2026, 12, 23), date(2027, 1, 4), date(2028, 2, 28), date(2028, 3, 1)):
        assert skipped_by(some, day) == ""
    assert skipped_by(edition("mon 07:00"), date(2028, 2, 29)) == ""


def test_how_late_a_slot_may_be() -> None:
    assert lateness_limit(edition("mon 07:00", late="send-within 6h")) == timedelta(hours=6)
    assert lateness_limit(edition("mon 07:00", late="skip")) == timedelta(minutes=5)
    assert lateness_limit(edition("mon 07:00", late="ask")) == timedelta(minutes=5)


# --- windows --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("window", "now", "opening"),
    [
        ("", "2026-11-22T03:00", "2026-11-22T03:00"),
        ("mon-fri 07:00-19:00", "2026-11-23T05:59", "2026-11-23T06:00"),
        ("mon-fri 07:00-19:00", "2026-11-23T17:59", "2026-11-23T17:59"),
        ("mon-fri 07:00-19:00", "2026-11-23T18:00", "2026-11-24T06:00"),
        ("mon-fri 07:00-19:00", "2026-11-27T18:00", "2026-11-30T06:00"),
        ("sat-mon 07:00-19:00", "2026-11-22T18:00", "2026-11-23T06:00"),
        ("sat-mon 07:00-19:00", "2026-11-23T18:00", "2026-11-28T06:00"),
        ("mon 07:00-08:00", "2026-11-23T07:00", "2026-11-30T06:00"),
        ("mon-sun 00:00-24:00", "2026-11-22T22:59", "2026-11-22T22:59"),
        ("sun 22:00-24:00", "2026-11-22T23:00", "2026-11-29T21:00"),
        ("sun 02:30-04:00", "2027-03-28T00:30", "2027-03-28T01:00"),
        ("sun 02:00-03:00", "2027-03-28T00:30", "2027-04-04T00:00"),
        ("sun 02:00-03:00", "2027-03-28T01:00", "2027-04-04T00:00"),
        ("sun 02:00-03:00", "2027-03-21T02:00", "2027-04-04T00:00"),
        ("sun 02:00-03:00", "2027-10-31T01:30", "2027-10-31T01:30"),
        ("sun 02:00-02:30", "2027-10-31T01:15", "2027-11-07T01:00"),
        ("mon-fri 07:00-19:00", "2026-12-31T20:00", "2027-01-01T06:00"),
    ],
)
def test_when_a_window_opens(window: str, now: str, opening: str) -> None:
    assert next_opening(edition("", window=window), utc(now), BERLIN) == utc(opening)


def test_a_window_on_a_day_that_does_not_exist_stays_shut() -> None:
    friday = edition("", window="fri 07:00-24:00")
    assert next_opening(friday, utc("2011-12-30T09:00"), APIA) == wall_instant(date(2012, 1, 6), time(7), APIA)


def is_open(text: str, instant: datetime, zone: ZoneInfo) -> bool:
    window = read_window(text)
    today = instant.astimezone(zone).date()
    for day in (today + step * DAY for step in (-1, 0, 1)):
        end = (day + DAY, time()) if window.closes is None else (day, window.closes)
        if day.weekday() in window.weekdays and (
            wall_instant(day, window.opens, zone) <= instant < wall_instant(*end, zone)
        ):
            return True
    return False


@st.composite
def windows(draw: Callable[[st.SearchStrategy[object]], object]) -> str:
    first, last = draw(st.sampled_from(DAYS)), draw(st.sampled_from(["", *(f"-{day}" for day in DAYS)]))
    clocks = sorted({f"{draw(CLOCKS | NIGHTS):%H:%M}", f"{draw(CLOCKS | NIGHTS):%H:%M}", "24:00"})
    return f"{first}{last} {clocks[0]}-{clocks[1]}"


@given(windows(), INSTANTS, ZONES, st.booleans(), st.floats(0, 1))
@example("sun 02:00-03:00", utc("2027-03-28T00:59"), BERLIN, False, 0.5)
@example("sat 23:00-24:00", utc("2011-11-06T02:00"), ST_JOHNS, False, 0.5)
def test_an_opening_is_the_first_moment_in_the_window_that_is_not_past(
    window: str, now: datetime, zone: ZoneInfo, near: bool, share: float
) -> None:
    one = edition("", window=window)
    now = change_near(zone, now) - 2 * share * DAY if near else now
    opening = next_opening(one, now, zone)
    assert opening >= now
    assert is_open(window, opening, zone)
    assert next_opening(one, opening, zone) == opening
    between = now + (opening - now) * share
    assert between == opening or not is_open(window, between, zone)


# --- a government changes its mind ----------------------------------------------------------------------------------


def zone_by_rule(rule: str) -> ZoneInfo:
    """A zone that has had one POSIX rule for ever, as a TZif file of version 2 says it (RFC 8536)."""
    block = b"TZif2" + bytes(15) + pack(">6l", 0, 0, 0, 0, 1, 4) + pack(">lBB", 3600, 0, 0) + b"XST\0"
    return ZoneInfo.from_file(BytesIO(block + block + f"\n{rule}\n".encode()), key="X")


OLD = zone_by_rule("CET-1CEST,M3.5.0,M10.5.0/3")


@pytest.mark.parametrize(
    "new",
    ["CET-1", "EET-2", "CET-1CEST,M4.1.0,M9.5.0/3", "<-11>11"],
    ids=["no summer time", "another zone", "other days", "over the date line"],
)
def test_a_slot_stays_one_slot_when_the_rules_of_its_zone_change(new: str) -> None:
    one, changed = edition("sun 02:30"), zone_by_rule(new)
    start = utc("2027-03-01T00:00")
    happened: list[str] = []
    for step in range(40 * 24):
        now = start + step * timedelta(hours=1)
        for slot in current_slots(one, now, OLD if step < 28 * 24 else changed):  # new rules on 29 March
            if slot.at <= now and slot.name not in happened:
                happened.append(slot.name)
    days = [date(2027, 2, 28) + step * 7 * DAY for step in range(6)]
    assert happened == [f"w/{day}" for day in days]


@given(WEEKLY, DATES, st.sampled_from(ODD), st.sampled_from(ODD))
def test_names_of_slots_do_not_depend_on_the_zone(schedule: str, first: date, one: ZoneInfo, other: ZoneInfo) -> None:
    def names(zone: ZoneInfo) -> list[str]:
        return [slot.name for slot in islice(slots_from(edition(schedule), first, zone), 20)]

    assert names(one) == names(other)
