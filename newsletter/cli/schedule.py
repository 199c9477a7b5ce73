"""`newsletter schedule`: what will go out and when, and what became of the last slots."""

from datetime import date, datetime
from itertools import islice

import click

from newsletter.calendar import Slot, skipped_by, slots_from
from newsletter.cli.common import Context, in_workspace
from newsletter.config import Config
from newsletter.errors import Mistake, NothingToDo
from newsletter.flows.reload import describe_heartbeat, differences
from newsletter.store.issues import find_issue
from newsletter.store.slots import SlotRow, list_slots
from newsletter.workspace.database import has_database, open_database
from newsletter.workspace.heartbeat import read_heartbeat

SHOWN_PAST = 5


@click.command("schedule")
@click.option("--next", "count", type=click.IntRange(1, 200), default=8, show_default=True, help="How many to come.")
@in_workspace
def command(here: Context, count: int) -> int:
    """The coming slots of all editions, and what became of the last five: as a running serve holds them.

    Example: newsletter schedule --next 8
    """
    beat = read_heartbeat(here.workspace, here.now)
    rows, states = _known(here)
    shown = [
        (row.slot, row.edition, datetime.fromisoformat(row.planned_at), *_state(here.config, row, states[row.slot]))
        for row in rows
    ]
    by_name = {row.slot: row for row in rows}
    # What a running `serve` has written down is what it will do; only beyond that the file alone is asked.
    held = _held_until(rows, here.now) if beat else {}
    coming = [slot for slot in _coming(here.config, here.now) if slot.at > held.get(slot.edition, here.now)]
    for slot in coming:
        if slot.name not in by_name or by_name[slot.name].state == "planned":
            shown = [one for one in shown if one[0] != slot.name]
            shown.append((slot.name, slot.edition, slot.at, *_expected(here.config, slot)))
    wanted = {slot.name for slot in coming} | {row.slot for row in rows if beat}
    past = [one for one in shown if one[2] <= here.now][-SHOWN_PAST:]
    future = sorted((one for one in shown if one[2] > here.now and one[0] in wanted), key=lambda one: one[2])[:count]
    if not past + future:
        raise NothingToDo(
            Mistake(code="NL097", message="no edition has a schedule", help='[[editions]] schedule = "mon 07:00"')
        )
    document = [
        {
            "slot": name,
            "edition": edition,
            "at": at.astimezone(here.config.zone).isoformat(),
            "state": state,
            "reason": why,
        }
        for name, edition, at, state, why in (*past, *future)
    ]
    lines = [
        (name, at.astimezone(here.config.zone).strftime("%a %d %b %Y %H:%M %Z"), state, why)
        for name, _, at, state, why in (*past, *future)
    ]
    here.ui.answer({"slots": document, "serve": describe_heartbeat(beat)}, lines)
    for text in differences(here.workspace, beat):
        here.ui.say(f"note: {text}", "yellow")
    return 0


def _held_until(rows: list[SlotRow], now: datetime) -> dict[str, datetime]:
    """Until when the running `serve` has written down each edition's slots."""
    planned = ((row.edition, datetime.fromisoformat(row.planned_at)) for row in rows)
    held: dict[str, datetime] = {}
    for edition, at in planned:
        if at > now:
            held[edition] = max(at, held.get(edition, at))
    return held


def _known(here: Context) -> tuple[list[SlotRow], dict[str, str]]:
    """What the database knows of slots, and the state of those that were sent by their issue's."""
    if not has_database(here.workspace, here.config):
        return [], {}
    store = open_database(here.workspace, here.config)
    try:
        rows = list_slots(store)
        states = {}
        for row in rows:
            frozen = find_issue(store, row.issue) if row.state == "sent" else None
            missed = row.state == "planned" and datetime.fromisoformat(row.planned_at) <= here.now
            states[row.slot] = (
                {"done": "sent"}.get(frozen.state, frozen.state) if frozen else "missed" if missed else row.state
            )
        return rows, states
    finally:
        store.close()


def _coming(config: Config, now: datetime) -> list[Slot]:
    today = now.astimezone(config.zone).date()
    found: list[Slot] = []
    for edition in config.editions:
        found += islice((slot for slot in slots_from(edition, today, config.zone) if slot.at > now), 200)
    return found


def _state(config: Config, row: SlotRow, state: str) -> tuple[str, str]:
    """A slot's state and its reason. That a day is left out is written down only when its turn comes."""
    edition = next((one for one in config.editions if one.slug == row.edition), None)
    entry = skipped_by(edition, date.fromisoformat(row.slot.rpartition("/")[2])) if edition else ""
    return ("skipped", f'skip = "{entry}"') if entry and state == "planned" else (state, row.reason)


def _expected(config: Config, slot: Slot) -> tuple[str, str]:
    entry = skipped_by(config.edition(slot.edition), slot.day)
    return ("skipped", f'skip = "{entry}"') if entry else ("planned", "")
