"""RSS 2.0, Atom and JSON Feed 1.1 from one model, by hand: the same posts give the same bytes (feeds §1-§6).

No clock stands here: every date comes from the issues.
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape, unescape
from typing import Any
from xml.etree import ElementTree as ET

from newsletter.text.addresses import tidy_address
from newsletter.text.mailbox import split_mailbox

ATOM = "http://www.w3.org/2005/Atom"
CONTENT = "http://purl.org/rss/1.0/modules/content/"
DC = "http://purl.org/dc/elements/1.1/"
HISTORY = "http://purl.org/syndication/history/1.0"
GENERATOR = "newsletter-desk"
PAGE = 50  # entries in a feed, and in each archive document behind it (RFC 5005)
TTL_MINUTES = 60

# What XML 1.0 cannot hold; ElementTree would write it without complaint (C6).
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_RSS_TITLE = re.compile(r"(<title>)([^<]*)(</title>)")


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedItem:
    """A post in a feed. `html` is sanitised with absolute addresses; `sources` are where the post came from.

    `position` is its place in its issue, and breaks ties between posts of one moment.
    """

    id: str
    url: str
    title: str
    html: str
    text: str
    summary: str
    published: datetime
    updated: datetime
    position: int = 0
    language: str = ""
    sources: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A feed. `updated` is the newest entry's; `sender` is `Name <address>`. `older` is the archive document behind it.

    `icon` is the address of a square picture, `favicon` of a small one.
    """

    id: str
    title: str
    description: str
    home: str
    url: str
    language: str
    sender: str
    rights: str
    updated: datetime
    icon: str = ""
    favicon: str = ""
    entries: tuple[FeedItem, ...] = ()
    archive: bool = False
    current: str = ""
    older: str = ""


def split_pages(entries: Iterable[FeedItem]) -> tuple[tuple[FeedItem, ...], tuple[tuple[FeedItem, ...], ...]]:
    """Entries → (the newest 50, full archive pages of 50, oldest first). A page that is full never changes (C5)."""
    ordered = sorted(entries, key=lambda entry: (entry.published, -entry.position, entry.id))
    newest = tuple(reversed(ordered[-PAGE:]))
    if len(ordered) <= PAGE:
        return newest, ()
    starts = range(0, len(ordered) - PAGE + 1, PAGE)
    return newest, tuple(tuple(reversed(ordered[start : start + PAGE])) for start in starts)


def _clean(text: str) -> str:
    return _ILLEGAL.sub("", text)


# Tags of HTML as feed readers find them, also in letters that some of them write as < and > first.
_LIKE_TAG = re.compile(r"[<‹](?=[A-Za-z/!?])([^<>‹›]*)[>›]")
_LIKE_OPEN_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_LIKE_REFERENCE = re.compile(r"&(?=#?[A-Za-z0-9]+)")


def plain_title(title: str) -> str:
    """A title that reads the same as text and as HTML: feed readers take it for either, whatever a feed says.

    `<…>` and `‹…›` become `[…]`, for a reader would drop what is in them as a tag; an `&` that begins a reference is parted
    from its name by an invisible U+2060.

    >>> plain_title("List<String>, a < b"), plain_title("What &amp; means") == "What &\u2060amp; means"
    ('List[String], a < b', True)
    """
    text = _LIKE_OPEN_TAG.sub("< ", _LIKE_TAG.sub(r"[\1]", _clean(title)))
    if unescape(text) == text:
        return text
    return _LIKE_REFERENCE.sub("&\u2060", text)


def _web(url: str) -> str:
    """An address with the characters of RFC 3986 only: what a feed names otherwise is no address to the W3C's validator."""
    return tidy_address(_clean(url)) if url else ""


def _child(parent: ET.Element, tag: str, text: str | None = None, **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, tag, {name: _clean(value) for name, value in attributes.items()})
    element.text = None if text is None else _clean(text)
    return element


def _serialise(root: ET.Element) -> str:
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _history(parent: ET.Element, feed: Feed, kind: str, link: str) -> None:
    """The links between a feed and its archive documents (RFC 5005 4)."""
    if feed.archive:
        _child(parent, "fh:archive")
        _child(parent, link, rel="current", href=_web(feed.current), type=kind)
    if feed.older:
        _child(parent, link, rel="prev-archive", href=_web(feed.older), type=kind)


