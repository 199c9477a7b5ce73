"""`newsletter send`: an issue goes out to everyone who asked for it, once."""

import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from types import FrameType

import click

from newsletter.cli.common import Context, complete_issues, in_workspace, normalise
from newsletter.cli.counts import show_books
from newsletter.cli.subscribers import database
from newsletter.cli.ui import program, size
from newsletter.delivery.sender import SendReport
from newsletter.errors import Mistake, UsageError
from newsletter.flows.build import Rendered, render_issue
from newsletter.flows.dry_run import count_dry_run, write_dry_run
from newsletter.flows.freeze import SendSummary, freeze_issue, has_changed, show_card
from newsletter.flows.send import Sent, deliver
from newsletter.flows.send_one import send_test
from newsletter.model import Finding
from newsletter.store.database import Store
from newsletter.store.issues import FrozenIssue, find_issue, read_books
from newsletter.store.restore_guard import accept_restore, check_mark
from newsletter.text.words import count_of
from newsletter.workspace.database import mark_path
from newsletter.workspace.load import keep_numbers

OPEN_STATES = ("pending", "deferred", "claimed", "in_doubt", "held")


@click.command("send")
@click.argument("issue", shell_complete=complete_issues)
@click.option("--to", metavar="ADDRESS", help="Only a test mail to this address, marked [TEST].")
@click.option("--dry-run", is_flag=True, help="Write what would be sent to build/ISSUE/outbox; send nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--despite-errors", is_flag=True, help="Send although the checks found errors.")
@click.option("--i-know", is_flag=True, help="Send although the database was put back from a backup.")
@in_workspace
def command(
    here: Context, issue: str, to: str | None, dry_run: bool, yes: bool, despite_errors: bool, i_know: bool
) -> int:
    """Send an issue. The first time its bytes and its readers are fixed; again goes on where it ended. Never twice.

    Example: newsletter send 2025-07-07-weekly
    """
    slug = normalise(issue)
    if to:
        send_test(here.workspace, here.config, slug, to, here.now)
        here.ui.answer({"issue": slug, "to": to}, [("sent", to)])
        return 0
    with database(here) as store:
        if dry_run:
            return _dry_run(here, store, slug)
        mark = mark_path(here.workspace, store)
        if not i_know:
            check_mark(store, mark)
        frozen = find_issue(store, slug)
        if frozen is None:
            rendered = render_issue(here.workspace, here.config, slug)
            findings = _check(here, rendered, despite_errors)
            _ask(here, store, rendered, findings, yes)
            if i_know:
                accept_restore(store, mark)
            frozen = freeze_issue(rendered, here.config, store, here.now)
            here.ui.warn(keep_numbers(here.workspace, [rendered.issue]))
        else:
            _check_resumable(here, store, frozen)
            if i_know:
                accept_restore(store, mark)
        return _send(here, store, frozen)


def _check(here: Context, rendered: Rendered, despite_errors: bool) -> tuple[Finding, ...]:
    """What stops a send before anything is fixed: a change after the approval, and errors. Gives all findings."""
    from newsletter.flows.approve import check_approval
    from newsletter.flows.check import check_issue, stop_at_errors

    check_approval(here.workspace, here.config, rendered)
    findings, slug = check_issue(here.workspace, here.config, rendered), rendered.issue.slug
    if not despite_errors:
        fix = f"mend it; or, knowing what readers will get: newsletter send {slug} --despite-errors"
        stop_at_errors(findings, slug, done="sent", fix=fix)
    return findings


def _dry_run(here: Context, store: Store, slug: str) -> int:
    from newsletter.flows.check import check_issue

    rendered = render_issue(here.workspace, here.config, slug)
    findings = check_issue(here.workspace, here.config, rendered)
    _tell_findings(here, findings)
    count = count_dry_run(store, rendered, here.now)
    paths = list(write_dry_run(here.workspace, here.config, store, rendered, here.now))
    document = {"issue": slug, "readers": count, "files": paths, "findings": [asdict(one) for one in findings]}
    here.ui.answer(document, [(path,) for path in paths])
    written = (
        count_of(len(paths), "message") if len(paths) == count else f"{len(paths)} of {count_of(count, 'message')}"
    )
    here.ui.say(f"a dry run: {written} written, nothing sent, nothing frozen")
    return 0 if paths else 6


def _tell_findings(here: Context, findings: Sequence[Finding]) -> int:
    """Errors first, as `check` lists them → how many they are."""
    errors = [one for one in findings if one.level == "error"]
    for one in errors:
        here.ui.say(f"error: {one}", "red")
    here.ui.warn(one for one in findings if one.level == "warning")
    return len(errors)


