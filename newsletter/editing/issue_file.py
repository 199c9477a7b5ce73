"""issue.md ⇄ Issue: the contract between program and editor (DESIGN §5, docs/issue-file.md).

Reading keeps where every post ends, so that new posts can be put in without touching one byte of what stands.
"""

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from newsletter.errors import InputError, Mistake
from newsletter.model import UNSORTED, Finding, Head, Issue, IssuePost, Link, Section
from newsletter.text.addresses import is_web_address
from newsletter.text.dates import parse_day
from newsletter.text.front_matter import FrontMatter, open_front_matter, quote_value, write_front_matter
from newsletter.text.markdown import (
    HEADING_ID,
    find_dead_links,
    format_link,
    plain_inline,
)
from newsletter.text.structure import find_unclosed, structure_lines
from newsletter.text.words import slugify, suggest

KEYS = ("issue", "edition", "date", "subject", "preheader")
# With a dot and sections behind them, `subject.caucasus` or `subject.caucasus+eu-china`: for who gets just these.
FAMILIES = ("subject", "preheader")
_REQUIRED = ("issue", "edition", "date", "subject")
_HEADING = re.compile(r" {0,3}(#{2,3})(?=[ \t]|$)(.*)")
_CLOSING = re.compile(r"(?:^|[ \t])#+$")
_LINK = re.compile(
    r"\[((?:[^\[\]\\]|\\.)+)\]\((?:<([^<>\n]*)>|([^()\s<>]*(?:\([^()\s]*\)[^()\s]*)*))\)|<(https?://[^<>\s]+)>|(https?://[^\s<>]+)"
)
_BULLET = re.compile(r"\s*[-*+]\s")
_BETWEEN_LINKS = re.compile(r"[\s·|,;/•–-]*(?:(?:and|und|et|y|и)\s+)?")


