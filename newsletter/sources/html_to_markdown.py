"""The HTML of a feed becomes Markdown that an editor can read and that renders to the same words.

HTML → tree (html_tree) → blocks (html_blocks) → Markdown (markdown_writer).
"""

import re
from dataclasses import dataclass

from newsletter.sources.blocks import Block, addresses_in, words_of
from newsletter.sources.feed_entry import LeftOut
from newsletter.sources.html_blocks import read_blocks
from newsletter.sources.markdown_writer import write_blocks

_TAIL = re.compile(
    r"(?:the post .{1,300} (?:appeared first on|first appeared on) .{1,200}"
    r"|(?:read|see|continue) (?:more|reading|the full (?:article|story))(?: at .{1,80}| on .{1,80}| …|…|\.\.\.| »| →)*"
    r"|share this(?: post| article)?:?|weiterlesen(?: …|…)?|lire la suite(?: …|…)?)[.\s»→…]*",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Converted:
    """A body in Markdown, what of the HTML is not in it, and the addresses of its pictures and links."""

    markdown: str
    left_out: tuple[LeftOut, ...] = ()
    pictures: frozenset[str] = frozenset()
    links: frozenset[str] = frozenset()


def html_to_markdown(fragment: str, base: str = "") -> Converted:
    """Outside HTML → Markdown. `base` makes relative addresses absolute; tails such as "Continue reading" are left out."""
    read, left_out = read_blocks(fragment, base)
    blocks: list[Block] = list(read)
    while blocks and _TAIL.fullmatch(words_of(blocks[-1])):
        left_out.append(LeftOut("tail", words_of(blocks.pop())))
    pictures, links = addresses_in(blocks)
    text = write_blocks(blocks)
    return Converted(f"{text}\n" if text else "", tuple(left_out), pictures, links)
