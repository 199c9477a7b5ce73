"""Parts become items: where one post ends and the next begins (R2, M12-M17)."""

from collections import Counter
from dataclasses import dataclass, field

from newsletter.sources.digest.chunks import BULLET, NUMBER, Chunk, Kind, split_address, trailing_url
from newsletter.sources.digest.layout import AddressLayout, guess_layout, next_texts, starts_of_posts
from newsletter.sources.digest.notes import Byline, Guess, Omission
from newsletter.sources.digest.rules import cut_at_days, cut_at_rules
from newsletter.sources.digest.titles import is_tag_line, looks_like_title, may_be_title
from newsletter.sources.digest.web_posts import Part
from newsletter.sources.digest.when import When
from newsletter.sources.urls import account, site


@dataclass(slots=True)
class Item:
    """One post's chunks: its text (lone addresses that are links of the body included) and its sources."""

    chunks: list[Chunk] = field(default_factory=list)
    sources: list[Chunk] = field(default_factory=list)
    byline: Byline | None = None
    times: dict[int, tuple[When, Omission]] = field(default_factory=dict)


@dataclass(slots=True)
class _Splitting:
    """What holds for the whole file: the site whose addresses end posts, and whether its front matter names it."""

    terminator: str | None
    forced: bool
    accounts: Counter[str | None]
    doubts: list[Guess] = field(default_factory=list)


def split_items(parts: list[Part], terminator: str | None, *, forced: bool) -> tuple[list[Item], list[Guess]]:
    """Parts → items. With explicit separator lines those alone decide; `forced`: other sites never end a post."""
    addresses = [chunk.text for part in parts for chunk in part.chunks if chunk.kind is Kind.URL]
    state = _Splitting(terminator, forced, Counter(account(url) for url in addresses if site(url) == terminator))
    if any(chunk.kind is Kind.SEPARATOR for part in parts for chunk in part.chunks):
        return _split_at_separators(parts, state.doubts), state.doubts
    items: list[Item] = []
    for part in parts:
        split = _split_part(part, state)
        for item in split:
            item.byline, item.times = part.byline, part.times
        items += split
    if len(items) > 1 and not all(part.whole for part in parts):
        for item in items:
            if not item.sources and item.chunks and (item.byline is None or not item.byline.exact):
                state.doubts.append(Guess(item.chunks[0].lines[0], "this post has no source address after it"))
    return items, state.doubts


def _split_part(part: Part, state: _Splitting) -> list[Item]:
    if part.single:
        item = Item(part.chunks)
        _take_last(item)
        return [item]
    items: list[Item] = []
    pieces = cut_at_rules(part.chunks, state.doubts)
    for piece in pieces:
        whole = part.whole or len(pieces) > 1
        for chunks in [piece] if whole else cut_at_days(piece, state.doubts):
            items += _split_piece(chunks, state, whole=whole or chunks is not piece)
    return items


def _split_piece(chunks: list[Chunk], state: _Splitting, *, whole: bool) -> list[Item]:
    addresses = [at for at, chunk in enumerate(chunks) if chunk.kind is Kind.URL]
    if whole and (not addresses or addresses[-1] - addresses[0] == len(addresses) - 1):
        return [_make_whole(chunks, addresses, state.doubts)]
    match guess_layout(chunks):
        case AddressLayout.FIRST:
            message = "addresses stand above their posts here; each taken as that of the next one"
            state.doubts.append(Guess(chunks[0].lines[0], message))
            return _split_first(chunks)
        case AddressLayout.SECOND if not state.forced:
            return _split_second(chunks, state.doubts)
    return _split_last(chunks, state)


def _make_whole(chunks: list[Chunk], addresses: list[int], doubts: list[Guess]) -> Item:
    """A post whose ends are known: its only address is its source, wherever it stands."""
    if not addresses and chunks and trailing_url(chunks[-1]):
        text, url = split_address(chunks[-1])
        return Item([*chunks[:-1], text], [url])
    sources = [chunks[at] for at in addresses]
    if addresses and addresses[-1] < len(chunks) - 1 and not all(map(is_tag_line, chunks[addresses[-1] + 1 :])):
        doubts.append(Guess(sources[0].lines[0], "the only address of this post; taken as its source"))
    return Item([chunk for chunk in chunks if chunk.kind is not Kind.URL], sources)


# --- addresses below their posts ------------------------------------------------------------------------------------


def _split_last(chunks: list[Chunk], state: _Splitting) -> list[Item]:
    items = [Item()]
    following = next_texts(chunks)
    for position, chunk in enumerate(chunks):
        if items[-1].sources and chunk.kind is not Kind.URL and not is_tag_line(chunk):
            items.append(Item())
        if chunk.kind is not Kind.URL:
            items[-1].chunks.append(chunk)
            if not state.forced and _may_hide_an_end(chunks, position):
                message = "this line ends in an address and what looks like a title follows; kept in one post"
                state.doubts.append(Guess(chunk.lines[-1], message))
        elif items[-1].sources:
            items[-1].sources.append(chunk)
            state.doubts.append(Guess(chunk.lines[0], "a second address after a post; taken as another source of it"))
        elif _ends_item(chunks, position, following[position], state):
            items[-1].sources.append(chunk)
        else:
            items[-1].chunks.append(chunk)
    for item in items:
        if item.sources:
            _take_last(item)  # those right above the source are sources too
    return items


