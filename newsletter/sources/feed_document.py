"""The bytes of a feed (RSS, Atom, JSON Feed) → its entries, with Markdown bodies. Runs in a child process: see feed_worker.

Only what the document says; fallbacks that need our memory or the clock are in `feed.py`.
"""

import calendar
import io
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from html import unescape
from typing import Any
from urllib.parse import quote

from newsletter.sources.feed_entry import Entry, FeedDocument, NotAFeed
from newsletter.sources.html_to_markdown import html_to_markdown
from newsletter.sources.newest_entries import choose_newest
from newsletter.sources.urls import clean_url
from newsletter.text.addresses import is_web_address
from newsletter.text.characters import clean_characters
from newsletter.text.html import clean_html, escape_unknown_tags, html_words, resolve_address
from newsletter.text.markdown import escape_block, plain_inline
from newsletter.text.words import cut_at_word, first_sentence

ENTRY_LIMIT = 500
TITLE_LIMIT = 300
_INTERNAL_SUBSET = re.compile(rb"<!DOCTYPE[^>\[]{0,1000}\[", re.IGNORECASE)
_LOOKS_LIKE_HTML = re.compile(r"</?[a-zA-Z][^<>]*>|&(?:#\d+|#x[0-9a-fA-F]+|[a-zA-Z][a-zA-Z0-9]+);")
_FEED_LINK = re.compile(r"<link\b[^>]*>", re.IGNORECASE)


def read_feed(data: bytes, content_type: str, url: str) -> FeedDocument:
    """Bytes → entries. Raises NotAFeed."""
    if not data.strip():
        raise NotAFeed("is empty")
    # The whole of it, and without the NULs of UTF-16: a comment may push the declaration far back.
    if _declares_entities(data) or (b"\0" in data and _declares_entities(data.replace(b"\0", b""))):
        raise NotAFeed("declares entities of its own, which a feed does not need and a bomb does; not read")
    if "json" in content_type.lower() or data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
        return _read_json(data, url)
    import feedparser

    # Bytes in a file object only: a str or bytes would be opened as a path or loaded as a URL (feeds X1).
    parsed = feedparser.parse(
        io.BytesIO(data),
        response_headers={"content-type": content_type or "application/xml", "content-location": url},
        sanitize_html=False,
        resolve_relative_uris=False,  # done by clean_html, after it has looked at the address as it was written
    )
    if not parsed.get("version") and not parsed.entries:
        raise NotAFeed(_what_it_is(data, url))
    feed = parsed.feed
    shared = {"author": _words(feed.get("author", "")), "language": str(feed.get("language", ""))}
    newest = choose_newest(parsed.entries, [_entry_date(entry) for entry in parsed.entries], ENTRY_LIMIT)
    entries = tuple(_read_entry(entry, shared, url) for entry in newest)
    return FeedDocument(
        title=_words(feed.get("title", "")), entries=entries, more=max(0, len(parsed.entries) - ENTRY_LIMIT)
    )


def _declares_entities(data: bytes) -> bool:
    subset = _INTERNAL_SUBSET.search(data)
    return subset is not None and b"<!entity" in data[subset.end() :].lower()


def _what_it_is(data: bytes, url: str) -> str:
    text = data[:200_000].decode("utf-8", "replace")
    if "<html" not in text.lower():
        return "is no RSS, Atom or JSON feed"
    feeds = []
    for tag in _FEED_LINK.findall(text):
        if re.search(r"application/(?:rss|atom|feed)\+(?:xml|json)", tag, re.IGNORECASE):
            href = re.search(r"""\bhref\s*=\s*["']([^"']+)""", tag, re.IGNORECASE)
            feeds += [resolve_address(unescape(href[1]), url)] if href else []
    return "is a web page, not a feed" + (f"; it names this feed: {feeds[0]}" if feeds and feeds[0] else "")


# --- RSS and Atom -----------------------------------------------------------------------------------------------


def _read_entry(entry: Mapping[str, Any], shared: Mapping[str, str], base: str) -> Entry:
    html, plain, own_base = _content(entry, base)
    # xml:base where a feed sets one; else a post's relative links are relative to its own page.
    base = own_base or base
    raw_url = _first_link(entry, base)
    url = clean_url(raw_url)
    body, notes = (
        (_plain_to_markdown(html), []) if plain else html_to_markdown(html, base if own_base else raw_url or base)
    )
    title, derived, title_notes = _title(str(entry.get("title", "")), body)
    return Entry(
        id=str(entry.get("id", "")).strip(),
        url=url,
        raw_url=raw_url if raw_url != url else "",
        title=title,
        title_derived=derived,
        body=body,
        date=_entry_date(entry),
        author=_words(str(entry.get("author", ""))) or shared["author"],
        language=str((entry.get("content") or [{}])[0].get("language") or shared["language"]),
        tags=tuple(
            dict.fromkeys(term for tag in entry.get("tags", []) if (term := _words(str(tag.get("term") or ""))))
        )[:20],
        notes=tuple([f"left out: {note!r}" for note in notes] + title_notes),
    )


def _first_link(entry: Mapping[str, Any], base: str) -> str:
    links = entry.get("links", [])
    candidates = [str(link.get("href", "")) for link in links if link.get("rel") == "alternate"]
    candidates += [str(entry.get("link", "")), str(entry.get("feedburner_origlink", ""))]
    candidates += [str(link.get("href", "")) for link in links if link.get("rel") == "enclosure"]
    return next((address for href in candidates if href and (address := _page_address(href, base))), "")


