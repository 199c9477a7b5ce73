"""Sorted posts become an issue: sections in the edition's order, a subject and a preheader proposed from the posts."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from newsletter.editing.themes import ThemeVerdict
from newsletter.model import UNSORTED, Edition, Issue, IssuePost, Link, Post, Section, Theme
from newsletter.text.markdown import escape_heading, map_text, plain_inline, shift_headings
from newsletter.text.subjects import fit_subject
from newsletter.text.words import cut_at_word

SUBJECT_COLUMNS = 78  # message M61: beyond this, clients cut
PREHEADER_LIMITS = (40, 130)  # email-html H27
BODY_LEVEL = 4
# What looks like an id of ours is somebody's text. In HTML no backslash escapes it; a reference does everywhere but in code.
_ID = re.compile(r"(?<!\\)\{(?=#[^{}\s]*\})")


@dataclass(frozen=True, slots=True)
class Composed:
    """An issue, and the posts that do not stand in it: held back, or of themes that another edition carries."""

    issue: Issue
    held: tuple[Post, ...]
    elsewhere: tuple[Post, ...]


def compose_issue(
    verdicts: Iterable[ThemeVerdict],
    *,
    edition: Edition,
    themes: tuple[Theme, ...],
    day: date,
    phrases: Mapping[str, str],
) -> Composed:
    """Verdicts → an issue. The same verdicts give the same issue."""
    sections, held, elsewhere = gather_sections(verdicts, edition=edition, themes=themes, phrases=phrases)
    issue = Issue(
        slug=f"{day.isoformat()}-{edition.slug}",
        edition=edition.slug,
        date=day,
        subject=propose_subject(sections, edition),
        preheader=propose_preheader(sections, edition, phrases),
        sections=sections,
    )
    return Composed(issue, held, elsewhere)


def gather_sections(
    verdicts: Iterable[ThemeVerdict], *, edition: Edition, themes: tuple[Theme, ...], phrases: Mapping[str, str]
) -> tuple[tuple[Section, ...], tuple[Post, ...], tuple[Post, ...]]:
    """Verdicts → (sections that have posts, in the edition's order with unsorted last; held posts; posts for other editions)."""
    by_theme: dict[str, list[IssuePost]] = {slug: [] for slug in (*edition.themes, UNSORTED)}
    held: list[Post] = []
    elsewhere: list[Post] = []
    for verdict in verdicts:
        slug = verdict.theme or UNSORTED
        if slug == UNSORTED and edition.unsorted == "hold":
            held.append(verdict.post)
        elif slug not in by_theme:
            elsewhere.append(verdict.post)
        else:
            by_theme[slug].append(place_post(verdict.post))
    titles = {theme.slug: theme.title for theme in themes} | {UNSORTED: phrases["unsorted"]}
    sections = tuple(
        Section(slug=slug, title=escape_heading(titles[slug]), posts=tuple(posts))
        for slug, posts in by_theme.items()
        if posts
    )
    return sections, tuple(held), tuple(elsewhere)


def place_post(post: Post) -> IssuePost:
    """A collected post as it stands in an issue: headings below its own, its addresses as the source line."""
    urls = [url for url in (post.url, *post.extra_urls) if url]
    names = ["Source" if number == 1 else f"Source {number}" for number in range(1, len(urls) + 1)]
    return IssuePost(
        title=_ID.sub(r"\\\g<0>", escape_heading(post.title)),
        body=map_text(shift_headings(post.body, BODY_LEVEL), lambda text: _ID.sub("&#123;", text)),
        key=post.key,
        sources=tuple(Link(text=name, url=url) for name, url in zip(names, urls, strict=True)),
    )


def read_back(post: IssuePost, origin: str, theme: str | None = None) -> Post:
    """A post as it stands in an issue, as if it were collected anew. One written by hand is known by its place."""
    return Post(
        key=post.key or f"{origin}:{post.line}",
        title=plain_inline(post.title),
        body=post.body,
        source="",
        theme=theme,
        origin=origin,
        line=post.line,
    )


def propose_subject(sections: Iterable[Section], edition: Edition) -> str:
    """The first post of each section, as many titles as a mail client shows; the edition's title if none can be seen."""
    return join_subjects(map(subject_of, sections)) or edition.title


def join_subjects(pieces: Iterable[str]) -> str:
    """What sections have to say, as much of it as a mail client shows."""
    subject = ""
    for piece in filter(None, pieces):
        longer = f"{subject}; {piece}" if subject else cut_at_word(piece, SUBJECT_COLUMNS)
        if len(longer) > SUBJECT_COLUMNS:
            break
        subject = longer
    return subject


def subject_of(section: Section) -> str:
    """What a section has to say in a subject: the title of its first post."""
    return fit_subject(plain_inline(section.posts[0].title)).rstrip(". ") if section.posts else ""


def propose_preheader(sections: tuple[Section, ...], edition: Edition, phrases: Mapping[str, str]) -> str:
    """How many posts on which themes; where that is too short for an inbox line, their titles and the edition's too."""
    shortest, longest = PREHEADER_LIMITS
    count = sum(len(section.posts) for section in sections)
    if not count:
        return ""
    names = [plain_inline(section.title) for section in sections if section.slug != UNSORTED]
    more = any(section.slug == UNSORTED for section in sections)
    if more or not names:
        names.append(phrases["more"])
    template = phrases["post_on"] if count == 1 else phrases["posts_on"]
    text = template.format(count=count, themes=_list_names(names, phrases["and"]))
    while len(text) > longest and len(names) > 2:
        names = [*names[:-2], phrases["more"]]
        text = template.format(count=count, themes=_list_names(names, phrases["and"]))
    if len(text) < shortest:
        titles = (fit_subject(plain_inline(post.title)).rstrip(". ") for section in sections for post in section.posts)
        text = f"{text} {'; '.join(filter(None, titles))}".rstrip()
    if len(text) < shortest:
        text = f"{text} – {edition.title}"
    return cut_at_word(text, longest)


def _list_names(names: list[str], conjunction: str) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {conjunction} {names[-1]}"
