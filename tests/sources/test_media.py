"""Pictures and films beside an entry, and pictures and players in it: shown, linked or listed, never gone."""

import json

import pytest

from newsletter.sources.feed_document import read_feed
from newsletter.sources.feed_entry import Entry
from newsletter.sources.html_to_markdown import html_to_markdown

URL = "https://s.example/feed.xml"
POST = "https://s.example/post"


def one(item: str) -> Entry:
    text = f"""<rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"
    xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><item>{item}</item></channel></rss>"""
    return read_feed(text.encode(), "", URL).entries[0]


def left_out(entry: Entry) -> list[str]:
    return [str(each) for each in entry.left_out]


# --- C17: content that belongs to media is not the entry's --------------------------------------------------------------

BODY = "<description>&lt;p&gt;The whole toot.&lt;/p&gt;</description>"
PICTURE = """<media:content url="https://m.example/i.jpg" type="image/jpeg" medium="image"><media:title>A title</media:title>
<media:description type="plain">What the picture shows</media:description></media:content>"""


@pytest.mark.parametrize("order", [BODY + PICTURE, PICTURE + BODY])
@pytest.mark.parametrize("broken", ["", "<br>"])
def test_c17_the_words_of_a_picture_are_its_alt_text_and_not_the_entry(order: str, broken: str) -> None:
    entry = one(order + broken)
    assert entry.body == "![What the picture shows](https://m.example/i.jpg)\n\nThe whole toot.\n"
    assert entry.title == "The whole toot."


@pytest.mark.parametrize(
    "item",
    [
        f"<media:group>{PICTURE}</media:group>{BODY}",
        f"{BODY}<media:group><media:title>G</media:title><media:description>Of the group</media:description></media:group>",
        f"<media:title>M</media:title><media:description>Of all media</media:description>{BODY}",
        f"<image><url>https://m.example/i.jpg</url><title>I</title><description>Of the image</description></image>{BODY}",
        f"{BODY}<image><title>I</title><description>Of the image</description></image>",
        f"<itunes:summary>For players</itunes:summary>{BODY}",
        f"{BODY}<itunes:summary>For players</itunes:summary>",
        f"<source url='https://other.example/feed'>Other</source>{BODY}",
        f"<media:content url='https://m.example/v.mp4'><media:text>Spoken words</media:text></media:content>{BODY}",
        f"<media:credit>Someone</media:credit><media:copyright>C</media:copyright><media:keywords>a, b</media:keywords>{BODY}",
    ],
)
def test_c17_nothing_that_belongs_to_something_else_becomes_the_entrys(item: str) -> None:
    entry = one(item)
    assert "The whole toot." in entry.body
    assert entry.title == "The whole toot."
    for foreign in ("Of the", "For players", "Spoken", "Someone", "Other"):
        assert foreign not in entry.body


def test_c17_what_media_say_is_taken_where_an_entry_says_nothing() -> None:
    assert (
        one("<media:group><media:description>A film\n\nabout a bridge</media:description></media:group>").body
        == "A film\n\nabout a bridge\n"
    )
    assert one("<media:description type='html'>&lt;b&gt;Bold&lt;/b&gt;</media:description>").body == "**Bold**\n"
    assert one("<itunes:summary>Episode 5</itunes:summary>").body == "Episode 5\n"
    assert one(PICTURE).body == "![What the picture shows](https://m.example/i.jpg)\n"


