"""What every command takes: where to work and how to speak; and the clock, which nothing below this floor reads."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import wraps
from pathlib import Path
from typing import Any

import click

from newsletter.cli.ui import Ui
from newsletter.config import Config
from newsletter.errors import Mistake, NewsletterError, NothingToDo, SettingsError
from newsletter.workspace.files import Workspace, find_workspace, split_issue_slug
from newsletter.workspace.load import read_config


@dataclass(frozen=True, slots=True)
class Context:
    """An opened workspace, its settings, the moment of the call, and how to speak."""

    workspace: Workspace
    config: Config
    now: datetime
    ui: Ui


def shared_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that every command has."""
    options = (
        click.option(
            "--workspace", metavar="DIR", help="The folder with newsletter.toml (default: the nearest above)."
        ),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout."),
        click.option("--quiet", is_flag=True, help="Only data and errors."),
        click.option("--debug", is_flag=True, help="Show the traceback of an unexpected error."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def speaking(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --workspace, --json, --quiet and --debug; the command gets `ui` and `root` instead."""

    @shared_options
    @click.pass_context
    @wraps(command)
    def wrapper(ctx: click.Context, /, **options: Any) -> Any:
        above = ctx.obj or {}
        ui = Ui(
            json=options.pop("as_json") or above.get("as_json", False),
            quiet=options.pop("quiet") or above.get("quiet", False),
            debug=options.pop("debug") or above.get("debug", False),
        )
        named = options.pop("workspace") or above.get("workspace") or os.environ.get("NEWSLETTER_WORKSPACE")
        return command(ui=ui, root=named or None, **options)

    return wrapper


def in_workspace(command: Callable[..., Any]) -> Callable[..., Any]:
    """Opens the workspace; the command gets `here`."""

    @speaking
    @wraps(command)
    def wrapper(ui: Ui, root: str | None, **options: Any) -> Any:
        workspace = find_workspace(Path.cwd(), root)
        now = datetime.now(UTC)
        try:
            config = read_config(workspace)
        except SettingsError:
            _tell_what_serve_holds(workspace, now, ui)
            raise
        here = Context(workspace, config, now, ui)
        try:
            return command(here=here, **options)
        except (NewsletterError, click.exceptions.Exit, click.ClickException, click.Abort, OSError):
            raise
        except Exception as error:
            if damage := _find_damage(here):
                raise damage from error
            raise

    return wrapper


def _tell_what_serve_holds(workspace: Workspace, now: datetime, ui: Ui) -> None:
    """Settings that cannot be read stop no `serve` that runs, and whoever corrects them should know."""
    from newsletter.workspace.heartbeat import read_heartbeat

    if beat := read_heartbeat(workspace, now):
        ui.say(f"note: newsletter serve runs, and goes on with the settings of {beat.read_at}", "yellow")


def _find_damage(here: Context) -> NewsletterError | None:
    """Whether the database is damaged: then what went wrong is no fault of the program."""
    from newsletter.workspace.database import explain_fault

    return None if here.ui.debug else explain_fault(here.workspace, here.config)


def parse_date(ctx: click.Context, parameter: click.Parameter, value: str | None) -> date | None:
    """A day given as 2025-07-07."""
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no day; write it as 2025-07-07", ctx, parameter) from None


def normalise(issue: str) -> str:
    """`issues/2025-07-07-weekly/issue.md`, as the shell completes it, is the issue 2025-07-07-weekly too."""
    parts = [part for part in issue.split("/") if part]
    return next((part for part in reversed(parts) if split_issue_slug(part)), issue)


def chosen_issue(here: Context, issue: str | None) -> str:
    """The issue that was named, else the newest. Raises NothingToDo if there is none at all."""
    if issue:
        return normalise(issue)
    slugs = here.workspace.issue_slugs()
    if not slugs:
        raise NothingToDo(Mistake(code="NL031", message="there is no issue yet", help="newsletter draft"))
    return slugs[-1]


def complete_issues(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Issue names for the shell; silent where there is no workspace."""
    try:
        workspace = find_workspace(Path.cwd(), (ctx.params or {}).get("workspace"))
        return [slug for slug in workspace.issue_slugs() if slug.startswith(incomplete)]
    except NewsletterError:
        return []


def complete_names(section: str) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """Names of editions or sources for the shell."""

    def complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        try:
            config = read_config(find_workspace(Path.cwd(), (ctx.params or {}).get("workspace")))
        except NewsletterError:
            return []
        items = getattr(config, section)
        names = [item.slug if hasattr(item, "slug") else item.name for item in items]
        return [name for name in names if name.startswith(incomplete)]

    return complete
