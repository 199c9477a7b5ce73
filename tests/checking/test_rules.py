"""Each rule about a mail: the sample passes all of them, and a change of the sample for each rule fails just that one."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from newsletter.checking import PAGE_RULES, Page, check_page
from newsletter.flows.build import render_issue
from newsletter.flows.check import _make_page, check_issue
from newsletter.workspace.files import Workspace
from newsletter.workspace.load import read_config

ROOT = Path(__file__).resolve().parents[2]
SLUG = "2025-07-07-weekly"


@pytest.fixture(scope="module")
def page() -> Page:
    workspace = Workspace(ROOT)
    config = read_config(workspace)
    return _make_page(config, render_issue(workspace, config, SLUG))


def remake(page: Page, **changes: Any) -> Page:
    """The page with other contents, read anew."""
    names = ("html", "text", "subject", "preheader", "language", "url", "postal_address", "reason", "unsubscribe")
    return Page(**{name: getattr(page, name) for name in (*names, "clients", "headers")} | changes)


def put(what: str, before: str = '<h3 class="post-title"') -> Callable[[Page], Page]:
    """HTML before the first place of `before`; without it in a cell that says typeface and colour."""
    return lambda page: remake(page, html=page.html.replace(before, what + before, 1))


def swap(old: str, new: str, count: int = 1) -> Callable[[Page], Page]:
    """Other HTML in the place of what a pattern finds."""

    def change(page: Page) -> Page:
        html, found = re.subn(old, lambda match: match.expand(new), page.html, count=count, flags=re.DOTALL)
        assert found, old
        return remake(page, html=html)

    return change


def with_subject(subject: str) -> Callable[[Page], Page]:
    """Another subject, in the title too."""
    return lambda page: remake(
        page,
        subject=subject,
        html=re.sub("<title>.*?</title>", f"<title>{subject}</title>", page.html),
        headers=re.sub(rb"(?m)^Subject: .*\r\n( .*\r\n)*", f"Subject: {subject}\r\n".encode(), page.headers),
    )


def head(old: str, new: str) -> Callable[[Page], Page]:
    """Other headers in the place of what a pattern finds."""

    def change(page: Page) -> Page:
        headers, found = re.subn(old.encode(), new.encode(), page.headers, count=1, flags=re.MULTILINE)
        assert found, old
        return remake(page, headers=headers)

    return change


TABLE = '<table role="presentation" cellpadding="0" cellspacing="0" border="0"><tbody><tr><td>'
END = "</td></tr></tbody></table>"
WORDS = "<p>Eight words of running text, and then some</p>"

BROKEN: dict[str, Callable[[Page], Page]] = {
    "H1": swap("<!DOCTYPE html>", '<!DOCTYPE html PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN">'),
    "H2": swap('role="article"', ""),
    "H3": swap('<meta charset="utf-8">', ""),
    "H4": swap("width=device-width, initial-scale=1", "width=device-width, user-scalable=no"),
    "H5": swap("<title>.*?</title>", "<title>Newsletter</title>"),
    "H6": swap('<meta name="format-detection"[^>]*>', ""),
    "H7": swap("<!--\\[if mso\\]><noscript>.*?<!\\[endif\\]-->", ""),
    "H8": put('<script src="https://example.org/x.js"></script>'),
    "H9": put("<!--[if mso]>"),
    "H10": put("<table><tbody><tr><td>x</td></tr></tbody></table>"),
    "H11": put(TABLE * 6 + "deep" + END * 6),
    "H12": put('<table role="presentation" cellpadding="0" cellspacing="0" border="0"><tr><td>x</td></tr></table>'),
    "H13": swap("max-width: ?600px", "max-width: 900px", 0),
    "H14": put(f"<!--{'x' * 102_400}-->"),
    "H15": swap("</style>", "a { color: #112233 !important; }\n" * 600 + "</style>"),
    "H16": swap("</style>", "@media (max-width: 9px) { @supports (x: y) { a { color: red !important; } } }</style>"),
    "H17": swap("</style>", "/* a note */</style>"),
    "H18": put('<img alt="" width="1" style="max-width:100%" src="data:image/png;base64,AAAA">'),
    "H19": swap("</style>", ".name { text-align: center !important; }</style>"),
    "H20": swap("</style>", ".name { color: #112233; }</style>"),
    "H21": put('<p style="display: flex">x</p>'),
    "H22": put('<p style="font-family: Inter">x</p>'),
    "H23": put('<p style="font-size: 11px">small</p>'),
    "H24": put('<p style="padding: 10px 0">x</p>'),
    "H25": put('<p style="color: #123">x</p>'),
    "H26": put('<table role="presentation" cellpadding="0" cellspacing="0" border="0"><tbody><tr><td style="background: url(https://e.org/x.png)">x</td></tr></tbody></table>'),
    "H27": lambda page: remake(page, preheader="Too short"),
    "H28": put('<span style="font-size: 1px">hidden words</span>'),
    "H29": put('<a href="https://example.org/?utm_source=x">words</a>'),
    "H30": put('<a href="https://example.org/">click here</a>'),
    "H31": put('<table role="presentation" cellpadding="0" cellspacing="0" border="0"><tbody><tr><td bgcolor="#112233"><a href="https://example.org/"><img alt="Go" width="9" style="max-width:100%" src="https://example.org/go.png"></a></td></tr></tbody></table>'),
    "H32": lambda page: remake(page, text=page.text.replace(page.unsubscribe, "")),
    "H33": put('<img src="https://example.org/x.png" style="max-width:100%">'),
    "H34": put('<img alt="" width="9" style="max-width:100%" src="https://example.org/x.svg">'),
    "H35": put('<a href="https://example.org/"><img alt="" width="9" style="max-width:100%" src="https://example.org/x.png"></a>'),
    "H36": put('<img alt="" width="9" style="max-width:100%" src="https://example.org/x.png" srcset="x 2x">'),
    "H37": put("<h6>Deep down</h6>"),
    "H38": put('<p style="color: #aaaaaa; background-color: #bbbbbb; font-size: 16px">grey on grey</p>'),
    "H39": put('<p aria-hidden="true">not heard</p>'),
    "H40": put(f'<table role="presentation" cellpadding="0" cellspacing="0" border="0"><tbody><tr><td>{WORDS}</td><td>{WORDS}</td></tr></tbody></table>'),
    "H41": put("<p>THIS WHOLE SENTENCE SHOUTS LOUDLY ABOUT SOMETHING SMALL</p>"),
    "H42": swap("\\[data-ogsc\\]", "[data-nothing]", 0),
    "H43": lambda page: remake(page, html=page.html.replace('dir="ltr"', 'dir="rtl"', 1)),
    "H44": put('<div style="width: 480px">wide</div>'),
    "H45": put('<p style="line-height: 20px"><a href="https://example.org/1">one thing</a><br><a href="https://example.org/2">another</a></p>'),
    "H46": put("<p>" + " ".join(f"unmatched{number}" for number in range(40)) + "</p>"),
    "client": lambda page: remake(put('<p style="border-radius: 4px">x</p>')(page), clients=("outlook-windows",)),
    "spam-capitals": with_subject("BAKU AND YEREVAN SIGN AGREEMENT"),
    "spam-marks": with_subject("Baku and Yerevan sign!!"),
    "spam-gaps": with_subject("Baku and Yerevan sign for F R E E today"),
    "spam-reply": with_subject("Re: Baku and Yerevan"),
    "spam-phrases": with_subject("You have been selected by Baku"),
    "spam-pictures": put('<img alt="" width="9" style="max-width:100%" src="https://example.org/x.png">' * 60),
    "spam-shortener": put('<a href="https://bit.ly/abc">a long story</a>'),
    "spam-redirect": put('<a href="https://l.facebook.com/l.php?u=https%3A%2F%2Fexample.org%2F">a long story</a>'),
    "spam-link-text": put('<a href="https://example.net/">https://www.example.org/</a>'),
    "spam-user": put('<a href="https://example.org@example.net/">a long story</a>'),
    "spam-ip": put('<a href="https://192.0.2.7/">a long story</a>'),
    "spam-port": put('<a href="https://example.org:8443/">a long story</a>'),
    "spam-lookalike": put('<a href="https://xn--exmple-4nf.org/">a long story</a>'),
    "header-once": head("^To: .*\r\n", ""),
    "header-lines": head("^List-Help: ", f"List-Help: <https://example.org/{'a' * 998}>, "),
    "header-characters": head("^Precedence: bulk", "Precedence: bulk\x0b"),
    "header-from": head("^From: .*$", "From: desk\r"),
    "header-domain": head("^From: .*$", "From: desk@example.org\r"),
    "header-subject": with_subject("A subject of so many words that an inbox shows no more than the first half of it"),
    "header-date": head("^Date: .*$", "Date: 2025-07-07\r"),
    "header-message-id": head("^Message-ID: <", "Message-ID: "),
    "header-unsubscribe": head("One-Click", "Yes"),
    "header-list": head("^List-Id: .*$", "List-Id: Borderlines Weekly\r"),
    "header-mime": head("^MIME-Version: 1.0", "MIME-Version: 1.1"),
    "header-forbidden": head("^Precedence", "Bcc: everybody@example.org\r\nPrecedence"),
    "header-automatic": head("^Auto-Submitted: .*\r\n", ""),
    "slots": put("<!--__READER_NAME__-->"),
}  # fmt: skip
# What breaks one rule may break another one with it.
ALSO = {
    "H9": {"H46", "H37", "H32", "H13", "H27"},
    "H8": {"H46"},
    "H18": {"H34", "H33"},
    "H32": {"slots"},
    "H34": set(),
    "H43": {"H2"},
    "H35": {"H30"},
    "H31": {"H33"},
    "spam-link-text": {"H30"},
    "header-from": {"header-domain", "header-message-id"},
    "header-domain": {"header-message-id"},
}


def rules_of(page: Page) -> set[str]:
    return {finding.rule for finding in check_page(page)}


def test_the_sample_passes_every_rule(page: Page) -> None:
    assert [str(finding) for finding in check_page(page)] == []


@pytest.mark.parametrize("rule", PAGE_RULES)
def test_a_mail_that_breaks_one_rule(page: Page, rule: str) -> None:
    found = rules_of(BROKEN[rule](page))
    assert rule in found
    assert found - {rule} <= ALSO.get(rule, set()) | {"H46"}


@pytest.mark.parametrize("rule", PAGE_RULES)
def test_a_rule_that_is_ignored_is_silent(page: Page, rule: str) -> None:
    assert rule not in {one.rule for one in check_page(BROKEN[rule](page), ignore={rule: "a reason"})}


def test_the_checks_of_the_command_are_silent_on_the_sample() -> None:
    workspace = Workspace(ROOT)
    config = read_config(workspace)
    assert check_issue(workspace, config, render_issue(workspace, config, SLUG)) == ()


def test_a_reason_is_wanted_for_what_is_ignored() -> None:
    from newsletter.errors import SettingsError

    workspace = Workspace(ROOT)
    config = read_config(workspace)
    rendered = render_issue(workspace, config, SLUG)
    for ignore, words in (({"H99": "x"}, "no rule 'H99'"), ({"H25": " "}, "needs a reason")):
        with pytest.raises(SettingsError, match=words):
            check_issue(workspace, replace(config, checks=replace(config.checks, ignore=ignore)), rendered)


def test_every_rule_is_in_the_docs_and_says_its_number() -> None:
    text = (ROOT / "docs/checks.md").read_text(encoding="utf-8")
    for name, rule in PAGE_RULES.items():
        assert f"| {name} |" in text, name
        assert rule.check.__doc__
        assert rule.check.__doc__.startswith(name)