# --- C19: beside the entry ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("media", "shown", "listed"),
    [
        ("<media:content url='https://m.example/big.jpg' medium='image'/><enclosure url='https://m.example/t.jpg' type='image/jpeg' length='1'/>",
         ["https://m.example/big.jpg"], ["https://m.example/t.jpg"]),
        ("<enclosure url='/photo.png?w=3' type='image/png' length='1'/>", ["https://s.example/photo.png?w=3"], []),
        ("<media:thumbnail url='https://m.example/t.jpg' width='240'/><media:thumbnail url='https://m.example/u.jpg' width='976'/>",
         ["https://m.example/u.jpg"], ["https://m.example/t.jpg"]),
        ("<media:group><media:content url='https://m.example/1.jpg' medium='image' width='300'/><media:content url='https://m.example/2.jpg' medium='image' width='1300'/>"
         "<media:content url='https://m.example/3.jpg' medium='image' width='4000'/></media:group>",
         ["https://m.example/2.jpg"], ["https://m.example/1.jpg", "https://m.example/3.jpg"]),
        ("<media:content url='https://m.example/a.jpg?width=140' type='image/jpeg' width='140'/><media:content url='https://m.example/a.jpg?width=460' type='image/jpeg' width='460'/>",
         ["https://m.example/a.jpg?width=460"], []),
        ("<media:content url='https://m.example/a.jpg' medium='image'/><media:content url='https://m.example/b.jpg' medium='image'/>",
         ["https://m.example/a.jpg", "https://m.example/b.jpg"], []),
        ("<media:content url='https://0.gravatar.com/avatar/1' medium='image'/>", [], ["https://0.gravatar.com/avatar/1"]),
        ("<media:content url='javascript:x' medium='image'/><media:content medium='image'/>", [], []),
    ],
)  # fmt: skip
def test_c19_the_pictures_beside_an_entry_are_shown_or_listed(media: str, shown: list[str], listed: list[str]) -> None:
    entry = one(f"{BODY}{media}")
    assert entry.body == "".join(f"![]({url})\n\n" for url in shown) + "The whole toot.\n"
    assert [text for _, text in entry.left_out] == listed


def test_c19_a_picture_that_stands_in_the_text_is_not_shown_twice() -> None:
    text = "<description>&lt;p&gt;x&lt;/p&gt;&lt;img src='https://m.example/a.jpg?w=600'&gt;</description>"
    entry = one(
        f"{text}<media:content url='http://m.example/a.jpg' medium='image'/><media:thumbnail url='https://m.example/t.jpg'/>"
    )
    assert entry.body == "x\n\n![](https://m.example/a.jpg?w=600)\n"
    assert left_out(entry) == ["picture beside the entry: https://m.example/t.jpg"]


@pytest.mark.parametrize(
    ("media", "below"),
    [
        (
            "<enclosure url='https://m.example/e/5.mp3' type='audio/mpeg' length='1'/>",
            "[5.mp3](https://m.example/e/5.mp3)",
        ),
        (
            "<media:content url='https://m.example/v' medium='video'><media:title>The talk</media:title></media:content>",
            "[The talk](https://m.example/v)",
        ),
        ("<media:content url='https://www.youtube.com/v/abc?version=3' type='application/x-shockwave-flash'/>", ""),
    ],
)
def test_c19_films_and_sounds_beside_an_entry_are_linked(media: str, below: str) -> None:
    entry = one(f"<link>https://www.youtube.com/watch?v=abc</link>{BODY}{media}")
    assert entry.body == "The whole toot.\n" + (f"\n{below}\n" if below else "")
    assert entry.left_out == ()


def test_c19_a_json_feed_has_pictures_and_attachments_too() -> None:
    item = {
        "id": "1", "content_text": "Words.", "image": "https://m.example/i.jpg", "banner_image": "https://m.example/wide.jpg",
        "attachments": [{"url": "https://m.example/a.mp3", "mime_type": "audio/mpeg", "title": "Episode"},
                        {"url": "https://m.example/a.pdf", "mime_type": "application/pdf"}, {"url": 7}, None],
    }  # fmt: skip
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "items": [item, {"id": "2", "attachments": "none", "image": 5}],
    }
    entry = read_feed(json.dumps(feed).encode(), "", URL).entries[0]
    assert entry.body == "![](https://m.example/i.jpg)\n\nWords.\n\n[Episode](https://m.example/a.mp3)\n"
    assert left_out(entry) == [
        "picture beside the entry: https://m.example/wide.jpg",
        "file beside the entry: https://m.example/a.pdf",
    ]


