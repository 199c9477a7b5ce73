"""Places for a reader's data: all of them known, none lost; and nothing left of a template."""

import re
from collections.abc import Iterator

from newsletter import links
from newsletter.checking.page import Page, Problem, Problems

_SLOT = re.compile(re.escape(links.SLOT_PREFIX) + r"(?:[A-Z]+__|\w*)")
# So many characters tell one piece of code from another.
_TELLING = 8
_TEMPLATE = re.compile(r"\{\{|\{%|%7B%7B|%7B%25", re.IGNORECASE)
# Which the sender fills in a body; an address stands in the headers only.
_IN_BODY = frozenset((links.TOKEN_SLOT, links.ID_SLOT))
_IN_HEADERS = _IN_BODY | {links.ADDRESS_SLOT}


def slots(page: Page) -> Problems:
    """slots"""
    headers = page.headers.decode("ascii", "replace")
    for name, part, known in (
        ("HTML", page.html, _IN_BODY),
        ("text", page.text, _IN_BODY),
        ("headers", headers, _IN_HEADERS),
    ):
        for slot in sorted(set(_SLOT.findall(part)) - known):
            yield Problem(f"{slot} in the {name} is filled by nobody")
        if links.TOKEN_SLOT not in part and (part or name != "headers"):
            yield Problem(f"no {links.TOKEN_SLOT} in the {name}: nobody could unsubscribe by it")
    yield from _find_leftovers(page)


def _find_leftovers(page: Page) -> Problems:
    """What looks like a template's code, but for what the issue itself says: somebody may well write about templates."""
    own = _without_blanks(page.words)
    for name, texts in (("HTML", _read_texts(page)), ("text", (page.text,))):
        for text in texts:
            found = _TEMPLATE.finditer(text)
            left = next((one for one in found if _tell(text, one.start()) not in own), None)
            if left:
                around = " ".join(text[max(left.start() - 20, 0) : left.end() + 30].split())
                yield Problem(f"left over of a template in the {name}: {around}")
                break


def _tell(text: str, start: int) -> str:
    """The first characters of a piece of code, to the end of its line or preheader: the issue is searched for them."""
    return _without_blanks(re.split("[\n\u034f]", text[start : start + 2 * _TELLING])[0])[:_TELLING]


def _without_blanks(text: str) -> str:
    return "".join(text.split())


def _read_texts(page: Page) -> Iterator[str]:
    """All words of the HTML and all values of attributes, as a browser reads them."""
    for element in page.elements:
        yield from (element.text or "", element.tail or "", *element.attrib.values())
