"""Posts without a key keep their number through every correction of their issue."""

import random
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.editing.post_numbers import NumberedPost, number_posts
from newsletter.model import Issue, IssuePost, Section

TEXTS = {
    "clock": ("A six-month clock", "The truce runs out in spring, and nobody has asked for a longer one yet.\n"),
    "grain": ("Grain by rail", "The first train left on Tuesday with forty wagons of wheat from the north.\n"),
    "court": ("The court adjourns", "Judges want more papers before they decide on the border villages.\n"),
    "title": ("Only a title", ""),
    "chinese": ("双方下月举行经贸磋商", "外交部发言人周三表示，双方将于下月举行磋商。\n"),
}


def make_issue(*posts: IssuePost) -> Issue:
    lines = [replace(post, line=10 + 4 * number) for number, post in enumerate(posts)]
    return Issue(
        slug="2025-07-07-weekly",
        edition="weekly",
        date=date(2025, 7, 7),
        subject="S",
        preheader="P",
        sections=(
            Section(slug="a", title="A", posts=tuple(lines[:2])),
            Section(slug="b", title="B", posts=tuple(lines[2:])),
        ),
    )


def post(name: str) -> IssuePost:
    title, body = TEXTS[name]
    return IssuePost(title=title, body=body)


def numbers(issue: Issue, known: tuple[NumberedPost, ...] = ()) -> dict[str, int | None]:
    return {one.title: one.number for one in number_posts(issue, known)[0].posts}


CLOCK, GRAIN, COURT = post("clock"), post("grain"), post("court")
KEYED = IssuePost(title="Collected", body="Words.\n", key="b56c49874e67")


@pytest.fixture
def known() -> tuple[NumberedPost, ...]:
    return number_posts(make_issue(CLOCK, KEYED, GRAIN, COURT), ())[1]


def test_a_first_number_is_the_place_and_a_key_needs_none() -> None:
    """Version 0.1 published these names: feed readers know them."""
    issue = make_issue(CLOCK, KEYED, GRAIN)
    assert numbers(issue) == {CLOCK.title: 1, "Collected": None, GRAIN.title: 3}
    assert number_posts(make_issue(KEYED), ()) == (make_issue(KEYED), ())


def test_c65_a_post_that_is_put_in_above_takes_no_others_name(known: tuple[NumberedPost, ...]) -> None:
    new = IssuePost(title="Late news", body="The minister has resigned this morning.\n")
    found = numbers(make_issue(new, CLOCK, KEYED, GRAIN, COURT), known)
    assert found == {"Late news": 5, CLOCK.title: 1, "Collected": None, GRAIN.title: 3, COURT.title: 4}


@pytest.mark.parametrize(
    "change",
    [
        {"title": "A clock of six months"},
        {"body": "The truce runs out in spring, and so far nobody has asked for a longer one.\n"},
        {
            "title": "The six-month clock",
            "body": "The truce runs out in spring, and nobody asked for a longer one yet.\n",
        },
        {"body": ""},
        {"body": CLOCK.body + "\nMore of it in a second paragraph.\n"},
    ],
    ids=["title", "words", "both", "text taken out", "longer"],
)
def test_c65_a_post_that_is_corrected_keeps_its_name(known: tuple[NumberedPost, ...], change: dict[str, str]) -> None:
    corrected = replace(CLOCK, **change)  # type: ignore[arg-type]
    assert numbers(make_issue(COURT, corrected, GRAIN), known) == {COURT.title: 4, corrected.title: 1, GRAIN.title: 3}


def test_c65_a_name_is_never_given_twice(known: tuple[NumberedPost, ...]) -> None:
    _, known = number_posts(make_issue(CLOCK, KEYED, GRAIN), known)
    new = IssuePost(title="Late news", body="The minister has resigned this morning.\n")
    assert numbers(make_issue(CLOCK, KEYED, GRAIN, new), known)["Late news"] == 5
    assert numbers(make_issue(CLOCK, COURT), known)[COURT.title] == 4, "one that comes back has its own again"


def test_c65_two_posts_of_one_title_are_told_apart_by_their_words() -> None:
    one, other = replace(CLOCK, title="News"), replace(GRAIN, title="News")
    _, known = number_posts(make_issue(one, other), ())
    turned = number_posts(make_issue(other, one), known)[0]
    assert [post.number for post in turned.posts] == [2, 1]


@given(st.lists(st.sampled_from(sorted(TEXTS)), unique=True, min_size=1), st.randoms(use_true_random=False))
def test_c65_through_any_row_of_edits_no_two_posts_share_a_name(names: list[str], dice: random.Random) -> None:
    posts = [post(name) for name in names]
    issue, known = number_posts(make_issue(*posts), ())
    first = {one.title: one.number for one in issue.posts}
    for step in range(4):
        dice.shuffle(posts)
        posts.insert(dice.randrange(len(posts) + 1), IssuePost(title=f"New {step}", body=f"{'xyzw'[step] * 5} words\n"))
        issue, known = number_posts(make_issue(*posts), known)
        given_now = [one.number for one in issue.posts]
        assert len(set(given_now)) == len(posts)
        assert {one.title: one.number for one in issue.posts if one.title in first} == first
        assert number_posts(issue, known) == (issue, known)
