"""What `collect` and `draft` make of anything that others write passes the error rules of `check`, and makes valid feeds.

An automatic issue must not be stopped by ordinary foreign text, nor by a stranger who wants to stop it.
"""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.cli import run
from newsletter.flows.build import SITE, build_issue, render_issue
from newsletter.flows.check import check_issue
from newsletter.flows.draft import draft_issue
from newsletter.model import Finding, Source
from newsletter.rendering.feeds import plain_title
from newsletter.sources.feed import FeedState, take_in
from newsletter.sources.feed_document import read_feed
from newsletter.sources.markdown_file import write_markdown
from newsletter.text.front_matter import quote_value
from newsletter.workspace.files import Workspace, issue_path
from newsletter.workspace.load import read_config
from tests.rendering.test_feeds import CHECKS, W3C_URI, addresses_in, as_html
from tests.sending import MEMORY, compiled_templates
from tests.web_server import serve

SETTINGS = """\
[publication]
title = "Borderlines"
url = "https://borderlines.example"
sender = "Borderlines <desk@borderlines.example>"
language = "{language}"
timezone = "Europe/Berlin"
postal_address = "1 Example Street, Berlin"

[[themes]]
slug = "baku"
title = "Baku"
any = ["Baku", "bridge"]

[[sources]]
name = "blog"
kind = "feed"
url = "{url}"

[[sources]]
name = "desk"
kind = "folder"
path = "posts"

[[editions]]
slug = "weekly"
title = "Borderlines Weekly"
themes = ["baku"]
schedule = "mon 07:00"

[fetch]
allow_hosts = ["127.0.0.1"]
"""
SLUG, DAY = "2025-07-07-weekly", date(2025, 7, 7)
NOW = datetime(2025, 7, 10, tzinfo=UTC)


def write_feed(*entries: tuple[str, str]) -> bytes:
    """RSS 2.0 of (title, HTML) pairs."""
    items = "".join(
        f"<item><title>{escape(title)}</title><link>https://blog.example/{number}</link><guid>{number}</guid>"
        f"<description>{escape(html)}</description><pubDate>Fri, 04 Jul 2025 10:00:00 +0000</pubDate></item>"
        for number, (title, html) in enumerate(entries)
    )
    clean = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", "", items)
    head = "<title>T</title><link>https://blog.example/</link><description>d</description>"
    return f'<?xml version="1.0"?><rss version="2.0"><channel>{head}{clean}</channel></rss>'.encode()


@contextmanager
def workspace_with(*posts: str, language: str = "en") -> Iterator[Workspace]:
    """A workspace with these Markdown files as posts."""
    with TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder).resolve())
        shutil.copytree(compiled_templates(), workspace.root / MEMORY, dirs_exist_ok=True)
        workspace.write("newsletter.toml", SETTINGS.format(language=language, url="https://blog.example/feed"))
        for number, text in enumerate(posts):
            workspace.write(f"posts/{number:03}.md", text.encode(errors="replace"))
        yield workspace


def errors_of(workspace: Workspace) -> list[Finding]:
    """Draft, build and check; gives the errors."""
    config = read_config(workspace)
    if not workspace.exists(issue_path(SLUG)):
        draft_issue(workspace, config, config.editions[0], DAY)
    built = build_issue(workspace, config, SLUG, now=NOW)
    found = (*built.findings, *check_issue(workspace, config, render_issue(workspace, config, SLUG)))
    return [one for one in found if one.level == "error"]


def collected(*entries: tuple[str, str]) -> list[str]:
    """The files that `collect` writes for the entries of a feed."""
    document = read_feed(write_feed(*entries), "application/rss+xml", "https://blog.example/feed")
    intake = take_in(Source(name="blog", kind="feed", url="https://blog.example/feed"), document, FeedState(), NOW)
    return [write_markdown(post, UTC) for post in intake.posts]


# --- feeds as they come -------------------------------------------------------------------------------------------

