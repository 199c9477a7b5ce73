"""H1 to H13: what mail clients need of the frame around the text."""

import re
from typing import Any
from urllib.parse import urlsplit

from newsletter.checking.page import Page, Problem, Problems, name_of, style_of

_TAG = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*\Z")
# What browsers draw without guessing: HTML, and the older types of document with their address.
_DOCTYPE = re.compile(
    r'\s*(?:<!--(?:(?!-->).)*-->\s*)*<!doctype html(?:\s+public\s+"-//w3c//dtd x?html [14]\.[01][^"]*"\s+"[^"]+")?\s*>',
    re.IGNORECASE | re.DOTALL,
)
_CHARSET = re.compile(
    r"""<meta\s+(?:charset=["']?utf-8|http-equiv=["']?content-type["']?\s+content=["'][^"']*charset=utf-8)""",
    re.IGNORECASE,
)
# One without a width is as wide as the device where it says a scale.
_WIDTH = re.compile(r"width\s*=\s*device-width|initial-scale\s*=\s*1")
_OF_ROWS = re.compile(r"(?<!tbody)(?<!thead)(?<!tfoot) ?> ?tr\b")
_RTL = frozenset("ar arc ckb dv fa he ks ku ps sd ug ur yi".split())
_FORBIDDEN = ("script", "iframe", "form", "object", "embed", "video", "audio", "base", "input", "button")
_CONDITION = re.compile(r"<!--\[if [^\]<]*\]>(?:<!-->)?|<!--<!\[endif\]-->|<!\[endif\]-->")
_DEEPEST_TABLE, _DEEPEST = 5, 200
_METAS = ("x-apple-disable-message-reformatting", "format-detection", "color-scheme", "supported-color-schemes")


def doctype(page: Page) -> Problems:
    """H1"""
    if not _DOCTYPE.match(page.html):
        yield Problem("does not begin with <!DOCTYPE html>; clients then guess at widths")


def language(page: Page) -> Problems:
    """H2"""
    root = page.tree
    if not _TAG.match(root.get("lang") or ""):
        yield Problem("<html> needs lang: by it the mail is read aloud")
    elif (root.get("lang") or "").partition("-")[0].lower() in _RTL and root.get("dir") not in ("rtl", "auto"):
        yield Problem('<html> needs dir="rtl" in this language')
    wrapper = next((one for one in page.all("div") if one.get("role") == "article"), None)
    if wrapper is None or not wrapper.get("aria-label") or wrapper.get("lang") != root.get("lang"):
        yield Problem('no <div role="article" aria-label lang dir> around the text; some clients drop <html>')


def charset(page: Page) -> Problems:
    """H3"""
    if not _CHARSET.search(page.html[:1024]):
        yield Problem('no <meta charset="utf-8"> in the first 1024 bytes')


def viewport(page: Page) -> Problems:
    """H4"""
    content = next((one.get("content") or "" for one in page.all("meta") if one.get("name") == "viewport"), "")
    if not _WIDTH.search(content):
        yield Problem("no viewport of width=device-width; phones show the page tiny")
    if "user-scalable=no" in content or "maximum-scale" in content:
        yield Problem("the viewport forbids to enlarge the text")


def title(page: Page) -> Problems:
    """H5"""
    found = page.tree.findtext(".//title") or ""
    if " ".join(found.split()) != " ".join(page.subject.split()):
        yield Problem(f"<title> is {found[:60]!r}, not the subject")


def metas(page: Page) -> Problems:
    """H6"""
    there = {one.get("name") for one in page.all("meta")}
    for name in _METAS:
        if name not in there:
            yield Problem(f'no <meta name="{name}">')


def office(page: Page) -> Problems:
    """H7"""
    if "o:PixelsPerInch>96<" not in page.html:
        yield Problem("no o:PixelsPerInch 96 for Outlook; it enlarges what is measured in pixels")


def forbidden(page: Page) -> Problems:
    """H8"""
    for element in page.all():
        if element.tag == "link" and "stylesheet" in (element.get("rel") or "") and _is_of_typefaces(element):
            yield Problem(
                "a typeface from elsewhere: few clients load it, and it tells who reads", name_of(element), "warning"
            )
        # Gmail takes a button in its list of mails from such data.
        elif element.tag == "script" and element.get("type") == "application/ld+json":
            continue
        elif element.tag in _FORBIDDEN or (element.tag == "link" and "stylesheet" in (element.get("rel") or "")):
            yield Problem("no mail client runs or shows this", name_of(element))
        for attribute in element.attrib:
            if attribute.lower().startswith("on"):
                yield Problem(f"{attribute}: no mail client runs this", name_of(element))


def _is_of_typefaces(link: Any) -> bool:
    return (urlsplit(link.get("href") or "").hostname or "").startswith("fonts.")


def conditional_comments(page: Page) -> Problems:
    """H9"""
    depth = 0
    for match in _CONDITION.findall(page.html):
        depth += -1 if "endif" in match else 1
        if depth not in (0, 1):
            yield Problem("conditional comments are not balanced", match)
            return
    if depth:
        yield Problem("a conditional comment is not closed")
    if re.search(r"<!\[if |<!\[endif\]>", page.without_comments):
        yield Problem("<![if …]> is destroyed by inliners; write <!--[if !mso]><!--> … <!--<![endif]-->")


def layout_tables(page: Page) -> Problems:
    """H10"""
    for table in page.all("table"):
        if table.get("role") in ("presentation", "none"):
            for name in ("cellpadding", "cellspacing", "border"):
                if table.get(name) != "0":
                    yield Problem(f'a layout table needs {name}="0"', name_of(table))
            if table.find("./tbody/tr/th") is not None or table.find("./caption") is not None:
                yield Problem("a layout table has th or caption: it is read out as data", name_of(table))
        elif table.find(".//th") is None:
            yield Problem('a table without th is read out as data; role="presentation" if it is layout', name_of(table))


def nesting(page: Page) -> Problems:
    """H11"""
    deepest = max((sum(1 for _ in table.iterancestors("table")) + 1 for table in page.all("table")), default=0)
    if deepest > _DEEPEST_TABLE:
        yield Problem(f"tables are nested {deepest} deep; {_DEEPEST_TABLE} is what old clients bear")
    if max((sum(1 for _ in one.iterancestors()) for one in page.all()), default=0) >= _DEEPEST:
        yield Problem(f"elements are nested {_DEEPEST} deep")


def explicit_tbody(page: Page) -> Problems:
    """H12"""
    # Where no rule goes by it, or one for either way, the tbody that browsers add changes nothing.
    selectors = [rule.selector for rule in page.sheet.rules]
    goes_by_it = any(map(_OF_ROWS.search, selectors)) and not any("tbody" in one for one in selectors)
    level = "error" if goes_by_it else "warning"
    for table in page.all("table"):
        if table.find("./tr") is not None:
            yield Problem("tr without tbody: browsers add one, and styles then miss", name_of(table), level)


def width(page: Page) -> Problems:
    """H13"""
    widths = [int(found) for found in re.findall(r"max-width:\s*(\d+)px", page.html)]
    widest = max((one for one in widths if one <= 2000), default=0)
    if not widths or widest > 640:
        yield Problem(f"the text is {widest or 'without a'} px wide; 600 is what fits everywhere")
    if not re.search(r'<!--\[if mso\]><table[^>]*width="\d+"', page.html):
        yield Problem("no table of a fixed width for Outlook; it knows no max-width")
    if any("auto" in style_of(one).get("margin", "") and not one.get("align") for one in page.all("table")):
        yield Problem('margin: auto alone does not centre in Outlook; align="center" too')
