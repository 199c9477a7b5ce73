"""What we write as feeds: valid by our own profile, and read back by feedparser as the same posts (feeds §2-§6, B8)."""

import io
import json
import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from html import unescape
from typing import Any
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import feedparser
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment

from newsletter.calendar import publication_moment
from newsletter.model import IssuePost, Link, Section
from newsletter.phrases import Phrases
from newsletter.rendering.content import show_issue
from newsletter.rendering.feeds import (
    PAGE,
    Feed,
    FeedItem,
    plain_title,
    split_pages,
    write_atom,
    write_feeds,
    write_json,
    write_opml,
    write_rss,
)
from newsletter.rendering.site import Published, render_site
from newsletter.sources.feed_document import read_feed
from tests.rendering.issues import EDITION, PUBLICATION, THEMES, make_issue

MOMENT = datetime(2025, 7, 7, 5, tzinfo=UTC)
NS = {
    "atom": "http://www.w3.org/2005/Atom",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "fh": "http://purl.org/syndication/history/1.0",
}


def make_feed(*entries: FeedItem) -> Feed:
    return Feed(
        id="tag:x.example,2025:publication",
        title="A & B <c>",
        description="What & why",
        home="https://x.example/",
        url="https://x.example/feed.xml",
        language="en",
        sender="Desk <desk@x.example>",
        rights="© A",
        updated=max((entry.updated for entry in entries), default=MOMENT),
        entries=entries,
    )


def make_entry(number: int = 1, **changes: Any) -> FeedItem:
    values: dict[str, Any] = {
        "id": f"tag:x.example,2025-07-07:post/{number:04}",
        "url": f"https://x.example/2025-07-07-weekly/#p-{number:04}",
        "title": f"Title {number}",
        "html": "<p>Text &amp; more</p>\n",
        "text": "Text & more",
        "summary": "Text & more",
        "published": MOMENT,
        "updated": MOMENT,
        "position": number,
        "sources": ("https://source.example/a?b=1&c=2",),
        "tags": (("caucasus", "Caucasus"),),
    }
    return FeedItem(**(values | changes))


def parse(text: str, kind: str) -> Any:
    return feedparser.parse(
        io.BytesIO(text.encode()),
        response_headers={"content-type": kind},
        sanitize_html=False,
        resolve_relative_uris=False,
    )


TEXTS = st.text(
    alphabet=st.one_of(st.sampled_from("&<>\"'] \x00\x0b"), st.characters(exclude_categories=["Cs"])),
    min_size=1,
    max_size=40,
)


@given(TEXTS, TEXTS, TEXTS)
def test_t48_all_three_formats_give_back_the_same_post(title: str, text: str, summary: str) -> None:
    html = f"<p>{text.replace('&', '&amp;').replace('<', '&lt;')}</p>"
    entry = make_entry(title=title, html=html, text=text, summary=summary)
    feed = make_feed(entry)
    clean = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "", title)
    rss = ET.fromstring(write_rss(feed))
    atom = ET.fromstring(write_atom(feed))
    document = json.loads(write_json(feed))["items"][0]
    titles = [
        rss.findtext("channel/item/title"),
        atom.findtext("atom:entry/atom:title", namespaces=NS),
        document.get("title", ""),
    ]
    # XML parsers turn \r into \n; nothing else may change.
    assert {(one or "").replace("\r\n", "\n").replace("\r", "\n") for one in titles} == {
        plain_title(clean).replace("\r\n", "\n").replace("\r", "\n")
    }
    contents = {
        rss.findtext("channel/item/content:encoded", namespaces=NS),
        atom.findtext("atom:entry/atom:content", namespaces=NS),
        document["content_html"].replace("\r\n", "\n").replace("\r", "\n"),
    }
    assert len(contents) == 1


def published(slug: str = "2025-07-07-weekly", **changes: Any) -> Published:
    issue = make_issue(slug, **changes)
    return Published(
        show_issue(issue, "en"), EDITION, publication_moment(EDITION, issue.date, ZoneInfo("Europe/Berlin"))
    )


@pytest.fixture(scope="module")
def site(environment: Environment, phrases: Phrases) -> dict[str, str]:
    return dict(
        render_site([published()], publication=PUBLICATION, themes=THEMES, environment=environment, phrases=phrases)
    )


