"""The mail of an issue: rules of email-html that need no browser, and the words of both parts."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from jinja2 import Environment

from newsletter.errors import InputError
from newsletter.links import TOKEN_SLOT
from newsletter.model import Issue, IssuePost, Publication, Section
from newsletter.phrases import Phrases, read_phrases
from newsletter.rendering.content import show_issue
from newsletter.rendering.email import Mail, render_mail
from newsletter.resources import resource
from newsletter.text.html import html_words
from newsletter.text.words import URL, WORD
from tests.rendering.issues import EDITION, PUBLICATION, make_issue


@pytest.fixture(scope="module")
def mail(environment: Environment, phrases: Phrases) -> Mail:
    return make_mail(make_issue(), environment, phrases)


def make_mail(issue: Issue, environment: Environment, phrases: Phrases, publication: Publication = PUBLICATION) -> Mail:
    shown = show_issue(issue, publication.language)
    return render_mail(shown, publication=publication, edition=EDITION, environment=environment, phrases=phrases)


def one_post(body: str, title: str = "A title") -> Issue:
    return make_issue(
        intro="",
        sections=(Section(slug="caucasus", title="Caucasus", posts=(IssuePost(title=title, body=body),)),),
    )


def body_of(mail: Mail) -> str:
    return re.sub(r"<!--.*?-->|<style.*?</style>|<head>.*?</head>", "", mail.html, flags=re.DOTALL)


def test_it_is_ascii_with_the_right_head(mail: Mail) -> None:
    assert mail.html.isascii()
    assert mail.html.startswith('<!DOCTYPE html>\n<html lang="en" dir="ltr"')
    assert mail.html.index('<meta charset="utf-8">') < 1024
    assert "<title>A six-month clock &amp; &lt;more&gt;</title>" in mail.html
    assert "<o:PixelsPerInch>96</o:PixelsPerInch>" in mail.html


def test_one_style_element_stays_and_it_is_small(mail: Mail) -> None:
    styles = re.findall(r"<style[^>]*>(.*?)</style>", mail.html, flags=re.DOTALL)
    assert len(styles) == 1
    assert len(styles[0]) <= 16_384
    assert styles[0].isascii()
    assert "@media (prefers-color-scheme: dark)" in styles[0]
    for rule in re.findall(r"\{([^{}]*)\}", styles[0])[1:]:
        for declaration in filter(str.strip, rule.split(";")):
            assert declaration.rstrip().endswith("!important"), declaration


def test_headings_skip_no_level_and_there_is_one_h1(mail: Mail) -> None:
    levels = [int(level) for level in re.findall(r"<h([1-6])\b", mail.html)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(below <= above + 1 for above, below in zip(levels, levels[1:], strict=False))


def test_layout_tables_say_so(mail: Mail) -> None:
    tables = re.findall(r"<table[^>]*>", re.sub(r"<!--.*?-->", "", mail.html, flags=re.DOTALL))
    layout = [table for table in tables if 'role="presentation"' in table]
    assert len(tables) - len(layout) == 1  # the one of the post
    assert all('cellpadding="0" cellspacing="0" border="0"' in table for table in layout)
    assert mail.html.count("<tbody") == mail.html.count("</tbody>")


def test_every_link_leads_somewhere_absolute(mail: Mail) -> None:
    for href in re.findall(r'href="([^"]*)"', mail.html):
        assert re.match(r"https://[^\s<>\"]+\Z", href), href


def test_the_footer_has_what_the_law_wants_in_both_parts(mail: Mail) -> None:
    for part in (mail.html, mail.text):
        for words in (
            "1 Example Street, Berlin",
            "You get this mail because",
            "Unsubscribe",
            TOKEN_SLOT,
            "https://borderlines.example/2025-07-07-weekly/",
        ):
            assert words in part
    assert mail.text.rstrip().endswith(f"https://borderlines.example/u/{TOKEN_SLOT}")


def test_slots_come_out_as_they_went_in(mail: Mail) -> None:
    assert mail.source.count(TOKEN_SLOT) == mail.html.count(TOKEN_SLOT) == mail.text.count(TOKEN_SLOT) == 1


def words_of_html(html: str) -> list[str]:
    inline = re.sub(r"</?(?:em|strong|b|i|a|code|sub|sup|s|bdi|span|mark)\b[^>]*>", "", html)
    return WORD.findall(html_words(re.sub(r"(?=<)", " ", inline)))


def test_both_parts_have_the_same_words(mail: Mail) -> None:
    html = body_of(mail)
    html = re.sub(r'<div class="preheader".*?</div>', "", html, flags=re.DOTALL)
    html = re.sub(r"<bdi>[^<]*</bdi>", "", html)  # the host of a source: the text part has the whole address
    text = re.sub(r"\[\d+\]", "", URL.sub("", mail.text))
    text = text.replace("[A picture]", "")  # an image's alternative text is an attribute in HTML
    shown = URL.sub("", html)
    assert sorted(words_of_html(shown)) == sorted(
        word
        for word in WORD.findall(text)
        if word not in ("1", "2", "3", "4") or word in WORD.findall(html_words(shown))
    )


def test_the_text_part_is_wrapped_and_tidy(mail: Mail) -> None:
    for line in mail.text.split("\n"):
        assert line == line.rstrip()
        assert len(line) <= 72 or "://" in line
    assert "\n\n\n" not in mail.text
    assert mail.text.endswith("\n")
    assert "A heading\n~~~~~~~~~" in mail.text
    assert "- one with a label: and text\n\n  - nested\n  - again" in mail.text
    assert "3. three\n4. four" in mail.text
    assert "> A quote of two lines" in mail.text
    assert "    code  block" in mail.text
    assert "\n[1] https://example.org/a?b=1&c=2\n" in mail.text
    assert "Sources:\nhttps://www.facebook.com/a/posts/1\nhttps://example.org/2\n" in mail.text


def test_wide_characters_count_twice(environment: Environment, phrases: Phrases) -> None:
    text = make_mail(one_post("中" * 100), environment, phrases).text
    assert max(len(line) for line in text.split("\n") if "中" in line) == 36


@pytest.mark.parametrize(
    ("body", "gone"),
    [
        ("<script>alert(1)</script>x", "alert"),
        ("a <script>alert(1)</script> b", "alert"),
        ("<img src=x onerror=alert(1)>", "onerror"),
        ("[x](javascript:alert(1))", 'href="javascript'),
        ("<a href='javascript:alert(1)'>x</a>", "javascript"),
        ("<svg><style>*{}</style></svg>", "<svg"),
        ("</td></tr></table><table><tr><td>", "</td></tr></table><table>"),
        ("<style>body{display:none}</style>", "display:none}"),
        ("<!-- [if mso]><b>x</b><![endif] -->", "[if mso]><b>"),
        ("<base href='https://evil.example/'>", "<base"),
        ("<form action='https://evil.example/'><input name=x></form>", "<form"),
        ("<p style='position:fixed;background:url(https://t.example/)'>x</p>", "position"),
    ],
)
def test_nothing_hostile_in_a_post_gets_through(
    body: str, gone: str, environment: Environment, phrases: Phrases
) -> None:
    mail = make_mail(one_post(body), environment, phrases)
    posts = mail.html[mail.html.index('class="post') :]
    assert gone not in posts
    frame = make_mail(one_post("x"), environment, phrases)
    assert tags(mail.html)[:60] == tags(frame.html)[:60]
    assert tags(mail.html)[-25:] == tags(frame.html)[-25:]


def tags(html: str) -> list[str]:
    class Reader(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.found: list[str] = []

        def handle_starttag(self, tag: str, attrs: object) -> None:
            self.found.append(tag)

        def handle_endtag(self, tag: str) -> None:
            self.found.append(f"/{tag}")

    reader = Reader()
    reader.feed(html)
    return reader.found


def test_templates_in_a_post_print_literally(environment: Environment, phrases: Phrases) -> None:
    mail = make_mail(one_post("{{ 7 * 7 }} {% for x in y %}", title="{{ title }}"), environment, phrases)
    for part in (mail.html, mail.text):
        assert "{{ 7 * 7 }} {% for x in y %}" in part
        assert "{{ title }}" in part


@pytest.mark.parametrize(
    "written",
    [
        "See __READER_TOKEN__ there",
        r"See \_\_READER\_TOKEN\_\_ there",
        "See `__READER_TOKEN__` and __READER_SECTION_caucasus__",
        "<https://elsewhere.example/?t=__READER_TOKEN__>",
        "[words](https://elsewhere.example/__READER_TOKEN__)",
        '<a href="https://elsewhere.example/?t=__READER_ID__" lang="__READER_ID__">words</a>',
        "<p>__READER_SECTION_END__</p>",
        "![__READER_ADDRESS__](https://elsewhere.example/__READER_TOKEN__.png)",
    ],
)
def test_c30_what_looks_like_a_place_for_a_readers_data_is_text(
    environment: Environment, phrases: Phrases, written: str
) -> None:
    """Attack: it would be filled with the token of each reader; and a stranger's post must not stop an issue."""
    post = one_post(written, title=r"Of \_\_READER\_TOKEN\_\_")
    mail, plain = make_mail(post, environment, phrases), make_mail(one_post("x"), environment, phrases)
    for ours, theirs in zip((mail.html, mail.text, *mail.marked), (plain.html, plain.text, *plain.marked), strict=True):
        assert ours.count("__READER_") == theirs.count("__READER_")
    # As it stands in the text but for a letter that nobody sees.
    assert "Of __READER_TOKEN__" in mail.text.replace("\u2060", "")


