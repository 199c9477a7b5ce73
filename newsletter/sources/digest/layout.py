"""Where the addresses of a paste stand: below their posts, above them, or between title and text."""

from collections import Counter
from enum import Enum
from itertools import pairwise

from newsletter.sources.digest.chunks import Chunk, Kind, split_address, trailing_url
from newsletter.sources.digest.titles import is_beside_title, looks_like_title, may_be_title
from newsletter.sources.urls import site


class AddressLayout(Enum):
    """Where the address of each post stands."""

    LAST = "below its text"
    FIRST = "above its title"
    SECOND = "between title and text"


def guess_terminator(chunks: list[Chunk]) -> str | None:
    """The site whose lone addresses end posts: what follows them looks like a title, or nothing follows."""
    points: Counter[str] = Counter()
    last = None
    following = next_texts(chunks)
    for position, chunk in enumerate(chunks):
        lone = chunk.kind is Kind.URL
        url = chunk.text if lone else trailing_url(chunk)
        if not url:
            continue
        text = chunks[after] if (after := following[position]) is not None else None
        if text is None or looks_like_title(text):
            points[site(url)] += 4 if lone else 2
        elif lone and may_be_title(text):
            points[site(url)] += 2
        if lone or text is None:
            last = site(url)
    if not points:
        return last
    best = max(points.values())
    tied = [name for name, value in points.items() if value == best]
    return last if last in tied else tied[-1]


def next_texts(chunks: list[Chunk]) -> list[int | None]:
    """For each chunk the index of the next one that is no address."""
    result: list[int | None] = [None] * len(chunks)
    after = None
    for position in range(len(chunks) - 1, -1, -1):
        result[position] = after
        if chunks[position].kind is not Kind.URL:
            after = position
    return result


def guess_layout(chunks: list[Chunk]) -> AddressLayout:
    """The layout of a piece without separators; LAST unless another one explains it better."""
    if len(chunks) > 1 and chunks[-1].kind is not Kind.URL and not trailing_url(chunks[-1]):
        if chunks[0].kind is Kind.URL:
            return AddressLayout.FIRST
        if _addresses_come_second(chunks):
            return AddressLayout.SECOND
    return AddressLayout.LAST


def _addresses_come_second(chunks: list[Chunk]) -> bool:
    """Whether one title stands above the first address, and titles rather stand above addresses than below them.

    Between two addresses at least a text and a title must stand, below the last one a text.
    """
    plain = [at for at, chunk in enumerate(chunks) if chunk.kind is not Kind.URL and not is_beside_title(chunk)]
    groups = [
        at
        for at, chunk in enumerate(chunks)
        if chunk.kind is Kind.URL and (not at or chunks[at - 1].kind is not Kind.URL)
    ]
    if not groups or not plain:
        return False
    titles = texts = 0
    before = 0  # how many plain chunks stand above the address
    seen = 0
    for number, address in enumerate(groups):
        while before < len(plain) and plain[before] < address:
            before += 1
        if before == len(plain) or before - seen < (2 if number else 1) or (not number and before != 1):
            return False
        above, below = chunks[plain[before - 1]], chunks[plain[before]]
        if not may_be_title(above):
            return False
        titles += looks_like_title(above)
        texts += looks_like_title(below)
        seen = before
    return titles > texts


def split_titles_with_addresses(chunks: list[Chunk]) -> list[Chunk]:
    """Titles that end in their address, above texts that have none (`Ferry sails https://…`) → title and address each.

    The first line must be such a title and the last must be none, and a text must stand below each.
    """
    plain = [at for at, chunk in enumerate(chunks) if not is_beside_title(chunk)]
    ending = [at for at in plain if trailing_url(chunks[at])]
    if not ending or ending[0] != plain[0] or ending[-1] == plain[-1]:
        return chunks
    lone = any(chunk.kind is Kind.URL for chunk in chunks)
    split = set(ending)
    close = any(at in split and after in split for at, after in pairwise(plain))
    if lone or close or not all(looks_like_title(split_address(chunks[at])[0]) for at in ending):
        return chunks
    return [piece for at, chunk in enumerate(chunks) for piece in (split_address(chunk) if at in split else (chunk,))]


def starts_of_posts(chunks: list[Chunk]) -> list[int]:
    """Where the posts begin when addresses come second: at the title above each, or the day above that."""
    starts = []
    for at, chunk in enumerate(chunks):
        if chunk.kind is not Kind.URL or not at or chunks[at - 1].kind is Kind.URL:
            continue
        start = at - 1
        while start > 0 and is_beside_title(chunks[start]):
            start -= 1
        while start > 0 and is_beside_title(chunks[start - 1]):
            start -= 1
        starts.append(start)
    starts[0] = 0
    return starts
