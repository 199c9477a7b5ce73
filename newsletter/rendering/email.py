"""A shown issue → the two bodies of its mail: HTML, styled inline, and plain text."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from html import escape, unescape
from typing import Any

from jinja2 import Environment

from newsletter import links
from newsletter.errors import InputError, Mistake
from newsletter.model import Edition, Head, Issue, Publication
from newsletter.phrases import Phrases, write_date
from newsletter.rendering.content import ShownIssue, change_texts
from newsletter.rendering.inline import inline_css
from newsletter.rendering.pictures import fit_pictures
from newsletter.rendering.tables import frame_tables
from newsletter.rendering.templates import render

_SLOT = re.compile(re.escape(links.SLOT_PREFIX) + r"[A-Z_]*")


_SECTION = re.compile(
    r"(?:<!--)?__READER_SECTION_([a-z0-9-]+)__(?:-->)?\n?(.*?)(?:<!--)?__READER_SECTION_END__(?:-->)?\n?", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Mail:
    """The bodies of one issue. `html` has its styles inline; `source` is the same page before that, for checking.

    `marked` are HTML and text with marks around each section; `remake` gives these two below another head.
    """

    html: str
    source: str
    text: str
    marked: tuple[str, str]
    remake: Callable[[Head], tuple[str, str]] = field(compare=False, repr=False)


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

    def write(kind: str, head: Head) -> str:
        issue = replace(shown.issue, subject=head.subject, preheader=head.preheader)
        return render(environment, f"email/issue.{kind}.j2", values | {"issue": issue})

    with_slots = write("html", _slots_of(shown.issue))
    inlined = _inline(with_slots)

    def remake(head: Head) -> tuple[str, str]:
        """Styles are inlined once. Of templates that do more with a head than put it out, they are inlined for each."""
        html = write("html", head)
        same = unescape(_fill(with_slots, head)) == unescape(html)
        return _fill(inlined, head) if same else _inline(html), write("txt", head)

    marked = remake(shown.issue.head)
    return Mail(
        html=_cut(marked[0]),
        source=_cut(_fill(with_slots, shown.issue.head)),
        text=tidy_text(_cut(marked[1])),
        marked=marked,
        remake=remake,
    )


def _slots_of(issue: Issue) -> Head:
    written = any(head.preheader for head in (issue.head, *issue.heads.values()))
    return Head(subject=links.SUBJECT_SLOT, preheader=links.PREHEADER_SLOT if written else "")


def _inline(source: str) -> str:
    html = inline_css(source)
    if html.count(links.TOKEN_SLOT) != source.count(links.TOKEN_SLOT):
        raise InputError(
            Mistake(
                code="NL042",
                file="templates/email/issue.html.j2",
                message=f"{links.TOKEN_SLOT} was changed while styles were inlined; use unsubscribe_url as it is",
            )
        )
    return html


def _fill(html: str, head: Head) -> str:
    for slot, value in ((links.SUBJECT_SLOT, head.subject), (links.PREHEADER_SLOT, head.preheader)):
        html = html.replace(slot, escape(value).encode("ascii", "xmlcharrefreplace").decode("ascii"))
    return html


def _for_mail(html: str) -> str:
    return frame_tables(fit_pictures(html))


def select_sections(mail: Mail, themes: frozenset[str], head: Head) -> tuple[str, str]:
    """HTML and text of a mail with the sections of some themes only, below a head of their own.

    Raises InputError for templates of the user's own that have no marks around their sections.
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
    html, text = mail.remake(head)
    return _cut(html, themes), tidy_text(_cut(text, themes))


def _cut(marked: str, themes: frozenset[str] | None = None) -> str:
    """Marks out, and with them the sections of other themes."""
    return _SECTION.sub(lambda match: match[2] if themes is None or match[1] in themes else "", marked)


def mail_values(shown: ShownIssue, publication: Publication, edition: Edition, phrases: Phrases) -> dict[str, Any]:
    """What a mail template may use (docs/templates.md)."""
    base, issue = publication.url, shown.issue
    reason = publication.reason or str(phrases["reason"]).format(edition=edition.title)
    return {
        "publication": publication,
        "edition": edition,
        "issue": issue,
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
