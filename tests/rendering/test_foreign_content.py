"""What others write is shown so that mail clients and feed readers bear it: pictures, tables, links, marks of Markdown."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment
from playwright.sync_api import Browser

from newsletter.model import Issue, IssuePost, Section
from newsletter.phrases import Phrases
from newsletter.rendering.content import show_issue
from newsletter.rendering.leftover_marks import find_marks
from newsletter.rendering.markdown import make_parser, parse_markdown, to_html
from newsletter.rendering.pictures import COLUMN, fit_pictures, settle_pictures
from newsletter.rendering.plain_text import to_text, wrap
from newsletter.rendering.site import render_site
from newsletter.rendering.tables import frame_tables, head_tables
from newsletter.text.characters import find_direction
from tests.rendering.issues import PUBLICATION, THEMES, make_issue
from tests.rendering.test_feeds import published
from tests.rendering.test_in_chromium import make_mail, open_page


def one_post(body: str) -> Issue:
    post = IssuePost(title="A title", body=body, key="aaaaaaaaaaaa")
    return make_issue(intro="", sections=(Section(slug="caucasus", title="Caucasus", posts=(post,)),))


def shown(body: str, url: str = "https://borderlines.example") -> Any:
    return show_issue(one_post(body), "en", url=url).posts[0].body


# --- pictures -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("picture", "width", "height"),
    [
        ("![A bridge](https://s.example/a.png)", COLUMN, None),
        ('<img src="https://s.example/a.png" alt="" width="1024" height="683">', COLUMN, 352),
        ('<img src="https://s.example/a.png" alt="" width="72" height="70">', 72, 70),
        ('<img src="https://s.example/a.png" alt="" width="60">', 60, None),
        ('<img src="https://s.example/a.png" alt="" width="100%">', COLUMN, None),
        ("- ![A bridge](https://s.example/a.png)", COLUMN - 24, None),
        ("> - ![A bridge](https://s.example/a.png)", COLUMN - 24 - 19, None),
        ("[![A bridge](https://s.example/a.png)](https://s.example/)", COLUMN, None),
        ("| a | b |\n| --- | --- |\n| ![A bridge](https://s.example/a.png) | x |", COLUMN // 2 - 16, None),
    ],
)
def test_c32_every_picture_of_a_mail_has_a_width_that_fits(
    environment: Environment, phrases: Phrases, picture: str, width: int, height: int | None
) -> None:
    html = make_mail(one_post(f"{picture}\n"), environment, phrases).html
    [tag] = re.findall("<img[^>]*>", html)
    assert f'width="{width}"' in tag
    assert (f'height="{height}"' in tag) if height else " height=" not in tag
    assert "max-width:100%" in tag


WIDE = """\
![one](https://s.example/wide.png)

- in a list ![two](https://s.example/wide.png)

> quoted ![three](https://s.example/wide.png)

| a | b |
| --- | --- |
| ![four](https://s.example/wide.png) | words |

<figure><img src="https://s.example/wide.png" alt="five" width="2000" height="500"><figcaption>A caption</figcaption></figure>
"""


def png(width: int, height: int) -> bytes:
    """A picture of one colour."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"\x33\x66\x99" * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("width", [320, 375, 800])
def test_c62_a_picture_of_1200_pixels_makes_no_mail_wider_than_its_window(
    browser: Browser, environment: Environment, phrases: Phrases, width: int
) -> None:
    page = open_page(browser, "", width, "light")
    page.unroute_all()
    page.route("**/*", lambda route: route.fulfill(body=png(1200, 300), content_type="image/png"))
    page.set_content(make_mail(one_post(WIDE), environment, phrases).html)
    page.wait_for_function("[...document.images].every((one) => one.complete && one.naturalWidth)")
    assert page.evaluate("document.images.length") == 5
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # None is drawn wider than its place, nor out of shape.
    drawn = page.evaluate("[...document.images].map((one) => [one.clientWidth, one.clientHeight])")
    assert all(0 < one <= min(COLUMN, width) and abs(one / high - 4) < 0.2 for one, high in drawn), drawn
    page.context.close()


@pytest.mark.parametrize(
    ("source", "now", "note"),
    [
        ("http://blog.example/p.jpg", "https://blog.example/p.jpg", "over https"),
        ("http://blog.example:8080/p.jpg", None, "as a link"),
        ("http://192.0.2.7/p.jpg", None, "as a link"),
        ("http://[::1]/p.jpg", "http://[::1]/p.jpg", ""),
        ("http://localhost:8000/p.jpg", "http://localhost:8000/p.jpg", ""),
        ("http://borderlines.example/p.jpg", "http://borderlines.example/p.jpg", ""),
        ("https://blog.example/p.jpg", "https://blog.example/p.jpg", ""),
    ],
)
def test_c31_a_picture_over_http_is_shown_over_https_or_linked_and_reported(
    source: str, now: str | None, note: str
) -> None:
    body = shown(f"![A bridge]({source})\n")
    if now:
        assert f'<img src="{now}" alt="A bridge">' in body.html
    else:
        assert f'<a href="{source}">A bridge</a>' in body.html
    assert [note in one and source in one for one in body.notes] == ([True] if note else [])
    assert "[A bridge]" in body.plain


def test_c31_an_svg_is_a_link_in_the_mail_and_a_picture_on_the_web(environment: Environment, phrases: Phrases) -> None:
    body = "![A map](https://s.example/map.svg?v=1)\n\n[![Inside](https://s.example/b.svg)](https://s.example/)\n"
    html = make_mail(one_post(body), environment, phrases).html
    assert "<img" not in html
    assert re.search(r'<a href="https://s\.example/map\.svg\?v=1"[^>]*>A map</a>', html)
    assert re.search(r'<a href="https://s\.example/"[^>]*>Inside</a>', html)
    assert shown(body).html.count("<img") == 2


def test_a_raw_picture_is_named_in_the_text_part() -> None:
    body = shown(
        'Words <img src="https://s.example/a.png" alt="a &amp; b" width="20"> on.\n\n<p><img src="https://s.example/a.png" alt="Two"></p>\n'
    )
    assert body.plain == "Words [a & b] on.\n\n[Two]"


def test_the_change_of_a_picture_is_of_the_picture_only() -> None:
    html = '<p title="&lt;img src=&quot;http:x&quot;&gt;">a &lt;img&gt; b</p>'
    assert fit_pictures(html) == html
    assert settle_pictures(html) == (html, ())


# --- tables -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "headings"),
    [
        ("<tr><td>North</td><td>12</td></tr><tr><td>South</td><td>9</td></tr>", [("North", "row"), ("South", "row")]),
        (
            "<tr><td><b>A</b></td><td><strong>B</strong></td></tr><tr><td>1</td><td>2</td></tr>",
            [("A", "col"), ("B", "col")],
        ),
        ("<tr><td>One</td></tr><tr><td>Two</td></tr>", [("One", "col")]),
        ("<tr><td><b>Only</b></td><td><b>row</b></td></tr>", [("Only", "row")]),
        ('<tr><td colspan="2">All</td></tr><tr><td>1</td><td>2</td></tr>', [("All", "col")]),
        ("<caption>C</caption><tr><td>a</td><td></td></tr>", [("a", "row")]),
        ("<tr><td><table><tr><td>x</td><td>y</td></tr></table></td><td>z</td></tr>", [("x", "row")]),
    ],
)
def test_c31_a_table_without_headings_gets_some_and_keeps_its_words(
    table: str, headings: list[tuple[str, str]]
) -> None:
    from lxml import html as lxml_html

    body = shown(f"<table>{table}</table>\n")
    root = lxml_html.fragment_fromstring(body.html, create_parent="div")
    found = [(cell.text_content(), cell.get("scope")) for cell in root.iter("th")]
    assert [one for one in found if one in headings] == headings
    assert "".join(root.text_content().split()) == "".join(re.sub("<[^>]*>", "", table).split())
    assert any("without headings" in note for note in body.notes)


def test_an_empty_table_goes_and_one_with_headings_stays() -> None:
    assert head_tables("<p>a</p><table></table>") == ("<p>a</p>", 1)
    good = "<table><tr><th>A</th></tr><tr><td>1</td></tr></table>"
    assert head_tables(good) == (good, 0)
    assert head_tables("&lt;b&gt; no table")[0] == "&lt;b&gt; no table"


def test_each_outer_table_stands_in_a_frame() -> None:
    table = "<table><tr><td><table></table></td></tr></table>"
    assert (
        frame_tables(f"<p>a</p>{table}{table}")
        == f"<p>a</p>{f'<div class={chr(34)}scroll{chr(34)} tabindex={chr(34)}0{chr(34)}>{table}</div>' * 2}"
    )


COLUMNS = """\
Words before the table that are long enough to be wrapped on any phone, and then some more of them for the next line.

| Constituency | Candidate | Preliminary | Percentage | Representation |
| --- | --- | ---: | ---: | --- |
| Nakhchivan | Alakbarov-Mammadzade | 12,345 | 45.6% | Parliamentary |

| Name | Address |
| --- | --- |
| Key | WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW |
"""
SIZES = """() => ({
  page: document.documentElement.scrollWidth,
  words: Math.max(...[...document.querySelectorAll("p")].map((one) => one.getBoundingClientRect().right)),
  frames: [...document.querySelectorAll(".scroll")].map((one) => [one.clientWidth, one.scrollWidth]),
})"""


@pytest.mark.parametrize("width", [320, 420, 800])
@pytest.mark.parametrize("place", ["mail", "web"])
def test_c63_a_table_of_five_columns_scrolls_by_itself(
    browser: Browser, environment: Environment, phrases: Phrases, width: int, place: str
) -> None:
    issue = one_post(COLUMNS)
    html = make_mail(issue, environment, phrases).html
    if place == "web":
        one = published(intro="", sections=issue.sections)
        site = dict(
            render_site([one], publication=PUBLICATION, themes=THEMES, environment=environment, phrases=phrases)
        )
        html = site["2025-07-07-weekly/index.html"]
    page = open_page(browser, html, width, "light")
    sizes = page.evaluate(SIZES)
    assert sizes["page"] <= width
    assert sizes["words"] <= width
    assert len(sizes["frames"]) == 2
    if width < 500:
        assert all(inside > outside for outside, inside in sizes["frames"]), "nothing is cut off: it can be scrolled to"
        page.locator(".scroll").first.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function("document.querySelector('.scroll').scrollLeft > 0")
    page.context.close()


# --- links --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "link",
    [
        "[www.bank.example](https://elsewhere.example/x)",
        "[https://bank.example/login](https://elsewhere.example/x)",
        '<a href="https://elsewhere.example/x">www.bank.example</a>',
        '<p><a href="https://elsewhere.example/x"><b>www.bank.example</b></a></p>',
        "[**www.bank.example**](<https://elsewhere.example/x>)",
    ],
)
def test_c31_a_link_whose_words_are_another_address_names_the_real_one(link: str) -> None:
    body = shown(f"{link}\n")
    assert re.search(r"bank\.example.*\(elsewhere\.example\)", re.sub("<[^>]*>", "", body.html))
    assert re.search(r"bank\.example.* \(elsewhere\.example\)", body.plain)


@pytest.mark.parametrize(
    "link",
    [
        "[example.org](https://www.example.org/a)",
        "[words](https://example.org/)",
        "<https://example.org/a>",
        "https://example.org/b",
    ],
)
def test_other_links_are_as_they_were(link: str) -> None:
    assert "(example.org)" not in shown(f"{link}\n").plain


def test_c34_addresses_are_tidy_in_both_parts() -> None:
    body = shown('[one](<https://example.org/a b[1]>) <a href="https://u:p@example.org/{x}">two</a>\n')
    assert [url for _, url in body.urls] == ["https://example.org/a%20b%5B1%5D", "https://example.org/%7Bx%7D"]
    assert re.findall('href="([^"]*)"', body.html) == [url for _, url in body.urls]


# --- marks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("这是**“重点”**内容", "这是<strong>“重点”</strong>内容"),
        ("，**历经10年发展，**年", "，<strong>历经10年发展，</strong>年"),
        ("的**《李茶的姑妈》**已", "的<strong>《李茶的姑妈》</strong>已"),
        ("これは*「強調」*です", "これは<em>「強調」</em>です"),
        ("한국어**(강조)**입니다", "한국어<strong>(강조)</strong>입니다"),
        ("ไทย**“คำ”**ไทย", "ไทย<strong>“คำ”</strong>ไทย"),
        ("中~~（删除）~~文", "中<s>（删除）</s>文"),
        ("中文_a_中文", "中文_a_中文"),
        ("x**“q”**y", "x**“q”**y"),
        ("中 ** 文 ** 中", "中 ** 文 ** 中"),
    ],
)
def test_c33_bold_beside_the_marks_of_scripts_without_blanks(text: str, html: str) -> None:
    assert to_html(parse_markdown(f"{text}\n")) == f"<p>{html}</p>\n"


