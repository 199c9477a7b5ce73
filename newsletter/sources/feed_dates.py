"""The dates of feeds: read where they can mean one moment only. What may mean two is not read at all.

Read are RFC 822 and its successors, ISO 8601 and RFC 3339, the forms of East Asia, days before months where a stop parts
them, seconds since 1970, and names of months in the languages below. A time without a zone is UTC, and so is a bare day.
"""

import re
from datetime import UTC, date, datetime, timedelta, timezone

# RFC 822 §5.1 and RFC 5322 §4.3. The others are abbreviations for which the time zone database knows one offset only: IST
# is India, Israel and Ireland, so a date in IST is not read. tests/sources/test_feed_dates.py compares them.
_ZONES = {
    "Z": 0, "UT": 0, "UTC": 0, "GMT": 0, "EST": -300, "EDT": -240, "CST": -360, "CDT": -300, "MST": -420, "MDT": -360,
    "PST": -480, "PDT": -420,
    "WET": 0, "WEST": 60, "CET": 60, "CEST": 120, "MET": 60, "MEST": 120, "MEZ": 60, "MESZ": 120, "EET": 120, "EEST": 180,
    "MSK": 180, "BST": 60, "SAST": 120, "CAT": 120, "EAT": 180, "WAT": 60, "PKT": 300, "WIB": 420, "WITA": 480, "WIT": 540,
    "HKT": 480, "JST": 540, "KST": 540, "AWST": 480, "ACST": 570, "ACDT": 630, "AEST": 600, "AEDT": 660, "NZST": 720,
    "NZDT": 780, "AKST": -540, "AKDT": -480, "HST": -600, "HDT": -540, "AST": -240, "ADT": -180, "NST": -210, "NDT": -150,
}  # fmt: skip
# Names of months by language, January first; each may be cut after three letters where that is still one month.
_MONTH_NAMES = (
    "january february march april may june july august september october november december",
    "januar februar märz april mai juni juli august september oktober november dezember",
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "januari februari maart april mei juni juli augustus september oktober november december",
    "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    "січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня",
    "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
    "ιανουαρίου φεβρουαρίου μαρτίου απριλίου μαΐου ιουνίου ιουλίου αυγούστου σεπτεμβρίου οκτωβρίου νοεμβρίου δεκεμβρίου",
    "január február március április május június július augusztus szeptember október november december",
)
_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?(?:\s*(?P<half>[AaPp])\.?[Mm]\.?)?"
_ZONE = r"(?P<zone>[A-Za-z]{1,5}(?:[+-]\d{1,2}(?::?\d{2})?)?|[+-]\d{1,2}(?::?\d{2})?)(?:\s*\([^()]*\))?"
_TIME = rf"(?:[\s,T]*{_CLOCK}\s*(?:{_ZONE})?)?\s*"
_NAME = r"(?P<name>[^\W\d_]+)\.?"
_WEEKDAY = r"(?:[^\W\d_]+\.?,?\s+|[^\W\d_]+\.?,)?"
_FORMS = tuple(
    re.compile(form + r"\Z")
    for form in (
        # Thu, 03 Jul 2025 10:00:00 +0200; 3. Juli 2025; 03-Jul-25 (RFC 850)
        rf"{_WEEKDAY}(?P<day>\d{{1,2}})(?:\.|st|nd|rd|th)?(?:\s*-\s*|\s+)(?:de\s+)?{_NAME}(?:\s*-\s*|,?\s+)(?:de\s+)?(?P<year>\d{{4}}|\d{{2}}){_TIME}",
        # July 3, 2025 10:00 AM
        rf"{_WEEKDAY}{_NAME}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}}){_TIME}",
        # Thu Jul  3 10:00:00 [UTC] 2025 (asctime, date(1))
        rf"[A-Za-z]{{3}}\s+{_NAME}\s+(?P<day>\d{{1,2}})\s+{_CLOCK}\s+(?:{_ZONE}\s+)?(?P<year>\d{{4}})",
        # 2025-07-03, 2025/7/3, 2025.07.03, 2025. 7. 3.
        rf"(?P<year>\d{{4}})(?P<by>-|/|\.\s?)(?P<month>\d{{1,2}})(?P=by)(?P<day>\d{{1,2}})\.?{_TIME}",
        # 03.07.2025
        rf"{_WEEKDAY}(?P<day>\d{{1,2}})\.\s?(?P<month>\d{{1,2}})\.\s?(?P<year>\d{{4}}){_TIME}",
        # 2025年7月3日, 2025년 7월 3일
        rf"(?P<year>\d{{4}})\s*[年년]\s*(?P<month>\d{{1,2}})\s*[月월]\s*(?P<day>\d{{1,2}})\s*[日号일]?(?:\s*[(（]?[^\W\d_]{{1,3}}[)）]?)?{_TIME}",
        # 20250703T100000Z
        rf"(?P<year>\d{{4}})(?P<month>\d{{2}})(?P<day>\d{{2}})(?:[T\s]?(?P<hour>\d{{2}})(?P<minute>\d{{2}})(?P<second>\d{{2}})?(?P<half>(?!))?\s*(?:{_ZONE})?)?",
        # 2025. július 3.
        rf"(?P<year>\d{{4}})\.\s+{_NAME}\s+(?P<day>\d{{1,2}})\.?{_TIME}",
    )
)
_ORDINAL = re.compile(r"(?P<year>\d{4})-(?P<ordinal>\d{3})\Z")
_WEEK = re.compile(r"\d{4}-W\d{2}(?:-[1-7])?\Z")
_EPOCH = re.compile(r"[12]\d{9}(?:\d{3})?\Z")
_LONGEST = 100


