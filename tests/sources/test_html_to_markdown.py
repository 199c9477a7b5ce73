"""HTML of feeds → Markdown: the same words, the same structure, nothing harmful (parsing T1-T10)."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import html as lxml_html

from newsletter.rendering.markdown import parse_markdown, to_html
from newsletter.sources.html_to_markdown import html_to_markdown
from newsletter.text.html import clean_html, html_words
from newsletter.text.words import WORD

TEXTS = st.sampled_from(
    "China EU *star* _under_ `tick` [x](y) &amp; &lt;b&gt; 1. - # > + | \\ ~~x~~ “q” Label: (p) 2025. https://e.org/a_b é 中国 !".split()
)
TEXT = st.lists(TEXTS, min_size=1, max_size=6).map(" ".join)


def wrap(tag: str, inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return inner.map(lambda html: f"<{tag}>{html}</{tag.split()[0]}>")


INLINE = st.recursive(
    st.one_of(TEXT, TEXT.map(lambda text: f" {text} "), st.just("<br>")),
    lambda inner: st.one_of(
        *(
            wrap(tag, inner)
            for tag in ("b", "i", "strong", "em", "span", "sub", "mark", "a href='https://e.org/x'", "a")
        ),
        st.lists(inner, min_size=2, max_size=4).map("".join),
    ),
    max_leaves=8,
)
BLOCK = st.recursive(
    st.one_of(
        *(wrap(tag, INLINE) for tag in ("p", "div", "h1", "h3", "h5")),
        wrap("pre", TEXT),
        INLINE,
        st.just("<hr>"),
        st.lists(st.lists(wrap("td", TEXT), min_size=2, max_size=2).map("".join), min_size=1, max_size=3).map(
            lambda rows: (
                "<table><tr><th>a</th><th>b</th></tr>" + "".join(f"<tr>{row}</tr>" for row in rows) + "</table>"
            )
        ),
    ),
    lambda inner: st.one_of(
        wrap("blockquote", inner),
        wrap("div", inner),
        st.lists(wrap("li", inner), min_size=1, max_size=3).map(lambda items: f"<ul>{''.join(items)}</ul>"),
        st.lists(wrap("li", inner), min_size=1, max_size=3).map(lambda items: f"<ol start=7>{''.join(items)}</ol>"),
        st.lists(inner, min_size=2, max_size=3).map("".join),
    ),
    max_leaves=8,
)


def words(html: str) -> list[str]:
    # A link around nothing shows its host (T4): the one word that we add.
    return [word for word in WORD.findall(html_words(re.sub(r"(?=<)", " ", html))) if word not in ("e", "org")]


@given(BLOCK)
@example("<b>Label:</b>rest")
@example("<b><i>x</i></b><b>y</b>")
@example("a<b> b </b>c")
@example("<ul><li><pre>x</pre></li></ul>")
@example("<p>1<br>- x<br># y</p>")
@example("<p>éhttps://e.org/a_b</p>")
def test_the_words_stay_the_same(fragment: str) -> None:
    source = clean_html(re.sub(r"<(/?)(?:div|h1)", r"<\1p", fragment))
    markdown, left_out = html_to_markdown(fragment)
    assert left_out == []
    # An address right behind a letter becomes a link of its own: the same characters, one word more to count.
    apart = re.sub("(?=https?://)", " ", source)
    assert words(re.sub("(?=https?://)", " ", to_html(parse_markdown(markdown)))) == words(apart)


@given(BLOCK)
def test_converting_twice_changes_nothing(fragment: str) -> None:
    once, _ = html_to_markdown(fragment)
    shown = to_html(parse_markdown(once))
    again, _ = html_to_markdown(shown)
    assert words(to_html(parse_markdown(again))) == words(shown)


def tree(html: str) -> str:
    """HTML without the differences that nobody sees."""
    html = re.sub(r"<(/?)b>", r"<\1strong>", re.sub(r"<(/?)i>", r"<\1em>", html))
    root = lxml_html.fragment_fromstring(html, create_parent="div")
    for element in root.iter():
        element.text = re.sub(r"\s+", " ", element.text or "").strip()
        element.tail = re.sub(r"\s+", " ", element.tail or "").strip()
    return str(lxml_html.tostring(root, encoding="unicode"))


@pytest.mark.parametrize(
    "fragment",
    [
        "<p>One <strong>two</strong> <em>three</em>.</p><p>Four</p>",
        "<p><strong>Label:</strong>rest and <strong>Label:</strong> rest</p>",
        "<p>in<em>tra</em>word, <strong>“quoted”</strong> x, x<strong>“quoted”</strong>x</p>",
        "<p><strong><em>both</em></strong> and <em>a <strong>b</strong> c</em></p>",
        '<p><a href="https://e.org/a_(b)">paren</a> <a href="https://e.org/?q=1&amp;r=2">q</a></p>',
        '<p><a href="https://e.org/"><img src="https://e.org/i.png" alt="alt text"></a></p>',
        "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul><ul><li>other</li></ul>",
        '<ol start="3"><li>a</li><li>b</li></ol><ol><li>c</li></ol>',
        "<ul><li><p>a</p><p>b</p></li><li><p>c</p></li></ul>",
        "<blockquote><p>a</p><ul><li>b</li></ul></blockquote>",
        "<pre><code>x = `1`\n\n  y\n</code></pre>",
        '<p>code <code>a`b</code> and H<sub>2</sub>O, <abbr title="x">y</abbr></p>',
        "<table><thead><tr><th>a</th><th>b|c</th></tr></thead><tbody><tr><td>1</td><td><em>2</em></td></tr></tbody></table>",
        "<p>a<br>b</p><hr><p>1. c</p><p># d</p><p>+ e</p><p>* f *</p>",
    ],
)
def test_the_structure_survives(fragment: str) -> None:
    markdown, _ = html_to_markdown(fragment)
    assert tree(to_html(parse_markdown(markdown))) == tree(fragment)


@pytest.mark.parametrize(
    "tail",
    [
        "Continue reading",
        "Read more…",
        "The post <a href='https://e.org'>X</a> appeared first on <a href='https://e.org'>Y</a>.",
    ],
)
def test_tails_are_left_out_and_named(tail: str) -> None:
    markdown, left_out = html_to_markdown(f"<p>Text.</p><p>{tail}</p>")
    assert markdown == "Text.\n"
    assert len(left_out) == 1


def test_what_is_hostile_is_gone_and_the_words_around_it_stay() -> None:
    markdown, _ = html_to_markdown(
        "<p onclick=x>a<script>alert(1)</script> <a href='javascript:alert(1)'>b</a> <a href='JAVA\tSCRIPT:x'>c</a>"
        "<img src='https://t.example/p.gif' width=1 height=1><img src='data:image/png;base64,AA'><iframe>no</iframe></p>"
        "<div style='position:fixed'>d</div><svg><text>no</text></svg></table></body><!-- no"
    )
    assert markdown == "a b c\n\nd\n"


def test_a_template_in_a_feed_is_text() -> None:
    assert html_to_markdown("<p>{{ 7*7 }} {% x %}</p>")[0] == "{{ 7\\*7 }} {% x %}\n"


def test_deep_nesting_keeps_its_words() -> None:
    markdown, _ = html_to_markdown("<blockquote>" * 300 + "x" + "</blockquote>" * 300)
    assert markdown.rstrip().endswith("x")
    assert html_to_markdown("<b>" * 20_000 + "y</b>z")[0] == "yz\n"


def test_addresses_are_made_absolute() -> None:
    assert html_to_markdown("<a href='/a?b=1'>x</a>", "https://e.org/feed/")[0] == "[x](https://e.org/a?b=1)\n"
