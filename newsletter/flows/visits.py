"""When sources are visited, and what the calendar knows of it. The calendar itself never waits for somebody else's server.

A visit begins a few minutes before a draft or a send wants it, in a job of its own, and ends by its deadline.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter.calendar import Slot, current_slots, lateness_limit, skipped_by
from newsletter.config import Config
from newsletter.flows.collect import VISIT_LIMIT_S, collect_sources
from newsletter.model import Edition
from newsletter.stopping import Arm, never_stopped
from newsletter.store.database import Store, stamp
from newsletter.store.slots import SlotRow, find_slot
from newsletter.workspace.files import Workspace, issue_path

# A visit is fresh for so long: the calendar is looked at all the time, other people's servers are not.
SEEN_BEFORE_DRAFT, SEEN_BEFORE_SEND = timedelta(minutes=30), timedelta(minutes=5)
# It begins so long before it is wanted, and is over by then.
LEAD = timedelta(seconds=VISIT_LIMIT_S + 60)
# A slot that is due at once, after a start say, waits for so long for a visit; then it goes on without.
PATIENCE = timedelta(seconds=VISIT_LIMIT_S + 30)
_DONE, _WANTED = "visit", "visit-wanted"
# What a visit may have left, which the editor should see before an issue goes out.
_VISIT_NOTES = ("feed-first", "feed-many", "feed-moved", "feed-limit", "memory")


@dataclass(frozen=True, slots=True)
class Visit:
    """When the sources were visited last, which failed and why, and what an editor should know of the others."""

    began_at: str
    failed: str
    notes: tuple[str, ...] = ()


def visit_sources(workspace: Workspace, config: Config, now: datetime, arm: Arm = never_stopped) -> Visit:
    """Visit all sources within the deadline. A source that was not reached has failed."""
    reports = collect_sources(workspace, config, now, arm=arm)
    failed = "; ".join(f"{report.name}: {report.failed}" for report in reports if report.failed)
    notes = tuple(str(one) for report in reports for one in report.findings if one.rule in _VISIT_NOTES)
    workspace.write_state(_DONE, {"began_at": stamp(now), "failed": failed, "notes": notes})
    return Visit(stamp(now), failed, notes)


def last_visit(workspace: Workspace, now: datetime, within: timedelta) -> Visit | None:
    """The last visit, if it is fresh. One of the future is none: the clock was set back."""
    memory = workspace.recall(_DONE)
    began_at, notes = str(memory.get("began_at", "")), memory.get("notes")
    fresh = stamp(now - within) <= began_at <= stamp(now)
    return (
        Visit(began_at, str(memory.get("failed", "")), tuple(map(str, notes)) if isinstance(notes, list) else ())
        if fresh
        else None
    )


def is_patient(workspace: Workspace, now: datetime) -> bool:
    """Whether who wants a visit should still wait for it. Asked again and again, it says no after a while."""
    wanted_at = str(workspace.recall(_WANTED).get("at", ""))
    if stamp(now - 2 * PATIENCE) <= wanted_at <= stamp(now):
        return wanted_at > stamp(now - PATIENCE)
    workspace.write_state(_WANTED, {"at": stamp(now)})
    return True


def is_visit_due(workspace: Workspace, config: Config, store: Store, now: datetime) -> bool:
    """Whether some slot wants the sources visited now."""
    return any(
        last_visit(workspace, now, within) is None
        for edition in config.editions
        for slot in current_slots(edition, now + LEAD, config.zone)
        for within in _wanted(workspace, store, edition, slot, now)
    )


def _wanted(workspace: Workspace, store: Store, edition: Edition, slot: Slot, now: datetime) -> Iterator[timedelta]:
    """How fresh a visit a slot wants; nothing if it wants none."""
    row = find_slot(store, slot.name)
    if row is None or row.state in ("sent", "skipped") or skipped_by(edition, slot.day):
        return
    if now - slot.at > lateness_limit(edition):
        return
    if _is_to_be_drafted(workspace, row, slot):
        yield SEEN_BEFORE_DRAFT
    elif edition.failed_source == "hold" and now >= slot.freezes_at - LEAD:
        yield SEEN_BEFORE_SEND


def _is_to_be_drafted(workspace: Workspace, row: SlotRow, slot: Slot) -> bool:
    return row.state == "planned" or (row.state == "held" and not workspace.exists(issue_path(slot.issue)))
