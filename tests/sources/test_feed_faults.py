"""Feeds as they really are, from a real server through the whole of `collect`: what a reader of the newsletter would have missed."""

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from newsletter.flows.collect import SourceReport, collect_sources
from newsletter.model import Post
from newsletter.workspace.files import Workspace
from newsletter.workspace.load import read_config, read_sources
from tests.web_server import WebServer, serve

NOW = datetime(2025, 7, 7, 12, tzinfo=UTC)
SETTINGS = """
[publication]
title = "T"
url = "https://t.example"
sender = "T <t@t.example>"

[fetch]
allow_hosts = ["127.0.0.1"]

[[sources]]
name = "wire"
kind = "feed"
url = "{url}"
"""


@pytest.fixture
def server() -> Iterator[WebServer]:
    with serve() as one:
        yield one


@pytest.fixture
def visit(tmp_path: Path) -> Callable[[str], tuple[SourceReport, dict[str, Post]]]:
    """One visit to a feed: the report, and all posts collected so far by their titles."""

    def run(url: str, extra: str = "") -> tuple[SourceReport, dict[str, Post]]:
        (tmp_path / "newsletter.toml").write_text(SETTINGS.format(url=url) + extra, encoding="utf-8")
        workspace = Workspace(tmp_path.resolve())
        config = read_config(workspace)
        (report,) = collect_sources(workspace, config, NOW)
        return report, {post.title: post for post in read_sources(workspace, config).posts}

    return run


Visit = Callable[..., tuple[SourceReport, dict[str, Post]]]


def rss(*items: str, root: str = 'version="2.0"') -> bytes:
    inner = "".join(f"<item>{item}</item>" for item in items)
    return (
        f"<?xml version='1.0' encoding='utf-8'?><rss {root}><channel><title>F</title>{inner}</channel></rss>".encode()
    )


def item(number: int, text: str = "", more: str = "") -> str:
    words = text or f"The words of entry number {number}."
    return f"<title>Entry {number}</title><link>https://e.example/{number}</link><guid>{number}</guid><description>{words}</description>{more}"


def messages(report: SourceReport) -> str:
    return "\n".join(finding.message for finding in report.findings)


# --- C10 ------------------------------------------------------------------------------------------------------------


def test_c10_one_bad_byte_does_not_make_a_whole_feed_unreadable(server: WebServer, visit: Visit) -> None:
    feed = rss(item(1, "Größe in Köln – “so”"), item(2, "Łódź, and @")).replace(b"@", b"Ren\xe9")
    report, posts = visit(server.give("/feed", feed, Content_Type="application/rss+xml"))
    assert posts["Entry 1"].body == "Größe in Köln – “so”\n"
    assert posts["Entry 2"].body == "Łódź, and René\n"
    assert "1 byte is not utf-8 (0xe9 in line 1)" in messages(report)


def test_c10_a_wrong_label_of_the_server_does_not_either(server: WebServer, visit: Visit) -> None:
    url = server.give("/feed", rss(item(1, "Größe – “so”")), Content_Type="text/xml; charset=ISO-8859-1")
    assert visit(url)[1]["Entry 1"].body == "Größe – “so”\n"


def test_c10_text_about_wrong_letters_is_not_put_right(server: WebServer, visit: Visit) -> None:
    report, posts = visit(server.give("/feed", rss(item(1, "In the log café became cafÃ© and Ã© stayed"))))
    assert posts["Entry 1"].body == "In the log café became cafÃ© and Ã© stayed\n"
    assert "letters look wrong at their source" in messages(report)


def test_c10_the_settings_say_what_nobody_can_know(server: WebServer, visit: Visit) -> None:
    feed = rss(item(1, "Привет, мир")).decode().encode("cp1251")
    report, posts = visit(server.give("/feed", feed), 'encoding = "windows-1251"\n')
    assert (posts["Entry 1"].body, report.findings[:-1]) == ("Привет, мир\n", ())


# --- C11 ------------------------------------------------------------------------------------------------------------

WHOLE = rss(item(1), item(2), item(3))
CUT = WHOLE[: WHOLE.index(b"number 2") + 4]
JSON_FEED = json.dumps(
    {
        "version": "https://jsonfeed.org/version/1.1",
        "items": [
            {"id": str(n), "title": f"Entry {n}", "content_text": f"The words of entry number {n}."} for n in (1, 2, 3)
        ],
    }
).encode()
JSON_CUT = JSON_FEED[: JSON_FEED.index(b"number 2") + 4]


