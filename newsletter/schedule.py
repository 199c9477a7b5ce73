"""The calendar's flow: what is due is drafted, shown to the editor, frozen. Each step happens once, whoever calls and how often.

planned → drafted → sent, or skipped; held, while it waits for a person. Nothing here waits, sends or reads a clock.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import takewhile

from newsletter.approve import approval_state
from newsletter.build import Rendered, render_issue
from newsletter.check import check_issue
from newsletter.collect import collect_sources
from newsletter.config import Config
from newsletter.draft import draft_issue
from newsletter.errors import NewsletterError, NothingToDo
from newsletter.model import Edition, Finding
from newsletter.send import freeze_issue, mark_path
from newsletter.slots import Slot, current_slots, lateness_limit, local_instants, skipped_by, slots_from
from newsletter.store import issues
from newsletter.store.database import Store, stamp
from newsletter.store.letters import Letter
from newsletter.store.mark import check_mark
from newsletter.store.slots import SlotRow, State, find_slot, forget_slots, list_slots, move_slot
from newsletter.workspace import Workspace, issue_path

# A slot is expected from so long before it. One that nobody expected was not missed: the calendar was not kept yet, or
# the settings said another day.
_EXPECTED = timedelta(days=60)
# The calendar is looked at all the time; other people's servers are not.
_SEEN_BEFORE_DRAFT, _SEEN_BEFORE_SEND = timedelta(minutes=30), timedelta(minutes=5)
_MEMORY = "calendar"


@dataclass(frozen=True, slots=True)
class _Desk:
    """What every step needs."""

    workspace: Workspace
    config: Config
    store: Store
    now: datetime


def keep_calendar(workspace: Workspace, config: Config, store: Store, now: datetime) -> list[SlotRow]:
    """Do all that is due → the slots that changed. Call it as often as you like, from as many processes as you like."""
    desk = _Desk(workspace, config, store, now)
    changed = []
    for edition in config.editions:
        _expect(desk, edition)
        for slot in current_slots(edition, now, config.zone):
            row = find_slot(store, slot.name)
            if row is None or row.state in ("sent", "skipped"):
                continue
            try:
                step = _next_step(desk, edition, slot, row)
            except NewsletterError as error:
                step = _Step("held", f"{error.mistakes[0]}" if error.mistakes else str(error))
            if step and _take(desk, slot, row, step):
                changed.append(replace(row, state=step.state, reason=step.reason))
    return changed


@dataclass(frozen=True, slots=True)
class _Step:
    """The state a slot goes into, and why."""

    state: State
    reason: str = ""
    letter: str = ""


def _expect(desk: _Desk, edition: Edition) -> None:
    """Write down the slots to come, so that one that is missed is known as such; forget those that the settings took out."""
    first = desk.now.astimezone(desk.config.zone).date()
    slots = takewhile(lambda one: one.at <= desk.now + _EXPECTED, slots_from(edition, first, desk.config.zone))
    wanted = {slot.name: slot for slot in slots}
    known = {row.slot: row for row in list_slots(desk.store, edition=edition.slug, after=desk.now)}
    for name, slot in wanted.items():
        row = known.get(name)
        if row is None and slot.at > desk.now:
            move_slot(desk.store, _row(slot, "planned"), None, (), desk.now)
        elif row and row.state == "planned" and row.planned_at != stamp(slot.at):
            move_slot(desk.store, _row(slot, "planned"), row, (), desk.now)
    if gone := known.keys() - wanted.keys():
        forget_slots(desk.store, gone)


def _row(slot: Slot, state: State, reason: str = "") -> SlotRow:
    return SlotRow(
        slot=slot.name,
        edition=slot.edition,
        planned_at=stamp(slot.at),
        issue=slot.issue,
        state=state,
        reason=reason,
        at="",
    )


def _take(desk: _Desk, slot: Slot, row: SlotRow, step: _Step) -> bool:
    """Write a step down, and tell the editor. False if nothing changed, or somebody else did it."""
    if (step.state, step.reason) == (row.state, row.reason):
        return False
    letters = []
    if step.letter:
        letters.append(Letter(kind="review", about=slot.issue, text=step.letter))
    elif step.state in ("held", "skipped") and step.reason:
        letters.append(Letter(kind="alert", about=slot.issue, text=f"{slot.name}: {step.state}: {step.reason}"))
    return move_slot(desk.store, _row(slot, step.state, step.reason), row, letters, desk.now)


def _next_step(desk: _Desk, edition: Edition, slot: Slot, row: SlotRow) -> _Step | None:
    frozen = issues.find_issue(desk.store, slot.issue)
    if frozen:
        return _Step("sent")  # by hand, or by a process that ended before it could write it down
    if entry := skipped_by(edition, slot.day):
        return _Step("skipped", f'skip = "{entry}"')
    if desk.now - slot.at > lateness_limit(edition):
        return _miss(edition, slot, drafted=row.state != "planned" and desk.workspace.exists(issue_path(slot.issue)))
    if row.state == "planned":
        return _draft(desk, edition, slot)
    if desk.now < slot.freezes_at:
        return None
    return _freeze(desk, edition, slot)


def _miss(edition: Edition, slot: Slot, *, drafted: bool) -> _Step:
    """Too late to go by itself."""
    why = f'missed: late = "{edition.late}"'
    if edition.late == "skip":
        return _Step("skipped", why)
    command = (
        f"newsletter send {slot.issue}" if drafted else f"newsletter draft --date {slot.day} --edition {slot.edition}"
    )
    return _Step("held", f"{why}; if it is still wanted: {command}")


# --- drafting -----------------------------------------------------------------------------------------------------


def _draft(desk: _Desk, edition: Edition, slot: Slot) -> _Step | None:
    failed = _failed_sources(desk, _SEEN_BEFORE_DRAFT)
    try:
        draft_issue(desk.workspace, desk.config, edition, slot.day)
    except NothingToDo:
        if not desk.workspace.exists(issue_path(slot.issue)):
            # Something may still come in until the last moment.
            return _Step("skipped", "0 posts") if desk.now >= slot.freezes_at else None
    rendered = render_issue(desk.workspace, desk.config, slot.issue)
    return _Step("drafted", failed, _write_review(desk, rendered, edition, slot, failed))


def _failed_sources(desk: _Desk, seen_within: timedelta) -> str:
    """Visit all sources, unless that was done just now; → those that failed, and why."""
    memory = desk.workspace.read_state(_MEMORY)
    before = str(memory.get("visited_at", ""))
    if stamp(desk.now - seen_within) < before <= stamp(desk.now):
        return str(memory.get("failed", ""))
    reports = collect_sources(desk.workspace, desk.config, desk.now)
    failed = "; ".join(f"{report.name}: {report.failed}" for report in reports if report.failed)
    desk.workspace.write_state(_MEMORY, {"visited_at": stamp(desk.now), "failed": failed})
    return failed


def _write_review(desk: _Desk, rendered: Rendered, edition: Edition, slot: Slot, failed: str) -> str:
    """What the editor is told of a draft: what it holds, what is wrong with it, what happens next."""
    config = desk.config
    at = slot.freezes_at.astimezone(config.zone).strftime("%A %d %B %Y, %H:%M")
    lines = [
        f"{rendered.issue.slug} is drafted: {len(rendered.issue.posts)} posts.",
        f"Subject: {rendered.issue.subject}",
        "",
    ]
    if edition.mode == "auto":
        lines += [f"It is sent on {at} unless you stop it:", f"  newsletter cancel {slot.issue}"]
    elif edition.mode == "approve":
        lines += [f"It is sent on {at} if you approve it:", f"  newsletter approve {slot.issue}"]
    else:
        lines += ["It is not sent by itself. When it is ready:", f"  newsletter send {slot.issue}"]
    lines += ["", f"Edit it: {issue_path(slot.issue)}"]
    findings = check_issue(desk.workspace, config, rendered)
    notes = [*_errors(findings), *(f"note: {one}" for one in findings if one.level == "warning")]
    if failed:
        notes.append(f"a source failed: {failed}")
    return "\n".join([*lines, "", *(notes or ["The checks found nothing."])])


# --- freezing -----------------------------------------------------------------------------------------------------


def _freeze(desk: _Desk, edition: Edition, slot: Slot) -> _Step:
    if not desk.workspace.exists(issue_path(slot.issue)):
        return _Step("skipped", "its issue.md was deleted")
    rendered = render_issue(desk.workspace, desk.config, slot.issue)
    if not rendered.issue.posts:
        return _Step("skipped", "0 posts")
    check_mark(desk.store, mark_path(desk.workspace, desk.store))
    why = next(_find_blockers(desk, edition, slot, rendered), None)
    if why:
        return _Step("held", why)
    try:
        zones = {}
        if edition.local_time:
            zones = local_instants(edition, slot.day, issues.reader_zones(desk.store), desk.config.zone)
        freeze_issue(rendered, desk.config, desk.store, desk.now, starts_at=slot.at, zones=zones)
    except NothingToDo as error:
        return _Step("skipped", error.mistakes[0].message)
    return _Step("sent")


def _find_blockers(desk: _Desk, edition: Edition, slot: Slot, rendered: Rendered) -> Iterator[str]:
    """Why an issue does not go by itself; the first is told. It goes as soon as there is none, if it is not too late."""
    by_hand = f"newsletter send {slot.issue}"
    if edition.mode == "draft":
        yield f'mode = "draft": send it yourself: {by_hand}'
    approval = approval_state(desk.workspace, desk.config, rendered)
    if edition.mode == "approve" and approval == "none":
        yield f"it waits for newsletter approve {slot.issue}"
    if approval == "changed":
        yield f"it was changed after it was approved: look at it again, then newsletter approve {slot.issue}"
    yield from _errors(check_issue(desk.workspace, desk.config, rendered))
    if edition.failed_source == "hold" and (failed := _failed_sources(desk, _SEEN_BEFORE_SEND)):
        yield f"a source failed: {failed}"


def _errors(findings: Iterable[Finding]) -> list[str]:
    return [f"error: {finding}" for finding in findings if finding.level == "error"]


# --- taking back --------------------------------------------------------------------------------------------------


def cancel_slot(store: Store, issue: str, now: datetime) -> bool:
    """An issue that is drafted or planned and not frozen yet will not go out. False if no slot waits for it."""
    for row in list_slots(store, issue=issue):
        if row.state in ("planned", "drafted", "held"):
            return move_slot(store, replace(row, state="skipped", reason="cancelled"), row, (), now)
    return False