@dataclass(frozen=True, slots=True)
class TextSpan:
    """Where a post or section stands in the text of the file: offsets of its first character and just past its last."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class IssueFile:
    """An issue as read, with its text, the places of its sections (by slug) and posts (by line), and what looks like a slip.

    `body` is the offset at which the text below the front matter begins.
    """

    issue: Issue
    text: str
    sections: dict[str, TextSpan]
    posts: dict[int, TextSpan]
    findings: tuple[Finding, ...] = ()
    body: int = 0


@dataclass(frozen=True, slots=True)
class _HeadingLine:
    level: int
    title: str
    id: str
    line: int
    start: int
    end: int


def read_issue(text: str, file: str) -> IssueFile:
    """The text of an issue.md → the issue. Raises InputError with every mistake and its line."""
    front = open_front_matter(text, file, KEYS, FAMILIES)
    if not front.lines:
        front.read_all({})
        raise InputError(
            Mistake(
                code="NL030",
                file=file,
                line=1,
                message="no front matter; start the file with a line --- and close it with another",
                help=f"an issue begins with {', '.join(_REQUIRED)} between two lines of ---: docs/issue-file.md",
            )
        )
    values, mistakes = _read_front(front, file)
    headings = _find_headings(text, front)
    unclosed = find_unclosed(text[front.end :])
    if unclosed:
        message = f"a {unclosed.what} begins here and nothing closes it, so all that follows is inside; add {unclosed.closing}"
        mistakes.append(Mistake(code="NL030", file=file, line=front.lines + unclosed.line, message=message))
    sections, places, posts = _read_sections(text, headings, file, mistakes)
    heads = _read_heads(front, file, mistakes)
    if mistakes:
        raise InputError.of(mistakes)
    intro_end = headings[0].start if headings else len(text)
    issue = Issue(
        slug=values["issue"],
        edition=values["edition"],
        date=values["date"],
        subject=" ".join(values["subject"].split()),
        preheader=" ".join(values["preheader"].split()),
        intro=_block(text[front.end : intro_end]),
        sections=sections,
        heads=heads,
    )
    slips = (*_find_strange_heads(front, places, file), *_find_slips(text, headings, front, file))
    return IssueFile(issue, text, places, posts, slips, front.end)


def split_head_key(key: str) -> tuple[str, tuple[str, ...]]:
    """`subject.caucasus+eu-china` → (`subject`, the sections); no sections for a key without a dot."""
    name, _, sections = key.partition(".")
    return name, tuple(sections.split("+")) if sections else ()


def _read_heads(front: FrontMatter, file: str, mistakes: list[Mistake]) -> dict[frozenset[str], Head]:
    heads: dict[frozenset[str], Head] = {}
    for key, line in front.key_lines.items():
        name, sections = split_head_key(key)
        chosen = frozenset(sections)
        if not sections or name not in FAMILIES:  # other keys with a dot are mistakes of the front matter
            continue
        if getattr(heads.get(chosen), name, ""):
            message = f"{key}: these sections have a {name} already; keep one"
            mistakes.append(Mistake(code="NL030", file=file, line=line, message=message))
        heads[chosen] = replace(heads.get(chosen, Head()), **{name: " ".join(front.text(key).split())})
    return heads


def _find_strange_heads(front: FrontMatter, sections: Mapping[str, TextSpan], file: str) -> Iterator[Finding]:
    """Lines for readers of sections that the issue does not have (any more): they stand in no mail."""
    for key, line in front.key_lines.items():
        for slug in split_head_key(key)[1]:
            if slug not in sections:
                message = f"{key}: there is no section {{#{slug}}} in this issue{suggest(slug, sections)}; not used"
                yield Finding(rule="issue", where=f"{file}:{line}", message=message)


def _read_front(front: FrontMatter, file: str) -> tuple[dict[str, Any], list[Mistake]]:
    """The values of the front matter, and all that is wrong with it; with mistakes there may be values missing."""
    readers: dict[str, Callable[[FrontMatter], Any]] = {key: partial(FrontMatter.text, key=key) for key in KEYS}
    readers["date"] = lambda front: front.parse("date", parse_day)
    values: dict[str, Any] = {}
    mistakes: list[Mistake] = []
    try:
        values = front.read_all(readers)
    except InputError as error:
        mistakes += error.mistakes
    # A key that is wrong is not missing.
    missing = () if front.mistakes else (key for key in _REQUIRED if not front.values.get(key))
    for key in missing:
        message = f"{key} is missing from the front matter"
        mistakes.append(Mistake(code="NL030", file=file, line=1, message=message))
    return values, mistakes


# What was meant as an id or a source line and is shown as text instead.
_HALF_ID = re.compile(r"\{#[^{}\s]*$|(?<!\\)\{#[^{}\s]*\}(?=.*\S)")
_SHOWN_ID = re.compile(r"(?<!\\)\{#(?:p-[0-9a-f]+|(?P<slug>[A-Za-z0-9_-]+))\}$")
_NO_BLANK = re.compile(r"(#{2,3})[^#\s]")
_HALF_LINK = re.compile(r"\[[^\[\]]*\]\((?:https?://)?[^()\s]*$")


def _find_slips(text: str, headings: list[_HeadingLine], front: FrontMatter, file: str) -> Iterator[Finding]:
    """What is no mistake and yet hardly meant: told by `build`, with its line."""
    first = headings[0].line if headings else sys.maxsize
    own = {heading.line for heading in headings}
    for number, line, structure in structure_lines(text[front.end :]):
        at, bare, message = front.lines + number, line.strip(), ""
        if not structure:
            continue
        shows_id = at not in own and _shows_id(bare)
        if no_blank := _NO_BLANK.match(bare):
            message = (
                f"{no_blank[1]} without a blank after it is text and begins nothing; write {no_blank[1]} and a blank"
            )
        elif shows_id:
            message = (
                "the {#id} of this line is shown as text; a post begins with ### and a blank, a section with ## and one"
            )
        elif at > first and re.match(r"#[ \t]", bare):
            message = "a single # is a heading inside the post above; a post begins with ###, a section with ##"
        elif bare.startswith("#") and _HALF_ID.search(bare):
            message = "an unfinished {#id} is shown as text; an id ends the line and is closed by }"
        elif _HALF_LINK.search(bare):
            message = "a link that is not closed is shown as text; write [Source](https://…)"
        if message:
            yield Finding(rule="issue", where=f"{file}:{at}", message=message, level="error" if shows_id else "warning")
    for number, url in find_dead_links(text[front.end :]):
        message = f"{url!r} is no web address, so this is shown without it; write https://…"
        yield Finding(rule="link", where=f"{file}:{front.lines + number}", message=message)


def _shows_id(line: str) -> bool:
    """Whether an id is at the end of a line that is no heading of ours. Only that of a post cannot be meant elsewhere."""
    found = _SHOWN_ID.search(line)
    return bool(found and (line.startswith("#") or not found["slug"]))


def _find_headings(text: str, front: FrontMatter) -> list[_HeadingLine]:
    headings = []
    offset = front.end
    for number, line, structure in structure_lines(text[front.end :]):
        match = _HEADING.match(line.rstrip("\r\n")) if structure else None
        if match:
            title = _CLOSING.sub("", match[2].strip(" \t")).rstrip()
            found = HEADING_ID.search(title)
            if found and (found.start() == 0 or title[found.start() - 1].isspace()):
                title, name = title[: found.start()].rstrip(), found[1]
            else:
                name = ""
            headings.append(_HeadingLine(len(match[1]), title, name, front.lines + number, offset, offset + len(line)))
        offset += len(line)
    return headings


def _read_sections(
    text: str, headings: list[_HeadingLine], file: str, mistakes: list[Mistake]
) -> tuple[tuple[Section, ...], dict[str, TextSpan], dict[int, TextSpan]]:
    sections: list[Section] = []
    places: dict[str, TextSpan] = {}
    posts: dict[int, TextSpan] = {}
    keys: dict[str, int] = {}
    for position, heading in enumerate(headings):
        end = headings[position + 1].start if position + 1 < len(headings) else len(text)
        body = text[heading.end : end]
        if heading.level == 2:
            section = _read_section(heading, body, file, places, mistakes)
            sections.append(section)
            places[section.slug] = TextSpan(heading.start, end)
        elif not sections:
            mistakes.append(_mistake(file, heading, "a post before the first section; put `## Theme {#slug}` above it"))
        else:
            post = _read_post(heading, body, file, keys, mistakes)
            last = sections[-1]
            sections[-1] = replace(last, posts=(*last.posts, post))
            places[last.slug] = replace(places[last.slug], end=end)
            posts[post.line] = TextSpan(heading.start, end)
    return tuple(sections), places, posts


def _read_section(
    heading: _HeadingLine, body: str, file: str, places: dict[str, TextSpan], mistakes: list[Mistake]
) -> Section:
    slug = heading.id or slugify(plain_inline(heading.title)) or f"section-{heading.line}"
    if not heading.title:
        mistakes.append(_mistake(file, heading, "a section without a title"))
    if slug in places:
        mistakes.append(_mistake(file, heading, f"a second section {{#{slug}}}; put its posts into the first one"))
        slug = f"{slug}-{heading.line}"
    return Section(slug=slug, title=heading.title, intro=_block(body), line=heading.line)


def _read_post(heading: _HeadingLine, body: str, file: str, keys: dict[str, int], mistakes: list[Mistake]) -> IssuePost:
    if not heading.title:
        mistakes.append(_mistake(file, heading, "a post without a title; write one after the ###"))
    if heading.id and not heading.id.startswith("p-"):
        mistakes.append(
            _mistake(
                file,
                heading,
                f"{{#{heading.id}}}: the id of a post begins with p-; leave it out for a post of your own",
            )
        )
    key = heading.id.removeprefix("p-") or None
    if key in keys:
        mistakes.append(_mistake(file, heading, f"the post p-{key} stands here and in line {keys[key]}; keep one"))
    if key:
        keys[key] = heading.line
    text, sources = _split_sources(_block(body))
    mistakes += [
        _mistake(file, heading, f"the source {link.url!r} of this post is no web address; write it as https://…")
        for link in sources
        if not is_web_address(link.url)
    ]
    return IssuePost(title=heading.title, body=text, key=key, sources=sources, line=heading.line)


def _mistake(file: str, heading: _HeadingLine, message: str) -> Mistake:
    return Mistake(code="NL030", file=file, line=heading.line, message=message)


def _block(text: str) -> str:
    """The Markdown between two headings: one newline at its end, none at its start; empty if there is nothing."""
    bare = text.replace("\r\n", "\n").strip("\n")
    return f"{bare}\n" if bare.strip() else ""


def _split_sources(body: str) -> tuple[str, tuple[Link, ...]]:
    """A last paragraph that holds only links is the source line."""
    bare = body.rstrip()
    start = bare.rfind("\n\n") + 2 if "\n\n" in bare else 0
    links = _only_links(bare[start:])
    return (_block(bare[:start]), links) if links else (body, ())


def _only_links(paragraph: str) -> tuple[Link, ...]:
    if _BULLET.match(paragraph):
        return ()
    links = []
    position = 0
    # Step by step, and no search: that would begin anew at each bracket of a long text.
    while (between := _BETWEEN_LINKS.match(paragraph, position)) and (match := _LINK.match(paragraph, between.end())):
        url = match[2] or match[3] or match[4] or match[5] or ""
        links.append(Link(text=match[1] or "", url=url))
        position = match.end()
    return tuple(links) if links and not paragraph[position:].strip(" \t\n.") else ()


# --- writing ------------------------------------------------------------------------------------------------------


def write_issue(issue: Issue) -> str:
    """An issue → the text of its file. Reading an unedited file and writing it again gives the same bytes."""
    front = write_front_matter({"issue": issue.slug, "edition": issue.edition, "date": issue.date.isoformat()})
    # Always between quotes: the editor changes these two, and a colon must never break the file.
    texts = f"subject: {quote_value(issue.subject)}\npreheader: {quote_value(issue.preheader)}\n"
    for chosen, head in issue.heads.items():
        name = "+".join(section.slug for section in issue.sections if section.slug in chosen)
        texts += "".join(f"{key}.{name}: {quote_value(value)}\n" for key in FAMILIES if (value := getattr(head, key)))
    front = front.removesuffix("---\n") + texts + "---\n"
    parts = [front, f"\n{issue.intro}" if issue.intro else ""]
    parts += [write_section(section) for section in issue.sections]
    return "".join(parts)


def write_section(section: Section) -> str:
    """A section with its posts; begins with the blank line that parts it from what stands above."""
    head = f"\n## {section.title} {{#{section.slug}}}\n"
    intro = f"\n{section.intro}" if section.intro else ""
    return head + intro + "".join(write_post(post) for post in section.posts)


def write_post(post: IssuePost) -> str:
    """A post as it stands in the file; begins with a blank line."""
    name = f" {{#p-{post.key}}}" if post.key else ""
    body = f"\n{post.body}" if post.body else ""
    links = " · ".join(format_link(link.text, link.url) if link.text else f"<{link.url}>" for link in post.sources)
    return f"\n### {post.title}{name}\n{body}" + (f"\n{links}\n" if links else "")


def insert_posts(file: IssueFile, sections: Iterable[Section]) -> str:
    """The file's text with these sections' posts added at the end of theirs; nothing that stands is touched.

    A section that is not there yet comes after the last one, but before {#unsorted}.
    """
    newline = "\r\n" if "\r\n" in file.text else "\n"
    inserts: dict[int, list[str]] = {}
    unsorted_start = file.sections[UNSORTED].start if UNSORTED in file.sections else len(file.text)
    for section in sections:
        if not section.posts:
            continue
        place = file.sections.get(section.slug)
        if place:
            inserts.setdefault(place.end, []).extend(write_post(post) for post in section.posts)
        else:
            at = len(file.text) if section.slug == UNSORTED else unsorted_start
            inserts.setdefault(at, []).append(write_section(section))
    text = file.text
    for at in sorted(inserts, reverse=True):
        text = _splice(text, at, "".join(inserts[at]), newline)
    return text


def _splice(text: str, at: int, addition: str, newline: str) -> str:
    """Put `addition` (which begins with a blank line) at an offset, with one blank line on both sides of it."""
    before, after = text[:at], text[at:]
    # The blank lines above stay where they are; the addition's own first one is needed only if there is none.
    ends_blank = before.endswith(("\n\n", "\r\n\r\n"))
    addition = addition.removeprefix("\n") if ends_blank or not before else addition
    if before and not before.endswith("\n"):
        addition = "\n" + addition
    if after:
        addition += "\n"
    return before + addition.replace("\n", newline) + after
