"""What a person sees of an HTML document: read by html5lib and forty plain lines, and by nothing of the program's own."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

import html5lib

# A line of their own in a browser, or a box apart from the words around it.
APART = frozenset(
    """address article aside blockquote body br button caption center dd details dialog dir div dl dt fieldset figcaption
    figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr legend li listing main menu nav ol optgroup option p pre search
    section summary table tbody td textarea tfoot th thead tr ul xmp marquee plaintext""".split()
)
UNSEEN = frozenset(
    """rp script style template head title noframes noembed select datalist svg canvas annotation
    annotation-xml""".split()
)
PLAYERS = frozenset("iframe video audio object embed".split())
_FORMULA = frozenset(
    "math mi mn mo ms mtext mrow mfrac msup msub msqrt mroot mover munder mtable mtr mtd semantics mspace".split()
)
_HIDING = re.compile(
    r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)\s*(?:!important)?\s*(?:;|$)", re.IGNORECASE
)
_NOBODY_SEES = re.compile("[\u200b\u2060\ufeff\x00-\x08\x0e-\x1f\x7f]")


def visible_text(html: str, *, alts: bool = False) -> str:
    """The words of a fragment in the order of the document, a line end wherever a browser parts them.

    `alts`: and what pictures are said to show, for who sees none.
    """
    # A whole document: html5lib loses words of fragments that begin with a broken table.
    document = html5lib.parse(f"<!doctype html><body>{html}", treebuilder="etree", namespaceHTMLElements=False)
    return "".join(_read(document, alts))


def visible_words(html: str) -> list[str]:
    """What stands between white space, marks and all."""
    return split_words(visible_text(html))


def split_words(text: str) -> list[str]:
    """Text → what stands between white space, without the characters that nobody sees."""
    return unicodedata.normalize("NFC", _NOBODY_SEES.sub("", text.translate(_C1))).split()


_C1 = {code: bytes([code]).decode("cp1252", "ignore") or None for code in range(0x80, 0xA0)}


def _read(element: Any, alts: bool) -> Iterator[str]:
    tag = element.tag if isinstance(element.tag, str) else ""
    name = tag.rpartition("}")[2]
    if not isinstance(element.tag, str):  # a comment
        yield element.tail or ""
        return
    formula = name in _FORMULA or "block" in _display(element)
    # A reading stands above its signs; in a line of text there are brackets for that.
    reading = name in ("rt", "rtc") and split_words("".join(element.itertext()))
    before, after = (" (", ") ") if reading else ("\n", "\n") if name in APART or formula else ("", "")
    if _is_hidden(element):
        before = after = "" if "visibility" not in (element.get("style") or "") else before
    yield before
    if name in PLAYERS and (_leads_to(element) or name in ("iframe", "embed")):
        yield f"\n{_name(element)}\n" if _leads_to(element) else ""
    elif name == "noscript" or (name == "picture" and element.find(".//img") is None):
        yield " "  # the pictures in it are shown
    elif name not in UNSEEN and not _is_hidden(element):
        if name == "img" and _shows(element):
            yield f" {element.get('alt') or ''} " if alts else " "
        yield element.text or ""
        for child in element:
            yield from _read(child, alts)
    yield after
    yield element.tail or ""


def _shows(element: Any) -> bool:
    written = [element.get(name) or "" for name in ("src", "data-src", "srcset")]
    return element.get("width") != "1" and any(re.match(r"(?![a-z]*:(?!//\w))\S", value) for value in written)


def _leads_to(element: Any) -> str:
    written = element.get("src") or element.get("data") or ""
    return (
        urljoin("https://e.example/post", written) if re.match(r"https?://[\w.]|(?![a-z]+:)[^/]|/[^/]", written) else ""
    )


def _name(element: Any) -> str:
    """A link needs words: its title, or what it leads to."""
    parts = urlsplit(_leads_to(element))
    file = parts.path.rpartition("/")[2]
    named = file if "." in file and element.tag in ("video", "audio") else parts.hostname
    return str(element.get("title") or named)


def _display(element: Any) -> str:
    match = re.search(r"display\s*:\s*([a-z-]+)\s*(?:[;!]|$)", element.get("style") or "")
    return match[1] if match else ""


def _is_hidden(element: Any) -> bool:
    return element.get("hidden") is not None or bool(_HIDING.search(element.get("style") or ""))
