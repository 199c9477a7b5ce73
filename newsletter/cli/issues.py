"""`newsletter status`, `verify`, `pause`, `resume`, `cancel`, `resend`: the books of what goes out, and a hand on the lever."""

from datetime import UTC, datetime, timedelta

import click

from newsletter.cli.common import Context, complete_issues, in_workspace, normalise
from newsletter.cli.counts import show_books
from newsletter.cli.subscribers import database
from newsletter.errors import Mistake, UsageError
from newsletter.store import issues
from newsletter.store.database import Store
from newsletter.store.issues import FrozenIssue
from newsletter.store.slots import list_slots
from newsletter.text.words import count_of, suggest


def _find(here: Context, store: Store, issue: str) -> FrozenIssue:
    slug = normalise(issue)
    found = issues.find_issue(store, slug)
    if found is not None:
        return found
    slots = list_slots(store, issue=slug)
    known = {*here.workspace.issue_slugs(), *(row.issue for row in list_slots(store))}
    if slots and slots[-1].state == "skipped":
        raise UsageError(
            Mistake(code="NL095", message=f"{slug} is skipped: {slots[-1].reason}; nothing of it was sent")
        )
    if slots:
        fix = f"newsletter cancel {slug} takes its slot out of the calendar"
        raise UsageError(
            Mistake(code="NL095", message=f"{slug} is {slots[-1].state}; nothing of it was sent yet", help=fix)
        )
    if slug in known:
        raise UsageError(Mistake(code="NL095", message=f"{slug} was never sent", help=f"newsletter send {slug}"))
    raise UsageError(
        Mistake(code="NL031", message=f"no issue {slug!r}{suggest(slug, known)}", help="newsletter status")
    )


@click.command("status")
@click.argument("issue", required=False, shell_complete=complete_issues)
@click.option("--in-doubt", is_flag=True, help="List everybody who may have got a second copy, or none.")
@in_workspace
def status(here: Context, issue: str | None, in_doubt: bool) -> int:
    """The books: every planned reader in exactly one state. Without ISSUE: all issues.

    Example: newsletter status 2025-07-07-weekly
    """
    with database(here) as store:
        if issue is None:
            books = [issues.read_books(store, one) for one in issues.frozen_issues(store)]
            here.ui.answer(
                {"issues": [one.as_dict() for one in books]},
                [(one.issue, one.state, *(f"{name} {count:,}" for name, count in one.counts.items())) for one in books],
            )
            if not books:
                here.ui.say("nothing was sent yet")
            return 0
        found = _find(here, store, issue)
        if in_doubt:
            rows = issues.in_doubt_list(store, found)
            document = [{"address": address, "at": at, "reply": reply} for address, at, reply in rows]
            here.ui.answer({"issue": found.slug, "in_doubt": document}, rows)
            return 0
        if found.reason:
            here.ui.say(f"{found.state}: {found.reason}", "yellow")
        show_books(here, store, found, issues.read_books(store, found))
        return 0


@click.command("verify")
@click.argument("issue", shell_complete=complete_issues)
@in_workspace
def verify(here: Context, issue: str) -> int:
    """Recount the books row by row, and check that the frozen messages are those that were frozen.

    Example: newsletter verify 2025-07-07-weekly
    """
    with database(here) as store:
        found = _find(here, store, issue)
        issues.read_variants(store, found)
        seen = issues.verify(store, found)
    good = seen.books.balanced and not seen.unknown_variants
    document = seen.books.as_dict() | {
        "missing": seen.missing,
        "strange_states": list(seen.strange_states),
        "without_message": seen.unknown_variants,
        "ok": good,
    }
    here.ui.answer(document, document.items())
    return 0 if good else 1


@click.command("pause")
@click.argument("issue", shell_complete=complete_issues)
@in_workspace
def pause(here: Context, issue: str) -> int:
    """Let nothing more of an issue leave; a send that is running stops within a second.

    Example: newsletter pause 2025-07-07-weekly
    """
    return _set(here, issue, "paused", "by hand", unless=("done", "cancelled"))


