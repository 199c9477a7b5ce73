"""axe-core's judgement of the mails, on a desktop and a phone, in the light and in the dark (email-html L2)."""

import pytest
from jinja2 import Environment
from playwright.sync_api import Browser

from tests.axe import MAIL_RULES, violations
from tests.rendering.mails import every_mail
from tests.rendering.test_in_chromium import open_page

VIEWS = {
    f"{name}-{scheme}": (width, scheme)
    for name, width in (("desktop", 800), ("phone", 375))
    for scheme in ("light", "dark")
}
# The others differ from these in words alone, and one look takes half a second.
JUDGED = (
    "mail/sample",
    "mail/everything",
    "mail/arabic",
    "mail/no-preheader",
    "letter/confirm-en",
    "letter/confirm-ar",
)
# What a mail is broken by → the rule that must tell it.
FAULTS = {
    "image-alt": ("<h1", '<img src="https://example.org/x.png"><h1'),
    "link-name": ("<h1", '<a href="https://example.org/"></a><h1'),
    "html-has-lang": (' lang="en"', ""),
    "heading-order": ("<h2", "<h5"),
    "meta-viewport": ("initial-scale=1", "user-scalable=no"),
}


@pytest.fixture(scope="module")
def mails(environment: Environment) -> dict[str, str]:
    return {name: html for name, html in every_mail(environment).items() if name in JUDGED}


def judge(browser: Browser, html: str, width: int, scheme: str) -> list[str]:
    page = open_page(browser, html, width, scheme)
    found = violations(page, MAIL_RULES)
    page.context.close()
    return found


@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_in_a_mail(browser: Browser, mails: dict[str, str], view: str) -> None:
    assert set(mails) == set(JUDGED)
    found = {name: judge(browser, html, *VIEWS[view]) for name, html in mails.items()}
    assert {name: told for name, told in found.items() if told} == {}


@pytest.mark.parametrize("rule", FAULTS)
def test_axe_sees_what_is_broken(browser: Browser, mails: dict[str, str], rule: str) -> None:
    old, new = FAULTS[rule]
    assert old in mails["mail/sample"]
    told = judge(browser, mails["mail/sample"].replace(old, new), 800, "light")
    assert any(one.startswith(f"{rule}:") for one in told), told


def test_axe_sees_grey_on_grey_that_is_only_in_the_dark(browser: Browser, mails: dict[str, str]) -> None:
    html = mails["mail/sample"]
    pale = html.replace("color: #ded8cc !important", "color: #48443c !important")
    assert pale != html
    assert judge(browser, pale, 800, "light") == []
    assert any(one.startswith("color-contrast:") for one in judge(browser, pale, 800, "dark"))
