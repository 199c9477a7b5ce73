"""What published mails do and readers never suffer from is no error. `./run bench templates` found each of these.

Beside each stands its like that is one, so that no rule is silent altogether.
"""

import re
from collections.abc import Callable

import pytest

from newsletter.checking import Page, check_page
from newsletter.flows.build import render_issue
from newsletter.flows.check import _make_page
from newsletter.workspace.files import Workspace
from newsletter.workspace.load import read_config
from tests.checking.test_rules import END, ROOT, SLUG, TABLE, put, remake, swap

Change = Callable[[Page], Page]
XHTML = '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">'
OLD = '<meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />'
VIEWPORT = 'content="width=device-width, initial-scale=1"'
CHARSET = '<meta charset="utf-8">'
ROW = '<table role="presentation" cellpadding="0" cellspacing="0" border="0"><tr><td>x</td></tr></table>'
GREY = "color: #444444; font-family: serif;"
ADDRESS = "1 Example Street, Berlin. You get this since you asked for it."


def cell(style: str, inside: str, attributes: str = "") -> Change:
    """A cell with words before the first post."""
    return put(TABLE.replace("<td>", f'<td style="{GREY} {style}"{attributes}>') + inside + END)


def sheet(rule: str, inside: str = "") -> Change:
    """A rule that is kept, and what it is for."""
    return lambda page: put(inside)(swap("</style>", rule.replace("\\", r"\\") + "</style>")(page))


