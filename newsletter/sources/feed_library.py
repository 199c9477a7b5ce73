"""The only module that knows feedparser: the text of an RSS or Atom feed → its fields, as they stand in the document.

Its parser classes are used by name, with these differences, each the cure of a fault:
- what belongs to a picture or film (Media RSS) is kept apart from what belongs to the entry;
- text is never decoded a second time ("address common error where people take data that is already utf-8 …");
- an id or link is kept as it was written, so that `abc-1` is not published as https://HOST/abc-1;
- `<div>` in a description parts words, and `<br/>` is one line break, not two;
- the summary that podcasts have for iTunes does not replace the description.
"""

import io
import xml.sax
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.sax.handler import feature_external_ges, feature_namespaces
from xml.sax.xmlreader import InputSource

from feedparser.api import LooseFeedParser, StrictFeedParser
from feedparser.exceptions import UndeclaredNamespace
from feedparser.sanitizer import replace_doctype

from newsletter.sources.html_tree import VOID

# feedparser decodes text again whose encoding it knows by the name `utf-8`.
_ENCODING = "UTF-8"


@dataclass(frozen=True, slots=True)
class ParsedFeed:
    """`version` is empty if the text is no feed. The fields have the names of feedparser, and some of our own."""

    version: str
    feed: Mapping[str, Any]
    entries: list[Mapping[str, Any]]


def parse_feed(text: str, url: str) -> ParsedFeed:
    """The text of a feed → its fields. `url` is where it was found; relative links are resolved against it.

    Ours: `id_written`, `media` (a list of dicts: `url`, `kind`, `type`, `width`, `text`, `title`, `group`),
    `media_text` and `media_text_type`, `itunes_text`.
    """
    version, data, entities = replace_doctype(text.encode("utf-8"))
    parser: Any = _Strict(url, None, _ENCODING)
    parser.resolve_relative_uris = parser.sanitize_html = False
    sax = xml.sax.make_parser()  # noqa: S317
    sax.setFeature(feature_namespaces, True)
    sax.setFeature(feature_external_ges, False)
    sax.setContentHandler(parser)
    sax.setErrorHandler(parser)
    source = InputSource()
    source.setByteStream(io.BytesIO(data))
    try:
        sax.parse(source)
    except (xml.sax.SAXException, UndeclaredNamespace):
        parser = _Loose(url, None, _ENCODING, entities)
        parser.resolve_relative_uris = parser.sanitize_html = False
        parser.feed(data.decode("utf-8", "replace"))
    return ParsedFeed(version or parser.version, parser.feeddata, parser.entries)


