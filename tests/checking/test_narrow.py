"""Small screens, the order of reading, and what is lost with <style>: both sides of each."""

import pytest

from newsletter.checking.reading import order
from newsletter.checking.small_screens import tap_targets, too_wide
from newsletter.checking.styles import inline
from tests.checking.pages import make_page, said

LONG = "abcdefghi" * 5
FIRST, SECOND = '<a href="https://e.org/1">one thing</a>', '<a href="https://e.org/2">another</a>'
RUNNING = "eight words of running text, and then some"
LAYOUT = '<table role="presentation"{}><tbody><tr>{}</tr></tbody></table>'


@pytest.mark.parametrize(
    "body",
    [
        '<div style="width: 480px">x</div>',
        '<table width="600"><tbody><tr><td>x</td></tr></tbody></table>',
        '<td style="min-width: 400px">x</td>',
        '<img src="x.png" width="600">',
        '<img src="x.png" width="600px" style="max-width: 600px">',
        f'<p style="white-space: nowrap">{"some words " * 9}</p>',
        f"<pre>{'code ' * 20}</pre>",
        f"<p>{LONG}</p>",
        f"<p>https://example.org/{'a/b_c.d&e=' * 4}</p>",
        f'<div style="word-break: break-word"><p style="word-break: normal">{LONG}</p></div>',
    ],
)
def test_what_a_small_screen_cannot_show(body: str) -> None:
    assert len(said(too_wide, make_page(f"<table><tbody><tr><td>{body}</td></tr></tbody></table>"))) == 1


@pytest.mark.parametrize(
    "body",
    [
        '<div style="width: 300px">x</div>',
        '<div style="width: 480px; max-width: 100%">x</div>',
        '<table width="600" style="width: 100%; max-width: 600px"><tbody><tr><td>x</td></tr></tbody></table>',
        '<table width="100%"><tbody><tr><td width="600">x</td></tr></tbody></table>',
        '<!--[if mso]><table width="600"><tr><td><![endif]-->x<!--[if mso]></td></tr></table><![endif]-->',
        '<img src="x.png" width="600" style="max-width: 100%">',
        '<p style="white-space: nowrap">View online</p>',
        f'<p style="white-space: nowrap">{"some words<br>" * 9}</p>',
        f'<pre style="white-space: pre-wrap">{"code " * 20}</pre>',
        "<pre>a line\nand another line\nand so on, line by line</pre>",
        f'<div style="word-break: break-word"><p>{LONG}</p></div>',
        f'<p style="overflow-wrap: anywhere">{LONG}</p>',
        "<p>https://example.org/why-a-story-that-is-long-has-a-long-name-and-hyphens</p>",
        "<p>Donaudampfschifffahrtsgesellschaft</p>",
        f"<p>{'中国与欧盟' * 10} {'한국어' * 14} {'ภาษาไทย' * 8}</p>",
        f'<p style="display: none">{LONG}</p>',
    ],
)
def test_what_it_can_show(body: str) -> None:
    assert said(too_wide, make_page(f"<table><tbody><tr><td>{body}</td></tr></tbody></table>")) == []


COLUMNS = ("Constituency", "Mammadzade", "Preliminary", "Percentage", "Representation")
CELLS = "".join(f'<td style="font-size: 14px; padding: 6px 8px">{word}</td>' for word in COLUMNS)
TABLE = f"<table><tbody><tr><th>A</th></tr><tr>{CELLS}</tr></tbody></table>"


def test_c63_a_table_of_five_columns_that_cannot_shrink_is_reported() -> None:
    [message] = said(too_wide, make_page(TABLE))
    assert message.startswith("5 cells side by side need 399 px, on a screen of 320")


