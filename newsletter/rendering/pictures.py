"""Pictures of posts in sanitised HTML: those that no page and no mail can show become links, and mail says how wide each is.

Mail clients show no picture that comes over http, nor SVG. Outlook draws a picture as wide as its `width` says, and without
one as wide as the file is, which pushes its table apart; so in a mail each picture has one, at most that of its column.
"""

import re
from collections.abc import Callable, Mapping
from html import escape, unescape
from typing import NamedTuple
from urllib.parse import urlsplit

COLUMN = 528  # px: the sheet of 600 without the padding of a post (theme.css)
# What lists and quotes take of it at their side, and the padding of a cell of a table of data.
_INDENTS = {"ul": 24, "ol": 24, "dd": 24, "blockquote": 19}
_CELL_PADDING = 16
_NARROWEST = 24
_TAG = re.compile(r"""<(/?)([a-z][a-z0-9]*)((?:\s+[a-z-]+(?:="[^"]*")?)*)\s*/?>""")
_ATTRIBUTE = re.compile(r'([a-z-]+)="([^"]*)"')
_CELL = re.compile(r"<t[dh]\b")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_NAMED_HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z][a-z0-9-]*\Z")


class _PlacedPicture(NamedTuple):
    """A picture where it stands: whether a link is around it, and how many px its column has for it."""

    attributes: Mapping[str, str]
    in_link: bool
    room: int


def settle_pictures(html: str, own_host: str = "") -> tuple[str, tuple[str, ...]]:
    """Shows pictures over https instead of http, or as a link where that cannot be tried; → (HTML, what was done).

    Browsers ask for a picture of a page of https that way too. On `own_host`, the publication's, http stays.
    """
    if 'src="http:' not in html:
        return html, ()
    notes: list[str] = []

    def settle(picture: _PlacedPicture) -> str | None:
        address = picture.attributes.get("src", "")
        parts = urlsplit(address)
        host = parts.hostname or ""
        if parts.scheme != "http" or host in (own_host, *_LOOPBACK):
            return None
        if _NAMED_HOST.match(host) and ":" not in parts.netloc:
            notes.append(f"the picture {address} is shown over https: mail clients show none over http")
            return _write_picture({**picture.attributes, "src": f"https{address[4:]}"})
        notes.append(f"the picture {address} is shown as a link: mail clients show none over http")
        return _write_link(picture)

    return _change_pictures(html, settle), tuple(notes)


def fit_pictures(html: str) -> str:
    """HTML for a mail: each picture has a width in px that fits its place, and an SVG is a link."""
    return _change_pictures(html, _fit) if "<img" in html else html


def _fit(picture: _PlacedPicture) -> str:
    attributes = dict(picture.attributes)
    if urlsplit(attributes.get("src", "")).path.lower().endswith(".svg"):
        return _write_link(picture)
    width, height = int(attributes.pop("width", 0)), int(attributes.pop("height", 0))
    shown = min(width or picture.room, picture.room)
    attributes |= {"alt": attributes.get("alt", ""), "width": str(shown)}
    if width and height:
        attributes["height"] = str(max(1, round(height * shown / width)))
    if not width:
        # How wide it is by itself is not known. Outlook draws it as wide as its column, all others as they like.
        attributes["style"] = "width: auto"
    return _write_picture(attributes)


def _change_pictures(html: str, change: Callable[[_PlacedPicture], str | None]) -> str:
    """Each picture as `change` writes it; None leaves it as it is."""
    pieces: list[str] = []
    open_tags: list[str] = []
    end, columns = 0, 1
    for tag in _TAG.finditer(html):
        closing, name, attributes = tag.groups()
        if name == "img":
            picture = _PlacedPicture(
                {key: unescape(value) for key, value in _ATTRIBUTE.findall(attributes)},
                "a" in open_tags,
                _room(open_tags, columns),
            )
            new = change(picture)
            pieces += [html[end : tag.start()], tag[0] if new is None else new]
            end = tag.end()
        elif closing and name in open_tags:
            while open_tags.pop() != name:
                pass
        elif not closing and name not in ("br", "hr"):
            open_tags.append(name)
        if name == "tr" and not closing:
            columns = len(_CELL.findall(html, tag.end(), max(html.find("</tr>", tag.end()), 0)))
    return "".join([*pieces, html[end:]])


def _room(open_tags: list[str], columns: int) -> int:
    """The px that are left for a picture inside these tags."""
    cells = any(name in ("td", "th") for name in open_tags)
    room = COLUMN - sum(_INDENTS.get(name, 0) for name in open_tags)
    return max(room // max(columns, 1) - _CELL_PADDING if cells else room, _NARROWEST)


def _write_picture(attributes: Mapping[str, str]) -> str:
    written = (f'{name}="{escape(value)}"' for name, value in attributes.items())
    return f"<img {' '.join(written)}>"


def _write_link(picture: _PlacedPicture) -> str:
    """A picture as the link that leads to it; inside of another link just its words."""
    address = picture.attributes.get("src", "")
    words = escape(picture.attributes.get("alt", "").strip() or urlsplit(address).hostname or "")
    return words if picture.in_link else f'<a href="{escape(address)}">{words}</a>'
