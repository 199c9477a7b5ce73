"""`newsletter rehearse`: what would happen if this issue went out now, with a server that misbehaves."""

import time
from dataclasses import asdict
from datetime import timedelta

import click

from newsletter.cli.common import Context, complete_issues, in_workspace, normalise
from newsletter.cli.subscribers import database
from newsletter.flows.rehearse import Stopwatch, rehearse_issue
from newsletter.text.words import count_of


@click.command("rehearse")
@click.argument("issue", shell_complete=complete_issues)
@in_workspace
def command(here: Context, issue: str) -> int:
    """Send an issue to a copy of the whole audience, through a built-in server that greylists, refuses, is slow, breaks off.

    Nobody is mailed and the database is not changed. Shows the plan per provider, the time it takes, and the books.

    Example: newsletter rehearse 2025-07-07-weekly
    """
    with database(here) as store:
        done = rehearse_issue(
            here.workspace, here.config, store, normalise(issue), here.now, Stopwatch(iter(time.monotonic, None))
        )
    fates = dict(sorted(done.behaviour.fates.items()))
    for plan in done.domains:
        slow = f"  {plan.rate}: {plan.hours:,.1f} h at least" if plan.rate else ""
        here.ui.say(f"{plan.readers:>10,}  {plan.domain}{slow}")
    here.ui.say("the server: " + ", ".join(f"{name} {count:,}" for name, count in fates.items()))
    rate = done.books.planned / done.seconds if done.seconds else 0
    here.ui.say(f"{done.seconds:,.1f} s of sending ({rate:,.0f}/s), retries over {_span(done.clock)}", "bold")
    if done.limit_hours:
        here.ui.say(f"at {here.config.smtp.rate} it takes {done.limit_hours:,.1f} h at least")
    told = "all listed" if done.listed else "NOT ALL LISTED"
    here.ui.say(f"{len(done.behaviour.doubled)} got a second copy, {told}; {done.in_doubt} in doubt")
    document = done.books.as_dict() | {
        "domains": [asdict(plan) for plan in done.domains],
        "server": fates,
        "seconds": round(done.seconds, 3),
        "retries_s": int(done.clock.total_seconds()),
        "doubled": len(done.behaviour.doubled),
        "in_doubt_events": done.in_doubt,
        "good": done.good,
    }
    books = {**done.books.as_dict(), "good": done.good}
    here.ui.answer(document, [(name, value) for name, value in books.items() if value or name == "planned"])
    return 0 if done.good else 1


def _span(time_span: timedelta) -> str:
    minutes = int(time_span.total_seconds() // 60)
    return count_of(minutes, "minute") if minutes < 120 else f"{minutes / 60:,.1f} hours"
