"""HTML of feeds → Markdown: the same structure, nothing harmful, and what is not in it is named. Words: test_feed_words."""

import re

import pytest
from lxml import html as lxml_html

from newsletter.rendering.markdown import parse_markdown, to_html
from newsletter.sources.feed_entry import LeftOut
from newsletter.sources.html_blocks import LEFT_OUT_LIMIT
from newsletter.sources.html_to_markdown import html_to_markdown
from tests.sources.html_documents import Author
from tests.sources.visible import visible_words


def markdown_of(fragment: str, base: str = "") -> str:
    return html_to_markdown(fragment, base).markdown


def test_converting_twice_changes_no_word() -> None:
    for seed in range(100):
        shown = to_html(parse_markdown(markdown_of(Author(seed).document(), "https://e.example/")))
        again = to_html(parse_markdown(markdown_of(shown, "https://e.example/")))
        assert visible_words(again) == visible_words(shown)


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
    markdown = markdown_of(fragment)
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
    converted = html_to_markdown(f"<p>Text.</p><p>{tail}</p>")
    assert converted.markdown == "Text.\n"
    assert [one.what for one in converted.left_out] == ["tail"]


def test_what_is_hostile_is_gone_and_the_words_around_it_stay() -> None:
    converted = html_to_markdown(
        "<p onclick=x>a<script>alert(1)</script> <a href='javascript:alert(1)'>b</a> <a href='JAVA\tSCRIPT:x'>c</a>"
        "<img src='https://t.example/p.gif' width=1 height=1><img src='data:image/png;base64,AA'><iframe>no</iframe></p>"
        "<div style='position:fixed'>d</div><svg><text>no</text></svg></table></body><!-- no"
    )
    assert converted.markdown == "a b c\n\nd\n"
    assert [str(one) for one in converted.left_out] == [
        "script: alert(1)",
        "link that leads nowhere: javascript:alert(1)",
        "link that leads nowhere: JAVA SCRIPT:x",
        "tracking or hidden picture: https://t.example/p.gif",
        "picture without a web address: data:image/png;base64,AA",
        "player without a web address: no",
        "drawing",
    ]


def test_a_template_in_a_feed_is_text() -> None:
    assert markdown_of("<p>{{ 7*7 }} {% x %}</p>") == "{{ 7\\*7 }} {% x %}\n"


@pytest.mark.parametrize(
    "tag", ["blockquote", "ul><li", "ol><li", "div", "b", "table><tr><td", "dl><dd", "a href='https://e.example/x'"]
)
@pytest.mark.parametrize("depth", [19, 60, 300, 20_000])
def test_c18_however_deep_a_word_stands_it_is_shown(tag: str, depth: int) -> None:
    shown = to_html(parse_markdown(markdown_of(f"<{tag}>" * depth + "deep</b> <i>word</i>")))
    assert visible_words(shown) == ["deep", "word"]


def test_addresses_are_made_absolute() -> None:
    assert markdown_of("<a href='/a?b=1'>x</a>", "https://e.org/feed/") == "[x](https://e.org/a?b=1)\n"


def test_a_text_of_a_million_scripts_has_a_short_account() -> None:
    converted = html_to_markdown("<script>a</script>" * 10_000 + "<p>x</p>")
    assert converted.markdown == "x\n"
    assert len(converted.left_out) == LEFT_OUT_LIMIT
    assert converted.left_out[-1] == LeftOut("and more")


@pytest.mark.parametrize("kind", ["ul", "ol"])
def test_c18_a_small_picture_above_a_list_does_not_show_the_marks_of_the_list(kind: str) -> None:
    html = f"<ul><li><img src='/i.png' width='32' alt='Flag'><{kind}><li>one<li>two</{kind}></ul>"
    shown = to_html(parse_markdown(markdown_of(html, "https://e.example/")))
    assert visible_words(shown) == ["one", "two"]