def test_feedparser_reads_back_the_posts_of_the_issue(site: dict[str, str]) -> None:
    shown = published().shown
    expected = [
        (
            plain_title(post.title_text),
            f"https://borderlines.example/2025-07-07-weekly/#{post.anchor}",
            f"tag:borderlines.example,2025-07-07:post/{post.key or '2025-07-07-weekly/4'}",
        )
        for post in shown.posts
    ]
    found = {}
    for name, kind in (("feed.xml", "application/rss+xml"), ("atom.xml", "application/atom+xml")):
        parsed = parse(site[name], f"{kind}; charset=utf-8")
        assert not parsed.bozo
        assert parsed.version in ("rss20", "atom10")
        assert [(entry.title, entry.link, entry.id) for entry in parsed.entries] == expected
        assert [entry.published_parsed[:6] for entry in parsed.entries] == [
            (2025, 7, 7, 5, 0, 0), (2025, 7, 7, 4, 59, 59), (2025, 7, 7, 4, 59, 58), (2025, 7, 7, 4, 59, 57),
        ]  # fmt: skip
        assert [entry.tags[0].term for entry in parsed.entries][::2] in (
            ["Caucasus", "EU–China"],
            ["caucasus", "eu-china"],
        )
        found[name] = [entry.content[0].value for entry in parsed.entries]
        assert [content.split("<p>Source")[0].strip() for content in found[name]] == [
            re.sub(r' style="text-align:\w+"', "", post.body.html).strip() for post in shown.posts
        ]
    items = json.loads(site["feed.json"])["items"]
    assert [(item["title"], item["url"], item["id"]) for item in items] == expected
    assert [item["content_html"].strip() for item in items if "content_html" in item] == [
        c.strip() for c in found["atom.xml"] if c.strip()
    ]
    assert items[0]["external_url"] == "https://www.facebook.com/a/posts/1"


def test_our_own_reader_reads_our_own_feeds(site: dict[str, str]) -> None:
    titles = [plain_title(post.title_text) for post in published().shown.posts]
    for name, kind in (
        ("feed.xml", "application/rss+xml"),
        ("atom.xml", "application/atom+xml"),
        ("feed.json", "application/feed+json"),
    ):
        document = read_feed(site[name].encode(), kind, f"https://borderlines.example/{name}")
        assert [entry.title for entry in document.entries] == titles
        assert [entry.date for entry in document.entries] == [MOMENT - timedelta(seconds=n) for n in range(4)]


# --- our profile: the rules of the reference that a program can check ------------------------------------------------


def check_rss(text: str, self_url: str) -> None:
    root = ET.fromstring(text)
    channel = root.find("channel")
    assert channel is not None
    assert [child.tag for child in channel][:10] == [
        "title", "link", "description", "language", "copyright", "managingEditor", "pubDate", "lastBuildDate", "generator", "docs",
    ]  # fmt: skip
    own = channel.find("atom:link[@rel='self']", NS)
    assert own is not None
    assert (own.get("href"), own.get("type")) == (self_url, "application/rss+xml")
    guids = []
    for item in channel.findall("item"):
        tags = [child.tag for child in item]
        assert tags.index("description") < tags.index(f"{{{NS['content']}}}encoded")
        guid = item.find("guid")
        assert guid is not None
        assert guid.get("isPermaLink") == "false"
        guids.append(guid.text)
        assert parsedate_to_datetime(item.findtext("pubDate") or "").tzinfo == UTC
        assert (item.findtext("pubDate") or "").endswith(" GMT")
        check_content(item.findtext("content:encoded", namespaces=NS) or "")
    assert len(set(guids)) == len(guids)
    for title in re.findall(r"<title>([^<]*)</title>", text):
        assert not re.search(r"&(?:amp|lt|gt);", title), "R3: hexadecimal references in titles"


def check_atom(text: str, self_url: str) -> None:
    root = ET.fromstring(text)
    assert root.tag == f"{{{NS['atom']}}}feed"
    for name in ("id", "title", "subtitle", "updated", "author", "rights", "generator"):
        assert root.find(f"atom:{name}", NS) is not None, name
    assert [link.get("href") for link in root.findall("atom:link[@rel='self']", NS)] == [self_url]
    updates = []
    for entry in root.findall("atom:entry", NS):
        updated, issued = (entry.findtext(f"atom:{name}", namespaces=NS) or "" for name in ("updated", "published"))
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", updated)
        assert issued <= updated
        updates.append(updated)
        assert len(entry.findall("atom:link[@rel='alternate']", NS)) == 1
        check_content(entry.findtext("atom:content", namespaces=NS) or "")
    if updates:
        assert root.findtext("atom:updated", namespaces=NS) == max(updates)


