"""Feeds that mean harm, from a real server, through the whole way of `collect`: clean output or one clear line (issue 1, point 6)."""

import gzip
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newsletter.flows.collect import SourceReport, collect_sources
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
"""


@pytest.fixture
def server() -> Iterator[WebServer]:
    with serve() as one:
        yield one


def collect(tmp_path: Path, **urls: str) -> tuple[dict[str, SourceReport], Workspace]:
    sources = "".join(f'[[sources]]\nname = "{name}"\nkind = "feed"\nurl = "{url}"\n' for name, url in urls.items())
    (tmp_path / "newsletter.toml").write_text(SETTINGS + sources, encoding="utf-8")
    workspace = Workspace(tmp_path.resolve())
    reports = collect_sources(workspace, read_config(workspace), NOW)
    return {report.name: report for report in reports}, workspace


def rss(*items: str) -> bytes:
    return f"<rss version='2.0'><channel><title>F</title>{''.join(f'<item>{item}</item>' for item in items)}</channel></rss>".encode()


def item(html: str, title: str = "Story", link: str = "https://e.org/a") -> str:
    escaped = html.replace("&", "&amp;").replace("<", "&lt;")
    return f"<title>{title}</title><link>{link}</link><guid>{hash(html)}</guid><description>{escaped}</description>"


GOOD = rss(item("<p>Good words.</p>"))
SCRIPTS = """<p onclick="alert(1)">Before <script>alert(1)</script>after.
<a href="javascript:alert(1)">a</a> <a href=" jav&#x09;ascript:alert(1)">b</a> <a href="data:text/html,x">c</a> <a href="vbscript:x">d</a>
<img src="https://e.org/i.png" onerror="alert(1)"><iframe src="https://evil.example/"></iframe><object data="x"></object>
<form action="https://evil.example/"><input name="q"></form><svg onload="alert(1)"><script>alert(1)</script></svg>
<math><mtext><style><img src=x onerror=alert(1)></style></mtext></math><meta http-equiv="refresh" content="0"><base href="https://evil.example/">
<p style="background:url(https://t.example/x)">styled</p><!-- comment --></td></tr></table></body></html>"""
PIXELS = """<p>Text.</p><img src="https://t.example/1.gif" width="1" height="1"><img width=1 height=1 src=https://t.example/2.gif>
<img style="display:none" src="https://t.example/3.gif"><img src="https://t.example/4.gif" height='0'><img src="https://e.org/photo.jpg" alt="Photo">"""


def test_active_content_is_gone_and_the_words_stay(tmp_path: Path, server: WebServer) -> None:
    reports, workspace = collect(tmp_path, wire=server.give("/feed", rss(item(SCRIPTS))))
    assert reports["wire"].new == 1
    body = read_sources(workspace, read_config(workspace)).posts[0].body
    for word in ("Before", "after", "a", "b", "c", "d", "styled"):
        assert re.search(rf"\b{word}\b", body)
    assert not re.search(r"script|alert|onclick|onerror|iframe|svg|\bstyle\b|refresh|comment|t\.example", body)
    # What was embedded is a link; nothing of it is loaded.
    assert re.findall(r"\]\(([^)]*)\)", body) == ["https://e.org/i.png", "https://evil.example/", "https://e.org/x"]


def test_tracking_pixels_and_parameters_are_gone(tmp_path: Path, server: WebServer) -> None:
    reports, workspace = collect(
        tmp_path,
        wire=server.give("/feed", rss(item(PIXELS, link="https://e.org/a?utm_source=x&amp;fbclid=y&amp;id=3"))),
    )
    assert reports["wire"].new == 1
    post = read_sources(workspace, read_config(workspace)).posts[0]
    assert "t.example" not in post.body
    assert "![Photo](https://e.org/photo.jpg)" in post.body
    assert post.url == "https://e.org/a?id=3"
    assert post.raw_urls == ("https://e.org/a?utm_source=x&fbclid=y&id=3",)


BILLION = (
    b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">"""
    + b"".join(
        b'<!ENTITY lol%d "%s">' % (n, b"&lol%d;" % (n - 1) * 10 if n > 1 else b"&lol;" * 10) for n in range(1, 10)
    )
    + b"]><rss version='2.0'><channel><item><title>&lol9;</title></item></channel></rss>"
)
XXE = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><rss version='2.0'><channel><item><title>&e;</title></item></channel></rss>"""


def test_each_bomb_ends_in_one_line_and_the_good_feed_is_read(tmp_path: Path, server: WebServer) -> None:
    bomb = gzip.compress(b"<rss><channel><item><title>" + b"x" * 20_000_000 + b"</title></item></channel></rss>", 9)
    reports, workspace = collect(
        tmp_path,
        good=server.give("/good", GOOD),
        gzip=server.give("/gzip", bomb, Content_Encoding="gzip"),
        billion=server.give("/billion", BILLION),
        xxe=server.give("/xxe", XXE),
        redirect=server.give("/redirect", status=302, Location=f"http://localhost:{server.port}/secret"),
        metadata=server.give("/metadata", status=301, Location="http://169.254.169.254/latest/"),
        title=server.give("/title", rss(f"<title>{'x' * 8_000_000}</title>")),
        page=server.give("/page", b"<html><body>Not found</body></html>", Content_Type="text/html"),
        missing=server.url("/nothing"),
    )
    assert (reports["good"].new, reports["good"].failed) == (1, "")
    assert {name: report.failed for name, report in reports.items() if name != "good"} == {
        "gzip": "is larger than 5 MB",
        "billion": "declares entities of its own, which a feed does not need and a bomb does; not read",
        "xxe": "declares entities of its own, which a feed does not need and a bomb does; not read",
        "redirect": reports["redirect"].failed,
        "metadata": "leads to a private or reserved address; if that is on purpose, name its host in fetch.allow_hosts",
        "title": "is larger than 5 MB",
        "page": "is a web page, not a feed",
        "missing": "the server answers 404 Not Found",
    }
    assert reports["redirect"].failed.startswith(("uses port", "leads to a private"))
    assert "/secret" not in [path for path, _ in server.hits]
    assert [post.title for post in read_sources(workspace, read_config(workspace)).posts] == ["Story"]


def test_a_bomb_without_a_doctype_in_sight_is_stopped_too(tmp_path: Path, server: WebServer) -> None:
    hidden = BILLION.replace(b"<!DOCTYPE", b"<!--" + b" " * 400_000 + b"--><!DOCTYPE")
    utf16 = (
        BILLION.decode().replace('<?xml version="1.0"?>', '<?xml version="1.0" encoding="utf-16"?>').encode("utf-16")
    )
    reports, workspace = collect(
        tmp_path,
        hidden=server.give("/a", hidden),
        utf16=server.give("/b", utf16),
        good=server.give("/c", GOOD),
    )
    assert reports["good"].new == 1
    for post in read_sources(workspace, read_config(workspace)).posts:
        assert "lollol" not in post.title + post.body


def test_a_long_title_and_many_items_are_cut_and_told(tmp_path: Path, server: WebServer) -> None:
    long = rss(f"<title>{'word ' * 900_000}</title><description>x</description>")
    many = rss(*(f"<title>Story {n}</title><guid>{n}</guid>" for n in range(2_000)))
    reports, workspace = collect(tmp_path, long=server.give("/long", long), many=server.give("/many", many))
    assert (reports["long"].new, reports["many"].new) == (1, 20)
    assert any("cut to 300" in finding.message for finding in reports["long"].findings)
    assert any("1500 older ones stay unread" in finding.message for finding in reports["many"].findings)
    assert all(len(post.title) <= 300 for post in read_sources(workspace, read_config(workspace)).posts)


def test_names_from_a_feed_do_not_leave_the_folder(tmp_path: Path, server: WebServer) -> None:
    feed = rss(
        item("<p>x</p>", title="../../../../etc/cron.d/evil"),
        item("<p>y</p>", title="a/b\\c:d*?"),
        item("<p>z</p>", title="...."),
    )
    reports, _ = collect(tmp_path, wire=server.give("/feed", feed))
    assert len(reports["wire"].paths) == 3
    for path in reports["wire"].paths:
        assert re.fullmatch(r"posts/collected/wire/2025-07-07-[a-z0-9-]+\.md", path)


def test_control_characters_do_not_reach_the_terminal(tmp_path: Path, server: WebServer) -> None:
    feed = rss(item("<p>x\x1b[2J</p>".replace("\x1b", ""), title="\u202eevil &#x9b;31m title"))
    reports, workspace = collect(tmp_path, wire=server.give("/feed", feed))
    title = read_sources(workspace, read_config(workspace)).posts[0].title
    assert title.isprintable()
    assert reports["wire"].failed == ""
