"""Which picture an element of outside HTML shows, and where a player leads: what scripts would do, done without them."""

import re
from urllib.parse import parse_qs, unquote, urlsplit

from newsletter.sources.html_tree import Node, read_style
from newsletter.sources.urls import clean_url
from newsletter.text.characters import clean_characters
from newsletter.text.html import resolve_address

PLAYERS = frozenset("iframe video audio object embed amp-video amp-audio amp-iframe amp-youtube lite-youtube".split())
IMAGES = frozenset(("img", "amp-img"))
_NAME_LIMIT = 120
# Attributes that scripts copy into `src` when a picture scrolls into view: they outrank it, since it is a placeholder.
_LAZY = re.compile(r"data-(?:[a-z]+-)*(?:src|original|lazy)\Z")
_PICTURE_FILE = re.compile(r"\.(?:jpe?g|png|gif|webp|avif)\Z", re.IGNORECASE)
_CANDIDATE = re.compile(r"\s*,?\s*(\S*[^\s,])(?:\s+([^,]*))?")
_BEST_WIDTH = 1200  # two pixels for each of a column of 600
_PIXELS = re.compile(r"0*([0-9]{1,5})(?:px)?")
_LENGTH = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:px)?\s*\Z")

# A player's address shows an error, or nothing, when it is opened from a mail; these are the pages people know.
_PAGES = (
    (re.compile(r"(?:www\.|m\.)?youtube(?:-nocookie)?\.com/(?:embed|v|e|shorts)/(?!videoseries)([\w-]{3,})"), "https://www.youtube.com/watch?v={}"),
    (re.compile(r"player\.vimeo\.com/video/(\d+)"), "https://vimeo.com/{}"),
    (re.compile(r"(?:www\.)?dailymotion\.com/embed/video/(\w+)"), "https://www.dailymotion.com/video/{}"),
    (re.compile(r"open\.spotify\.com/embed/(\w+/\w+)"), "https://open.spotify.com/{}"),
)  # fmt: skip


def is_tiny(node: Node) -> bool:
    """Whether an element is one pixel wide or high: nobody sees it, it counts readers (security T5)."""
    style = read_style(node) if "style" in node.attributes else {}
    lengths = (node.get("width"), node.get("height"), style.get("width", ""), style.get("height", ""))
    return any(float(match[1]) <= 1 for length in lengths if (match := _LENGTH.match(length)))


def read_size(node: Node) -> tuple[int, int]:
    """Width and height of a picture in CSS pixels, as its attributes say; 0 for one that they do not say in pixels."""
    return _read_pixels(node.get("width")), _read_pixels(node.get("height"))


def _read_pixels(value: str) -> int:
    match = _PIXELS.fullmatch(value.strip())
    return int(match[1]) if match else 0


def find_picture(node: Node, base: str) -> str:
    """The absolute address of the picture that an `img`, `amp-img` or `source` shows; empty if there is none.

    In this order: what a script would load, `src`, the best of `srcset`, another attribute that names a picture file.
    """
    names = node.attributes
    lazy = (value for name, value in names.items() if _LAZY.match(name))
    sets = (_choose_candidate(value) for name, value in names.items() if name.endswith("srcset"))
    named = (
        value
        for name, value in names.items()
        if name.startswith("data-") and _PICTURE_FILE.search(value.partition("?")[0])
    )
    for group in (lazy, (node.get("src"),), sets, named):
        for value in group:
            if (address := _resolve(value, base)) and not address.startswith("mailto:"):
                return address
    return ""


def find_source(picture: Node, base: str) -> str:
    """The address that the sources of a `picture` give it; a JPEG or PNG before what not every mail client shows."""
    found = [
        (source.get("type") not in ("", "image/jpeg", "image/png"), address)
        for source in picture.walk()
        if source.tag == "source" and (address := find_picture(source, base))
    ]
    return min(found, key=lambda pair: pair[0])[1] if found else ""


def _choose_candidate(srcset: str) -> str:
    """The picture of a srcset (HTML Standard §4.8.4.2.1) that is just wide enough, else the widest."""
    sized = []
    for url, descriptor in _CANDIDATE.findall(srcset[:10_000]):
        number = re.match(r"(\d+(?:\.\d+)?)([wx])", descriptor.strip())
        width = float(number[1]) * (1 if number[2] == "w" else _BEST_WIDTH / 2) if number else _BEST_WIDTH / 2
        sized.append((width, url))
    enough = [pair for pair in sized if pair[0] >= _BEST_WIDTH]
    return min(enough)[1] if enough else max(sized)[1] if sized else ""


def find_player(node: Node, base: str) -> tuple[str, str, str]:
    """(where an embedded player, sound or page leads, what it is called, its poster); the first is empty if nowhere."""
    address = next((found for value in _player_addresses(node) if (found := _resolve(value, base))), "")
    page = find_page(address) if address else ""
    title = clean_characters(" ".join((node.get("title") or node.get("aria-label")).split()))[:_NAME_LIMIT]
    poster = _resolve(node.get("poster"), base)
    return page, title or name_of(page, node.tag), poster


def _player_addresses(node: Node) -> list[str]:
    if node.tag in ("amp-youtube", "lite-youtube"):
        video = node.get("data-videoid") or node.get("videoid")
        return [f"https://www.youtube.com/watch?v={video}"] if re.fullmatch(r"[\w-]+", video) else []
    values = [value for name, value in node.attributes.items() if _LAZY.match(name)]
    values += [node.get("src"), node.get("data")]
    for child in node.walk():
        if child.tag in ("source", "embed", "iframe"):
            values += [child.get("src"), child.get("data-src")]
        elif child.tag == "param" and child.get("name").lower() in ("movie", "src", "url", "filename"):
            values.append(child.get("value"))
    return values


def find_page(address: str) -> str:
    """The address of a player → the page that shows the same, where it is known; else the address without tracking."""
    parts = urlsplit(address)
    place = f"{parts.hostname or ''}{parts.path}"
    for pattern, page in _PAGES:
        if match := pattern.match(place):
            return page.format(match[1])
    if parts.hostname == "w.soundcloud.com":
        return next((url for url in parse_qs(parts.query).get("url", []) if url.startswith("https://")), address)
    return clean_url(address)


def name_of(address: str, tag: str) -> str:
    """What to call a link that has no words: the name of the file for sound and film, the name of the site else."""
    parts = urlsplit(address)
    file = clean_characters(unquote(parts.path.rpartition("/")[2])).strip()
    host = (parts.hostname or "").removeprefix("www.")
    return file[:_NAME_LIMIT] if file and "." in file and tag in ("video", "audio", "amp-video", "amp-audio") else host


def _resolve(value: str, base: str) -> str:
    """An absolute address; "" for none, and for one that leads back to the page itself (`src=""`, `src="#"`)."""
    address = resolve_address(value, base) if value.strip() else ""
    return "" if address.partition("#")[0] == base.partition("#")[0] else address
