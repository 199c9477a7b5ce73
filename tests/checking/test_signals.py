"""Signs of spam: what is told, and the ordinary news that must not be."""

import pytest

from newsletter.checking import PAGE_RULES, spam
from tests.checking.pages import make_page, said

SUBJECT_RULES = (spam.capitals, spam.marks, spam.gaps, spam.answer, spam.phrases)
LINK_RULES = tuple(
    rule.check
    for name, rule in PAGE_RULES.items()
    if name
    in ("spam-shortener", "spam-redirect", "spam-link-text", "spam-user", "spam-ip", "spam-port", "spam-lookalike")
)


def of_subject(subject: str) -> list[str]:
    return [message for rule in SUBJECT_RULES for message in said(rule, make_page(subject=subject))]


def of_link(words: str, href: str) -> list[str]:
    return [message for rule in LINK_RULES for message in said(rule, make_page(f'<a href="{href}">{words}</a>'))]


@pytest.mark.parametrize(
    "subject",
    [
        "BREAKING NEWS FROM BRUSSELS",
        "Read this now!!",
        "News! News! News!",
        "What???",
        "Make $$$ with rare earths",
        "A f r e e lunch",
        "Re: your account",
        "FWD: Baku",
        "AW: Treffen",
        "Re[2]: Baku",
        "Viagra for everyone",
        "Order now",
    ],
)
def test_a_subject_that_looks_like_spam(subject: str) -> None:
    assert len(of_subject(subject)) == 1


@pytest.mark.parametrize(
    "subject",
    [
        "Moscow and Baku drift apart; Wang Yi in Brussels; A “six-month” clock",
        "EU, US, NATO, ASEAN and AUKUS",
        "US–EU: IMF, WTO",
        "A war? A truce!",
        "Why now?!",
        "Reform: what Brussels wants",
        "Regarding: the treaty",
        "Forward: a portrait",
        "Awaiting: the verdict",
        "Europe must act now, says Macron",
        "$20 billion for Kyiv",
        "J K Rowling in Tbilisi",
        "Beijing orders: now it is law",
        "中国与欧盟会谈",
        "عنوان عربي",
        "КИТАЙ И ЕС",
    ],
)
def test_subjects_of_ordinary_news(subject: str) -> None:
    assert of_subject(subject) == []


def test_phrases_count_together_in_a_text() -> None:
    news = "The ad said “buy now”. Farmers with bad credit found no lender; a casino bonus was fined."
    assert len(said(spam.phrases, make_page(text=news))) == 1
    assert said(spam.phrases, make_page(text=news.replace("casino bonus", "casino"))) == []
    assert said(spam.phrases, make_page(text="A buyout nowhere; reorder nowadays; viagraph; buy nowt")) == []


def test_few_words_beside_pictures() -> None:
    image = '<img src="x.png" width="300">'
    words = "<p>" + "word " * 100 + "</p>"
    assert len(said(spam.pictures, make_page(image))) == 1
    assert len(said(spam.pictures, make_page(words + image * 4))) == 1
    assert said(spam.pictures, make_page(words + image * 2)) == []
    assert said(spam.pictures, make_page("<p>short</p>")) == []
    assert said(spam.pictures, make_page('<img src="x.png" width="1">')) == []


@pytest.mark.parametrize(
    ("words", "href"),
    [
        ("the story", "https://bit.ly/3abc"),
        ("the story", "https://www.tinyurl.com/abc"),
        ("the story", "https://www.google.com/url?q=https://example.org/"),
        ("the story", "https://l.facebook.com/l.php?u=x"),
        ("the story", "https://bank.example@example.org/"),
        ("the story", "https://192.0.2.1/a"),
        ("the story", "https://[2001:db8::1]/a"),
        ("the story", "https://3221225985/"),
        ("the story", "https://example.org:8443/a"),
        ("the story", "https://example.org:99999/a"),
        ("the story", "https://xn--pypal-4ve.com/"),
        ("the story", "https://xn--80ak6aa92e.com/"),
        ("https://bank.example/login", "https://example.org/"),
        ("www.bank.example", "https://example.org/"),
        ("bank.com", "https://example.org/"),
        ("paypal.com", "https://paypal.com.evil.example/"),
        ("https://bbc.com/", "https://bbc.evil.example/"),
        ("desk@bank.com", "mailto:desk@example.org"),
    ],
)
def test_a_link_that_looks_like_a_trap(words: str, href: str) -> None:
    assert len(of_link(words, href)) == 1


@pytest.mark.parametrize(
    ("words", "href"),
    [
        ("the story", "https://www.example.org/a?b=1"),
        ("example.org", "https://www.example.org/a"),
        ("www.example.org", "https://example.org/"),
        ("https://example.org/a", "https://example.org/a"),
        ("(m.example.org).", "https://www.example.org/"),
        ("bbc.com", "https://www.bbc.co.uk/news/1"),
        ("twitter.com", "https://x.com/a"),
        ("https://youtu.be/abc", "https://www.youtube.com/watch?v=abc"),
        ("https://example.com/a", "https://web.archive.org/web/2020/https://example.com/a"),
        ("Booking.com", "https://example.org/"),
        ("ASP.NET", "https://example.org/"),
        ("report.pdf", "https://example.org/report.pdf"),
        ("node.js", "https://example.org/"),
        ("U.S.", "https://example.org/"),
        ("v1.2.3", "https://example.org/"),
        ("desk@example.org", "mailto:desk@example.org"),
        ("desk@example.org", "https://www.example.org/contact"),
        ("the story", "https://xn--bcher-kva.example/"),
        ("bücher.com", "https://xn--bcher-kva.com/"),
        ("the story", "https://xn--e1afmkfd.xn--p1ai/"),
        ("the story", "https://xn--fiqs8s.example/"),
        ("the story", "https://example.org:443/"),
        ("the story", "https://www.facebook.com/a/posts/1"),
        ("the story", "https://www.google.com/maps"),
        ("the story", "https://[half"),
        ("the story", "#"),
    ],
)
def test_links_of_ordinary_news(words: str, href: str) -> None:
    assert of_link(words, href) == []
