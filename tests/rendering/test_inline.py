"""premailer, tamed: the style sheet stays inside the subset that it gets right, and another engine agrees (email-html §3)."""

import re
from collections import defaultdict

import cssselect2
import pytest
import tinycss2
from jinja2 import Environment
from lxml import etree

from newsletter.errors import InputError
from newsletter.phrases import Phrases
from newsletter.rendering.content import show_issue
from newsletter.rendering.email import render_mail
from newsletter.rendering.inline import inline_css
from newsletter.resources import resource
from tests.rendering.issues import EDITION, PUBLICATION, make_issue

THEME = resource("templates/email/theme.css").read_text(encoding="utf-8")
FAMILIES = ("margin", "padding", "border", "background", "font", "list-style", "text-decoration", "outline")


def rules() -> list[tuple[str, list[tuple[str, str, bool]]]]:
    found = []
    for rule in tinycss2.parse_stylesheet(THEME, skip_comments=True, skip_whitespace=True):
        assert rule.type == "qualified-rule", f"S3: {rule}"
        declarations = tinycss2.parse_blocks_contents(rule.content, skip_comments=True, skip_whitespace=True)
        assert all(one.type == "declaration" for one in declarations)
        found.append(
            (
                tinycss2.serialize(rule.prelude).strip(),
                [(one.name, tinycss2.serialize(one.value).strip(), one.important) for one in declarations],
            )
        )
    return found


def test_selectors_are_of_the_kind_that_premailer_counts_right() -> None:
    for selectors, _ in rules():
        for selector in selectors.split(","):
            assert re.fullmatch(
                r"(?:[a-z][a-z0-9]*)?(?:\.[a-z][a-z-]*)*(?: (?:[a-z][a-z0-9]*)?(?:\.[a-z][a-z-]*)*)*",
                selector.strip(),
            ), selector


def test_declarations_are_of_the_kind_that_cssutils_keeps() -> None:
    for selector, declarations in rules():
        names = [name for name, _, _ in declarations]
        assert len(names) == len(set(names)), f"S5: {selector}"
        for name, value, important in declarations:
            assert not important, f"S3: {selector}"
            for colour in re.findall(r"#[0-9a-fA-F]+|rgba?\(|hsla?\(", value):
                assert re.fullmatch(r"#[0-9a-f]{6}", colour), f"S5: {selector} {name} {value}"


def cascade(html: str) -> list[tuple[str, dict[str, str]]]:
    """Declared styles per element in document order, by tinycss2 and cssselect2."""
    root = etree.fromstring(html.encode(), etree.HTMLParser(encoding="utf-8"))
    matcher = cssselect2.Matcher()
    for selectors, declarations in rules():
        for selector in cssselect2.compile_selector_list(selectors):
            matcher.add_selector(selector, declarations)
    wrapper = cssselect2.ElementWrapper.from_html_root(root)
    styles = []
    for element in wrapper.iter_subtree():
        style: dict[str, str] = {}
        for *_, declarations in sorted(matcher.match(element), key=lambda match: match[:2]):
            for name, value, _ in declarations:
                style.pop(name, None)
                style[name] = value
        own = tinycss2.parse_blocks_contents(element.etree_element.get("style", ""), skip_whitespace=True)
        style |= {one.name: tinycss2.serialize(one.value).strip() for one in own}
        styles.append((element.local_name, style))
    return styles


def written(html: str) -> list[tuple[str, dict[str, str]]]:
    root = etree.fromstring(html.encode(), etree.HTMLParser(encoding="utf-8"))
    found = []
    for element in root.iter():
        if isinstance(element.tag, str):
            declarations = tinycss2.parse_blocks_contents(element.get("style", ""), skip_whitespace=True)
            assert all(one.type == "declaration" for one in declarations)
            found.append((element.tag, {one.name: tinycss2.serialize(one.value).strip() for one in declarations}))
    return found


def normal(style: dict[str, str]) -> dict[str, str]:
    return {
        name: re.sub(r"\s*,\s*", ",", value.replace("'", '"')).replace("-0.5px", "-.5px").replace(" .", " 0.")
        for name, value in style.items()
    }


def test_what_is_inlined_is_what_the_cascade_says(environment: Environment, phrases: Phrases) -> None:
    shown = show_issue(make_issue(), "en")
    mail = render_mail(shown, publication=PUBLICATION, edition=EDITION, environment=environment, phrases=phrases)
    expected = [(tag, normal(style)) for tag, style in cascade(mail.source) if tag != "style"]
    found = [(tag, normal(style)) for tag, style in written(mail.html) if tag != "style"]
    assert [tag for tag, _ in found] == [tag for tag, _ in expected]
    for (tag, mine), (_, theirs) in zip(found, expected, strict=True):
        assert mine == theirs, tag


def test_no_element_mixes_a_shorthand_with_its_longhand(environment: Environment, phrases: Phrases) -> None:
    shown = show_issue(make_issue(), "en")
    mail = render_mail(shown, publication=PUBLICATION, edition=EDITION, environment=environment, phrases=phrases)
    for tag, style in written(mail.html):
        by_family = defaultdict(set)
        for name in style:
            for family in FAMILIES:
                if name == family or name.startswith(f"{family}-"):
                    by_family[family].add(name)
        for family, names in by_family.items():
            if family == "border":  # border-collapse and one side alone share no value with anything
                names = {name for name in names if name != "border-collapse"}
            assert family not in names or len(names) == 1, f"S4: {tag} {names}"


@pytest.mark.parametrize(
    "rule",
    ["@media print { p { color: #000000; } }", "p:hover { color: #000000; }", "p::before { content: 'x'; }"],
)
def test_a_rule_that_cannot_be_inlined_is_told(rule: str) -> None:
    page = f"<html><head><style>p {{ color: #111111; }} {rule}</style></head><body><p>x</p></body></html>"
    with pytest.raises(InputError, match=r"theme\.css: holds a rule that cannot be inlined"):
        inline_css(page)


def test_the_kept_block_and_comments_survive_byte_for_byte() -> None:
    kept = "\n@media (max-width: 620px) { .a { color: #ffffff !important; } }\n[data-ogsc] .a > b { color: red !important; }\n"
    page = (
        f'<html><head><style>p {{ margin: 0; color: #ffffff; mso-line-height-rule: exactly; }}</style><style data-premailer="ignore">{kept}</style>'
        '</head><body><!--[if mso]><table><tr><td><![endif]--><p width="3">ü “x” https://e.org/{}</p><!--[if mso]></td></tr></table><![endif]--></body></html>'
    )
    out = inline_css(page)
    assert f"<style>{kept}</style>" in out
    assert "<!--[if mso]><table><tr><td><![endif]-->" in out
    assert '<p width="3" style="margin:0; color:#ffffff; mso-line-height-rule:exactly">&#252; &#8220;x&#8221;' in out
    assert out.isascii()
