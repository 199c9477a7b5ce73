"""H37 to H46: headings, what is read aloud and in which order, both parts the same."""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from newsletter.checking.page import Page, Problem, Problems, is_hidden, name_of, style_of, text_of
from newsletter.text.characters import is_rtl
from newsletter.text.words import count_of, fold_units, weigh_words

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_INDEX = re.compile(r"\[\d+\]|https?://\S+|[^\w\s]")
_MISSING_SHARE = 0.05
_RUNNING = 8  # words that are more than a label
_ROWS = ("table", "thead", "tbody", "tr")
_REVERSED = re.compile(r"(?:row|column)-reverse|(?:^|;)\s*order\s*:")


def headings(page: Page) -> Problems:
    """H37"""
    levels = [int(one.tag[1]) for one in page.all(*_HEADINGS) if not is_hidden(one)]
    if levels.count(1) != 1:
        # A short note is right without any; where there are some, who jumps from one to the next misses the first.
        level = "error" if levels else "warning"
        yield Problem(f"{levels.count(1)} headings of the first level; one is right", level=level)
    for before, after in pairwise(levels):
        if after > before + 1:
            yield Problem(f"h{after} follows h{before}: a level is left out")


def read_aloud(page: Page) -> Problems:
    """H39"""
    for element in page.all():
        if element.get("aria-hidden") == "true" and text_of(element):
            yield Problem("aria-hidden on words: who listens to the mail does not hear them", name_of(element))
        if element.get("title") and element.tag not in ("abbr", "iframe"):
            yield Problem("what stands in title only is shown to few", name_of(element), "warning")


def order(page: Page) -> Problems:
    """H40"""
    for row in page.all("tr"):
        cells = row.findall("td")
        if len(cells) > 1 and _is_layout(row) and sum(_count_words(cell) >= _RUNNING for cell in cells) > 1:
            yield Problem("text in cells side by side: it is read cell by cell, row by row", name_of(cells[0]))
    usual = page.tree.get("dir") or "ltr"
    for element in page.all():
        style = style_of(element)
        if element.tag in _ROWS and _turned(element, style, usual):
            yield Problem(
                "the direction of the cells is turned: they are read in another order than seen", name_of(element)
            )
        if _REVERSED.search(element.get("style") or "") or (usual == "ltr" and _floats_behind(element)):
            yield Problem("shown in another order than it is read", name_of(element))


def _is_layout(row: Any) -> bool:
    table = next(row.iterancestors("table"), None)
    return table is not None and table.get("role") in ("presentation", "none")


def _turned(element: Any, style: Mapping[str, str], usual: str) -> bool:
    own = (element.get("dir") or style.get("direction") or usual).lower()
    # Words that do run that way are no trick.
    return own in ("ltr", "rtl") and own != usual and (own == "rtl") != is_rtl(text_of(element))


def _floats_behind(element: Any) -> bool:
    """Whether it is seen to the right of what follows it in the page."""
    after = element.getnext()
    return (
        after is not None
        and _side(element) == "right"
        and _side(after) == "left"
        and bool(text_of(element) and text_of(after))
    )


def _side(element: Any) -> str:
    if not isinstance(element.tag, str):
        return ""
    return style_of(element).get("float") or (element.get("align", "") if element.tag == "table" else "")


def _count_words(element: Any) -> int:
    return weigh_words(fold_units(" ".join(visible(element))))


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
    shown = set(_words(" ".join(visible(page.body))))
    missing = sorted(shown - set(_words(page.text)))
    if len(missing) > 5 and len(missing) > _MISSING_SHARE * len(shown):
        some = ", ".join(missing[:5])
        yield Problem(
            f"{count_of(len(missing), 'word')} of the HTML missing in the text part ({some}); spam filters count that"
        )


def visible(element: Any) -> Iterator[str]:
    """The words that are shown."""
    if not isinstance(element.tag, str) or style_of(element).get("display") == "none":
        return
    yield element.text or ""
    for child in element:
        yield from visible(child)
        yield child.tail or ""


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\W_]+", _INDEX.sub(" ", text).casefold()) if len(word) > 2]
