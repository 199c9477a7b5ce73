"""Which issues are out: what the archive and the feeds may show. Nothing is shown before the first mail of it may leave."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from newsletter.calendar import publication_moment
from newsletter.config import Config
from newsletter.errors import NewsletterError
from newsletter.model import Finding
from newsletter.workspace.files import Workspace, split_issue_slug


@dataclass(frozen=True, slots=True)
class PublishedIssues:
    """The issues that are out, oldest first; why each other one is not; and what could not be found out."""

    out: tuple[str, ...]
    waiting: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def find_published(workspace: Workspace, config: Config, now: datetime) -> PublishedIssues:
    """Decides for every issue of the workspace whether it is out.

    An edition that is mailed from here is out by what was mailed; its issues before the first of these, and those of an
    edition that never was mailed, are out from their day and the edition's time on. One that must be approved is out by its
    day only if it is. A database that cannot be read decides nothing, and that is reported.
    """
    slugs = workspace.issue_slugs()
    try:
        mailed, first = _look_into_database(workspace, config, now)
        findings: tuple[Finding, ...] = ()
    except NewsletterError as error:
        mailed, first = frozenset[str](), dict[str, str]()
        message = f"what was sent is not known ({error}); issues are shown by their dates"
        findings = (Finding(rule="archive", where="build/site", message=message),)
    waiting = {}
    for slug in slugs:
        why = "" if slug in mailed else _why_not_by_date(workspace, config, slug, now, first)
        if why:
            waiting[slug] = why
    return PublishedIssues(tuple(slug for slug in slugs if slug not in waiting), waiting, findings)


def _look_into_database(
    workspace: Workspace, config: Config, now: datetime
) -> tuple[frozenset[str], Mapping[str, str]]:
    """The issues that were mailed, and the first issue that each edition mailed. None of both without a database.

    Its key is made with it and stays beside the settings: where there is none, nothing was ever sent from here.
    """
    if not (workspace.root / config.database.key_file).exists():
        return frozenset(), {}
    from newsletter.workspace.database import first_issues, mailed_issues, open_database  # loads SQLAlchemy

    store = open_database(workspace, config)
    try:
        return frozenset(mailed_issues(store, now)), first_issues(store)
    finally:
        store.close()


def _why_not_by_date(workspace: Workspace, config: Config, slug: str, now: datetime, first: Mapping[str, str]) -> str:
    """Why an issue that was not mailed is not out; empty if it is."""
    day, name = split_issue_slug(slug) or ("", "")
    edition = next((one for one in config.editions if one.slug == name), None)
    if slug >= first.get(name, "~"):
        return "it was not sent yet"
    moment = publication_moment(edition, datetime.fromisoformat(day).date(), config.zone)
    if now < moment:
        return f"it comes out on {moment:%A} {moment.day} {moment:%B %Y, %H:%M} ({config.publication.timezone})"
    if edition and edition.mode == "approve" and not workspace.exists(f"issues/{slug}/approval.json"):
        return "it is not approved"
    return ""
