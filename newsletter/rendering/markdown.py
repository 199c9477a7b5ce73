"""Markdown → one token stream that is safe, from which HTML and plain text are both made.

Raw HTML in a post is sanitised *in the stream*, so that both see the same words; the HTML is sanitised once more
at the end, as the last step before it is used (security R7).
"""

import re
from collections.abc import Sequence
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from newsletter.text.html import CONTENT_GOES, HTML_NAMES, TAGS, clean_html, escape_unknown_tags

_ABSOLUTE = re.compile(r"(?:https?://[^/\s]|mailto:\S)", re.IGNORECASE)
_TAG_NAME = re.compile(r"</?([a-zA-Z][a-zA-Z0-9-]*)")
DEEPEST = 6


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True, "linkify": True}).enable(["table", "strikethrough", "linkify"])
    # Only addresses with a scheme are links; a name with a dot in it is a name.
    parser.linkify.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})  # type: ignore[union-attr]
    parser.linkify.add("//", None).add("ftp:", None)  # type: ignore[union-attr]
    # The words of an address are shown as they stand, not decoded.
    parser.normalizeLinkText = lambda link: link  # type: ignore[method-assign]
    return parser


def parse_markdown(body: str, top: int = 4) -> list[Token]:
    """A body → safe tokens: links and images lead somewhere absolute, raw HTML is harmless, headings start at h`top`."""
    tokens = _parser().parse(body)
    _shift_levels(tokens, top)
    for token in tokens:
        if token.type == "html_block":
            token.content = clean_html(escape_unknown_tags(token.content))
        elif token.type == "inline":
            token.children = _safe_inline(token.children or [])
    return tokens


def parse_inline(text: str) -> list[Token]:
    """One line of Markdown (a title) → safe inline tokens, without links: a title may stand inside one."""
    inline = _parser().parseInline(text.replace("\n", " "))[0]
    kinds = ("link_open", "link_close", "image")
    return [token for token in _safe_inline(inline.children or []) if token.type not in kinds]


def to_html(tokens: Sequence[Token]) -> str:
    """Block tokens → sanitised HTML."""
    return clean_html(_parser().renderer.render(tokens, _parser().options, {}))


def inline_to_html(tokens: Sequence[Token]) -> str:
    """Inline tokens → sanitised HTML without a block around it."""
    wrapper = Token("inline", "", 0, children=list(tokens))
    return clean_html(_parser().renderer.render([wrapper], _parser().options, {}))


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


def _safe_inline(children: list[Token]) -> list[Token]:
    safe: list[Token] = []
    silenced = ""
    open_links: list[bool] = []
    for token in children:
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
            safe += [token] if open_links[-1] else []
        elif token.type == "link_close":
            safe += [token] if not open_links or open_links.pop() else []
        elif token.type == "image":
            safe += _safe_image(token)
        else:
            safe.append(token)
    return safe


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
    return [Token("text", "", 0, content=token.content)] if token.content else []


def _is_absolute(url: object) -> bool:
    return isinstance(url, str) and _ABSOLUTE.match(url) is not None
