"""Feeds of all kinds → entries, with the fallbacks that nearly half of all feeds need (feeds §9, §10)."""

import json
from datetime import UTC, datetime

import pytest

from newsletter.sources.feed_document import read_feed
from newsletter.sources.feed_entry import Entry, FeedDocument, LeftOut, NotAFeed
from newsletter.sources.newest_entries import ENTRY_LIMIT

URL = "https://example.org/feed.xml"


def rss(items: str, channel: str = "<title>A feed</title>") -> FeedDocument:
    text = f'<?xml version="1.0"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>{channel}{items}</channel></rss>'
    return read_feed(text.encode(), "application/rss+xml", URL)


def one(items: str, channel: str = "<title>A feed</title>") -> Entry:
    return rss(f"<item>{items}</item>", channel).entries[0]


def test_an_rss_item_with_everything() -> None:
    entry = one(
        "<title>Talks in Baku</title><link>https://example.org/a?utm_source=rss&amp;id=1</link><guid isPermaLink='false'>id-1</guid>"
        "<pubDate>Fri, 04 Jul 2025 10:00:00 +0200</pubDate><dc:creator>A. Writer</dc:creator><category>Caucasus</category><category>Caucasus</category>"
        "<description>short</description><content:encoded><![CDATA[<h1>Head</h1><p>One &amp; <b>two</b></p>]]></content:encoded>"
    )
    assert entry == Entry(
        id="id-1",
        url="https://example.org/a?id=1",
        raw_url="https://example.org/a?utm_source=rss&id=1",
        title="Talks in Baku",
        body="## Head\n\nOne & **two**\n",
        date=datetime(2025, 7, 4, 8, tzinfo=UTC),
        author="A. Writer",
        tags=("Caucasus",),
    )


def test_an_atom_entry_with_relative_links_and_plain_text() -> None:
    text = """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom" xml:lang="de"><title>F</title><author><name>Desk</name></author>
    <entry><id>tag:1</id><title type="html">A &amp;lt;b&amp;gt; &lt;i&gt;c&lt;/i&gt;</title><link rel="enclosure" href="/sound.mp3"/><link href="/post/1"/>
    <updated>2025-07-04T10:00:00Z</updated><content type="text">1. no list
    * no star</content></entry></feed>"""
    entry = read_feed(text.encode(), "application/atom+xml", URL).entries[0]
    assert entry.url == "https://example.org/post/1"
    assert entry.title == "A <b> c"
    assert entry.body == "1\\. no list\\\n\\* no star\n"
    assert entry.date == datetime(2025, 7, 4, 10, tzinfo=UTC)
    assert (entry.author, entry.language) == ("Desk", "de")


def test_json_feeds_of_both_versions() -> None:
    document = {
        "version": "https://jsonfeed.org/version/1",
        "title": "J",
        "author": {"name": "Desk"},
        "items": [
            {
                "id": 7,
                "url": "/a",
                "title": "T",
                "content_html": "<p>x</p>",
                "date_published": "2025-07-04T10:00:00+02:00",
                "tags": ["a"],
            },
            {
                "id": "8",
                "external_url": "https://e.org/b",
                "content_text": "Plain *text*. More.",
                "authors": [{"name": "B"}],
            },
            "no item",
        ],
    }
    entries = read_feed(json.dumps(document).encode(), "application/json", URL).entries
    assert entries[0] == Entry(
        id="7",
        url="https://example.org/a",
        title="T",
        body="x\n",
        date=datetime(2025, 7, 4, 8, tzinfo=UTC),
        author="Desk",
        tags=("a",),
    )
    assert (entries[1].title, entries[1].title_derived, entries[1].author) == ("Plain *text*.", True, "B")
    assert entries[1].body == "Plain \\*text\\*. More.\n"


@pytest.mark.parametrize(
    ("xml", "title"),
    [
        ("AT&amp;T", "AT&T"),
        ("AT&amp;amp;T", "AT&T"),
        ("&lt;b&gt;Bold&lt;/b&gt; move", "Bold move"),
        ("5 &lt; 6", "5 < 6"),
        ("if a &lt;more&gt; b", "if a <more> b"),
        ("<![CDATA[<script>alert(1)</script>Safe]]>", "Safe"),
        ("a&#10;b&#9;c", "a b c"),
        ("evil&#x202e;txt", "eviltxt"),
        ("“quoted” – dash", "“quoted” – dash"),
    ],
)
def test_titles_are_words_on_one_line(xml: str, title: str) -> None:
    assert one(f"<title>{xml}</title>").title == title


def test_a_missing_title_is_made_from_the_text() -> None:
    entry = one("<description>&lt;p&gt;**First** sentence here. Second one.&lt;/p&gt;</description>")
    assert (entry.title, entry.title_derived) == ("**First** sentence here.", True)


