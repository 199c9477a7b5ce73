"""The flow from an issue.md to its files: mail, message, archive, feeds. The same inputs give the same bytes."""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from jinja2 import Environment

from newsletter import links
from newsletter.calendar import next_day, publication_moment
from newsletter.checking.size import CLIP_BYTES, WARN_BYTES
from newsletter.config import Config
from newsletter.delivery.message import Envelope, HeaderError, issue_headers, write_message
from newsletter.editing.heads import make_head
from newsletter.errors import InputError, Mistake, NewsletterError, UsageError
from newsletter.flows.published import PublishedIssues, find_published
from newsletter.flows.render_warnings import find_warnings
from newsletter.model import UNSORTED, Edition, Finding, Head, Issue
from newsletter.phrases import Phrases
from newsletter.rendering.content import ShownIssue, show_issue
from newsletter.rendering.email import Mail, render_mail, select_sections
from newsletter.rendering.excerpts import fit_posts
from newsletter.rendering.icon import draw_icons
from newsletter.rendering.site import Published, render_site
from newsletter.text.words import suggest
from newsletter.workspace.files import Workspace, issue_path, split_issue_slug
from newsletter.workspace.last_text import explain_loss, is_missed, keep_text
from newsletter.workspace.load import keep_numbers, load_issue, load_numbered, load_phrases
from newsletter.workspace.past_issues import read_issues
from newsletter.workspace.templates import find_strange_templates, open_templates

if TYPE_CHECKING:
    from newsletter.flows.draft import Draft

