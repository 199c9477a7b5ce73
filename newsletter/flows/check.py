"""The flow of the checks: an issue is rendered as it would go out, and looked at. Nothing is written, nobody is asked."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from html import unescape

from newsletter import links
from newsletter.calendar import publication_moment
from newsletter.checking import (
    HEAD_RULES,
    PAGE_RULES,
    WORD_RULES,
    IssueText,
    Page,
    about_unknown,
    check_draft,
    check_page,
)
from newsletter.config import Config
from newsletter.editing.duplicates import StoryIndex, find_told, remember
from newsletter.editing.heads import list_heads
from newsletter.editing.themes import Sorter
from newsletter.errors import ChecksFailed, Mistake, SettingsError
from newsletter.flows.build import Rendered, compose_message
from newsletter.model import UNSORTED, Finding, Issue
from newsletter.rendering.leftover_marks import find_marks
from newsletter.text.markdown import plain_inline
from newsletter.text.words import cut_at_word, suggest
from newsletter.workspace.files import SETTINGS, Workspace, issue_path
from newsletter.workspace.load import load_issue, offered_path
from newsletter.workspace.past_issues import read_past_issues

# A story comes back after years without being a repetition.
_PAST = 30
# The same finding at more places than these is one finding.
_SAID_ONE_BY_ONE = 3
# What `build` tells in fewer words about the same things.
_TOLD_BETTER = ("H14", "H27", "H32")


def check_issue(workspace: Workspace, config: Config, rendered: Rendered) -> tuple[Finding, ...]:
    """All findings, errors first. Raises SettingsError for a rule to ignore, or a mail client, that there is not."""
    _check_ignored(config.checks.ignore)
    _check_clients(config.checks.clients)
    path = issue_path(rendered.issue.slug)
    repeats, unread = _find_repeats(workspace, rendered.issue)
    draft = IssueText(
        issue=rendered.issue,
        path=path,
        flag=config.checks.flag,
        repeats=repeats,
        off_theme=_find_off_theme(config, rendered.issue),
        marks=_find_marks(workspace, rendered.issue.slug),
    )
    checks = config.checks
    own = (one for one in rendered.findings if one.rule not in _TOLD_BETTER)
    page = check_page(_make_page(config, rendered), ignore=checks.ignore)
    keys = {f"{path}:{post.line}": post.key for post in rendered.issue.posts}
    found = (*own, *page, *_check_heads(config, rendered), *check_draft(draft, ignore=checks.ignore), *unread)
    told = (one for one in found if not checks.leaves_out(one.rule, keys.get(one.where)))
    return tuple(sorted(_say_once(told), key=lambda one: one.level != "error"))


def _say_once(findings: Iterable[Finding]) -> Iterator[Finding]:
    """What is found at many places is one finding, with the first of them, some more, and how many there are."""
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for one in findings:
        groups.setdefault((one.rule, one.level, one.message), []).append(one)
    for group in groups.values():
        places = list(dict.fromkeys(one.where for one in group))
        if len(places) <= _SAID_ONE_BY_ONE:
            yield from (replace(group[0], where=place) for place in places)
            continue
        more = ", ".join(_short_place(place) for place in places[1:_SAID_ONE_BY_ONE])
        yield replace(
            group[0],
            message=f"{group[0].message} ({len(group)} times; also {more} and {len(places) - _SAID_ONE_BY_ONE} more)",
        )


def _short_place(place: str) -> str:
    """`issues/…/issue.md:31` is line 31 of the file that is named already."""
    _, _, line = place.rpartition(":")
    return f"line {line}" if line.isdecimal() else place


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


def _check_heads(config: Config, rendered: Rendered) -> Iterator[Finding]:
    """What is wrong above the mails of readers of some sections: of what the editor wrote all, else what would stop it."""
    titles = {section.slug: section.title_text for section in rendered.shown.sections}
    for chosen in list_heads(rendered.issue, (slug for slug in titles if slug != UNSORTED)):
        page = _make_page(config, rendered, chosen)
        names = ", ".join(titles[slug] for slug in titles if slug in chosen)
        for one in check_page(page, ignore=config.checks.ignore, only=HEAD_RULES):
            if one.level == "error" or chosen in rendered.issue.heads:
                where = one.where or f"{issue_path(rendered.issue.slug)}:1"
                yield replace(one, message=f"for readers of {names}: {one.message}", where=where)


def _make_page(config: Config, rendered: Rendered, chosen: Collection[str] = ()) -> Page:
    publication, head = config.publication, rendered.head(chosen)
    html, text = rendered.bodies(chosen)
    return Page(
        html=html,
        text=text,
        subject=head.subject,
        preheader=head.preheader,
        language=publication.language,
        url=publication.url,
        postal_address=publication.postal_address,
        reason=publication.reason or str(rendered.phrases["reason"]).format(edition=rendered.edition.title),
        unsubscribe=links.unsubscribe_url(publication.url, links.TOKEN_SLOT),
        clients=config.checks.clients,
        headers=_write_headers(config, rendered, head.subject),
        words=_gather_words(rendered),
    )


def _gather_words(rendered: Rendered) -> str:
    """All that the issue says, as readers see it and as its HTML has it."""
    shown, issue = rendered.shown, rendered.issue
    texts = [words for head in (issue.head, *issue.heads.values()) for words in (head.subject, head.preheader)]
    pieces = [shown.intro]
    for section in shown.sections:
        pieces += [section.intro, *(post.body for post in section.posts)]
        texts += [section.title_text, *(post.title_text for post in section.posts)]
        texts += [source.url for post in section.posts for source in post.sources]
    for piece in pieces:
        texts += [piece.plain, unescape(piece.html), *(url for _, url in piece.urls)]
    return "\n".join(texts)


def _write_headers(config: Config, rendered: Rendered, subject: str) -> bytes:
    """The headers as every reader's mail has them; the bodies, which take longer, are looked at as they are."""
    moment = publication_moment(rendered.edition, rendered.issue.date, config.zone)
    message = compose_message(("", ""), rendered.issue, rendered.edition, config, moment=moment, subject=subject)
    return message.partition(b"\r\n\r\n")[0]


def _find_repeats(workspace: Workspace, issue: Issue) -> tuple[list[tuple[int, str]], tuple[Finding, ...]]:
    """What was told before, and which past issues cannot be read and so are not compared."""
    slugs = tuple(one for one in workspace.issue_slugs() if one < issue.slug)[-_PAST:]
    files = [path for slug in slugs for path in (issue_path(slug), offered_path(slug))]
    memory, unread = _remember(workspace, slugs, tuple(map(workspace.stamp, files)))
    own = read_past_issues(workspace, [issue.slug])
    return [(post.line, message) for post, message in find_told(issue, memory, own.sources)], unread


@lru_cache(maxsize=1)
def _remember(workspace: Workspace, slugs: tuple[str, ...], stamps: object) -> tuple[StoryIndex, tuple[Finding, ...]]:
    """Past issues do not change while the preview looks at this one every time it is saved."""
    past = read_past_issues(workspace, slugs)
    return remember((one.issue for one in past.drafted), past.sources), past.findings


def _find_marks(workspace: Workspace, slug: str) -> list[tuple[int, str]]:
    file = load_issue(workspace, slug)
    above = file.text.count("\n", 0, file.body)
    return [(above + line, message) for line, message in find_marks(file.text[file.body :])]


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
