"""H33 to H36: pictures."""

import re
from typing import Any
from urllib.parse import urlsplit

from newsletter.checking.page import Page, Problem, Problems, is_hidden, name_of, pixels, style_of

WIDEST = 640  # px, as H13 has it
_GOOD = (".png", ".jpg", ".jpeg", ".gif")


def attributes(page: Page) -> Problems:
    """H33"""
    for image in page.all("img"):
        if image.get("alt") is None:
            yield Problem('a picture without alt; alt="" if it only decorates', name_of(image))
        if image.get("width") and not re.fullmatch(r"\d+", image.get("width")):
            yield Problem("width must be a number of pixels; Outlook knows nothing else", name_of(image))
        elif not is_hidden(image):
            yield from _width(image)
        style = style_of(image)
        if style.get("max-width") != "100%":
            yield Problem("a picture without max-width:100% pushes phones sideways", name_of(image), "warning")


def _width(image: Any) -> Problems:
    """Outlook and Gecko draw a picture without a width as wide as its file is, and their table grows with it."""
    said = image.get("width")
    if said is None and pixels(style_of(image).get("width")) is None:
        yield Problem(
            'a picture without width="…" in pixels; Outlook draws it as wide as its file', name_of(image), "warning"
        )
    elif said and int(said) > WIDEST:
        yield Problem(
            f"a picture {said} px wide; Outlook draws it so, and the text is {WIDEST} px wide at most", name_of(image)
        )


def kinds(page: Page) -> Problems:
    """H34"""
    for image in page.all("img"):
        address = urlsplit(image.get("src") or "")
        path = address.path.lower()
        if address.scheme != "https" and not (
            address.scheme == "http" and address.hostname == urlsplit(page.url).hostname
        ):
            yield Problem("a picture must come from an https address", name_of(image))
        if path.endswith(".svg"):
            yield Problem("Gmail and Outlook show no SVG", name_of(image))
        elif path.endswith((".webp", ".avif")):
            yield Problem("Outlook shows no WebP or AVIF", name_of(image), "warning")
        elif "." in path.rpartition("/")[2] and not path.endswith(_GOOD):
            yield Problem("png, jpg and gif are what all clients show", name_of(image), "warning")


def linked(page: Page) -> Problems:
    """H35"""
    for link in page.all("a"):
        image = link.find(".//img")
        if image is not None and not (image.get("alt") or "").strip() and not "".join(link.itertext()).strip():
            yield Problem("a picture that is a link needs an alt that says where it leads", name_of(image))


def srcset(page: Page) -> Problems:
    """H36"""
    for element in page.all("img", "source", "picture"):
        if element.get("srcset") or element.tag in ("picture", "source"):
            yield Problem("srcset and picture are unknown to most clients", name_of(element))