def whole_length(body: bytes, sent: bytes, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """An answer that promises all of a body and closes in the middle of it."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        for name, value in {"Content-Length": str(len(body)), "ETag": '"1"', **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(sent)

    return answer


def chunked(sent: bytes, end: bytes, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """A chunked answer that ends as told: `0\\r\\n\\r\\n` is the whole of it."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        for name, value in {"Transfer-Encoding": "chunked", "ETag": '"1"', **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        for start in range(0, len(sent), 100):
            piece = sent[start : start + 100]
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        handler.wfile.write(end)

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        whole_length(CUT, CUT),
        whole_length(WHOLE, CUT),
        whole_length(JSON_CUT, JSON_CUT, Content_Type="application/feed+json"),
        whole_length(JSON_FEED, JSON_CUT),
        whole_length(WHOLE, gzip.compress(CUT, mtime=0), Content_Encoding="gzip"),
        whole_length(gzip.compress(WHOLE, 0, mtime=0), gzip.compress(WHOLE, 0, mtime=0)[: len(CUT) + 10], Content_Encoding="gzip"),
        chunked(CUT, b"0\r\n\r\n"),
        chunked(CUT, b""),
        chunked(CUT, b"64\r\nand then"),
        chunked(gzip.compress(WHOLE, 0, mtime=0)[: len(CUT) + 10], b"", Content_Encoding="gzip"),
    ],
    ids=["document", "length", "json", "json length", "gzip document", "gzip", "chunked document", "no last chunk", "half a chunk", "chunked gzip"],
)  # fmt: skip
def test_c11_half_an_entry_is_not_taken_and_the_rest_is_asked_for_again(
    server: WebServer, visit: Visit, answer: Callable[[BaseHTTPRequestHandler], None]
) -> None:
    url = server.script("/feed", answer)
    report, posts = visit(url)
    assert (report.failed, report.new, list(posts)) == ("", 1, ["Entry 1"])
    assert "breaks off; took 1 whole entry" in messages(report)
    server.give("/feed", WHOLE, ETag='"1"')
    report, posts = visit(url)
    assert "If-None-Match" not in server.hits[-1][1]
    assert posts["Entry 2"].body == "The words of entry number 2.\n"
    visit(url)
    assert server.hits[-1][1]["If-None-Match"] == '"1"'


def test_c11_a_feed_that_is_whole_counts_though_its_connection_was_not(server: WebServer, visit: Visit) -> None:
    url = server.script("/feed", whole_length(WHOLE + b" " * 50, WHOLE))
    report, posts = visit(url)
    assert (report.new, len(posts)) == (3, 3)
    assert "the connection ended too early, yet the feed is whole" in messages(report)
    visit(url)
    assert "If-None-Match" not in server.hits[-1][1]


# --- C12 ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "label", ["UTF-8", "none", "gzip", "identity", "x-gzip", "deflate", "br", "zstd", "gzip, gzip", ""]
)
@pytest.mark.parametrize("packed", ["plain", "gzip", "members"])
def test_c12_a_feed_is_read_whatever_its_label_says(server: WebServer, visit: Visit, label: str, packed: str) -> None:
    body = {
        "plain": WHOLE,
        "gzip": gzip.compress(WHOLE),
        "members": b"".join(gzip.compress(WHOLE[start : start + 70]) for start in range(0, len(WHOLE), 70)),
    }[packed]
    headers = {"ETag": '"1"'} | ({"Content_Encoding": label} if label else {})
    report, posts = visit(server.give("/feed", body, 200, **headers))
    assert (report.failed, len(posts), messages(report).count("breaks off")) == ("", 3, 0)


@pytest.mark.parametrize("wbits", [-15, 15])
def test_c12_both_kinds_of_deflate_are_read(server: WebServer, visit: Visit, wbits: int) -> None:
    packer = zlib.compressobj(wbits=wbits)
    body = packer.compress(WHOLE) + packer.flush()
    assert len(visit(server.give("/feed", body, Content_Encoding="deflate"))[1]) == 3


def test_c12_the_limit_counts_all_members_of_a_bomb(server: WebServer, visit: Visit) -> None:
    bomb = gzip.compress(b"<rss>" + bytes(1_000_000), 9) * 6
    assert visit(server.give("/feed", bomb, Content_Encoding="gzip"))[0].failed == "is larger than 5 MB"


def test_c12_a_packing_that_nobody_asked_for_is_told_by_name(server: WebServer, visit: Visit) -> None:
    url = server.give("/feed", b"\x1b\x8f\x00rest of it", Content_Encoding="br")
    assert visit(url)[0].failed == "sends an encoding that was not asked for (br)"


# --- C17, C18, C19 --------------------------------------------------------------------------------------------------