class _Ours:
    """What is done differently, for both parsers. `elementstack` holds [name, is text wanted, pieces] of open elements."""

    def __init__(self, *arguments: Any) -> None:
        self._medium: dict[str, Any] | None = None
        self._group = 0
        self._in_group = False
        super().__init__(*arguments)

    # --- content that was not escaped ---------------------------------------------------------------------------------

    def unknown_starttag(self: Any, tag: str, attrs: Any) -> None:
        dropped = self._drops(tag)
        super().unknown_starttag(tag, attrs)  # type: ignore[misc]
        if dropped:
            self.handle_data("<div>", escape=0)

    def unknown_endtag(self: Any, tag: str) -> None:
        dropped = self._drops(tag)
        super().unknown_endtag(tag)  # type: ignore[misc]
        if dropped:
            self.handle_data("</div>", escape=0)
        name = tag.rpartition(":")[2]
        pieces = self.elementstack[-1][2] if self.incontent and self.elementstack else []
        if name in VOID and pieces and pieces[-1] == f"</{name}>":
            pieces.pop()

    def _drops(self: Any, tag: str) -> bool:
        """Whether feedparser would leave out this tag, and join the words before and after it."""
        return (
            tag in ("div", "xhtml:div") and self.incontent and not self.contentparams.get("type", "xml").endswith("xml")
        )

    # --- ids and links as they were written ---------------------------------------------------------------------------

    def _end_guid(self: Any) -> None:
        written = self._written("id")
        super()._end_guid()  # type: ignore[misc]
        self._get_context()["id_written"] = written  # `guid` is another name for `id`

    _end_id = _end_guid

    def _end_link(self: Any) -> None:
        written = self._written("link")
        super()._end_link()  # type: ignore[misc]
        links = self._get_context().get("links")
        if links and written:
            links[-1]["written"] = written

    def _written(self: Any, element: str) -> str:
        if not self.elementstack or self.elementstack[-1][0] != element:
            return ""
        pieces = self.elementstack[-1][2]
        return "".join(piece.decode() if isinstance(piece, bytes) else piece for piece in pieces).strip()

    # --- titles and texts of what is not the entry --------------------------------------------------------------------

    def _is_beside(self: Any) -> bool:
        """Whether we are in the `image` of an entry: its title and description are those of the picture."""
        return bool(self.inentry and self.inimage)

    def _start_title(self: Any, attrs_d: Any) -> None:
        if self._is_beside():
            self.push("title", 0)
        else:
            super()._start_title(attrs_d)  # type: ignore[misc]

    def _end_title(self: Any) -> None:
        if self._is_beside():
            self.pop("title")
        else:
            super()._end_title()  # type: ignore[misc]

    def _start_description(self: Any, attrs_d: Any) -> None:
        if self._is_beside():
            self.push("description", 0)
        else:
            super()._start_description(attrs_d)  # type: ignore[misc]

    def _end_description(self: Any) -> None:
        if self._is_beside():
            self.pop("description")
        else:
            super()._end_description()  # type: ignore[misc]

    def _start_itunes_summary(self: Any, attrs_d: Any) -> None:
        self.push("itunes_text", 1)

    def _end_itunes_summary(self: Any) -> None:
        self.pop("itunes_text")

    # --- Media RSS 1.5.1 ----------------------------------------------------------------------------------------------

    def _start_media_group(self: Any, attrs_d: Any) -> None:
        self._group += 1
        self._in_group = True

    def _end_media_group(self: Any) -> None:
        self._in_group = False
        self._medium = None

    def _start_media_content(self: Any, attrs_d: Any) -> None:
        self._add_medium(attrs_d, "content")

    def _end_media_content(self: Any) -> None:
        self._medium = None

    def _start_media_thumbnail(self: Any, attrs_d: Any) -> None:
        outer = self._medium
        self._add_medium(attrs_d, "thumbnail")
        # That of a film or picture belongs to it; one for the whole entry stands beside them.
        self._medium = outer
        self.push("media_address", 0)

    def _end_media_thumbnail(self: Any) -> None:
        address = self.pop("media_address")
        media = self._get_context().get("media")
        if address and media and not media[-1]["url"]:
            media[-1]["url"] = address.strip()

    def _start_media_player(self: Any, attrs_d: Any) -> None:
        outer = self._medium
        self._add_medium(attrs_d, "player")
        self._medium = outer
        self.push("media_player", 0)

    def _end_media_player(self: Any) -> None:
        self.pop("media_player")

    def _start_media_title(self: Any, attrs_d: Any) -> None:
        self.push("media_title", 0)

    def _end_media_title(self: Any) -> None:
        title = self.pop("media_title")
        if self._medium is not None and title:
            self._medium["title"] = title

    def _start_media_description(self: Any, attrs_d: Any) -> None:
        self._text_type = attrs_d.get("type", "plain")
        self.push("media_description", 0)

    def _end_media_description(self: Any) -> None:
        text = self.pop("media_description")
        if not text:
            return
        if self._medium is not None:
            self._medium["text"] = text
        else:
            context = self._get_context()
            context.setdefault("media_text", text)
            context.setdefault("media_text_type", self._text_type)

    def _add_medium(self: Any, attrs_d: Any, kind: str) -> None:
        self._medium = {name: attrs_d.get(name, "") for name in ("url", "type", "medium", "width", "isdefault")}
        self._medium |= {"kind": kind, "text": "", "title": "", "group": self._group if self._in_group else 0}
        if self.inentry and not self.insource:
            self._get_context().setdefault("media", []).append(self._medium)


class _Strict(_Ours, StrictFeedParser):  # type: ignore[misc]
    pass


class _Loose(_Ours, LooseFeedParser):  # type: ignore[misc]
    pass
