"""Places for a reader's data: all of them known, none lost; and nothing left of a template."""

import re

from newsletter import links
from newsletter.checking.page import Page, Problem, Problems

_SLOT = re.compile(re.escape(links.SLOT_PREFIX) + r"(?:[A-Z]+__|\w*)")
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
        if name != "headers" and (left := _TEMPLATE.search(part)):
            around = " ".join(part[max(left.start() - 20, 0) : left.end() + 30].split())
            yield Problem(f"left over of a template in the {name}: {around}")