# --- C19: in the text ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<iframe src='https://www.youtube.com/embed/abc?feature=oembed' title='Talk'></iframe>", "[Talk](https://www.youtube.com/watch?v=abc)"),
        ("<iframe src='//www.youtube-nocookie.com/embed/abc'></iframe>", "[youtube.com](https://www.youtube.com/watch?v=abc)"),
        ("<iframe src='https://player.vimeo.com/video/77?h=1'></iframe>", "[vimeo.com](https://vimeo.com/77)"),
        ("<iframe src='https://open.spotify.com/embed/episode/9a'></iframe>", "[open.spotify.com](https://open.spotify.com/episode/9a)"),
        ("<iframe src='https://w.soundcloud.com/player/?url=https%3A//soundcloud.com/a/b&amp;x=1'></iframe>", "[soundcloud.com](https://soundcloud.com/a/b)"),
        ("<iframe data-src='/map?x=1' src='about:blank'></iframe>", "[s.example](https://s.example/map?x=1)"),
        ("<iframe src='https://p.example/x'/>After", "[p.example](https://p.example/x)\n\nAfter"),
        ("a<iframe src='https://p.example/x'></iframe>b", "a\n\n[p.example](https://p.example/x)\n\nb"),
        ("<video poster='p.jpg' src='v.mp4' title='Film'></video>", "[![Film](https://s.example/p.jpg)](https://s.example/v.mp4)\n\n[Film](https://s.example/v.mp4)"),
        ("<video><source src='v.webm'><source src='v.mp4'>Old</video>", "[v.webm](https://s.example/v.webm)"),
        ("<audio src='s.mp3'></audio>", "[s.mp3](https://s.example/s.mp3)"),
        ("<embed src='https://p.example/e'>", "[p.example](https://p.example/e)"),
        ("<object data='https://p.example/o'><p>Old</p></object>", "[p.example](https://p.example/o)"),
        ("<object><param name='movie' value='https://www.youtube.com/v/abc'><embed src='https://www.youtube.com/v/abc'></object>", "[youtube.com](https://www.youtube.com/watch?v=abc)"),
        ("<object><p>Only <b>words</b></p></object>", "Only **words**"),
        ("<amp-youtube data-videoid='abc'></amp-youtube>", "[youtube.com](https://www.youtube.com/watch?v=abc)"),
        ("<img src='data:image/gif;base64,AA' data-src='r.jpg' alt='R'>", "![R](https://s.example/r.jpg)"),
        ("<img src='https://s.example/blank.gif' data-lazy-src='r.jpg'>", "![](https://s.example/r.jpg)"),
        ("<img src='https://s.example/blank.gif' data-original='r.jpg'>", "![](https://s.example/r.jpg)"),
        ("<img data-full='https://s.example/r.jpg?x=1'>", "![](https://s.example/r.jpg?x=1)"),
        ("<img src='r.jpg' data-large-file='l.jpg'>", "![](https://s.example/r.jpg)"),
        ("<img srcset='a.jpg 300w, b.jpg 1300w, c.jpg 2600w'>", "![](https://s.example/b.jpg)"),
        ("<img srcset='a,1.jpg, b,2.jpg 2x'>", "![](https://s.example/b,2.jpg)"),
        ("<img src='data:,' data-srcset='a.jpg 300w'>", "![](https://s.example/a.jpg)"),
        ("<picture><source srcset='a.webp' type='image/webp'><source srcset='a.jpg' type='image/jpeg'><img alt='A'></picture>", "![A](https://s.example/a.jpg)"),
        ("<picture><source srcset='a.webp'></picture>", "![](https://s.example/a.webp)"),
        ("<amp-img src='r.jpg' alt='R'></amp-img>", "![R](https://s.example/r.jpg)"),
        ("<noscript><img src='r.jpg' alt='R'></noscript>", "![R](https://s.example/r.jpg)"),
        ("<img src='data:,' data-src='r.jpg'><noscript><img src='r.jpg'></noscript>", "![](https://s.example/r.jpg)"),
        ("<noscript><img src='r.jpg?w=9'></noscript> <img data-src='r.jpg'>", "![](https://s.example/r.jpg)"),
        ("<img src='data:,'><noscript><img src='r.jpg'></noscript>", "![](https://s.example/r.jpg)"),
        ("<a href='/big'><img src='r.jpg' alt='R'></a>", "[![R](https://s.example/r.jpg)](https://s.example/big)"),
        ("<img src='border.jpg' style='border-width:0px;max-width:100%'>", "![](https://s.example/border.jpg)"),
    ],
)  # fmt: skip
def test_c19_what_is_embedded_becomes_a_link_or_the_real_picture(html: str, markdown: str) -> None:
    assert html_to_markdown(html, POST).markdown == f"{markdown}\n"


