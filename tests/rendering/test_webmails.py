"""Mail inside of a webmail's own page: its body becomes a div with another class, its rules are scoped to that div."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from jinja2 import Environment
from playwright.sync_api import Browser

from newsletter.phrases import Phrases
from newsletter.rendering.email import Mail
from tests.rendering.issues import make_issue
from tests.rendering.test_in_chromium import make_mail, open_page

# Tag, class, all computed properties, whether it has words of its own: of an element and everything in it, in order.
COMPUTED = """(root) => JSON.stringify([root, ...root.querySelectorAll("*")]
  .filter((element) => !["STYLE", "SCRIPT"].includes(element.tagName))
  .map((element) => {
    const style = getComputedStyle(element), found = {};
    for (const name of style) if (!name.startsWith("--")) found[name] = style.getPropertyValue(name);
    const words = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    return [element.tagName, element.className, found, words];
  }))"""
# Sizes follow from the rest; the scheme is the page's own, and a div is no body.
IGNORED = {
    "width", "height", "inline-size", "block-size", "perspective-origin", "transform-origin", "color-scheme", "unicode-bidi",
}  # fmt: skip
# What webmails say of elements that mails have (Bootstrap's reset is in many of them).
THEIR_OWN = """
body { color: #2c363a; font: 14px/1.5 Roboto, sans-serif; }
a { color: #00acff; text-decoration: none; }
code, kbd { color: #e83e8c; background-color: #111111; font-family: Consolas, monospace; font-size: 87.5%; }
mark { color: #ffffff; background-color: #fcf8e3; }
h1, h2, h3, h4, p, li, dt, dd, th, td, blockquote, small, caption, del, s { color: #773311; }
h1, h2, h3, h4 { font-family: Impact, sans-serif; }
"""
BODY = """\
Words with `code`, a [link](https://example.org/), <kbd>Ctrl</kbd>, <mark>marked</mark>, ~~gone~~ and <small>small</small>.

#### A heading with `code`

> A quote

| Head | Number |
| --- | ---: |
| cell `code` | 12 |

- one

```
a block
```

<dl><dt>Term</dt><dd>Meaning</dd></dl>

[`linked code`](https://example.org/)
"""


@pytest.fixture(scope="module")
def mail(environment: Environment, phrases: Phrases) -> Mail:
    issue = make_issue()
    first = issue.sections[0].posts[0]
    posts = (replace(first, body=BODY), *issue.sections[0].posts[1:])
    sections = (replace(issue.sections[0], posts=posts), *issue.sections[1:])
    return make_mail(make_issue(sections=sections), environment, phrases)


def scope(css: str, container: str, prefix: str) -> str:
    """Rules as a webmail scopes them: each selector below its container, `body` is the container, classes get a prefix."""

    def rescope(match: re.Match[str]) -> str:
        selectors = []
        for selector in match[2].split(","):
            bare = re.sub(r"\.(?=[a-z])", f".{prefix}", selector.strip().removeprefix(":root"))
            selectors.append(re.sub(rf"{re.escape(container)}\s+body\b", container, f"{container} {bare}"))
        return f"{match[1]}{', '.join(selectors)} {{"

    return re.sub(r"(^|[{}]\s*)((?!@)[^{}@]+?)\s*\{", rescope, css.strip(), flags=re.MULTILINE)


def as_webmail(html: str, prefix: str, own: str = "") -> str:
    """The page of a webmail with this mail in it."""
    styles = "".join(re.findall(r"<style[^>]*>(.*?)</style>", html, flags=re.DOTALL))
    body = re.search(r"<body([^>]*)>(.*)</body>", html, flags=re.DOTALL)
    assert body
    style = re.search(r"style='([^']*)'|style=\"([^\"]*)\"", body[1])
    assert style
    inner = re.sub(
        r'class="([^"]*)"', lambda one: 'class="' + " ".join(prefix + name for name in one[1].split()) + '"', body[2]
    )
    direction = re.search(r'<html[^>]* dir="(\w+)"', html)
    return (
        f'<!DOCTYPE html><html lang="en" dir="{direction[1] if direction else "ltr"}" style="color-scheme: light dark">'
        f"<head><style>{own}</style></head>"
        f'<body style="margin: 0"><div id="message1"><style>{scope(styles, "#message1 div.theirBody", prefix)}</style>'
        f'<div class="theirBody" style="{(style[1] or style[2]).replace(chr(34), chr(39))}">{inner}</div></div></body></html>'
    )


def computed(browser: Browser, html: str, selector: str, width: int, scheme: str) -> list[Any]:
    page = open_page(browser, html, width, scheme)
    found: list[Any] = json.loads(page.locator(selector).evaluate(COMPUTED))
    page.context.close()
    return found


MODES = {"desktop": (800, "light"), "phone": (375, "light"), "dark": (800, "dark"), "dark phone": (375, "dark")}


@pytest.mark.parametrize("prefix", ["", "v1"], ids=["classes as they are", "classes with a prefix"])
@pytest.mark.parametrize("mode", MODES)
def test_c61_every_style_of_the_mail_applies_inside_of_a_webmail(
    browser: Browser, mail: Mail, mode: str, prefix: str
) -> None:
    width, scheme = MODES[mode]
    ours = computed(browser, mail.html, "body", width, scheme)
    theirs = computed(browser, as_webmail(mail.html, prefix), "div.theirBody", width, scheme)
    assert len(ours) == len(theirs) > 100
    different = []
    for number, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        # The tag of the body is another one, and so is the class of everything.
        assert mine[0] == other[0] or number == 0
        wrong = {name: (value, other[2][name]) for name, value in mine[2].items() if value != other[2].get(name)}
        different += [(mine[:2], name, *values) for name, values in wrong.items() if name not in IGNORED]
    assert different == []


def test_c61_the_dark_paper_reaches_the_edge(browser: Browser, mail: Mail) -> None:
    """The rule of the reported fault: the body's dark ground never came."""
    [first, *_] = computed(browser, as_webmail(mail.html, "v1"), "div.theirBody", 800, "dark")
    assert first[2]["background-color"] == "rgb(22, 21, 18)"


def test_the_rewriting_loses_a_rule_that_selects_by_the_class_of_the_body(browser: Browser, mail: Mail) -> None:
    """What this test can see: with `.body` alone, as it was, the dark ground is lost."""
    old = mail.html.replace("body, .body, .canvas", ".body, .canvas")
    assert old != mail.html
    [first, *_] = computed(browser, as_webmail(old, "v1"), "div.theirBody", 800, "dark")
    assert first[2]["background-color"] == "rgb(243, 241, 236)"


@pytest.mark.parametrize("mode", MODES)
def test_c68_no_colour_or_typeface_of_a_webmail_gets_into_the_text(browser: Browser, mail: Mail, mode: str) -> None:
    width, scheme = MODES[mode]
    ours = computed(browser, as_webmail(mail.html, "v1"), "div.theirBody", width, scheme)
    theirs = computed(browser, as_webmail(mail.html, "v1", THEIR_OWN), "div.theirBody", width, scheme)
    names = ("color", "background-color", "font-family", "font-size", "text-decoration-line")
    with_words = [
        (mine, other) for mine, other in zip(ours, theirs, strict=True) if mine[3] and mine[2]["display"] != "none"
    ]
    for mine, other in with_words:
        assert {name: other[2][name] for name in names} == {name: mine[2][name] for name in names}, mine[:2]
    assert {"CODE", "KBD", "MARK", "SMALL", "TH", "TD", "DT", "S", "P", "LI", "A"} <= {
        mine[0] for mine, _ in with_words
    }