SITE = "build/site"
# No reader yet: where their data goes stand placeholders.
PREVIEW_READER = "reader@example.invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """What was built. `files` maps what a file is to its path in the workspace; `report` is what report.json holds."""

    issue: Issue
    files: dict[str, str]
    themes: tuple[tuple[str, int], ...]
    html_bytes: int
    findings: tuple[Finding, ...]

    @property
    def unsorted(self) -> int:
        """How many posts stand in {#unsorted}."""
        return dict(self.themes).get(UNSORTED, 0)


def choose_issue(
    workspace: Workspace,
    config: Config,
    edition: Edition,
    day: date | None,
    now: datetime,
    *,
    drafted: "Callable[[Draft], None]" = lambda draft: None,
) -> str:
    """The issue to build: that of `day`, else the edition's newest; drafted first if there is none. Raises NothingToDo.

    `drafted` is called with the Draft, which says what became of the collected posts; an issue.md that is gone from its
    folder is an error.
    """
    if day is None:
        # With those whose issue.md is gone: an older issue must not be taken for the latest.
        own = [slug for slug in workspace.issue_folders() if (split_issue_slug(slug) or ("", ""))[1] == edition.slug]
        known = [slug for slug in own if workspace.exists(issue_path(slug)) or is_missed(workspace, slug)]
        day = date.fromisoformat(known[-1][:10]) if known else next_day(edition, now, config.zone)
    slug = f"{day.isoformat()}-{edition.slug}"
    if is_missed(workspace, slug):
        raise explain_loss(workspace, slug)
    if not workspace.exists(issue_path(slug)):
        from newsletter.flows.draft import draft_issue

        drafted(draft_issue(workspace, config, edition, day))
    return slug


@dataclass(frozen=True, slots=True)
class Rendered:
    """An issue that was read and rendered: what all its files, and its mail, are made from."""

    issue: Issue
    edition: Edition
    shown: ShownIssue
    mail: Mail
    environment: Environment
    phrases: Phrases
    findings: tuple[Finding, ...]

    def head(self, chosen: Collection[str] = ()) -> Head:
        """What stands above the mail for readers of these sections; of all, if none is named."""
        if not chosen:
            return self.issue.head
        return make_head(self.issue, chosen, edition=self.edition, phrases=self.phrases)

    def bodies(self, chosen: Collection[str] = ()) -> tuple[str, str]:
        """HTML and text of that mail."""
        if not chosen:
            return self.mail.html, self.mail.text
        return select_sections(self.mail, frozenset(chosen), self.head(chosen))


def render_issue(workspace: Workspace, config: Config, slug: str) -> Rendered:
    """Read an issue.md and render its mail. Raises InputError, UsageError."""
    if is_missed(workspace, slug):
        raise explain_loss(workspace, slug)
    if not workspace.exists(issue_path(slug)):
        raise _no_such_issue(workspace, slug)
    file = load_issue(workspace, slug)
    issue = load_numbered(workspace, slug)
    edition = next((one for one in config.editions if one.slug == issue.edition), None)
    if edition is None:
        raise _no_such_edition(config, issue)
    environment = open_templates(workspace)
    phrases = load_phrases(workspace, config)
    shown = show_issue(issue, config.publication.language, url=config.publication.url)

    def make_mail(one: ShownIssue) -> Mail:
        return render_mail(
            one, publication=config.publication, edition=edition, environment=environment, phrases=phrases
        )

    mail, cut = _fit_mail(shown, config, phrases, make_mail)
    findings = (*file.findings, *find_warnings(shown, mail, config), *_about_cut(cut, slug))
    return Rendered(issue, edition, shown, mail, environment, phrases, findings)


def _fit_mail(
    shown: ShownIssue, config: Config, phrases: Phrases, make_mail: Callable[[ShownIssue], Mail]
) -> tuple[Mail, tuple[int, ...]]:
    """The mail of an issue. Gmail hides what is beyond its limit, the way out with it: then long posts are shortened.

    → (the mail, the lines of the posts that were cut in it). The archive and the feeds have all of every post.
    """
    mail = make_mail(shown)
    if len(mail.html.encode()) < CLIP_BYTES:
        return mail, ()
    publication = config.publication
    mails = {}

    def measure(issue: Issue) -> int:
        mails[id(issue)] = made = make_mail(show_issue(issue, publication.language, url=publication.url))
        return len(made.html.encode())

    page = links.issue_url(publication.url, shown.issue.slug)
    short, cut = fit_posts(shown.issue, measure, WARN_BYTES, page=page, words=str(phrases["view_online"]))
    return (mails[id(short)], cut) if cut else (mail, ())


def _about_cut(lines: Iterable[int], slug: str) -> Iterator[Finding]:
    for line in lines:
        message = "this post is shortened in the mail, which Gmail would cut; all of it is on the web and in the feeds"
        yield Finding(rule="shown", where=f"{issue_path(slug)}:{line}", message=message)


def build_issue(workspace: Workspace, config: Config, slug: str, *, now: datetime) -> Build:
    """Renders an issue, and the archive of all issues that are out, and writes their files.

    Raises InputError; then no file was written. `now` decides only what is out: an issue's own files do not know it.
    """
    rendered = render_issue(workspace, config, slug)
    issue, shown, mail = rendered.issue, rendered.shown, rendered.mail
    moment = publication_moment(rendered.edition, issue.date, config.zone)
    message = compose_message((mail.html, mail.text), issue, rendered.edition, config, moment=moment, to=PREVIEW_READER)
    published = find_published(workspace, config, now)
    site, out, unread = _render_site(workspace, config, shown, published.out, rendered.environment, rendered.phrases)
    unkept = keep_numbers(workspace, {one.slug: one for one in (*out, issue)}.values())
    findings = (
        *rendered.findings,
        *find_strange_templates(workspace),
        *published.findings,
        *unkept,
        *_about_waiting(issue, published),
        *unread,
    )
    contents: dict[str, str | bytes] = {
        f"build/{slug}/email.html": mail.html,
        f"build/{slug}/email.txt": mail.text,
        f"build/{slug}/message.eml": message,
        **{f"{SITE}/{name}": text for name, text in site.items()},
        **{f"{SITE}/{name}": data for name, data in draw_icons().items()},
    }
    build = Build(
        issue=issue,
        files=_name_files(slug),
        themes=tuple((section.slug, len(section.posts)) for section in shown.sections),
        html_bytes=len(mail.html.encode()),
        findings=findings,
    )
    contents[f"build/{slug}/report.json"] = _write_report(build, contents)
    for path, content in contents.items():
        workspace.write(path, content)
    keep_text(workspace, slug, workspace.read(issue_path(slug)))
    for waiting in published.waiting:  # an older version, or another day, may have shown it
        workspace.remove(f"{SITE}/{waiting}/index.html")
    return build


def compose_message(
    bodies: tuple[str, str],
    issue: Issue,
    edition: Edition,
    config: Config,
    *,
    moment: datetime,
    to: str = links.ADDRESS_SLOT,
    subject: str = "",
) -> bytes:
    """A whole message of HTML and text, with slots for a reader's data. `subject` is another one than the issue's."""
    envelope = Envelope(
        issue=issue.slug,
        edition=edition.slug,
        edition_title=edition.title,
        subject=subject or issue.subject,
        language=config.publication.language,
        sender=config.publication.sender,
        base=config.publication.url,
        moment=moment,
        feedback_id=config.smtp.feedback_id,
    )
    try:
        headers = issue_headers(envelope, to=to, token=links.TOKEN_SLOT, message_id=links.ID_SLOT)
    except HeaderError as error:  # the settings are checked, so it is the issue's subject
        raise InputError.of(replace(mistake, file=issue_path(issue.slug)) for mistake in error.mistakes) from None
    html, text = bodies
    return write_message(headers, text, html)


def _about_waiting(issue: Issue, published: PublishedIssues) -> Iterator[Finding]:
    """The issue that is built is not among those that are shown: whoever looks for it should know why."""
    if why := published.waiting.get(issue.slug):
        message = f"{issue.slug} is not in {SITE} yet: {why}; the preview shows it there"
        yield Finding(rule="archive", where=SITE, message=message)


def _render_site(
    workspace: Workspace,
    config: Config,
    shown: ShownIssue,
    slugs: Iterable[str],
    environment: Environment,
    phrases: Phrases,
) -> tuple[dict[str, str], list[Issue], tuple[Finding, ...]]:
    """The archive of these issues, the issues, and which cannot be read. `shown` is one that was rendered already."""
    slugs = tuple(slugs)
    others, unread = read_issues(workspace, (slug for slug in slugs if slug != shown.issue.slug), load=load_numbered)
    seen = [
        shown
        if slug == shown.issue.slug
        else show_issue(others[slug], config.publication.language, url=config.publication.url)
        for slug in slugs
        if slug == shown.issue.slug or slug in others
    ]
    site = dict(
        render_site(
            list_published(config, seen),
            publication=config.publication,
            themes=config.themes,
            environment=environment,
            phrases=phrases,
        )
    )
    return site, [one.issue for one in seen], unread


def list_published(config: Config, shown: Iterable[ShownIssue]) -> list[Published]:
    """Issues as an archive shows them: with their edition and the moment at which they came out."""
    editions = {edition.slug: edition for edition in config.editions}
    return [
        Published(
            one, edition := editions.get(one.issue.edition), publication_moment(edition, one.issue.date, config.zone)
        )
        for one in shown
    ]


def _name_files(slug: str) -> dict[str, str]:
    return {
        "html": f"build/{slug}/email.html",
        "text": f"build/{slug}/email.txt",
        "eml": f"build/{slug}/message.eml",
        "report": f"build/{slug}/report.json",
        "site": f"{SITE}/index.html",
        "rss": f"{SITE}/feed.xml",
        "atom": f"{SITE}/atom.xml",
        "json": f"{SITE}/feed.json",
    }


def _write_report(build: Build, contents: dict[str, str | bytes]) -> str:
    """report.json: what was built, by size and hash, without a clock."""
    sizes = {}
    for path, content in contents.items():
        data = content.encode() if isinstance(content, str) else content
        if path.startswith(f"build/{build.issue.slug}/"):
            sizes[path] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    report = {
        "schema": 1,
        "issue": build.issue.slug,
        "date": build.issue.date.isoformat(),
        "subject": build.issue.subject,
        "posts": len(build.issue.posts),
        "themes": [{"slug": slug, "posts": posts} for slug, posts in build.themes],
        "unsorted": build.unsorted,
        "files": sizes,
        "warnings": [asdict(finding) for finding in build.findings],
    }
    return json.dumps(report, ensure_ascii=False, indent=1) + "\n"


def _no_such_issue(workspace: Workspace, slug: str) -> NewsletterError:
    slugs = workspace.issue_slugs()
    known = f" (the latest: {', '.join(slugs[-3:])})" if slugs else "; there is none yet: newsletter draft"
    return UsageError(Mistake(code="NL031", message=f"no issue {slug!r}{suggest(slug, slugs) or known}"))


def _no_such_edition(config: Config, issue: Issue) -> InputError:
    names = [edition.slug for edition in config.editions]
    known = suggest(issue.edition, names) or f" (there is: {', '.join(names) or 'none'})"
    return InputError(
        Mistake(
            code="NL030",
            file=issue_path(issue.slug),
            line=3,
            message=f"edition: no edition {issue.edition!r} in the settings{known}",
        )
    )
