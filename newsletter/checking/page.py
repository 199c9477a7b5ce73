"""What is checked: the two bodies of a mail as they go out, read once, and the facts they must agree with. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from lxml import html as lxml_html

from newsletter.checking.stylesheet import Sheet, read_declarations


class Problem(NamedTuple):
    """One thing that is wrong. `level` is empty for the rule's own; `where` is in the issue or names an element."""

    message: str
    where: str = ""
    level: str = ""


Problems = Iterator[Problem]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A mail. `html` and `text` are its bodies, `headers` stand before them (none: they are not looked at).

    `words` is all that the issue says, as plain text. The rest is what the settings and the issue say they should hold.
    """

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
    headers: bytes = b""
    words: str = ""
    tree: Any = field(init=False)
    body: Any = field(init=False)
    elements: Sequence[Any] = field(init=False, repr=False)
    styles: Sequence[str] = field(init=False)
    sheet: Sheet = field(init=False)

    def __post_init__(self) -> None:
        tree = lxml_html.document_fromstring(self.html.encode(), parser=lxml_html.HTMLParser(encoding="utf-8"))
        object.__setattr__(self, "tree", tree)
        object.__setattr__(self, "body", tree.find("body"))
        # Held for all rules: lxml makes a new object at each visit of an element that nobody holds.
        object.__setattr__(self, "elements", tuple(one for one in tree.iter() if isinstance(one.tag, str)))
        object.__setattr__(self, "styles", tuple(_styles(self.html)))
        object.__setattr__(self, "sheet", Sheet(self.styles, tree))

    def all(self, *tags: str) -> Iterator[Any]:
        """Elements with these tags, in reading order; all elements if none is named."""
        return (element for element in self.elements if not tags or element.tag in tags)

    @property
    def without_comments(self) -> str:
        """The HTML as clients that skip comments see it."""
        pieces, end = [], 0
        # What is not closed is no comment; to look for its end from each beginning would take long.
        while (start := self.html.find("<!--", end)) >= 0 and (close := self.html.find("-->", start + 4)) >= 0:
            pieces.append(self.html[end:start])
            end = close + 3
        return "".join([*pieces, self.html[end:]])


def _styles(html: str) -> Iterator[str]:
    """What stands in each `<style>`."""
    end = 0
    while (start := html.find("<style", end)) >= 0 and (inside := html.find(">", start)) >= 0:
        if (close := html.find("</style>", inside)) < 0:
            return
        yield html[inside + 1 : close]
        end = close


@lru_cache(maxsize=4096)
def _bare(style: str) -> Mapping[str, str]:
    return {name: one.value for name, one in read_declarations(style).items()}


def style_of(element: Any) -> Mapping[str, str]:
    """The declarations of an element's own style, `!important` left out."""
    return _bare(element.get("style") or "")


def inherited(element: Any, name: str) -> str:
    """What an element's own style or the nearest around it says; empty if none does."""
    while element is not None:
        if value := style_of(element).get(name):
            return value.lower()
        element = element.getparent()
    return ""


def pixels(value: str | None) -> float | None:
    """`27px` → 27.0; nothing for other units."""
    match = re.match(r"([\d.]*\d)px\b", value or "")
    return float(match[1]) if match else None


def text_of(element: Any) -> str:
    """The words of an element, with single blanks."""
    return " ".join(element.text_content().split())


def words_of_its_size(element: Any) -> str:
    """The words of an element that no element inside gives a size of its own."""
    words = [element.text or ""]
    for child in element:
        if isinstance(child.tag, str) and not {"font-size", "font"} & style_of(child).keys():
            words.append(words_of_its_size(child))
        words.append(child.tail or "")
    return " ".join(" ".join(words).split())


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
