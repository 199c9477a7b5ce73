"""The child that parses feeds: it answers, it can be killed, and the next feed is read all the same (security T6, T9)."""

import pytest

from newsletter.sources.feed_entry import NotAFeed
from newsletter.sources.feed_worker import FeedParser

RSS = b"<rss version='2.0'><channel><title>F</title><item><title>One</title><pubDate>Fri, 04 Jul 2025 10:00:00 GMT</pubDate></item></channel></rss>"


def test_feed_after_feed_is_read_by_one_child() -> None:
    with FeedParser() as parser:
        first = parser.parse(RSS, "application/rss+xml", "https://e.org/")
        assert [entry.title for entry in first.entries] == ["One"]
        assert parser.parse(RSS, "", "https://e.org/") == first
        with pytest.raises(NotAFeed, match="is empty"):
            parser.parse(b"", "", "https://e.org/")
        assert parser.parse(RSS, "", "https://e.org/") == first


def test_a_feed_that_takes_too_long_is_left_and_the_next_one_is_read() -> None:
    slow = b"<rss version='2.0'><channel>" + b"<item><title>x</title></item>" * 60_000 + b"</channel></rss>"
    with FeedParser(time_limit_s=0.3) as parser:
        with pytest.raises(NotAFeed, match=r"takes longer than 0\.3 s"):
            parser.parse(slow, "", "https://e.org/")
        assert parser.parse(RSS, "", "https://e.org/").title == "F"


def test_deep_nesting_and_long_attributes_end() -> None:
    deep = (
        b"<rss version='2.0'><channel><item><description>"
        + b"&lt;div&gt;" * 50_000
        + b"</description></item></channel></rss>"
    )
    wide = b"<rss version='2.0'><channel><item><title a='" + b"x" * 4_000_000 + b"'>t</title></item></channel></rss>"
    with FeedParser() as parser:
        for data in (deep, wide):
            assert len(parser.parse(data, "", "https://e.org/").entries) == 1
