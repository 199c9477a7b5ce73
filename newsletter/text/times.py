"""Times as the settings write them: `mon 07:00`, `6h`, `mon-fri 07:00-19:00`, `2026-12-24/2027-01-03`. Weekdays by name only.

Cron counts weekdays from Sunday, others from Monday; a name cannot be misread (libraries, section 5).
"""

import re
from dataclasses import dataclass
from datetime import date, time, timedelta

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = f"(?:{'|'.join(DAYS)})"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"  # not \d, which takes the digits of all scripts
_WEEKLY = re.compile(rf"(?P<days>{_DAY}(?:,{_DAY})*) (?P<at>{_CLOCK})\Z")
_SPAN = re.compile(r"(?P<count>[1-9][0-9]{0,3})(?P<unit>[smhd])\Z")
_LATE = re.compile(r"send-within (\S+)\Z")
_WINDOW = re.compile(rf"(?P<first>{_DAY})(?:-(?P<last>{_DAY}))? (?P<opens>{_CLOCK})-(?P<closes>{_CLOCK}|24:00)\Z")
# `date.fromisoformat` takes more: 20261228, and weeks.
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, slots=True)
class Weekly:
    """Some days of each week (0 is Monday) at one wall time."""

    weekdays: frozenset[int]
    at: time


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of some weekdays in which mail may leave. `closes` is None for the end of the day."""

    weekdays: frozenset[int]
    opens: time
    closes: time | None


def read_weekly(text: str) -> Weekly:
    """`mon,thu 07:00`. Raises ValueError."""
    match = _WEEKLY.match(text)
    if not match:
        raise ValueError('must be weekday names and a time, such as "mon 07:00" or "mon,thu 07:00"')
    return Weekly(frozenset(map(DAYS.index, match["days"].split(","))), time.fromisoformat(match["at"]))


def read_span(text: str) -> timedelta:
    """`30s`, `5m`, `6h`, `2d`. Raises ValueError."""
    match = _SPAN.match(text)
    if not match:
        raise ValueError("must be a time such as 30s, 5m, 6h or 2d")
    return timedelta(**{_UNITS[match["unit"]]: int(match["count"])})


def read_late(text: str) -> timedelta | None:
    """What becomes of a slot that was missed: `send-within 6h`; None for `skip` and `ask`. Raises ValueError."""
    if text in ("skip", "ask"):
        return None
    match = _LATE.match(text)
    if not match:
        raise ValueError('must be "skip", "ask" or a limit such as "send-within 6h"')
    return read_span(match[1])


def read_window(text: str) -> Window:
    """`mon-fri 07:00-19:00`; days may go over the end of the week. Raises ValueError."""
    match = _WINDOW.match(text)
    if not match or match["opens"] >= match["closes"]:
        raise ValueError('must be weekdays and hours of one day, such as "mon-fri 07:00-19:00"')
    first, last = DAYS.index(match["first"]), DAYS.index(match["last"] or match["first"])
    days = frozenset((first + step) % 7 for step in range((last - first) % 7 + 1))
    closes = None if match["closes"] == "24:00" else time.fromisoformat(match["closes"])
    return Window(days, time.fromisoformat(match["opens"]), closes)


def read_days(text: str) -> tuple[date, date]:
    """`2026-12-28`, or the first and the last of several days: `2026-12-24/2027-01-03`. Raises ValueError."""
    parts = text.split("/")
    try:
        days = [date.fromisoformat(part) for part in parts if _DATE.match(part)]
    except ValueError:
        days = []
    if len(days) != len(parts) or len(days) > 2 or days[0] > days[-1]:
        raise ValueError('must be a day, "2026-12-28", or the first and the last of several, "2026-12-24/2027-01-03"')
    return days[0], days[-1]
