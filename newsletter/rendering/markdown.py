"""Markdown → one token stream that is safe, from which HTML and plain text are both made.

Raw HTML in a post is sanitised *in the stream*, so that both see the same words; the HTML is sanitised once more
at the end, as the last step before it is used (security R7).
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from html import escape, unescape

from markdown_it import MarkdownIt
from markdown_it.token import Token

from newsletter.rendering.cjk_emphasis import allow_beside_cjk
from newsletter.rendering.plain_text import words_of
from newsletter.text.addresses import tidy_address
from newsletter.text.characters import drop_controls
from newsletter.text.html import CONTENT_GOES, HTML_NAMES, TAGS, clean_html, escape_unknown_tags
from newsletter.text.link_words import find_trap
from newsletter.text.markdown import ADDRESS_EDGE

_ABSOLUTE = re.compile(r"(?:https?://[^/\s]|mailto:\S)", re.IGNORECASE)
_HEADING = re.compile(r"<(/?)h([1-6])\b")
_HREF = re.compile(r"""\bhref\s*=\s*["']?([^"'\s>]+)""", re.IGNORECASE)
_LINK = re.compile(r'(<a\b[^>]*?\bhref="([^"]*)"[^>]*>)(.*?)</a>', re.DOTALL)
_ANY_TAG = re.compile(r"<[^>]*>")
_TAG_NAME = re.compile(r"</?([a-zA-Z][a-zA-Z0-9-]*)")
DEEPEST = 6


@cache
def make_parser(*, keep_escapes: bool = False) -> MarkdownIt:
    """The parser that all text of an issue is read by. `keep_escapes`: what is escaped stays a token of its own."""
    parser = MarkdownIt("commonmark", {"html": True, "linkify": True}).enable(["table", "strikethrough", "linkify"])
    # Only addresses with a scheme are links; a name with a dot in it is a name.
    parser.linkify.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})  # type: ignore[union-attr]
    parser.linkify.add("//", None).add("ftp:", None)  # type: ignore[union-attr]
    # The words of an address are shown as they stand, not decoded.
    parser.normalizeLinkText = lambda link: link  # type: ignore[method-assign]
    allow_beside_cjk(parser)
    return parser.disable("text_join") if keep_escapes else parser


def parse_markdown(body: str, top: int = 4) -> list[Token]:
    """A body → safe tokens: links and images lead somewhere absolute, raw HTML is harmless, headings start at h`top`."""
    tokens = make_parser().parse(drop_controls(body))
    _shift_levels(tokens, top)
    for token in tokens:
        if token.type == "html_block":
            token.content = _name_targets_in_html(clean_html(escape_unknown_tags(token.content)))
        elif token.type == "inline":
            token.children = _safe_inline(token.children or [])
    return tokens


def parse_inline(text: str) -> list[Token]:
    """One line of Markdown (a title) → safe inline tokens, without links: a title may stand inside one."""
    inline = make_parser().parseInline(" ".join(drop_controls(text).split("\n")))[0]
    kinds = ("link_open", "link_close", "image")
    return [token for token in _safe_inline(inline.children or []) if token.type not in kinds]


def to_html(tokens: Sequence[Token]) -> str:
    """Block tokens → sanitised HTML."""
    return clean_html(make_parser().renderer.render(tokens, make_parser().options, {}))


def inline_to_html(tokens: Sequence[Token]) -> str:
    """Inline tokens → sanitised HTML without a block around it."""
    wrapper = Token("inline", "", 0, children=list(tokens))
    return clean_html(make_parser().renderer.render([wrapper], make_parser().options, {}))


def inline_to_text(tokens: Sequence[Token]) -> str:
    """Inline tokens → their words on one line."""
    pieces = []
    for token in tokens:
        if token.type in ("text", "code_inline"):
            pieces.append(token.content)
        elif token.type in ("softbreak", "hardbreak"):
            pieces.append(" ")
    return " ".join("".join(pieces).split())


def _shift_levels(tokens: list[Token], top: int) -> None:
    """Headings begin at h`top`, below the title above them, closed up so that no level is skipped (email-html H37)."""
    used = sorted({int(token.tag[1]) for token in tokens if token.type == "heading_open"})
    new = {level: min(top + position, DEEPEST) for position, level in enumerate(used)}
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{new[int(token.tag[1])]}"


