"""A document with more entries than are read: the newest are read, at whichever end they stand."""

import json
import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.model import Source
from newsletter.sources.feed import FeedState, after_visit, take_in
from newsletter.sources.feed_document import read_feed
from newsletter.sources.feed_entry import FeedDocument
from newsletter.sources.newest_entries import choose_newest

START = datetime(2020, 1, 1, tzinfo=UTC)
SOURCE = Source(name="wire", kind="feed", url="https://e.org/feed", newest=20)


def write_rss(numbers: list[int], *, dated: bool = True) -> FeedDocument:
    items = "".join(
        f"<item><title>Entry {n}</title><guid>g{n}</guid><description>Text {n}.</description>"
        + (f"<pubDate>{format_datetime(START + timedelta(days=n))}</pubDate>" if dated else "")
        + "</item>"
        for n in numbers
    )
    return read_feed(
        f'<rss version="2.0"><channel><title>F</title>{items}</channel></rss>'.encode(), "", "https://e.org"
    )


def write_json(numbers: list[int]) -> FeedDocument:
    items = [
        {
            "id": f"g{n}",
            "title": f"Entry {n}",
            "content_text": f"Text {n}.",
            "date_published": (START + timedelta(days=n)).isoformat(),
        }
        for n in numbers
    ]
    document = {"version": "https://jsonfeed.org/version/1.1", "title": "F", "items": items}
    return read_feed(json.dumps(document).encode(), "application/feed+json", "https://e.org")


def shuffled(numbers: list[int]) -> list[int]:
    return random.Random(1).sample(numbers, len(numbers))


def numbers_of(document: FeedDocument) -> list[int]:
    return [int(entry.title.removeprefix("Entry ")) for entry in document.entries]


@pytest.mark.parametrize("write", [write_rss, write_json])
@pytest.mark.parametrize(
    "order", [list, lambda numbers: numbers[::-1], shuffled], ids=["oldest first", "newest first", "mixed"]
)
def test_c15_of_600_entries_the_newest_500_are_read_in_any_order(write, order) -> None:  # type: ignore[no-untyped-def]
    given_order = order(list(range(600)))
    document = write(given_order)
    assert numbers_of(document) == [n for n in given_order if n >= 100]
    assert document.more == 100


def test_c15_new_entries_at_the_end_of_a_long_feed_are_collected() -> None:
    now = START + timedelta(days=700)
    first = take_in(SOURCE, write_rss(list(range(600))), FeedState(url=SOURCE.url), now)
    assert "read the newest 500 entries; 100 older ones stay unread" in [one.message for one in first.findings]
    state = after_visit(
        FeedState(url=SOURCE.url), seen=first.seen, etag="", last_modified="", moved_to="", newest=first.newest
    )
    second = take_in(SOURCE, write_rss(list(range(603))), state, now)
    assert [post.title for post in second.posts] == ["Entry 600", "Entry 601", "Entry 602"]


@pytest.mark.parametrize("order", [1, -1])
def test_c15_without_dates_both_ends_are_read(order: int) -> None:
    numbers = numbers_of(write_rss(list(range(600))[::order], dated=False))
    assert len(numbers) == 500
    assert {0, 1, 598, 599} <= set(numbers)


@given(st.lists(st.none() | st.integers(0, 50), max_size=60), st.integers(0, 60))
def test_the_choice_keeps_the_order_and_leaves_no_newer_entry(days: list[int | None], limit: int) -> None:
    dates = [None if day is None else START + timedelta(days=day) for day in days]
    chosen = choose_newest(range(len(days)), dates, limit)
    assert chosen == sorted(set(chosen))
    assert len(chosen) == min(limit, len(days))
    taken = [day for place, day in enumerate(days) if place in chosen and day is not None]
    left = [day for place, day in enumerate(days) if place not in chosen and day is not None]
    assert not left or not taken or min(taken) >= max(left)
