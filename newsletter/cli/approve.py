"""`newsletter approve`: the editor's word that an issue may go out as it is."""

import getpass
import os
import sys

import click

from newsletter.cli.common import Context, complete_issues, in_workspace, normalise
from newsletter.cli.ui import paint_diff
from newsletter.errors import Mistake, NothingToDo


@click.command("approve")
@click.argument("issue", shell_complete=complete_issues)
@click.option("--by", metavar="NAME", help="Who approves (default: the name you are logged in with).")
@click.option(
    "--diff", is_flag=True, help="Only show what has changed since the approval; exit code 4 if anything has."
)
@in_workspace
def command(here: Context, issue: str, by: str | None, diff: bool) -> int:
    """Approve an issue as it is now. Any change after it, of text, templates or readers' rule, takes the approval away.

    Example: newsletter approve 2025-07-07-weekly
    """
    from newsletter.flows.approve import approval_path, approve_issue
    from newsletter.flows.build import render_issue
    from newsletter.flows.check import check_issue, stop_at_errors

    slug = normalise(issue)
    if diff:
        return _show_diff(here, slug)
    rendered = render_issue(here.workspace, here.config, slug)
    findings = check_issue(here.workspace, here.config, rendered)
    stop_at_errors(findings, slug, done="approved", fix=f"mend it, then: newsletter approve {slug}")
    name = by or os.environ.get("USER") or getpass.getuser()
    approval = approve_issue(here.workspace, here.config, rendered, by=name, now=here.now)
    path = approval_path(slug)
    here.ui.answer({"issue": slug, "sha256": approval.sha256, "by": name, "path": path}, [(path,)])
    here.ui.say(f"{slug} is approved by {name}; it goes out as it is now, or not at all")
    return 0


def _show_diff(here: Context, slug: str) -> int:
    """What has changed since the approval; nothing is approved."""
    from newsletter.flows.approval_record import as_document
    from newsletter.flows.approve import approval_state, show_changes
    from newsletter.flows.build import render_issue

    standing = approval_state(here.workspace, here.config, render_issue(here.workspace, here.config, slug))
    if standing.approval is None:
        raise NothingToDo(Mistake(code="NL097", message=f"{slug} is not approved", help=f"newsletter approve {slug}"))
    document = {
        "issue": slug,
        "state": standing.state,
        "by": standing.approval.by,
        "at": standing.approval.at,
        "changes": as_document(standing.changes),
    }
    here.ui.answer(document, [(paint_diff(line, sys.stdout),) for line in show_changes(standing.changes)])
    here.ui.say(f"{slug} {standing} (by {standing.approval.by}, {standing.approval.at})")
    if standing.state == "good":
        return 0
    if not standing.changes:
        here.ui.say("what has changed is not known: an older version wrote this approval, without what it looked at")
    return 4