def test_c17_the_alt_text_of_a_picture_does_not_replace_the_post(server: WebServer, visit: Visit) -> None:
    media = "<media:content url='https://m.example/i.jpg' type='image/jpeg'><media:description>A pier</media:description></media:content>"
    feed = rss(
        item(1, "&lt;p&gt;What they said in Baku.&lt;/p&gt;", media),
        root='version="2.0" xmlns:media="http://search.yahoo.com/mrss/"',
    )
    _, posts = visit(server.give("/feed", feed))
    assert posts["Entry 1"].body == "![A pier](https://m.example/i.jpg)\n\nWhat they said in Baku.\n"


HTML = """<p>The tool<a href="https://e.example/t"> Plume</a> came.</p><ul><li>Above</li><ul><li>Below</li></ul></ul>
<pre>first<br>second</pre><h2>Start<a href="#start" aria-hidden="true"></a></h2><p>it&#x92;s&nbsp;so</p><div>one</div><div>two</div>"""


@pytest.mark.parametrize("written", ["escaped", "cdata", "inline", "xhtml"])
def test_c18_no_word_is_lost_glued_or_invented(server: WebServer, visit: Visit, written: str) -> None:
    wellformed = HTML.replace("<br>", "<br/>").replace("&nbsp;", "&#160;")
    text = {
        "escaped": HTML.replace("&", "&amp;").replace("<", "&lt;"),
        "cdata": f"<![CDATA[{HTML}]]>",
        "inline": wellformed,
        "xhtml": f"<div xmlns='http://www.w3.org/1999/xhtml'>{wellformed}</div>",
    }[written]
    _, posts = visit(server.give("/feed", rss(item(1, text))))
    assert posts["Entry 1"].body == (
        "The tool [Plume](https://e.example/t) came.\n\n- Above\n  - Below\n\n```\nfirst\nsecond\n```\n\n## Start\n\nit’s so\n\none\n\ntwo\n"
    )


def test_c19_what_was_embedded_is_linked_and_what_is_left_out_is_told(server: WebServer, visit: Visit) -> None:
    html = """<p>See:</p><iframe src="https://player.vimeo.com/video/7" title="Talk"></iframe><video><source src="/v.mp4"></video>
    <img src="data:image/gif;base64,AA" data-src="/real.jpg" alt="A pier"><img src="https://t.example/p" width="1" height="1"><script>x</script>"""
    report, posts = visit(server.give("/feed", rss(item(1, f"<![CDATA[{html}]]>"))))
    assert posts["Entry 1"].body == (
        "See:\n\n[Talk](https://vimeo.com/7)\n\n[v.mp4](https://e.example/v.mp4)\n\n![A pier](https://e.example/real.jpg)\n"
    )
    assert (
        "not in new posts as it stood: player, shown as a link (2), tracking or hidden picture (1), script (1); "
        "collect --report lists each" in messages(report)
    )
    assert [str(one) for account in report.entries for one in account.left_out] == [
        "player, shown as a link: https://vimeo.com/7",
        "player, shown as a link: https://e.example/v.mp4",
        "tracking or hidden picture: https://t.example/p",
        "script: x",
    ]


# --- C20, C21 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("", None),
        ("<link/>", None),
        ("<link></link>", None),
        ("<link> </link>", None),
        ("<link>#</link>", None),
        ("<link>n/a</link>", None),
        ("<link>none</link>", None),
        ("<link>javascript:alert(1)</link>", None),
        ("<link>mailto:a@e.example</link>", None),
        ("<link>http://</link>", None),
        ("<guid>abc-1</guid>", None),
        ("<guid isPermaLink='true'>abc-1</guid>", None),
        ("<guid>tag:e.example,2025:1</guid>", None),
        ("<guid>urn:uuid:1</guid>", None),
        ("<guid>e.example/post</guid>", None),
        ("<guid isPermaLink='false'>https://e.example/x</guid>", None),
        ("<guid>https://e.example/x</guid>", "https://e.example/x"),
        ("<guid>abc-1</guid><link>https://e.example/x</link>", "https://e.example/x"),
        ("<link>https://e.example/x</link><guid>abc-1</guid>", "https://e.example/x"),
        ("<link>//e.example/x</link>", "http://e.example/x"),
        ("<link>{root}/news/1</link>", "{root}/news/1"),
    ],
)
def test_c20_no_link_is_no_link(server: WebServer, visit: Visit, link: str, url: str | None) -> None:
    root = server.url("").rstrip("/")
    feed = rss(f"<title>Entry 1</title>{link.format(root=root)}<description>Words.</description>")
    _, posts = visit(server.give("/feed", feed))
    assert posts["Entry 1"].url == (url.format(root=root) if url else None)