FEEDS = {
    "a brand called TK": ("A shop closes", "TK Maxx shuts nine shops, the chain said. TODO is an app."),
    "a template language": ("{{ braces }} and {% more %}", "<p>Write <code>{{ user.name }} TODO</code> or {{ so }}.</p>"),
    "a table without headings": ("Results", "<table><tbody><tr><td>North</td><td>12</td></tr><tr><td>South</td><td>9</td></tr></tbody></table>"),
    "a table with headings": ("Results", "<table><tr><th>A</th><th>B</th></tr><tr><td>" + "w" * 80 + "</td><td>9</td></tr></table>"),
    "a picture over http": ("A bridge", '<p>Text.</p><p><img src="http://blog.example/p.jpg" alt="A bridge"></p>'),
    "a picture of 1024 pixels": ("A bridge", "<p><img loading='lazy' width='1024' height='683' src='https://s.example/a.jpg' alt='A bridge'></p>"),
    "a picture as SVG": ("A map", '<p><img src="https://s.example/map.svg" alt="A map"></p>'),
    "an answer": ("Re: [list] the zoning law of the old town", "Words."),
    "an encoded word that is none": ("=?x?b?y?=", "Words."),
    "an encoded word with a header in it": ("=?utf-8?q?a=0aBcc:_evil@x.example?=", "=?utf-8?q?a?="),
    "a place for a reader's data": ("__READER_TOKEN__", '<a href="https://x.example/?t=__READER_TOKEN__">x</a> __READER_SECTION_END__'),
    "an id of ours": ("{#p-0123abcd}", "<p>See {#p-0123abcd}</p><h2>A heading {#p-0123abcd}</h2>"),
    "tracking": ("A story", '<a href="https://a.example/?utm_source=x&amp;id=1&amp;fbclid=y">words</a> https://b.example/?utm_medium=z'),
    "a login in an address": ("A story", '<a href="https://bank.example@elsewhere.example/">the bank</a>'),
    "a link that says another": ("A post", '<a href="https://t.example/abc">https://pic.example/xyz</a>'),
    "odd addresses": ("A story", '<a href="https://a.example/x[1]?b=ü|{}^`">a</a> <a href="https://[::1]/">b</a> <a href="https://a.example:99999/">c</a>'),
    "control characters": ("a\x92b\x85c", "<p>a\x92b\x85c&#1;d&#x92;</p>"),
    "turned letters": ("\u202eabc\u202c", "<p>\u202ereversed\u2066</p>"),
    "Persian": ("می\u200cخواهم این را بدانم که چه شد", "<p dir=rtl>نص</p>"),
    "nothing to be seen": ("\u200b\u0301", ""),
    "only a stop": (".", "<p></p>"),
    "only a title": ("Only a title <b>bold</b> & <more>", ""),
    "lines that begin with From": ("From here to there", "<p>From here<br>From there</p><pre>From a\nFrom b</pre>"),
    "headings out of order": ("A story", "<h1>a</h1><h4>b</h4><h2></h2>"),
    "words about data": ("A story", "<p>Write src=\"data:image/png\" or &lt;!--[if mso]&gt;.</p>"),
    "deep nesting": ("A story", "<blockquote>" * 60 + "deep" + "</blockquote>" * 60 + "<ul><li>" * 40 + "x" + "</li></ul>" * 40),
    "long words": ("w" * 290, "<p>" + "x" * 400 + "</p><pre>" + "y" * 400 + "</pre><ul><li>" + "z" * 400 + "</li></ul>"),
    "marks": ("**“重点”**", "<p>这是**“重点”**内容，~~x~~ `a` [b](c d)</p>"),
}  # fmt: skip


