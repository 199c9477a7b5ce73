"""An issue's Markdown is read once; mail, text, pages and feeds are all made from what comes out here."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from markdown_it.token import Token

from newsletter.links import SECTION_END, SECTION_MARK, post_anchor
from newsletter.model import Issue, IssuePost, Section
from newsletter.rendering.markdown import (
    inline_to_html,
    inline_to_text,
    parse_inline,
    parse_markdown,
    to_html,
)
from newsletter.rendering.plain_text import to_text
from newsletter.text.characters import is_rtl
from newsletter.text.words import cut_at_word, number_of_words

SUMMARY_LIMIT = 300
_NUMBER = re.compile(r"\[\d+\]")  # of a link, in the text
_ENDS = tuple(".:;,!?…。：！？،؛)”’»")
# Languages that are written from right to left (CLDR); a region or script may follow.
RTL_LANGUAGES = frozenset("ar arc ckb dv fa he ks ku ps sd ug ur yi".split())


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of an issue in both forms. `html` is sanitised; `plain` is wrapped; `urls` are its numbered links.

    `direction` is its own: an English introduction to an Arabic issue reads from left to right.
    """

    html: str = ""
    plain: str = ""
    urls: tuple[tuple[int, str], ...] = ()
    direction: str = "ltr"


@dataclass(frozen=True, slots=True)
class SourceLink:
    """Where a post came from: the address and the site's name to show."""

    url: str
    site: str


@dataclass(frozen=True, slots=True)
class ShownPost:
    """A post ready to be shown. `title` is HTML, `title_text` plain; `direction` is ltr or rtl."""

    key: str | None
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


def show_issue(issue: Issue, language: str) -> ShownIssue:
    """An issue's Markdown → HTML and text, side by side."""
    direction = "rtl" if language.partition("-")[0] in RTL_LANGUAGES else "ltr"
    positions = {id(post): position for position, post in enumerate(issue.posts, 1)}
    sections = tuple(_show_section(section, positions, direction) for section in issue.sections if section.posts)
    return ShownIssue(issue, _show_text(issue.intro, 2, direction), sections, direction)


def _show_section(section: Section, positions: Mapping[int, int], direction: str) -> ShownSection:
    tokens = parse_inline(section.title)
    return ShownSection(
        slug=section.slug,
        title=inline_to_html(tokens),
        title_text=inline_to_text(tokens),
        intro=_show_text(section.intro, 3, direction),
        posts=tuple(_show_post(post, positions[id(post)], direction) for post in section.posts),
        direction=_direction(inline_to_text(tokens), direction),
    )


def _show_post(post: IssuePost, position: int, direction: str) -> ShownPost:
    tokens = parse_inline(post.title)
    blocks = parse_markdown(post.body)
    title = inline_to_text(tokens)
    return ShownPost(
        key=post.key,
        anchor=post_anchor(post.key, position),
        title=inline_to_html(tokens),
        title_text=title,
        body=_to_both(blocks, direction),
        summary=summarise(blocks),
        sources=tuple(SourceLink(link.url, site_name(link.url)) for link in post.sources),
        direction=_direction(f"{title} {post.body[:200]}", direction),
    )


def _show_text(body: str, top: int, direction: str) -> Text:
    return _to_both(parse_markdown(body, top), direction) if body else Text()


def _to_both(tokens: Sequence[Token], direction: str) -> Text:
    plain = to_text(tokens)
    return Text(to_html(tokens), plain.text, tuple(enumerate(plain.urls, 1)), _direction(plain.text, direction))


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
