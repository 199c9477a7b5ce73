"""The HTML of a feed becomes Markdown that an editor can read and that renders to the same words (parsing T1-T10).

Order: unknown block tags → paragraphs, headings shifted, nh3, then a walk over the tree that is left.
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import accumulate
from urllib.parse import urlsplit
from xml.sax.saxutils import quoteattr

from lxml import html as lxml_html
from lxml.html import HtmlElement

from newsletter.text.html import clean_html, html_words
from newsletter.text.markdown import (
    escape_block,
    escape_inline,
    escape_line_start,
    escape_link_text,
    format_link,
)

_BLOCK_TAGS = re.compile(
    r"<(/?)(?:div|section|article|header|footer|main|aside|nav|center|address|form|fieldset|details|summary|hgroup|dir|menu)\b"
    r"[^>]*>",
    re.IGNORECASE,
)
_HEADING_TAG = re.compile(r"<(/?)h([1-6])\b", re.IGNORECASE)
_TAIL = re.compile(
    r"(?:the post .{1,300} (?:appeared first on|first appeared on) .{1,200}"
    r"|(?:read|see|continue) (?:more|reading|the full (?:article|story))(?: at .{1,80}| on .{1,80}| …|…|\.\.\.| »| →)*"
    r"|share this(?: post| article)?:?|weiterlesen(?: …|…)?|lire la suite(?: …|…)?)[.\s»→…]*",
    re.IGNORECASE | re.DOTALL,
)
_EDGE = re.compile(r"\\\s*\Z|[\]!<&~]\Z")
_TAG = re.compile(r"<(/?)(?!(?:br|hr|img)\b)[a-z]")
_WIDE = 500  # px: about what a mail's column has
_DEEPEST = 60  # nesting below this is a trick, not a text: its words are kept, its marks are not
_PARSER_DEPTH = 200  # libxml2 cuts what nests deeper than 256

_EMPHASIS = {"strong": "**", "b": "**", "em": "*", "i": "*"}
_CANONICAL = {"b": "strong", "i": "em"}
_RAW_INLINE = frozenset("del ins s sub sup mark abbr bdi q cite kbd small".split())
_BLOCKS = frozenset("p h2 h3 h4 h5 h6 ul ol dl blockquote pre hr table figure figcaption caption".split())


def html_to_markdown(fragment: str, base: str = "") -> tuple[str, list[str]]:
    """Outside HTML → (Markdown body, tails such as "Continue reading" that were left out). `base` resolves addresses."""
    named = _BLOCK_TAGS.sub(r"<\1p>", fragment)
    clean = clean_html(_shift_headings(named), base)
    if _depth(clean) > _PARSER_DEPTH:
        return "\n\n".join(escape_block(line) for line in html_words(clean).split("\n")) + "\n", []
    root = lxml_html.fragment_fromstring(clean, create_parent="div")
    blocks = [block for block in _blocks(root, 0) if block.strip()]
    left_out = []
    while blocks and _TAIL.fullmatch(_bare(blocks[-1])):
        left_out.append(_bare(blocks.pop()))
    return ("\n\n".join(blocks) + "\n" if blocks else ""), left_out


def _depth(clean: str) -> int:
    """How deep sanitised HTML nests."""
    return max(accumulate(-1 if match[1] else 1 for match in _TAG.finditer(clean)), default=0)


def _bare(block: str) -> str:
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", block)
    return " ".join(re.sub(r"[*_\\<>]", "", text).split())


def _shift_headings(fragment: str) -> str:
    """Foreign headings: the highest becomes h2, and no level is skipped (K7)."""
    used = sorted({int(match[2]) for match in _HEADING_TAG.finditer(fragment)})
    new = {level: min(position + 2, 6) for position, level in enumerate(used)}
    return _HEADING_TAG.sub(lambda match: f"<{match[1]}h{new[int(match[2])]}", fragment)


# --- blocks -----------------------------------------------------------------------------------------------------


def _blocks(element: HtmlElement, depth: int) -> Iterator[str]:
    """The blocks inside an element; loose text between them becomes paragraphs."""
    inline: list[HtmlElement | str] = [element.text or ""]
    bullet_turn = number_turn = False
    for child in element:
        if child.tag in _BLOCKS and depth < _DEEPEST:
            yield from _paragraphs(inline)
            inline = [child.tail or ""]
            bullet_turn = child.tag == "ul" and not bullet_turn
            number_turn = child.tag == "ol" and not number_turn
            yield from _block(child, depth, "-" if bullet_turn else "*", "." if number_turn else ")")
        else:
            inline += [child, child.tail or ""]
    yield from _paragraphs(inline)


def _block(element: HtmlElement, depth: int, bullet: str, delimiter: str) -> Iterator[str]:
    match element.tag:
        case "h2" | "h3" | "h4" | "h5" | "h6":
            text = _inline(element).replace("\\\n", " ").replace("\n", " ").strip()
            if text:
                yield f"{'#' * int(element.tag[1])} {re.sub(r'(#+)$', lambda m: chr(92) + m[1], text)}"
        case "ul" | "ol":
            yield _list(element, depth, bullet, delimiter)
        case "blockquote":
            inner = "\n\n".join(_blocks(element, depth + 1))
            yield "\n".join(f"> {line}".rstrip() for line in inner.split("\n")) if inner.strip() else ""
        case "pre":
            yield _fence("".join(element.itertext()))
        case "hr":
            yield "* * *"
        case "table":
            yield from _table(element, depth)
        case "dl":
            yield _raw(element)
        case _:  # p, figure, figcaption, caption
            yield from _blocks(element, depth + 1)


def _paragraphs(inline: list[HtmlElement | str]) -> Iterator[str]:
    """Inline content → paragraphs; two line breaks in a row end one."""
    text = _join_inline(inline)
    for part in re.split(r"(?:\\\n[ \t]*){2,}", text):
        lines = [line.strip() for line in part.strip().removesuffix("\\").split("\\\n")]
        safe = "\\\n".join(escape_line_start(line) for line in lines if line)
        if safe:
            yield safe


def _list(element: HtmlElement, depth: int, bullet: str, delimiter: str) -> str:
    number = int(element.get("start", "1")) if element.tag == "ol" else None
    items = []
    loose = False
    for child in element:
        if child.tag != "li":
            continue
        mark = bullet if number is None else f"{number}{delimiter}"
        number = None if number is None else min(number + 1, 999_999_999)
        blocks = list(_blocks(child, depth + 1))
        # A paragraph with one nested list under it stays tight; a second paragraph makes the list loose.
        nested = len(blocks) == 2 and re.match(r"(?:[-*]|\d+[.)]) ", blocks[1])
        loose = loose or (len(blocks) > 1 and not nested)
        body = ("\n" if nested else "\n\n").join(blocks)
        indent = " " * (len(mark) + 1)
        items.append(f"{mark} " + body.replace("\n", f"\n{indent}").replace(f"\n{indent}\n", "\n\n") if body else mark)
    return ("\n\n" if loose else "\n").join(items)


def _fence(text: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text.strip(chr(10))}\n{fence}"


def _table(table: HtmlElement, depth: int) -> Iterator[str]:
    rows = [row for row in table.iter("tr") if next(row.iterancestors("table")) is table]
    cells = [[cell for cell in row if cell.tag in ("td", "th")] for row in rows]
    width = max((len(row) for row in cells), default=0)
    has_head = bool(cells) and all(cell.tag == "th" for cell in cells[0])
    nested = any(cell.tag in _BLOCKS for row in cells for box in row for cell in box.iter())
    spans = any(cell.get("colspan") or cell.get("rowspan") for row in cells for cell in row)
    if width <= 1 or (
        nested and not any(table.iter("th"))
    ):  # a table for layout: its content counts, its grid does not
        for row in cells:
            for cell in row:
                yield from _blocks(cell, depth + 1)
    elif has_head and not spans and not nested and all(len(row) == width for row in cells):
        lines = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in cells]
        yield "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]])
    else:
        yield _raw(table)


def _cell(cell: HtmlElement) -> str:
    return _inline(cell).replace("\\\n", " ").replace("\n", " ").replace("|", "\\|").strip()


def _raw(element: HtmlElement) -> str:
    """An element that Markdown has no words for, as one line of (sanitised) HTML."""
    tail, element.tail = element.tail, None
    source: str = lxml_html.tostring(element, encoding="unicode")
    element.tail = tail
    return " ".join(source.split())


# --- inside a line ----------------------------------------------------------------------------------------------


def _inline(element: HtmlElement, *, in_link: bool = False, depth: int = 0) -> str:
    parts: list[HtmlElement | str] = [element.text or ""]
    for child in element:
        parts += [child, child.tail or ""]
    return _join_inline(parts, in_link=in_link, depth=depth)


def _join_inline(parts: list[HtmlElement | str], *, in_link: bool = False, depth: int = 0) -> str:
    out = ""
    for position, part in enumerate(parts):
        if isinstance(part, str):
            out = _append(out, _text(part, in_link=in_link))
            continue
        following = parts[position + 1] if position + 1 < len(parts) else ""
        out = _append(out, _element(part, out[-1:], _first_character(following, parts, position + 2), in_link, depth))
    return out


def _append(out: str, piece: str) -> str:
    """White space collapses across borders too."""
    return out + (piece.lstrip(" ") if not out or out[-1] in " \n" else piece)


def _first_character(following: HtmlElement | str, parts: list[HtmlElement | str], after: int) -> str:
    if isinstance(following, str) and following:
        return following[0]
    return "x" if after < len(parts) else ""


def _text(text: str, *, in_link: bool) -> str:
    flat = re.sub(r"[ \t\r\n\f\u00a0]+", " ", text)
    escape = escape_link_text if in_link else escape_inline
    edge = _EDGE.search(flat)
    # What follows in the next element is not seen from here: these at the end of a text could join with it.
    return f"{escape(flat[: edge.start()])}\\{edge.group()}" if edge else escape(flat)


def _element(element: HtmlElement, before: str, after: str, in_link: bool, depth: int) -> str:
    tag = element.tag
    if not isinstance(tag, str):
        return ""
    if depth > _DEEPEST:
        return _text("".join(element.itertext()), in_link=in_link)
    if tag == "br":
        return "\\\n"
    if tag == "img":
        return _image(element)
    if tag == "code":
        return _code("".join(element.itertext()))
    lead, core, trail = _split_edges(_inline(element, in_link=in_link or tag == "a", depth=depth + 1))
    if tag == "a" and not in_link:
        return f"{lead}{_link(element, core)}{trail}"
    if not core:
        return lead + trail
    if tag in _EMPHASIS:
        return f"{lead}{_emphasis(tag, core, (before + lead)[-1:], (trail + after)[:1])}{trail}"
    if tag in _RAW_INLINE:
        attributes = "".join(
            f' {name}="{value}"'
            for name, value in element.items()
            if '"' not in value and "\n" not in value and "<" not in value
        )
        return f"{lead}<{tag}{attributes}>{core}</{tag}>{trail}"
    return f"{lead}{core}{trail}" if tag not in _BLOCKS and tag != "li" else f" {lead}{core}{trail} "


_EDGES = re.compile(r"((?:[ ]|\\\n)*)(.*?)((?:[ ]|\\\n)*)", re.DOTALL)
_BREAKS = re.compile(r"(?:\\\n[ ]*){2,}")


def _split_edges(inner: str) -> tuple[str, str, str]:
    """(white space and breaks before, what is inside, the same after): they stand outside of marks (T3).

    Two breaks inside would end the paragraph in the middle of a mark, so they become one.
    """
    match = _EDGES.fullmatch(inner)
    if match is None:  # the pattern matches any text
        return "", inner, ""
    return match[1], _BREAKS.sub("\\\\\n", match[2]), match[3]


def _emphasis(tag: str, core: str, before: str, after: str) -> str:
    """`**x**` where CommonMark 6.2 would read it so, else `<strong>x</strong>`."""
    mark, name = _EMPHASIS[tag], _CANONICAL.get(tag, tag)
    opens = not _is_punctuation(core[0]) or not before or before.isspace() or _is_punctuation(before)
    closes = not _is_punctuation(core[-1]) or not after or after.isspace() or _is_punctuation(after)
    touching = "*" in (core[0], core[-1], before, after) or core.endswith("\\") or "\n" in core
    return f"{mark}{core}{mark}" if opens and closes and not touching else f"<{name}>{core}</{name}>"


def _is_punctuation(character: str) -> bool:
    return unicodedata.category(character)[0] in "PS"


def _code(text: str) -> str:
    flat = " ".join(text.split())
    if not flat:
        return ""
    longest = max((len(run) for run in re.findall(r"`+", flat)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if flat[0] == "`" or flat[-1] == "`" else ""
    return f"{fence}{pad}{flat}{pad}{fence}"


def _link(element: HtmlElement, core: str) -> str:
    url = element.get("href", "")
    if not url:
        return core
    if not core:
        host = urlsplit(url).hostname or url
        return format_link(escape_link_text(host), url)
    if "".join(element.itertext()).strip() == url and re.fullmatch(r"https?://[^\s<>]+", url):
        return f"<{url}>"
    return format_link(core.replace("\\\n", " "), url)


def _image(element: HtmlElement) -> str:
    """A picture. One that is narrower than a mail's column keeps its size: an icon must not be drawn as wide as the text."""
    alt = re.sub(r"[\[\]\r\n]+", " ", element.get("alt", "")).strip()
    width, height = (element.get(name, "") for name in ("width", "height"))
    if not width or int(width) >= _WIDE:
        return "!" + format_link(escape_link_text(alt), element.get("src", ""))
    said = {"src": element.get("src", ""), "alt": alt, "width": width, "height": height}
    return f"<img {' '.join(f'{name}={quoteattr(value)}' for name, value in said.items() if value or name == 'alt')}>"
