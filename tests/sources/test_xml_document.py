"""Where a feed breaks off, and what is repaired before it is parsed."""

import pytest

from newsletter.sources.feed_document import read_feed
from newsletter.sources.feed_entry import Entry, NotAFeed
from newsletter.sources.xml_document import prepare

URL = "https://example.org/feed.xml"
RSS = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE rss>
<?xml-stylesheet href="x.xsl"?>
<rss version="2.0"><channel><title>Ä</title><link>https://e.example/</link><!-- <item> -->
<item><title>One</title><guid>1</guid><description><![CDATA[<p>Words </item></rss> of é one.</p>]]></description></item>
<item><title>Two</title><guid>2</guid><description>Words of &amp; “two”.</description></item>
<item><title>Three</title><guid>3</guid><description a=">">Words of three.</description></item></channel></rss>
"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>F</title><entry><id>1</id><title>One</title><content type="xhtml">
<div xmlns="http://www.w3.org/1999/xhtml"><p>Words of one.</p></div></content></entry><entry><id>2</id><title>Two</title>
<summary>Words of two.</summary></entry><entry><id>3</id><title>Three</title></entry></feed>"""
RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"><channel rdf:about="x">
<title>F</title></channel><item rdf:about="1"><title>One</title><description>Words of one.</description></item>
<item rdf:about="2"><title>Two</title></item></rdf:RDF>"""
JSON = """{"version": "https://jsonfeed.org/version/1.1", "title": "F", "nested": {"items": [1, {"a": "]"}]}, "items": [
{"id": "1", "title": "One", "content_text": "Words \\" of [one]."}, {"id": "2", "title": "Zwö", "tags": ["a", "b"]},
{"id": "3", "title": "Three", "content_html": "<p>Words</p>"}], "language": "de"}"""


def read(data: bytes) -> tuple[tuple[Entry, ...], bool]:
    document = read_feed(data, "", URL)
    return document.entries, document.unfinished


@pytest.mark.parametrize("text", [RSS, ATOM, RDF, JSON], ids=["rss", "atom", "rdf", "json"])
def test_c11_wherever_a_feed_breaks_off_its_whole_entries_are_taken_and_nothing_else(text: str, untraced: None) -> None:
    data = text.strip().encode()
    whole, unfinished = read(data)
    assert not unfinished
    known = set[str]()
    for end in range(1, len(data)):
        try:
            entries, unfinished = read(data[:end])
        except NotAFeed:
            assert not known, "a feed with entries is a feed"
            continue
        # An empty language of a feed that ends before it says so is no half entry.
        same = [(one.id, one.title, one.body) for one in entries]
        assert same == [(one.id, one.title, one.body) for one in whole][: len(entries)]
        assert unfinished
        assert not [note for note in read_feed(data[:end], "", URL).notes if "not utf-8" in note]
        assert len(entries) >= len(known)
        known.update(one.id for one in entries)
    assert len(known) == len(whole)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "{}\n<!-- cached copy -->\n",
        "{}<script>track()</script>",
        "\ufeff  \n{}",
        "{}\0\0",
    ],
)
def test_c11_what_stands_around_a_whole_feed_does_not_make_it_unfinished(text: str) -> None:
    entries, unfinished = read(text.replace("{}", RSS.partition("?>\n")[2]).encode())
    assert (len(entries), unfinished) == (3, False)


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        ("<a>AT&T</a>", "<a>AT&amp;T</a>"),
        ("<a>x&nbsp;y &eacute; &amp; &#233; &unknown; &</a>", "<a>x\xa0y é &amp; &#233; &amp;unknown; &amp;</a>"),
        ("<a>&lt;p&gt; &quot;</a>", "<a>&lt;p&gt; &quot;</a>"),
        ("<a>x\x00\x01\x0by\x0cz</a>", "<a>x y z</a>"),
        ("<a>&#0;&#x1F;&#xD800;&#xFFFF;&#9;&#99999999;</a>", "<a>\ufffd\ufffd\ufffd\ufffd&#9;\ufffd</a>"),
        ("<a><![CDATA[AT&T &nbsp;]]><!-- & --></a>", "<a><![CDATA[AT&T &nbsp;]]><!-- & --></a>"),
        ("<?xml version='1.1' encoding='x'?>\n<a/>", "<a/>"),
        ("<a b='x&y'/>", "<a b='x&amp;y'/>"),
    ],
)
def test_small_faults_are_mended_where_they_are(text: str, prepared: str) -> None:
    assert prepare(text).text == prepared


@pytest.mark.parametrize(
    "piece", ["<!--", "<![CDATA[", "<", "<a '", '<a b="', "<a ", "&", "<?", "<item>", "</item>", "<!", "&#", "a", "]]>"]
)
def test_a_million_of_anything_is_read_once(piece: str) -> None:
    """Quadratic time would be minutes here; the limit of a test is two."""
    for start in ("", "<rss>"):
        prepare(start + piece * (1_000_000 // len(piece)))
