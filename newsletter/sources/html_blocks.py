"""A tree of outside HTML becomes blocks of marked text; whatever is not among them is on a list, with what it was.

The rule is that of pastes: every word that a browser shows arrives once, in order, parted from its neighbours as in the
browser, and none is added. Two kinds of words are added all the same, because a link needs some: the name of a player or
sound that has no title, and brackets around a reading of East Asian signs (`rt`).
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from html import escape

from newsletter.sources.block_flow import LINE, Flow, outside_code
from newsletter.sources.blocks import (
    Block,
    Blocks,
    Break,
    Cell,
    Heading,
    Inline,
    List,
    MarkedText,
    Marks,
    Paragraph,
    Picture,
    Preformatted,
    Quote,
    Terms,
    TextMark,
    ThematicBreak,
    split_paragraphs,
)
from newsletter.sources.embeds import IMAGES, PLAYERS, find_picture, find_player, find_source, is_tiny, read_size
from newsletter.sources.feed_entry import LeftOut
from newsletter.sources.html_tables import read_spans, show_table
from newsletter.sources.html_tree import BLOCKS, FORMULA, Node, as_typed, is_hidden, read_html, read_style
from newsletter.text.characters import clean_characters
from newsletter.text.html import resolve_address

LEFT_OUT_LIMIT = 100
_TEXT_LIMIT = 200
# The Markdown reader gives up below 20 levels and drops what is there: a quote is one, a list two, and a paragraph one.
_DEEPEST = 16
_MARKS_LIMIT = 8
_MARKED = {"strong": "strong", "b": "strong", "em": "em", "i": "em", "a": "link", "code": "code"}
_AS_HTML = frozenset("del ins s sub sup mark abbr bdi q cite kbd small".split())
_RENAMED = {"strike": "s", "acronym": "abbr"}
# No word of theirs is shown (HTML Standard §15.3.1), or they cannot be shown in a mail.
_SILENT = {
    "script": "script",
    "style": "style sheet",
    "noframes": "text for browsers without frames",
    "noembed": "text for browsers without players",
    "title": "title of a page",
    "head": "head of a page",
    "select": "form field",
    "datalist": "form field",
    "svg": "drawing",
    "canvas": "drawing",
    f"{FORMULA}annotation": "source of a formula",
    f"{FORMULA}annotation-xml": "source of a formula",
}
_NOTHING = frozenset("wbr col colgroup link meta base param source track area rp frame bgsound nextid".split())


def read_blocks(fragment: str, base: str = "") -> tuple[Blocks, list[LeftOut]]:
    """A fragment of outside HTML → (its blocks, what is not in them). `base` makes relative addresses absolute."""
    tree, templates = read_html(fragment)
    reader = _TreeReader(base, tree)
    for _ in range(templates):
        reader.leave_out("template")
    flow = Flow()
    reader.read(tree.children, flow, (), 0)
    return flow.close(), reader.left_out


class _TreeReader:
    """Walks the tree of one fragment. Levels are those that the Markdown reader will count."""

    def __init__(self, base: str, tree: Node) -> None:
        self.base = base
        self.left_out: list[LeftOut] = []
        used = sorted({int(node.tag[1]) for node in tree.walk() if re.fullmatch("h[1-6]", node.tag)})
        # The highest becomes h2, below the title of the post, and no level is skipped (parsing K7).
        self.levels = {level: min(position + 2, 6) for position, level in enumerate(used)}
        self.tree = tree
        self.in_item = 0

    @cached_property
    def pictures(self) -> frozenset[str]:
        """The addresses of all pictures that stand outside of `noscript`."""
        return frozenset(find_picture(node, self.base) for node in self.tree.walk() if node.tag in IMAGES)

    def leave_out(self, what: str, text: str = "") -> None:
        """Note what is not in the blocks. A feed may hold a million of anything; a hundred are enough to know it by."""
        if len(self.left_out) == LEFT_OUT_LIMIT - 1:
            self.left_out.append(LeftOut("and more"))
        elif len(self.left_out) < LEFT_OUT_LIMIT:
            flat = " ".join(clean_characters(text).split())
            self.left_out.append(LeftOut(what, flat if len(flat) <= _TEXT_LIMIT else f"{flat[: _TEXT_LIMIT - 1]}…"))

    def read(
        self, children: Sequence[Node | str], flow: Flow, marks: Marks, level: int, *, lines: bool = False
    ) -> None:
        """Put what stands here into the flow. `lines`: line ends of the text are line breaks (`white-space: pre`)."""
        for position, child in enumerate(children):
            if isinstance(child, str):
                flow.add_text(child, marks, lines=lines)
            elif child.tag == "noscript":
                self._noscript(child, children, position, flow, marks)
            else:
                self._element(child, flow, marks, level, lines=lines)

    def _element(self, node: Node, flow: Flow, marks: Marks, level: int, *, lines: bool) -> None:
        tag = node.tag
        if tag in IMAGES:
            self._picture(node, flow, marks)
        elif tag in _SILENT:
            self.leave_out(_SILENT[tag], node.get("src") or node.text())
        elif is_hidden(node) or (tag == "dialog" and "open" not in node.attributes):
            self._hidden(node)
            if tag in BLOCKS and "visibility" in read_style(node):
                flow.end()  # what is invisible takes its place all the same
        elif tag in PLAYERS:
            self._player(node, flow, marks)
        elif tag == "br":
            flow.add(Break(outside_code(marks)))
        elif tag in _NOTHING:
            return
        elif tag in _READERS:
            _READERS[tag](self, node, flow, marks, level)
        else:
            self._plain(node, flow, marks, level, lines=lines)

    def _plain(self, node: Node, flow: Flow, marks: Marks, level: int, *, lines: bool) -> None:
        """An element that is only a line of its own, or only a mark, or neither."""
        style = read_style(node) if "style" in node.attributes else {}
        display = style.get("display", "")
        block = _is_block(node)
        lines = style.get("white-space", "pre" if lines else "").startswith(("pre", "break-spaces"))
        apart = _apart(node)[0] or display.startswith("inline-")
        if block:
            flow.end()
        elif apart:
            flow.add(MarkedText(" "))
        self.read(node.children, flow, self._mark(node, marks), level, lines=lines)
        if block:
            flow.end()
        elif apart:
            flow.add(MarkedText(" "))

    # --- marks --------------------------------------------------------------------------------------------------------

    def _mark(self, node: Node, marks: Marks) -> Marks:
        """The marks inside an element: its own last, but for code, inside which only a link counts."""
        tag = _RENAMED.get(node.tag, node.tag)
        kind = _MARKED.get(tag, tag if tag in _AS_HTML else "")
        if not kind or kind == "link" or any(mark.kind == kind for mark in marks) or len(marks) >= _MARKS_LIMIT:
            return marks
        if marks and marks[-1].kind == "code":
            return marks
        return (*marks, TextMark(kind, _attributes(node) if kind in _AS_HTML else ""))

    def _link(self, node: Node, flow: Flow, marks: Marks, level: int) -> None:
        href = node.get("href")
        address = resolve_address(href, self.base) if href.strip() else ""
        if href.strip() and not address:
            self.leave_out("link that leads nowhere", href)
        linked = any(mark.kind == "link" for mark in marks)
        if not address or linked:
            self._plain(node, flow, marks, level, lines=False)
            return
        code = marks[-1:] if marks and marks[-1].kind == "code" else ()
        own = (*marks[: len(marks) - len(code)], TextMark("link", address), *code)
        before = flow.shown
        self._plain(node, flow, own, level, lines=False)
        if flow.shown == before and not href.strip().startswith("#"):
            self.leave_out("link without words", address)

    # --- what cannot be shown as it is --------------------------------------------------------------------------------

    def _hidden(self, node: Node) -> None:
        words = node.text()
        trackers = [find_picture(child, self.base) for child in node.walk() if child.tag in IMAGES]
        if words or not trackers:
            self.leave_out("hidden text", words)
        for address in trackers:
            self.leave_out("hidden picture", address)

    def _picture(self, node: Node, flow: Flow, marks: Marks, source: str = "") -> None:
        """An `img` or `amp-img`. `source`: the address to take if it has none."""
        address = find_picture(node, self.base) or source
        alt = clean_characters(" ".join((node.get("alt") or node.get("title")).split()))
        if is_tiny(node) or is_hidden(node):
            self.leave_out("tracking or hidden picture", address or node.get("src"))
        elif address:
            flow.add(Picture(alt, address, outside_code(marks), *read_size(node)))
        else:
            self.leave_out("picture without a web address", f"{alt} {node.get('src')[:60]}")

    def _sources(self, node: Node, flow: Flow, marks: Marks, level: int) -> None:
        """A `picture`: its `img`, with the address of a `source` if it has none of its own."""
        source = find_source(node, self.base)
        if not any(child.tag in IMAGES for child in node.walk()):
            self._picture(node, flow, marks, source)
        for child in node.children:
            if isinstance(child, Node) and child.tag in IMAGES:
                self._picture(child, flow, marks, source)
            else:
                self.read([child], flow, marks, level)

    def _player(self, node: Node, flow: Flow, marks: Marks) -> None:
        """A player becomes a link to what it plays, with its poster; what it says to old browsers is left out."""
        address, title, poster = find_player(node, self.base)
        if is_tiny(node):
            self.leave_out("tracking frame", address or node.get("src"))
        elif address:
            outer = tuple(mark for mark in marks if mark.kind not in ("link", "code"))
            mark = TextMark("link", address)
            flow.end()
            if poster:
                flow.add(Picture(title, poster, (*outer, mark)))
                flow.end()
            flow.add(MarkedText(title, (*outer, mark)))
            flow.end()
            self.leave_out("player, shown as a link", address)
            if words := _fallback(node):
                self.leave_out("text for browsers without players", words)
        elif node.tag in ("object", "video", "audio", "amp-video", "amp-audio"):
            self.leave_out("player without a web address", node.get("src") or node.get("data"))
            self._plain(node, flow, marks, 0, lines=False)
        else:
            self.leave_out("player without a web address", node.get("src") or _fallback(node))

    def _noscript(self, node: Node, siblings: Sequence[Node | str], position: int, flow: Flow, marks: Marks) -> None:
        """Pictures and players for browsers without scripts, unless they are copies of what stands beside them."""
        inner, _ = read_html("".join(child for child in node.children if isinstance(child, str)))
        copies = any(
            beside.tag in (*IMAGES, "picture") and (find_picture(beside, self.base) or find_source(beside, self.base))
            for beside in _beside(siblings, position)
        )
        for child in inner.walk():
            if child.tag in IMAGES:
                address = find_picture(child, self.base)
                if not is_tiny(child) and not is_hidden(child) and (address in self.pictures or (copies and address)):
                    self.leave_out("copy of a picture for browsers without scripts", address)
                else:
                    self._picture(child, flow, marks)
            elif child.tag in PLAYERS and not is_hidden(child):
                self._player(child, flow, marks)
            elif child.tag in PLAYERS:
                self.leave_out("tracking frame", child.get("src"))
        if words := inner.text():
            self.leave_out("text for browsers without scripts", words)

    # --- blocks -------------------------------------------------------------------------------------------------------

    def blocks(self, children: Sequence[Node | str], marks: Marks, level: int) -> Blocks:
        """What stands here, as blocks of its own."""
        flow = Flow()
        self.read(children, flow, marks, level)
        return flow.close()

    def _heading(self, node: Node, flow: Flow, marks: Marks, level: int) -> None:
        blocks = self.blocks(node.children, marks, level)
        if not blocks or not all(isinstance(block, Paragraph) for block in blocks):
            flow.put(*blocks)
            return
        run: list[Inline] = []
        for block in blocks:
            if isinstance(block, Paragraph):
                run += [MarkedText(" "), *block.run]
        paragraph = split_paragraphs(run)[0]
        if not any(isinstance(piece, MarkedText) for piece in paragraph.run):
            flow.put(paragraph)
        elif self.in_item:
            # In an item, a heading would be indented as far as one that begins a section of an issue.
            strong = (TextMark("strong"),)
            flow.put(Paragraph(tuple(_with_mark(piece, strong) for piece in paragraph.run)))
        else:
            flow.put(Heading(self.levels[int(node.tag[1])], paragraph.run))

    def _list(self, node: Node, flow: Flow, marks: Marks, level: int) -> None:
        flow.end()
        items = [item for item in self._items(node, marks, level + 2) if item]
        if level + 2 > _DEEPEST:
            flow.put(*(block for item in items for block in item))
        elif items:
            start = node.get("start").strip() if node.tag == "ol" else ""
            first = int(start) if re.fullmatch(r"\d{1,9}", start) else 1
            flow.put(List(first if node.tag == "ol" else None, tuple(items)))

    def _items(self, node: Node, marks: Marks, level: int) -> Iterator[Blocks]:
        """The items of a list. What stands between them belongs to the one before, as browsers show it."""
        groups: list[list[Node | str]] = []
        for child in node.children:
            if isinstance(child, Node) and child.tag == "li":
                groups.append([child])
            elif isinstance(child, Node) or child.strip():
                if not groups:
                    groups.append([])
                groups[-1].append(child)
        self.in_item += 1
        for group in groups:
            yield self.blocks(group, marks, level)
        self.in_item -= 1

    def _lone_item(self, node: Node, flow: Flow, marks: Marks, level: int) -> None:
        """An `li`: inside of a list the item itself, else one without a list."""
        flow.end()
        self.read(node.children, flow, marks, level)
        flow.end()

    def _quote(self, node: Node, flow: Flow, marks: Marks, level: int) -> None:
        flow.end()
        blocks = self.blocks(node.children, marks, level + 1)
        if blocks:
            flow.put(*(blocks if level + 1 > _DEEPEST else (Quote(blocks),)))

    def _preformatted(self, node: Node, flow: Flow, marks: Marks, level: int) -> None:
        pieces: list[str] = []
        self._pre_text(node, pieces, flow)
        flow.put(*_pre_block(pieces))

    def _pre_text(self, node: Node, pieces: list[str], flow: Flow) -> None:
        """The text of a `pre`, line by line; pictures and players part it in two, links keep their words only."""
        for child in node.children:
            if isinstance(child, str):
                pieces.append(child)
            elif child.tag == "br":
                pieces.append("\n")
            elif child.tag in (*IMAGES, *PLAYERS, *_SILENT, "noscript") or is_hidden(child):
                others = Flow()
                self.read([child], others, (), 0)
                if blocks := others.close():
                    flow.put(*_pre_block(pieces), *blocks)
                    pieces.clear()
                pieces.append("\n" if _is_block(child) and "visibility" in read_style(child) else "")
            elif child.tag not in _NOTHING:
                if child.tag == "a" and (address := resolve_address(child.get("href"), self.base)):
                    self.leave_out("address of a link in preformatted text", address)
                before, after = (" (", ") ") if child.tag in ("rt", "rtc") and child.text() else _apart(child)
                pieces.append(before)
                _pre_edge(child, pieces)
                self._pre_text(child, pieces, flow)
                pieces.append(after)
                if child.tag not in ("td", "th"):
                    _pre_edge(child, pieces)

    def _typed(self, node: Node, flow: Flow, marks: Marks, level: int) -> None:
        """`textarea` and `xmp`: text that only looks like markup."""
        typed: list[Node | str] = [as_typed(child) for child in node.children if isinstance(child, str)]
        self._preformatted(Node("pre", {}, typed), flow, marks, level)

    def _rule(self, node: Node, flow: Flow, marks: Marks, level: int) -> None:
        flow.put(ThematicBreak())

    def _terms(self, node: Node, flow: Flow, marks: Marks, level: int) -> None:
        flow.end()
        items = tuple(item for item in self._said(node.children, marks, level) if item[1])
        if items:
            flow.put(Terms(items))

    def _said(self, children: Sequence[Node | str], marks: Marks, level: int) -> Iterator[tuple[bool, Blocks]]:
        """(is it a term?, its blocks), in order. What stands outside of dt and dd is said of the term above it."""
        between: list[Node | str] = []
        for child in children:
            tag = child.tag if isinstance(child, Node) and not is_hidden(child) else ""
            group = tag == "div" and any(one.tag in ("dt", "dd") for one in child.children if isinstance(one, Node))  # type: ignore[union-attr]
            if not group and tag not in ("dt", "dd"):
                between.append(child)
                continue
            yield False, self.blocks(between, marks, level)
            between = []
            if group:
                yield from self._said(child.children, marks, level)  # type: ignore[union-attr]
            else:
                yield tag == "dt", self.blocks(child.children, marks, level)  # type: ignore[union-attr]
        yield False, self.blocks(between, marks, level)

    def _table(self, node: Node, flow: Flow, marks: Marks, level: int) -> None:
        caption: Blocks = ()
        rows: list[tuple[Cell, ...]] = []
        for child in _unwrap(node.children, ("thead", "tbody", "tfoot")):
            if not isinstance(child, Node):
                flow.add_text(child, marks, lines=False)
            elif is_hidden(child) or child.tag not in ("tr", "caption"):
                self._element(child, flow, marks, level, lines=False)
            elif child.tag == "caption" and not rows:
                caption += self.blocks(child.children, marks, level)
            elif child.tag == "caption":
                rows.append((Cell(self.blocks(child.children, marks, level)),))
            elif row := self._row(child, marks, level):
                rows.append(row)
        flow.put(*show_table(node, caption, rows))

    def _row(self, row: Node, marks: Marks, level: int) -> tuple[Cell, ...]:
        cells = []
        self.in_item += 1
        for child in row.children:
            if isinstance(child, Node) and child.tag in ("td", "th"):
                if is_hidden(child):
                    self._hidden(child)
                else:
                    cells.append(Cell(self.blocks(child.children, marks, level), child.tag == "th", read_spans(child)))
            elif isinstance(child, Node) or child.strip():
                cells.append(Cell(self.blocks([child], marks, level)))
        self.in_item -= 1
        return tuple(cells)

    def _reading(self, node: Node, flow: Flow, marks: Marks, level: int) -> None:
        """`rt`: a reading stands in brackets behind its signs."""
        before, after = (" (", ") ") if clean_characters(node.text()).strip() else ("", "")
        flow.add_text(before, marks, lines=False)
        self.read(node.children, flow, marks, level)
        flow.add_text(after, marks, lines=False)

    def _field(self, node: Node, flow: Flow, marks: Marks, level: int) -> None:
        if node.get("type").lower() in ("submit", "button", "reset") and node.get("value").strip():
            self.leave_out("button", node.get("value"))


_READERS: dict[str, Callable[[_TreeReader, Node, Flow, Marks, int], None]] = {
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), _TreeReader._heading),
    **dict.fromkeys(("ul", "ol", "menu", "dir"), _TreeReader._list),
    **dict.fromkeys(("pre", "listing"), _TreeReader._preformatted),
    **dict.fromkeys(("textarea", "xmp", "plaintext"), _TreeReader._typed),
    "a": _TreeReader._link,
    "li": _TreeReader._lone_item,
    "blockquote": _TreeReader._quote,
    "hr": _TreeReader._rule,
    "dl": _TreeReader._terms,
    "table": _TreeReader._table,
    "picture": _TreeReader._sources,
    "rt": _TreeReader._reading,
    "rtc": _TreeReader._reading,
    "input": _TreeReader._field,
}


def _attributes(node: Node) -> str:
    """The attributes that an inline element of HTML keeps, as source."""
    names = ("lang", "dir", "title") if node.tag in ("abbr", "acronym") else ("lang", "dir")
    kept = ((name, " ".join(node.get(name).split())) for name in names if node.get(name).strip())
    return "".join(f' {name}="{escape(value)}"' for name, value in kept)


def _is_block(node: Node) -> bool:
    """Whether an element begins on a line of its own."""
    shown = read_style(node).get("display", "") if "style" in node.attributes else ""
    return node.tag in BLOCKS or shown in ("block", "flex", "grid", "list-item", "table")


def _apart(node: Node) -> tuple[str, str]:
    """Blanks around what stands apart in its line. Above and below are lost of a formula: they part what stood there."""
    return (" ", " ") if node.tag == "button" or node.tag.startswith(FORMULA) else ("", "")


def _pre_block(pieces: Sequence[str]) -> list[Block]:
    """The lines of preformatted text, without empty ones at its ends."""
    text = "".join(pieces).replace("\f", " ").replace("\v", " ")
    lines = [clean_characters(line).rstrip() for line in LINE.split(text)]
    filled = [number for number, line in enumerate(lines) if line]
    return [Preformatted("\n".join(lines[filled[0] : filled[-1] + 1]))] if filled else []


def _pre_edge(node: Node, pieces: list[str]) -> None:
    """Where a block begins or ends inside of preformatted text: a new line, or the next column of a table."""
    if _is_block(node) and pieces and not pieces[-1].endswith("\n"):
        pieces.append("\t" if node.tag in ("td", "th") else "\n")


def _with_mark(piece: Inline, outer: Marks) -> Inline:
    inner = tuple(mark for mark in piece.marks if mark not in outer)
    return piece._replace(marks=(*outer, *inner))


def _fallback(node: Node) -> str:
    """What a player says to browsers that cannot play. In a frame it is source, in the others elements."""
    if node.tag == "iframe":
        return read_html("".join(child for child in node.children if isinstance(child, str)))[0].text()
    return node.text()


def _beside(siblings: Sequence[Node | str], position: int) -> Iterator[Node]:
    """The elements right before and after a position, with nothing but white space between."""
    for step in (-1, 1):
        at = position + step
        while 0 <= at < len(siblings):
            one = siblings[at]
            if isinstance(one, Node):
                yield one
                break
            if one.strip():
                break
            at += step


def _unwrap(children: Sequence[Node | str], tags: Sequence[str]) -> Iterator[Node | str]:
    """Children, with those of some elements in the place of these."""
    for child in children:
        if isinstance(child, Node) and child.tag in tags and not is_hidden(child):
            yield from child.children
        elif isinstance(child, Node) or child.strip():
            yield child