@pytest.mark.parametrize(
    "body",
    [
        f'<div style="overflow-x: auto">{TABLE}</div>',
        f'<div style="overflow: auto">{TABLE}</div>',
        f'<div style="word-break: break-word">{TABLE}</div>',
        TABLE.replace("<table", '<table style="overflow-wrap: anywhere"'),
        f'<div style="display: none">{TABLE}</div>',
        TABLE.replace("</tr></tbody>", "</tr></tbody>", 1)
        .replace("Representation", "Rep")
        .replace("Constituency", "Seat"),
        "<table><tbody><tr>" + "<td>中国与欧盟中国与欧盟</td>" * 5 + "</tr></tbody></table>",
        "<table><tbody><tr>"
        + '<td><img src="x.png" width="600" style="max-width: 100%"></td>' * 2
        + "</tr></tbody></table>",
        LAYOUT.format("", f"<td>{'some words ' * 30}</td><td>{'other words ' * 30}</td>"),
    ],
)
def test_c63_a_table_that_breaks_scrolls_or_fits_is_not(body: str) -> None:
    assert said(too_wide, make_page(body)) == []


def test_c63_cells_that_a_rule_for_small_screens_puts_below_each_other_are_not() -> None:
    page = make_page(
        TABLE.replace("<td", '<td class="c"'), css="@media (max-width: 600px) { .c { display: block !important; } }"
    )
    assert said(too_wide, page) == []


def test_c63_pictures_of_fixed_widths_side_by_side_are_reported() -> None:
    cell = '<td><img src="x.png" width="200" alt=""></td>'
    assert len(said(too_wide, make_page(LAYOUT.format("", cell * 2)))) == 1
    assert said(too_wide, make_page(LAYOUT.format("", cell))) == []


def test_a_rule_for_small_screens_frees_what_is_wide() -> None:
    body = '<table width="600" class="frame"><tbody><tr><td>x</td></tr></tbody></table>'
    rule = "@media (max-width: 620px) {{ {} {{ width: 100% !important; }} }}"
    assert said(too_wide, make_page(body, css=rule.format(".frame"))) == []
    assert said(too_wide, make_page(body, css=rule.format(".other")))


@pytest.mark.parametrize(
    "body",
    [
        f'<p style="line-height: 20px">{FIRST}<br>{SECOND}</p>',
        f'<p style="font-size: 14px; line-height: 1.5">{FIRST}<br>{SECOND}</p>',
        f'<p style="margin: 0; line-height: 18px">{FIRST}</p><p style="margin: 2px 0; line-height: 18px">{SECOND}</p>',
        f'<ul style="line-height: 22px"><li>{FIRST}</li><li>{SECOND}</li></ul>',
        LAYOUT.format("", f'<td bgcolor="#112233">{FIRST}</td><td bgcolor="#112233">{SECOND}</td>'),
        LAYOUT.format("", f'<td bgcolor="#112233">{FIRST}</td><td width="8"></td><td bgcolor="#112233">{SECOND}</td>'),
        '<a href="#" style="display: inline-block; background-color: #112233">Yes</a> '
        '<a href="#" style="display: inline-block; background-color: #112233">No</a>',
    ],
)
def test_links_too_close_for_a_finger(body: str) -> None:
    assert len(said(tap_targets, make_page(body))) == 1


@pytest.mark.parametrize(
    "body",
    [
        f'<p style="line-height: 24px">{FIRST}<br>{SECOND}</p>',
        f'<p style="line-height: 20px">See {FIRST}<br>or {SECOND}</p>',
        f'<p style="line-height: 20px">{FIRST} and {SECOND}</p>',
        f'<p style="margin: 0 0 6px; line-height: 18px">{FIRST}</p><p style="line-height: 18px">{SECOND}</p>',
        f'<p style="line-height: 18px">{FIRST}</p><p>words</p><p style="line-height: 18px">{SECOND}</p>',
        LAYOUT.format("", f'<td style="line-height: 18px">{FIRST}</td><td style="line-height: 18px">{SECOND}</td>'),
        LAYOUT.format("", f'<td bgcolor="#112233">{FIRST}</td><td width="24"></td><td bgcolor="#112233">{SECOND}</td>'),
        '<a href="#" style="display: inline-block; background-color: #112233; margin: 0 12px">Yes</a>'
        '<a href="#" style="display: inline-block; background-color: #112233; margin: 0 12px">No</a>',
    ],
)
def test_links_far_enough_apart(body: str) -> None:
    assert said(tap_targets, make_page(body)) == []