@click.command("resume")
@click.argument("issue", shell_complete=complete_issues)
@in_workspace
def resume(here: Context, issue: str) -> int:
    """Lift a pause. A running serve then goes on; without one newsletter send does.

    Example: newsletter resume 2025-07-07-weekly
    """
    return _set(here, issue, "sending", "", unless=("done", "cancelled", "frozen"))


def _set(here: Context, issue: str, state: str, reason: str, unless: tuple[str, ...]) -> int:
    from newsletter.flows.schedule import revive_slot

    with database(here) as store:
        slug = normalise(issue)
        if (
            state == "sending"
            and issues.find_issue(store, slug) is None
            and revive_slot(here.workspace, store, slug, here.now)
        ):
            here.ui.answer({"issue": slug, "state": "planned"}, [(slug, "planned")])
            here.ui.say("it is in the calendar again: newsletter schedule")
            return 0
        found = _find(here, store, issue)
        if not issues.set_state(store, found, state, reason, unless=unless):
            raise UsageError(Mistake(code="NL095", message=f"{found.slug} is {found.state}; it cannot be {state}"))
        show_books(here, store, found, issues.read_books(store, found))
    if state == "sending":
        here.ui.say(f"a running newsletter serve goes on by itself; without one: newsletter send {found.slug}")
    return 0


@click.command("cancel")
@click.argument("issue", shell_complete=complete_issues)
@click.option("--yes", is_flag=True, help="Do not ask.")
@in_workspace
def cancel(here: Context, issue: str, yes: bool) -> int:
    """Take back what has not left yet, for good. What is on its way arrives.

    Example: newsletter cancel 2025-07-07-weekly --yes
    """
    from newsletter.flows.schedule import cancel_slot, waiting_slot

    with database(here) as store:
        slug = normalise(issue)
        waits = issues.find_issue(store, slug) is None and waiting_slot(store, slug) is not None
        if not yes and not click.confirm(f"Cancel {slug} for all who have not got it?", err=True):
            here.ui.say("nothing was cancelled")
            return 6
        if waits and cancel_slot(store, slug, here.now):
            here.ui.answer({"issue": slug, "state": "cancelled"}, [(slug, "cancelled")])
            here.ui.say(
                f"it was not sent to anybody, and will not be by itself; take it back: newsletter resume {slug}"
            )
            return 0
        found = _find(here, store, issue)
        if found.state == "done" and not issues.read_books(store, found).open:
            here.ui.say(f"{found.slug} was sent; there is nothing to take back")
            return 6
        count = issues.cancel(store, found, here.now)
        here.ui.say(f"{count:,} {'reader does' if count == 1 else 'readers do'} not get it")
        show_books(here, store, found, issues.read_books(store, found))
    return 0


@click.command("resend")
@click.argument("issue", shell_complete=complete_issues)
@click.option(
    "--only",
    "what",
    type=click.Choice(list(issues.RESENDABLE)),
    required=True,
    help="missed: all who have not accepted it; uncertain: in doubt; held; rejected.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@in_workspace
def resend(here: Context, issue: str, what: str, yes: bool) -> int:
    """Plan an issue anew for those who did not get it; newsletter send then sends it. Who accepted it gets no second one.

    Example: newsletter resend 2025-07-07-weekly --only missed
    """
    with database(here) as store:
        found = _find(here, store, issue)
        if found.state == "cancelled":
            raise UsageError(
                Mistake(code="NL095", message=f"{found.slug} was cancelled; nothing of it is sent any more")
            )
        books = issues.read_books(store, found)
        count = sum(books.counts.get(state, 0) for state in issues.RESENDABLE[what])
        if not count:
            here.ui.say("there is nobody of whom this is so")
            return 6
        if not yes and not click.confirm(f"Plan it anew for {count_of(count, 'reader')}?", err=True):
            raise click.Abort
        expires = datetime.now(UTC) + timedelta(hours=here.config.smtp.lifetime_h)
        issues.resend(store, found, what, expires)
        show_books(here, store, found, issues.read_books(store, found))
    here.ui.say(f"send it: newsletter send {found.slug}")
    return 0
