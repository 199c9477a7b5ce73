"""An issue's Markdown is read once; mail, text, pages and feeds are all made from what comes out here."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from markdown_it.token import Token

from newsletter.links import SECTION_END, SECTION_MARK, SLOT_PREFIX, post_anchor
from newsletter.model import Issue, IssuePost, Section
from newsletter.rendering.markdown import (
    close_headings,
    inline_to_html,
    inline_to_text,
    parse_inline,
    parse_markdown,
    to_html,
)
from newsletter.rendering.pictures import settle_pictures
from newsletter.rendering.plain_text import to_text
from newsletter.rendering.tables import head_tables
from newsletter.text.addresses import tidy_address
from newsletter.text.characters import has_rtl, is_rtl
from newsletter.text.html import clean_html
from newsletter.text.words import cut_at_word, number_of_words

SUMMARY_LIMIT = 300
POST_LEVEL = 4  # of the first heading in a post, whose title is an h3
_NUMBER = re.compile(r"\[\d+\]")  # of a link, in the text
_ENDS = tuple(".:;,!?…。：！？،؛)”’»")
# Languages that are written from right to left (CLDR); a region or script may follow.
RTL_LANGUAGES = frozenset("ar arc ckb dv fa he ks ku ps sd ug ur yi".split())


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of an issue in both forms. `html` is sanitised; `plain` is wrapped; `urls` are its numbered links.

    `direction` is its own: an English introduction to an Arabic issue reads from left to right. `notes` say what is shown
    otherwise than it was written.
    """

    html: str = ""
    plain: str = ""
    urls: tuple[tuple[int, str], ...] = ()
    direction: str = "ltr"
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceLink:
    """Where a post came from: the address and the site's name to show."""

    url: str
    site: str


@dataclass(frozen=True, slots=True)
class ShownPost:
    """A post ready to be shown. `title` is HTML, `title_text` plain; `direction` is ltr or rtl.

    `number` names a post without a key inside its issue.
    """

    key: str | None
    number: int
    anchor: str
    title: str
    title_text: str
    body: Text
    summary: str
    sources: tuple[SourceLink, ...]
    direction: str


@dataclass(frozen=True, slots=True)
class ShownSection:
    """A section ready to be shown. `begin` and `end` go around it in a mail (`email.select_sections`)."""

    slug: str
    title: str
    title_text: str
    intro: Text
    posts: tuple[ShownPost, ...]
    direction: str

    @property
    def begin(self) -> str:
        """The mark in front of the section."""
        return SECTION_MARK.format(slug=self.slug)

    @property
    def end(self) -> str:
        """The mark behind it."""
        return SECTION_END


@dataclass(frozen=True, slots=True)
class ShownIssue:
    """An issue ready to be shown."""

    issue: Issue
    intro: Text
    sections: tuple[ShownSection, ...]
    direction: str

    @property
    def posts(self) -> tuple[ShownPost, ...]:
        """All posts in reading order."""
        return tuple(post for section in self.sections for post in section.posts)


@dataclass(frozen=True, slots=True)
class _IssueFrame:
    """What all pieces of an issue share: the publication's direction, and the host on which its pictures may be."""

    direction: str
    host: str


def show_issue(issue: Issue, language: str, *, url: str = "") -> ShownIssue:
    """Shows an issue's Markdown as HTML and text, side by side. `url` is the publication's."""
    direction = "rtl" if language.partition("-")[0] in RTL_LANGUAGES else "ltr"
    frame = _IssueFrame(direction, urlsplit(url).hostname or "")
    positions = {id(post): position for position, post in enumerate(issue.posts, 1)}
    sections = tuple(_show_section(section, positions, frame) for section in issue.sections if section.posts)
    return ShownIssue(issue, _show_text(issue.intro, 2, frame), sections, direction)


def _show_section(section: Section, positions: Mapping[int, int], frame: _IssueFrame) -> ShownSection:
    html, words = _show_title(section.title)
    return ShownSection(
        slug=section.slug,
        title=html,
        title_text=words,
        intro=_show_text(section.intro, 3, frame),
        posts=tuple(_show_post(post, positions[id(post)], frame) for post in section.posts),
        direction=_direction(words, frame.direction),
    )


