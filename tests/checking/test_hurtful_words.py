"""Long odd input takes no time: a hundred kilobytes of each, of which some once took half a minute or more."""

from collections.abc import Callable
from datetime import UTC, date
from typing import Any

import pytest

from newsletter.checking import IssueText, check_draft, check_page
from newsletter.checking.features import style_uses
from newsletter.checking.stylesheet import read_declarations, read_rules
from newsletter.editing.issue_file import read_issue
from newsletter.errors import InputError
from newsletter.rendering.content import show_issue
from newsletter.sources.markdown_file import read_markdown
from newsletter.text.markdown import find_blocks, find_dead_links, plain_inline
from newsletter.text.structure import find_unclosed
from tests.checking.pages import make_page

SIZE = 100_000
FRONT = "---\nissue: 2025-07-07-weekly\nedition: weekly\ndate: 2025-07-07\nsubject: S\n---\n\n## A {#a}\n\n### One\n\n"
pytestmark = pytest.mark.timeout(10)


def repeat(piece: str, end: str = "") -> str:
    return piece * (SIZE // len(piece)) + end


TEXTS = {
    "heading": "### a" + repeat(" ", "x"),
    "heading of tabs": "### a" + repeat("\t", "x"),
    "deep heading": "#### a" + repeat(" ", "x"),
    "single heading": "# a" + repeat(" ", "x"),
    "hashes": "### " + repeat("#", "x"),
    "brackets": "[" + repeat("\\["),
    "brackets before a link": "[" + repeat("\\[", "]("),
    "links with no end": repeat("[a](<"),
    "link and blanks": "[a](https://e.org/)" + repeat(" ", "x"),
    "links": repeat("[a](https://e.org/) "),
    "backticks": repeat("`", "a") + repeat("x", "[a](b)"),
    "runs of backticks": "[a](b)" + "".join("`" * n + "x" for n in range(1, 440)),
    "days": repeat("3 july "),
    "days to come": "will was " + repeat("3 july "),
    "ids": "#### " + repeat("{#p-1} "),
    "lists": "- " * (SIZE // 4) + "\n" * (SIZE // 2),
    "quotes": repeat("> "),
    "fences": repeat("- ```\n"),
    "left over": repeat("{{ "),
}


def look_at_issue(text: str) -> None:
    try:
        issue = read_issue(FRONT + text + "\n", "i.md").issue
    except InputError:
        return
    show_issue(issue, "en")
    list(check_draft(IssueText(issue=issue, path="i.md")))


def look_at_post(text: str) -> None:
    find_unclosed(text)
    plain_inline(text)
    list(find_dead_links(text))
    find_blocks(text)
    read_markdown(text, file="a.md", source="desk", zone=UTC)


@pytest.mark.parametrize("look", [look_at_issue, look_at_post])
@pytest.mark.parametrize("name", TEXTS)
def test_words_that_once_took_long(look: Callable[[str], None], name: str) -> None:
    look(TEXTS[name])


STYLES = {
    "blanks": repeat(" ", "x"),
    "letters": repeat("a"),
    "blanks behind a name": repeat("a "),
    "quotes": '"' + repeat('\\"'),
    "single quotes": "'" + repeat("\\'"),
    "commas": repeat(",", "{color: red}"),
    "brackets": repeat("[", "{color: red}"),
    "comments": repeat("/*"),
    "digits": "width: " + repeat("1"),
    "addresses": "background: " + repeat("url("),
    "functions": "width: " + repeat("max("),
}


@pytest.mark.parametrize("name", STYLES)
def test_styles_that_once_took_long(name: str) -> None:
    style = STYLES[name]
    read_declarations(style)
    assert all(rule.weight >= (0, 0, 0) for rule in read_rules(style))
    list(style_uses(None, "width", style))


ROW = "".join(f'<td style="padding: {number % 3}px">a</td>' for number in range(2000))
PAGES: dict[str, dict[str, Any]] = {
    "a long table": {
        "body": f'<table role="presentation">{f"<tr>{ROW}</tr>" * 12}</table>',
        "clients": ("gmail", "outlook"),
    },
    "open comments": {"body": repeat("<!-- ")},
    "open conditions": {"body": repeat("<!--[if ")},
    "an answer": {"subject": "re" + repeat(" ", "x")},
    "gaps": {"subject": repeat("a ", "aa")},
}


@pytest.mark.parametrize("name", PAGES)
def test_pages_that_once_took_long(name: str) -> None:
    list(check_page(make_page(**PAGES[name])))


def test_open_styles_are_no_styles() -> None:
    assert make_page(repeat("<style")).styles == ("",)


def test_the_day_of_the_issue_is_read() -> None:
    """The table above looks at issues that are read, not at mistakes."""
    assert read_issue(FRONT + TEXTS["links"] + "\n", "i.md").issue.date == date(2025, 7, 7)
