"""Subscribers → a CSV file that every tool reads and that reads back the same; rejected rows → a file to mend and import."""

import csv
from collections.abc import Iterable, Sequence
from typing import TextIO

from newsletter.audience.cells import read_attributes, write_attributes
from newsletter.audience.columns import REJECTED
from newsletter.audience.formulas import guard
from newsletter.audience.lines import FIELD_LIMIT
from newsletter.audience.rows import Rejected
from newsletter.model import SubscriberRow

HEADER = (
    "email",
    "name",
    "themes",
    "frequency",
    "timezone",
    "language",
    "status",
    "source",
    "consent_at",
    "consent_ip",
    "confirmed_at",
    "unsubscribed_at",
    "tags",
    "attributes",
)


def write_subscribers(stream: TextIO, rows: Iterable[SubscriberRow], *, raw: bool = False) -> None:
    """Rows under our header. `raw` leaves out the guard against formulas. Open a file for it with newline=""."""
    out = csv.writer(stream, lineterminator="\r\n")
    out.writerow(HEADER)
    cells = map(_cells, rows)
    out.writerows(cells if raw else (map(guard, row) for row in cells))


def write_rejected(stream: TextIO, header: Sequence[str], rejected: Iterable[Rejected]) -> None:
    """Rejected rows as they were, each with its line and the reason; `read_file` understands the file."""
    csv.writer(stream, lineterminator="\r\n").writerow([*REJECTED, *map(guard, header)])
    add_rejected(stream, rejected)


def add_rejected(stream: TextIO, rejected: Iterable[Rejected]) -> None:
    """More of them, below those that stand there."""
    out = csv.writer(stream, lineterminator="\r\n")
    out.writerows([row.line, row.reason, *map(guard, row.cells)] for row in rejected)


def _cells(row: SubscriberRow) -> tuple[str, ...]:
    frequency, attributes = _split_frequency(row.attributes)
    return (
        row.address,
        row.name,
        row.themes,
        frequency,
        row.timezone,
        row.language,
        row.state,
        row.consent,
        row.consent_at,
        row.consent_ip,
        row.confirmed_at,
        row.unsubscribed_at,
        row.tags,
        attributes,
    )


def _split_frequency(attributes: str) -> tuple[str, str]:
    """How often somebody wants mail is an attribute with a column of its own, where it is one short text."""
    found = read_attributes(attributes) if '"frequency":"' in attributes else None
    if not found:
        return "", attributes
    frequency = found.pop("frequency", "")
    if (
        not isinstance(frequency, str)
        or not frequency
        or frequency != frequency.strip()
        or len(frequency) > FIELD_LIMIT
    ):
        return "", attributes
    return frequency, write_attributes(found)