@given(st.text(alphabet="ab *_~`.,(“”)\n", max_size=30))
def test_c33_text_of_other_scripts_is_read_as_commonmark_has_it(text: str) -> None:
    from markdown_it import MarkdownIt

    usual = MarkdownIt("commonmark", {"html": True}).enable(["strikethrough"])
    ours = make_parser()
    assert ours.render(text) == usual.render(text)


def marks(text: str) -> list[tuple[int, str]]:
    return [(line, message.split("'")[1]) for line, message in find_marks(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("fine\n\nx **“q”**y", [(3, "**"), (3, "**")]),
        (
            "a\nb ![a picture](https://s.example/pic with space.jpg)",
            [(2, "![a picture](https://s.example/pic with space.jpg)")],
        ),
        ("[a](b c)", [(1, "[a](b c)")]),
        ("[a] (https://e.example/)", [(1, "[a] (https://e.example/)")]),
        ("- one\n- ~~ two ~~", [(2, "~~"), (2, "~~")]),
        ("| a ** |\n| --- |\n| b |", [(1, "**")]),
        ("**fine** ~~so~~ [a](https://e.example/) `**` \\*\\* 2**3 [1] (see) f(x)[0](y)", [(1, "[0](y)")][:0]),
        ("```\n**\n```", []),
        ("a_b * c", []),
    ],
)
def test_c33_marks_that_readers_would_see_are_found_with_their_line(text: str, found: list[tuple[int, str]]) -> None:
    assert marks(text) == found


