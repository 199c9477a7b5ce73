"""The same story twice is left out and listed; two stories that only look alike are not."""

from datetime import date
from typing import Any

import pytest

from newsletter.editing.duplicates import find_duplicates
from newsletter.model import Issue, IssuePost, Link, Post, Section

WORDS = "Baku and Yerevan have agreed on the text of a treaty and now argue about the place where it will be signed this summer".split()
BODY = " ".join(WORDS) + "."


def post(key: str, title: str = "A title of its own", body: str = "", url: str | None = None, **changes: Any) -> Post:
    return Post(
        **(
            {
                "key": key,
                "title": title,
                "body": body,
                "source": "desk",
                "url": url,
                "origin": f"posts/{key}.md",
            }
            | changes
        )
    )


def left_out(*posts: Post, past: tuple[Issue, ...] = ()) -> list[tuple[str, str]]:
    _, duplicates = find_duplicates(posts, past)
    return [(duplicate.post.key, duplicate.reason) for duplicate in duplicates]


def test_the_same_key_is_the_same_post() -> None:
    assert left_out(post("a", "x", "1"), post("a", "y", "2")) == [("a", "the same post")]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://e.org/a", "https://e.org/a", True),
        ("https://e.org/a/", "http://www.e.org/a", True),
        ("https://e.org/a?x=1&y=2", "https://e.org/a?y=2&x=1#top", True),
        ("https://e.org/a", "https://e.org/b", False),
        ("https://e.org/", "https://e.org/", False),
        ("https://e.org", "https://e.org/", False),
    ],
)
def test_the_same_address_in_two_sources_is_the_same_story(one: str, other: str, same: bool) -> None:
    posts = post("a", "x", "One text.", one), post("b", "y", "Another one.", other, source="wire")
    assert bool(left_out(*posts)) is same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://e.org/support", "https://e.org/support"),
        ("https://e.org/log#v1", "https://e.org/log#v2"),
        ("https://e.org/log", "https://e.org/log#v2"),
        ("https://e.org/log#v1", "https://e.org/log#xtor=RSS-1"),
    ],
)
def test_c13_two_posts_of_one_source_with_one_link_and_other_words_are_two_posts(one: str, other: str) -> None:
    assert left_out(post("a", "Release 1.0", "What is new in 1.0.", one), post("b", "Release 2.0", BODY, other)) == []


def test_c13_two_posts_of_one_source_with_one_link_and_the_same_words_are_one() -> None:
    url = "https://e.org/support"
    assert left_out(post("a", "Release 1.0", BODY, url), post("b", "Release 1.0!", BODY, url))


def test_c13_releases_that_differ_in_their_number_are_two_posts_though_most_words_are_the_same() -> None:
    notes = "is out today. Download it from the page of the project, and read the notes before you install it. " + BODY
    posts = [post(str(n), f"Release {n}.0", f"Release {n}.0 {notes}", "https://e.org/support") for n in (1, 2)]
    changed = [
        post(str(n), f"Release {n}.0", f"{one.body} {n}".replace("today", f"on day {n}, late, after much work"))
        for n, one in enumerate(posts)
    ]
    assert left_out(*changed) == []


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://e.org/log#v1", "https://e.org/log#v2", False),
        ("https://e.org/log", "https://e.org/log#v2", True),
        ("https://e.org/story#xtor=RSS-1", "https://e.org/story#comments", True),
        ("https://e.org/story#:~:text=Baku", "https://e.org/story", True),
    ],
)
def test_c13_parts_of_a_page_are_two_stories_in_two_sources_too(one: str, other: str, same: bool) -> None:
    posts = post("a", "x", "One text.", one), post("b", "y", "Another one.", other, source="wire")
    assert bool(left_out(*posts)) is same