def _show_post(post: IssuePost, position: int, frame: _IssueFrame) -> ShownPost:
    html, words = _show_title(post.title)
    blocks = parse_markdown(post.body, POST_LEVEL)
    return ShownPost(
        key=post.key,
        number=post.number or position,
        anchor=post_anchor(post.key, post.number or position),
        title=html,
        title_text=words,
        body=_to_both(blocks, frame, POST_LEVEL),
        summary=hide_slots(summarise(blocks)),
        sources=tuple(_show_source(link.url) for link in post.sources),
        direction=_direction(f"{words} {post.body[:200]}", frame.direction),
    )


def _show_title(title: str) -> tuple[str, str]:
    """As HTML, and as plain text."""
    tokens = parse_inline(title)
    return _hide_slots_in_html(inline_to_html(tokens)), hide_slots(inline_to_text(tokens))


def _show_source(url: str) -> SourceLink:
    address = _hide_slots_in_address(tidy_address(url))
    return SourceLink(address, site_name(address))


def _show_text(body: str, top: int, frame: _IssueFrame) -> Text:
    return _to_both(parse_markdown(body, top), frame, top) if body else Text()


def _to_both(tokens: Sequence[Token], frame: _IssueFrame, top: int) -> Text:
    plain = to_text(tokens)
    direction = _direction(plain.text, frame.direction)
    if has_rtl(plain.text):
        plain = to_text(tokens, direction=direction)
    html, tables = head_tables(close_headings(to_html(tokens), top))
    if tables:
        html = clean_html(html)  # the last step before it is used (security R7)
    html, notes = settle_pictures(html, frame.host)
    if tables:
        notes += ("a table without headings: its first row, if all of it is bold, or its first column heads it",)
    return Text(
        html=_hide_slots_in_html(html),
        plain=hide_slots(plain.text),
        urls=tuple(enumerate(map(_hide_slots_in_address, plain.urls), 1)),
        direction=direction,
        notes=notes,
    )


# Attack: a post that holds `__READER_TOKEN__` would be filled with the token of each reader, in a link to elsewhere too.
_VALUE = re.compile(r'="[^"]*"')


def hide_slots(text: str) -> str:
    """Somebody's words in which nothing is a place for a reader's data: an invisible U+2060 parts what would be one."""
    return text.replace(SLOT_PREFIX, f"{SLOT_PREFIX[0]}\u2060{SLOT_PREFIX[1:]}")


def _hide_slots_in_html(html: str) -> str:
    if SLOT_PREFIX not in html:
        return html
    return hide_slots(_VALUE.sub(lambda value: _hide_slots_in_address(value[0]), html))


def _hide_slots_in_address(url: str) -> str:
    return url.replace(SLOT_PREFIX, f"%5F{SLOT_PREFIX[1:]}")


def change_texts(shown: ShownIssue, change: Callable[[str], str]) -> ShownIssue:
    """The same issue with the HTML of all its texts changed: for a mail, or for a page."""

    def apply(text: Text) -> Text:
        return replace(text, html=change(text.html)) if text.html else text

    sections = tuple(
        replace(
            section,
            intro=apply(section.intro),
            posts=tuple(replace(post, body=apply(post.body)) for post in section.posts),
        )
        for section in shown.sections
    )
    return replace(shown, intro=apply(shown.intro), sections=sections)


def count_words(body: str) -> int:
    """How many words a reader would see of a Markdown text."""
    return number_of_words(_NUMBER.sub(" ", to_text(parse_markdown(body)).text))


def _direction(text: str, publication: str) -> str:
    """A text's own direction if its first letter has one, else the publication's."""
    if is_rtl(text):
        return "rtl"
    return "ltr" if any(character.isalpha() for character in text) else publication


def summarise(tokens: Sequence[Token]) -> str:
    """The first 300 characters of a text, cut at a word, on one line (feeds C3)."""
    inline = (inline_to_text(token.children or []) for token in tokens if token.type == "inline")
    text = ""
    for piece in filter(None, inline):
        # A list item or heading often ends without a stop; run together, two of them would read as one.
        text = f"{text} {piece}" if not text or text.endswith(_ENDS) else f"{text} · {piece}"
        text = text.strip()
        if len(text) > SUMMARY_LIMIT:
            break
    return cut_at_word(text, SUMMARY_LIMIT)


def site_name(url: str) -> str:
    """The name of a site as people say it: `https://www.example.org/a` → `example.org`."""
    host = urlsplit(url).hostname or url
    return host.removeprefix("www.")
