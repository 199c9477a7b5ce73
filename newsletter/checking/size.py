"""H14 to H18: how large a mail may be, and what makes Gmail cut it or drop its styles."""

import re

from newsletter.checking.page import Page, Problem, Problems, name_of

CLIP_BYTES, WARN_BYTES = 102_400, 90_000
STYLE_LIMIT = 16_384
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x80-\x9f]|&#(?:[0-8]|1[1-9]|2\d|3[01]|12[89]|1[345]\d);")
_DATA = re.compile(r"\s*data:", re.IGNORECASE)
_DATA_IN_STYLE = re.compile(r"""url\(\s*["']?\s*data:""", re.IGNORECASE)
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)


def clipping(page: Page) -> Problems:
    """H14"""
    size = len(page.html.encode())
    if size >= CLIP_BYTES:
        yield Problem(f"{size:,} bytes of HTML: Gmail cuts the mail at {CLIP_BYTES:,}")
    elif size > WARN_BYTES:
        yield Problem(f"{size:,} bytes of HTML, near the {CLIP_BYTES:,} at which Gmail cuts", level="warning")
    if found := _CONTROL.search(page.html):
        code = ord(found[0]) if len(found[0]) == 1 else int(found[0][2:-1])
        yield Problem(f"holds a control character (U+{code:04X}); Gmail cuts such mails")


def style_size(page: Page) -> Problems:
    """H15"""
    if sum(map(len, page.styles)) > STYLE_LIMIT:
        yield Problem(f"more than {STYLE_LIMIT:,} characters of styles; Gmail then drops all of them")


def nested_at_rules(page: Page) -> Problems:
    """H16"""
    for style in page.styles:
        depth, inside = 0, False
        for part in re.findall(r"@[a-z-]+|[{}]", _COMMENT.sub("", style)):
            if part == "{":
                depth += 1
            elif part == "}":
                depth -= 1
                inside = inside and depth > 0
            elif depth and inside:
                yield Problem(f"{part} inside of @media: Gmail then drops all styles")
            elif part == "@media":
                inside = True


def style_comments(page: Page) -> Problems:
    """H17"""
    if any("/*" in style for style in page.styles):
        yield Problem("a comment among the styles; some clients drop the rule behind it")


def embedded_data(page: Page) -> Problems:
    """H18"""
    for element in page.all():
        said = (element.get("src") or "", element.get("background") or "", element.get("style") or "")
        if any(map(_DATA.match, said[:2])) or _DATA_IN_STYLE.search(said[2]):
            yield Problem("a data: picture; Gmail shows none", name_of(element))
            return
    if any(map(_DATA_IN_STYLE.search, page.styles)):
        yield Problem("a data: picture in a style; Gmail shows none")
