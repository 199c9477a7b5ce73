"""The calendar's flow: what is due is drafted, shown to the editor, frozen. Each step happens once, whoever calls and how often.

planned → drafted → sent, or skipped; held, while it waits for a person. Nothing here waits, sends or reads a clock.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import takewhile

from sqlalchemy import Connection

from newsletter.calendar import (
    Slot,
    current_slots,
    lateness_limit,
    local_instants,
    next_opening,
    skipped_by,
    slots_from,
)
from newsletter.config import Config
from newsletter.errors import NewsletterError, NothingToDo, describe_fault
from newsletter.flows.approve import approval_state
from newsletter.flows.build import Rendered, render_issue
from newsletter.flows.check import check_issue
from newsletter.flows.draft import draft_issue, write_older
from newsletter.flows.freeze import freeze_issue
from newsletter.flows.visits import SEEN_BEFORE_DRAFT, SEEN_BEFORE_SEND, Visit, is_patient, last_visit
from newsletter.model import Edition, Finding
from newsletter.store import issues
from newsletter.store.database import Store, stamp
from newsletter.store.restore_guard import check_mark
from newsletter.store.slots import SlotRow, State, find_slot, forget_slots, list_slots, move_slot, move_slot_in
from newsletter.store.transactional_mail import Letter
from newsletter.workspace.database import mark_path
from newsletter.workspace.files import Workspace, issue_path
from newsletter.workspace.last_text import find_last_text
from newsletter.workspace.load import keep_numbers

# A slot is expected from so long before it. One that nobody expected was not missed: the calendar was not kept yet, or
# the settings said another day.
_EXPECTED = timedelta(days=60)
# A reason that changes all the time, as those of failing servers do, is told so seldom.
_QUIET = timedelta(hours=6)
CANCELLED = "cancelled"
NO_POSTS = "0 posts"


@dataclass(frozen=True, slots=True)
class _CalendarStep:
    """What every step needs."""

    workspace: Workspace
    config: Config
    store: Store
    now: datetime


def keep_calendar(workspace: Workspace, config: Config, store: Store, now: datetime) -> list[SlotRow]:
    """Do all that is due → the slots that changed. Call it as often as you like, from as many processes as you like."""
    desk = _CalendarStep(workspace, config, store, now)
    changed = []
    for edition in config.editions:
        _expect(desk, edition)
        for slot in current_slots(edition, now, config.zone):
            row = find_slot(store, slot.name)
            if row is None or row.state in ("sent", "skipped"):
                continue
            try:
                step = _next_step(desk, edition, slot, row)
            except (_TakenBack, _NotYet):
                continue
            except NewsletterError as error:
                step = _SlotStep("held", f"{error.mistakes[0]}" if error.mistakes else str(error))
            except Exception as error:  # one slot's fault must not stop the others, nor be silence
                step = _SlotStep("held", f"a fault of the program: {describe_fault(error)}")
            if step and step.state == "held" and issues.find_issue(store, slot.issue):
                step = _SlotStep("sent")  # another process froze it in the same moment
            if step and (step.done or _take(desk, slot, row, step)):
                changed.append(replace(row, state=step.state, reason=step.reason))
    return changed


class _TakenBack(Exception):
    """Somebody cancelled the slot, or took the step, while it was looked at."""


class _NotYet(Exception):
    """The sources are being visited; the slot is looked at again soon."""


@dataclass(frozen=True, slots=True)
class _SlotStep:
    """The state a slot goes into, and why."""

    state: State
    reason: str = ""
    letter: str = ""
    done: bool = False  # written down already


def _expect(desk: _CalendarStep, edition: Edition) -> None:
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


def _take(desk: _CalendarStep, slot: Slot, row: SlotRow, step: _SlotStep) -> bool:
    """Write a step down, and tell the editor. False if nothing changed, or somebody else did it."""
    if (step.state, step.reason) == (row.state, row.reason):
        return False
    letters = []
    if step.letter:
        letters.append(Letter(kind="review", about=slot.issue, text=step.letter))
    elif step.state in ("held", "skipped") and step.reason and _is_news(desk, row, step):
        letters.append(Letter(kind="alert", about=slot.issue, text=_write_alert(desk, slot, step)))
    return move_slot(desk.store, _row(slot, step.state, step.reason), row, letters, desk.now)


def _is_news(desk: _CalendarStep, row: SlotRow, step: _SlotStep) -> bool:
    """Whether the editor should hear of it: of another state at once, of another reason some hours later."""
    return step.state != row.state or stamp(desk.now - _QUIET) >= row.at


def _write_alert(desk: _CalendarStep, slot: Slot, step: _SlotStep) -> str:
    """Why nothing goes out, and what to do. The first line is the subject."""
    lines = [f"{slot.issue} is {step.state}: {step.reason.partition(';')[0][:80]}", "", step.reason, ""]
    if step.state == "held":
        edition = desk.config.edition(slot.edition)
        until = _write_moment(slot.at + lateness_limit(edition), desk.config)
        lines += [
            f"Mend it, and it goes out by itself within a minute, until {until}; after that:",
            f"newsletter send {slot.issue}",
            "",
            "To give it up:",
            f"newsletter cancel {slot.issue}",
        ]
    elif step.reason == NO_POSTS:
        lines += [
            "Nothing was collected. If something comes in, send it by hand:",
            f"newsletter draft --date {slot.day} --edition {slot.edition}",
            f"newsletter send {slot.issue}",
        ]
    return "\n".join(lines)


def _write_moment(moment: datetime, config: Config) -> str:
    """`Monday 4 January 2027, 07:00 (Europe/Berlin)`."""
    local = moment.astimezone(config.zone)
    return f"{local:%A} {local.day} {local:%B %Y, %H:%M} ({config.publication.timezone})"


def _next_step(desk: _CalendarStep, edition: Edition, slot: Slot, row: SlotRow) -> _SlotStep | None:
    frozen = issues.find_issue(desk.store, slot.issue)
    if frozen:
        return _SlotStep("sent")  # by hand, or by a process that ended before it could write it down
    if entry := skipped_by(edition, slot.day):
        return _SlotStep("skipped", f'skip = "{entry}"')
    drafted = desk.workspace.exists(issue_path(slot.issue))
    if desk.now - slot.at > lateness_limit(edition):
        return _miss(edition, slot, drafted=row.state != "planned" and drafted)
    if row.state == "planned" or (row.state == "held" and not drafted):
        return _draft(desk, edition, slot)
    if desk.now < slot.freezes_at:
        return None
    return _freeze(desk, edition, slot, row)


def _miss(edition: Edition, slot: Slot, *, drafted: bool) -> _SlotStep:
    """Too late to go by itself."""
    why = f'missed: late = "{edition.late}"'
    if edition.late == "skip":
        return _SlotStep("skipped", why)
    command = (
        f"newsletter send {slot.issue}" if drafted else f"newsletter draft --date {slot.day} --edition {slot.edition}"
    )
    return _SlotStep("held", f"{why}; if it is still wanted: {command}")


# --- drafting -----------------------------------------------------------------------------------------------------


def _draft(desk: _CalendarStep, edition: Edition, slot: Slot) -> _SlotStep | None:
    visit = _find_visit(desk, SEEN_BEFORE_DRAFT)
    notes = [*visit.notes]
    try:
        draft = draft_issue(desk.workspace, desk.config, edition, slot.day)
    except NothingToDo:
        if not desk.workspace.exists(issue_path(slot.issue)):
            # Something may still come in until the last moment.
            return _SlotStep("skipped", NO_POSTS) if desk.now >= slot.freezes_at else None
    else:
        older = [write_older(draft)] if draft.newly_older else []
        notes += [*map(str, draft.mistakes), *map(str, draft.findings), *older]
    rendered = render_issue(desk.workspace, desk.config, slot.issue)
    more = [f"note: {one}" for one in dict.fromkeys(notes)]
    if visit.failed:
        more.append(f"a source failed: {visit.failed}")
    return _SlotStep("drafted", visit.failed, _write_review(desk, rendered, edition, slot, more))


def _find_visit(desk: _CalendarStep, within: timedelta) -> Visit:
    """The last visit of the sources, if it is fresh. Raises _NotYet while one is awaited; not for long."""
    visit = last_visit(desk.workspace, desk.now, within)
    if visit is None and is_patient(desk.workspace, desk.now):
        raise _NotYet
    return visit or Visit("", "the sources were not visited in time; what was collected before is used")


def _write_review(desk: _CalendarStep, rendered: Rendered, edition: Edition, slot: Slot, more: Sequence[str]) -> str:
    """What the editor is told of a draft: what it holds, what is wrong with it, what happens next."""
    config = desk.config
    at, count = _write_moment(slot.at, config), len(rendered.issue.posts)
    lines = [
        f"{rendered.issue.slug} is drafted: {count} {'post' if count == 1 else 'posts'}",
        "",
        f"Subject: {rendered.issue.subject}",
        "",
    ]
    if edition.mode == "auto":
        lines += [f"Its first mail leaves on {at}, unless you stop it:", f"newsletter cancel {slot.issue}"]
    elif edition.mode == "approve":
        lines += [f"Its first mail leaves on {at}, if you approve it:", f"newsletter approve {slot.issue}"]
    else:
        lines += ["It is not sent by itself. When it is ready:", f"newsletter send {slot.issue}"]
    if edition.undo and edition.mode != "draft":
        lines.append(
            f"It is fixed {edition.undo} before; till the first mail leaves newsletter cancel takes all of it back."
        )
    lines += ["", f"Edit it: {issue_path(slot.issue)}"]
    findings = check_issue(desk.workspace, config, rendered)
    notes = [*_errors(findings), *(f"note: {one}" for one in findings if one.level == "warning"), *more]
    return "\n".join([*lines, "", *(notes or ["The checks found nothing."])])


# --- freezing -----------------------------------------------------------------------------------------------------


def _freeze(desk: _CalendarStep, edition: Edition, slot: Slot, row: SlotRow) -> _SlotStep:
    if not desk.workspace.exists(issue_path(slot.issue)):
        last = find_last_text(desk.workspace, slot.issue)
        kept = f"; its last text: cp {last} {issue_path(slot.issue)}, then newsletter send {slot.issue}" if last else ""
        return _SlotStep("skipped", f"its issue.md was deleted{kept}")
    rendered = render_issue(desk.workspace, desk.config, slot.issue)
    if not rendered.issue.posts:
        return _SlotStep("skipped", NO_POSTS)
    check_mark(desk.store, mark_path(desk.workspace, desk.store))
    why = next(_find_blockers(desk, edition, slot, rendered), None)
    if why:
        return _SlotStep("held", why)
    try:
        zones = {}
        if edition.local_time:
            zones = local_instants(edition, slot.day, issues.reader_zones(desk.store), desk.config.zone)
        opens = next_opening(edition, slot.at, desk.config.zone)
        freeze_issue(
            rendered,
            desk.config,
            desk.store,
            desk.now,
            starts_at=opens,
            zones=zones,
            first=lambda connection: _leave(desk, connection, slot, row),
        )
    except NothingToDo as error:
        return _SlotStep("skipped", error.mistakes[0].message)
    keep_numbers(desk.workspace, [rendered.issue])  # if that fails, the archive reports it
    return _SlotStep("sent", done=True)


def _leave(desk: _CalendarStep, connection: Connection, slot: Slot, row: SlotRow) -> None:
    """The slot's last step, in the transaction that fixes the issue: who cancelled it before is obeyed."""
    if not move_slot_in(desk.store, connection, _row(slot, "sent"), row, (), desk.now):
        raise _TakenBack