# The rule, what is no error by it, and what is.
CASES: dict[str, tuple[str, Change, Change]] = {
    "doctype in small letters": (
        "H1",
        swap("<!DOCTYPE html>", "<!doctype html>"),
        swap("<!DOCTYPE html>", ""),
    ),
    "doctype of XHTML": (
        "H1",
        swap("<!DOCTYPE html>", XHTML),
        swap("<!DOCTYPE html>", '<!DOCTYPE html PUBLIC "-//W3C//DTD HTML 3.2//EN">'),
    ),
    "a comment before the doctype": (
        "H1",
        swap("<!DOCTYPE html>", "<!-- x\n-->\n<!DOCTYPE html>"),
        swap("<!DOCTYPE html>", "<!--<!DOCTYPE html>-->"),
    ),
    "left to right without saying so": (
        "H2",
        swap('lang="en" dir="ltr" xmlns', 'lang="en" xmlns'),
        swap('lang="en" dir="ltr" xmlns', 'lang="ar" dir="ltr" xmlns'),
    ),
    "charset as it was written before": ("H3", swap(CHARSET, OLD), swap(CHARSET, OLD.replace("UTF-8", "iso-8859-1"))),
    "a scale without a width": (
        "H4",
        swap(VIEWPORT, 'content="initial-scale=1.0"'),
        swap(VIEWPORT, 'content="initial-scale=0.5"'),
    ),
    "a typeface from elsewhere": (
        "H8",
        put('<link rel="stylesheet" href="https://fonts.example/css?family=Inter">'),
        put('<link rel="stylesheet" href="https://example.org/all.css">'),
    ),
    "what Gmail reads": (
        "H8",
        put('<script type="application/ld+json">{}</script>'),
        put('<script type="text/javascript">{}</script>'),
    ),
    "no tbody, and rules for either": (
        "H12",
        sheet(".x > tr, .x > tbody > tr { color: #112233 !important; }", ROW),
        sheet(".x > tr { color: #112233 !important; }", ROW),
    ),
    "no tbody, and no rule that needs one": ("H12", put(ROW), sheet(".x > tr { color: #112233 !important; }", ROW)),
    "an at-sign in a comment": (
        "H16",
        sheet("@media (max-width: 9px) { /* @tip: wide */ a { color: #112233 !important; } }"),
        sheet("@media (max-width: 9px) { @font-face { font-family: x; } }"),
    ),
    "an attribute that says the same": (
        "H19",
        sheet(".w { border-spacing: 0 !important; }", ROW.replace("<table", '<table class="w"').replace("<tr>", "<tbody><tr>").replace("</tr>", "</tr></tbody>")),
        sheet(".w { border-spacing: 0 !important; }", f'<p class="w" style="{GREY}">x</p>'),
    ),
    "margins of the window": (
        "H19",
        sheet("body { margin: 0 !important; width: 100% !important; }"),
        sheet("body { letter-spacing: 1px !important; }"),
    ),
    "what an element is anyway": (
        "H19",
        sheet(".w { display: block !important; border-collapse: collapse !important; }", f'<p class="w" style="{GREY}">x</p>'),
        sheet(".w { display: block !important; }", f'<span class="w" style="{GREY}">x</span>'),
    ),
    "a rule for everywhere that gives way": (
        "H20",
        sheet(".w { color: #112233; }", f'<p class="w" style="{GREY}">x</p>'),
        sheet("@media (max-width: 600px) { .w { color: #112233; } }", f'<p class="w" style="{GREY}">x</p>'),
    ),
    "the same in other words": (
        "H20",
        sheet("@media (max-width: 600px) { .w { margin: 0PX; } }", f'<p class="w" style="{GREY} margin: 0">x</p>'),
        sheet("@media (max-width: 600px) { .w { margin: 10px; } }", f'<p class="w" style="{GREY} margin: 0">x</p>'),
    ),
    "a rule that meets no inline style": (
        "H20",
        sheet("@media print { .w { letter-spacing: 1px; } }", f'<p class="w" style="{GREY}">x</p>'),
        sheet("@media print { .w { color: #112233; } }", f'<p class="w" style="{GREY}">x</p>'),
    ),
    "a rule under a pointer": (
        "H20",
        sheet(".w:hover { color: #444444; }", f'<p class="w" style="{GREY}">x</p>'),
        sheet(".w:hover { color: #112233; }", f'<p class="w" style="{GREY}">x</p>'),
    ),
    "a rule of Outlook.com": (
        "H20",
        sheet("[data-ogsc] .w { color: #112233 !important; }", f'<p class="w" style="{GREY}">x</p>'),
        sheet("[data-ogsc] .w { color: #112233; }", f'<p class="w" style="{GREY}">x</p>'),
    ),
    "a place that moves nothing": ("H21", cell("position: relative; float: none", "x"), cell("float: left", "x")),
    "a shadow of a modern colour": (
        "H21",
        cell("box-shadow: 0 2px 8px rgba(0,0,0,0.05)", "x"),
        cell("background-color: rgba(0,0,0,0.05)", "x"),
    ),
    "a colour by three numbers": (
        "H21",
        cell("border-color: rgb(1, 2, 3)", "x"),
        cell("border-color: rgb(1 2 3 / 50%)", "x"),
    ),
    "fine print": ("H23", cell("font-size: 12px", ADDRESS), cell("font-size: 12px", f"{ADDRESS} " * 4)),
    "small around what has a size of its own": (
        "H23",
        cell("font-size: 10px", '<span style="font-size: 16px">words</span>'),
        cell("font-size: 10px", "words"),
    ),
    "a picture over a colour": (
        "H26",
        cell("background-image: url(https://example.org/x.png); background-color: #fdfcf9", "x"),
        cell("background-image: url(https://example.org/x.png)", "x"),
    ),
    "a colour and a picture in one": (
        "H26",
        cell("background: #fdfcf9 url(https://example.org/x.png)", "x"),
        cell("background: url(https://example.org/x.png#112233)", "x"),
    ),
    "no gap between inline blocks": (
        "H28",
        cell("font-size: 0px", '<span style="font-size: 16px">words</span>'),
        cell("font-size: 0px", "words"),
    ),
    "blanks that fill a preheader": (
        "H28",
        put('<div style="font-size: 1px">&zwnj;&nbsp;</div>'),
        put('<div style="font-size: 1px">w&zwnj;&nbsp;</div>'),
    ),
    "a host that is a number": ("H29", put('<a href="https://[2001:db8::1]/x">up</a>'), put('<a href="https://e.org/x[1]">up</a>')),
    "words about data": ("H18", put("<p>write src=&quot;data:image/png or url(data:x)</p>"), put('<td style="background: url(data:image/png;base64,AA)">x</td>')),
    "a width of 600": (
        "H33",
        put('<img alt="" width="600" style="max-width:100%" src="https://example.org/x.png">'),
        put('<img alt="" width="1200" style="max-width:100%" src="https://example.org/x.png">'),
    ),
    "a place to jump to": ("H29", put('<a name="top"></a>'), put('<a href="#top">up</a>')),
    "no headings at all": ("H37", swap("<(/?)h[1-6]", r"<\1b", 0), swap("<(/?)h1", r"<\1b", 0)),
    "a sheet that ends too early": (
        "H44",
        sheet("@media (max-width: 600px) { .w { width: 100% !important; }", '<table class="w" style="width: 600px"><tbody><tr><td>x</td></tr></tbody></table>'),
        sheet("@media (max-width: 600px) { .v { width: 100% !important; }", '<table class="w" style="width: 600px"><tbody><tr><td>x</td></tr></tbody></table>'),
    ),
    "a width that a kept rule sets": (
        "H44",
        sheet(".w { width: 100% !important; }", '<table class="w" width="600"><tbody><tr><td>x</td></tr></tbody></table>'),
        sheet(".w { color: #112233 !important; }", '<table class="w" width="600"><tbody><tr><td>x</td></tr></tbody></table>'),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def page() -> Page:
    workspace = Workspace(ROOT)
    config = read_config(workspace)
    return _make_page(config, render_issue(workspace, config, SLUG))


def errors(page: Page) -> set[str]:
    return {one.rule for one in check_page(page) if one.level == "error"}


@pytest.mark.parametrize("name", CASES)
def test_what_is_right_is_no_error_and_its_like_is(page: Page, name: str) -> None:
    rule, right, wrong = CASES[name]
    assert rule not in errors(right(page))
    assert rule in errors(wrong(page))


def test_a_control_character_is_told_however_it_is_written(page: Page) -> None:
    """Inliners write `&#146;` for what was U+0092."""
    for written in ("&#146;", "\x92", "&#1;"):
        told = [one.message for one in check_page(put(f"<p>x{written}</p>")(page)) if one.rule == "H14"]
        assert told, written
        assert "control character" in told[0]
    assert not [one for one in check_page(put("<p>&#160;&#8217;&#10;</p>")(page)) if one.rule == "H14"]


def test_a_mail_full_of_comments_is_read_at_once(page: Page) -> None:
    """Each could be taken for the beginning of a longer one: 2^200 ways."""
    full = put("<!-- x -->" * 200)(swap("<!DOCTYPE html>", "<!-- x -->" * 200)(page))
    assert "H1" in errors(full)


def test_c32_a_picture_without_a_width_is_reported(page: Page) -> None:
    def told(picture: str) -> list[str]:
        return [one.level for one in check_page(put(picture)(page)) if one.rule == "H33"]

    assert told('<img alt="" style="max-width:100%" src="https://example.org/x.png">') == ["warning"]
    assert told('<img alt="" width="100%" style="max-width:100%" src="https://example.org/x.png">') == ["error"]
    assert told('<img alt="" style="max-width:100%; width: 90px" src="https://example.org/x.png">') == []
    assert told('<img alt="" width="90" style="max-width:100%" src="https://example.org/x.png">') == []
    assert (
        told('<div style="display:none"><img alt="" style="max-width:100%" src="https://example.org/x.png"></div>')
        == []
    )


def test_c31_the_preheader_of_a_language_that_joins_letters_is_the_preheader(page: Page) -> None:
    """Persian writes U+200C between letters; the space behind a preheader is filled with it too."""
    words = "می\u200cخواهم این را بدانم که چه شد و چرا این همه طول کشید"
    old = re.escape(page.preheader.encode("ascii", "xmlcharrefreplace").decode())
    found = check_page(remake(swap(old, words)(page), preheader=words))
    assert [one for one in found if one.rule == "H27" and one.level == "error"] == []


def test_c31_braces_of_the_issue_are_no_leftover_of_a_template(page: Page) -> None:
    def told(body: str, text: str, words: str) -> list[str]:
        changed = remake(put(body)(page), text=f"{page.text}\n{text}\n", words=words)
        return [one.message for one in check_page(changed) if one.rule == "slots"]

    assert told("<p>Write {{ user.name }}</p>", "Write {{ user.name }}", "Write {{ user.name }}") == []
    assert told("<p>Write {{ user.name }}</p>", "Write {{\nuser.name }}", "Write {{ user.name }} so") == []
    assert len(told("<p>Hello {{ first_name }}</p>", "Hello {{ first_name }}", "Write {{ user.name }}")) == 2
    assert len(told('<a href="https://e.org/%7B%7Bx">w</a>', "w", "")) == 1