@pytest.mark.parametrize(
    ("html", "account"),
    [
        ("<iframe src='https://t.example/ns' height='0' width='0'></iframe>", "tracking frame: https://t.example/ns"),
        ("<noscript><iframe src='https://t.example/ns' style='display:none'></iframe></noscript>", "tracking frame: https://t.example/ns"),
        ("<noscript><img height=1 width=1 src='https://t.example/tr'></noscript>", "tracking or hidden picture: https://t.example/tr"),
        ("<img src='https://t.example/p.gif' style='width:1px;height:1px'>", "tracking or hidden picture: https://t.example/p.gif"),
        ("<div style='display:none'><img src='https://t.example/p.gif'></div>", "hidden picture: https://t.example/p.gif"),
        ("<p hidden>Preview text</p>", "hidden text: Preview text"),
        ("<script src='https://t.example/x.js'></script>", "script: https://t.example/x.js"),
        ("<script>let a = '<p>b</p>'</script>", "script: let a = '<p>b</p>'"),
        ("<style>p{}</style>", "style sheet: p{}"),
        ("<template><p>x</p></template>", "template"),
        ("<svg><path d='M0'/></svg>", "drawing"),
        ("<canvas>Old browsers</canvas>", "drawing: Old browsers"),
        ("<select><option>One</option></select>", "form field: One"),
        ("<input type='submit' value='Subscribe'>", "button: Subscribe"),
        ("<a href='https://e.example/empty'></a>", "link without words: https://e.example/empty"),
        ("<a href='https://e.example/empty'><img src='data:,'></a>", "picture without a web address: data:,"),
        ("<iframe srcdoc='<p>x</p>'>Old</iframe>", "player without a web address: Old"),
        ("<iframe src='https://p.example/x'><p>Get a browser</p></iframe>", "text for browsers without players: Get a browser"),
        ("<noscript>Switch on scripts</noscript>", "text for browsers without scripts: Switch on scripts"),
        ("<pre>x <a href='https://e.example/y'>y</a></pre>", "address of a link in preformatted text: https://e.example/y"),
        ("<a href='tel:+123'>call</a>", "link that leads nowhere: tel:+123"),
        ("<dialog>Closed</dialog>", "hidden text: Closed"),
        ("<math><semantics><mi>x</mi><annotation>\\x</annotation></semantics></math>", "source of a formula: \\x"),
    ],
)  # fmt: skip
def test_c19_whatever_is_left_out_is_reported(html: str, account: str) -> None:
    assert account in [str(one) for one in html_to_markdown(f"<p>Before</p>{html}<p>After</p>", POST).left_out]


@pytest.mark.parametrize(
    ("tag", "written"),
    [
        ("<img src='/i.png' width='32' height='24' alt='Flag'>", '<img src="https://s.example/i.png" alt="Flag" width="32" height="24">'),
        ("<img src='/i.png' width='32px'>", '<img src="https://s.example/i.png" alt="" width="32">'),
        ("<img src='/i.png' width='499'>", '<img src="https://s.example/i.png" alt="" width="499">'),
        ("<img src='/i.png' width='500'>", "![](https://s.example/i.png)"),
        ("<img src='/i.png' width='1024' height='683' alt='A bridge'>", "![A bridge](https://s.example/i.png)"),
        ("<img src='/i.png' width='50%'>", "![](https://s.example/i.png)"),
        ("<img src='/i.png' width='wide'>", "![](https://s.example/i.png)"),
        ("<img src='/i.png' height='20'>", "![](https://s.example/i.png)"),
    ],
)  # fmt: skip
def test_c32_a_small_picture_is_not_drawn_as_wide_as_the_text(tag: str, written: str) -> None:
    assert (
        html_to_markdown(f"<p>Before {tag} after.</p>", "https://s.example/").markdown == f"Before {written} after.\n"
    )
