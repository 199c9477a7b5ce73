"""Contrast in the light and in the dark, and the kept styles that decide about the dark."""

import pytest

from newsletter.checking.contrast import contrast
from newsletter.checking.stylesheet import Sheet, read_rules
from tests.checking.pages import make_page, said

DARK = "@media (prefers-color-scheme: dark) {{ {} }}"
PAPER = DARK.format("body { background-color: #111111 !important; }")
INK = DARK.format("body { color: #eeeeee !important; }")


def in_the_dark(body: str, css: str) -> list[str]:
    return said(contrast, make_page(body, css=css))


def test_dark_letters_on_paper_that_turns_dark() -> None:
    assert in_the_dark("<p>words</p>", PAPER) == [
        "in the dark #222222 on #111111 has a contrast of 1.2; 4.5 is what many need"
    ]
    assert in_the_dark("<p>words</p>", PAPER + INK) == []


def test_one_element_that_was_forgotten() -> None:
    body = '<p>words</p><h3 class="t" style="color: #222222">title</h3>'
    assert len(in_the_dark(body, PAPER + INK)) == 1
    assert in_the_dark(body, PAPER + INK + DARK.format(".t { color: #eeeeee !important; }")) == []


@pytest.mark.parametrize(
    ("css", "fine"),
    [
        (".a .t { color: #eeeeee !important; } .t { color: #222222 !important; }", True),
        (".t { color: #eeeeee !important; } .t { color: #222222 !important; }", False),
        (".t { color: #222222 !important; } .t { color: #eeeeee !important; }", True),
        ("#x { color: #eeeeee !important; } .a .t { color: #222222 !important; }", True),
        (".t { color: #eeeeee !important; } .t { color: #222222; }", True),
        (".t { color: #eeeeee; }", False),
        (".a > .t { color: #eeeeee !important; }", True),
        (".b > .t { color: #eeeeee !important; }", False),
        (".b .t { color: #eeeeee !important; }", True),
        ("p[class='t'] { color: #eeeeee !important; }", True),
        ("p:first-child { color: #eee !important; }", True),
        (".t:hover { color: #eeeeee !important; }", False),
        ("[data-ogsc] .t { color: #eeeeee !important; }", False),
        (".u, .t { color: white !important; }", True),
        (".t { background: #fdfcf9 !important; }", True),
        (".t { display: none !important; }", True),
    ],
)
def test_the_stronger_rule_wins(css: str, fine: bool) -> None:
    body = '<div class="b"><div class="a"><p class="t" id="x" style="color: #222222">words</p></div></div>'
    assert bool(in_the_dark(body, PAPER + DARK.format(css))) is not fine


def test_colours_that_cannot_be_told_are_not_judged() -> None:
    for value in ("var(--ink)", "oklch(20% 0 0)", "darkslategrey"):
        assert in_the_dark("<p>words</p>", PAPER + DARK.format(f"p {{ color: {value} !important; }}")) == []


@pytest.mark.parametrize("media", ["(max-width: 600px)", "print", "(prefers-color-scheme: light)"])
def test_other_screens_say_nothing_about_the_dark(media: str) -> None:
    assert in_the_dark("<p>words</p>", f"@media {media} {{ body {{ background-color: #111111 !important; }} }}") == []


def test_kept_styles_count_in_the_light_too() -> None:
    assert said(contrast, make_page("<p>words</p>", css="p { color: #eeeeee !important; }")) == [
        "#eeeeee on #fdfcf9 has a contrast of 1.1; 4.5 is what many need"
    ]


def test_large_letters_need_less() -> None:
    style = "color: #8a8a8a; background-color: #ffffff"
    assert said(contrast, make_page(f'<p style="{style}">words</p>'))
    assert not said(contrast, make_page(f'<p style="{style}; font-size: 24px">words</p>'))
    assert not said(contrast, make_page(f'<h3 style="{style}; font-size: 19px">words</h3>'))
    assert said(contrast, make_page(f'<h3 style="{style}; font-size: 19px; font-weight: normal">words</h3>'))


def test_rules_are_read_past_everything_else() -> None:
    css = (
        '@import url("x.css"); @font-face { font-family: X; src: url(x.woff) } /* p { color: red } */\n'
        'a { content: "}"; color: #112233 } @supports (x: y) { b { color: red } }\n'
        "@media (max-width: 9px) { c, d > e { margin: 0 !important } } f { }"
    )
    found = [(rule.selector, rule.media, dict(rule.declarations)) for rule in read_rules(css)]
    assert [one[:2] for one in found] == [
        ("a", ""),
        ("c", "@media (max-width: 9px)"),
        ("d > e", "@media (max-width: 9px)"),
        ("f", ""),
    ]
    assert found[0][2]["color"].value == "#112233"
    assert found[1][2]["margin"] == ("0", True)


@pytest.mark.parametrize(
    "css", ["a { color: red", "}}} a { color: red }", '"', "a { b { c", "@media { a { x: y }", "{}"]
)
def test_broken_styles_are_read_without_a_word(css: str) -> None:
    sheet = Sheet((css,), make_page("<a>x</a>").tree)
    assert all(isinstance(sheet.find(rule), list) for rule in sheet.rules)


@pytest.mark.parametrize("selector", ["", "p::before", "p:nope", "p[", "p:not(", "p >", "> p", "..p", "p . q"])
def test_a_selector_that_is_not_understood_is_for_nothing(selector: str) -> None:
    sheet = Sheet((f"{selector} {{ color: #112233 }}",), make_page("<p>x</p>").tree)
    assert [sheet.find(rule) for rule in sheet.rules] == [[]]
