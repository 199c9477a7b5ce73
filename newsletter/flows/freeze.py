"""Fixes what an issue is and who gets it: the bytes of each variant and the audience, once, before anything is sent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from sqlalchemy import Connection

from newsletter.config import Config
from newsletter.errors import InputError
from newsletter.flows.build import Rendered, compose_message, render_issue
from newsletter.model import UNSORTED
from newsletter.store import issues
from newsletter.store.database import Store
from newsletter.store.issues import ALL, FrozenIssue, Plan
from newsletter.store.recipients import Choose, count_readers
from newsletter.workspace.files import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class SendSummary:
    """What a person should see before anything leaves. `readers`: sections → how many get just these, `subjects` → below what."""

    issue: str
    subject: str
    sender: str
    relay: str
    rate: str
    readers: dict[str, int]
    subjects: dict[str, str]
    bytes: int

    @property
    def count(self) -> int:
        """All readers."""
        return sum(self.readers.values())


def choose_sections(rendered: Rendered) -> Choose:
    """How a reader's themes become the sections they get: all, some in the issue's order, or none and no mail."""
    # What no theme claimed can be chosen by nobody.
    sections = tuple(section.slug for section in rendered.shown.sections if section.slug != UNSORTED)
    whole = len(sections) == len(rendered.shown.sections)

    def choose(themes: str) -> str | None:
        wanted = set(themes.split())
        if not wanted:
            return ALL
        chosen = [slug for slug in sections if slug in wanted]
        if len(chosen) == len(sections) and whole:
            return ALL
        return " ".join(chosen) or None

    return choose


def write_variant(rendered: Rendered, config: Config, chosen: str, moment: datetime, mark: str = "") -> bytes:
    """The message for readers of these sections, with slots for what differs between them. `mark` begins its subject."""
    sections = () if chosen == ALL else chosen.split()
    subject = f"{mark} {rendered.head(sections).subject}".strip()
    bodies = rendered.bodies(sections)
    return compose_message(bodies, rendered.issue, rendered.edition, config, moment=moment, subject=subject)


def show_card(rendered: Rendered, config: Config, store: Store, now: datetime) -> SendSummary:
    """What would be sent, to how many, through what."""
    smtp = config.smtp
    readers = count_readers(store, choose_sections(rendered), now)
    return SendSummary(
        issue=rendered.issue.slug,
        subject=rendered.issue.subject,
        sender=config.publication.sender,
        relay=f"{smtp.host}:{smtp.port} ({smtp.security})",
        rate=smtp.rate,
        readers=readers,
        subjects={chosen: rendered.head(chosen.split()).subject for chosen in readers},
        bytes=len(rendered.mail.html.encode()),
    )


def freeze_issue(
    rendered: Rendered,
    config: Config,
    store: Store,
    now: datetime,
    *,
    starts_at: datetime | None = None,
    zones: Mapping[str, datetime] = MappingProxyType({}),
    first: Callable[[Connection], object] = lambda connection: None,
) -> FrozenIssue:
    """Fix the bytes that were shown, and the audience (delivery D7). An issue that is frozen already stays as it was.

    `zones`: when it leaves to readers of a time zone, if that is later.
    """
    store.check_whole()  # in a damaged one somebody who left may look like a reader
    last = max(now, starts_at or now, *zones.values())
    plan = Plan(
        slug=rendered.issue.slug,
        edition=rendered.edition.slug,
        choose=choose_sections(rendered),
        write=lambda chosen: write_variant(rendered, config, chosen, now.replace(microsecond=0)),
        lanes=[throttle.domains for throttle in config.throttles],
        expires_at=last + timedelta(hours=config.smtp.lifetime_h),
        starts_at=starts_at,
        zones=zones,
    )
    return issues.freeze(store, plan, now, first=first)


def has_changed(workspace: Workspace, config: Config, store: Store, frozen: FrozenIssue) -> bool:
    """Whether issue.md, templates or settings would give other bytes than those that were frozen."""
    moment = datetime.fromisoformat(frozen.frozen_at)
    try:
        rendered = render_issue(workspace, config, frozen.slug)
        names = issues.variant_names(store, frozen)
        messages = {name: write_variant(rendered, config, name, moment) for name in names}
    except InputError:
        return True
    return issues.hash_messages(messages) != frozen.content_sha256