# --- RSS 2.0 ------------------------------------------------------------------------------------------------------


def write_rss(feed: Feed) -> str:
    """RSS 2.0 by the RSS profile."""
    # Prefixes are written out: ElementTree's own would put Atom's namespace on <rss> itself.
    root = ET.Element(
        "rss",
        {"version": "2.0", "xmlns:atom": ATOM, "xmlns:content": CONTENT, "xmlns:dc": DC, "xmlns:fh": HISTORY},
    )
    channel = _child(root, "channel")
    name, address = split_mailbox(feed.sender)
    _child(channel, "title", plain_title(feed.title))
    _child(channel, "link", _web(feed.home))
    _child(channel, "description", feed.description)
    _child(channel, "language", feed.language)
    _child(channel, "copyright", feed.rights)
    _child(channel, "managingEditor", f"{address} ({name})" if name else address)
    _child(channel, "pubDate", _rfc822(feed.updated))
    _child(channel, "lastBuildDate", _rfc822(feed.updated))
    _child(channel, "generator", GENERATOR)
    _child(channel, "docs", "https://www.rssboard.org/rss-specification")
    _child(channel, "ttl", str(TTL_MINUTES))
    if feed.icon:
        image = _child(channel, "image")
        for name_of, value in (("url", _web(feed.icon)), ("title", feed.title), ("link", _web(feed.home))):
            _child(image, name_of, value)
    _child(channel, "atom:link", rel="self", href=_web(feed.url), type="application/rss+xml")
    _history(channel, feed, "application/rss+xml", "atom:link")
    for entry in feed.entries:
        item = _child(channel, "item")
        _child(item, "title", plain_title(entry.title))
        _child(item, "link", _web(entry.url))
        # It counts as HTML (R4): escaped for HTML here, for XML by the serialiser; and it comes before the content.
        _child(item, "description", escape(entry.summary or entry.title, quote=False))
        _child(item, "content:encoded", entry.html)
        _child(item, "dc:creator", name or address)
        for _, label in entry.tags:
            _child(item, "category", plain_title(label))
        _child(item, "guid", entry.id, isPermaLink="false")
        _child(item, "pubDate", _rfc822(entry.published))
    return _RSS_TITLE.sub(_hexadecimal, _serialise(root))


def _rfc822(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def _hexadecimal(match: re.Match[str]) -> str:
    """`&` and `<` in titles as hexadecimal references: some readers decode twice (R3)."""
    text = match[2].replace("&amp;", "&#x26;").replace("&lt;", "&#x3C;").replace("&gt;", "&#x3E;")
    return f"{match[1]}{text}{match[3]}"


# --- Atom ---------------------------------------------------------------------------------------------------------


def write_atom(feed: Feed) -> str:
    """Atom, RFC 4287."""
    root = ET.Element("feed", {"xmlns": ATOM, "xmlns:fh": HISTORY, "xml:lang": feed.language})
    name, address = split_mailbox(feed.sender)
    _child(root, "id", feed.id)
    _child(root, "title", plain_title(feed.title), type="text")
    _child(root, "subtitle", feed.description, type="text")
    _child(root, "updated", _rfc3339(feed.updated))
    _author(root, name or address)
    _child(root, "link", rel="self", href=_web(feed.url), type="application/atom+xml")
    _child(root, "link", rel="alternate", href=_web(feed.home), type="text/html")
    _history(root, feed, "application/atom+xml", "link")
    if feed.icon:
        _child(root, "icon", feed.icon)
    _child(root, "rights", feed.rights, type="text")
    _child(root, "generator", GENERATOR)
    for entry in feed.entries:
        item = _child(root, "entry", **({"xml:lang": entry.language} if entry.language else {}))
        _child(item, "id", entry.id)
        _child(item, "title", plain_title(entry.title), type="text")
        _child(item, "updated", _rfc3339(max(entry.updated, entry.published)))
        _child(item, "published", _rfc3339(entry.published))
        _child(item, "link", rel="alternate", href=_web(entry.url), type="text/html")
        for source in entry.sources:
            _child(item, "link", rel="via", href=_web(source))
        _author(item, name or address)
        for term, label in entry.tags:
            _child(item, "category", term=term, label=plain_title(label))
        _child(item, "summary", entry.summary or entry.title, type="text")
        _child(item, "content", entry.html, type="html")
    return _serialise(root)


def _author(parent: ET.Element, name: str) -> None:
    _child(_child(parent, "author"), "name", name)


# --- JSON Feed ----------------------------------------------------------------------------------------------------


def write_json(feed: Feed) -> str:
    """JSON Feed 1.1; keys in the order of its specification, and none that is empty (J3)."""
    name, address = split_mailbox(feed.sender)
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": plain_title(feed.title),
        "home_page_url": _web(feed.home),
        "feed_url": _web(feed.url),
        "description": feed.description,
        "next_url": _web(feed.older),
        "icon": _web(feed.icon),
        "favicon": _web(feed.favicon),
        "authors": [{"name": name or address}],
        "language": feed.language,
        "items": [_item(entry, name or address) for entry in feed.entries],
    }
    return json.dumps(_without_empty(document) | {"items": document["items"]}, ensure_ascii=False, indent=2) + "\n"


