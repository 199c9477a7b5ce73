"""Blocks become Markdown that shows the same words: the author's characters are escaped, never changed."""

from functools import lru_cache

from newsletter.sources.digest.blocks import Block, HeadingBlock, LinkBlock, ListBlock, ListItem, ParagraphBlock, Tags
from newsletter.sources.urls import clean_url
from newsletter.text.markdown import escape_block, escape_heading, escape_inline


def write_blocks(blocks: list[Block]) -> str:
    """Blocks → a Markdown body whose headings begin at `##`; hashtags are not part of it."""
    pieces: list[str] = []
    previous: Block | None = None
    delimiter = "."
    for block in blocks:
        match block:
            case HeadingBlock(text=text):
                pieces.append(f"## {escape_heading(text, clean_url)}")
            case ParagraphBlock():
                pieces.append(_labelled(block.label, block.text))
            case LinkBlock(url=url):
                pieces.append(f"<{clean_url(url)}>")
            case ListBlock():
                # Two lists in a row would be read as one: the other delimiter or bullet keeps them apart.
                delimiter = (")" if delimiter == "." else ".") if isinstance(previous, ListBlock) else "."
                pieces.append(_write_list(block.items, delimiter))
            case Tags():
                continue
        previous = block
    return "\n\n".join(pieces) + "\n" if pieces else ""


# A page's lines repeat; what is cached is the escaped text of a line.
@lru_cache(maxsize=1024)
def _labelled(label: str, text: str) -> str:
    if not label:
        return escape_block(text, clean_url)
    bold = escape_inline(label, clean_url)
    # CommonMark 6.2: closing ** after punctuation must be followed by a space; after a CJK colon there is none.
    if label.endswith("："):
        return f"<strong>{bold}</strong>{escape_inline(text, clean_url)}"
    return f"**{bold}** {escape_inline(text, clean_url)}"


def _write_list(items: tuple[ListItem, ...], delimiter: str) -> str:
    bullet = "-" if delimiter == "." else "*"
    lines = []
    width = 2
    for item in items:
        mark = f"{item.number}{delimiter}" if item.number is not None else bullet
        indent = " " * width if item.level else ""
        if not item.level:
            width = len(mark) + 1
        lines.append(f"{indent}{mark} {_labelled(item.label, item.text)}")
    return "\n".join(lines)