@pytest.mark.parametrize(
    "version",
    [
        "https://jsonfeed.org/version/1.1",
        "https://jsonfeed.org/version/1",
        "http://jsonfeed.org/version/1",
        "http://www.jsonfeed.org/version/1.1/",
    ],
)
def test_c20_a_json_feed_without_addresses_gives_posts_without_addresses(
    server: WebServer, visit: Visit, version: str
) -> None:
    links: list[dict[str, object]] = [
        {},
        {"url": ""},
        {"url": None},
        {"url": []},
        {"url": "n/a"},
        {"url": "", "external_url": "https://o.example/x"},
        {"external_url": "https://o.example/y"},
    ]
    items = [
        {"id": str(n), "title": f"Entry {n}", "content_text": f"Words of number {n}.", **link}
        for n, link in enumerate(links)
    ]
    feed = json.dumps(
        {"version": version, "title": "J", "home_page_url": "https://m.example/", "items": items}
    ).encode()
    _, posts = visit(server.give("/feed", feed))
    assert [posts[f"Entry {n}"].url for n in range(7)] == [None] * 5 + ["https://o.example/x", "https://o.example/y"]


@pytest.mark.parametrize("name", ["feedburner:origLink", "pheedo:origLink"])
def test_c21_a_detour_is_undone(server: WebServer, visit: Visit, name: str) -> None:
    prefix = name.partition(":")[0]
    feed = rss(
        f"<title>Entry 1</title><link>http://detour.example/~r/x</link><{name}>https://real.example/post?utm_source=f</{name}>",
        root=f'version="2.0" xmlns:{prefix}="http://{"rssnamespace.org/feedburner/ext/1.0" if prefix == "feedburner" else "www.pheedo.com/namespace/pheedo"}"',
    )
    assert visit(server.give("/feed", feed))[1]["Entry 1"].url == "https://real.example/post"


def test_c21_bodies_are_cleaned_as_titles_are(server: WebServer, visit: Visit) -> None:
    text = "They don\u0092t say\u0085 \u0093so\u0094, zero\u200bwidth,\u00a0e\u0301 &#150; \u2060x\ufeff"
    right = "They don’t say… “so”, zerowidth, é – x"
    for number, written in enumerate((text, f"&lt;p&gt;{text}&lt;/p&gt;", f"<![CDATA[<b>{text}</b>]]>")):
        feed = rss(f"<title>Entry {number}: {text}</title><description>{written}</description>")
        _, posts = visit(server.give("/feed", feed))
        assert posts[f"Entry {number}: {right}"].body.strip("*\n") == right


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("First line.\n\n00:00 Start\n01:20 The bridge\nhttps://c.example/more", "First line.\n\n00:00 Start\\\n01:20 The bridge\\\n<https://c.example/more>\n"),
        ("One &amp;amp; two\n- three\n1. four\n# five", "One & two\\\n\\- three\\\n1\\. four\\\n\\# five\n"),
        ("  indented\r\n\tand more  \r\n \r\n\r\nnext", "indented\\\nand more\n\nnext\n"),
        ("one\u2028two\u2029three", "one\\\ntwo\n\nthree\n"),
        ("A &lt; B and C > D\nso", "A < B and C > D\\\nso\n"),
        ("wrapped &lt;b&gt;in\ntags&lt;/b&gt;", "wrapped **in tags**\n"),
    ],
)  # fmt: skip
def test_c21_text_without_tags_keeps_its_lines(server: WebServer, visit: Visit, text: str, body: str) -> None:
    assert visit(server.give("/feed", rss(item(1, text))))[1]["Entry 1"].body == body


def test_c21_a_date_that_is_none_is_not_made_up(server: WebServer, visit: Visit) -> None:
    dates = {
        1: "2025年7月3日",
        2: "2025-184",
        3: "Thu, 03 Jul 2025 10:00:00 CEST",
        4: "Thu, 03 Jul 2025 10:00:00 IST",
        5: "03/04/2025",
    }
    feed = rss(*(item(number, more=f"<pubDate>{date}</pubDate>") for number, date in dates.items()))
    report, posts = visit(server.give("/feed", feed))
    shown = [posts[f"Entry {number}"].date for number in dates]
    third = datetime(2025, 7, 3, tzinfo=UTC)
    assert shown == [third, third, third.replace(hour=8), NOW, NOW]
    assert messages(report).count("no usable date") == 2
    assert "date not understood: '03/04/2025'" in messages(report)
