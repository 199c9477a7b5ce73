"""Tokens → plain text: wrapped at 72 columns, links numbered, the same words as the HTML (email-html T1-T6)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import unescape

from markdown_it.token import Token

from newsletter.text.html import html_words

WIDTH = 72
# Latin, Greek, Cyrillic letters and the usual quotes and dashes take one column each; anything else is looked up.
_NARROW = re.compile("[\x20-\x7e\xa0-\xac\xae-\u02ff\u0370-\u0482\u048a-\u0530\u2010-\u2027\u2030-\u205e]*")


@dataclass
class _Writer:
    """The text so far, block by block, and the addresses its numbers point to."""

    first_number: int
    blocks: list[str] = field(default_factory=list)
    urls: dict[str, int] = field(default_factory=dict)
    tight: bool = False

    def number(self, url: str) -> int:
        return self.urls.setdefault(url, len(self.urls)) + self.first_number


@dataclass(frozen=True, slots=True)
class PlainText:
    """Blocks of text with `[1]` after each link, and the addresses those numbers stand for."""

    text: str
    urls: tuple[str, ...]


def to_text(tokens: Sequence[Token], first_number: int = 1) -> PlainText:
    """Safe block tokens → text. Numbers start at `first_number`."""
    writer = _Writer(first_number)
    _write_blocks(tokens, writer, indent="", first="")
    return PlainText("\n".join(writer.blocks).strip("\n"), tuple(writer.urls))


def columns(text: str) -> int:
    """How many columns of a terminal a text takes: wide characters take two."""
    if _NARROW.fullmatch(text):
        return len(text)
    from wcwidth import wcswidth

    return max(wcswidth(text), 0) or len(text)


def wrap(text: str, first: str = "", rest: str | None = None, width: int = WIDTH) -> str:
    """Words → lines of at most `width` columns; an address is never broken. `first` and `rest` are the lines' indents."""
    rest = first if rest is None else rest
    lines, line = [], first
    empty = True
    for word in text.split():
        for piece in _break_unspaced(word, width - columns(rest)):
            if not empty and columns(line) + (0 if piece.glued else 1) + columns(piece.text) > width:
                lines.append(line)
                line, empty = rest, True
            line += piece.text if empty or piece.glued else f" {piece.text}"
            empty = False
    return "\n".join([*lines, line]) if text.split() else first.rstrip()


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
        writer.blocks.append(wrap(line, lead, indent))
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
    quoted = _Writer(writer.first_number, urls=writer.urls)
    _write_blocks(inner, quoted, indent="", first="")
    lines = "\n".join(quoted.blocks).strip("\n").split("\n")
    writer.blocks += [f"{indent}> {line}".rstrip() for line in lines]
    writer.blocks.append("")


_RAW_LINK = re.compile(r'<a href="([^"]*)"[^>]*>(.*?)</a>', re.DOTALL)
_RAW_PICTURE = re.compile(r'<img\b(?:[^>]*\balt="([^"]*)")?[^>]*>')


def _raw(content: str, writer: _Writer, indent: str) -> None:
    """Sanitised HTML in a post, with the marks that links and pictures have in Markdown."""

    def number(link: re.Match[str]) -> str:
        return link[2] + _link_number(html_words(link[2]), unescape(link[1]), writer)

    words = html_words(
        _RAW_LINK.sub(number, _RAW_PICTURE.sub(lambda picture: f"[{picture[1]}]" if picture[1] else " ", content))
    )
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
                pieces.append(f"[{token.content}]" if token.content else " ")
            case "link_open":
                links.append((str(token.attrs.get("href", "")), len(pieces)))
            case "link_close":
                url, start = links.pop() if links else ("", 0)
                pieces.append(_link_number("".join(pieces[start:]).strip(), url, writer))
            case "html_inline":
                pieces.append(_raw_link(token.content, links, pieces, writer))
    return "\n".join(line.strip(" ") for line in "".join(pieces).split("\n")).strip()


def _link_number(text: str, url: str, writer: _Writer) -> str:
    """What follows a link's text: nothing if the text is the address itself."""
    bare = url.removeprefix("mailto:")
    if text in (url, bare) or not url:
        return ""
    return f" [{writer.number(url)}]" if text else f" [{writer.number(url)}] "


_HREF = re.compile(r"""\bhref\s*=\s*["']?([^"'\s>]+)""", re.IGNORECASE)


def _raw_link(content: str, links: list[tuple[str, int]], pieces: list[str], writer: _Writer) -> str:
    lower = content.lower()
    if lower.startswith("<a") and (match := _HREF.search(content)):
        links.append((match[1], len(pieces)))
    elif lower.startswith("</a") and links:
        url, start = links.pop()
        return _link_number("".join(pieces[start:]).strip(), url, writer) if url.startswith("http") else ""
    return ""


def underline(text: str, mark: str) -> str:
    """A heading wrapped and underlined by `mark`."""
    wrapped = wrap(text)
    return f"{wrapped}\n{mark * max(columns(line) for line in wrapped.split(chr(10)))}"