@pytest.mark.parametrize("name", FEEDS)
def test_c30_c31_no_feed_stops_an_issue(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Collected over HTTP, drafted, built and checked by the commands, as `serve` does it by itself."""
    title, html = FEEDS[name]
    with serve() as server:
        url = server.give("/feed", write_feed((title, html)), Content_Type="application/rss+xml; charset=utf-8")
        (tmp_path / "newsletter.toml").write_text(SETTINGS.format(language="en", url=url), encoding="utf-8")
        (tmp_path / "posts").mkdir()
        monkeypatch.chdir(tmp_path)
        assert run(["--quiet", "collect"]) == 0
    assert run(["--quiet", "draft", "--date", DAY.isoformat()]) == 0
    assert run(["--quiet", "build", SLUG]) == 0
    assert run(["--quiet", "check", SLUG]) == 0


# --- anything -----------------------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    ["=?x?b?y?=", "=?utf-8?q?a=0d=0aBcc:_x?=", "=?", "Re: ", "AW: ", "Fwd:", "TK", "TODO", "XXX", "[link]", "lorem ipsum", "{{ x }}", "{%", "%7B%7B",
     "<b>", "</b>", "<more>", "‹x›", "&amp;", "&#60;", "&", "<", ">", "**", "`", "~~", "_", "](", "![", "{#p-0123abcd}", "{#x}", "#", "- ", "1. ", "> ", "|",
     "From ", "\n", "\n\n", " ", "\t", "\x01", "\x92", "\u2028", "\u202e", "\u200f", "\u200b", "\u2060", "__READER_TOKEN__", "__READER_", "\\", '"', "'", "$", "!!!",
     "Baku", "a bridge", "نص عربي", "“重点”", "中文", "é", "👩‍👩‍👧", "viagra", "data:image/png", "javascript:", "https://a.example/x[1]?utm_source=a&b=ü",
     "http://u:p@b.example/", "www.c.example", "{", "}", "<!--", "-->", "<script>", "\ud83d", "A" * 50, "word " * 12, "Monday 8 July 2025"]
)  # fmt: skip
TEXTS = st.lists(WORDS, max_size=7).map("".join)
ADDRESSES = st.one_of(
    st.sampled_from(["https://s.example/a.png", "http://s.example/a.png", "http://192.0.2.1/a.jpg", "//s.example/a.gif", "data:image/png;base64,AA", "a.png",
                     "https://s.example/m.svg", "https://s.example/pic with space.jpg", "https://bank.example@e.example/", "mailto:a@b.example", "https://[half", ""]),
    st.text(alphabet='ab/?#[]{}|"^`\\ %ü&=@:<>', max_size=15).map(lambda rest: f"https://e.example/{rest}"),
)  # fmt: skip


def element(tag: str, inside: str, attribute: str) -> str:
    """A piece of HTML."""
    quoted = escape(attribute)
    match tag:
        case "img":
            return f'<img src="{quoted}" alt="{escape(inside)}">'
        case "sized":
            return f'<img src="{quoted}" alt="" width="{len(inside) * 97}" height="{len(attribute) * 31}">'
        case "a":
            return f'<a href="{quoted}">{inside}</a>'
        case "table":
            return f"<table><tr><td>{inside}</td><td>b</td><td>{quoted}</td></tr><tr><td>{inside}</td></tr></table>"
        case "headed":
            return f"<table><tr><th>{inside}</th><th>b</th></tr><tr><td>{quoted}</td><td>c</td></tr></table>"
        case _:
            return f"<{tag}>{inside}</{tag}>"


TAGS = st.sampled_from(
    "p p p div h1 h2 h4 li ul ol blockquote pre code em strong a a img sized table headed dl dt sub kbd mark small span font svg iframe figure".split()
)  # fmt: skip
HTML = st.lists(st.builds(element, TAGS, st.one_of(TEXTS, TEXTS.map(escape)), ADDRESSES), max_size=5).map("".join)


def markdown_post(title: str, body: str, number: int) -> str:
    """A post as somebody writes it into posts/."""
    flat = " ".join(title.encode(errors="replace").decode().split()) or f"Number {number}"
    return f"---\ntitle: {quote_value(flat)}\nurl: https://d.example/{number}\ndate: 2025-07-05\n---\n\n{body}\n"


@given(
    feed=st.lists(st.tuples(TEXTS, HTML), min_size=1, max_size=5),
    own=st.lists(st.tuples(TEXTS, st.one_of(TEXTS, HTML)), max_size=4),
    language=st.sampled_from(["en", "ar", "zh"]),
)
@settings(max_examples=max(settings().max_examples // 4, 1))
@pytest.mark.timeout(400)
def test_c31_whatever_others_write_is_built_checked_and_published(
    feed: list[tuple[str, str]], own: list[tuple[str, str]], language: str
) -> None:
    posts = collected(*feed) + [markdown_post(title, body, number) for number, (title, body) in enumerate(own)]
    with workspace_with(*posts, language=language) as workspace:
        assert [f"{one.rule} {one.where}: {one.message}" for one in errors_of(workspace)] == []
        check_feeds(workspace)


def check_feeds(workspace: Workspace) -> None:
    """All files that feed readers read are valid, and say the same."""
    names = ("feed.xml", "atom.xml", "feed.json", "feeds.opml", "sitemap.xml")
    site = {name: workspace.read(f"{SITE}/{name}").decode() for name in names}
    for name, check in (("feed.xml", CHECKS["xml"]), ("atom.xml", CHECKS["atom"]), ("feed.json", CHECKS["json"])):
        check(site[name], f"https://borderlines.example/{name}")
    for name in names:
        for url in addresses_in(name, site[name]):
            assert W3C_URI.match(url), (name, url)
    items = json.loads(site["feed.json"])["items"]
    config = read_config(workspace)
    shown = render_issue(workspace, config, SLUG).shown.posts
    # A title without a letter that can be read (it was all controls) is left out of JSON, as is any empty value.
    assert [item.get("title", "") for item in items] == [plain_title(post.title_text) for post in shown]
    assert all("content_html" in item or "content_text" in item for item in items)
    rss = [item.findtext("title") or "" for item in ET.fromstring(site["feed.xml"]).iter("item")]
    assert rss == [item.get("title", "") for item in items]
    for title in rss:
        assert as_html(title) == " ".join(title.split())
    for outline in ET.fromstring(site["feeds.opml"]).iter("outline"):
        assert outline.get("text")


# --- long posts ---------------------------------------------------------------------------------------------------


def write_paragraph(number: int) -> str:
    """A hundred words that no paragraph of another number has: alike texts would be one post and its repetitions."""
    return " ".join(f"word{number}x{place}" for place in range(100))


PARAGRAPH = " ".join(f"word{number}" for number in range(100))
LONG = {
    "one post of a whole book": [("A book", f"<p>{PARAGRAPH}</p>" * 200)],
    "one paragraph without an end": [("A paragraph", "<p>" + "word and word " * 12_000 + "</p>")],
    "twenty posts of two pages each": [(f"Post {n}", f"<p>{write_paragraph(n)}</p>" * 12) for n in range(20)],
    "lists, quotes and tables": [
        (f"Post {n}", f"<ul><li>{write_paragraph(n)}</li></ul><blockquote>{PARAGRAPH}</blockquote><table><tr><th>a</th><th>b</th></tr>"
         + f"<tr><td>{write_paragraph(n)}</td><td>c</td></tr>" * 9 + "</table>")
        for n in range(18)
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", LONG)
def test_c31_long_posts_are_shortened_in_the_mail_and_whole_on_the_web(name: str) -> None:
    """Gmail hides what is beyond 102,400 bytes, the way out with it; that is an error, and stopped the issue."""
    with workspace_with(*collected(*LONG[name])) as workspace:
        assert [str(one) for one in errors_of(workspace)] == []
        rendered = render_issue(workspace, read_config(workspace), SLUG)
        cut = [one for one in rendered.findings if one.rule == "shown" and "shortened" in one.message]
        assert cut
        lines = {f"{issue_path(SLUG)}:{post.line}": post for post in rendered.issue.posts}
        assert all(one.where in lines for one in cut)
        html, text = rendered.mail.html, rendered.mail.text
        assert len(html.encode()) <= 90_000
        for part in (html, text):
            assert part.count("#p-") >= len(cut)
            assert "__READER_TOKEN__" in part
        page = workspace.read(f"{SITE}/{SLUG}/index.html").decode()
        for one in cut:
            anchor = f"p-{lines[one.where].key}"
            assert f"/{SLUG}/#{anchor}" in text
            assert f'id="{anchor}"' in page
        assert len(page) > len(html), "nothing is left out there"


def test_an_issue_that_gmail_shows_is_not_shortened() -> None:
    with workspace_with(*collected(("A post", f"<p>{PARAGRAPH}</p>" * 60))) as workspace:
        assert errors_of(workspace) == []
        rendered = render_issue(workspace, read_config(workspace), SLUG)
        assert not [one for one in rendered.findings if "shortened" in one.message]
        assert rendered.mail.text.count("word99") == 60