def test_a_title_without_end_is_cut_and_told() -> None:
    entry = one(f"<title>{'word ' * 1000}</title>")
    assert len(entry.title) <= 300
    assert entry.notes == ("title of 4999 characters cut to 300",)


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Fri, 04 Jul 2025 10:00:00 GMT", datetime(2025, 7, 4, 10, tzinfo=UTC)),
        ("2025-07-04T10:00:00+02:00", datetime(2025, 7, 4, 8, tzinfo=UTC)),
        ("2025-07-04", datetime(2025, 7, 4, tzinfo=UTC)),
        ("04/07/2025", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_dates_are_utc_or_missing(date: str, expected: datetime | None) -> None:
    assert one(f"<title>x</title><pubDate>{date}</pubDate>").date == expected


def test_content_that_is_not_well_formed_is_read_all_the_same() -> None:
    document = read_feed(
        b"<rss version='2.0'><channel><item><title>A & B</title><description>x &nbsp; y\x0c</description></item></channel></rss>",
        "text/html",
        URL,
    )
    assert document.entries[0].title == "A & B"


def test_tails_are_left_out_and_named() -> None:
    entry = one(
        "<title>x</title><description>&lt;p&gt;Text.&lt;/p&gt;&lt;p&gt;Continue reading&lt;/p&gt;</description>"
    )
    assert entry.body == "Text.\n"
    assert entry.left_out == (LeftOut("tail", "Continue reading"),)


def test_the_first_entries_are_taken_and_the_rest_counted() -> None:
    document = rss("".join(f"<item><title>{n}</title></item>" for n in range(ENTRY_LIMIT + 7)))
    assert (len(document.entries), document.more) == (ENTRY_LIMIT, 7)


@pytest.mark.parametrize(
    ("data", "content_type", "reason"),
    [
        (b"", "application/rss+xml", "is empty"),
        (b" \n", "", "is empty"),
        (b"hello", "text/plain", "is no RSS, Atom or JSON feed"),
        (b"/etc/passwd", "", "is no RSS, Atom or JSON feed"),
        (b"<html><head><link rel='alternate' type='application/rss+xml' href='/f?a=1&amp;b=2'></head></html>", "text/html", "is a web page, not a feed; it names this feed: https://example.org/f?a=1&b=2"),
        (b"<html></html>", "text/html", "is a web page, not a feed"),
        (b"{", "", "is JSON that breaks off at its beginning"),
        (b'{"a": 1}', "application/json", "is JSON, but no JSON Feed (no version of jsonfeed.org)"),
        (b"[" * 100_000, "application/json", "is JSON that breaks off at its beginning"),
        (b'{"version": 1,\n "items": nothing}', "application/json", "is no readable JSON (line 2: Expecting value)"),
        (b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'b'>]><rss/>", "", "declares entities of its own, which a feed does not need and a bomb does; not read"),
    ],
)  # fmt: skip
def test_what_is_no_feed_is_told(data: bytes, content_type: str, reason: str) -> None:
    with pytest.raises(NotAFeed) as error:
        read_feed(data, content_type, URL)
    assert str(error.value) == reason


def test_an_old_doctype_is_no_bomb() -> None:
    data = b'<?xml version="1.0"?><!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" "http://my.netscape.com/publish/formats/rss-0.91.dtd"><rss version="0.91"><channel><item><title>x</title></item></channel></rss>'
    assert read_feed(data, "", URL).entries[0].title == "x"


@pytest.mark.parametrize(
    ("content", "body", "left_out"),
    [
        ('<content type="text/markdown">Some *words* here</content>', "Some \\*words\\* here\n", []),
        ('<content type="application/octet-stream">aGVsbG8=</content>', "Sum\n", ["content of another type: application/octet-stream"]),
        ('<content type="application/xml"><a>x</a></content>', "Sum\n", ["content of another type: application/xml"]),
        ('<content src="https://e.example/x.html"/>', "Sum\n", ["content that stands elsewhere: https://e.example/x.html"]),
        ('<content type="text/plain">a &lt;b></content>', "a \\<b>\n", []),
    ],
)  # fmt: skip
def test_c19_content_of_another_type_is_read_as_text_or_reported(content: str, body: str, left_out: list[str]) -> None:
    entry = f"<entry><id>urn:1</id><title>T</title><summary>Sum</summary>{content}</entry>"
    document = f'<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title>{entry}</feed>'
    (read,) = read_feed(document.encode(), "", "https://e.example/feed").entries
    assert (read.body, [str(one) for one in read.left_out]) == (body, left_out)
