"""Blocks become Markdown that renders to the same words, and HTML where Markdown has no words for them (CommonMark 0.31)."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby

from newsletter.sources.blocks import (
    Block,
    Blocks,
    Break,
    Cell,
    DataTable,
    Heading,
    Inline,
    List,
    MarkedText,
    Paragraph,
    Picture,
    Preformatted,
    Quote,
    Terms,
    TextMark,
    ThematicBreak,
)
from newsletter.text.markdown import (
    escape_inline,
    escape_line_start,
    escape_link_text,
    format_link,
)

_BREAK = "\\\n"
_WIDE = 500  # px: about what the column of a mail has
_STARS = {"strong": "**", "em": "*"}
# At the end of a text these could join with what the next piece begins with: `!` with a link, `&` with `amp;`.
_EDGE = re.compile(r"\\\s*\Z|[\]!<&~]\Z")
_EDGES = re.compile(r"((?:[ ]|\\\n)*)(.*?)((?:[ ]|\\\n)*)", re.DOTALL)
# A line of these below another one makes a table of both (GFM §4.10).
_TABLE_LINE = re.compile(r"[|:-][\s|:-]*\Z")
_LAST_BLANK = re.compile(r" +((?:</[a-z]+>)*)\Z")
_CLOSING_HASHES = re.compile(r"(#+)\Z")
# `{#p-…}` at the end of a line is an id of ours (docs/issue-file.md); in an address nothing is escaped.
_OUR_ID = re.compile(r"<https?://[^<>\s]*>|\{(?=#)", re.IGNORECASE)


def write_blocks(blocks: Sequence[Block]) -> str:
    """Blocks → Markdown without a newline at its end; a blank line between two blocks."""
    parts = []
    before: Block | None = None
    turned = False
    for block in blocks:
        # Two lists in a row need different marks, or they are one.
        beside = isinstance(block, List) and isinstance(before, List) and _is_like(block, before)
        turned = beside and not turned
        parts.append(_write_block(block, turned=turned))
        before = block
    return "\n\n".join(parts)


def write_run(run: Sequence[Inline]) -> str:
    """A run → the lines of a paragraph, each safe at its start."""
    lines = (line.strip(" ") for line in _write_inline(run).split(_BREAK))
    return _BREAK.join(_protect_start(line) for line in lines if line)


def _is_like(one: List, other: List) -> bool:
    return (one.start is None) == (other.start is None)


def _protect_start(line: str) -> str:
    return f"\\{line}" if _TABLE_LINE.match(line) else escape_line_start(line)


def _write_block(block: Block, *, turned: bool = False, in_item: bool = False) -> str:
    match block:
        case Paragraph():
            return write_run(block.run)
        case Heading():
            text = _flatten(block.run)
            return f"{'#' * block.level} {_CLOSING_HASHES.sub(lambda match: chr(92) + match[1], text)}"
        case List():
            return _write_list(block, turned=turned)
        case Quote():
            lines = write_blocks(block.blocks).split("\n")
            return "\n".join(f"> {line}".rstrip(" ") for line in lines)
        case Preformatted():
            return _fence(block.text)
        case DataTable():
            return _write_table(block)
        case Terms():
            return write_html([block])
        case ThematicBreak():
            return "___" if in_item else "* * *"  # `- ---` and `* * *` in an item are one rule each


def _flatten(run: Sequence[Inline]) -> str:
    return " ".join(part for line in _write_inline(run).split(_BREAK) if (part := line.strip(" ")))


def _fence(text: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"


# --- lists --------------------------------------------------------------------------------------------------------


def _write_list(block: List, *, turned: bool) -> str:
    number = block.start
    lines = []
    loose = any(_is_loose(item) for item in block.items)
    for item in block.items:
        mark = ("*" if turned else "-") if number is None else f"{number}{')' if turned else '.'}"
        number = None if number is None else min(number + 1, 999_999_999)  # CommonMark §5.2: nine digits
        body = _write_item(item, "\n\n" if loose or not _is_tight(item) else "\n")
        indent = " " * (len(mark) + 1)
        lines.append(f"{mark} {body}".replace("\n", f"\n{indent}") if body else mark)
    text = ("\n\n" if loose else "\n").join(lines)
    return re.sub(r"\n +(?=\n)", "\n", text)


def _write_item(item: Blocks, between: str) -> str:
    if len(item) < 3 and between == "\n":
        return between.join(_write_block(block, in_item=True) for block in item)
    if item and isinstance(item[0], ThematicBreak):
        return f"{_write_block(item[0], in_item=True)}\n\n{write_blocks(item[1:])}".rstrip("\n")
    return write_blocks(item)


def _is_loose(item: Blocks) -> bool:
    """Whether an item needs blank lines: it has more than a paragraph and one list under it."""
    return len(item) > 1 and not _is_tight(item)


def _is_tight(item: Blocks) -> bool:
    """A lone block, or a paragraph with a list that may interrupt it (CommonMark §5.3): bullets, or numbers from 1."""
    if len(item) < 2:
        return True
    first, second = item[0], item[1]
    interrupts = isinstance(second, List) and second.start in (None, 1) and bool(second.items[0])
    return len(item) == 2 and isinstance(first, Paragraph) and interrupts and not _is_lone_tag(first)


def _is_lone_tag(paragraph: Paragraph) -> bool:
    """Whether it is written as one tag on a line: HTML up to the next blank line (CommonMark §4.6, the seventh kind)."""
    only = paragraph.run[0]
    return len(paragraph.run) == 1 and isinstance(only, Picture) and not only.marks and _keeps_size(only)


# --- tables -------------------------------------------------------------------------------------------------------


def _write_table(table: DataTable) -> str:
    """A head, no spans, one line a cell: a pipe table. Else HTML."""
    width = len(table.rows[0])
    simple = (
        all(cell.heads for cell in table.rows[0])
        and all(len(row) == width for row in table.rows)
        and all(_is_line(cell) for row in table.rows for cell in row)
        and not table.caption
    )
    if not simple:
        return write_html([table])
    lines = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in table.rows]
    return "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]])


def _is_line(cell: Cell) -> bool:
    return not cell.attributes and all(isinstance(block, Paragraph) for block in cell.blocks)


def _cell(cell: Cell) -> str:
    runs = (_write_inline(block.run).replace(_BREAK, "<br>") for block in cell.blocks if isinstance(block, Paragraph))
    return "<br>".join(runs).replace("|", "\\|").strip()


# --- inside a line ------------------------------------------------------------------------------------------------


def _write_inline(
    run: Sequence[Inline], depth: int = 0, before: str = "", after: str = "", *, linked: bool = False
) -> str:
    """Pieces → Markdown; breaks are a backslash and a newline. `before` and `after` are the characters around them."""
    out: list[str] = []
    groups = _group(run, depth)
    for position, (mark, pieces) in enumerate(groups):
        if mark is None:
            out += [_leaf(piece, linked=linked) for piece in pieces]
        else:
            last = next((text[-1] for text in reversed(out) if text), before)
            following = _first_character(groups[position + 1][1][0], depth) if position + 1 < len(groups) else after
            out.append(_marked(mark, pieces, depth, last, following, linked=linked))
    return "".join(out)


def _group(run: Sequence[Inline], depth: int) -> list[tuple[TextMark | None, list[Inline]]]:
    """Neighbours that share their mark at a depth; None for those that have no more marks."""
    marked = groupby(run, key=lambda piece: piece.marks[depth] if len(piece.marks) > depth else None)
    return [(mark, list(pieces)) for mark, pieces in marked]


def _first_character(piece: Inline, depth: int) -> str:
    """What a piece begins with once it is written, as far as it matters to the mark before it."""
    if isinstance(piece, Break):
        return "\n"
    if len(piece.marks) > depth or isinstance(piece, Picture):
        return "*"
    return piece.text[:1]


def _leaf(piece: Inline, *, linked: bool) -> str:
    if isinstance(piece, Break):
        return _BREAK
    if isinstance(piece, Picture):
        if _keeps_size(piece):
            return _html_picture(piece)
        alt = " ".join(re.sub(r"[\[\]]+", " ", piece.alt).split())
        return "!" + format_link(escape_link_text(alt), piece.src)
    write = escape_link_text if linked else escape_inline
    # Without its blanks, which may end up outside of a mark: then a lone star at the edge has none beside it.
    core = piece.text.strip(" ")
    edge = _EDGE.search(core) if core.endswith(piece.text[-1:]) else None
    text = f"{write(core[: edge.start()])}\\{edge.group()}" if edge else write(core)
    if core != piece.text:
        text = piece.text.replace(core, text) if core else piece.text
    return _OUR_ID.sub(lambda match: match[0] if match[0] != "{" else "\\{", text) if "{#" in text else text


def _marked(mark: TextMark, run: Sequence[Inline], depth: int, before: str, after: str, *, linked: bool) -> str:
    if mark.kind == "code":
        return _code("".join(piece.text for piece in run if isinstance(piece, MarkedText)))
    inner = _write_inline(run, depth + 1, linked=linked or mark.kind == "link")
    lead, core, trail = _split_edges(inner)
    if not core:
        return lead + trail
    if mark.kind == "link":
        return f"{lead}{_link(run, core, mark.value)}{trail}"
    if mark.kind in _STARS:
        return f"{lead}{_emphasis(mark.kind, core, (before + lead)[-1:], (trail + after)[:1])}{trail}"
    return f"{lead}<{mark.kind}{mark.value}>{core}</{mark.kind}>{trail}"


def _split_edges(inner: str) -> tuple[str, str, str]:
    """(blanks and breaks before, what is inside, the same after): they stand outside of marks (CommonMark §6.2)."""
    match = _EDGES.fullmatch(inner)
    return (match[1], match[2], match[3]) if match else ("", inner, "")


def _emphasis(kind: str, core: str, before: str, after: str) -> str:
    """`**x**` where CommonMark §6.2 reads it so, else `<strong>x</strong>`."""
    opens = not _is_punctuation(core[0]) or not before or before.isspace() or _is_punctuation(before)
    closes = not _is_punctuation(core[-1]) or not after or after.isspace() or _is_punctuation(after)
    touching = "*" in (core[0], core[-1], before, after) or core.endswith("\\") or "\n" in core
    mark = _STARS[kind]
    return f"{mark}{core}{mark}" if opens and closes and not touching else f"<{kind}>{core}</{kind}>"


def _is_punctuation(character: str) -> bool:
    return unicodedata.category(character)[0] in "PS"


def _code(text: str) -> str:
    flat = " ".join(text.split())
    longest = max((len(run) for run in re.findall(r"`+", flat)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if flat[:1] == "`" or flat[-1:] == "`" else ""
    return f"{fence}{pad}{flat}{pad}{fence}" if flat else ""


def _link(run: Sequence[Inline], core: str, url: str) -> str:
    bare = "".join(piece.text for piece in run if isinstance(piece, MarkedText)).strip()
    if bare == url and re.fullmatch(r"https?://[^\s<>]+", url) and not any(isinstance(piece, Picture) for piece in run):
        return f"<{url}>"
    return format_link(core.replace(_BREAK, " "), url)


# --- HTML ---------------------------------------------------------------------------------------------------------


def write_html(blocks: Iterable[Block]) -> str:
    """Blocks → HTML on one line, with the tags and attributes that outside HTML may have (`text.html`)."""
    return "".join(map(_html_block, blocks))


def _html_block(block: Block) -> str:
    match block:
        case Paragraph():
            return _html_tag("p", _html_run(block.run))
        case Heading():
            return _html_tag(f"h{block.level}", _html_run(block.run))
        case List():
            items = "".join(_html_tag("li", write_html(item)) for item in block.items)
            start = f' start="{block.start}"' if block.start not in (None, 1) else ""
            return _html_tag("ul" if block.start is None else "ol", items, start)
        case Quote():
            return _html_tag("blockquote", write_html(block.blocks))
        case Preformatted():
            return _html_tag("pre", _html_text(block.text).replace("\n", "&#10;"))
        case DataTable():
            caption = _html_tag("caption", _html_cell(block.caption)) if block.caption else ""
            return _html_tag("table", caption + _html_rows(block.rows))
        case Terms():
            return _html_tag(
                "dl", "".join(_html_tag("dt" if term else "dd", _html_cell(one)) for term, one in block.items)
            )
        case ThematicBreak():
            return "<hr>"


def _html_rows(rows: Sequence[Sequence[Cell]]) -> str:
    heads = all(cell.heads for cell in rows[0]) and len(rows) > 1
    lines = [
        _html_tag(
            "tr",
            "".join(_html_tag("th" if cell.heads else "td", _html_cell(cell.blocks), cell.attributes) for cell in row),
        )
        for row in rows
    ]
    if not heads:
        return _html_tag("tbody", "".join(lines))
    return _html_tag("thead", lines[0]) + _html_tag("tbody", "".join(lines[1:]))


def _html_cell(blocks: Blocks) -> str:
    """A lone paragraph needs no tag of its own."""
    only = blocks[0] if len(blocks) == 1 else None
    return _html_run(only.run) if isinstance(only, Paragraph) else write_html(blocks)


def _html_run(run: Sequence[Inline], depth: int = 0) -> str:
    out: list[str] = []
    for mark, pieces in _group(run, depth):
        if mark is None:
            out += map(_html_leaf, pieces)
        elif mark.kind == "link":
            # In the plain text a number follows the link, and a blank at the end of the link belongs behind that.
            inner = _html_run(pieces, depth + 1)
            core = _LAST_BLANK.sub(r"\1", inner)
            out.append(_html_tag("a", core, f' href="{escape(mark.value)}"') + " " * (len(inner) - len(core)))
        else:
            out.append(_html_tag(mark.kind, _html_run(pieces, depth + 1), mark.value))
    return "".join(out)


def _html_leaf(piece: Inline) -> str:
    match piece:
        case Break():
            return "<br>"
        case Picture():
            return _html_picture(piece)
        case MarkedText():
            return _html_text(piece.text)


def _keeps_size(piece: Picture) -> bool:
    """Whether a picture is narrower than a mail's column: an icon must not be drawn as wide as the text."""
    return 0 < piece.width < _WIDE


def _html_picture(piece: Picture) -> str:
    said = {"width": piece.width, "height": piece.height} if piece.width < _WIDE else {}
    size = "".join(f' {name}="{value}"' for name, value in said.items() if value)
    return f'<img src="{escape(piece.src)}" alt="{escape(" ".join(piece.alt.split()))}"{size}>'


def _html_text(text: str) -> str:
    # Whoever looks for Markdown line by line must find none in here.
    return escape(text, quote=False).replace("](", "]&#40;")


def _html_tag(name: str, inner: str, attributes: str = "") -> str:
    return f"<{name}{attributes}>{inner}</{name}>"