def _page_address(href: str, base: str) -> str:
    """Where an entry's page is; empty for a mailbox or what else is no page. Blanks inside an address are encoded."""
    address = re.sub(r"[\s<>]", lambda match: quote(match.group()), resolve_address(href, base))
    return address if is_web_address(address) else ""


def _content(entry: Mapping[str, Any], feed_url: str) -> tuple[str, bool, str]:
    """(the best content, whether it is plain text, its xml:base): html, then xhtml, then text, then the summary (X9)."""
    parts = {
        str(part.get("type", "")): part
        for part in reversed(entry.get("content", []))
        if str(part.get("value", "")).strip()
    }
    kinds = ("text/html", "application/xhtml+xml", "text/plain")
    best = next((parts[kind] for kind in kinds if kind in parts), entry.get("summary_detail", {}))
    base = str(best.get("base") or "")
    value = str(best.get("value") or entry.get("summary", ""))
    return value, best.get("type") == "text/plain", "" if base == feed_url else base


def _entry_date(entry: Mapping[str, Any]) -> datetime | None:
    # `in` first: feedparser answers `updated` from `published` with a warning (X7). The times are UTC (X6).
    for name in ("published_parsed", "updated_parsed", "created_parsed"):
        if name in entry and entry[name]:  # noqa: RUF019 - `get` warns
            try:
                return datetime.fromtimestamp(calendar.timegm(entry[name]), UTC)
            except (ValueError, OverflowError, OSError):
                continue
    return None


# --- JSON Feed --------------------------------------------------------------------------------------------------


def _read_json(data: bytes, url: str) -> FeedDocument:
    """JSON Feed 1.0 and 1.1 (jsonfeed.org): the reader that feedparser 6 lacks."""
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise NotAFeed("is no readable JSON") from None
    if not isinstance(document, dict) or not str(document.get("version", "")).startswith(
        "https://jsonfeed.org/version/1"
    ):
        raise NotAFeed("is JSON, but no JSON Feed (no version of jsonfeed.org)")
    items = [item for item in document.get("items") or [] if isinstance(item, dict)]
    shared = {"author": _json_author(document), "language": str(document.get("language") or "")}
    newest = choose_newest(items, [_item_date(item) for item in items], ENTRY_LIMIT)
    entries = tuple(_read_item(item, shared, url) for item in newest)
    return FeedDocument(
        title=_words(str(document.get("title") or "")), entries=entries, more=max(0, len(items) - ENTRY_LIMIT)
    )


def _read_item(item: Mapping[str, Any], shared: Mapping[str, str], base: str) -> Entry:
    raw_url = _page_address(str(item.get("url") or item.get("external_url") or ""), base)
    url = clean_url(raw_url)
    notes: list[str] = []
    if item.get("content_html"):
        body, notes = html_to_markdown(str(item["content_html"]), raw_url or base)
    else:
        body = _plain_to_markdown(str(item.get("content_text") or item.get("summary") or ""))
    title, derived, title_notes = _title(str(item.get("title") or ""), body)
    tags = item.get("tags")
    return Entry(
        id=str(item.get("id") or ""),
        url=url,
        raw_url=raw_url if raw_url != url else "",
        title=title,
        title_derived=derived,
        body=body,
        date=_item_date(item),
        author=_json_author(item) or shared["author"],
        language=str(item.get("language") or shared["language"]),
        tags=tuple(_words(str(tag)) for tag in tags[:20]) if isinstance(tags, list) else (),
        notes=tuple([f"left out: {note!r}" for note in notes] + title_notes),
    )


def _json_author(item: Mapping[str, Any]) -> str:
    authors = item.get("authors") or [item.get("author")]
    first = authors[0] if isinstance(authors, list) and authors else None
    return _words(str(first.get("name") or "")) if isinstance(first, dict) else ""


def _item_date(item: Mapping[str, Any]) -> datetime | None:
    return _json_date(item.get("date_published")) or _json_date(item.get("date_modified"))


def _json_date(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(value))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


# --- common -----------------------------------------------------------------------------------------------------


def _title(raw: str, body: str) -> tuple[str, bool, list[str]]:
    """(title, whether it was made from the text, notes). Titles may hold HTML whatever their type says (X10)."""
    words = _words(raw)
    if words:
        if len(words) > TITLE_LIMIT:
            return (
                cut_at_word(words, TITLE_LIMIT),
                False,
                [f"title of {len(words)} characters cut to {TITLE_LIMIT}"],
            )
        return words, False, []
    first = next(
        (line for line in body.split("\n") if line.strip() and not line.startswith(("```", "<", "|", "!"))),
        "",
    )
    return first_sentence(_plain(first)), True, []


def _plain(line: str) -> str:
    """A line of a body without its marks."""
    return plain_inline(line.lstrip("#>-* "))


def _words(raw: str) -> str:
    """Text or HTML → words on one line, nothing unprintable."""
    text = html_words(clean_html(escape_unknown_tags(raw))) if _LOOKS_LIKE_HTML.search(raw) else raw
    flat = " ".join(clean_characters(text).split())
    return "".join(character for character in flat if character.isprintable() or character in "\u200d\u200c")


def _plain_to_markdown(text: str) -> str:
    paragraphs = re.split(r"\n\s*\n", clean_characters(text.replace("\r\n", "\n").replace("\r", "\n")).strip())
    lines = ["\\\n".join(escape_block(line) for line in part.split("\n") if line.strip()) for part in paragraphs]
    return "\n\n".join(line for line in lines if line) + "\n" if any(lines) else ""