def _find_blockers(desk: _CalendarStep, edition: Edition, slot: Slot, rendered: Rendered) -> Iterator[str]:
    """Why an issue does not go by itself; the first is told. It goes as soon as there is none, if it is not too late."""
    by_hand = f"newsletter send {slot.issue}"
    if edition.mode == "draft":
        yield f'mode = "draft": send it yourself: {by_hand}'
    approval = approval_state(desk.workspace, desk.config, rendered)
    if edition.mode == "approve" and approval.state == "none":
        yield f"it waits for newsletter approve {slot.issue}"
    if approval.state == "changed":
        look = f"look at it again (newsletter approve {slot.issue} --diff), then newsletter approve {slot.issue}"
        yield f"it {approval}; {look}"
    yield from _errors(check_issue(desk.workspace, desk.config, rendered))
    if edition.failed_source == "hold" and (failed := _find_visit(desk, SEEN_BEFORE_SEND).failed):
        yield f"a source failed: {failed}"


def _errors(findings: Iterable[Finding]) -> list[str]:
    return [f"error: {finding}" for finding in findings if finding.level == "error"]


# --- taking back --------------------------------------------------------------------------------------------------


def waiting_slot(store: Store, issue: str) -> SlotRow | None:
    """The slot that an issue waits for, if it was not frozen yet."""
    rows = [row for row in list_slots(store, issue=issue) if row.state in ("planned", "drafted", "held")]
    return rows[-1] if rows else None


def cancel_slot(store: Store, issue: str, now: datetime) -> bool:
    """An issue that is drafted or planned and not frozen yet will not go out. False if no slot waits for it."""
    row = waiting_slot(store, issue)
    return bool(row and move_slot(store, replace(row, state="skipped", reason=CANCELLED), row, (), now))


def revive_slot(workspace: Workspace, store: Store, issue: str, now: datetime) -> bool:
    """A slot that was cancelled by hand waits again. False if there is none."""
    for row in list_slots(store, issue=issue):
        if (row.state, row.reason) == ("skipped", CANCELLED):
            state: State = "drafted" if workspace.exists(issue_path(issue)) else "planned"
            return move_slot(store, replace(row, state=state, reason=""), row, (), now)
    return False