def close_headings(html: str, top: int) -> str:
    """Sanitised HTML whose headings begin at h`top` and go down one level at a time, those of raw HTML too (WCAG 1.3.1)."""
    before = level = top - 1

    def close(tag: re.Match[str]) -> str:
        nonlocal before, level
        if not tag[1]:
            before = level = max(top, min(int(tag[2]), before + 1, DEEPEST))
        return f"<{tag[1]}h{level}"

    return _HEADING.sub(close, html)


def _safe_inline(children: list[Token]) -> list[Token]:
    safe: list[Token] = []
    silenced = ""
    open_links: list[bool] = []
    for token in _end_links(children):
        name = _tag_name(token)
        if silenced:
            if name == silenced and token.content.startswith("</"):
                silenced = ""
        elif name in CONTENT_GOES:
            silenced = "" if token.content.startswith("</") or token.content.endswith("/>") else name
        elif token.type == "html_inline":
            safe += _safe_tag(token, name)
        elif token.type == "link_open":
            open_links.append(_is_absolute(token.attrs.get("href")))
            token.attrs["href"] = tidy_address(str(token.attrs.get("href", "")))
            safe += [token] if open_links[-1] else []
        elif token.type == "link_close":
            safe += [token] if not open_links or open_links.pop() else []
        elif token.type == "image":
            safe += _safe_image(token)
        else:
            safe.append(token)
    return list(_name_targets(safe))


def _end_links(tokens: Sequence[Token]) -> Iterator[Token]:
    """Addresses of running text end before punctuation of East Asia, which linkify takes for a part of them."""
    rest = ""
    for position, token in enumerate(tokens):
        if token.type == "link_open" and token.markup == "linkify":
            words = tokens[position + 1]
            edge = ADDRESS_EDGE.search(words.content)
            if edge:
                rest, words.content = words.content[edge.start() :], words.content[: edge.start()]
                token.attrs["href"] = words.content
        yield token
        if rest and token.type == "link_close":
            yield Token("text", "", 0, content=rest)
            rest = ""


def _name_targets(tokens: Sequence[Token]) -> Iterator[Token]:
    """Links whose words are the address of another site also name the site that they lead to.

    Attack: `[www.bank.example](https://elsewhere.example/)` in a post of somebody else. Readers of a mail cannot look.
    """
    href, words = "", ""
    for token in tokens:
        tag = token.content.lower() if token.type == "html_inline" else ""
        if token.type == "link_open" or tag.startswith("<a"):
            found = _HREF.search(token.content)
            href, words = str(token.attrs.get("href") or (unescape(found[1]) if found else "")), ""
        elif token.type == "link_close" or tag.startswith("</a"):
            if trap := find_trap(words, href):
                yield Token("text", "", 0, content=f" ({trap[1]})")
        else:
            words += token.content if token.type in ("text", "code_inline") else ""
        yield token


def _name_targets_in_html(clean: str) -> str:
    """The same in sanitised HTML."""

    def name(link: re.Match[str]) -> str:
        trap = find_trap(unescape(_ANY_TAG.sub("", link[3])), unescape(link[2]))
        return f"{link[1]}{link[3]} ({escape(trap[1])})</a>" if trap else link[0]

    return _LINK.sub(name, clean) if "<a " in clean else clean


def _tag_name(token: Token) -> str:
    match = _TAG_NAME.match(token.content) if token.type == "html_inline" else None
    return match[1].lower() if match else ""


def _safe_tag(token: Token, name: str) -> list[Token]:
    """A raw tag inside a line: kept if it is allowed, `<br>` is a line break; what is no HTML at all is somebody's text."""
    if name == "br":
        return [Token("hardbreak", "br", 0)]
    if name and name not in HTML_NAMES:
        return [Token("text", "", 0, content=token.content)]
    return [token] if name in TAGS else []


def _safe_image(token: Token) -> list[Token]:
    if _is_absolute(token.attrs.get("src")) and not str(token.attrs["src"]).lower().startswith("mailto:"):
        return [token]
    words = words_of(token)
    return [Token("text", "", 0, content=words)] if words else []


def _is_absolute(url: object) -> bool:
    return isinstance(url, str) and _ABSOLUTE.match(url) is not None