def _item(entry: FeedItem, author: str) -> dict[str, Any]:
    return _without_empty(
        {
            "id": entry.id,
            "url": _web(entry.url),
            "external_url": _web(entry.sources[0]) if entry.sources else "",
            "title": plain_title(entry.title),
            "content_html": _clean(entry.html),
            # One of the two must be there (JSON Feed 1.1, items); a post may be its title alone.
            "content_text": _clean(entry.text) or ("" if entry.html else _clean(entry.title)),
            "summary": _clean(entry.summary),
            "date_published": _rfc3339(entry.published),
            "date_modified": _rfc3339(max(entry.updated, entry.published)),
            "authors": [{"name": author}],
            "tags": [plain_title(label) for _, label in entry.tags],
            "language": entry.language,
        }
    )


def _without_empty(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value not in ("", [], None)}


# file name → (its writer, its type): a new format is one function and one line here.
FORMATS: dict[str, tuple[Callable[[Feed], str], str]] = {
    "feed.xml": (write_rss, "application/rss+xml"),
    "atom.xml": (write_atom, "application/atom+xml"),
    "feed.json": (write_json, "application/feed+json"),
}


def write_feeds(feed: Feed, entries: Iterable[FeedItem], base: str) -> dict[str, str]:
    """All formats of one feed and their archive documents: file name → text. `base` is the folder's address with a slash."""
    newest, pages = split_pages(entries)
    files = {}
    for name, (write, _) in FORMATS.items():
        stem, _, suffix = name.partition(".")

        def archive_name(number: int, stem: str = stem, suffix: str = suffix) -> str:
            return f"{stem}-{number}.{suffix}"

        older = f"{base}{archive_name(len(pages))}" if pages else ""
        files[name] = write(replace(feed, url=f"{base}{name}", entries=newest, older=older))
        for number, page in enumerate(pages, 1):
            files[archive_name(number)] = write(
                replace(
                    feed,
                    url=f"{base}{archive_name(number)}",
                    entries=page,
                    updated=max(entry.updated for entry in page),
                    archive=True,
                    current=f"{base}{name}",
                    # No link to the next page: this one must never change again (RFC 5005 4).
                    older=f"{base}{archive_name(number - 1)}" if number > 1 else "",
                )
            )
    return files


def write_opml(title: str, feeds: Iterable[tuple[str, str, str]]) -> str:
    """(title, address, page) of each feed → OPML 2.0, to follow them all at once. Each outline has the `text` it asks for."""
    root = ET.Element("opml", {"version": "2.0"})
    _child(_child(root, "head"), "title", plain_title(title))
    body = _child(root, "body")
    for name, url, home in feeds:
        words = plain_title(name)
        said = {"text": words, "title": words, "type": "rss", "xmlUrl": _web(url), "htmlUrl": _web(home)}
        ET.SubElement(body, "outline", said)
    return _serialise(root)
