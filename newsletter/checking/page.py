"""What is checked: the two bodies of a mail as they go out, read once, and the facts they must agree with. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lxml import html as lxml_html

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_STYLE = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL)
_DECLARATION = re.compile(r"\s*([a-zA-Z-]+)\s*:\s*((?:[^;\"']|\"[^\"]*\"|'[^']*')*)")


class Problem(NamedTuple):
    """One thing that is wrong. `level` is empty for the rule's own; `where` is in the issue or names an element."""

    message: str
    where: str = ""
    level: str = ""


Problems = Iterator[Problem]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A mail. `html` and `text` are its bodies; the rest is what the settings and the issue say they should hold."""

    html: str
    text: str
    subject: str
    preheader: str
    language: str
    url: str
    postal_address: str
    reason: str
    unsubscribe: str
    clients: tuple[str, ...] = ()
    tree: Any = field(init=False)
    body: Any = field(init=False)
    styles: Sequence[str] = field(init=False)

    def __post_init__(self) -> None:
        tree = lxml_html.document_fromstring(self.html.encode(), parser=lxml_html.HTMLParser(encoding="utf-8"))
        object.__setattr__(self, "tree", tree)
        object.__setattr__(self, "body", tree.find("body"))
        object.__setattr__(self, "styles", tuple(_STYLE.findall(self.html)))

    def all(self, *tags: str) -> Iterator[Any]:
        """Elements with these tags, in reading order; all elements if none is named."""
        return (element for element in self.tree.iter(*tags) if isinstance(element.tag, str))

    @property
    def without_comments(self) -> str:
        """The HTML as clients that skip comments see it."""
        return _COMMENT.sub("", self.html)


def style_of(element: Any) -> dict[str, str]:
    """The declarations of an element's own style, `!important` left out."""
    pairs = _DECLARATION.findall(element.get("style") or "")
    return {name.lower(): value.replace("!important", "").strip() for name, value in pairs}


def text_of(element: Any) -> str:
    """The words of an element, with single blanks."""
    return " ".join(element.text_content().split())


def name_of(element: Any) -> str:
    """An element for people: its tag, and its first words or its address."""
    told = element.get("href") or element.get("src") or text_of(element)
    return f"<{element.tag}> {told[:60]}".strip()


def is_hidden(element: Any) -> bool:
    """Whether it, or something around it, is not shown."""
    while element is not None:
        if style_of(element).get("display") == "none":
            return True
        element = element.getparent()
    return False