FEED_KEYS = [
    "version",
    "title",
    "home_page_url",
    "feed_url",
    "description",
    "next_url",
    "icon",
    "favicon",
    "authors",
    "language",
    "items",
]
ITEM_KEYS = [
    "id", "url", "external_url", "title", "content_html", "content_text", "summary", "date_published", "date_modified", "authors", "tags", "language",
]  # fmt: skip


def check_json(text: str, self_url: str) -> None:
    document = json.loads(text)
    assert document["version"] == "https://jsonfeed.org/version/1.1"
    assert document["feed_url"] == self_url
    assert list(document) == [key for key in FEED_KEYS if key in document]
    for item in document["items"]:
        assert list(item) == [key for key in ITEM_KEYS if key in item]
        assert isinstance(item["id"], str)
        assert all(value not in (None, "", []) for value in item.values())
        assert "author" not in item
        check_content(item.get("content_html", ""))


def check_content(html: str) -> None:
    assert not re.search(r"<(?:script|style|form|iframe|table role)|\s(?:style|class|id|on\w+)=", html)
    for url in addresses_in_html(html):
        assert re.match("https?://|mailto:", url), "C1"
    assert "__READER_" not in html
    assert "Unsubscribe" not in html


CHECKS = {"xml": check_rss, "atom": check_atom, "json": check_json}


def test_every_feed_of_the_site_passes_the_profile(site: dict[str, str]) -> None:
    base = "https://borderlines.example/"
    checked = 0
    for name, text in site.items():
        kind = (
            "atom"
            if name.endswith("atom.xml")
            else name.rpartition(".")[2]
            if re.search(r"feed\.(xml|json)$", name)
            else None
        )
        if kind:
            CHECKS[kind](text, base + name)
            checked += 1
        if name.endswith(".xml") or kind:
            assert text.endswith("\n")
            assert not text.startswith("\ufeff")
            assert "\r" not in text
    assert checked == 3 * (1 + len(THEMES))


def test_a_themes_feed_holds_its_posts_only_and_may_be_empty(site: dict[str, str]) -> None:
    assert [item["title"] for item in json.loads(site["themes/caucasus/feed.json"])["items"]] == [
        "Everything at once & [more]",
        "Only a title.",
    ]
    assert json.loads(site["themes/empty/feed.json"])["items"] == []
    assert parse(site["themes/empty/feed.xml"], "application/rss+xml").feed.title == "Borderlines: Empty"


def test_titles_stay_plain_text_for_readers_that_decode_twice() -> None:
    text = write_rss(make_feed(make_entry(title="A < B & brave > title")))
    assert "<title>A &#x3C; B &#x26; brave &#x3E; title</title>" in text
    assert "<description>Text &amp;amp; more</description>" in text


TITLES = [
    "List<String> is here", "The ‹more› tag", "Use <b>bold</b> wisely", "What &amp; means", "&lt;b&gt; and &#60;i&#62;", "a < b > c",
    "x <!-- y --> z", "5 <6 and 7> 3", "<unclosed", "AT&T", "R&D &copy 2025", "<>", "<script>alert(1)</script>", "‹‹a›› b", "?? <?php ?>",
]  # fmt: skip


def as_html(title: str) -> str:
    """What is left of a title for a reader that takes it for HTML."""
    from lxml import html

    return " ".join(str(html.fragment_fromstring(title or " ", create_parent="div").text_content()).split())


@pytest.mark.parametrize("title", TITLES)
@pytest.mark.parametrize("translate", [False, True], ids=["as it is", "without ‹ and ›"])
def test_c67_titles_are_the_same_as_text_and_as_html(title: str, translate: bool) -> None:
    """Readers take a title for text or for HTML; some first write ‹ as <, where a terminal has no ‹."""
    feed = make_feed(make_entry(title=title, tags=(("t", title),)))
    rss, atom = ET.fromstring(write_rss(feed)), ET.fromstring(write_atom(feed))
    opml = ET.fromstring(write_opml(title, [(title, "https://x.example/feed.xml", "https://x.example/")]))
    titles = {
        rss.findtext("channel/item/title") or "",
        rss.findtext("channel/item/category") or "",
        atom.findtext("atom:entry/atom:title", namespaces=NS) or "",
        json.loads(write_json(feed))["items"][0]["title"],
        opml.findtext("head/title") or "",
        *(outline.get("text", "") for outline in opml.iter("outline")),
    }
    [shown] = titles
    assert shown
    read = shown.translate({0x2039: "<", 0x203A: ">"}) if translate else shown
    assert as_html(read) == " ".join(read.split())
    assert re.findall(r"\w+", shown) == re.findall(r"\w+", title), "no word is lost"
    assert re.sub("<[^>]*>", "", read) == read or not re.search(r"<[a-zA-Z/!?]", read)


