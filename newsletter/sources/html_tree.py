"""Outside HTML becomes a tree of plain nodes, read as browsers read it. Nothing is judged here.

nh3 (html5ever) reads it and writes it back in canonical form; that form is simple enough to be cut into tags by a pattern.
The tree is never written out as HTML: what is made of it is text, and addresses that are checked (`text.html`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape

from newsletter.text.html import HTML_NAMES

# Elements that begin on a line of their own (HTML Standard §15.3), and the form controls that stand apart from words.
BLOCKS = frozenset(
    """address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption figure
    footer form h1 h2 h3 h4 h5 h6 header hgroup hr legend li listing main marquee menu nav ol optgroup option p plaintext
    pre search section summary table tbody td tfoot th thead tr ul xmp""".split()
)
VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
# A formula's elements are read as HTML elements with these names behind `math-`, and unknown ones behind `x-`. nh3 would drop a
# `<mn>` or `<in>` that stands outside of `<math>` with all that is in it, and forget that an unknown element is hidden.
FORMULA = "math-"
_UNKNOWN = "x-"
_UNKNOWN_LIMIT = 100  # names; a document with more of them is no text
_MATHML = frozenset(
    """annotation annotation-xml maction math menclose merror mfenced mfrac mi mmultiscripts mn mo mover mpadded mphantom
    mprescripts mroot mrow ms mspace msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder munderover semantics""".split()
)
_RENAMED = re.compile(rf"<(/?)(?:{FORMULA}|{_UNKNOWN})")
_NAME = re.compile(r"<(/?)([a-zA-Z][^\s/>]*)")
_PLAYERS = frozenset("amp-img amp-video amp-audio amp-iframe amp-youtube lite-youtube".split())
_OLD = frozenset("bgsound listing noembed nextid plaintext rb rtc search xmp image marquee".split())
_KNOWN = HTML_NAMES | _PLAYERS | _OLD | {"foreignobject"}
_TAGS = (_KNOWN | {FORMULA + name for name in _MATHML}) - {"template", "math", "foreignobject"}
# Their content is text and no markup to a browser that runs scripts; it is written back as it stood.
_RAW = ("iframe", "noembed", "noframes", "noscript", "plaintext", "script", "style", "xmp")
# These are looked at as a whole, however deep they stand; all others are walked into.
_WHOLE = VOID | frozenset(_RAW) | frozenset("canvas rp select svg title".split())
_ATTRIBUTES = frozenset(
    """alt align aria-label colspan data dir height hidden href id lang name open poster role rowspan scope src srcset
    start style title type value videoid width""".split()
)
_SCHEMES = frozenset(
    "http https mailto data javascript vbscript ftp tel sms file cid about blob magnet feed geo irc xmpp news".split()
)
_TAG = re.compile(r'<(/?)([a-z][^\s/>]*)((?:\s+[^\s=>"]+="[^"]*")*)\s*>')
_ATTRIBUTE = re.compile(r'([^\s=>"]+)="([^"]*)"')
# XHTML in disguise: `<iframe src="…"/>` opens an element that is never closed, and a browser shows nothing below it.
_CLOSED_AT_ONCE = re.compile(
    r"""<(iframe|noscript|script|style|textarea|title|video|audio|object)\b([^<>]*(?<=[\s"']))/>""", re.IGNORECASE
)
_WRAPPED = re.compile(r"\s*<!\[CDATA\[(.*)\]\]>\s*\Z", re.DOTALL)
_TEMPLATE = re.compile(r"<template\b", re.IGNORECASE)
_ANY_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)[^<>]*>")
# An element of these is closed by the next one, so many of them are not deep.
_CLOSED_BY_OTHERS = VOID | frozenset(
    "p li dt dd option optgroup tr td th thead tbody tfoot rt rp rb rtc body html head".split()
)
DEEPEST = 100
# html5ever takes time by the square of the depth: 100,000 open elements are 144 s.
_DEEPEST_READ = 400


@dataclass(slots=True)
class Node:
    """An element: its name, its attributes (unescaped), its children in order."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: "list[Node | str]" = field(default_factory=list)

    def get(self, name: str) -> str:
        """An attribute, or an empty text."""
        return self.attributes.get(name, "")

    def walk(self) -> "Iterator[Node]":
        """All elements below this one, in the order of the document."""
        stack = [iter(self.children)]
        while stack:
            child = next(stack[-1], None)
            if child is None:
                stack.pop()
            elif isinstance(child, Node):
                yield child
                stack.append(iter(child.children))

    def text(self) -> str:
        """All text below this element, blanks between elements, on one line."""
        pieces: list[str] = []
        stack: list[Iterator[Node | str]] = [iter(self.children)]
        while stack:
            child = next(stack[-1], None)
            if child is None:
                stack.pop()
            elif isinstance(child, Node):
                pieces.append(" ")
                stack.append(iter(child.children))
            else:
                pieces.append(child)
        return " ".join("".join(pieces).split())


def read_style(node: Node) -> dict[str, str]:
    """The declarations of a `style` attribute, names and values in lower case."""
    pairs = (part.partition(":") for part in node.get("style").lower().split(";"))
    return {name.strip(): value.strip().removesuffix("!important").strip() for name, _, value in pairs}


def is_hidden(node: Node) -> bool:
    """Whether a browser shows nothing of an element: `hidden`, `display: none`, `visibility: hidden`."""
    if "hidden" in node.attributes:
        return node.get("hidden").lower() != "until-found"
    if "style" not in node.attributes:
        return False
    style = read_style(node)
    return style.get("display") == "none" or style.get("visibility") in ("hidden", "collapse")


def read_html(fragment: str) -> tuple[Node, int]:
    """A fragment → (its tree, how many templates were left out: their content belongs to no document).

    A fragment that stands in a CDATA section as a whole was wrapped once too often; what it holds is read. Elements
    nested deeper than DEEPEST become siblings: their words stay, their marks do not.
    """
    import nh3

    if wrapped := _WRAPPED.match(fragment):
        fragment = wrapped[1]
    named, names = _rename(_CLOSED_AT_ONCE.sub(r"<\1\2></\1>", _limit_depth(fragment)))
    html = nh3.clean(
        named,
        tags=_TAGS | names,
        clean_content_tags={"template"},
        attributes={"*": set(_ATTRIBUTES)},
        generic_attribute_prefixes={"data-"},
        url_schemes=set(_SCHEMES),
        link_rel=None,
        strip_comments=True,
    )
    return _build(html), len(_TEMPLATE.findall(fragment))


def _rename(fragment: str) -> tuple[str, set[str]]:
    """Formulas and unknown elements under names that nh3 lets pass, and the names that were made."""
    made: set[str] = set()

    def rename(match: re.Match[str]) -> str:
        name = match[2].lower()
        if name in _MATHML:
            return f"<{match[1]}{FORMULA}{match[2]}"
        if name in _KNOWN:
            return match[0]
        if len(made) < _UNKNOWN_LIMIT:
            made.add(_UNKNOWN + name)
        # Only put in front: what looks like a tag may stand in an attribute, and a quote of it may close that.
        return f"<{match[1]}{_UNKNOWN}{match[2]}"

    return _NAME.sub(rename, fragment), made


def as_typed(text: str) -> str:
    """Text that only looks like markup (`textarea`, an attribute) with the names that stood in the source."""
    return _RENAMED.sub(r"<\1", text) if "<" in text else text


def _limit_depth(fragment: str) -> str:
    """The fragment without the tags that open more than _DEEPEST_READ elements inside each other."""
    if fragment.count("<") <= _DEEPEST_READ:
        return fragment
    depth = deepest = 0

    def keep(match: re.Match[str]) -> str:
        nonlocal depth, deepest
        tag = match[2].lower()
        if tag in _CLOSED_BY_OTHERS:
            return match[0]
        depth = max(0, depth + (-1 if match[1] else 1))
        deepest = max(deepest, depth)
        if depth + bool(match[1]) <= _DEEPEST_READ:
            return match[0]
        return "<br>" if tag in BLOCKS else ""

    limited = _ANY_TAG.sub(keep, fragment)
    return limited if deepest > _DEEPEST_READ else fragment


def _build(html: str) -> Node:
    root = Node("body")
    stack = [root]
    position = 0
    while match := _TAG.search(html, position):
        if match.start() > position:
            stack[-1].children.append(unescape(html[position : match.start()]))
        position = match.end()
        tag = match[2]
        if match[1]:
            if len(stack) > 1:
                stack.pop()
            continue
        node = Node(tag, {name: as_typed(unescape(value)) for name, value in _ATTRIBUTE.findall(match[3])})
        if len(stack) > DEEPEST and not is_hidden(node) and tag not in _WHOLE:
            if tag in BLOCKS:
                stack[-1].children.append(Node("div"))  # it parts words where the element did
            node = stack[-1]
        else:
            stack[-1].children.append(node)
        if tag in _RAW:
            end = html.find(f"</{tag}>", position)
            end = len(html) if end < 0 else end
            if end > position:
                node.children.append(html[position:end])
            position = end + len(tag) + 3
        elif tag not in VOID:
            stack.append(node)
    if position < len(html):
        stack[-1].children.append(unescape(html[position:]))
    return root
