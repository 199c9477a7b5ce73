"""The flow of the checks: an issue is rendered as it would go out, and looked at. Nothing is written, nobody is asked."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from newsletter import links
from newsletter.build import Rendered, compose_message
from newsletter.checking import PAGE_RULES, WORD_RULES, Draft, Page, about_unknown, check_draft, check_page
from newsletter.config import Config
from newsletter.desk import offered_path
from newsletter.editing.duplicates import Memory, find_told, remember
from newsletter.editing.themes import Sorter
from newsletter.errors import ChecksFailed, Mistake, SettingsError
from newsletter.model import Finding, Issue
from newsletter.past_issues import read_past_issues
from newsletter.slots import publication_moment
from newsletter.text.markdown import plain_inline
from newsletter.text.words import cut_at_word, suggest
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
    repeats, unread = _find_repeats(workspace, rendered.issue)
    draft = Draft(
        issue=rendered.issue,
        path=path,
        flag=config.checks.flag,
        repeats=repeats,
        off_theme=_find_off_theme(config, rendered.issue),
    )
    checks = config.checks
    own = (one for one in rendered.findings if one.rule not in _TOLD_BETTER)
    page = check_page(_make_page(config, rendered), ignore=checks.ignore)
    keys = {f"{path}:{post.line}": post.key for post in rendered.issue.posts}
    found = (*own, *page, *check_draft(draft, ignore=checks.ignore), *unread)
    told = (one for one in found if not checks.leaves_out(one.rule, keys.get(one.where)))
    return tuple(sorted(told, key=lambda one: one.level != "error"))


def stop_at_errors(findings: Iterable[Finding], slug: str, *, done: str, fix: str) -> None:
    """`done` is what is not done now: `sent`, `approved`. Raises ChecksFailed with each error on a line of its own."""
    errors = [one for one in findings if one.level == "error"]
    if errors:
        count = "an error" if len(errors) == 1 else f"{len(errors)} errors"
        first = Mistake(code="NL102", message=f"{slug} is not {done}: the checks found {count}", help=fix)
        raise ChecksFailed(first, *(_as_mistake(one) for one in errors))


def _as_mistake(finding: Finding) -> Mistake:
    file, _, line = finding.where.rpartition(":")
    known = bool(file) and line.isdecimal()
    return Mistake(
        code="NL102",
        message=f"{finding.message} ({finding.rule})",
        file=(file if known else finding.where) or None,
        line=int(line) if known else None,
    )


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


def _find_repeats(workspace: Workspace, issue: Issue) -> tuple[list[tuple[int, str]], tuple[Finding, ...]]:
    """What was told before, and which past issues cannot be read and so are not compared."""
    slugs = tuple(one for one in workspace.issue_slugs() if one < issue.slug)[-_PAST:]
    files = [path for slug in slugs for path in (issue_path(slug), offered_path(slug))]
    memory, unread = _remember(workspace, slugs, tuple(map(workspace.stamp, files)))
    own = read_past_issues(workspace, [issue.slug])
    return [(post.line, message) for post, message in find_told(issue, memory, own.sources)], unread


@lru_cache(maxsize=1)
def _remember(workspace: Workspace, slugs: tuple[str, ...], stamps: object) -> tuple[Memory, tuple[Finding, ...]]:
    """Past issues do not change while the preview looks at this one every time it is saved."""
    past = read_past_issues(workspace, slugs)
    return remember((one.issue for one in past.drafted), past.sources), past.findings


def _find_off_theme(config: Config, issue: Issue) -> list[tuple[int, str]]:
    """Blocks that name words of other themes and none of their section's."""
    sorter = Sorter(config.themes, config.sources, config.sorting)
    known = {theme.slug: theme.title for theme in config.themes}
    found = []
    for section in issue.sections:
        for post in section.posts:
            for off in sorter.find_off_theme(post.body, section.slug):
                start = cut_at_word(plain_inline(off.text), 60)
                names = f"{', '.join(off.words)} ({', '.join(known[theme] for theme in off.themes)})"
                found.append((post.line, f"“{start}” names {names} and nothing of {known[section.slug]}"))
    return found


def _check_ignored(ignore: Mapping[str, str]) -> None:
    known = [*PAGE_RULES, *WORD_RULES, "section", "source", "issue", "link"]
    for name, reason in ignore.items():
        rule = name.partition(" p-")[0]
        if rule not in known:
            message = f"checks.ignore: no rule {rule!r}{suggest(rule, known) or '; docs/checks.md lists them'}"
            raise SettingsError(Mistake(code="NL012", file=SETTINGS, message=message))
        if not reason.strip():
            message = f"checks.ignore: {name} needs a reason, for whoever reads it next year"
            raise SettingsError(Mistake(code="NL014", file=SETTINGS, message=message))


def _check_clients(names: tuple[str, ...]) -> None:
    if wrong := about_unknown(names):
        raise SettingsError(Mistake(code="NL014", file=SETTINGS, message=f"checks.clients: {wrong}"))
