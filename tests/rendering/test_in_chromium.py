"""What a browser computes for the mail is what it computes for its un-inlined source (email-html §4)."""

import json
import re
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from jinja2 import Environment
from playwright.sync_api import Browser, Page

from newsletter.calendar import publication_moment
from newsletter.model import Issue, IssuePost, Section
from newsletter.phrases import Phrases
from newsletter.rendering.content import show_issue
from newsletter.rendering.email import Mail, render_mail
from newsletter.rendering.site import Published, render_site
from tests.rendering.issues import EDITION, PUBLICATION, THEMES, make_issue

# Per element: tag and all computed properties, of ::before and ::after too where they show something.
COMPUTED = """() => {
  const skip = new Set(["STYLE", "SCRIPT", "LINK", "META", "TITLE", "TEMPLATE", "HEAD", "NOSCRIPT"]);
  const read = (element, pseudo) => {
    const style = getComputedStyle(element, pseudo), found = {};
    if (pseudo && (style.content === "none" || style.content === "normal")) return null;
    for (const name of style) if (!name.startsWith("--")) found[name] = style.getPropertyValue(name);
    return found;
  };
  return JSON.stringify([document.documentElement, document.body, ...document.body.querySelectorAll("*")]
    .filter((element) => !skip.has(element.tagName))
    .map((element) => [element.tagName, read(element, null), read(element, "::before"), read(element, "::after")]));
}"""
# What follows from other properties and from where text breaks: told only where a real property differs as well.
GEOMETRY = {"width", "height", "inline-size", "block-size", "perspective-origin", "transform-origin"}
MODES = {"desktop": (800, "light"), "phone": (375, "light"), "dark": (800, "dark")}


@pytest.fixture(scope="module")
def mail(environment: Environment, phrases: Phrases) -> Mail:
    return make_mail(make_issue(), environment, phrases)


def make_mail(issue: Issue, environment: Environment, phrases: Phrases) -> Mail:
    shown = show_issue(issue, "en")
    return render_mail(shown, publication=PUBLICATION, edition=EDITION, environment=environment, phrases=phrases)


def open_page(browser: Browser, html: str, width: int, scheme: str) -> Page:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.route("**/*", lambda route: route.abort())
    page.set_content(html)
    return page


def computed(browser: Browser, html: str, width: int, scheme: str) -> list[Any]:
    page = open_page(browser, html, width, scheme)
    found: list[Any] = json.loads(page.evaluate(COMPUTED))  # 65,000 values: playwright reads each in Python
    page.context.close()
    return found


def differences(ours: list[Any], source: list[Any], ignored: set[str]) -> list[str]:
    assert [one[0] for one in ours] == [one[0] for one in source]
    told = []
    for number, (mine, theirs) in enumerate(zip(ours, source, strict=True)):
        for which, a, b in zip(("", "::before", "::after"), mine[1:], theirs[1:], strict=True):
            assert (a is None) == (b is None)
            names = [name for name in a or {} if a[name] != b.get(name) and name not in ignored]
            if set(names) - GEOMETRY:
                told += [f"{number} {mine[0]}{which} {name}: {a[name]} != {b[name]}" for name in names]
    return told


@pytest.mark.parametrize("mode", MODES)
def test_the_mail_computes_like_its_source(browser: Browser, mail: Mail, mode: str) -> None:
    width, scheme = MODES[mode]
    ours, source = (computed(browser, html, width, scheme) for html in (mail.html, mail.source))
    assert len(ours) > 100
    assert differences(ours, source, set()) == []


def test_the_mail_reads_the_same_without_any_style_element(browser: Browser, mail: Mail) -> None:
    bare = re.sub(r"<style[^>]*>.*?</style>", "", mail.html, flags=re.DOTALL)
    assert "<style" not in bare
    ours, source = computed(browser, bare, 800, "light"), computed(browser, mail.source, 800, "light")
    assert differences(ours, source, {"color-scheme"}) == []


def test_the_oracle_sees_a_lost_rule(browser: Browser, mail: Mail) -> None:
    broken = mail.html.replace("font-size:26px", "font-size:27px")
    assert broken != mail.html
    assert differences(computed(browser, broken, 800, "light"), computed(browser, mail.source, 800, "light"), set())


@pytest.mark.parametrize("width", [320, 375, 800])
def test_nothing_scrolls_sideways(browser: Browser, mail: Mail, width: int) -> None:
    page = open_page(browser, mail.html, width, "light")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.context.close()


def test_a_long_address_is_broken_on_a_phone(browser: Browser, environment: Environment, phrases: Phrases) -> None:
    post = IssuePost(title="Long", body=f"See <https://example.org/{'abc_def/' * 12}>.\n\n`{'x' * 60}`\n")
    issue = make_issue(sections=(Section(slug="caucasus", title="Caucasus", posts=(post,)),))
    html = make_mail(issue, environment, phrases).html
    for changed, fits in ((html, True), (html.replace("word-break:break-word", ""), False)):
        page = open_page(browser, changed, 320, "light")
        assert (page.evaluate("document.documentElement.scrollWidth") <= 320) is fits
        page.context.close()


def test_the_preheader_is_not_seen_and_the_text_is(browser: Browser, mail: Mail) -> None:
    page = open_page(browser, mail.html, 800, "light")
    seen = page.evaluate("document.body.innerText")
    assert "Four posts on" not in seen
    for words in (
        "A six-month clock & <more>",
        "Everything at once & <more>",
        "Only a title.",
        "عنوان عربي",
        "Unsubscribe",
    ):
        assert words in seen
    page.context.close()


def test_right_to_left_posts_turn_their_lists_around(browser: Browser, mail: Mail) -> None:
    page = open_page(browser, mail.html, 800, "light")
    sides = page.evaluate(
        "[...document.querySelectorAll('[dir=rtl] ul')].map((e) => [getComputedStyle(e).paddingRight, getComputedStyle(e).direction])"
    )
    assert sides == [["24px", "rtl"]]
    page.context.close()


CONTRAST = """() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const part = (v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const worst = [];
  for (const element of document.body.querySelectorAll("*")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.getClientRects().length) continue;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(ground(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) worst.push([element.tagName, element.className, ratio]);
  }
  return worst;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_contrast_enough(
    browser: Browser, mail: Mail, scheme: str, environment: Environment, phrases: Phrases
) -> None:
    issue = make_issue()
    published = Published(
        show_issue(issue, "en"),
        EDITION,
        publication_moment(EDITION, issue.date, ZoneInfo("UTC")),
    )
    site = dict(
        render_site([published], publication=PUBLICATION, themes=THEMES, environment=environment, phrases=phrases)
    )
    pages = [mail.html, *(text for name, text in site.items() if name.endswith(".html"))]
    for html in pages:
        page = open_page(browser, html, 800, scheme)
        assert page.evaluate(CONTRAST) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 800
        page.context.close()
