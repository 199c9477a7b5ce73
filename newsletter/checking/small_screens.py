"""H44 and H45: a phone. Nothing wider than its screen, links far enough apart for a finger. By what is written; unmeasured."""

import re
from collections.abc import Iterator, Set
from itertools import pairwise
from typing import Any

from newsletter.checking.page import Page, Problem, Problems, inherited, is_hidden, name_of, pixels, style_of, text_of

SCREEN, FINGER = 320, 24
_LONGEST_WORD = 36
# Browsers break after these, and between the letters of scripts that put no spaces between words. Not after / . _ & =
_UNBROKEN = (
    "[^\\s\u200b\u00ad?\u2010-\u2015\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7af\uf900-\uffef"
    "\U0001f000-\U0010ffff-]"
)
_WORD = re.compile(f"{_UNBROKEN}{{{_LONGEST_WORD + 1},}}")
_ANY_WORD = re.compile(f"{_UNBROKEN}+")
_SCROLLING = frozenset(("auto", "scroll", "hidden"))
_BREAKING = frozenset(("break-all", "break-word", "anywhere"))
_NOWRAP = frozenset(("nowrap", "pre"))
# A cell may be narrower than it says; these may not.
_STIFF = ("table", "div", "img", "p", "section", "center", "pre")
_BLOCKS = frozenset("p div td th li dd dt h1 h2 h3 h4 h5 h6 table ul ol blockquote pre tr tbody hr".split())
# Which of one to four parts of a shorthand is above, right, below, left.
_SIDES = ((0, 0, 0, 0), (0, 1, 0, 1), (0, 1, 2, 1), (0, 1, 2, 3))
_LETTER = 0.4  # of the size: narrower are few typefaces


def too_wide(page: Page) -> Problems:
    """H44"""
    free, framed = _find_free(page)
    freed = _find_freed(page)
    for element in page.all():
        wide = _forced_width(element)
        if wide > SCREEN and element not in framed and not _is_freed(element, freed) and not is_hidden(element):
            yield Problem(
                f"{wide:g} px wide on a screen of {SCREEN}; width:100% and max-width instead", name_of(element)
            )
        if _sets_nowrap(element) and element not in framed and not is_hidden(element):
            size = pixels(inherited(element, "font-size")) or 16
            longest = max((len(line) for line in _lines(element)), default=0)
            if longest * size * _LETTER > SCREEN:
                yield Problem(f"{longest} letters on a line that may not be broken", name_of(element))
    yield from _long_words(page, free)
    yield from _wide_rows(page, free, freed[0])


def _find_free(page: Page) -> tuple[Set[Any], Set[Any]]:
    """(elements whose words push nothing apart, those of them that are in a frame which scrolls by itself)."""
    free, framed = set[Any](), set[Any]()
    for element in page.body.iter():
        if not isinstance(element.tag, str):
            continue
        style, parent = style_of(element), element.getparent()
        said = {style.get(name, "") for name in ("word-break", "overflow-wrap", "word-wrap")} - {""}
        scrolls = style.get("overflow-x") or style.get("overflow", "")
        if parent in framed or (scrolls in _SCROLLING and element.tag not in ("body", "td", "th")):
            framed.add(element)
        if element in framed or (said & _BREAKING if said else parent in free):
            free.add(element)
    return free, framed


def _wide_rows(page: Page, free: Set[Any], freed: Set[Any]) -> Problems:
    """Rows whose cells stand side by side and cannot shrink to a screen: their longest words and fixed pictures together."""
    for row in page.all("tr"):
        cells = [cell for cell in row if cell.tag in ("td", "th") and not is_hidden(cell)]
        if len(cells) < 2 or not freed.isdisjoint((row, *cells)):
            continue
        least = sum(_least_width(cell, free) for cell in cells)
        if least > SCREEN:
            yield Problem(
                f"{len(cells)} cells side by side need {least:.0f} px, on a screen of {SCREEN}: let their words break, or let "
                "the table scroll (overflow-x: auto around it)",
                name_of(row),
            )


def _least_width(cell: Any, free: Set[Any]) -> float:
    """The px that a cell cannot be narrower than: its longest word or widest fixed picture, with its padding."""
    least = 0.0
    for element in cell.iter():
        if not isinstance(element.tag, str) or element in free:
            continue
        texts = [element.text] + [child.tail for child in element]
        longest = max((len(word) for text in texts for word in _ANY_WORD.findall(text or "")), default=0)
        if longest:
            least = max(least, longest * _LETTER * (pixels(inherited(element, "font-size")) or 16))
        if element.tag == "img":
            least = max(least, _forced_width(element))
    return least + _side(cell, "padding", 1) + _side(cell, "padding", 3)


def _forced_width(element: Any) -> float:
    style = style_of(element)
    least = pixels(style.get("min-width")) or 0
    if least > SCREEN or element.tag not in _STIFF:
        return least
    limit = style.get("max-width", "")
    if limit.endswith("%") or (pixels(limit) or SCREEN + 1) <= SCREEN:
        return 0
    if "width" in style:
        return pixels(style["width"]) or 0
    said = (element.get("width") or "").removesuffix("px")
    return float(said) if said.isdecimal() else 0


def _find_freed(page: Page) -> tuple[Set[Any], Set[Any]]:
    """(elements to which a kept rule gives another width on narrow screens, those to which one does everywhere)."""
    narrow, always = set[Any](), set[Any]()
    for rule in page.sheet.rules:
        if not rule.declarations.keys().isdisjoint(("width", "max-width", "min-width", "display")):
            if "max-width" in rule.media:
                narrow.update(page.sheet.find(rule))
            elif not rule.media:
                always.update(page.sheet.find(rule))
    return narrow, always


