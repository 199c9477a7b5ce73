"""Who gets an issue: one rule and one query, asked by the card, the freeze, the dry run and the rehearsal.

Once an issue is frozen its deliveries are the answer, whatever becomes of its readers; but for those who leave.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, Text, and_, case, column, func, literal, select, values

from newsletter.model import SubscriberRow
from newsletter.store.database import Store, stamp
from newsletter.store.schema import delivery, subscriber

# Maps a reader's themes to the variant of the issue that they get; None: nothing in it is for them.
Choose = Callable[[str], str | None]
_FEW = 20
_TOGETHER = 1000
_KNOWN = [name for name in SubscriberRow._fields if name in subscriber.c]


class Recipient(NamedTuple):
    """Somebody who gets an issue, and the variant of it (for a frozen issue its number)."""

    row: SubscriberRow
    variant: Any


def may_get_issues(now: datetime) -> ColumnElement[bool]:
    """The rule about people: active, and not paused. What an issue holds for them is `Choose`."""
    return and_(subscriber.c.state == "active", subscriber.c.paused_until <= stamp(now))


def choose_variants(connection: Connection, choose: Choose, now: datetime) -> tuple[dict[str, str], dict[str, int]]:
    """Which themes lead to which variant, and how many readers each variant has."""
    variants: dict[str, str] = {}
    counts: dict[str, int] = {}
    for themes, count in tally(connection, subscriber.c.themes, may_get_issues(now)).items():
        chosen = choose(themes)
        if chosen is not None:
            variants[themes] = chosen
            counts[chosen] = counts.get(chosen, 0) + count
    return variants, counts


def select_recipients(variants: Mapping[str, Any], now: datetime, columns: Sequence[Any]) -> Select[Any]:
    """The query: these columns and the variant, a row for each recipient, oldest first. `variants` must not be empty."""
    some = next(iter(variants.values()))
    names = values(column("themes", Text), column("variant", literal(some).type), name="choice")
    choice = names.data(list(variants.items())).cte("choice")
    return (
        select(*columns, choice.c.variant)
        .join_from(subscriber, choice, choice.c.themes == subscriber.c.themes)
        .where(may_get_issues(now))
        .order_by(subscriber.c.id)
    )


def count_readers(store: Store, choose: Choose, now: datetime) -> dict[str, int]:
    """Variant → how many subscribers would get it now."""
    with store.reading() as connection:
        return choose_variants(connection, choose, now)[1]


def list_recipients(store: Store, choose: Choose, now: datetime) -> Iterator[Recipient]:
    """All who would get an issue now, one by one."""
    with store.reading() as connection:
        variants = choose_variants(connection, choose, now)[0]
        if variants:
            yield from _read(connection, select_recipients(variants, now, _columns()))


def list_waiting(store: Store, issue_id: int) -> Iterator[Recipient]:
    """All to whom a frozen issue is yet to be sent, one by one."""
    statement = (
        select(*_columns(), delivery.c.variant)
        .join_from(delivery, subscriber, subscriber.c.id == delivery.c.subscriber_id)
        .where(delivery.c.issue_id == issue_id, delivery.c.state.in_(("pending", "deferred")))
        .where(subscriber.c.state == "active")
        .order_by(subscriber.c.id)
    )
    with store.reading() as connection:
        yield from _read(connection, statement)


def _columns() -> list[Any]:
    return [subscriber.c[name] for name in _KNOWN]


def _read(connection: Connection, statement: Select[Any]) -> Iterator[Recipient]:
    for found in connection.execution_options(stream_results=True, yield_per=_TOGETHER).execute(statement):
        yield Recipient(SubscriberRow(**dict(zip(_KNOWN, found, strict=False))), found[-1])


def tally(connection: Connection, counted: Any, where: Any) -> dict[str, int]:
    """Value → rows. Not by GROUP BY: SQLite sorts a million rows in memory for it, to count a handful of values."""
    few = list(connection.execute(select(counted).where(where).distinct().limit(_FEW + 1)).scalars())
    if len(few) > _FEW:
        grouped = select(counted, func.count()).where(where).group_by(counted)
        return {row[0]: row[1] for row in connection.execute(grouped)}
    sums = [func.sum(case((counted == value, 1), else_=0)) for value in few]
    found = connection.execute(select(*sums).where(where)).one() if sums else ()
    return dict(zip(few, found, strict=True))
