"""The flow of the checks: an issue is rendered as it would go out, and looked at. Nothing is written, nobody is asked."""

from collections.abc import Iterator, Mapping

from newsletter import links
from newsletter.build import Rendered, compose_message
from newsletter.checking import PAGE_RULES, WORD_RULES, Draft, Page, about_unknown, check_draft, check_page, fold_title
from newsletter.config import Config
from newsletter.desk import load_issue
from newsletter.errors import Mistake, SettingsError
from newsletter.model import Finding
from newsletter.slots import publication_moment
from newsletter.text.words import suggest
from newsletter.workspace import SETTINGS, Workspace, issue_path

# A story comes back after years without being a repetition.
_PAST = 30
# What `build` tells in fewer words about the same things.
_TOLD_BETTER = ("H14", "H27", "H32")


def check_issue(workspace: Workspace, config: Config, rendered: Rendered) -> tuple[Finding, ...]:
    """All findings, errors first. Raises SettingsError for a rule to ignore, or a mail client, that there is not."""
    _check_ignored(config.checks.ignore)
    _check_clients(config.checks.clients)
    path = issue_path(rendered.issue.slug)
    draft = Draft(
        issue=rendered.issue, path=path, flag=config.checks.flag, told=_past_titles(workspace, rendered.issue.slug)
    )
    ignore = config.checks.ignore
    own = (one for one in rendered.findings if one.rule not in _TOLD_BETTER and one.rule not in ignore)
    found = (*own, *check_page(_make_page(config, rendered), ignore=ignore), *check_draft(draft, ignore=ignore))
    return tuple(sorted(found, key=lambda one: one.level != "error"))


def _make_page(config: Config, rendered: Rendered) -> Page:
    publication, issue = config.publication, rendered.issue
    return Page(
        html=rendered.mail.html,
        text=rendered.mail.text,
        subject=issue.subject,
        preheader=issue.preheader,
        language=publication.language,
        url=publication.url,
        postal_address=publication.postal_address,
        reason=publication.reason or str(rendered.phrases["reason"]).format(edition=rendered.edition.title),
        unsubscribe=links.unsubscribe_url(publication.url, links.TOKEN_SLOT),
        clients=config.checks.clients,
        headers=_write_headers(config, rendered),
    )


def _write_headers(config: Config, rendered: Rendered) -> bytes:
    """The headers as every reader's mail has them; the bodies, which take longer, are looked at as they are."""
    moment = publication_moment(rendered.edition, rendered.issue.date, config.zone)
    return compose_message(("", ""), rendered.issue, rendered.edition, config, moment=moment).partition(b"\r\n\r\n")[0]


def _past_titles(workspace: Workspace, slug: str) -> Mapping[str, str]:
    return dict(_titles(workspace, [one for one in workspace.issue_slugs() if one < slug][-_PAST:]))


def _titles(workspace: Workspace, slugs: list[str]) -> Iterator[tuple[str, str]]:
    for slug in slugs:
        for post in load_issue(workspace, slug).issue.posts:
            yield fold_title(post.title), slug


def _check_ignored(ignore: Mapping[str, str]) -> None:
    known = [*PAGE_RULES, *WORD_RULES, "section", "source"]
    for name, reason in ignore.items():
        if name not in known:
            message = f"checks.ignore: no rule {name!r}{suggest(name, known) or '; docs/checks.md lists them'}"
            raise SettingsError(Mistake(code="NL012", file=SETTINGS, message=message))
        if not reason.strip():
            message = f"checks.ignore: {name} needs a reason, for whoever reads it next year"
            raise SettingsError(Mistake(code="NL014", file=SETTINGS, message=message))


def _check_clients(names: tuple[str, ...]) -> None:
    if wrong := about_unknown(names):
        raise SettingsError(Mistake(code="NL014", file=SETTINGS, message=f"checks.clients: {wrong}"))
