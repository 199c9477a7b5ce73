"""Whether a note about partial support speaks of what a mail does: "`rem` values are not supported" says nothing to `14px`."""

import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any

from newsletter.checking.features import FeatureUse
from newsletter.checking.page import style_of

Condition = Callable[[FeatureUse, str], bool]

# Of the notes that speak of a whole `<style>` block, because a client drops all of it.
DROPS_THE_BLOCK = re.compile(r"whole `<style>` block is stripped")
_CSS1_COLOURS = frozenset(
    "aqua black blue fuchsia gray green lime maroon navy olive purple red silver teal white yellow transparent inherit".split()
)
_TAG, _CODE = re.compile(r"<(\w+)>"), re.compile(r"`([^`]+)`")


def concerns(note: str, use: FeatureUse) -> bool:
    """Whether a note says that this use fails. A note that is not understood is told: a person can tell."""
    return condition_of(note)(use, note)


@cache
def condition_of(note: str) -> Condition:
    """The first pattern that is found in a note decides; without one, the elements and the words that it names."""
    found = next((condition for pattern, condition in CONDITIONS if pattern.search(note)), None)
    if found is None:
        return _is_on_tag if _TAG.search(note) else _is_named if _CODE.search(note) else _always
    return found


def _is_on_tag(use: FeatureUse, note: str) -> bool:
    words = _words(note)
    on_tag = use.element is not None and use.element.tag in _TAG.findall(note)
    return on_tag and (not words or _has_word(use, words))


def _is_named(use: FeatureUse, note: str) -> bool:
    return _has_word(use, _words(note))


def _words(note: str) -> list[str]:
    """The values and names in a note, without the elements."""
    return [code for code in _CODE.findall(note) if "<" not in code]


def _always(use: FeatureUse, note: str) -> bool:
    return True


def _never(use: FeatureUse, note: str) -> bool:
    return False


def _matches(pattern: str) -> Condition:
    """The value holds this."""
    return lambda use, note: re.search(pattern, use.value) is not None


def _has_word(use: FeatureUse, words: list[str]) -> bool:
    """One of the words is the property's name, or in the value, a number before it or not."""
    return any(
        word == use.name or re.search(rf"(?<![A-Za-z-]){re.escape(word)}(?![\w-])", use.value.lower()) for word in words
    )


def _refused(use: FeatureUse, note: str) -> bool:
    return _has_word(use, _words(note.partition("but not")[2]))


def _not_listed(use: FeatureUse, note: str) -> bool:
    """The note lists what is supported, and the value is none of it."""
    return not re.search(rf"(?<![\w-]){re.escape(use.value.lower())}(?![\w-])", note)


def _elsewhere(use: FeatureUse, note: str) -> bool:
    """The note names the elements on which it is supported, and it is used on another one."""
    tags = ["td", "th"] if "table cells" in note else _TAG.findall(note)
    return use.element is not None and use.element.tag not in tags


def _has_attribute(use: FeatureUse, note: str) -> bool:
    name = re.findall(r"`(\w+)` attribute", note)[0]
    return any(one.get(name) is not None for one in (use.element, *use.element))


def _percent_on_picture(use: FeatureUse, note: str) -> bool:
    return bool(use.element.tag == "img" and "%" in use.value)


def _several(use: FeatureUse, note: str) -> bool:
    """Several values: divided by commas, or by blanks in `text-decoration`."""
    bare = re.sub(r"\([^()]*\)", "", use.value)
    return "," in bare or (use.name == "text-decoration" and len(bare.split()) > 1)


def _has_slash(use: FeatureUse, note: str) -> bool:
    return "/" in re.sub(r"url\([^)]*\)", "", use.value)


def _thick(use: FeatureUse, note: str) -> bool:
    return any(float(width) > 8 for width in re.findall(r"([\d.]+)px", use.value))


def _lacks(name: str) -> Condition:
    """The element's style does not hold this property, which would help."""
    return lambda use, note: name not in style_of(use.element)


def _has_background(use: FeatureUse, note: str) -> bool:
    return "background-color" in style_of(use.element) or use.element.get("bgcolor") is not None


def _odd_weight(use: FeatureUse, note: str) -> bool:
    return use.value.isdecimal() and use.value not in ("400", "700")


def _very_odd_weight(use: FeatureUse, note: str) -> bool:
    return use.value.isdecimal() and not re.fullmatch(r"[1-9]00", use.value)


