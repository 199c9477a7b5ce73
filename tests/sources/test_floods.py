"""How many entries a visit takes: a site that moves, or a feed that empties its archive, does not fill the next issue."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from newsletter.model import Source
from newsletter.sources.feed import FeedIntake, FeedState, after_visit, take_in
from newsletter.sources.feed_entry import Entry, FeedDocument
from newsletter.sources.known_entries import read_seen_of_0_1

SOURCE = Source(name="wire", kind="feed", url="https://e.org/feed")
NOW = datetime(2025, 7, 7, 12, tzinfo=UTC)
EMPTY = FeedState(url=SOURCE.url)


def entry(number: int, site: str = "old.example", **changes: Any) -> Entry:
    """Number 0 is the newest; an entry is a day older than the one before."""
    values: dict[str, Any] = {
        "id": f"{site}/{number}",
        "url": f"https://{site}/{number}",
        "title": f"Title {number}",
        "body": f"Text {number}.\n",
        "date": NOW - timedelta(days=number),
    }
    return Entry(**(values | changes))


def visit(
    state: FeedState, *entries: Entry, everything: bool = False, source: Source = SOURCE
) -> tuple[FeedIntake, FeedState]:
    intake = take_in(source, FeedDocument(entries=entries), state, NOW, everything=everything)
    memory = after_visit(
        state,
        seen=intake.seen,
        etag="",
        last_modified="",
        moved_to="",
        newest=intake.newest,
        brought=intake.brought,
    )
    return intake, memory


def numbers(intake: FeedIntake) -> list[int]:
    return sorted(int(post.title.removeprefix("Title ")) for post in intake.posts)


def rules(intake: FeedIntake) -> list[str]:
    return [finding.rule for finding in intake.findings]


# --- a site moves ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("same_words", [True, False])
def test_c14_a_site_that_moves_brings_its_old_posts_not_again(same_words: bool) -> None:
    """All ids and links are new; the words may be rendered anew too."""
    _, state = visit(EMPTY, *(entry(number) for number in range(5, 55)))
    body = {} if same_words else {"body": "Rendered anew.\n"}
    moved, state = visit(state, *(entry(number, "new.example", **body) for number in range(2, 52)))
    assert numbers(moved) == [2, 3, 4]
    assert rules(moved) == ["feed-moved"]
    assert "as when a site has moved" in moved.findings[0].message
    again, _ = visit(state, *(entry(number, "new.example", **body) for number in range(1, 51)))
    assert (numbers(again), rules(again)) == ([1], [])


def test_c14_after_a_move_the_left_entries_can_be_taken_in_by_one_command() -> None:
    _, state = visit(EMPTY, *(entry(number) for number in range(5, 10)))
    page = [entry(number, "new.example", body="Rendered anew.\n") for number in range(4, 54)]
    moved, state = visit(state, *page)
    assert (numbers(moved), moved.known, moved.left) == ([4], 5, 44)
    assert "newsletter collect --source wire --all" in moved.findings[0].message
    rest, state = visit(state, *page, everything=True)
    assert (len(rest.posts), rest.findings) == (44, ())
    assert not {post.key for post in rest.posts} & {post.key for post in moved.posts}
    again, _ = visit(state, *page, everything=True)
    assert again.posts == ()


def test_c14_a_move_that_dates_everything_anew_brings_as_many_as_a_first_visit() -> None:
    _, state = visit(EMPTY, *(entry(number) for number in range(50)))
    moved, _ = visit(state, *(entry(number, "new.example", body="New.\n", date=NOW) for number in range(50)))
    assert len(moved.posts) == SOURCE.newest
    assert rules(moved) == ["feed-moved"]


def test_c14_a_move_without_dates_is_reported_and_limited() -> None:
    _, state = visit(EMPTY, *(entry(number, date=None) for number in range(50)))
    moved, _ = visit(state, *(entry(number, "new.example", body="New.\n", date=None) for number in range(50)))
    assert numbers(moved) == list(range(20)), "the first of the document, which are the newest by custom"
    assert rules(moved)[0] == "feed-moved"


def test_a_feed_whose_entries_are_all_newer_has_not_moved() -> None:
    """A short feed that was not visited for long: nothing is left, so there is nothing to report."""
    _, state = visit(EMPTY, *(entry(number) for number in range(20, 25)))
    later, _ = visit(state, *(entry(number) for number in range(5)))
    assert (numbers(later), rules(later)) == ([0, 1, 2, 3, 4], [])


def test_c14_another_feed_under_the_same_name_is_a_first_visit() -> None:
    _, state = visit(EMPTY, *(entry(number) for number in range(30)))
    other, _ = visit(replace(state, url="https://other.example"), *(entry(n + 100, "x.example") for n in range(50)))
    assert other.posts == (), "all of it is older than the newest that was known"
    assert rules(other) == ["feed-moved"]
    assert other.left == 50


def test_c14_with_the_memory_of_version_0_1_a_move_is_limited_too() -> None:
    """It did not write down the newest date."""
    _, state = visit(EMPTY, *(entry(number) for number in range(30)))
    old = read_seen_of_0_1({key: one.words for one in state.seen for key in one.keys_but()})
    page = [entry(number, "new.example", body="New.\n") for number in range(50)]
    moved, _ = visit(replace(EMPTY, seen=old), *page)
    assert numbers(moved) == list(range(20))
    assert rules(moved) == ["feed-moved"]


# --- many more than usual -------------------------------------------------------------------------------------------


def test_c14_a_visit_that_brings_many_more_than_usual_takes_the_newest() -> None:
    """The archive turns up in the feed, beside entries that are known."""
    _, state = visit(EMPTY, *(entry(number) for number in range(5)))
    flood, state = visit(state, *(entry(number) for number in range(300)))
    assert numbers(flood) == list(range(5, 25))
    assert rules(flood) == ["feed-many"]
    assert flood.findings[0].message.startswith("295 new entries, more than usual: took the newest 20")
    again, state = visit(state, *(entry(number) for number in range(300)))
    assert (again.posts, rules(again)) == ((), []), "what was left does not come by itself, and is reported once"
    rest, _ = visit(state, *(entry(number) for number in range(300)), everything=True)
    assert len(rest.posts) == 275


def test_a_busy_feed_is_usual_from_its_second_busy_visit_on() -> None:
    """Sixty entries a week: the first such week is limited and reported, the next ones are not."""
    newest, state, taken = 1_000, EMPTY, []
    for _ in range(5):
        page = [entry(number) for number in range(newest, newest + 100)]
        intake, state = visit(state, *page)
        taken.append(len(intake.posts))
        newest -= 60
    assert taken == [20, 20, 60, 60, 60]


def test_the_settings_say_how_many_a_visit_may_bring() -> None:
    source = replace(SOURCE, newest=100)
    _, state = visit(EMPTY, entry(90), source=source)
    second, _ = visit(state, *(entry(number) for number in range(91)), source=source)
    assert (len(second.posts), second.findings) == (90, ())


@pytest.mark.parametrize("order", [1, -1], ids=["newest first", "oldest first"])
def test_the_newest_are_taken_whatever_the_order(order: int) -> None:
    first, _ = visit(EMPTY, *[entry(number) for number in range(50)][::order])
    assert numbers(first) == list(range(20))


def test_nothing_and_one() -> None:
    none, state = visit(EMPTY)
    assert (none.posts, none.findings, state.seen) == ((), (), ())
    one, state = visit(state, entry(1))
    assert (numbers(one), one.findings) == ([1], ())
    gone, state = visit(state)
    assert gone.posts == ()
    back, _ = visit(state, entry(1))
    assert back.posts == ()
