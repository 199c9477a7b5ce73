"""Drawn lines (`***`, `_____`) and days between posts: which of them divide."""

from collections import defaultdict

from newsletter.sources.digest.chunks import Chunk, Kind
from newsletter.sources.digest.lines import has_words
from newsletter.sources.digest.notes import Doubt
from newsletter.sources.digest.titles import day_of, is_beside_title, is_tag_line, looks_like_title


def cut_at_rules(chunks: list[Chunk], doubts: list[Doubt]) -> list[list[Chunk]]:
    """The pieces between drawn lines that divide posts. All lines of one kind divide, or none does; those stay as text.

    A drawn line speaks for a division if it stands below an address or above what looks like a title.
    """
    rules = [at for at, chunk in enumerate(chunks) if chunk.kind is Kind.RULE]
    if not rules:
        return [chunks]
    votes: dict[str, list[bool]] = defaultdict(list)
    for at in rules:
        if (divides := _divides(chunks, at)) is not None:
            votes[_kind(chunks[at])].append(divides)
    dividing = {kind for kind, found in votes.items() if 2 * sum(found) >= len(found)}
    pieces: list[list[Chunk]] = [[]]
    told: set[str] = set()
    for at, chunk in enumerate(chunks):
        if chunk.kind is not Kind.RULE:
            pieces[-1].append(chunk)
        elif _divides(chunks, at) is None:
            continue  # above the first post or below the last one
        elif _kind(chunk) in dividing:
            pieces.append([])
        elif not has_words(chunk.text):  # page numbers are left out already
            pieces[-1].append(chunk._replace(kind=Kind.TEXT))
        if chunk.kind is Kind.RULE and _kind(chunk) not in told and at not in (0, len(chunks) - 1):
            told.add(_kind(chunk))
            what = "divide the posts" if _kind(chunk) in dividing else "stand within a post"
            message = f"lines such as {chunk.text[:20]!r} {what}; `separator:` in the front matter decides"
            doubts.append(Doubt(chunk.lines[0], message))
    return [piece for piece in pieces if piece]


def _kind(chunk: Chunk) -> str:
    if has_words(chunk.text):
        return "page number"
    return "".join(sorted(set(chunk.text.replace(" ", ""))))


def _divides(chunks: list[Chunk], at: int) -> bool | None:
    """Whether the drawn line at `at` seems to divide posts; None at the edges, where there is nothing to divide."""
    before = at - 1
    while before >= 0 and (chunks[before].kind is Kind.RULE or is_tag_line(chunks[before])):
        before -= 1
    after = at + 1
    while after < len(chunks) - 1 and (chunks[after].kind is Kind.RULE or is_beside_title(chunks[after])):
        after += 1
    if before < 0 or after >= len(chunks) or chunks[after].kind is Kind.RULE:
        return None
    return chunks[before].kind is Kind.URL or looks_like_title(chunks[after])


def cut_at_days(chunks: list[Chunk], doubts: list[Doubt]) -> list[list[Chunk]]:
    """The pieces that begin with a day, in a text without addresses that begins with one and holds several."""
    days = [at for at, chunk in enumerate(chunks) if day_of(chunk)]
    if len(days) < 2 or days[0] != 0 or any(chunk.kind is Kind.URL for chunk in chunks):
        return [chunks]
    if not all(at + 1 < len(chunks) and looks_like_title(chunks[at + 1]) for at in days):
        return [chunks]
    doubts.append(Doubt(chunks[0].lines[0], "no addresses, but a day above each post; the days divide them"))
    return [chunks[start:end] for start, end in zip(days, [*days[1:], len(chunks)], strict=True)]
