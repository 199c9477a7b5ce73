"""The fields of an entry, whatever feed it comes from: words, addresses, dates, and a body in Markdown with what is beside it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import unescape
from urllib.parse import quote

from newsletter.sources.feed_dates import read_date
from newsletter.sources.feed_entry import Entry, LeftOut
from newsletter.sources.html_to_markdown import Converted, html_to_markdown
from newsletter.sources.markdown_writer import write_blocks
from newsletter.sources.media import Medium, show_media
from newsletter.sources.urls import clean_url
from newsletter.text.addresses import is_web_address
from newsletter.text.characters import clean_characters
from newsletter.text.html import clean_html, escape_unknown_tags, html_words, resolve_address
from newsletter.text.markdown import escape_block, plain_inline
from newsletter.text.words import cut_at_word, first_sentence

TITLE_LIMIT = 300
TAG_LIMIT = 20
_LOOKS_LIKE_HTML = re.compile(r"</?[a-zA-Z][^<>]*>|&(?:#\d+|#x[0-9a-fA-F]+|[a-zA-Z][a-zA-Z0-9]+);")
_TAG = re.compile(r"<[a-zA-Z/!]")
_LINE = re.compile("\r\n?|[\n\u2028]")
# What can be meant as a relative address. `abc-1` and `n/a` cannot: resolved, they would be pages that nobody has.
_RELATIVE = re.compile(r"[a-z][a-z0-9+.-]*:|[/?]|\.{1,2}/", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Content:
    """What an entry says: HTML, or text that only looks like it (`plain`)."""

    text: str
    plain: bool = False


def make_entry(
    *,
    id: str,
    link: str,
    no_link: str,
    title: str,
    content: Content,
    base: str,
    dates: Sequence[str],
    author: str,
    language: str,
    tags: Iterable[str],
    media: Sequence[Medium],
    left_out: Iterable[LeftOut] = (),
) -> Entry:
    """An entry from its fields as written. `base` resolves the addresses in its text; `no_link` was written for a link.

    `left_out` is what was not read of it.
    """
    url = clean_url(link)
    converted = _convert(content, base)
    shown = show_media(media, converted.pictures, converted.links | {url, link})
    body = "\n\n".join(
        part for part in (write_blocks(shown.above), converted.markdown.rstrip("\n"), write_blocks(shown.below)) if part
    )
    words, derived, notes = _title(title, converted.markdown)
    date = find_date(dates)
    written = next((text for text in dates if text.strip()), "")
    if written and date is None:
        notes.append(f"date not understood: {read_words(written)[:60]!r}")
    lost = [*left_out, *converted.left_out, *shown.left_out]
    if no_link:
        lost.append(LeftOut("link that is no web address", read_words(no_link)[:200]))
    return Entry(
        id=id,
        url=url,
        raw_url=link if link != url else "",
        title=words,
        title_derived=derived,
        body=f"{body}\n" if body else "",
        date=date,
        author=author,
        language=language,
        tags=tuple(dict.fromkeys(word for tag in tags if (word := read_words(tag))))[:TAG_LIMIT],
        notes=tuple(notes),
        left_out=tuple(lost),
    )


def find_date(dates: Iterable[str]) -> datetime | None:
    """The first of some dates that can be read."""
    return next((moment for text in dates if (moment := read_date(text))), None)


def page_address(href: str, base: str) -> str:
    """Where an entry's page is; empty for nothing, a mailbox, the feed itself, and what is no address.

    Blanks inside an address are encoded.
    """
    bare = href.strip()
    if not _RELATIVE.match(bare):
        return ""
    address = re.sub(r"[\s<>]", lambda match: quote(match.group()), resolve_address(bare, base))
    return address if is_web_address(address) and address.partition("#")[0] != base else ""


def _convert(content: Content, base: str) -> Converted:
    if content.plain:
        return Converted(text_to_markdown(content.text))
    if not _TAG.search(content.text):
        # Nothing but text: it has lines, and HTML would make one of them.
        return Converted(text_to_markdown(unescape(content.text)))
    return html_to_markdown(content.text, base)


def text_to_markdown(text: str) -> str:
    """Plain text → Markdown that keeps its lines; a blank line ends a paragraph."""
    lines = [" ".join(clean_characters(line).split()) for line in _LINE.split(re.sub("\u2029", "\n\n", text))]
    paragraphs = re.split(r"\n{2,}", "\n".join(lines).strip("\n"))
    written = ["\\\n".join(escape_block(line) for line in part.split("\n")) for part in paragraphs]
    return "\n\n".join(written) + "\n" if any(written) else ""


def _title(raw: str, body: str) -> tuple[str, bool, list[str]]:
    """(title, whether it was made from the text, notes). Titles may hold HTML whatever their type says (X10)."""
    words = read_words(raw)
    if len(words) > TITLE_LIMIT:
        return cut_at_word(words, TITLE_LIMIT), False, [f"title of {len(words)} characters cut to {TITLE_LIMIT}"]
    if words:
        return words, False, []
    first = next(
        (line for line in body.split("\n") if line.strip() and not line.startswith(("```", "<", "|", "!"))),
        "",
    )
    return first_sentence(plain_inline(first.rstrip("\\").lstrip("#>-* "))), True, []


def read_words(raw: str) -> str:
    """Text or HTML → words on one line, nothing unprintable."""
    text = html_words(clean_html(escape_unknown_tags(raw))) if _LOOKS_LIKE_HTML.search(raw) else raw
    flat = " ".join(clean_characters(text).split())
    return "".join(character for character in flat if character.isprintable() or character in "\u200d\u200c")
