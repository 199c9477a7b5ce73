"""What a feed's visit brings: nothing twice, nothing lost, changes told (feeds §10, X15)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from newsletter.model import Source
from newsletter.sources.feed import (
    FeedIntake,
    FeedState,
    after_failure,
    after_unchanged,
    after_visit,
    state_for,
    take_in,
)
from newsletter.sources.feed_entry import Entry, FeedDocument

SOURCE = Source(name="wire", kind="feed", url="https://e.org/feed")
NOW = datetime(2025, 7, 7, 12, tzinfo=UTC)
EMPTY = FeedState(url=SOURCE.url)


def entry(number: int, **changes: Any) -> Entry:
    values: dict[str, Any] = {
        "id": f"id-{number}",
        "url": f"https://e.org/{number}",
        "title": f"Title {number}",
        "body": f"Body {number}.\n",
        "date": NOW - timedelta(hours=number),
    }
    return Entry(**(values | changes))


def visit(state: FeedState, *entries: Entry, source: Source = SOURCE) -> tuple[FeedIntake, FeedState]:
    intake = take_in(source, FeedDocument(entries=entries), state, NOW)
    return intake, after_visit(state, seen=intake.seen, etag="e", last_modified="l", moved_to="")


def titles(intake: FeedIntake) -> list[str]:
    return [post.title for post in intake.posts]


def test_a_second_visit_brings_only_what_is_new() -> None:
    first, state = visit(EMPTY, entry(2), entry(1))
    assert titles(first) == ["Title 2", "Title 1"]
    again, state = visit(state, entry(2), entry(1))
    assert (titles(again), again.known, again.findings) == ([], 2, ())
    third, _ = visit(state, entry(1), entry(0))
    assert titles(third) == ["Title 0"]


def test_a_changed_entry_is_told_once_and_is_no_new_post() -> None:
    _, state = visit(EMPTY, entry(1))
    changed, state = visit(state, entry(1, body="Other words.\n"))
    assert titles(changed) == []
    assert [finding.rule for finding in changed.findings] == ["feed-changed"]
    again, _ = visit(state, entry(1, body="Other words.\n"))
    assert again.findings == ()


def test_entries_without_ids_go_by_their_address_then_by_their_words() -> None:
    nameless = [entry(1, id=""), entry(2, id="", url=""), entry(3, id="", url="")]
    first, state = visit(EMPTY, *nameless)
    assert len(first.posts) == 3
    assert len({post.key for post in first.posts}) == 3
    again, _ = visit(state, *nameless)
    assert again.posts == ()


def test_ids_that_are_all_the_same_name_nothing() -> None:
    first, _ = visit(EMPTY, entry(1, id="same"), entry(2, id="same"))
    assert len({post.key for post in first.posts}) == 2


def test_a_feed_that_gains_ids_repeats_nothing() -> None:
    _, state = visit(EMPTY, entry(1, id=""), entry(2, id=""))
    again, _ = visit(state, entry(1), entry(2))
    assert again.posts == ()


def test_the_first_visit_takes_the_newest_and_remembers_the_others() -> None:
    source = replace(SOURCE, newest=2)
    first, state = visit(EMPTY, *(entry(number) for number in range(5)), source=source)
    assert titles(first) == ["Title 1", "Title 0"]
    assert "took the newest 2 of 5" in first.findings[0].message
    again, _ = visit(state, *(entry(number) for number in range(5)), source=source)
    assert again.posts == ()


def test_dates_that_cannot_be_are_replaced() -> None:
    intake, _ = visit(
        EMPTY,
        entry(1, date=NOW + timedelta(days=3)),
        entry(2, date=datetime(1970, 1, 1, tzinfo=UTC)),
        entry(3, date=None, url="https://e.org/2025/07/04/story"),
        entry(4, date=None, title=""),
    )
    dates = {post.title: post.date for post in intake.posts}
    assert dates == {
        "Title 1": NOW,
        "Title 2": NOW,
        "Title 3": datetime(2025, 7, 4, tzinfo=UTC),
        "Untitled, 2025-07-07": NOW,
    }
    assert [finding.rule for finding in intake.findings] == ["feed-date"] * 3


def test_the_memory_keeps_what_the_feed_still_holds() -> None:
    state = EMPTY
    for start in range(0, 12_000, 400):
        _, state = visit(state, *(entry(number) for number in range(start, start + 400)))
    assert len(state.seen) <= 5_000
    again, _ = visit(state, *(entry(number) for number in range(11_600, 12_000)))
    assert again.posts == ()


def test_a_move_counts_when_it_was_seen_twice() -> None:
    state = after_visit(EMPTY, seen=(), etag="", last_modified="", moved_to="https://new.org/feed")
    assert state.address == SOURCE.url
    state = after_unchanged(state, "https://new.org/feed")
    assert state.address == "https://new.org/feed"
    assert after_failure(state, NOW, gone=False, retry_after_s=None).address == SOURCE.url
    assert after_visit(EMPTY, seen=(), etag="", last_modified="", moved_to="").moved_to == ""


def test_failures_are_counted_and_waits_are_kept() -> None:
    state = after_failure(EMPTY, NOW, gone=False, retry_after_s=120)
    assert (state.errors, state.retry_at) == (1, NOW + timedelta(seconds=120))
    assert after_failure(state, NOW, gone=True, retry_after_s=None).gone
    assert after_unchanged(state, "").errors == 0


def test_a_new_address_in_the_settings_asks_anew_but_forgets_no_post() -> None:
    _, state = visit(EMPTY, entry(1))
    moved = state_for(replace(SOURCE, url="https://other.org/feed"), replace(state, gone=True))
    assert (moved.address, moved.etag, moved.gone) == ("https://other.org/feed", "", False)
    assert moved.seen == state.seen
    assert state_for(SOURCE, None) == EMPTY
