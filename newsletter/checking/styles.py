"""H19 to H26 and H42: styles that mail clients understand, also in the dark."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from newsletter.checking.page import Page, Problem, Problems, is_hidden, name_of, style_of, text_of, words_of_its_size

_LAYOUT = re.compile(
    r"(?:^|;)\s*(?:display\s*:\s*(?:inline-)?(?:flex|grid)|position\s*:\s*(?:absolute|fixed|sticky)|float\s*:\s*(?:left|right)|gap\s*:|grid-)",
    re.IGNORECASE,
)
# rgb(1, 2, 3) is as old as colours are.
_MODERN = re.compile(r"var\(|oklch\(|color-mix\(|hsla?\(|rgba\(|rgb\([^,]*\)|lab\(")
# A shadow, or a change by and by, is missed by nobody.
_ADORNS = re.compile(r".*shadow|transition|animation")
# Longer than what is printed small: an address, a copyright, why one gets the mail.
_FINE_PRINT = 160
_COLOUR = re.compile(r"(?<![\w-])#([0-9a-fA-F]+)\b")
_MOMENT = re.compile(r":(?:hover|active|focus|visited|link)\b|\[data-ogs[cb]\]")
_GENERIC = ("serif", "sans-serif", "monospace", "cursive", "system-ui")
_TEXT = ("td", "p", "li", "h1", "h2", "h3", "h4")
_BLOCKS = frozenset("p div h1 h2 h3 h4 h5 h6 ul ol blockquote pre hr center".split())
_OF_THE_WINDOW = ("margin", "padding", "width", "min-width", "height")
_NO_PADDING = ("p", "div", "a")
# What a page can be read without: a client's own switches, variables, what happens under a pointer.
_UNREAD = re.compile(r"-|mso-|color-scheme|cursor|transition|animation|table-layout")
# What an attribute says where a style is dropped.
_ATTRIBUTES = {
    "border-spacing": "cellspacing", "border-collapse": "cellspacing", "width": "width", "height": "height",
    "background-color": "bgcolor", "text-align": "align", "vertical-align": "valign",
}  # fmt: skip


def inline(page: Page) -> Problems:
    """H19"""
    for rule in page.sheet.rules:
        if rule.media or not rule.is_plain:
            continue
        wanted = [name for name in rule.declarations if not _UNREAD.match(name)]
        for element in page.sheet.find(rule) if wanted else ():
            there = style_of(element)
            lost = [
                name
                for name in wanted
                if _matters(name, rule.declarations[name].value, element)
                and not _is_said(name, there)
                and not (name in _ATTRIBUTES and element.get(_ATTRIBUTES[name]))
            ]
            if lost:
                what = ", ".join(lost)
                yield Problem(
                    f"{what} of {rule.selector} is not inline: lost where <style> is dropped", name_of(element)
                )
                break
    for what, names, attribute in (("typeface", ("font-family", "font"), "face"), ("colour", ("color",), "color")):
        bare = list(_without(page, names, attribute))
        if bare:
            more = f", and {len(bare) - 1} more" if len(bare) > 1 else ""
            yield Problem(f"text without an inline {what} on it or around it{more}", name_of(bare[0]))


def _is_said(name: str, there: Mapping[str, str]) -> bool:
    """Whether a property, or a shorthand or a part of it, is there."""
    return any(name == one or name.startswith(f"{one}-") or one.startswith(f"{name}-") for one in there)


def _matters(name: str, value: str, element: Any) -> bool:
    """Whether a property does something to an element of this kind that it would not do by itself."""
    if name == "border-collapse":
        return bool(element.tag == "table")
    if element.tag == "body" and name.startswith(_OF_THE_WINDOW):
        return False  # on the web a client puts the mail into a page that has a body already
    return name != "display" or value != "block" or element.tag not in _BLOCKS


def _without(page: Page, names: tuple[str, ...], attribute: str) -> Iterator[Any]:
    """Elements with words of their own that are shown in whatever the client likes."""
    said: dict[Any, bool] = {}
    for element in page.body.iter():
        if not isinstance(element.tag, str):
            continue
        style = style_of(element)
        own = style.get("display") == "none" or any(name in style for name in names)
        # <font> has said it since the days before styles; what is hidden needs none.
        said[element] = own or bool(element.get(attribute)) or said.get(element.getparent(), False)
        words = (element.text or "").strip() or any((child.tail or "").strip() for child in element)
        if words and not said[element] and element.tag not in ("style", "script"):
            yield element


def kept_important(page: Page) -> Problems:
    """H20"""
    for rule in page.sheet.rules:
        weak = [name for name, one in rule.declarations.items() if not one.important and not _UNREAD.match(name)]
        # Under a pointer, or in Outlook.com, it is the same element.
        elements = (
            page.sheet.find(rule._replace(selector=_MOMENT.sub("", rule.selector).strip() or "*")) if weak else ()
        )
        for name in weak:
            value = rule.declarations[name].value
            if any(_bare(style_of(one).get(name, value)) != _bare(value) for one in elements):
                # What is so for a moment or somewhere must win; what is so everywhere may well give way.
                level = "error" if rule.media or _MOMENT.search(rule.selector) else "warning"
                what = f"{name}: {value[:40]} of {rule.selector[:40]}"
                yield Problem(f"{what}: without !important an inline style wins", level=level)


def _bare(value: str) -> str:
    return re.sub(r"\b0px\b", "0", " ".join(value.lower().split()))


def layout(page: Page) -> Problems:
    """H21"""
    for element in page.all():
        if _LAYOUT.search(element.get("style") or ""):
            yield Problem(
                "the layout needs flex, grid, float or position: many clients know none of them", name_of(element)
            )
        if any(_MODERN.search(value) for name, value in style_of(element).items() if not _ADORNS.match(name)):
            yield Problem("a colour or var() that many clients drop", name_of(element))


def fonts(page: Page) -> Problems:
    """H22"""
    for element in page.all():
        last = style_of(element).get("font-family", "").rpartition(",")[2].strip(" '\"").lower()
        if last and last not in _GENERIC:
            yield Problem(f"font-family ends with {last!r}: end with serif or sans-serif", name_of(element))


def sizes(page: Page) -> Problems:
    """H23"""
    for element in page.all("p", "li", "td"):
        style = style_of(element)
        found = re.match(r"([\d.]+)px", style.get("font-size", ""))
        words = words_of_its_size(element)
        if not found or not words or is_hidden(element):
            continue
        size = float(found[1])
        if size < 14:
            level = "error" if size < 12 or len(words) > _FINE_PRINT else "warning"
            yield Problem(f"text of {size:g} px is too small; 14 at least, 16 to read", name_of(element), level)
        line = re.match(r"([\d.]+)px", style.get("line-height", ""))
        if line and size < 24 and not 1.3 <= float(line[1]) / size <= 1.8:
            yield Problem(
                f"line-height {float(line[1]) / size:.2f}: 1.4 to 1.7 reads well", name_of(element), "warning"
            )


def padding(page: Page) -> Problems:
    """H24"""
    for element in page.all(*_NO_PADDING):
        style = style_of(element)
        if any(name.startswith("padding") and value not in ("0", "0px", "") for name, value in style.items()) and (
            element.tag != "a" or style.get("display") != "inline-block"
        ):
            yield Problem(f"padding on {element.tag}: Outlook ignores it; put it on the td around", name_of(element))


def colours(page: Page) -> Problems:
    """H25"""
    for element in page.all():
        values = [element.get("style") or "", element.get("bgcolor") or ""]
        for found in _COLOUR.findall(" ".join(values)):
            if len(found) != 6:
                yield Problem(f"#{found}: write six digits; some clients know no others", name_of(element))


def backgrounds(page: Page) -> Problems:
    """H26"""
    for element in page.all():
        style = style_of(element)
        both = style.get("background", "")
        pictured = "url(" in both + style.get("background-image", "")
        coloured = (
            element.get("bgcolor") or style.get("background-color") or _COLOUR.search(re.sub(r"url\([^)]*\)", "", both))
        )
        if pictured and text_of(element) and not coloured:
            yield Problem("text on a background picture needs bgcolor: the picture may not come", name_of(element))


def dark(page: Page) -> Problems:
    """H42"""
    sheet = "".join(page.styles)
    if "prefers-color-scheme: dark" not in sheet and "prefers-color-scheme:dark" not in sheet:
        yield Problem("no @media (prefers-color-scheme: dark)")
    if "[data-ogsc]" not in sheet:
        yield Problem("no [data-ogsc] rules: Outlook.com picks dark colours by itself")
    for element in page.all():
        style = style_of(element)
        if "#ffffff" in (style.get("background-color"), element.get("bgcolor")) or style.get("color") == "#000000":
            yield Problem("pure white or black: Gmail inverts it harshly in the dark", name_of(element))