def _may_hide_an_end(chunks: list[Chunk], position: int) -> bool:
    """Whether a text line that ends in an address of another site may be the end of a post all the same."""
    after = chunks[position + 1 : position + 3]
    return len(after) == 2 and trailing_url(chunks[position]) is not None and looks_like_title(after[0])


def _ends_item(chunks: list[Chunk], position: int, following: int | None, state: _Splitting) -> bool:
    """Whether the lone address at `position` ends the post above it; `following` is the next text."""
    chunk = chunks[position]
    if site(chunk.text) == state.terminator:
        if following is not None and _is_quoted(chunk, chunks[following], state):
            message = "an address of another account, followed by more of the same post; kept as a link"
            state.doubts.append(Guess(chunk.lines[0], message))
            return False
        return True
    if state.forced:
        return False
    if following is None:
        return True
    after = chunks[position + 1 : position + 3]
    if after[0].kind is Kind.URL:
        return False
    # A short line between two addresses is a post of a title only, even if it ends with a stop.
    between = may_be_title(chunks[following]) and len(after) == 2 and after[1].kind is Kind.URL
    if not between and not looks_like_title(chunks[following]):
        return False
    title = chunks[following].text[:40]
    message = f"an address of another site, then what looks like a title ({title!r}); taken as a post's end"
    state.doubts.append(Guess(chunk.lines[0], message))
    return True


def _is_quoted(chunk: Chunk, following: Chunk, state: _Splitting) -> bool:
    """M16: an address of a different account than all others, in the middle of a text, is a link and no end."""
    mine = account(chunk.text)
    if not mine or None in state.accounts or len(state.accounts) != 2 or state.accounts[mine] != 1:
        return False
    if state.accounts.total() < 3:  # one other address says nothing about whose they are
        return False
    return bool(BULLET.match(following.bare) or NUMBER.match(following.bare) or following.bare.endswith((":", "：")))


def _take_last(item: Item) -> None:
    """Lone addresses at the very end of a post's text are sources."""
    end = len(item.chunks)
    while end and item.chunks[end - 1].kind is Kind.URL:
        end -= 1
    item.chunks, item.sources = item.chunks[:end], [*item.chunks[end:], *item.sources]


# --- addresses above their posts, or between title and text -----------------------------------------------------------


def _split_first(chunks: list[Chunk]) -> list[Item]:
    first_site = site(chunks[0].text)
    items: list[Item] = []
    for chunk in chunks:
        starts = chunk.kind is Kind.URL and site(chunk.text) == first_site
        if starts and (not items or items[-1].chunks):
            items.append(Item())
        (items[-1].sources if starts else items[-1].chunks).append(chunk)
    return items


def _split_second(chunks: list[Chunk], doubts: list[Guess]) -> list[Item]:
    starts = starts_of_posts(chunks)
    address = next(chunk for chunk in chunks if chunk.kind is Kind.URL)
    doubts.append(Guess(address.lines[0], "addresses stand between titles and texts here; each taken as its title's"))
    items = []
    for start, end in zip(starts, [*starts[1:], len(chunks)], strict=True):
        piece = chunks[start:end]
        items.append(
            Item(
                [chunk for chunk in piece if chunk.kind is not Kind.URL],
                [chunk for chunk in piece if chunk.kind is Kind.URL],
            )
        )
    return items


# --- explicit separators ----------------------------------------------------------------------------------------------


def _split_at_separators(parts: list[Part], doubts: list[Guess]) -> list[Item]:
    times: dict[int, tuple[When, Omission]] = {}
    items = [Item(times=times)]
    for part in parts:
        times |= part.times
        part.times = {}
        for chunk in part.chunks:
            if chunk.kind is Kind.SEPARATOR:
                if items[-1].chunks:
                    items.append(Item(times=times))
                continue
            if not items[-1].chunks:
                items[-1].byline = part.byline
            items[-1].chunks.append(chunk._replace(kind=Kind.TEXT) if chunk.kind is Kind.RULE else chunk)
    for item in items:
        _take_last(item)
        inner = sum(
            chunk.kind is Kind.URL and looks_like_title(after)
            for chunk, after in zip(item.chunks, item.chunks[1:], strict=False)
        )
        if inner:
            doubts.append(
                Guess(
                    item.chunks[0].lines[0],
                    f"lines of dashes separate the posts here, yet this one holds {inner + 1} addresses that look like ends; "
                    "put `terminator: SITE` between `---` lines at the top of the file if they are",
                )
            )
    parts[0].times = times  # those that no post takes are still to be accounted for
    return [item for item in items if item.chunks or item.sources]
