"""What other programs are told, kept until they have heard it. A row holds no address, only whose it is about."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from newsletter.store import job_queue
from newsletter.store.database import Store, stamp
from newsletter.store.schema import hook as hooks

# Which addresses want to hear of an event.
Listeners = Mapping[str, Sequence[str]]
NOBODY: Listeners = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class HookCall:
    """One event for one address. `body` is a JSON object with `subscriber` or `issue`."""

    id: int
    url: str
    event: str
    body: str
    attempt: int
    made_at: str


def queue_hooks(
    connection: Connection, listeners: Listeners, event: str, bodies: Sequence[Mapping[str, object]], now: datetime
) -> None:
    """Let everybody who wants to know be told; in the transaction of what happened."""
    moment = stamp(now)
    rows = [
        {
            "url": url,
            "event": event,
            "body": json.dumps(body),
            "state": "waiting",
            "attempt": 0,
            "made_at": moment,
            "next_at": moment,
        }
        for url in listeners.get(event, ())
        for body in bodies
    ]
    if rows:
        connection.execute(insert(hooks), rows)


def begin_hook(store: Store, now: datetime) -> HookCall | None:
    """The next call that is due."""
    row = job_queue.begin_next(store, hooks, now)
    return HookCall(**{name: getattr(row, name) for name in HookCall.__slots__}) if row is not None else None


def end_hook(store: Store, call: HookCall, state: str, next_at: datetime) -> None:
    """What became of it. An address that does not answer is left alone with its other calls too: they hold up nobody else."""
    job_queue.end(store, hooks, call.id, state, next_at)
    if state == "waiting":
        others = (hooks.c.url == call.url, hooks.c.state == "waiting", hooks.c.next_at < stamp(next_at))
        with store.writing() as connection:
            connection.execute(update(hooks).where(*others).values(next_at=stamp(next_at)))


def count_hooks(store: Store) -> dict[str, int]:
    """How many calls are in each state."""
    with store.reading() as connection:
        rows = connection.execute(select(hooks.c.state, func.count()).group_by(hooks.c.state)).all()
        return {row[0]: row[1] for row in rows}
