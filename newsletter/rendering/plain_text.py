"""Tokens → plain text: wrapped at 72 columns, links numbered, the same words as the HTML (email-html T1-T6)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape, unescape

from markdown_it.token import Token

from newsletter.text.addresses import tidy_address
from newsletter.text.characters import LRM, RLM, find_direction
from newsletter.text.html import html_words

WIDTH = 72
# Latin, Greek, Cyrillic letters and the usual quotes and dashes take one column each; anything else is looked up.
_NARROW = re.compile("[\x20-\x7e\xa0-\xac\xae-\u02ff\u0370-\u0482\u048a-\u0530\u2010-\u2027\u2030-\u205e]*")


@dataclass
class _Writer:
    """The text so far, block by block, and the addresses its numbers point to."""

    first_number: int
    direction: str = ""
    blocks: list[str] = field(default_factory=list)
    urls: dict[str, int] = field(default_factory=dict)

    def number(self, url: str) -> int:
        return self.urls.setdefault(url, len(self.urls)) + self.first_number


@dataclass(frozen=True, slots=True)
class PlainText:
    """Blocks of text with `[1]` after each link, and the addresses those numbers stand for."""

    text: str
    urls: tuple[str, ...]


def to_text(tokens: Sequence[Token], first_number: int = 1, *, direction: str = "") -> PlainText:
    """Safe block tokens → text. Numbers start at `first_number`. Lists keep to `direction`, ltr or rtl (see `wrap`)."""
    writer = _Writer(first_number, direction)
    _write_blocks(tokens, writer, indent="", first="")
    return PlainText("\n".join(writer.blocks).strip("\n"), tuple(writer.urls))


def columns(text: str) -> int:
    """How many columns of a terminal a text takes: wide characters take two."""
    if _NARROW.fullmatch(text):
        return len(text)
    from wcwidth import wcswidth

    return max(wcswidth(text), 0) or len(text)


def wrap(text: str, first: str = "", rest: str | None = None, width: int = WIDTH, *, direction: str = "") -> str:
    """Words → lines of at most `width` columns; an address is never broken. `first` and `rest` are the lines' indents.

    `direction`, ltr or rtl: each line says so by an invisible mark if its own first letter says otherwise. Mail programs
    turn every line by itself (UAX 9, P2), and an Arabic title in an English list would jump to the right edge.
    """
    rest = first if rest is None else rest
    lines, line, indent = [], "", first
    for word in text.split():
        for piece in _break_unspaced(word, width - columns(rest)):
            if line and columns(indent + line) + (0 if piece.glued else 1) + columns(piece.text) > width:
                lines.append(indent + _keep_direction(line, direction))
                line, indent = "", rest
            line += piece.text if not line or piece.glued else f" {piece.text}"
    return "\n".join([*lines, indent + _keep_direction(line, direction)]) if line else first.rstrip()


def _keep_direction(line: str, direction: str) -> str:
    """A line with the mark that keeps it in a direction, if its first letter is of the other one."""
    if not direction or find_direction(line) in ("", direction):
        return line
    return (RLM if direction == "rtl" else LRM) + line


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    glued: bool


def _break_unspaced(word: str, width: int) -> list[_Piece]:
    """A run of wide characters (Chinese, Japanese) may break between any two of them; anything else stays whole."""
    if word.isascii() or columns(word) <= width or columns(word) < 1.5 * len(word):
        return [_Piece(word, glued=False)]
    return [_Piece(character, glued=position > 0) for position, character in enumerate(word)]


def _write_blocks(tokens: Sequence[Token], writer: _Writer, indent: str, first: str) -> None:
    """Write sibling blocks; `first` replaces the indent of the very first line (a bullet stands there)."""
    position = 0
    while position < len(tokens):
        token = tokens[position]
        end = _closing(tokens, position)
        inner = tokens[position + 1 : end]
        match token.type:
            case "paragraph_open":
                _paragraph(inner[0], writer, indent, first, tight=bool(token.hidden))
            case "heading_open":
                _gap(writer)
                _heading(_inline(inner[0], writer), writer, indent, first)
            case "bullet_list_open" | "ordered_list_open":
                _list(token, inner, writer, indent, first)
            case "blockquote_open":
                _quote(inner, writer, indent)
            case "fence" | "code_block":
                _gap(writer)
                writer.blocks += [f"{indent}    {line}".rstrip() for line in token.content.splitlines()]
                writer.blocks.append("")
            case "hr":
                _gap(writer)
                writer.blocks += [f"{indent}* * *", ""]
            case "html_block":
                _raw(token.content, writer, indent)
            case "table_open":
                _table(inner, writer, indent)
        first = ""
        position = end + 1


def _closing(tokens: Sequence[Token], start: int) -> int:
    """The position of the token that closes the one at `start`; itself if it is not an opening one."""
    if tokens[start].nesting != 1:
        return start
    depth = 0
    for position in range(start, len(tokens)):
        depth += tokens[position].nesting
        if depth == 0:
            return position
    return len(tokens) - 1


def _gap(writer: _Writer) -> None:
    if writer.blocks and writer.blocks[-1]:
        writer.blocks.append("")


def _heading(text: str, writer: _Writer, indent: str, first: str) -> None:
    # Underlined, not in capitals: the words of both parts of a mail stay the same (message M8).
    lines = wrap(text, first or indent, indent).split("\n")
    longest = max(columns(line) for line in lines) - len(indent)
    writer.blocks += [*lines, indent + "~" * max(longest, 1), ""]


def _paragraph(inline: Token, writer: _Writer, indent: str, first: str, *, tight: bool) -> None:
    for position, line in enumerate(_inline(inline, writer).split("\n")):
        lead = first if position == 0 and first else indent
        # A paragraph of its own reads in its own direction, all its lines alike; in a list it keeps to the list's.
        own = writer.direction if lead or not writer.direction else find_direction(line)
        writer.blocks.append(wrap(line, lead, indent, direction=own))
    if not tight:
        writer.blocks.append("")


def _list(token: Token, inner: Sequence[Token], writer: _Writer, indent: str, first: str) -> None:
    number = int(token.attrs.get("start", 1)) if token.type == "ordered_list_open" else None
    position = 0
    while position < len(inner):
        end = _closing(inner, position)
        mark = "- " if number is None else f"{number}. "
        lead = (first or indent) + mark
        item = inner[position + 1 : end]
        if item:
            _write_blocks(item, writer, indent + " " * len(mark), lead)
        else:
            writer.blocks.append(lead.rstrip())
        number = None if number is None else number + 1
        first = ""
        position = end + 1
    if not indent:
        _gap(writer)


def _quote(inner: Sequence[Token], writer: _Writer, indent: str) -> None:
    _gap(writer)
    quoted = _Writer(writer.first_number, writer.direction, urls=writer.urls)
    _write_blocks(inner, quoted, indent="", first="")
    lines = "\n".join(quoted.blocks).strip("\n").split("\n")
    writer.blocks += [f"{indent}> {line}".rstrip() for line in lines]
    writer.blocks.append("")


_RAW_LINK = re.compile(r'<a href="([^"]*)"[^>]*>(.*?)</a>', re.DOTALL)


def _raw(content: str, writer: _Writer, indent: str) -> None:
    """Sanitised HTML in a post, with the marks that links and pictures have in Markdown."""

    def number(link: re.Match[str]) -> str:
        return link[2] + _link_number(html_words(link[2]), unescape(link[1]), writer)

    words = html_words(_RAW_LINK.sub(number, _IMAGE.sub(lambda image: escape(_name_image(image[0])) or " ", content)))
    if words:
        _gap(writer)
        writer.blocks += [wrap(line, indent) for line in words.split("\n")]
        writer.blocks.append("")


def _table(inner: Sequence[Token], writer: _Writer, indent: str) -> None:
    _gap(writer)
    row: list[str] = []
    for token in inner:
        if token.type == "inline":
            row.append(" ".join(_inline(token, writer).split()))
        elif token.type == "tr_close":
            writer.blocks.append(wrap(" | ".join(row), indent, indent + "  "))
            row = []
    writer.blocks.append("")


def _inline(inline: Token, writer: _Writer) -> str:
    """The words of one inline token; a hard break is a line end; a link is followed by its number."""
    pieces: list[str] = []
    links: list[tuple[str, int]] = []
    for token in inline.children or []:
        match token.type:
            case "text" | "code_inline":
                pieces.append(token.content)
            case "softbreak":
                pieces.append(" ")
            case "hardbreak":
                pieces.append("\n")
            case "image":
                alt = words_of(token)
                pieces.append(f"[{alt}]" if alt else " ")
            case "link_open":
                links.append((str(token.attrs.get("href", "")), len(pieces)))
            case "link_close":
                url, start = links.pop() if links else ("", 0)
                pieces.append(_link_number("".join(pieces[start:]).strip(), url, writer))
            case "html_inline":
                pieces.append(_raw_link(token.content, links, pieces, writer))
    return "\n".join(line.strip(" ") for line in "".join(pieces).split("\n")).strip()


def words_of(image: Token) -> str:
    """What a picture of Markdown is called, without marks."""
    return "".join(child.content for child in image.children or [] if child.type in ("text", "code_inline")).strip()


def _link_number(text: str, url: str, writer: _Writer) -> str:
    """What follows a link's text: nothing if the text is the address itself."""
    bare = url.removeprefix("mailto:")
    if text in (url, bare) or not url:
        return ""
    return f" [{writer.number(url)}]" if text else f" [{writer.number(url)}] "


_IMAGE = re.compile(r"<img\b[^>]*>")
_ALT = re.compile(r"""\balt\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_HREF = re.compile(r"""\bhref\s*=\s*["']?([^"'\s>]+)""", re.IGNORECASE)


def _name_image(tag: str) -> str:
    """A raw picture as its words in brackets, as one of Markdown is."""
    alt = _ALT.search(tag)
    words = unescape((alt[1] or alt[2] or "").strip()) if alt else ""
    return f"[{words}]" if words else ""


def _raw_link(content: str, links: list[tuple[str, int]], pieces: list[str], writer: _Writer) -> str:
    lower = content.lower()
    if lower.startswith("<img"):
        return _name_image(content) or " "
    if lower.startswith("<a") and (match := _HREF.search(content)):
        links.append((tidy_address(unescape(match[1])), len(pieces)))
    elif lower.startswith("</a") and links:
        url, start = links.pop()
        return _link_number("".join(pieces[start:]).strip(), url, writer) if url.startswith("http") else ""
    return ""


def underline(text: str, mark: str) -> str:
    """A heading wrapped and underlined by `mark`."""
    wrapped = wrap(text)
    return f"{wrapped}\n{mark * max(columns(line) for line in wrapped.split(chr(10)))}"
