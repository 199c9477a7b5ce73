"""The consent ledger: who agreed to what, when and where, and who took it back. Rows are added and never changed.

The rule: nobody is made active without evidence in the same transaction. `activate` is the one place that does it to
somebody who is known; whoever is new gets theirs in `subscribers.Intake`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, Text, bindparam, insert, select, update
from sqlalchemy.sql import ColumnElement

from newsletter.store.schema import consent, subscriber

# The events by which consent is given.
GIVEN = ("imported", "added", "confirmed")


class Evidence(NamedTuple):
    """One event of a subscriber. `at` is ISO 8601 in UTC; `source` is how it is known; `ip` is a network, /24 or /48.

    `text_version` names the text of the form that they saw.
    """

    subscriber_id: int
    event: str
    at: str
    source: str
    text_version: str = ""
    ip: str = ""


def record(connection: Connection, evidence: Iterable[Evidence]) -> None:
    """Add to the ledger, in the order given."""
    rows = [one._asdict() for one in evidence]
    if rows:
        connection.execute(insert(consent), rows)


def record_same(connection: Connection, which: ColumnElement[bool], evidence: Evidence) -> None:
    """Add the same evidence for all subscribers of a condition, in one statement. Its `subscriber_id` counts for nothing."""
    names = list(Evidence._fields)
    values = [bindparam(None, value, Text) for value in evidence[1:]]
    connection.execute(insert(consent).from_select(names, select(subscriber.c.id, *values).where(which)))


def given_by(connection: Connection, numbers: Sequence[int]) -> Mapping[int, list[Evidence]]:
    """The consents that each of some subscribers gave, oldest first; nobody who never gave one."""
    where = (consent.c.subscriber_id.in_(numbers), consent.c.event.in_(GIVEN))
    given: dict[int, list[Evidence]] = {}
    columns = (consent.c[name] for name in Evidence._fields)
    for row in connection.execute(select(*columns).where(*where).order_by(consent.c.id)):
        given.setdefault(row.subscriber_id, []).append(Evidence(*row))
    return given


def activate(connection: Connection, evidence: Evidence, **values: object) -> None:
    """Make a known subscriber active and write down the evidence for it; `values` are further columns that change."""
    if evidence.event not in GIVEN:
        raise ValueError(f"{evidence.event!r} is no event by which consent is given")
    changes = {"state": "active", "unsubscribed_at": "", **values}
    connection.execute(update(subscriber).where(subscriber.c.id == evidence.subscriber_id).values(changes))
    record(connection, [evidence])
