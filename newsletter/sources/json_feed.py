"""JSON Feed 1.0 and 1.1 (jsonfeed.org): the reader that feedparser 6 lacks."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from newsletter.sources.entry_fields import Content, find_date, make_entry, page_address, read_words
from newsletter.sources.feed_entry import Entry, FeedDocument, NotAFeed
from newsletter.sources.media import Medium
from newsletter.sources.newest_entries import ENTRY_LIMIT, choose_newest

_VERSION = re.compile(r"(?:https?://)?(?:www\.)?jsonfeed\.org/version/1(?:\.\d)?/?\Z", re.IGNORECASE)
_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"|["{}\[\]]', re.DOTALL)
_BLANK = re.compile(r"[ \t\r\n]*")


def read_json_feed(text: str, url: str) -> FeedDocument:
    """The text of a JSON Feed → its entries. Raises NotAFeed. One that breaks off gives the items that are whole."""
    document, unfinished = _load(text)
    if not isinstance(document, dict) or not _VERSION.match(str(document.get("version", "")).strip()):
        raise NotAFeed("is JSON, but no JSON Feed (no version of jsonfeed.org)")
    listed = document.get("items")
    items = [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    shared = {"author": _author(document), "language": _text(document.get("language"))}
    newest = choose_newest(items, [_item_date(item) for item in items])
    entries = tuple(_read_item(item, shared, url) for item in newest)
    return FeedDocument(
        title=read_words(_text(document.get("title"))),
        entries=entries,
        more=max(0, len(items) - ENTRY_LIMIT),
        unfinished=unfinished,
    )


def _load(text: str) -> tuple[Any, bool]:
    """(the document, whether it breaks off). Raises NotAFeed for what is no JSON."""
    try:
        return json.loads(text), False
    except (ValueError, RecursionError) as error:
        place = f" (line {error.lineno}: {error.msg})" if isinstance(error, json.JSONDecodeError) else ""
    if not _breaks_off(text):
        raise NotAFeed(f"is no readable JSON{place}")
    try:
        return _load_whole_members(text), True
    except (ValueError, RecursionError):
        raise NotAFeed("is JSON that breaks off at its beginning") from None


def _breaks_off(text: str) -> bool:
    """Whether brackets are open at the end of a text, or a string is."""
    depth = 0
    for match in _BRACKET.finditer(text):
        mark = match[0]
        if mark == '"':
            return True  # a string that nothing closes
        depth += (mark in "{[") - (mark in "}]")
    return depth > 0


def _load_whole_members(text: str) -> dict[str, Any]:
    """The members of an object that is cut off, and the whole items of its `items`. Raises ValueError if there are none."""
    decoder = json.JSONDecoder()
    found: dict[str, Any] = {}
    position = _skip(text, text.index("{") + 1)
    while position < len(text):
        try:
            name, position = decoder.raw_decode(text, position)
            position = _skip(text, position)
            if not isinstance(name, str) or text[position : position + 1] != ":":
                break
            position = _skip(text, position + 1)
            if name == "items" and text[position : position + 1] == "[":
                found[name], position = _load_whole_items(decoder, text, position + 1)
            else:
                found[name], position = decoder.raw_decode(text, position)
        except ValueError:
            break
        position = _skip(text, position)
        if text[position : position + 1] != ",":
            break
        position = _skip(text, position + 1)
    if not found:
        raise ValueError("no whole member")
    return found


def _load_whole_items(decoder: json.JSONDecoder, text: str, position: int) -> tuple[list[Any], int]:
    items: list[Any] = []
    while True:
        position = _skip(text, position)
        if text[position : position + 1] == "]":
            return items, position + 1
        try:
            item, position = decoder.raw_decode(text, position)
        except ValueError:
            return items, len(text)
        items.append(item)
        position = _skip(text, position)
        position += text[position : position + 1] == ","


def _skip(text: str, position: int) -> int:
    match = _BLANK.match(text, position)
    return match.end() if match else position


def _read_item(item: Mapping[str, Any], shared: Mapping[str, str], feed_url: str) -> Entry:
    written = [_text(item.get(name)) for name in ("url", "external_url")]
    link = next((address for href in written if (address := page_address(href, feed_url))), "")
    html = _text(item.get("content_html"))
    plain = _text(item.get("content_text")) or _text(item.get("summary"))
    listed = item.get("tags")
    return make_entry(
        id=_text(item.get("id")),
        link=link,
        no_link="" if link else next(filter(str.strip, written), ""),
        title=_text(item.get("title")),
        content=Content(html) if html.strip() else Content(plain, plain=True),
        base=link or feed_url,
        dates=_dates(item),
        author=_author(item) or shared["author"],
        language=_text(item.get("language")) or shared["language"],
        tags=[_text(tag) for tag in listed] if isinstance(listed, list) else (),
        media=_media(item, link or feed_url),
    )


def _dates(item: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(_text(item[name]) for name in ("date_published", "date_modified") if item.get(name))


def _item_date(item: Mapping[str, Any]) -> datetime | None:
    return find_date(_dates(item))


def _media(item: Mapping[str, Any], base: str) -> tuple[Medium, ...]:
    pictures = [page_address(_text(item.get(name)), base) for name in ("image", "banner_image")]
    listed = item.get("attachments")
    attached = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return (
        *(Medium(url=address, role="content", medium="image", group=1) for address in pictures if address),
        *(
            Medium(
                url=address,
                role="enclosure",
                type=_text(one.get("mime_type")).lower(),
                title=read_words(_text(one.get("title"))),
            )
            for one in attached
            if (address := page_address(_text(one.get("url")), base))
        ),
    )


def _author(item: Mapping[str, Any]) -> str:
    authors = item.get("authors") or [item.get("author")]
    first = authors[0] if isinstance(authors, list) and authors else None
    return read_words(_text(first.get("name"))) if isinstance(first, dict) else ""


def _text(value: object) -> str:
    """A text or a number as text; anything else is nothing."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value)
