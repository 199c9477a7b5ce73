"""premailer, tamed: CSS of the first style block goes into style="" attributes, once per issue (email-html §2).

The only module that knows premailer. It is frozen since 2021; options and use follow what was measured there.
"""

import logging
import re
import threading

from newsletter.errors import InputError, Mistake

_LOCK = threading.Lock()  # P15: four threads give silently wrong pages
_OPTIONS = {
    "allow_network": False,  # P14: the default loads what <link> names
    "strip_important": False,  # P1: the default kills mobile and dark rules
    "keep_style_tags": False,
    "disable_validation": True,
    "align_floating_images": False,
    "remove_unset_properties": False,
    "disable_link_rewrites": True,
    "disable_basic_attributes": ["width", "height", "align", "valign", "bgcolor"],  # P9
}


_SHEET = re.compile(r"<style>\s*\n(.*?)</style>", re.DOTALL)
_HIDDEN = re.compile(r"/\*.*?\*/|\"[^\"\n]*\"|'[^'\n]*'", re.DOTALL)
_ODD = re.compile(r"^\s*@|^[^{]*[:>+~*\[][^{]*\{")


def _sheet(html: str) -> str:
    """The style sheet that is inlined, with comments and strings blanked out, line by line as in its file."""
    match = _SHEET.search(html)
    return _HIDDEN.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), match[1]) if match else ""


def _refuse_open_brace(html: str) -> None:
    """A rule that is not closed would take the next one with it, silently."""
    depth = 0
    for number, line in enumerate(_sheet(html).split("\n"), 1):
        for character in line:
            depth += {"{": 1, "}": -1}.get(character, 0)
            if depth not in (0, 1):
                message = "a { or } too many; each rule is closed by one }"
                raise InputError(Mistake(code="NL041", file="templates/email/theme.css", line=number, message=message))
    if depth:
        raise InputError(
            Mistake(code="NL041", file="templates/email/theme.css", message="the last rule is not closed by }")
        )


def _find_odd_rule(html: str) -> int | None:
    return next((number for number, line in enumerate(_sheet(html).split("\n"), 1) if _ODD.search(line)), None)


def inline_css(html: str) -> str:
    """A page with `<style>` and `<style data-premailer="ignore">` → the first inlined and gone, the second as it was.

    Comes back as ASCII with character references, which no relay has to re-encode (H14). Raises InputError if a rule
    of the first block could not be inlined.
    """
    import cssutils
    from lxml import etree

    _refuse_open_brace(html)
    from premailer import Premailer

    cssutils.log.setLevel(logging.CRITICAL)  # P16: it calls mso-* unknown on stderr
    cssutils.ser.prefs.minimizeColorHash = False  # Outlook wants #ffffff
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True)
    with _LOCK:
        root = etree.fromstring(html.encode(), parser)
        kept = len(root.findall(".//style[@data-premailer='ignore']"))
        before = [element.tag for element in root.iter() if isinstance(element.tag, str) and element.tag != "style"]
        tree = Premailer(root, **_OPTIONS).transform().getroot()
    after = [element.tag for element in tree.iter() if isinstance(element.tag, str) and element.tag != "style"]
    # C5: what premailer cannot inline it leaves behind in a style element of its own.
    if len(tree.findall(".//style")) != kept or after != before:
        raise InputError(
            Mistake(
                code="NL041",
                file="templates/email/theme.css",
                line=_find_odd_rule(html),
                message="holds a rule that cannot be inlined",
                help="only classes, tags and plain values here; @media, :hover and the like go to client.css (docs/templates.md)",
            )
        )
    body: str = etree.tostring(tree, method="html", encoding="us-ascii").decode("ascii")
    return f"<!DOCTYPE html>\n{body}\n"
