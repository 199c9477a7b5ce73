"""Approval of an issue: it is bound to the exact bytes and to whom they go; any change after it is told, and shown."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from newsletter.calendar import publication_moment
from newsletter.config import Config
from newsletter.editing.heads import list_heads
from newsletter.errors import InputError, Mistake, UsageError
from newsletter.flows.approval_record import Approved, Change, find_changes, look_at_issue
from newsletter.flows.approval_scope import list_decided
from newsletter.flows.build import Rendered
from newsletter.flows.freeze import write_variant
from newsletter.store.issues import ALL
from newsletter.text.diffs import shorten_diff
from newsletter.workspace.files import Workspace

# By which rule an approval's hash is made. 1 and 2 (version 0.1) listed the keys that choose readers by hand, 2 with
# `local_time`; 3 covers all settings but those that are named as not covered. A file of an older rule is compared by it:
# what is hashed differs in its form, so none can be taken for one of another rule.
RULE = 3
# Of each part that has changed; `approve --diff` shows all of it.
_SHOWN_LINES = 40
_NAMED_PARTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Who approved what, and when. `sha256` is of the mail's content and of all settings that `approval_scope` covers.

    Only `sha256` decides. `rule` says how it was made. `approved` is for people, to see a change; the oldest have none.
    """

    issue: str
    by: str
    at: str
    sha256: str
    rule: int = 0
    approved: Approved | None = None


@dataclass(frozen=True, slots=True)
class ApprovalStatus:
    """How an issue stands to its approval. `changes` may be empty for an approval that does not say what it looked at."""

    state: Literal["none", "good", "changed"]
    approval: Approval | None = None
    changes: tuple[Change, ...] = ()

    def __str__(self) -> str:
        """`was changed after it was approved: issue.md, audience (themes)`."""
        why = {"none": "is not approved", "good": "is as it was approved"}.get(self.state)
        return why or f"was changed after it was approved{self._name_parts()}"

    def _name_parts(self) -> str:
        rest = len(self.changes) - _NAMED_PARTS
        names = ", ".join(str(one) for one in self.changes[:_NAMED_PARTS])
        return (f": {names}" if names else "") + (f" and {rest} more" if rest > 0 else "")


def approval_path(slug: str) -> str:
    """Where an approval lies: beside the issue, for git."""
    return f"issues/{slug}/approval.json"


def approve_issue(workspace: Workspace, config: Config, rendered: Rendered, *, by: str, now: datetime) -> Approval:
    """Approve an issue as it was rendered."""
    approval = Approval(
        issue=rendered.issue.slug,
        by=by,
        at=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        sha256=content_hash(rendered, config),
        rule=RULE,
        approved=look_at_issue(workspace, config, rendered),
    )
    document = _without_defaults(asdict(approval))
    workspace.write(approval_path(approval.issue), json.dumps(document, ensure_ascii=False, indent=1) + "\n")
    return approval


def _without_defaults(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    spoken = {name: one for name, one in value.items() if one is not None and (name, one) != ("packaged", False)}
    return {name: _without_defaults(one) for name, one in spoken.items()}


def content_hash(rendered: Rendered, config: Config, rule: int = RULE) -> str:
    """What an approval is bound to: every octet that a reader may get but for their own token, and the covered settings."""
    edition = rendered.edition
    moment = publication_moment(edition, rendered.issue.date, config.zone)
    parts = [write_variant(rendered, config, ALL, moment), *(part.encode() for part in rendered.mail.marked)]
    covered: dict[str, Any] = {"edition": edition.slug, "themes": edition.themes}
    if rule == 2:
        covered["local_time"] = edition.local_time
    elif rule != 1:
        covered = {"rule": rule, "settings": list_decided(config, edition)}
        parts.append(_write_heads(rendered))
    whole = hashlib.sha256(json.dumps(covered, default=str).encode())
    for part in parts:
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()


def _write_heads(rendered: Rendered) -> bytes:
    """What stands above the mails of readers of some sections, and the words that it is made with for any others."""
    chosen = list_heads(rendered.issue, (section.slug for section in rendered.issue.sections))
    heads = [[sorted(one), asdict(rendered.head(one))] for one in chosen]
    words = [str(rendered.phrases[name]) for name in ("post_on", "posts_on", "and", "more")]
    return json.dumps([heads, words]).encode()


def read_approval(workspace: Workspace, slug: str) -> Approval | None:
    """The approval beside an issue. Raises InputError for a file that is none."""
    from pydantic import TypeAdapter, ValidationError

    path = approval_path(slug)
    if not workspace.exists(path):
        return None
    try:
        return TypeAdapter(Approval).validate_json(workspace.read(path))
    except ValidationError:
        raise InputError(
            Mistake(code="NL097", file=path, message="is no approval", help=f"newsletter approve {slug} writes it anew")
        ) from None


def approval_state(workspace: Workspace, config: Config, rendered: Rendered) -> ApprovalStatus:
    """Whether an issue is approved, still what was approved, and if not what has changed."""
    approval = read_approval(workspace, rendered.issue.slug)
    if approval is None:
        return ApprovalStatus("none")
    then = approval.approved
    rule = (approval.rule or 2) if then else 1
    if approval.sha256 == content_hash(rendered, config, rule):
        return ApprovalStatus("good", approval)
    changes = find_changes(then, look_at_issue(workspace, config, rendered)) if then else ()
    return ApprovalStatus("changed", approval, tuple(changes))


# --- telling it -----------------------------------------------------------------------------------------------------


def check_approval(workspace: Workspace, config: Config, rendered: Rendered) -> None:
    """What was approved goes out as it was approved, or not at all. Raises UsageError that shows what has changed."""
    standing, slug = approval_state(workspace, config, rendered), rendered.issue.slug
    if standing.state == "good" or (standing.state == "none" and rendered.edition.mode != "approve"):
        return
    raise UsageError(
        Mistake(
            code="NL097",
            message=f"{slug} {standing}",
            help=f"look at it (newsletter approve {slug} --diff shows all that changed), then: newsletter approve {slug}"
            if standing.changes
            else f"look at it, then: newsletter approve {slug}",
            diff="\n".join(show_changes(standing.changes, most=_SHOWN_LINES)) or None,
        )
    )


def show_changes(changes: Iterable[Change], most: int | None = None) -> Iterator[str]:
    """Changes as lines for people: the part, then what differs in it, `most` lines and a count of the rest."""
    for number, change in enumerate(changes):
        if number:
            yield ""
        yield f"{change}:"
        yield from shorten_diff(change.lines, most)