@given(TEXTS)
def test_c67_any_title_is_the_same_as_text_and_as_html(title: str) -> None:
    shown = " ".join(plain_title(title).split())
    assert unescape(shown) == shown
    assert not re.search(r"<[a-zA-Z/!?]", shown)
    assert plain_title(shown) == shown


def test_c67_the_list_of_feeds_is_opml_2() -> None:
    """OPML 2.0: each outline has the attribute `text`; a subscription has type and xmlUrl too."""
    text = write_opml("A & B", [("One", "https://x.example/feed.xml", "https://x.example/")])
    root = ET.fromstring(text)
    assert (root.tag, root.get("version")) == ("opml", "2.0")
    assert [child.tag for child in root] == ["head", "body"]
    [outline] = root.findall("body/outline")
    assert outline.attrib == {
        "text": "One", "title": "One", "type": "rss", "xmlUrl": "https://x.example/feed.xml", "htmlUrl": "https://x.example/",
    }  # fmt: skip
    assert not (outline.text or "").strip()


# As the W3C's feed validator has it (RFC 2396 with the percent sign as part of an octet).
W3C_URI = re.compile(r"(?:[a-zA-Z][0-9a-zA-Z+.-]*:)/{0,2}(?:[0-9a-zA-Z;/?:@&=+$._!~*'(),#-]|%[0-9a-fA-F]{2})+\Z")
ODD_ADDRESSES = [
    'https://example.org/a"b|c{d}?f[1]=x', "https://example.org/a b", "https://example.org/ü?ß#§", "https://bücher.example/",
    "https://example.org/100%", "https://example.org/%zz", "https://example.org/a^b`c\\d", "https://example.org/<x>", "https://example.org/#a#b",
]  # fmt: skip


@pytest.mark.parametrize("address", ODD_ADDRESSES)
def test_c34_every_address_of_a_feed_has_the_characters_of_a_uri(
    environment: Environment, phrases: Phrases, address: str
) -> None:
    post = IssuePost(
        title="T", body=f"[words](<{address}>) <a href='{address}'>raw</a>\n", sources=(Link(text="", url=address),)
    )
    one = published(sections=(Section(slug="caucasus", title="C", posts=(post,)),))
    site = dict(render_site([one], publication=PUBLICATION, themes=THEMES, environment=environment, phrases=phrases))
    checked = 0
    for name in ("feed.xml", "atom.xml", "feed.json", "feeds.opml", "sitemap.xml"):
        for url in addresses_in(name, site[name]):
            assert W3C_URI.match(url), (name, url)
            checked += 1
    assert checked > 30


def addresses_in(name: str, text: str) -> Iterator[str]:
    """Every address of a file, also those in the HTML of entries."""
    if name.endswith(".json"):
        document = json.loads(text)
        yield from (document["feed_url"], document["home_page_url"])
        for item in document["items"]:
            yield from (item["id"], item["url"], *([item["external_url"]] if "external_url" in item else []))
            yield from addresses_in_html(item.get("content_html", ""))
        return
    for element in ET.fromstring(text).iter():
        tag = element.tag.rpartition("}")[2]
        yield from (element.get(key, "") for key in ("href", "xmlUrl", "htmlUrl") if element.get(key))
        if tag in ("link", "guid", "id", "loc", "docs") and element.text:
            yield element.text
        if tag in ("encoded", "content"):
            yield from addresses_in_html(element.text or "")


def addresses_in_html(html: str) -> Iterator[str]:
    """Those of attributes: a text may well say `src="…"`."""
    from lxml import html as lxml_html

    for element in lxml_html.fragment_fromstring(html, create_parent="div").iter():
        yield from (element.get(key) for key in ("href", "src") if element.get(key))


