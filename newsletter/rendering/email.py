"""A shown issue → the two bodies of its mail: HTML, styled inline, and plain text."""

import re
from dataclasses import dataclass, replace
from html import escape
from typing import Any

from jinja2 import Environment

from newsletter import links
from newsletter.errors import InputError, Mistake
from newsletter.model import Edition, Head, Publication
from newsletter.phrases import Phrases, write_date
from newsletter.rendering.content import ShownIssue, change_texts
from newsletter.rendering.inline import inline_css
from newsletter.rendering.pictures import fit_pictures
from newsletter.rendering.plain_text import underline
from newsletter.rendering.tables import frame_tables
from newsletter.rendering.templates import render

_SLOT = re.compile(re.escape(links.SLOT_PREFIX) + r"[A-Z_]*")


_SECTION = re.compile(
    r"(?:<!--)?__READER_SECTION_([a-z0-9-]+)__(?:-->)?\n?(.*?)(?:<!--)?__READER_SECTION_END__(?:-->)?\n?", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Mail:
    """The bodies of one issue. `html` has its styles inline; `source` is the same page before that, for checking.

    `marked` are HTML and text with marks around each section and in the place of the head, for `select_sections`.
    """

    html: str
    source: str
    text: str
    marked: tuple[str, str] = ("", "")


def render_mail(
    shown: ShownIssue,
    *,
    publication: Publication,
    edition: Edition,
    environment: Environment,
    phrases: Phrases,
) -> Mail:
    """An issue → its mail. Slots for a reader's data (`links.TOKEN_SLOT`) stand in it and are filled when it is sent."""
    values = mail_values(change_texts(shown, _for_mail), publication, edition, phrases)
    # Slots are searched for in our own words only: a post that holds one could be filled with a reader's token (C8).
    _refuse_slots(shown)
    source = render(environment, "email/issue.html.j2", values)
    html = inline_css(source)
    if html.count(links.TOKEN_SLOT) != source.count(links.TOKEN_SLOT):
        raise InputError(
            Mistake(
                code="NL042",
                file="templates/email/issue.html.j2",
                message=f"{links.TOKEN_SLOT} was changed while styles were inlined; use unsubscribe_url as it is",
            )
        )
    text = render(environment, "email/issue.txt.j2", values)
    head = shown.issue.head
    return Mail(
        html=_fill_html(_cut(html), head),
        source=_fill_html(_cut(source), head),
        text=tidy_text(_fill_text(_cut(text), head)),
        marked=(html, text),
    )


def _fill_html(html: str, head: Head) -> str:
    for slot, value in ((links.SUBJECT_SLOT, head.subject), (links.PREHEADER_SLOT, head.preheader)):
        html = html.replace(slot, escape(value).encode("ascii", "xmlcharrefreplace").decode("ascii"))
    return html


def _fill_text(text: str, head: Head) -> str:
    """The line below a slot is as long as the slot, if it underlines it: it is drawn anew for what fills the slot."""
    for slot, value in ((links.SUBJECT_SLOT, head.subject), (links.PREHEADER_SLOT, head.preheader)):
        text = re.sub(
            rf"^{slot}\n([=~-])\1{{{len(slot) - 1}}}$",
            lambda match, value=value: underline(value, match[1]),  # type: ignore[misc]
            text,
            flags=re.MULTILINE,
        ).replace(slot, value)
    return text


def _for_mail(html: str) -> str:
    return frame_tables(fit_pictures(html))


def select_sections(mail: Mail, themes: frozenset[str], head: Head) -> tuple[str, str]:
    """HTML and text of a mail with the sections of some themes only, below a head of their own.

    Each section was rendered and inlined once, for everybody. Raises InputError for templates of the user's own that have
    no marks around their sections.
    """
    for name, marked in zip(("issue.html.j2", "issue.txt.j2"), mail.marked, strict=True):
        if not _SECTION.search(marked):
            raise InputError(
                Mistake(
                    code="NL042",
                    file=f"templates/email/{name}",
                    message="has no section.begin and section.end around its sections, and some readers chose themes",
                    help="docs/templates.md#themes says where they go",
                )
            )
    html, text = mail.marked
    return _fill_html(_cut(html, themes), head), tidy_text(_fill_text(_cut(text, themes), head))


def _cut(marked: str, themes: frozenset[str] | None = None) -> str:
    """Marks out, and with them the sections of other themes."""
    return _SECTION.sub(lambda match: match[2] if themes is None or match[1] in themes else "", marked)


def mail_values(shown: ShownIssue, publication: Publication, edition: Edition, phrases: Phrases) -> dict[str, Any]:
    """What a mail template may use (docs/templates.md)."""
    base, issue = publication.url, shown.issue
    written = any(head.preheader for head in (issue.head, *issue.heads.values()))
    reason = publication.reason or str(phrases["reason"]).format(edition=edition.title)
    return {
        "publication": publication,
        "edition": edition,
        "issue": replace(issue, subject=links.SUBJECT_SLOT, preheader=links.PREHEADER_SLOT if written else ""),
        "date": write_date(issue.date, phrases),
        "intro": shown.intro,
        "sections": shown.sections,
        "direction": shown.direction,
        "start": "right" if shown.direction == "rtl" else "left",
        "end": "left" if shown.direction == "rtl" else "right",
        "phrases": phrases,
        "reason": reason,
        "web_url": links.issue_url(base, issue.slug),
        "archive_url": f"{base}/",
        "follow_url": links.follow_url(base),
        "preferences_url": links.preferences_url(base),
        "unsubscribe_url": links.unsubscribe_url(base, links.TOKEN_SLOT),
    }


def _refuse_slots(shown: ShownIssue) -> None:
    """Raises InputError for a slot in subject or preheader. What others wrote has none any more (`content.hide_slots`)."""
    heads = (shown.issue.head, *shown.issue.heads.values())
    for words in (words for head in heads for words in (head.subject, head.preheader)):
        found = _SLOT.search(words)
        if found:
            raise InputError(
                Mistake(
                    code="NL042",
                    file=f"issues/{shown.issue.slug}/issue.md",
                    message=f"holds {found.group()}, which is where a reader's data goes; write it differently",
                )
            )


def tidy_text(text: str) -> str:
    """Text as a mail wants it: no blanks at line ends, at most one blank line in a row, one newline at the end (T4)."""
    lines = [line.rstrip() for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n") + "\n"