@pytest.mark.parametrize(
    "body",
    [
        LAYOUT.format("", f"<td>{RUNNING}</td><td>{RUNNING}</td>"),
        LAYOUT.format(' dir="rtl"', f"<td>{RUNNING}</td><td><img src='x.png'></td>"),
        LAYOUT.format(' style="direction: rtl"', f"<td>{RUNNING}</td><td>x</td>"),
        '<table align="right"><tbody><tr><td>one</td></tr></tbody></table>'
        '<table align="left"><tbody><tr><td>two</td></tr></tbody></table>',
        '<div style="display: flex; flex-direction: row-reverse"><p>one</p><p>two</p></div>',
    ],
)
def test_read_in_another_order_than_seen(body: str) -> None:
    assert len(said(order, make_page(body))) == 1


@pytest.mark.parametrize(
    "body",
    [
        LAYOUT.format("", f"<td>{RUNNING}</td><td>Read online</td>"),
        f"<table><tbody><tr><th>{RUNNING}</th></tr><tr><td>{RUNNING}</td><td>{RUNNING}</td></tr></tbody></table>",
        LAYOUT.format(' dir="rtl"', "<td>عنوان عربي</td><td>نص</td>"),
        f'<table role="presentation"><tbody><tr><td dir="rtl">{RUNNING}</td></tr></tbody></table>',
        '<table align="left"><tbody><tr><td>one</td></tr></tbody></table>'
        '<table align="left"><tbody><tr><td>two</td></tr></tbody></table>',
    ],
)
def test_read_as_it_is_seen(body: str) -> None:
    assert said(order, make_page(body)) == []


@pytest.mark.parametrize(
    ("css", "lost"),
    [
        ("p { text-align: center !important; }", ["text-align"]),
        ("div .t { margin: 0 !important; font-style: italic !important; }", ["font-style"]),
        ("div > p { padding-left: 4px !important; }", ["padding-left"]),
        ("p { margin-top: 1px !important; font-size: 16px !important; }", []),
        ("p { border-color: #112233 !important; }", []),
        ("@media (max-width: 600px) { p { text-align: center !important; } }", []),
        ("p:hover { text-align: center; } #outlook a { padding: 0; } u + .body p { text-align: center; }", []),
        ("p { -webkit-text-size-adjust: 100%; mso-table-lspace: 0; } :root { color-scheme: light dark; }", []),
        (".elsewhere { text-align: center !important; }", []),
    ],
)
def test_what_is_lost_with_the_style_element(css: str, lost: list[str]) -> None:
    page = make_page('<div><p class="t" style="margin: 0; border: 1px solid; font-size: 16px">x</p></div>', css=css)
    assert [message.partition(" of ")[0] for message in said(inline, page)] == lost


def test_text_in_whatever_typeface_and_colour_the_client_likes() -> None:
    def bare(body: str) -> list[str]:
        html = f"<!DOCTYPE html><html><body>{body}</body></html>"
        return said(inline, make_page(html=html))

    assert bare("<p>one</p><p>two</p>") == [
        "text without an inline typeface on it or around it, and 1 more",
        "text without an inline colour on it or around it, and 1 more",
    ]
    assert bare('<p style="font-family: serif">one</p>') == ["text without an inline colour on it or around it"]
    assert (
        bare('<table style="font: 16px serif; color: #112233"><tbody><tr><td><b>one</b></td></tr></tbody></table>')
        == []
    )
    assert bare('<font face="Arial" color="#112233">one</font><p style="display: none">two</p>') == []