def test_c34_a_post_that_is_only_a_title_has_content_in_json(environment: Environment, phrases: Phrases) -> None:
    """JSON Feed 1.1, items: content_html or content_text must be there."""
    one = published(sections=(Section(slug="caucasus", title="C", posts=(IssuePost(title="Only <this>"),)),))
    site = dict(render_site([one], publication=PUBLICATION, themes=THEMES, environment=environment, phrases=phrases))
    [item] = json.loads(site["feed.json"])["items"]
    assert "content_html" not in item
    assert item["content_text"] == "Only <this>"


def test_c66_posts_of_an_issue_come_in_its_order_in_readers_that_sort_by_date(site: dict[str, str]) -> None:
    titles = [plain_title(post.title_text) for post in published().shown.posts]
    for name, kind in (("feed.xml", "application/rss+xml"), ("atom.xml", "application/atom+xml")):
        entries = parse(site[name], kind).entries
        assert len({entry.published_parsed for entry in entries}) == len(entries)
        shuffled = random.Random(3).sample(entries, len(entries))
        for key in ("published_parsed", *(["updated_parsed"] if "atom" in name else [])):
            assert [one.title for one in sorted(shuffled, key=lambda one: one[key], reverse=True)] == titles
    items = json.loads(site["feed.json"])["items"]
    assert [one["title"] for one in sorted(items, key=lambda one: one["date_published"], reverse=True)] == titles


def test_the_order_of_input_does_not_matter() -> None:
    entries = [
        make_entry(n, published=MOMENT + timedelta(days=n % 7), updated=MOMENT + timedelta(days=n % 7))
        for n in range(1, 160)
    ]
    once = write_feeds(make_feed(), entries, "https://x.example/")
    shuffled = entries[:]
    random.Random(1).shuffle(shuffled)
    assert write_feeds(make_feed(), shuffled, "https://x.example/") == once


def test_posts_of_one_issue_keep_their_reading_order() -> None:
    newest, _ = split_pages([make_entry(2), make_entry(1), make_entry(3)])
    assert [entry.position for entry in newest] == [1, 2, 3]


def test_older_entries_go_to_archive_documents_that_never_change() -> None:
    def entries(count: int) -> list[FeedItem]:
        return [
            make_entry(n, published=MOMENT + timedelta(hours=n), updated=MOMENT + timedelta(hours=n))
            for n in range(count)
        ]

    base = "https://x.example/"
    small, large, larger = (
        write_feeds(make_feed(), entries(count), base) for count in (PAGE, 2 * PAGE + 10, 3 * PAGE + 1)
    )
    assert set(small) == {"feed.xml", "atom.xml", "feed.json"}
    assert {name for name in large if "-" in name} == {
        f"{stem}-{n}.{end}" for stem, end in (("feed", "xml"), ("atom", "xml"), ("feed", "json")) for n in (1, 2)
    }
    for name in large:
        if "-" in name:
            assert larger[name] == large[name]
    root = ET.fromstring(large["atom.xml"])
    seen: set[str] = set()
    name = "atom.xml"
    while name:
        root = ET.fromstring(large[name])
        seen |= {entry.findtext("atom:id", namespaces=NS) or "" for entry in root.findall("atom:entry", NS)}
        assert (root.find("fh:archive", NS) is not None) == (name != "atom.xml")
        before = root.find("atom:link[@rel='prev-archive']", NS)
        name = (before.get("href") or "").removeprefix(base) if before is not None else ""
    assert len(seen) == 2 * PAGE + 10
    assert json.loads(large["feed.json"])["next_url"] == "https://x.example/feed-2.json"


def test_issues_can_be_the_entries(environment: Environment, phrases: Phrases) -> None:
    from dataclasses import replace

    publication = replace(PUBLICATION, feed="issues")
    site = dict(
        render_site(
            [published(), published("2025-07-14-weekly")],
            publication=publication,
            themes=THEMES,
            environment=environment,
            phrases=phrases,
        )
    )
    items = json.loads(site["feed.json"])["items"]
    assert [item["id"] for item in items] == [
        "tag:borderlines.example,2025-07-14:issue/2025-07-14-weekly",
        "tag:borderlines.example,2025-07-07:issue/2025-07-07-weekly",
    ]
    assert "<h2>Caucasus</h2>" in items[0]["content_html"]
    # A post that stood in both issues is one entry of its theme's feed.
    assert len(json.loads(site["themes/caucasus/feed.json"])["items"]) == 4