def _is_freed(element: Any, freed: tuple[Set[Any], Set[Any]]) -> bool:
    """Whether a kept rule gives it another width: one for narrow screens, or, where only an attribute says it, for all."""
    return element in freed[0] or (element in freed[1] and not {"width", "min-width"} & style_of(element).keys())


def _sets_nowrap(element: Any) -> bool:
    said = style_of(element).get("white-space", "")
    return said in _NOWRAP or (not said and (element.tag in ("pre", "nobr") or element.get("nowrap") is not None))


def _lines(element: Any) -> Iterator[str]:
    """What stands between the breaks of an element."""
    keep = element.tag == "pre"
    pieces: list[str] = [element.text or ""]
    for one in element.iterdescendants():
        if one.tag == "br" or one.tag in _BLOCKS:
            pieces.append("\n")
        pieces += [
            (one.text or "") if isinstance(one.tag, str) else "",
            "\n" if one.tag in _BLOCKS else "",
            one.tail or "",
        ]
    if not keep:
        pieces = [piece if piece == "\n" else re.sub(r"\s+", " ", piece) for piece in pieces]
    return iter("".join(pieces).split("\n"))


def _long_words(page: Page, free: Set[Any]) -> Problems:
    for element in page.body.iter():
        if not isinstance(element.tag, str) or element in free or element.tag in ("style", "script"):
            continue
        for text in (element.text, *(child.tail for child in element)):
            found = _WORD.search(text or "")
            if found and not is_hidden(element):
                yield Problem(
                    f"{found[0][:20]}… has {len(found[0])} letters without a break; word-break: break-word",
                    name_of(element),
                )


def tap_targets(page: Page) -> Problems:
    """H45"""
    for above, below in pairwise(_link_lines(page)):
        pitch = _pitch(above, below)
        if pitch < FINGER:
            yield Problem(f"links {pitch:g} px below each other; a finger needs {FINGER}", name_of(below[1]))
    for one, gap in _close_buttons(page):
        yield Problem(f"buttons {gap:g} px apart; a finger needs {FINGER}", name_of(one))


def _link_lines(page: Page) -> Iterator[tuple[Any, Any]]:
    """Lines that are one link and nothing else, with the block each is in; (block, None) for any other line."""
    for block in page.all("p", "li", "td", "div", "dd", "h2", "h3"):
        if any(child.tag in _BLOCKS for child in block) or not text_of(block) or is_hidden(block):
            continue
        line: list[Any] = []
        words = (block.text or "").strip()
        for child in block:
            if child.tag == "br":
                yield block, _only_link(line, words)
                line, words = [], ""
            elif isinstance(child.tag, str):
                line.append(child)
            words += (child.tail or "").strip()
        yield block, _only_link(line, words)


def _only_link(line: list[Any], words: str) -> Any:
    return line[0] if len(line) == 1 and not words and line[0].tag == "a" else None


def _pitch(above: tuple[Any, Any], below: tuple[Any, Any]) -> float:
    """How far below one link the next one is; a finger's width where bytes do not tell, or they are not stacked."""
    if above[1] is None or below[1] is None:
        return FINGER
    height = max(_line_height(below[1]), _box(below[1]))
    if above[0] is below[0]:
        return height
    if above[0].getnext() is not below[0] or below[0].tag == "td":
        return FINGER
    gap = max(_side(above[0], "margin", 2), _side(below[0], "margin", 0))
    return height + gap + _side(above[0], "padding", 2) + _side(below[0], "padding", 0)


def _line_height(element: Any) -> float:
    size = pixels(inherited(element, "font-size")) or 16
    said = inherited(element, "line-height")
    if re.fullmatch(r"\d*\.?\d+", said):
        return float(said) * size
    return pixels(said) or 1.2 * size


def _box(link: Any) -> float:
    """The height of a link that has padding of its own."""
    if style_of(link).get("display") not in ("block", "inline-block"):
        return 0
    return _line_height(link) + _side(link, "padding", 0) + _side(link, "padding", 2)


def _side(element: Any, name: str, number: int) -> float:
    """A margin or a padding: 0 is above, 1 right, 2 below, 3 left."""
    style = style_of(element)
    parts = style.get(name, "").split()[:4] or ["0"]
    part = parts[_SIDES[len(parts) - 1][number]]
    return pixels(style.get(f"{name}-{('top', 'right', 'bottom', 'left')[number]}", part)) or 0


def _close_buttons(page: Page) -> Iterator[tuple[Any, float]]:
    """Buttons that stand beside each other, and how far apart."""
    for cell in page.all("td"):
        after = cell.getnext()
        if after is not None and _is_button_cell(cell):
            gap = 0.0
            if after.tag == "td" and not text_of(after):
                width = style_of(after).get("width") or f"{after.get('width') or FINGER}px"
                gap, after = pixels(width) or FINGER, after.getnext()
            if after is not None and _is_button_cell(after) and gap < FINGER:
                yield after, gap
    for link in page.all("a"):
        after = link.getnext()
        if after is not None and _is_button(link) and _is_button(after) and not (link.tail or "").strip():
            blank = 4 * len(link.tail or "")
            gap = _side(link, "margin", 1) + _side(after, "margin", 3) + min(blank, 8)
            if gap < FINGER:
                yield after, gap


def _is_button_cell(cell: Any) -> bool:
    link = cell.find("./a")
    return link is not None and bool(cell.get("bgcolor")) and text_of(cell) == text_of(link) != ""


def _is_button(link: Any) -> bool:
    style = style_of(link)
    coloured = "background-color" in style or "background" in style
    return link.tag == "a" and coloured and style.get("display") == "inline-block"
