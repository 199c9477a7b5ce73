"""H38: whether letters stand out from what they stand on, in the light and in the dark."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from newsletter.checking.page import Page, Problem, Problems, name_of, pixels, style_of

_LEAST, _LEAST_LARGE = 4.5, 3.0
_HEX = re.compile(r"#(?:[0-9a-f]{6}|[0-9a-f]{3})\b")
_NAMED = {"white": "#ffffff", "black": "#000000"}
# These leave what is below to be seen.
_CLEAR = frozenset(("", "transparent", "none", "inherit", "initial", "unset"))
_BOLD = frozenset(("b", "strong", "th", "h1", "h2", "h3", "h4", "h5", "h6"))
_GROUNDS = ("background-color", "background")
# What a colour is called that cannot be measured: a picture, a function, a name.
_UNKNOWN = "?"


class _Look(NamedTuple):
    ink: str = ""
    paper: str = ""
    size: float = 16.0
    is_bold: bool = False
    is_shown: bool = True


def contrast(page: Page) -> Problems:
    """H38"""
    told: set[tuple[str, str]] = set()
    for dark in (False, True) if page.sheet.has_dark else (False,):
        for element, look in _looks(page, dark=dark):
            ink, paper = look.ink, look.paper
            if not ink.startswith("#") or not paper.startswith("#") or (ink, paper) in told:
                continue
            is_large = look.size >= 24 or (look.size >= 18.66 and look.is_bold)
            ratio = contrast_ratio(ink, paper)
            if ratio < (_LEAST_LARGE if is_large else _LEAST):
                told.add((ink, paper))
                when = "in the dark " if dark else ""
                yield Problem(
                    f"{when}{ink} on {paper} has a contrast of {ratio:.1f}; {_LEAST} is what many need",
                    name_of(element),
                )


def _looks(page: Page, *, dark: bool) -> Iterator[tuple[Any, _Look]]:
    """The elements with words of their own that are shown, and how they look."""
    kept = page.sheet.apply(("color", "display", *_GROUNDS), dark=dark)
    looks: dict[Any, _Look] = {}
    for element in page.all():
        style = style_of(element)
        # An inline declaration is only beaten by one that is important.
        beaten = {name: one.value for name, one in kept.get(element, {}).items() if one.important or name not in style}
        look = looks[element] = _look(element, style, beaten, looks.get(element.getparent(), _Look()))
        if look.is_shown and _has_words(element) and element.tag not in ("style", "title", "script"):
            yield element, look


def _has_words(element: Any) -> bool:
    return bool((element.text or "").strip() or any((child.tail or "").strip() for child in element))


def _look(element: Any, style: Mapping[str, str], kept: Mapping[str, str], around: _Look) -> _Look:
    paper = _paper(kept) or _paper(style) or _colour(element.get("bgcolor") or "")
    weight = style.get("font-weight", "")
    return _Look(
        ink=_colour(kept.get("color") or style.get("color", "")) or around.ink,
        paper=paper or around.paper,
        size=pixels(style.get("font-size")) or around.size,
        is_bold=weight in ("bold", "700", "800", "900") or (not weight and (around.is_bold or element.tag in _BOLD)),
        is_shown=around.is_shown and (kept.get("display") or style.get("display")) != "none",
    )


def _paper(style: Mapping[str, str]) -> str:
    return next((found for name in _GROUNDS if (found := _colour(style.get(name, "")))), "")


def _colour(value: str) -> str:
    """As six digits; empty for none, `?` for one that cannot be told from its name."""
    folded = value.lower()
    if folded in _CLEAR:
        return ""
    match = _HEX.search(folded)
    if not match:
        return _NAMED.get(folded, _UNKNOWN)
    digits = match[0][1:]
    return f"#{digits}" if len(digits) == 6 else "#" + "".join(digit * 2 for digit in digits)


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
