"""The calendar: an edition's settings → its slots, as instants. Pure; wall times are the publication's (delivery D50).

A wall time that a change of clocks leaves out is the first instant after it; one that comes twice is its first. A slot is
named by its local day, so whatever the clock does it happens once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from newsletter.model import Edition
from newsletter.text.times import read_days, read_late, read_span, read_weekly, read_window

_DAY = timedelta(days=1)
# Without a `draft` of its own an edition is drafted so long before it is sent.
REVIEW = timedelta(hours=24)
# Where a day begins first. An edition with `local_time` leaves when it is its time there.
_EARLIEST = timezone(timedelta(hours=14))
_FAR = 400  # days; a schedule that has no slot in them has none


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One planned run. `at` is when its first mail may leave, `freezes_at` when nothing can be changed any more."""

    edition: str
    day: date
    at: datetime
    draft_at: datetime
    freezes_at: datetime

    @property
    def name(self) -> str:
        """By this it is unique (delivery D17)."""
        return f"{self.edition}/{self.day.isoformat()}"

    @property
    def issue(self) -> str:
        """The issue that goes out in it."""
        return f"{self.day.isoformat()}-{self.edition}"


def wall_instant(day: date, at: time, zone: tzinfo) -> datetime:
    """A wall time as an instant in UTC."""
    first = datetime.combine(day, at, zone)
    instant = first.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == first.replace(tzinfo=None):
        return instant  # fold is 0: of two it is the first
    # In a gap: fold=1 reads it by the offset after the change, which lies before it. The change is between the two.
    before = first.replace(fold=1).astimezone(UTC)
    offset = before.astimezone(zone).utcoffset()
    while instant - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(instant - before) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            instant = middle
    return instant


def publication_moment(edition: Edition | None, day: date, zone: tzinfo) -> datetime:
    """When an issue of that day is published, in the zone: the schedule's time, or the start of the day."""
    at = read_weekly(edition.schedule).at if edition and edition.schedule else time()
    return wall_instant(day, at, zone).astimezone(zone)


def next_day(edition: Edition, now: datetime, zone: tzinfo) -> date:
    """The day of the edition's next slot that is not fixed yet and not skipped; today for an edition without a schedule.

    An issue for a slot that is over would be sent by nobody.
    """
    today = now.astimezone(zone).date()
    coming = (slot.day for slot in slots_from(edition, today, zone) if slot.freezes_at > now)
    return next((day for day in coming if not skipped_by(edition, day)), today)


def slots_from(edition: Edition, first: date, zone: tzinfo) -> Iterator[Slot]:
    """The slots of an edition on that day and after it, in order, those of skipped days too; none without a schedule."""
    if not edition.schedule:
        return
    weekly = read_weekly(edition.schedule)
    for step in range(_FAR):
        day = first + step * _DAY
        if day.weekday() in weekly.weekdays:
            at = wall_instant(day, weekly.at, _EARLIEST if edition.local_time else zone)
            freezes_at = at - _undo(edition)
            yield Slot(
                edition=edition.slug,
                day=day,
                at=at,
                draft_at=min(_draft_instant(edition, day, at, zone), freezes_at),
                freezes_at=freezes_at,
            )


def _undo(edition: Edition) -> timedelta:
    return read_span(edition.undo) if edition.undo else timedelta()


def _draft_instant(edition: Edition, day: date, at: datetime, zone: tzinfo) -> datetime:
    """The last time of `draft` before the slot."""
    if not edition.draft:
        return at - REVIEW
    weekly = read_weekly(edition.draft)
    # Sent by local time the slot begins on the day before: then its weekday may be nine days back.
    days = (day - step * _DAY for step in range(10))
    instants = (wall_instant(one, weekly.at, zone) for one in days if one.weekday() in weekly.weekdays)
    return next(instant for instant in instants if instant < at)


def current_slots(edition: Edition, now: datetime, zone: tzinfo) -> list[Slot]:
    """Those that something may have to be done about: the last one whose time has come, and those being prepared.

    Of slots that were missed only the last is looked at: nothing older is made up for (delivery D51).
    """
    today = now.astimezone(zone).date()
    # A draft is made a week before its slot at most, or when the slot freezes.
    last = today + 9 * _DAY + _undo(edition)
    past: list[Slot] = []
    coming: list[Slot] = []
    for slot in slots_from(edition, today - 9 * _DAY, zone):
        if slot.day > last:
            break
        if slot.at <= now:
            past = [slot]
        elif slot.draft_at <= now:
            coming.append(slot)
    return past + coming


def local_instants(edition: Edition, day: date, zones: Iterable[str], zone: tzinfo) -> dict[str, datetime]:
    """When a slot's mail leaves to readers of each time zone; a zone that is not known is the publication's."""
    at = read_weekly(edition.schedule).at
    return {name: wall_instant(day, at, _zone(name) or zone) for name in zones}


def _zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, OSError, KeyError):
        return None


def skipped_by(edition: Edition, day: date) -> str:
    """The entry of `skip` that a day falls into; empty if none does."""
    for text in edition.skip:
        first, last = read_days(text)
        if first <= day <= last:
            return text
    return ""


def lateness_limit(edition: Edition) -> timedelta:
    """How long after its time a slot may still be sent without asking."""
    return read_late(edition.late) or timedelta(minutes=5)  # a machine that was busy is not late


def next_opening(edition: Edition, now: datetime, zone: tzinfo) -> datetime:
    """When mail of this edition may leave: `now` if it may already."""
    if not edition.window:
        return now
    window = read_window(edition.window)
    today = now.astimezone(zone).date()
    for step in range(_FAR):
        day = today + step * _DAY
        if day.weekday() in window.weekdays:
            opens, closes = wall_instant(day, window.opens, zone), _closing(window.closes, day, zone)
            # Hours that a change of clocks leaves out open and close at once: no window on that day.
            if opens < closes and now < closes:
                return max(now, opens)
    raise AssertionError("a year without the window's hours")


def _closing(closes: time | None, day: date, zone: tzinfo) -> datetime:
    return wall_instant(day + _DAY, time(), zone) if closes is None else wall_instant(day, closes, zone)
