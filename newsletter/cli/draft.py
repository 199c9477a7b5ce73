"""`newsletter draft`: collected posts become issues/<slug>/issue.md."""

from datetime import date

import click

from newsletter.calendar import next_day
from newsletter.cli.common import Context, complete_names, in_workspace, parse_date
from newsletter.cli.ui import describe_mistake, program
from newsletter.editing.duplicates import Duplicate
from newsletter.flows.draft import Draft, draft_issue, refresh_issue, write_older
from newsletter.text.words import count_of
from newsletter.workspace.shown_notes import new_notes

PARTLY = 5


@click.command("draft")
@click.option(
    "--edition",
    metavar="E",
    shell_complete=complete_names("editions"),
    help="Which edition (default: the first).",
)
@click.option(
    "--date",
    "day",
    metavar="D",
    callback=parse_date,
    help="The issue's day (default: the next in the schedule).",
)
@click.option("--refresh", is_flag=True, help="Add what is new to an issue that stands; nothing in it is touched.")
@click.option("--older", is_flag=True, help="Also take posts of feeds that are older than max_age_days.")
@in_workspace
def command(here: Context, edition: str | None, day: date | None, refresh: bool, older: bool) -> int:
    """Make an issue of the posts that no issue has had: one Markdown file to read, change and build.

    Example: newsletter draft --date 2025-07-14
    """
    chosen = here.config.edition(edition)
    day = day or next_day(chosen, here.now, here.config.zone)
    make = refresh_issue if refresh else draft_issue
    draft = make(here.workspace, here.config, chosen, day, older=older, track=here.ui.track)
    tell_draft(here, draft)
    here.ui.answer(describe(draft), [[draft.path, count_of(len(draft.added), "post"), f"{draft.unsorted} unsorted"]])
    if refresh:
        here.ui.say("The subject and the preheader are as they were; do they still fit?")
    here.ui.say(f"Next: read and change {draft.path}, then: {program()} build {draft.slug} --open")
    return PARTLY if draft.mistakes else 0


def tell_draft(here: Context, draft: Draft) -> None:
    """Say what did not come into a draft, and why."""
    ui = here.ui
    ui.tell_mistakes(draft.mistakes)
    ui.warn(new_notes(here.workspace, draft.findings))
    for duplicate in draft.duplicates:
        ui.say(f"left out: {duplicate.post.title!r} ({duplicate.reason} as {duplicate.title!r}, {duplicate.where})")
    for name, posts in (
        ("held back", draft.held),
        ("for other editions", draft.elsewhere),
        ("dated later", draft.later),
    ):
        if posts:
            ui.say(f"{name}: {len(posts)}")
    if draft.newly_older:
        ui.say(f"held back: {write_older(draft)}")


def describe(draft: Draft) -> dict[str, object]:
    """A draft as JSON."""
    return {
        "issue": draft.slug,
        "path": draft.path,
        "posts": len(draft.added),
        "unsorted": draft.unsorted,
        "duplicates": [_describe_duplicate(duplicate) for duplicate in draft.duplicates],
        "held": [post.key for post in draft.held],
        "elsewhere": [post.key for post in draft.elsewhere],
        "later": [post.key for post in draft.later],
        "older": [post.key for post in draft.older],
        "used": draft.used,
        "warnings": [str(finding) for finding in draft.findings],
        "mistakes": [describe_mistake(mistake) for mistake in draft.mistakes],
    }


def _describe_duplicate(duplicate: Duplicate) -> dict[str, object]:
    return {
        "key": duplicate.post.key,
        "title": duplicate.post.title,
        "of": duplicate.title,
        "where": duplicate.where,
        "reason": duplicate.reason,
        "likeness": duplicate.likeness,
    }