def test_a_slot_in_the_subject_is_refused(environment: Environment, phrases: Phrases) -> None:
    with pytest.raises(InputError, match="holds __READER_TOKEN__, which is where"):
        make_mail(replace(one_post("x"), subject="Of __READER_TOKEN__"), environment, phrases)


def test_what_is_no_html_is_text(environment: Environment, phrases: Phrases) -> None:
    mail = make_mail(one_post("if a <b and c> d then <more>"), environment, phrases)
    assert "&lt;more&gt;" in mail.html
    assert "<more>" in mail.text


def test_a_relative_link_becomes_its_text(environment: Environment, phrases: Phrases) -> None:
    mail = make_mail(one_post("a [here](other.html) ![pic](pic.png) b"), environment, phrases)
    assert "a here pic b" in mail.text
    assert "a here pic b" in mail.html


@pytest.mark.parametrize(
    ("language", "direction", "words"),
    [("de-AT", "ltr", "Abmelden"), ("ar", "rtl", "إلغاء الاشتراك"), ("xx", "ltr", "Unsubscribe")],
)
def test_the_publications_language_decides(language: str, direction: str, words: str, environment: Environment) -> None:
    phrases = read_phrases([resource("templates/phrases.toml").read_text(encoding="utf-8")], "phrases.toml", language)
    publication = Publication(title="X", url="https://x.example", sender="x@x.example", language=language)
    mail = make_mail(make_issue(), environment, phrases, publication)
    assert f'<html lang="{language}" dir="{direction}"' in mail.html
    assert words in mail.text


def test_every_language_has_every_phrase() -> None:
    import tomllib

    tables = tomllib.loads(resource("templates/phrases.toml").read_text(encoding="utf-8"))
    for name, table in tables.items():
        assert set(table) == set(tables["en"]), name
        assert len(table["months"]) == 12
        for key, text in tables["en"].items():
            if isinstance(text, str):
                assert set(re.findall(r"\{\w+\}", table[key])) == set(re.findall(r"\{\w+\}", text)), f"{name}.{key}"


def test_an_issue_without_posts_still_makes_a_mail(environment: Environment, phrases: Phrases) -> None:
    mail = make_mail(make_issue(sections=(), intro=""), environment, phrases)
    assert "In this issue" not in mail.html
    assert "Unsubscribe" in mail.text


def test_building_twice_gives_the_same_bytes(environment: Environment, phrases: Phrases) -> None:
    assert make_mail(make_issue(), environment, phrases) == make_mail(make_issue(), environment, phrases)
