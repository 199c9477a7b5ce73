"""`newsletter approve`: the editor's word that an issue may go out as it is."""

import getpass
import os

import click

from newsletter.cli.common import Here, complete_issues, in_workspace, normalise
from newsletter.errors import Mistake, UsageError


@click.command("approve")
@click.argument("issue", shell_complete=complete_issues)
@click.option("--by", metavar="NAME", help="Who approves (default: the name you are logged in with).")
@in_workspace
def command(here: Here, issue: str, by: str | None) -> int:
    """Approve an issue as it is now. Any change after it, of text, templates or readers' rule, takes the approval away.

    Example: newsletter approve 2025-07-07-weekly
    """
    from newsletter.approve import approval_path, approve_issue
    from newsletter.build import render_issue
    from newsletter.check import check_issue

    slug = normalise(issue)
    findings = check_issue(here.workspace, here.config, render_issue(here.workspace, here.config, slug))
    errors = [one for one in findings if one.level == "error"]
    if errors:
        raise UsageError(*(Mistake(code="NL097", message=f"not approved: {one}") for one in errors))
    name = by or os.environ.get("USER") or getpass.getuser()
    approval = approve_issue(here.workspace, here.config, slug, by=name, now=here.now)
    path = approval_path(slug)
    here.ui.answer({"issue": slug, "sha256": approval.sha256, "by": name, "path": path}, [(path,)])
    here.ui.say(f"{slug} is approved by {name}; it goes out as it is now, or not at all")
    return 0
