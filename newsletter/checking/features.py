"""What a mail uses, in caniemail's names: an element with its attributes and its own styles → features."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from newsletter.checking.caniemail import read_table
from newsletter.checking.page import style_of

# html, head, body, style and comments are left out: there is no mail without them.
TAGS: dict[str, str] = {
    **dict.fromkeys("h1 h2 h3 h4 h5 h6".split(), "html-h1-h6"),
    **dict.fromkeys("ul ol dl".split(), "html-lists"),
    **dict.fromkeys(
        "article aside details figcaption figure footer header main mark nav section summary time".split(),
        "html-semantics",
    ),
    **dict.fromkeys(("map", "area"), "html-image-maps"),
    **dict.fromkeys(("picture", "source"), "html-picture"),
    **{
        tag: f"html-{tag}"
        for tag in """abbr acronym address audio base bdi blockquote code del dfn dialog div form hr img link marquee meter
        object p pre progress rp rt ruby select small span strike strong svg table textarea video wbr""".split()
    },
}
ATTRIBUTES: dict[str, str] = {
    "loading": "html-loading-attribute",
    "sizes": "html-srcset",
    "srcset": "html-srcset",
    "usemap": "html-image-maps",
    **{
        name: f"html-{name}"
        for name in """align aria-describedby aria-hidden aria-label aria-labelledby aria-live background cellpadding
        cellspacing dir height hidden lang popover required role target valign width""".split()
    },
}
# Properties whose feature is named otherwise; of the others the name, or that of the property they are a part of, is it.
_SIDE, _AXIS = "(?:start|end)", "(?:inline|block)"
PROPERTIES: tuple[tuple[str, str], ...] = (
    (r"(?:column-|row-)?gap", "css-gap"),
    (r"columns|column-(?:fill|rule.*|span|width)", "css-column-layout-properties"),
    (r"top|right|bottom|left", "css-left-right-top-bottom"),
    (rf"border-{_SIDE}-{_SIDE}-radius", "css-border-radius-logical"),
    (r"border-(?:top|bottom)-(?:left|right)-radius", "css-border-radius"),
    (rf"border-{_AXIS}", "css-border-inline-block"),
    (rf"border-{_AXIS}-(?:color|style|width|{_SIDE})", "css-border-inline-block-individual"),
    (rf"border-{_AXIS}-{_SIDE}-(?:color|style|width)", "css-border-inline-block-longhand"),
    (r"margin-(?:inline|block)", "css-margin-inline-block"),
    (rf"margin-inline-{_SIDE}", "css-margin-inline-start-end"),
    (rf"margin-block-{_SIDE}", "css-margin-block-start-end"),
    (r"padding-(?:inline|block)", "css-padding-inline-block"),
    (rf"padding-inline-{_SIDE}", "css-padding-inline-start-end"),
    (rf"padding-block-{_SIDE}", "css-padding-block-start-end"),
    (r"block-size", "css-block-inline-size"),
    (r"--.*", "css-variables"),
)
DISPLAYS = {
    "flex": "css-display-flex",
    "inline-flex": "css-display-flex",
    "grid": "css-display-grid",
    "inline-grid": "css-display-grid",
    "none": "css-display-none",
}
FUNCTIONS: dict[str, str] = {
    "var": "css-variables",
    "rgb": "css-rgb",
    "rgba": "css-rgba",
    "calc": "css-unit-calc",
    **dict.fromkeys(("lch", "oklch", "lab", "oklab"), "css-modern-color"),
    **{name: f"css-function-{name}" for name in ("clamp", "light-dark", "max", "min")},
    **{
        f"{repeating}{kind}-gradient": f"css-{kind}-gradient"
        for kind in ("linear", "radial", "conic")
        for repeating in ("", "repeating-")
    },
}
UNITS: dict[str, str] = {
    "%": "css-unit-percent",
    **{unit: f"css-unit-{unit}" for unit in "ch cm em ex in mm pc pt px rem vh vmax vmin vw".split()},
}
KEYWORDS: dict[str, str] = {
    "initial": "css-unit-initial",
    **dict.fromkeys(("fit-content", "min-content", "max-content"), "css-intrinsic-size"),
    # Spelled so in the data.
    **dict.fromkeys(("system-ui", "ui-serif", "ui-sans-serif", "ui-rounded", "ui-monospace"), "css-sytem-ui"),
}
IMAGES: dict[str, str] = {
    "jpeg": "image-jpg",
    "tif": "image-tiff",
    "heic": "image-heif",
    **{kind: f"image-{kind}" for kind in "apng avif bmp gif heif ico jpg mp4 png svg tiff webp".split()},
}
_LONGEST = 500
_QUOTED = re.compile(r"url\([^)]*\)?|\"[^\"]*\"|'[^']*'")
_URL = re.compile(r"url\(\s*[\"']?([^\"')]*)")
_FUNCTION = re.compile(r"(?<![\w-])([a-z][a-z-]*)(?=\()")
_NUMBER = re.compile(r"(?<![\w#-])[+-]?(?:\d+(?:\.\d*)?|\.\d+)(%|[a-z]+)")
_KEYWORD = re.compile(r"(?<![\w-])[a-z][a-z-]*(?![\w(-])")


class FeatureUse(NamedTuple):
    """A feature that a mail uses. `name` is the tag, attribute or property, `value` what the feature is about in it.

    `element` is None in a `<style>` block.
    """

    slug: str
    element: Any
    name: str
    value: str = ""


def find_uses(element: Any) -> Iterator[FeatureUse]:
    """All features of an element that the table knows; what it has no data on is left out."""
    known = read_table().features
    return (use for use in _uses(element) if use.slug in known)


def _uses(element: Any) -> Iterator[FeatureUse]:
    tag = element.tag
    yield FeatureUse(_tag_slug(element), element, tag)
    for name, value in element.attrib.items():
        yield FeatureUse(ATTRIBUTES.get(name, ""), element, name, value)
    for name, value in style_of(element).items():
        yield from style_uses(element, name, value)
    if "!important" in (style := element.get("style") or "").lower():
        yield FeatureUse("css-important", element, "style", style)
    if tag == "img":
        yield FeatureUse(_image_slug(element.get("src") or ""), element, "src", element.get("src") or "")
    if tag == "a":
        href = element.get("href") or ""
        slug = (
            "html-anchor-links" if href.startswith("#") else "html-mailto-links" if href.startswith("mailto:") else ""
        )
        yield FeatureUse(slug, element, "href", href)


def _tag_slug(element: Any) -> str:
    kind = (element.get("type") or ("submit" if element.tag == "button" else "text")).lower()
    return f"html-{element.tag}-{kind}" if element.tag in ("button", "input") else TAGS.get(element.tag, "")


def style_uses(element: Any, name: str, value: str) -> Iterator[FeatureUse]:
    """The features of one declaration: its property, and the functions, units, words and pictures of its value."""
    yield FeatureUse(property_slug(name, value), element, name, value)
    bare = _QUOTED.sub(" ", value.lower())
    for match in _FUNCTION.finditer(bare):
        # Of a function that nobody closes no more than this: a thousand of them in each other would hold a thousand copies.
        whole = bare[match.start() : match.start() + _LONGEST]
        yield FeatureUse(FUNCTIONS.get(match[1], ""), element, name, whole[: whole.find(")") + 1] or whole)
    for unit in dict.fromkeys(_NUMBER.findall(bare)):
        yield FeatureUse(UNITS.get(unit, ""), element, name, value)
    for word in dict.fromkeys(_KEYWORD.findall(bare)):
        yield FeatureUse(KEYWORDS.get(word, ""), element, name, word)
    for address in _URL.findall(value):
        yield FeatureUse(_image_slug(address), element, name, address)


def property_slug(name: str, value: str = "") -> str:
    """`margin-bottom` → `css-margin`: the feature of a property, else of the one it is a part of; empty: there are no data."""
    if name == "display":
        return DISPLAYS.get(value, "css-display")
    if name in ("flex-direction", "flex-wrap") and value.startswith(("row", "nowrap")):
        return ""  # what they are without a word; the data are about `column` and `wrap`
    return _whole(name)


@cache
def _whole(name: str) -> str:
    for pattern, slug in PROPERTIES:
        if re.fullmatch(pattern, name):
            return slug
    known: Mapping[str, object] = read_table().features
    while name and not name.startswith(("-", "mso-")):
        if f"css-{name}" in known:
            return f"css-{name}"
        name = name.rpartition("-")[0]
    return ""


def _image_slug(address: str) -> str:
    if address.startswith("data:"):
        return "image-base64"
    try:
        path = urlsplit(address).path
    except ValueError:
        return ""
    return IMAGES.get(path.rpartition("/")[2].rpartition(".")[2].lower(), "")
