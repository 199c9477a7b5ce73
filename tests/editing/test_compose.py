"""An issue made of verdicts: order, subject, preheader, and what stays out."""

from datetime import date
from typing import Any

from newsletter.editing.compose import Composed, compose_issue, propose_preheader, propose_subject
from newsletter.editing.issue_file import write_issue
from newsletter.editing.themes import Sorter, sort_posts
from newsletter.model import Edition, IssuePost, Post, Section, Theme
from newsletter.phrases import read_phrases
from newsletter.resources import resource

THEMES = (
    Theme(slug="a", title="Alpha", any=("alpha",)),
    Theme(slug="b", title="Beta", any=("beta",)),
    Theme(slug="c", title="Gamma", any=("gamma",)),
)
EDITION = Edition(slug="weekly", title="The Weekly", themes=("b", "a"))
PHRASES = read_phrases([resource("templates/phrases.toml").read_text(encoding="utf-8")], "p", "en")
DAY = date(2025, 7, 7)


def post(number: int, title: str, body: str = "", **changes: Any) -> Post:
    return Post(**({"key": f"k{number}", "title": title, "body": body, "source": "desk"} | changes))


def compose(*posts: Post, edition: Edition = EDITION) -> Composed:
    return compose_issue(sort_posts(posts, Sorter(THEMES)), edition=edition, themes=THEMES, day=DAY, phrases=PHRASES)


def test_sections_stand_in_the_editions_order_and_unsorted_is_last() -> None:
    composed = compose(
        post(1, "alpha one"),
        post(2, "nothing"),
        post(3, "beta two"),
        post(4, "alpha three"),
        post(5, "gamma elsewhere"),
    )
    assert [(section.slug, [p.key for p in section.posts]) for section in composed.issue.sections] == [
        ("b", ["k3"]),
        ("a", ["k1", "k4"]),
        ("unsorted", ["k2"]),
    ]
    assert composed.issue.sections[-1].title == "More this week"
    assert [p.key for p in composed.elsewhere] == ["k5"]


def test_hold_leaves_the_unsorted_for_later() -> None:
    composed = compose(
        post(1, "alpha"),
        post(2, "nothing"),
        edition=Edition(slug="w", title="W", themes=("a",), unsorted="hold"),
    )
    assert [section.slug for section in composed.issue.sections] == ["a"]
    assert [p.key for p in composed.held] == ["k2"]


def test_titles_and_headings_of_authors_cannot_break_the_file() -> None:
    composed = compose(
        post(
            1,
            "alpha {#x} ##",
            "# Big\n\ntext\n\n### Small\n",
            url="https://e.org/a",
            extra_urls=("https://f.org/b",),
        )
    )
    text = write_issue(composed.issue)
    assert (
        "### alpha \\{#x} \\## {#p-k1}\n\n#### Big\n\ntext\n\n###### Small\n\n[Source](https://e.org/a) · [Source 2](https://f.org/b)\n"
        in text
    )


def sections(*titles: str) -> tuple[Section, ...]:
    return tuple(
        Section(slug=f"s{n}", title=f"Theme {n}", posts=(IssuePost(title=title),)) for n, title in enumerate(titles)
    )


def test_the_subject_names_the_first_posts_as_far_as_it_fits() -> None:
    assert propose_subject(sections("One.", "Two *words*"), EDITION) == "One; Two words"
    assert propose_subject((), EDITION) == "The Weekly"
    long = propose_subject(sections("word " * 40, "Two"), EDITION)
    assert len(long) <= 78
    assert long.endswith("…")
    assert len(propose_subject(sections(*["A title of some length"] * 9), EDITION)) <= 78


def test_the_preheader_fits_an_inbox_line() -> None:
    for count in (1, 2, 3, 8, 30):
        text = propose_preheader(sections(*["A title"] * count), EDITION, PHRASES)
        assert 35 <= len(text) <= 130, text
    assert propose_preheader(sections("One", "Two"), EDITION, PHRASES) == "2 posts on Theme 0 and Theme 1. One; Two"
    assert propose_preheader((), EDITION, PHRASES) == ""
    assert propose_preheader(sections("One"), EDITION, PHRASES) == "1 post on Theme 0. One – The Weekly"
