"""Threads: messages in a row of one author that are numbered 1/3, 2/3, 3/3 are one post."""

import re
from dataclasses import replace

from newsletter.sources.digest.chunks import Chunk, Kind
from newsletter.sources.digest.notes import Guess, PieceUse
from newsletter.sources.digest.web_posts import Part

_NUMBER = r"(\d{1,2}) ?/ ?(\d{1,2})?"
_AT_END = re.compile(rf"(?:^|.*[\s(]){_NUMBER}\)?", re.DOTALL)
_AT_START = re.compile(rf"\(?{_NUMBER}[\s).:]")


def join_threads(parts: list[Part]) -> tuple[list[Part], list[Guess]]:
    """Parts → parts, in which those of a thread are one. Only parts with the same author are joined."""
    joined: list[Part] = []
    doubts: list[Guess] = []
    last: tuple[int, int | None] | None = None
    for part in parts:
        number = _number_of(part.chunks) if part.byline else None
        before = joined[-1] if joined else None
        if number and last and before and _goes_on(before, last, part, number):
            line = part.chunks[0].lines[0]
            doubts.append(Guess(line, f"part {number[0]} of a thread; taken as one post with the part above"))
            before.chunks += part.chunks
            before.single = True
            if before.byline and part.byline:
                before.byline.pieces += [replace(piece, use=PieceUse.NOISE) for piece in part.byline.pieces]
            last = number
            continue
        joined.append(part)
        last = number
    return joined, doubts


def _goes_on(before: Part, last: tuple[int, int | None], part: Part, number: tuple[int, int | None]) -> bool:
    same = before.byline is not None and part.byline is not None and before.byline.author == part.byline.author
    return same and number[0] == last[0] + 1 and (None in (number[1], last[1]) or number[1] == last[1])


def _number_of(chunks: list[Chunk]) -> tuple[int, int | None] | None:
    """The number of a part of a thread and how many there are, at the end of its text or at its beginning."""
    texts = [chunk.text for chunk in chunks if chunk.kind is Kind.TEXT]
    match = (_AT_END.fullmatch(texts[-1][-40:]) or _AT_START.match(texts[0])) if texts else None
    return (int(match[1]), int(match[2]) if match[2] else None) if match else None
