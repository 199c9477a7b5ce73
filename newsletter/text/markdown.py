"""Plain text ⇄ Markdown source, line by line. Rendering lives in `rendering/`; here text is made safe to put into a file."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape, unescape
from typing import Literal

from newsletter.text.addresses import is_web_address
from newsletter.text.structure import structure_lines
from newsletter.text.words import URL

# CommonMark 0.31 §6: these begin something anywhere in a line. A `[` needs no care: without an unescaped `](`, `][`
# or `]:` nothing can become a link, an image or a definition. An address is put between < and >; what only looks like
# one (`xhttps://`) must not be linked either, since escapes inside it would become part of the address.
_INLINE = re.compile(
    r"""\\(?=[!-/:-@\[-`{-~]|$)
    |   `
    |   (?<!\s)\*|\*(?!\s)
    |   (?<![^\W_])_|_(?![^\W_])
    |   ~(?=~)|(?<=~)~
    |   \](?=[(\[:])
    |   <(?=[A-Za-z/!?])
    |   &(?=\#?[A-Za-z0-9]+;)
    |   :(?=//)""",
    re.VERBOSE,
)
_IN_LINK = re.compile(rf"[\[\]]|{_INLINE.pattern}", re.VERBOSE)
_LINE_START = re.compile(
    r"""(?:\#{1,6}|[-+])(?=\s|$) | > | [=-]+(?=\s*$) | (?:-\s*){3,}$ | (?P<number>\d{1,9})(?=[.)](?:\s|$))""",
    re.VERBOSE,
)
# Ours (DESIGN §5): an id at the end of a heading. In an author's title the brace is text.
HEADING_ID = re.compile(r"\{#([A-Za-z0-9_-]+)\}\s*$")
_ENTITY = re.compile(r"&(?=#?[A-Za-z0-9]+;)")
_CLOSING_HASHES = re.compile(r"(^|\s)(#+)$")


def trim_url(url: str) -> str:
    """An address found in running text, without the punctuation of the sentence around it."""
    while url:
        last = url[-1]
        if last in ".,;:!?'\"*_~`…。，、！？”’»" or (
            last in ")]}" and url.count(last) > url.count("([{"[")]}".index(last)])
        ):
            url = url[:-1]
        else:
            break
    return url


def escape_inline(text: str, clean: Callable[[str], str] = str) -> str:
    r"""Plain text → Markdown that shows the same characters: `2 * 3` stays, `*x*` → `\*x\*`, an address → `<address>`.

    `clean` is applied to each address.
    """
    pieces = []
    end = 0
    for match in URL.finditer(text):
        url = trim_url(match.group())
        if "://" not in url:
            continue
        pieces += [_INLINE.sub(r"\\\g<0>", text[end : match.start()]), "<", clean(url), ">"]
        end = match.start() + len(url)
    pieces.append(_INLINE.sub(r"\\\g<0>", text[end:]))
    return "".join(pieces)


def escape_link_text(text: str) -> str:
    """Plain text → Markdown for between the brackets of a link: no link inside, and its own brackets are text."""
    return _IN_LINK.sub(r"\\\g<0>", text)


def escape_block(text: str, clean: Callable[[str], str] = str) -> str:
    """Plain text of one line → a Markdown paragraph that shows the same characters."""
    return escape_line_start(escape_inline(text.strip(), clean))


def escape_line_start(line: str) -> str:
    """Inline Markdown → the same, but nothing at its start is read as a heading, list, quote or rule."""
    match = _LINE_START.match(line)
    if not match:
        return line
    cut = match.end("number") if match["number"] else 0
    return f"{line[:cut]}\\{line[cut:]}"


def escape_heading(text: str, clean: Callable[[str], str] = str) -> str:
    """Plain text → the text of an ATX heading: no closing #s, no id of ours."""
    line = HEADING_ID.sub(r"\\\g<0>", escape_inline(" ".join(text.split()), clean))
    return _CLOSING_HASHES.sub(r"\1\\\2", line)


def format_link(text: str, url: str) -> str:
    """Markdown `[text](url)`; `text` is Markdown already. Odd addresses go into angle brackets."""
    # A backtick would pair with one outside of the link, which counts for more (CommonMark §6.3).
    safe = url.replace("<", "%3C").replace(">", "%3E").replace("\\", "%5C").replace("`", "%60")
    safe = _ENTITY.sub("&amp;", safe)
    odd = re.search(r"\s", safe) or not _is_balanced(safe)
    return f"[{text}](<{safe}>)" if odd or not safe else f"[{text}]({safe})"


def _is_balanced(url: str) -> bool:
    """Whether each parenthesis is closed after it was opened, and none are nested deep (CommonMark §6.3)."""
    depth = 0
    for character in url:
        depth += (character == "(") - (character == ")")
        if not 0 <= depth <= 8:
            return False
    return depth == 0


# --- reading source line by line ------------------------------------------------------------------------------

_ATX = re.compile(r" {0,3}(#{1,6})(?=\s|$)")
_ITEM = re.compile(r"(\s*)(?:[-+*]|\d{1,9}[.)])\s+")


def shift_headings(body: str, top: int) -> str:
    """The same Markdown with its highest ATX heading at level `top`, the others below it; nothing deeper than 6."""
    if "#" not in body:
        return body
    levels = [len(m[1]) for _, line, open_ in structure_lines(body) if open_ and (m := _ATX.match(line))]
    if not levels:
        return body
    step = top - min(levels)
    lines = []
    for _, line, open_ in structure_lines(body):
        match = _ATX.match(line) if open_ else None
        if match:
            line = "#" * min(6, len(match[1]) + step) + line[match.end(1) :]
        lines.append(line)
    return "".join(lines)


@dataclass(frozen=True, slots=True)
class TextBlock:
    """A paragraph, bullet, heading or code block of a Markdown text, as source. `line` counts from 1."""

    kind: Literal["heading", "paragraph", "item", "code"]
    text: str
    line: int


def find_blocks(body: str) -> list[TextBlock]:
    """The blocks of a Markdown text in order; enough of its structure to point at one of them."""
    blocks: list[TextBlock] = []
    lines: list[str] = []
    kind: Literal["heading", "paragraph", "item", "code"] = "paragraph"
    start = 1

    def close() -> None:
        nonlocal kind
        if lines:
            blocks.append(TextBlock(kind, "\n".join(lines).strip(), start))
            lines.clear()
        kind = "paragraph"

    for number, line, open_ in structure_lines(body):
        bare = line.strip()
        item = _ITEM.match(line) if open_ else None
        if not open_:
            if kind != "code":
                close()
                kind, start = "code", number
            lines.append(bare)
        elif not bare:
            close()
        elif _ATX.match(line):
            close()
            blocks.append(TextBlock("heading", bare.lstrip("#").strip(), number))
        else:
            if item or kind == "code":
                close()
            if not lines:
                kind, start = ("item" if item else "paragraph"), number
            lines.append(line[item.end() :].strip() if item else bare)
    close()
    return blocks


_LINK_TEXT = re.compile(
    # An escape is stepped over whole, so that no search begins at the bracket in it.
    r"\\.|!?\[((?:[^\[\]\\]|\\.)*)\]\((?:<[^<>]*>|[^()\s]*(?:\([^()\s]*\)[^()\s]*)*)(?:\s+\"[^\"]*\")?\)"
)
_AUTOLINK = re.compile(r"<(https?://[^<>\s]*)>")
_TARGET = re.compile(r"\\.|!?\[(?:[^\[\]\\]|\\.)*\]\(\s*<?([^()<>\s]*(?:\([^()\s]*\)[^()\s]*)*)")
_BACKTICKS = re.compile(r"(`+)")


def find_dead_links(body: str) -> Iterator[tuple[int, str]]:
    """(line, address) of links and images that lead neither to the web nor to a mailbox: what is rendered drops them."""
    for number, line, structure in structure_lines(body):
        if structure and "](" in line:
            for match in _TARGET.finditer(_outside_code(line)):
                if match[1] is not None and not is_web_address(match[1]) and not match[1].lower().startswith("mailto:"):
                    yield number, match[1]


def without_code(body: str) -> str:
    """A Markdown text without its code spans, code fences and comments; its lines stay."""
    return "".join(_outside_code(line) if structure else "\n" for _, line, structure in structure_lines(body))


def map_text(body: str, change: Callable[[str], str]) -> str:
    """A Markdown text with what stands outside of code spans, code fences and comments changed, piece by piece.

    >>> map_text("a `a`\\n", str.upper)
    'A `a`\\n'
    """
    return "".join(
        "".join(piece if code else change(piece) for piece, code in _split_code(line)) if structure else line
        for _, line, structure in structure_lines(body)
    )


_WRITTEN_ADDRESS = re.compile(
    r"""(?<=\]\()(?P<bare>https?://[^()\s<>]*(?:\([^()\s]*\)[^()\s<>]*)*) | (?<=<)(?P<angle>https?://[^<>\s]+)(?=>)
    |   (?<=href=")(?P<quoted>https?://[^"]*) | (?P<text>(?<![A-Za-z0-9.+<-])(?<!\]\()(?<!=")https?://[^\s<>"]+)""",
    re.VERBOSE | re.IGNORECASE,
)


_PAIRS = {"(": ")", "[": "]", "{": "}"}
# Punctuation of East Asia ends an address of running text: none has it unescaped.
ADDRESS_EDGE = re.compile("[\u3001-\u303f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]")


def map_addresses(body: str, clean: Callable[[str], str]) -> str:
    """A Markdown text with the addresses of its links cleaned, wherever they stand but in code.

    >>> map_addresses("[a](https://x.example/?b) `https://x.example/?b`\\n", lambda url: url.partition("?")[0])
    '[a](https://x.example/) `https://x.example/?b`\\n'
    """
    if "://" not in body:
        return body

    def change(match: re.Match[str]) -> str:
        written = trim_url(_cut_at_bracket(match[0])) if match["text"] else match[0]
        address = unescape(written)
        cleaned = clean(address)
        if cleaned == address or cleaned.count("(") != cleaned.count(")"):
            return match[0]
        return (escape(cleaned) if match["quoted"] else cleaned) + match[0][len(written) :]

    return map_text(body, lambda piece: _WRITTEN_ADDRESS.sub(change, piece))


def _cut_at_bracket(url: str) -> str:
    """An address of running text up to its edge, or to the first bracket without another half: linkify ends it there, too."""
    url = ADDRESS_EDGE.split(url, maxsplit=1)[0].partition("|")[0]  # the edge of a table's cell
    open_: list[tuple[str, int]] = []
    for position, character in enumerate(url):
        if character in _PAIRS:
            open_.append((_PAIRS[character], position))
        elif character in _PAIRS.values():
            if not open_ or open_[-1][0] != character:
                return url[:position] if not open_ else url[: open_[0][1]]
            open_.pop()
    return url[: open_[0][1]] if open_ else url


def _outside_code(line: str) -> str:
    return "".join(piece for piece, code in _split_code(line) if not code)


def _split_code(line: str) -> Iterator[tuple[str, bool]]:
    """(piece, whether it is a code span) of a line: each span ends at the next run of as many backticks as it begins with.

    A backslash takes the first backtick of a run out of the beginning of a span; inside of one it is a character as any
    other (CommonMark §2.4, §6.1).
    """
    pieces = _BACKTICKS.split(line)  # every second one is a run of backticks
    closing: dict[str, int] = {}
    ends: dict[int, int] = {}
    for position in range(len(pieces) - 2, 0, -2):
        opening = pieces[position][_ends_escaping(pieces[position - 1]) :]
        if opening in closing:
            ends[position] = closing[opening]
        closing[pieces[position]] = position
    position = 0
    while position < len(pieces):
        end = ends.get(position, position)
        piece = "".join(pieces[position : end + 1])
        escaped = _ends_escaping(pieces[position - 1]) if end > position else 0
        if escaped:
            yield piece[:1], False
        yield piece[escaped:], end > position
        position = end + 1


def _ends_escaping(text: str) -> int:
    """1 if the last backslash of a text escapes what follows, else 0."""
    return (len(text) - len(text.rstrip("\\"))) % 2


_MARKS = re.compile(r"(?<!\\)(?:\*{1,3}|`+|~~)|(?<![\\\w])_{1,3}(?=\S)|(?<=\S)(?<!\\)_{1,3}(?!\w)")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


def plain_inline(source: str) -> str:
    """One line of Markdown → roughly its words: marks, link addresses and escapes go. The renderer is exact, this is quick."""
    text = _AUTOLINK.sub(r"\1", _LINK_TEXT.sub(_words_of_link, " ".join(source.split())))
    return _ESCAPED.sub(r"\1", _MARKS.sub("", text)).strip()


def _words_of_link(match: re.Match[str]) -> str:
    return match[0] if match[1] is None else match[1]