def test_c33_each_mark_is_reported_with_what_to_do() -> None:
    [(_, message)] = find_marks("![a](https://e.example/b c.png)")
    assert "goes between < and >" in message


@pytest.mark.timeout(10)
def test_many_odd_marks_take_no_long_time() -> None:
    for piece in ("[", "[a](", "![", "**a ", "[a](b ", "~~", "] ("):
        list(find_marks(piece * 3_000))


# --- the text part ------------------------------------------------------------------------------------------------


def lines_from_right(text: str) -> list[str]:
    """The lines that a mail program turns around: it looks at the first letter of each (UAX 9, P2 and P3)."""
    return [line for line in text.split("\n") if find_direction(line) == "rtl"]


def test_c68_an_arabic_title_stays_in_an_english_list(environment: Environment, phrases: Phrases) -> None:
    text = make_mail(make_issue(), environment, phrases).text
    contents = text.partition("In this issue")[2].partition("\nCaucasus\n")[0]
    assert "عنوان عربي" in contents
    assert lines_from_right(contents) == []
    body = text.partition("عنوان عربي\n")[2]
    assert "نص مع قائمة" in body


def test_c68_all_lines_of_a_list_read_in_the_direction_of_its_text() -> None:
    arabic = (
        "- نص طويل مع كلمات كثيرة لكي تطول السطر أكثر من اثنين وسبعين عمودا من Google و Apple وغيرها\n- Apple شركة\n"
    )
    assert len(lines_from_right(to_text(parse_markdown(arabic), direction="rtl").text)) == 3
    assert lines_from_right(to_text(parse_markdown(arabic), direction="ltr").text) == []
    # A paragraph of its own keeps its own direction, and all its lines are alike.
    paragraph = "فقرة طويلة مع كلمات كثيرة لكي تطول السطر أكثر من اثنين وسبعين عمودا من شركة كبيرة\n"
    assert len(lines_from_right(to_text(parse_markdown(f"Words.\n\n{paragraph}"), direction="ltr").text)) == 2
    assert wrap("plain words", "- ", direction="ltr") == "- plain words"


