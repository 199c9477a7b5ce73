"""The pictures, films and sounds that a feed puts beside an entry: which are shown with it, and how; the others are listed."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from newsletter.sources.blocks import Block, MarkedText, Paragraph, Picture, TextMark
from newsletter.sources.embeds import find_page, name_of
from newsletter.sources.feed_entry import LeftOut
from newsletter.text.characters import clean_characters

PICTURE_LIMIT = 20
_TITLE_LIMIT = 120
_BEST_WIDTH = 1200
_PICTURE_FILE = re.compile(r"\.(?:jpe?g|png|gif|webp|avif)\Z", re.IGNORECASE)
_SOUND_FILE = re.compile(r"\.(?:mp3|m4a|ogg|opus|wav|mp4|m4v|webm|mov)\Z", re.IGNORECASE)
# The face of who wrote an entry is no picture of what it is about.
_FACES = ("gravatar.com",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Medium:
    """One picture, film or sound by its absolute address. Those of one `group` (above 0) are the same in several sizes.

    `role`: `content`; `thumbnail` is a small picture of something; `player` a page that plays it; `enclosure` a file to
    download. `text` says what it shows.
    """

    url: str
    role: Literal["content", "thumbnail", "player", "enclosure"]
    type: str = ""
    medium: str = ""
    width: int = 0
    text: str = ""
    title: str = ""
    group: int = 0
    default: bool = False

    @property
    def is_picture(self) -> bool:
        """Whether it is shown; anything else is linked."""
        kind = self.type or self.medium
        if kind:
            return kind.startswith("image")
        return self.role == "thumbnail" or bool(_PICTURE_FILE.search(urlsplit(self.url).path))

    @property
    def is_playable(self) -> bool:
        """Whether it is a film or sound."""
        kind = self.type or self.medium
        return kind.startswith(("audio", "video")) or (not kind and bool(_SOUND_FILE.search(urlsplit(self.url).path)))


@dataclass(frozen=True, slots=True)
class PlacedMedia:
    """Blocks to put above and below the body of an entry, and what is shown nowhere."""

    above: tuple[Block, ...] = ()
    below: tuple[Block, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def show_media(media: Sequence[Medium], pictures: Iterable[str], links: Iterable[str]) -> PlacedMedia:
    """What stands beside an entry → what is shown of it. `pictures` and `links` are the addresses its body has already.

    A body without a picture gets those of the entry: one of each group, the widest that is needed; thumbnails and
    enclosures only if there is nothing else. Films and sounds become links below.
    """
    there = {_place(address) for address in pictures}
    known = set(links)
    candidates = [medium for medium in media if medium.is_picture and not _is_face(medium)]
    chosen = _choose_pictures(candidates) if not there else []
    shown = {_place(medium.url) for medium in chosen} | there
    left_out = [
        LeftOut("picture beside the entry", medium.url) for medium in candidates if _place(medium.url) not in shown
    ]
    left_out += [
        LeftOut("picture of the author", medium.url) for medium in media if medium.is_picture and _is_face(medium)
    ]
    below = []
    for medium in media:
        if medium.is_picture:
            continue
        page = find_page(medium.url)
        if page in known or medium.url in known:
            continue
        known.add(page)
        if medium.is_playable:
            title = _flat(medium.title) or name_of(page, "video")
            below.append(Paragraph((MarkedText(title, (TextMark("link", page),)),)))
        else:
            left_out.append(LeftOut("file beside the entry", medium.url))
    above = tuple(Paragraph((Picture(_flat(medium.text or medium.title), medium.url),)) for medium in chosen)
    return PlacedMedia(above, tuple(below), tuple(left_out))


def _choose_pictures(candidates: Sequence[Medium]) -> list[Medium]:
    for roles in (("content",), ("thumbnail",), ("enclosure",)):
        fitting = [medium for medium in candidates if medium.role in roles]
        if fitting:
            break
    else:
        return []
    groups: dict[object, list[Medium]] = {}
    for medium in fitting:
        # Without a group the same picture may still come in several sizes, told by the query of its address.
        groups.setdefault(medium.group or _place(medium.url), []).append(medium)
    if roles == ("thumbnail",):
        groups = {0: fitting}
    return [_choose_size(sizes) for sizes in groups.values()][:PICTURE_LIMIT]


def _choose_size(sizes: Sequence[Medium]) -> Medium:
    """The smallest that is wide enough for two pixels a dot of the column, else the widest; the default if no width is given."""
    enough = [medium for medium in sizes if medium.width >= _BEST_WIDTH]
    if enough:
        return min(enough, key=lambda medium: medium.width)
    return max(sizes, key=lambda medium: (medium.width, medium.default))


def _place(address: str) -> str:
    """An address for comparing pictures: without scheme, query and fragment."""
    parts = urlsplit(address)
    return f"{parts.netloc}{parts.path}"


def _is_face(medium: Medium) -> bool:
    host = urlsplit(medium.url).hostname or ""
    return any(host == face or host.endswith(f".{face}") for face in _FACES)


def _flat(text: str) -> str:
    return clean_characters(" ".join(text.split()))[:_TITLE_LIMIT]