def _ask(here: Context, store: Store, rendered: Rendered, findings: Sequence[Finding], yes: bool) -> None:
    """The summary card, and the question; without a terminal --yes is the answer."""
    card = show_card(rendered, here.config, store, here.now)
    errors = _tell_findings(here, findings)
    told = f"{count_of(errors, 'error')}, {count_of(len(findings) - errors, 'warning')}"
    told += "; sent all the same" if errors else ""
    for name, value in [*_card_lines(card), ("checks", told)]:
        here.ui.say(f"{name:>9}  {value}")
    if yes:
        return
    if not here.ui.on_terminal:
        raise UsageError(Mistake(code="NL095", message="this sends mail; say --yes where nobody can be asked"))
    if not click.confirm(f"Send it to {count_of(card.count, 'reader')}?", err=True):
        raise click.Abort


def _card_lines(card: SendSummary) -> list[tuple[str, str]]:
    readers = [
        (f"{count:,}", f"just {chosen.replace(' ', ', ')}: {card.subjects[chosen]}" if chosen else "the whole issue")
        for chosen, count in card.readers.items()
    ]
    return [
        ("issue", card.issue),
        ("subject", card.subject),
        ("from", card.sender),
        ("readers", f"{card.count:,}" + "".join(f"\n{'':>11}{count} {what}" for count, what in readers)),
        ("mail", f"{size(card.bytes)} of HTML"),
        ("through", card.relay + (f", at most {card.rate}" if card.rate else "")),
    ]


def _check_resumable(here: Context, store: Store, frozen: FrozenIssue) -> None:
    if frozen.state == "cancelled":
        raise UsageError(Mistake(code="NL095", message=f"{frozen.slug} was cancelled; nothing of it is sent any more"))
    if frozen.state == "paused":
        raise UsageError(
            Mistake(
                code="NL095",
                message=f"{frozen.slug} is paused: {frozen.reason or 'by hand'}",
                help=f"when that is mended: newsletter resume {frozen.slug}",
            )
        )
    if has_changed(here.workspace, here.config, store, frozen):
        here.ui.say(
            f"note: {frozen.slug} has changed since it was frozen; what was frozen at {frozen.frozen_at} is sent",
            "yellow",
        )


def _send(here: Context, store: Store, frozen: FrozenIssue) -> int:
    books = read_books(store, frozen)
    if frozen.state == "done" and not any(books.counts.get(state) for state in OPEN_STATES):
        here.ui.say(f"{frozen.slug} was sent; nobody is left")
        show_books(here, store, frozen, books)
        return 6
    from newsletter.flows.webhooks import listeners

    stopped: list[int] = []
    with here.ui.progress("sent", books.open) as bar:
        started, seen = time.monotonic(), [0]

        def watch(report: SendReport) -> None:
            done = report.accepted + report.rejected + report.deferred
            rate = done / max(time.monotonic() - started, 0.1)
            held = f", held by {report.held_by}" if report.held_by else ""
            told = f"{rate:,.0f}/s, {report.deferred:,} deferred, {report.rejected:,} refused{held}"
            with suppress(OSError):  # nobody can be told: that is no reason to stop (F54)
                bar.step(told, done - seen[0])
            seen[0] = done

        sent = deliver(
            here.workspace,
            here.config,
            store,
            frozen,
            clock=lambda: datetime.now(UTC),
            arm=lambda stop: _on_signals(stop, stopped),
            watch=watch,
            tell=lambda text: here.ui.say(text, "yellow"),
            listeners=listeners(here.config),
        )
        seconds = time.monotonic() - started
    _tell(here, sent, seconds)
    show_books(here, store, frozen, sent.books, relay=str(sent.report.relay or ""))
    return _exit_code(sent, stopped)


def _on_signals(stop: Callable[[], None], stopped: list[int]) -> None:
    """Ctrl-C and SIGTERM drain: replies that are under way are waited for (F5). A second Ctrl-C ends at once."""

    def drain(number: int, frame: FrameType | None) -> None:
        if stopped:
            raise KeyboardInterrupt
        stopped.append(number)
        stop()

    for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        signal.signal(number, drain)


def _tell(here: Context, sent: Sent, seconds: float) -> None:
    report = sent.report
    if sent.recovered:
        here.ui.say(
            f"{sent.recovered} were under way when the last run ended; they are in doubt and listed by newsletter status",
            "yellow",
        )
    rate = f", {report.accepted / seconds:,.0f}/s" if seconds and report.accepted else ""
    here.ui.say(f"{report.accepted:,} accepted in {seconds:,.1f} s{rate}", "bold")
    if report.paused:
        here.ui.say(f"paused: {report.paused}", "red")
    elif report.relay:
        here.ui.say(f"the relay cannot be used: {report.relay}", "red")
        here.ui.say(
            f"help: correct [smtp] in newsletter.toml, then run the same command again; {program()} doctor says more"
        )
    if sent.books.counts.get("held"):
        count, slug = sent.books.counts["held"], sent.books.issue
        here.ui.say(f"{count:,} held for you to decide: newsletter resend {slug} --only held, or leave them", "yellow")
    if report.stopped:
        here.ui.say("stopped; run the same command again to go on")


def _exit_code(sent: Sent, stopped: list[int]) -> int:
    if stopped:
        return 130 if stopped[0] == signal.SIGINT else 0
    if sent.report.paused:
        return 1
    if sent.report.relay:
        return 69
    return 5 if sent.books.open else 0
