"""No word of a feed's HTML is lost, glued or invented: not in Markdown, not in the issue, not in either part of the mail."""

import os
import re
from collections.abc import Callable
from datetime import UTC, date

import pytest

from newsletter.editing.compose import place_post
from newsletter.editing.issue_file import read_issue, write_issue
from newsletter.model import Issue, Post, Section
from newsletter.rendering.content import show_issue
from newsletter.rendering.markdown import parse_markdown, to_html
from newsletter.sources.html_to_markdown import html_to_markdown
from newsletter.sources.markdown_file import read_markdown, write_markdown
from tests.sources.html_documents import Author
from tests.sources.visible import split_words, visible_text, visible_words

DOCUMENTS = 5_000 if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else 500
LETTERS = re.compile(r"[^\W\d_]+")
BASE = "https://e.example/post"


def shown(html: str) -> str:
    """The HTML that a post made of this HTML is shown as."""
    return to_html(parse_markdown(html_to_markdown(html, BASE).markdown))


def smallest(html: str, fails: Callable[[str], bool]) -> str:
    """A document that fails, with everything cut away without which it fails too."""
    size = len(html) // 2
    while size:
        start = 0
        while start < len(html):
            shorter = html[:start] + html[start + size :]
            html, start = (shorter, start) if fails(shorter) else (html, start + size)
        size //= 2
    return html


def differs(html: str) -> bool:
    return visible_words(html) != visible_words(shown(html))


@pytest.mark.timeout(600)
def test_c18_every_word_that_a_browser_shows_arrives_once_in_order_and_parted_as_it_was(untraced: None) -> None:
    wrong = [seed for seed in range(DOCUMENTS) if differs(Author(seed).document())]
    if wrong:
        html = smallest(Author(wrong[0]).document(), differs)
        pytest.fail(
            f"{len(wrong)} of {DOCUMENTS}, seeds {wrong[:9]}:\n{html!r}\n{visible_words(html)}\n{visible_words(shown(html))}"
        )


def through_the_desk(html: str) -> tuple[str, str]:
    """(HTML, plain text) of a post that went all the way: collected, written, read, drafted, edited, rendered."""
    post = Post(key="abcd12345678", title="Title", body=html_to_markdown(html, BASE).markdown, source="wire", url=BASE)
    file = write_markdown(post, UTC)
    again, _ = read_markdown(file, file="posts/collected/wire/a.md", source="wire", zone=UTC)
    assert again is not None
    issue = Issue(
        slug="2025-07-07-weekly", edition="weekly", date=date(2025, 7, 7), subject="S", preheader="P",
        sections=(Section(slug="one", title="One", posts=(place_post(again), place_post(Post(key="ffff12345678", title="Next", body="", source="wire", url=BASE)))),),
    )  # fmt: skip
    read = read_issue(write_issue(issue), "issue.md")
    assert [post.key for post in read.issue.posts] == ["abcd12345678", "ffff12345678"]
    assert [finding for finding in read.findings if finding.level == "error"] == []
    body = show_issue(read.issue, "en").posts[0].body
    return body.html, body.plain


def is_lost_on_the_way(html: str) -> bool:
    page, plain = through_the_desk(html)
    letters = LETTERS.findall(" ".join(split_words(visible_text(html, alts=True))))
    bare = re.sub(r"\s+\[\d+\]", "", plain)  # the number of a link may stand in a word: `a [1]b`
    return visible_words(html) != visible_words(page) or letters != LETTERS.findall(" ".join(split_words(bare)))


@pytest.mark.timeout(600)
def test_c18_both_parts_of_the_mail_have_the_words_of_the_feed(untraced: None) -> None:
    wrong = [seed for seed in range(DOCUMENTS) if is_lost_on_the_way(Author(seed).document())]
    if wrong:
        html = smallest(Author(wrong[0]).document(), is_lost_on_the_way)
        page, plain = through_the_desk(html)
        pytest.fail(f"{len(wrong)} of {DOCUMENTS}, seeds {wrong[:9]}:\n{html!r}\n{page!r}\n{plain!r}")