def _list_months() -> dict[str, int]:
    """Each name, and each beginning of three letters or more that stands for one month only."""
    found: dict[str, set[int]] = {}
    for names in _MONTH_NAMES:
        for number, name in enumerate(names.split(), 1):
            for end in range(3, len(name) + 1):
                found.setdefault(name[:end], set()).add(number)
    return {name: months.pop() for name, months in found.items() if len(months) == 1} | {"mar": 3}


_MONTHS = _list_months()


def read_date(text: str) -> datetime | None:
    """A date of a feed → the moment in UTC, or None if it is no date, or might be another one.

    >>> read_date("Thu, 03 Jul 2025 10:00:00 CEST").isoformat()
    '2025-07-03T08:00:00+00:00'
    >>> read_date("04/07/2025") is None
    True
    """
    bare = " ".join(text.split())
    if not bare or len(bare) > _LONGEST:
        return None
    try:
        if match := _ORDINAL.match(bare):
            day = date(int(match["year"]), 1, 1) + timedelta(days=int(match["ordinal"]) - 1)
            return datetime(day.year, day.month, day.day, tzinfo=UTC) if day.year == int(match["year"]) else None
        if _WEEK.match(bare):
            return datetime.fromisoformat(bare).replace(tzinfo=UTC)
        if _EPOCH.match(bare):
            return datetime.fromtimestamp(int(bare[:10]), UTC)
        return next((moment for form in _FORMS if (match := form.match(bare)) and (moment := _moment(match))), None)
    except (ValueError, OverflowError):
        return None


def _moment(match: re.Match[str]) -> datetime | None:
    """Raises ValueError for what is on no calendar or clock."""
    parts = match.groupdict()
    month = int(parts["month"]) if parts.get("month") else _MONTHS.get(str(parts.get("name")).lower())
    offset = _offset(parts.get("zone") or "Z")
    if month is None or offset is None:
        return None
    year = int(parts["year"])
    if len(parts["year"]) == 2:  # RFC 5322 §4.3
        year += 2000 if year < 50 else 1900
    hour = int(parts.get("hour") or 0)
    if half := parts.get("half"):
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half in "pP" else 0)
    # A leap second, and midnight at the end of a day (ISO 8601).
    second = min(int(parts.get("second") or 0), 59)
    minute = int(parts.get("minute") or 0)
    late = hour == 24 and minute == 0 and second == 0
    moment = datetime(year, month, int(parts["day"]), 0 if late else hour, minute, second, tzinfo=timezone(offset))
    return (moment + timedelta(days=late)).astimezone(UTC)


def _offset(zone: str) -> timedelta | None:
    """A zone as written → its distance from UTC; None for one that is not known, or has several."""
    name = zone.upper().rstrip("+-:0123456789")
    number = zone[len(name) :]
    if name and (name not in _ZONES or (number and _ZONES[name])):
        return None
    if not number:
        return timedelta(minutes=_ZONES[name])
    digits = number[1:].replace(":", "")
    hours, minutes = (digits, "0") if len(digits) < 3 else (digits[:-2], digits[-2:])
    minutes_away = int(hours) * 60 + int(minutes)
    if minutes_away > 14 * 60 or int(minutes) > 59:
        return None
    return timedelta(minutes=-minutes_away if number[0] == "-" else minutes_away)
