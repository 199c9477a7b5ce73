"""Drawn lines (`***`, `_____`) and days between posts: which of them divide."""

from collections import defaultdict

from newsletter.sources.digest.chunks import Chunk, Kind
from newsletter.sources.digest.lines import has_words
from newsletter.sources.digest.notes import Guess
from newsletter.sources.digest.titles import day_of, is_beside_title, is_tag_line, looks_like_title


def cut_at_rules(chunks: list[Chunk], doubts: list[Guess]) -> list[list[Chunk]]:
    """The pieces between drawn lines that divide posts. All lines of one kind divide, or none does; those stay as text.

    A drawn line speaks for a division if it stands below an address or above what looks like a title.
    """
    rules = [at for at, chunk in enumerate(chunks) if chunk.kind is Kind.RULE]
    if not rules:
        return [chunks]
    votes: dict[str, list[bool]] = defaultdict(list)
    divisions = _divisions(chunks, rules)
    for at, divides in divisions.items():
        if divides is not None:
            votes[_kind(chunks[at])].append(divides)
    dividing = {kind for kind, found in votes.items() if 2 * sum(found) >= len(found)}
    pieces: list[list[Chunk]] = [[]]
    told: set[str] = set()
    for at, chunk in enumerate(chunks):
        if chunk.kind is not Kind.RULE:
            pieces[-1].append(chunk)
        elif divisions[at] is None:
            continue  # above the first post or below the last one
        elif _kind(chunk) in dividing:
            pieces.append([])
        elif not has_words(chunk.text):  # page numbers are left out already
            pieces[-1].append(chunk._replace(kind=Kind.TEXT))
        if chunk.kind is Kind.RULE and _kind(chunk) not in told and at not in (0, len(chunks) - 1):
            told.add(_kind(chunk))
            what = "divide the posts" if _kind(chunk) in dividing else "stand within a post"
            message = f"lines such as {chunk.text[:20]!r} {what}; `separator:` in the front matter decides"
            doubts.append(Guess(chunk.lines[0], message))
    return [piece for piece in pieces if piece]


def _kind(chunk: Chunk) -> str:
    if has_words(chunk.text):
        return "page number"
    return "".join(sorted(set(chunk.text.replace(" ", ""))))


def _divisions(chunks: list[Chunk], rules: list[int]) -> dict[int, bool | None]:
    """For each drawn line whether it seems to divide posts; None at the edges, where there is nothing to divide."""
    above: dict[int, Chunk | None] = {}
    nearest = None
    for at, chunk in enumerate(chunks):
        if chunk.kind is Kind.RULE:
            above[at] = nearest
        elif not is_tag_line(chunk):
            nearest = chunk
    below: dict[int, Chunk | None] = {}
    nearest = None
    for at in range(len(chunks) - 1, -1, -1):
        chunk = chunks[at]
        if chunk.kind is Kind.RULE:
            below[at] = nearest
        elif at == len(chunks) - 1 or not is_beside_title(chunk):
            nearest = chunk
    return {at: _divides(above[at], below[at]) for at in rules}


def _divides(above: Chunk | None, below: Chunk | None) -> bool | None:
    if above is None or below is None:
        return None
    return above.kind is Kind.URL or looks_like_title(below)


def cut_at_days(chunks: list[Chunk], doubts: list[Guess]) -> list[list[Chunk]]:
    """The pieces that begin with a day, in a text without addresses that begins with one and holds several."""
    days = [at for at, chunk in enumerate(chunks) if day_of(chunk)]
    if len(days) < 2 or days[0] != 0 or any(chunk.kind is Kind.URL for chunk in chunks):
        return [chunks]
    if not all(at + 1 < len(chunks) and looks_like_title(chunks[at + 1]) for at in days):
        return [chunks]
    doubts.append(Guess(chunks[0].lines[0], "no addresses, but a day above each post; the days divide them"))
    return [chunks[start:end] for start, end in zip(days, [*days[1:], len(chunks)], strict=True)]
