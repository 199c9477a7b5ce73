"""The chunks of messages made ready for splitting: what frames them is left out, addresses at line ends stand alone.

What frames them: a greeting, page numbers, letters that Word's bullets were made of.
"""

from dataclasses import dataclass, field
from itertools import pairwise

from newsletter.sources.digest.chunks import Chunk, Kind, find_chunks, split_letter_bullet, split_trailing_urls
from newsletter.sources.digest.layout import guess_terminator, split_titles_with_addresses
from newsletter.sources.digest.lines import Line
from newsletter.sources.digest.messages import Message
from newsletter.sources.digest.noise import LineShape, read_sign
from newsletter.sources.digest.notes import Guess, Omission
from newsletter.sources.digest.titles import is_greeting
from newsletter.sources.digest.vocabulary import Role


@dataclass(slots=True)
class PreparedChunks:
    """The chunks of each message, the site whose addresses end posts, what was left out and guessed.

    `drawn` are the numbers of lines that divide and need not be in any post.
    """

    chunks: list[list[Chunk]]
    terminator: str | None
    drawn: tuple[int, ...]
    left_out: list[Omission] = field(default_factory=list)
    doubts: list[Guess] = field(default_factory=list)


def prepare_chunks(
    messages: list[Message], separator: str | None, terminator: str | None, *, keep: bool
) -> PreparedChunks:
    """Messages → their chunks. `terminator` is the site that the front matter names; `keep`: nothing is left out."""
    chunked = [find_chunks(message.lines, separator) for message in messages]
    everything = [chunk for chunks in chunked for chunk in chunks]
    drawn = tuple(line for chunk in everything if chunk.kind in (Kind.SEPARATOR, Kind.RULE) for line in chunk.lines)
    prepared = PreparedChunks([], terminator or guess_terminator(everything), drawn)
    numbers = set() if keep else _page_numbers(everything)
    for message, chunks in zip(messages, chunked, strict=True):
        prepared.doubts += _bare_addresses(chunks, message.lines)
        if not keep:
            chunks = [_divide_pages(chunk, prepared) if chunk.lines[0] in numbers else chunk for chunk in chunks]
            chunks = _without_greeting(chunks, prepared)
        chunks = split_titles_with_addresses(split_trailing_urls(chunks, prepared.terminator))
        prepared.chunks.append([_without_letter_bullet(chunk, prepared) for chunk in chunks])
    return prepared


def _bare_addresses(chunks: list[Chunk], lines: list[Line]) -> list[Guess]:
    """The lines that are addresses without `https://` in front."""
    addresses = {chunk.lines[0]: chunk.text for chunk in chunks if chunk.kind is Kind.URL}
    bare = [line.number for line in lines if line.number in addresses and "://" not in line.text] if addresses else []
    return [Guess(number, f"taken as an address: {addresses[number]}") for number in bare]


def _page_numbers(chunks: list[Chunk]) -> set[int]:
    """The lines of page numbers: `Page 3 of 4`, and lone numbers that count up by one through the file.

    A number beside a button is a counter.
    """
    signs = [read_sign(chunk.text) if chunk.kind is Kind.TEXT else None for chunk in chunks]
    lone: list[tuple[int, int]] = []
    lines: set[int] = set()
    for at, (chunk, sign) in enumerate(zip(chunks, signs, strict=True)):
        alone = not any(signs[max(0, at - 1) : at] + signs[at + 1 : at + 2])
        if sign and sign.kinds == {Role.PAGE}:
            lines.add(chunk.lines[0])
        elif sign and alone and LineShape.NUMBER in sign.kinds and chunk.text.isdecimal() and len(chunk.text) <= 4:
            lone.append((int(chunk.text), chunk.lines[0]))
    if len(lone) > 1 and all(after == before + 1 for (before, _), (after, _) in pairwise(lone)):
        lines.update(line for _, line in lone)
    return lines


def _divide_pages(chunk: Chunk, prepared: PreparedChunks) -> Chunk:
    """A page number is left out; where it stood, a post may end as at a drawn line."""
    prepared.left_out.append(Omission(chunk.text, chunk.lines, reason="a page number"))
    return chunk._replace(kind=Kind.RULE)


def _without_greeting(chunks: list[Chunk], prepared: PreparedChunks) -> list[Chunk]:
    if len(chunks) < 2 or chunks[0].kind is not Kind.TEXT or not is_greeting(chunks[0].text):
        return chunks
    prepared.left_out.append(Omission(chunks[0].text, chunks[0].lines, reason="a greeting"))
    return chunks[1:]


def _without_letter_bullet(chunk: Chunk, prepared: PreparedChunks) -> Chunk:
    plain, letter = split_letter_bullet(chunk)
    if letter:
        prepared.left_out.append(Omission(letter, chunk.lines[:1], reason="a bullet"))
    return plain
