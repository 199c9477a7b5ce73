"""Tables of posts in sanitised HTML: each has headings, so that it is read out as data, and scrolls where it is too wide."""

import re
from typing import Any

_TABLE = re.compile(r"<(/?)table\b[^>]*>")
_FRAME = '<div class="scroll" tabindex="0">'


def head_tables(html: str) -> tuple[str, int]:
    """Gives headings to tables that have none; → (HTML, how many got some). A table without cells goes.

    A first row in which all is bold heads the columns; else the first cell of each row heads its row (WCAG 1.3.1).
    """
    if "<table" not in html:
        return html, 0
    from lxml import html as lxml_html

    root = lxml_html.fragment_fromstring(html, create_parent="div")
    bare = [table for table in root.iter("table") if table.find(".//th") is None]
    if not bare:
        return html, 0
    for table in bare:
        _give_headings(table)
    return lxml_html.tostring(root, encoding="unicode").removeprefix("<div>").removesuffix("</div>"), len(bare)


def _give_headings(table: Any) -> None:
    rows = [cells for row in table.iter("tr") if (cells := row.findall("td"))]
    if not rows:
        table.drop_tree()
        return
    first = rows[0]
    if len(first) == 1 or (len(rows) > 1 and all(map(_is_bold, first))):
        headings, scope = first, "col"
    else:
        headings, scope = [cells[0] for cells in rows], "row"
    for cell in headings:
        cell.tag = "th"
        cell.set("scope", scope)


def _is_bold(cell: Any) -> bool:
    """Whether all words of a cell are in one bold element."""
    inside = list(cell)
    return (
        len(inside) == 1
        and inside[0].tag in ("b", "strong")
        and not ((cell.text or "") + (inside[0].tail or "")).strip()
    )


def frame_tables(html: str) -> str:
    """Puts each outer table into a frame that scrolls by itself where the table is wider than the text around it."""
    depth = 0

    def frame(tag: re.Match[str]) -> str:
        nonlocal depth
        if tag[1]:
            depth -= 1
            return tag[0] if depth else f"{tag[0]}</div>"
        depth += 1
        return tag[0] if depth > 1 else f"{_FRAME}{tag[0]}"

    return _TABLE.sub(frame, html) if "<table" in html else html
