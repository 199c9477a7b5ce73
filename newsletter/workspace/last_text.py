"""The last text of each issue.md that the program has seen: what is offered when the file is gone.

It lies in .newsletter/texts, which git ignores. It is no history: the editor's own is git's.
"""

from contextlib import suppress

from newsletter.errors import InputError, Mistake
from newsletter.workspace.files import Workspace, by_age, issue_path, split_issue_slug

_TEXTS = "texts"


def keep_text(workspace: Workspace, slug: str, text: str | bytes) -> None:
    """Remember what stands in an issue.md now. Where there is no room for it nothing else is hindered."""
    with suppress(InputError):
        workspace.memory(_TEXTS)
        workspace.write(_text_path(slug), text)


def find_last_text(workspace: Workspace, slug: str) -> str | None:
    """The newest text that is kept of an issue: here, or by the desk before its last edit."""
    places = [workspace.path(_text_path(slug)), *workspace.path(f".newsletter/desk/{slug}").glob("*.md")]
    found = by_age(places)
    return workspace.relative(found[-1]) if found else None


def is_missed(workspace: Workspace, slug: str) -> bool:
    """Whether an issue.md is gone from its folder. Who takes the whole folder away means it."""
    return workspace.exists(f"issues/{slug}") and was_there(workspace, slug)


def was_there(workspace: Workspace, slug: str) -> bool:
    """Whether an issue.md stood there that is gone now, by what is left of it."""
    if workspace.exists(issue_path(slug)):
        return False
    # What was offered to an issue is written before the issue itself, so alone it proves nothing.
    traces = (f"issues/{slug}/approval.json", f"build/{slug}/report.json")
    return any(map(workspace.exists, traces)) or find_last_text(workspace, slug) is not None


def set_aside(workspace: Workspace, slug: str) -> str | None:
    """Keep the last text of an issue that is gone beside the one to be drafted anew → where it is, if there is any."""
    last = find_last_text(workspace, slug)
    if last is None:
        return None
    kept = f".newsletter/{_TEXTS}/{slug}.before.md"
    workspace.write(kept, workspace.read(last))
    return kept


def explain_loss(workspace: Workspace, slug: str) -> InputError:
    """The error for an issue.md that is gone: what can be put back, and how a new one is made."""
    last = find_last_text(workspace, slug)
    day, edition = split_issue_slug(slug) or ("", "")
    back = f"put back what stood in it last: cp {last} {issue_path(slug)}" if last else "put it back from git"
    fresh = f"or draft a new one: newsletter draft --edition {edition} --date {day}"
    message = "stood here and is gone; nothing was drafted in its place"
    return InputError(Mistake(code="NL031", file=issue_path(slug), message=message, help=f"{back}; {fresh}"))


def _text_path(slug: str) -> str:
    return f".newsletter/{_TEXTS}/{slug}.md"
