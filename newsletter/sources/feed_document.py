"""The bytes of a feed (RSS, Atom, JSON Feed) → its entries, with Markdown bodies. Runs in a child process: see feed_worker.

Only what the document says; fallbacks that need our memory or the clock are in `feed.py`.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from html import unescape
from typing import Any

from newsletter.sources.charset import decode_document, find_mojibake
from newsletter.sources.entry_fields import (
    Content,
    find_date,
    make_entry,
    page_address,
    read_words,
)
from newsletter.sources.feed_entry import Entry, FeedDocument, LeftOut, NotAFeed
from newsletter.sources.media import Medium
from newsletter.sources.newest_entries import ENTRY_LIMIT, choose_newest
from newsletter.sources.xml_document import prepare
from newsletter.text.html import resolve_address

_KINDS = ("text/html", "application/xhtml+xml", "text/plain")  # the best first
_INTERNAL_SUBSET = re.compile(r"<!DOCTYPE[^>\[]{0,1000}\[", re.IGNORECASE)
_FEED_LINK = re.compile(r"<link\b[^>]*>", re.IGNORECASE)


def read_feed(data: bytes, content_type: str, url: str) -> FeedDocument:
    """Bytes → entries. Raises NotAFeed."""
    if not data.strip():
        raise NotAFeed("is empty")
    decoded = decode_document(data, content_type)
    text = decoded.text
    if _declares_entities(text):
        raise NotAFeed("declares entities of its own, which a feed does not need and a bomb does; not read")
    if "json" in content_type.lower() or text.lstrip()[:1] == "{":
        from newsletter.sources.json_feed import read_json_feed

        document = read_json_feed(text, url)
    else:
        document = _read_xml(text, url)
    strange = _mojibake_notes(document)
    return FeedDocument(
        title=document.title,
        entries=document.entries,
        more=document.more,
        unfinished=document.unfinished,
        notes=(*decoded.notes, *document.notes, *strange),
    )


def _declares_entities(text: str) -> bool:
    # The whole of it: a comment may push the declaration far back.
    subset = _INTERNAL_SUBSET.search(text)
    return subset is not None and "<!entity" in text[subset.end() :].lower()


def _mojibake_notes(document: FeedDocument) -> Iterator[str]:
    """One note a feed: the first entry whose letters look as if they were decoded twice. Nothing is changed."""
    for entry in document.entries:
        if strange := find_mojibake(f"{entry.title}\n{entry.body}"):
            yield f"letters look wrong at their source ({strange!r} in {entry.title[:60]!r}); left as they are"
            return


def _read_xml(text: str, url: str) -> FeedDocument:
    from newsletter.sources.feed_library import parse_feed

    prepared = prepare(text)
    parsed = parse_feed(prepared.text, url)
    if not parsed.version and not parsed.entries:
        raise NotAFeed(_what_it_is(text, url))
    feed = parsed.feed
    shared = {"author": read_words(feed.get("author", "")), "language": str(feed.get("language", ""))}
    newest = choose_newest(parsed.entries, [_entry_date(entry) for entry in parsed.entries])
    entries = tuple(_read_entry(entry, shared, url) for entry in newest)
    return FeedDocument(
        title=read_words(feed.get("title", "")),
        entries=entries,
        more=max(0, len(parsed.entries) - ENTRY_LIMIT),
        unfinished=prepared.unfinished,
    )


def _what_it_is(text: str, url: str) -> str:
    text = text[:200_000]
    if "<html" not in text.lower():
        return "is no RSS, Atom or JSON feed"
    feeds = []
    for tag in _FEED_LINK.findall(text):
        if re.search(r"application/(?:rss|atom|feed)\+(?:xml|json)", tag, re.IGNORECASE):
            href = re.search(r"""\bhref\s*=\s*["']([^"']+)""", tag, re.IGNORECASE)
            feeds += [resolve_address(unescape(href[1]), url)] if href else []
    return "is a web page, not a feed" + (f"; it names this feed: {feeds[0]}" if feeds and feeds[0] else "")


def _read_entry(entry: Mapping[str, Any], shared: Mapping[str, str], feed_url: str) -> Entry:
    content, own_base = _content(entry, feed_url)
    # xml:base where a feed sets one; else a post's relative links are relative to its own page.
    link, wrong = _first_link(entry, own_base or feed_url)
    return make_entry(
        id=str(entry.get("id", "")).strip(),
        link=link,
        no_link=wrong,
        title=str(entry.get("title", "")),
        content=content,
        base=own_base or link or feed_url,
        dates=_dates(entry),
        author=read_words(str(entry.get("author", ""))) or shared["author"],
        language=str((entry.get("content") or [{}])[0].get("language") or shared["language"]),
        tags=tuple(str(tag.get("term") or "") for tag in entry.get("tags", [])),
        media=_media(entry, own_base or feed_url),
        left_out=_other_content(entry),
    )


def _first_link(entry: Mapping[str, Any], base: str) -> tuple[str, str]:
    """(the page of an entry, else ""; what was written in its place, if that is no address).

    In this order: where a detour began (FeedBurner), links, an id that is an address and may be used as one (RSS 2.0,
    `guid`), a file to download.
    """
    links = entry.get("links", [])
    written = [str(entry.get(name, "")) for name in ("feedburner_origlink", "pheedo_origlink")]
    # As written where it is text; an attribute has been resolved already (Atom allows any relative form, RSS none).
    written += [str(link.get("written") or link.get("href", "")) for link in links if link.get("rel") == "alternate"]
    if entry.get("guidislink") and re.match(r"https?://", str(entry.get("id_written", "")), re.IGNORECASE):
        written.append(str(entry["id_written"]))
    written += [str(link.get("href", "")) for link in links if link.get("rel") == "enclosure"]
    first = next((address for href in written if (address := page_address(href, base))), "")
    return first, "" if first else next(filter(str.strip, written), "")


def _content(entry: Mapping[str, Any], feed_url: str) -> tuple[Content, str]:
    """(the best content, its xml:base): html, then xhtml, then text, then summary, then what podcasts and media have."""
    parts = {
        str(part.get("type", "")): part
        for part in reversed(entry.get("content", []))
        if str(part.get("value", "")).strip()
    }
    others = (kind for kind in parts if kind.startswith("text/"))  # such as text/markdown: words all the same
    best = next((parts[kind] for kind in (*_KINDS, *others) if kind in parts), entry.get("summary_detail", {}))
    base = str(best.get("base") or "")
    text = str(best.get("value") or entry.get("summary", ""))
    if text.strip():
        kind = str(best.get("type", ""))
        return Content(
            text, plain=kind.startswith("text/") and kind not in _KINDS[:2]
        ), "" if base == feed_url else base
    if entry.get("itunes_text", "").strip():
        return Content(str(entry["itunes_text"])), ""
    return Content(str(entry.get("media_text", "")), plain=entry.get("media_text_type") != "html"), ""


def _other_content(entry: Mapping[str, Any]) -> list[LeftOut]:
    """Content that stands elsewhere, or is of a type that holds no words for readers (RFC 4287 4.1.3)."""
    lost = []
    for part in entry.get("content", []):
        kind, elsewhere = str(part.get("type", "")), str(part.get("src", ""))
        if elsewhere:
            lost.append(LeftOut("content that stands elsewhere", elsewhere))
        elif kind and kind not in _KINDS and not kind.startswith("text/"):
            lost.append(LeftOut("content of another type", kind))
    return lost


def _dates(entry: Mapping[str, Any]) -> tuple[str, ...]:
    # `in` first: feedparser answers `updated` from `published` with a warning (X7).
    return tuple(str(entry[name]) for name in ("published", "updated", "created") if name in entry)


def _entry_date(entry: Mapping[str, Any]) -> datetime | None:
    return find_date(_dates(entry))


def _media(entry: Mapping[str, Any], base: str) -> tuple[Medium, ...]:
    media = []
    for one in entry.get("media", []):
        if address := page_address(one["url"], base):
            width = one["width"].strip()
            media.append(
                Medium(
                    url=address,
                    role=one["kind"],
                    type=one["type"].lower(),
                    medium=one["medium"].lower(),
                    width=int(width) if width.isascii() and width.isdecimal() and len(width) < 6 else 0,
                    text=read_words(one["text"]),
                    title=read_words(one["title"]),
                    group=one["group"],
                    default=one["isdefault"].lower() == "true",
                )
            )
    for link in entry.get("links", []):
        address = page_address(str(link.get("href", "")), base) if link.get("rel") == "enclosure" else ""
        if address:
            media.append(
                Medium(url=address, role="enclosure", type=str(link.get("type", "")), title=str(link.get("title", "")))
            )
    return tuple(media)
