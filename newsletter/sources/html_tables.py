"""Tables of HTML: which of them only place things, and which are data."""

import re
from collections.abc import Sequence

from newsletter.sources.blocks import Block, Blocks, Cell, DataTable, Paragraph, Picture
from newsletter.sources.html_tree import Node

_LENGTHS = re.compile(r"\d{1,3}\Z")


def show_table(table: Node, caption: Blocks, rows: Sequence[tuple[Cell, ...]]) -> Sequence[Block]:
    """A table of data; or, of a table for layout, the blocks in it: its content counts, its grid does not."""
    if _is_layout(table, rows):
        return (*caption, *(block for row in rows for cell in row for block in cell.blocks))
    has_heads = any(cell.heads for row in rows for cell in row)
    return (DataTable(caption, tuple(rows) if has_heads else _head_rows(rows)),)


def read_spans(cell: Node) -> str:
    """How far a cell reaches and what it heads, as attributes in source."""
    names = ("colspan", "rowspan", "scope") if cell.tag == "th" else ("colspan", "rowspan")
    kept = ((name, cell.get(name).strip()) for name in names)
    return "".join(
        f' {name}="{value}"'
        for name, value in kept
        if (_LENGTHS.match(value) and value != "1") or value in ("col", "row", "colgroup", "rowgroup")
    )


def _is_layout(table: Node, rows: Sequence[tuple[Cell, ...]]) -> bool:
    """Whether a table only places things: it says so, has one column, or has no head and more than lines in its cells."""
    if table.get("role").lower() in ("presentation", "none") or max(map(len, rows), default=0) < 2:
        return True
    cells = [cell for row in rows for cell in row]
    return not any(cell.heads for cell in cells) and not all(_is_short(cell) for cell in cells)


def _is_short(cell: Cell) -> bool:
    return len(cell.blocks) < 2 and all(
        isinstance(block, Paragraph) and not any(isinstance(piece, Picture) for piece in block.run)
        for block in cell.blocks
    )


def _head_rows(rows: Sequence[tuple[Cell, ...]]) -> tuple[tuple[Cell, ...], ...]:
    """Data without a head: the first cell of each row says what the row is about, which screen readers need to know."""
    return tuple((row[0]._replace(heads=True, attributes=f'{row[0].attributes} scope="row"'), *row[1:]) for row in rows)
