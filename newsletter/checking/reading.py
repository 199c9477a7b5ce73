"""H37 to H46 as far as bytes tell: headings, contrast, what is read aloud, both parts the same."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from newsletter.checking.page import Page, Problem, Problems, is_hidden, name_of, style_of, text_of

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_INDEX = re.compile(r"\[\d+\]|https?://\S+|[^\w\s]")
_SIX = re.compile(r"#[0-9a-f]{6}\Z")
_MISSING_SHARE = 0.05
_LEAST, _LEAST_LARGE = 4.5, 3.0


def headings(page: Page) -> Problems:
    """H37"""
    levels = [int(one.tag[1]) for one in page.all(*_HEADINGS) if not is_hidden(one)]
    if levels.count(1) != 1:
        yield Problem(f"{levels.count(1)} headings of the first level; one is right")
    for before, after in pairwise(levels):
        if after > before + 1:
            yield Problem(f"h{after} follows h{before}: a level is left out")


def contrast(page: Page) -> Problems:
    """H38, in the light: colours that are written inline. The dark is measured by a browser in the test suite."""
    told: set[tuple[str, str]] = set()
    for element in page.all():
        own = (element.text or "").strip() or any((child.tail or "").strip() for child in element)
        if not own or element.tag in ("style", "title", "script") or is_hidden(element):
            continue
        ink, paper = _inherited(element, "color"), _paper(element)
        if not _SIX.match(ink) or not paper or (ink, paper) in told:
            continue
        size, bold = _inherited(element, "font-size"), _inherited(element, "font-weight")
        pixels = float(match[1]) if (match := re.match(r"([\d.]+)px", size)) else 16.0
        large = pixels >= 24 or (
            (pixels >= 18.66 and bold in ("bold", "700")) or (element.tag in ("h1", "h2") and pixels >= 18.66)
        )
        ratio = contrast_ratio(ink, paper)
        if ratio < (_LEAST_LARGE if large else _LEAST):
            told.add((ink, paper))
            yield Problem(
                f"{ink} on {paper} has a contrast of {ratio:.1f}; {_LEAST} is what many need", name_of(element)
            )


def _inherited(element: Any, name: str) -> str:
    while element is not None:
        if value := style_of(element).get(name):
            return value.lower()
        element = element.getparent()
    return ""


def _paper(element: Any) -> str:
    while element is not None:
        value = (style_of(element).get("background-color") or element.get("bgcolor") or "").lower()
        if _SIX.match(value):
            return value
        element = element.getparent()
    return ""


def contrast_ratio(ink: str, paper: str) -> float:
    """Of two six-digit colours (WCAG 2.2, relative luminance).

    >>> round(contrast_ratio("#000000", "#ffffff"), 1)
    21.0
    """
    light, darker = sorted((_luminance(ink), _luminance(paper)), reverse=True)
    return (light + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def read_aloud(page: Page) -> Problems:
    """H39"""
    for element in page.all():
        if element.get("aria-hidden") == "true" and text_of(element):
            yield Problem("aria-hidden on words: who listens to the mail does not hear them", name_of(element))
        if element.get("title") and element.tag not in ("abbr", "iframe"):
            yield Problem("what stands in title only is shown to few", name_of(element), "warning")


def shouting(page: Page) -> Problems:
    """H41"""
    for element in page.all("p", "li", "td", "h1", "h2", "h3"):
        if style_of(element).get("text-align") == "justify":
            yield Problem("justified text tears holes into narrow columns", name_of(element))
        words = [word for word in re.findall(r"\w+", text_of(element)) if len(word) > 3]
        if element.tag != "td" and len(words) >= 6 and all(word.isupper() for word in words):
            yield Problem("a whole sentence in capitals", name_of(element))


def right_to_left(page: Page) -> Problems:
    """H43"""
    if page.tree.get("dir") != "rtl":
        return
    if not any(one.get("dir") == "rtl" for one in page.all("div")):
        yield Problem("no dir=rtl on the wrapper; some clients drop <html>")
    for element in page.all("td"):
        if element.get("align") == "left" and text_of(element):
            yield Problem("align=left in text that runs from right to left", name_of(element), "warning")


def same_words(page: Page) -> Problems:
    """H46"""
    shown = set(_words(" ".join(_visible(page.body))))
    missing = sorted(shown - set(_words(page.text)))
    if len(missing) > 5 and len(missing) > _MISSING_SHARE * len(shown):
        some = ", ".join(missing[:5])
        yield Problem(f"{len(missing)} words of the HTML are not in the text part ({some}); spam filters count that")


def _visible(element: Any) -> Iterator[str]:
    """The words that are shown."""
    if not isinstance(element.tag, str) or style_of(element).get("display") == "none":
        return
    yield element.text or ""
    for child in element:
        yield from _visible(child)
        yield child.tail or ""


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\W_]+", _INDEX.sub(" ", text).casefold()) if len(word) > 2]
