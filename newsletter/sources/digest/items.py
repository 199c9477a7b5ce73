"""Chunks become items: where one post ends and the next begins (R2, M12-M17)."""

from collections import Counter
from dataclasses import dataclass, field

from newsletter.sources.digest.chunks import BULLET, NUMBER, Chunk, Kind, trailing_url
from newsletter.sources.urls import account, site

TITLE_LIMIT = 120
# A title may end with a stop; where nothing else speaks for a title, only one without counts.
_STOPS = tuple(".:;,!?…。：！？،؛")


@dataclass(slots=True)
class Item:
    """One post's chunks: its text (lone addresses that are links of the body included) and its sources."""

    chunks: list[Chunk] = field(default_factory=list)
    sources: list[Chunk] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Doubt:
    """A guess that the editor should look at: the line, what was decided, and how to decide otherwise."""

    line: int
    message: str


def guess_terminator(chunks: list[Chunk]) -> str | None:
    """The site whose lone addresses end posts: what follows them looks like a title, or nothing follows."""
    points: Counter[str] = Counter()
    last = None
    for position, chunk in enumerate(chunks):
        url = chunk.text if chunk.kind is Kind.URL else trailing_url(chunk)
        if not url:
            continue
        lone = chunk.kind is Kind.URL
        following = next((other for other in chunks[position + 1 :] if other.kind is not Kind.URL), None)
        if following is None or looks_like_title(following):
            points[site(url)] += 4 if lone else 2
        elif lone and may_be_title(following):
            points[site(url)] += 2
        if lone or following is None:
            last = site(url)
    if not points:
        return last
    best = max(points.values())
    tied = [name for name, value in points.items() if value == best]
    return last if last in tied else tied[-1]


def split_items(chunks: list[Chunk], terminator: str | None, *, forced: bool) -> tuple[list[Item], list[Doubt]]:
    """Chunks → items. With explicit separator lines those alone decide; `forced`: other sites never end a post."""
    doubts: list[Doubt] = []
    if any(chunk.kind is Kind.SEPARATOR for chunk in chunks):
        return _split_at_separators(chunks, doubts), doubts
    if _sources_lead(chunks):
        return _split_leading(chunks), doubts
    items = [Item()]
    for position, chunk in enumerate(chunks):
        if items[-1].sources and chunk.kind is not Kind.URL:
            items.append(Item())
        if chunk.kind is not Kind.URL:
            items[-1].chunks.append(chunk)
            if not forced and _may_hide_an_end(chunks, position):
                message = "this line ends in an address and what looks like a title follows; kept in one post"
                doubts.append(Doubt(chunk.lines[-1], message))
        elif items[-1].sources:
            items[-1].sources.append(chunk)
            doubts.append(Doubt(chunk.lines[0], "a second address after a post; taken as another source of it"))
        elif _ends_item(chunks, position, terminator, forced, doubts):
            items[-1].sources.append(chunk)
        else:
            items[-1].chunks.append(chunk)
    for item in items:
        _take_neighbours(item)
        if not item.sources and item.chunks and len(items) > 1:
            doubts.append(Doubt(item.chunks[0].lines[0], "this post has no source address after it"))
    return items, doubts


def _may_hide_an_end(chunks: list[Chunk], position: int) -> bool:
    """Whether a text line that ends in an address of another site may be the end of a post all the same."""
    after = chunks[position + 1 : position + 3]
    return trailing_url(chunks[position]) is not None and len(after) == 2 and looks_like_title(after[0])


def looks_like_title(chunk: Chunk) -> bool:
    """Short, no bullet, no stop at the end: hardly anything but a title."""
    return may_be_title(chunk) and not chunk.text.endswith(_STOPS)


def may_be_title(chunk: Chunk) -> bool:
    """Whether a chunk could stand as a title (R3)."""
    bare = chunk.bare
    return (
        chunk.kind is Kind.TEXT
        and len(bare) <= TITLE_LIMIT
        and not BULLET.match(bare)
        and not bare.endswith((":", "："))
    )


def _ends_item(chunks: list[Chunk], position: int, terminator: str | None, forced: bool, doubts: list[Doubt]) -> bool:
    """Whether the lone address at `position` ends the post above it."""
    chunk = chunks[position]
    following = next((other for other in chunks[position + 1 :] if other.kind is not Kind.URL), None)
    if site(chunk.text) == terminator:
        if following is not None and _is_quoted(chunk, following, chunks, terminator):
            doubts.append(
                Doubt(
                    chunk.lines[0],
                    "an address of another account, followed by more of the same post; kept as a link",
                )
            )
            return False
        return True
    if forced:
        return False
    if following is None:
        return True
    after = chunks[position + 1 : position + 3]
    if after[0].kind is Kind.URL:
        return False
    # A short line between two addresses is a post of a title only, even if it ends with a stop.
    between = may_be_title(following) and len(after) == 2 and after[1].kind is Kind.URL
    if not between and not looks_like_title(following):
        return False
    doubts.append(
        Doubt(
            chunk.lines[0],
            f"an address of another site, then what looks like a title ({following.text[:40]!r}); taken as a post's end",
        )
    )
    return True


def _is_quoted(chunk: Chunk, following: Chunk, chunks: list[Chunk], terminator: str) -> bool:
    """M16: an address of a different account than all others, in the middle of a text, is a link and no end."""
    mine = account(chunk.text)
    others = {
        account(other.text)
        for other in chunks
        if other is not chunk and other.kind is Kind.URL and site(other.text) == terminator
    }
    goes_on = BULLET.match(following.bare) or NUMBER.match(following.bare) or following.bare.endswith((":", "："))
    return bool(mine and others and None not in others and mine not in others and len(others) == 1 and goes_on)


def _take_neighbours(item: Item) -> None:
    """Lone addresses at the very end of a post's text, right above its source, are sources too."""
    while item.sources and item.chunks and item.chunks[-1].kind is Kind.URL:
        item.sources.insert(0, item.chunks.pop())


def _split_at_separators(chunks: list[Chunk], doubts: list[Doubt]) -> list[Item]:
    items = [Item()]
    for chunk in chunks:
        if chunk.kind is Kind.SEPARATOR:
            if items[-1].chunks:
                items.append(Item())
        else:
            items[-1].chunks.append(chunk)
    for item in items:
        while item.chunks and item.chunks[-1].kind is Kind.URL:
            item.sources.insert(0, item.chunks.pop())
        inner = sum(
            chunk.kind is Kind.URL and looks_like_title(after)
            for chunk, after in zip(item.chunks, item.chunks[1:], strict=False)
        )
        if inner:
            doubts.append(
                Doubt(
                    item.chunks[0].lines[0],
                    f"lines of dashes separate the posts here, yet this one holds {inner + 1} addresses that look like ends; "
                    "put `terminator: SITE` between `---` lines at the top of the file if they are",
                )
            )
    return [item for item in items if item.chunks or item.sources]


def _sources_lead(chunks: list[Chunk]) -> bool:
    """Whether addresses stand above their posts: the file begins with one and does not end with one."""
    return (
        len(chunks) > 1
        and chunks[0].kind is Kind.URL
        and chunks[-1].kind is not Kind.URL
        and not trailing_url(chunks[-1])
    )


def _split_leading(chunks: list[Chunk]) -> list[Item]:
    first_site = site(chunks[0].text)
    items: list[Item] = []
    for chunk in chunks:
        starts = chunk.kind is Kind.URL and site(chunk.text) == first_site
        if starts and (not items or items[-1].chunks):
            items.append(Item())
        (items[-1].sources if starts else items[-1].chunks).append(chunk)
    return items
