"""Dates as people write them in files. A bare date is the start of that day in the publication's zone (parsing K10)."""

import re
from datetime import UTC, date, datetime, time, tzinfo

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_DAY_PREFIX = re.compile(r"(\d{4}-\d{2}-\d{2})(?!\d)")


def parse_moment(text: str, zone: tzinfo) -> datetime:
    """`2025-07-04`, `2025-07-04 10:00` or with an offset → an aware moment in UTC. Raises ValueError."""
    try:
        if _DAY.match(text.strip()):
            return start_of_day(date.fromisoformat(text.strip()), zone)
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("write a date as 2025-07-04 or 2025-07-04 10:00") from None


def parse_day(text: str) -> date:
    """`2025-07-04` → a day. Raises ValueError."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise ValueError("write a date as 2025-07-04") from None


def leading_day(name: str) -> date | None:
    """The day a file's name begins with, if it begins with one: `2025-07-05-collected.txt`."""
    match = _DAY_PREFIX.match(name)
    try:
        return date.fromisoformat(match[1]) if match else None
    except ValueError:
        return None


def start_of_day(day: date, zone: tzinfo) -> datetime:
    """Midnight in `zone`, as UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def write_moment(moment: datetime, zone: tzinfo) -> str:
    """A moment for front matter: a bare date if it is a midnight of the zone, else with seconds and offset."""
    local = moment.astimezone(zone)
    return local.date().isoformat() if local.time() == time() else local.isoformat(timespec="seconds")