def test_c13_the_source_of_a_post_that_stood_in_a_past_issue_counts_too() -> None:
    link = Link(text="Source", url="https://e.org/support")
    old = IssuePost(title="Release 1.0", body="What is new in 1.0.", key="k1", sources=(link,))
    past = Issue(
        slug="2025-06-30-weekly",
        edition="weekly",
        date=date(2025, 6, 30),
        subject="s",
        preheader="",
        sections=(Section(slug="caucasus", title="Caucasus", posts=(old,)),),
    )
    new = post("k2", "Release 2.0", "What is new in 2.0.", link.url, source="wire")
    assert find_duplicates([new], [past], sources={"k1": "wire"}) == ((new,), ())
    assert find_duplicates([new], [past], sources={"k1": "desk"})[0] == ()
    assert find_duplicates([new], [past])[0] == (), "where it is not known, the address decides"


def test_a_few_words_alone_say_nothing() -> None:
    assert (
        left_out(post("a", "Elections in Tbilisi", "Video below."), post("b", "Floods in Baku", "Video below.")) == []
    )
    assert left_out(post("a", "Floods in Baku", "Video below."), post("b", "Floods in Baku!", "Video below."))


def test_an_extra_source_counts_as_well() -> None:
    assert left_out(
        post("a", url="https://e.org/1"),
        post("b", "t", url="https://f.org/2", extra_urls=("https://e.org/1",), source="wire"),
    )


def test_nearly_the_same_words_are_the_same_story() -> None:
    changed = BODY.replace("summer", "autumn")
    reasons = left_out(post("a", "One", BODY * 3), post("b", "Two", BODY * 2 + changed))
    assert len(reasons) == 1
    assert reasons[0][1].endswith("of the same words")


def test_opposite_headlines_are_two_stories() -> None:
    one = post(
        "a",
        "Brussels approves tariffs on Chinese cars",
        "The vote was close and the reasons were many, said those who were there.",
    )
    other = post(
        "b",
        "Brussels rejects tariffs on Chinese cars",
        "Nobody had expected that outcome of a long night in the council building.",
    )
    assert left_out(one, other) == []


def test_the_same_title_over_other_words_is_another_story() -> None:
    assert (
        left_out(
            post("a", "Press review", BODY),
            post("b", "Press review", "Quite another text about other things altogether, week after week."),
        )
        == []
    )


def test_a_bare_title_repeats_the_story_of_that_title_whichever_comes_first() -> None:
    bare, story = post("a", "No Airbus deal"), post("b", "No Airbus deal.", BODY)
    assert left_out(bare, story) == [("a", "the same title")]
    assert left_out(story, bare) == [("a", "the same title")]


def test_the_first_one_collected_is_kept() -> None:
    kept, _ = find_duplicates([post("b", "x", BODY), post("a", "y", BODY), post("c", "z")], ())
    assert [one.key for one in kept] == ["b", "c"]


def test_keep_is_the_editors_word() -> None:
    assert left_out(post("a", "x", BODY), post("b", "y", BODY, keep=True)) == []


def test_what_stood_in_a_past_issue_is_left_out_and_named() -> None:
    past = Issue(
        slug="2025-06-30-weekly",
        edition="weekly",
        date=date(2025, 6, 30),
        subject="s",
        preheader="",
        sections=(
            Section(
                slug="caucasus",
                title="Caucasus",
                posts=(
                    IssuePost(
                        title="Edited **title**",
                        body=BODY,
                        key="k1",
                        sources=(Link(text="Source", url="https://e.org/a"),),
                    ),
                    IssuePost(
                        title="By hand",
                        body="Some words of the editor that nobody else has written like this.",
                    ),
                ),
            ),
        ),
    )
    posts = [
        post("k1"),
        post("k2", url="https://e.org/a"),
        post("k3", "t", BODY),
        post("k4", "By hand"),
        post("k5", "New", "Fresh words."),
    ]
    kept, duplicates = find_duplicates(posts, (past,))
    assert [one.key for one in kept] == ["k5"]
    assert {duplicate.where for duplicate in duplicates} == {"issue 2025-06-30-weekly"}
    assert [duplicate.title for duplicate in duplicates] == ["Edited **title**"] * 3 + ["By hand"]


def test_many_posts_are_compared_without_comparing_all_pairs() -> None:
    posts = [post(str(n), f"Title {n}", " ".join(f"w{n * 100 + i}" for i in range(60))) for n in range(1500)]
    kept, _ = find_duplicates([*posts, post("x", "Other", posts[700].body + " tail")], ())
    assert len(kept) == 1500