def _strange_colour(use: FeatureUse, note: str) -> bool:
    return use.value.isalpha() and use.value.lower() not in _CSS1_COLOURS


def _hides_table(use: FeatureUse, note: str) -> bool:
    return use.value == "none" and use.element.find(".//table") is not None


def _uneven_row(use: FeatureUse, note: str) -> bool:
    """The cells of the row differ in the padding above or below."""
    row = use.element.getparent()
    return row is not None and use.element.tag in ("td", "th") and _is_uneven(row)


@lru_cache(maxsize=64)  # each cell of a long row asks the same
def _is_uneven(row: Any) -> bool:
    return len({_vertical_padding(style_of(cell)) for cell in row.iterchildren("td", "th")}) > 1


def _vertical_padding(style: Mapping[str, str]) -> tuple[str, str]:
    sides = style.get("padding", "0").split() or ["0"]
    top, bottom = sides[0], sides[2] if len(sides) > 2 else sides[0]
    return style.get("padding-top", top), style.get("padding-bottom", bottom)


def _condition(pattern: str, condition: Condition) -> tuple[re.Pattern[str], Condition]:
    return re.compile(pattern, re.IGNORECASE), condition


CONDITIONS: tuple[tuple[re.Pattern[str], Condition], ...] = (
    _condition(r"supported with non google accounts only|only (?:works|supported) with non google", _always),
    # Of the account, not of the mail.
    _condition(r"\baccounts?\b", _never),
    _condition(
        r"browser support|doesn't work in IE|internet explorer|only supported inline|unsupported opening", _never
    ),
    _condition(r"new window anyway|isn't stripped|^converts|` to all items", _never),
    _condition(r"120 dpi", _never),  # H7 is about that
    _condition(r"not supported inline|^buggy\. requires|empty anchor|border-<inline", _always),
    _condition(r"Use `mso-line-height-rule:exactly`", _lacks("mso-line-height-rule")),
    _condition(r"same for all cells", _uneven_row),
    _condition(r"inner tables|nested `<table>`", _hides_table),
    _condition(r"included inside the `margin`", _has_background),
    _condition(r"bigger than 8px", _thick),
    _condition(r"big negative values", _matches(r"(?<![\w.])-[1-9]")),
    _condition(r"negative values", _matches(r"(?<![\w.])-[.\d]")),
    _condition(r"multiple values|not style, color|written with long hand", _several),
    _condition(r"between 0 and 599", _odd_weight),
    _condition(r"the following numeric values", _very_odd_weight),
    _condition(r"whitespace syntax", _matches(r"rgba?\([^,()]*\d\s[^,()]*\)")),
    _condition(r"alpha value", _matches(r"rgb\([^()]*(?:/|,[^,()]*,[^,()]*,)[^()]*\)")),
    _condition(r"/ value` shorthand|slash `/`", _has_slash),
    _condition(r"only `list-style-type`", _matches(r"url\(|inside|outside")),
    _condition(r"only `background-color`", _matches(r"url\(|gradient\(")),
    _condition(r"`list-style-image` values|URL (?:is not|buggy)|`url\(\)`", _matches(r"url\(")),
    _condition(r"inline in the `background-image`", lambda use, note: use.name == "background-image"),
    _condition(r"no space before|space before", _matches(r"\S!")),
    _condition(r"only supported in lowercase", lambda use, note: "!important" not in use.value),
    _condition(r"not written in lowercase", lambda use, note: "!important" in use.value),
    _condition(r"`relative` and `percentage`", _matches(r"%|smaller|larger")),
    _condition(r"^percentages", _matches("%")),
    _condition(r"percentage width on `<img>`", _percent_on_picture),
    _condition(r"set in `em`", _matches(r"[\d.]em")),
    _condition(r"css level 1", _strange_colour),
    _condition(r"longhand properties", lambda use, note: use.name != "transition"),
    # An address does not say whether its picture moves; of these kinds most do.
    _condition(r"animat(?:ed|ion)\b.*(?:gif|$)", _matches(r"(?i)\.(?:gif|apng)\b")),
    _condition(r"base 64 gif", _matches("data:image/gif")),
    _condition(r"base 64 png", _matches("data:image/(?!png)")),
    _condition(r"table cells|only (?:works|supported) on|only `<", _elsewhere),
    _condition(r"`\w+` attribute (?:on|to|is) ", _has_attribute),
    _condition(r"but not `", _refused),
    _condition(r"` only\.|only supports|except when|look like", _not_listed),
)
