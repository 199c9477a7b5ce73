"""`newsletter build`: an issue becomes mail, text, archive and feeds."""

from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING

import click

from newsletter.cli.common import Context, complete_issues, complete_names, in_workspace, normalise, parse_date
from newsletter.cli.ui import describe_mistake, size
from newsletter.errors import Mistake
from newsletter.flows.build import build_issue, choose_issue
from newsletter.text.words import count_of

if TYPE_CHECKING:
    from newsletter.flows.draft import Draft

PARTLY = 5


@click.command("build")
@click.argument("issue", required=False, shell_complete=complete_issues)
@click.option(
    "--edition",
    metavar="E",
    shell_complete=complete_names("editions"),
    help="Which edition (default: the first).",
)
@click.option("--date", "day", metavar="D", callback=parse_date, help="The issue's day.")
@click.option("--open", "open_it", is_flag=True, help="Show the mail in the browser, if there is a terminal.")
@in_workspace
def command(here: Context, issue: str | None, edition: str | None, day: date | None, open_it: bool) -> int:
    """Render an issue: the mail in HTML and text, a whole message, the archive and the feeds.

    Without ISSUE it is the edition's latest one; if there is none, it is drafted first.

    Example: newsletter build --open
    """
    config, ui = here.config, here.ui
    mistakes: list[Mistake] = []

    def tell(draft: "Draft") -> None:
        from newsletter.cli.draft import tell_draft

        tell_draft(here, draft)
        mistakes.extend(draft.mistakes)

    if issue is None:
        chosen = config.edition(edition)
        issue = choose_issue(here.workspace, config, chosen, day, here.now, drafted=tell)
    elif edition or day:
        raise click.UsageError("name either an ISSUE, or its --edition and --date")
    build = build_issue(here.workspace, config, normalise(issue), now=here.now)
    themes = [{"slug": slug, "posts": posts} for slug, posts in build.themes]
    document = {
        "issue": build.issue.slug,
        "posts": len(build.issue.posts),
        "themes": themes,
        "unsorted": build.unsorted,
        "files": build.files,
        "bytes": build.html_bytes,
        "warnings": [asdict(finding) for finding in build.findings],
        "mistakes": [describe_mistake(mistake) for mistake in mistakes],
    }
    ui.warn(build.findings)
    named = ", ".join(f"{slug} {posts}" for slug, posts in build.themes) or "no posts"
    ui.say(
        f"{build.issue.slug}: {count_of(len(build.issue.posts), 'post')} ({named}), {size(build.html_bytes)} of HTML",
        "bold",
    )
    ui.answer(document, build.files.items())
    if open_it and ui.on_terminal:
        click.launch(str(here.workspace.path(build.files["html"])))
    ui.say(f"Next: look at {build.files['html']}, change issues/{build.issue.slug}/issue.md, build again")
    return PARTLY if mistakes else 0