def test_c68_no_line_of_the_contents_begins_with_a_dot(
    browser: Browser, environment: Environment, phrases: Phrases
) -> None:
    titles = [
        "A title of some words",
        "Another one",
        "And a third",
        "Short",
        "One more of these titles",
        "The last",
    ] * 3
    posts = tuple(IssuePost(title=title, body="x\n", key=f"{n:012}") for n, title in enumerate(titles))
    html = make_mail(
        make_issue(sections=(Section(slug="caucasus", title="C", posts=posts),)), environment, phrases
    ).html
    first_of_line = """() => {
      const range = document.createRange(), seen = [];
      for (const block of document.querySelectorAll(".contents-line, .foot p")) {
        const walker = document.createTreeWalker(block, NodeFilter.SHOW_TEXT);
        let bottom = -1;
        for (let node = walker.nextNode(); node; node = walker.nextNode()) {
          for (let at = 0; at < node.length; at++) {
            range.setStart(node, at); range.setEnd(node, at + 1);
            const box = range.getBoundingClientRect();
            if (!box.width || !node.data[at].trim()) continue;
            if (box.top >= bottom) seen.push(node.data[at]);
            bottom = Math.max(bottom, box.bottom - 2);
          }
        }
      }
      return seen;
    }"""
    for width in range(320, 700, 7):
        page = open_page(browser, html, width, "light")
        seen = page.evaluate(first_of_line)
        assert len(seen) > 5
        assert "·" not in seen, width
        page.context.close()


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("（https://a.example/x）后。", '（<a href="https://a.example/x">https://a.example/x</a>）后。'),
        ("看https://a.example/x，好", '看<a href="https://a.example/x">https://a.example/x</a>，好'),
        ("https://zh.example/中国", '<a href="https://zh.example/%E4%B8%AD%E5%9B%BD">https://zh.example/中国</a>'),
        ("[词](https://a.example/x，y)", '<a href="https://a.example/x%EF%BC%8Cy">词</a>'),
        ("https://a.example/x|y", '<a href="https://a.example/x%7Cy">https://a.example/x|y</a>'),
    ],
)
def test_c34_an_address_in_chinese_text_ends_before_the_mark_behind_it(text: str, html: str) -> None:
    assert to_html(parse_markdown(text)) == f"<p>{html}</p>\n"
