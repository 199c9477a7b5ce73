"""Approval of an issue: it is bound to the exact bytes and to whom they go; any change after it is told."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from newsletter.build import Rendered, render_issue
from newsletter.config import Config
from newsletter.errors import InputError, Mistake
from newsletter.send import write_variant
from newsletter.slots import publication_moment
from newsletter.store.issues import ALL
from newsletter.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Who approved what, and when. `sha256` is of the mail's content and of the rule by which readers are chosen."""

    issue: str
    by: str
    at: str
    sha256: str


def approval_path(slug: str) -> str:
    """Where an approval lies: beside the issue, for git."""
    return f"issues/{slug}/approval.json"


def approve_issue(workspace: Workspace, config: Config, slug: str, *, by: str, now: datetime) -> Approval:
    """Approve an issue as it is now. Raises InputError if it cannot be rendered."""
    rendered = render_issue(workspace, config, slug)
    moment = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    approval = Approval(issue=slug, by=by, at=moment, sha256=content_hash(rendered, config))
    workspace.write(approval_path(slug), json.dumps(asdict(approval), ensure_ascii=False, indent=1) + "\n")
    return approval


def content_hash(rendered: Rendered, config: Config) -> str:
    """What an approval is bound to: every octet that a reader may get but for their own token, and who gets which part."""
    moment = publication_moment(rendered.edition, rendered.issue.date, config.zone)
    audience = {"edition": rendered.edition.slug, "themes": rendered.edition.themes}
    parts = (write_variant(rendered, config, ALL, moment), *(part.encode() for part in rendered.mail.marked))
    whole = hashlib.sha256(json.dumps(audience).encode())
    for part in parts:
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()


def read_approval(workspace: Workspace, slug: str) -> Approval | None:
    """The approval beside an issue. Raises InputError for a file that is none."""
    path = approval_path(slug)
    if not workspace.exists(path):
        return None
    try:
        return Approval(**json.loads(workspace.read(path)))
    except (ValueError, TypeError):
        raise InputError(
            Mistake(code="NL097", file=path, message="is no approval", help=f"newsletter approve {slug} writes it anew")
        ) from None


def approval_state(workspace: Workspace, config: Config, rendered: Rendered) -> Literal["none", "good", "changed"]:
    """Whether an issue is approved, and still what was approved."""
    approval = read_approval(workspace, rendered.issue.slug)
    if approval is None:
        return "none"
    return "good" if approval.sha256 == content_hash(rendered, config) else "changed"
