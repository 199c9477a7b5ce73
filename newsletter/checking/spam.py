"""What filters and readers take for spam or for a trap. Rather silent than wrong: ordinary news must pass."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any
from urllib.parse import SplitResult, urlsplit

from newsletter.checking.page import Page, Problem, Problems, is_hidden, name_of, text_of
from newsletter.checking.reading import visible
from newsletter.text.link_words import find_trap
from newsletter.text.subjects import ANSWER
from newsletter.text.words import count_of, fold_units, weigh_words

_MARKS = re.compile(r"!{2,}|\?{3,}|[!?]{4,}|[$€£]{2,}")
_GAPS = re.compile(r"(?<!\w)(?:[^\W\d_] ){3,}[^\W\d_](?!\w)")
# Our own short choice of what filters have counted for decades. One of them in a mail says nothing; in a subject it does.
_PHRASES = (
    "100% free",
    "100% guaranteed",
    "as seen on tv",
    "bad credit",
    "be your own boss",
    "buy now",
    "casino bonus",
    "cheap meds",
    "claim your prize",
    "click below to",
    "double your income",
    "double your money",
    "earn extra cash",
    "earn money from home",
    "eliminate your debt",
    "hot stock tip",
    "limited time offer",
    "lose weight fast",
    "money back guarantee",
    "no credit check",
    "no prescription",
    "online pharmacy",
    "order now",
    "refinance your",
    "risk-free trial",
    "satisfaction guaranteed",
    "this is not spam",
    "unclaimed funds",
    "viagra",
    "work from home and earn",
    "you have been selected",
)
_ENOUGH_PHRASES = 3
_SHORTENERS = frozenset(
    """
    bit.ly bitly.com tinyurl.com t.co goo.gl ow.ly is.gd v.gd buff.ly lnkd.in rebrand.ly cutt.ly tiny.cc rb.gy shorturl.at
    t.ly dlvr.it trib.al s.id soo.gd bl.ink
    """.split()
)
_REDIRECTS = re.compile(
    r"(?:www\.)?google\.[a-z.]+/url\?|(?:l|lm)\.facebook\.com/l\.php|l\.instagram\.com/|(?:www\.)?youtube\.com/redirect\?"
)
_NUMBERS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}\Z|\d+\Z|0x[0-9a-f]+\Z")
_LATIN_LIKE = frozenset("асеорхуіјѕԁԛԝһӏ")
_CONFUSED = frozenset(("CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"))
_FEW_WORDS = 25  # to a picture


def capitals(page: Page) -> Problems:
    """spam-capitals"""
    words = re.findall(r"[^\W\d_]+", page.subject)
    letters = "".join(words)
    # States and bodies are written in capitals; a headline of nothing else has longer words too.
    if len(words) >= 3 and letters.isupper() and any(len(word) >= 7 for word in words):
        yield Problem("the subject is in capitals")


def marks(page: Page) -> Problems:
    """spam-marks"""
    found = _MARKS.search(page.subject)
    if found or page.subject.count("!") > 2:
        yield Problem(f"the subject shouts: {found[0] if found else 'many !'}")


def gaps(page: Page) -> Problems:
    """spam-gaps"""
    if found := _GAPS.search(page.subject):
        yield Problem(f"a word of the subject is spelt with gaps, as if to pass a filter: {found[0]}")


def answer(page: Page) -> Problems:
    """spam-reply"""
    if found := ANSWER.match(page.subject):
        yield Problem(f"{found[0].strip()!r} in front of the subject: the mail answers and forwards nothing")


def phrases(page: Page) -> Problems:
    """spam-phrases"""
    subject = _fold(page.subject)
    text = _fold(page.text)
    in_subject = [phrase for phrase in _PHRASES if _holds(subject, phrase)]
    in_text = [phrase for phrase in _PHRASES if _holds(text, phrase)]
    if in_subject:
        yield Problem(f"filters count {in_subject[0]!r} in a subject")
    elif len(in_text) >= _ENOUGH_PHRASES:
        yield Problem(f"filters count these together: {', '.join(in_text[:5])}")


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())


def _holds(text: str, phrase: str) -> bool:
    return phrase in text and re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", text) is not None


def pictures(page: Page) -> Problems:
    """spam-pictures"""
    count = sum(1 for image in page.all("img") if image.get("width") not in ("0", "1") and not is_hidden(image))
    if count:
        words = weigh_words(fold_units(" ".join(visible(page.body))))
        if words < _FEW_WORDS * (count + 1):
            yield Problem(f"{count_of(words, 'word')} beside {count_of(count, 'picture')}; filters want text")


def _links(page: Page) -> Iterator[tuple[Any, SplitResult, str]]:
    """Links to web pages, with their hosts."""
    for link in page.all("a"):
        try:
            parts = urlsplit(link.get("href") or "")
            host = parts.hostname or ""
        except ValueError:  # H29 tells
            continue
        if parts.scheme in ("http", "https") and host:
            yield link, parts, host.rstrip(".")


def shorteners(page: Page) -> Problems:
    """spam-shortener"""
    for link, _, host in _links(page):
        if host.removeprefix("www.") in _SHORTENERS:
            yield Problem(f"{host} hides where the link leads; write the address itself", name_of(link))


def redirects(page: Page) -> Problems:
    """spam-redirect"""
    for link, parts, host in _links(page):
        if _REDIRECTS.match(f"{host}{parts.path}{'?' if parts.query else ''}"):
            yield Problem(f"a detour over {host}; write the address itself", name_of(link))


def user_names(page: Page) -> Problems:
    """spam-user"""
    for link, parts, host in _links(page):
        if "@" in parts.netloc:
            yield Problem(f"what stands before the @ is no host; the link leads to {host}", name_of(link))


def numbers(page: Page) -> Problems:
    """spam-ip"""
    own = urlsplit(page.url).hostname
    for link, _, host in _links(page):
        if host != own and (_NUMBERS.match(host) or ":" in host):
            yield Problem(f"{host} is a number, no name", name_of(link))


def ports(page: Page) -> Problems:
    """spam-port"""
    own = urlsplit(page.url).hostname
    for link, parts, host in _links(page):
        try:
            port = parts.port
        except ValueError:
            port = -1
        if port not in (None, 80, 443) and host != own:
            yield Problem("a port that web pages seldom have", name_of(link))


def lookalikes(page: Page) -> Problems:
    """spam-lookalike"""
    for link, _, host in _links(page):
        if not host.isascii() or "xn--" in host:
            shown = _unicode_host(host)
            if any(map(_is_lookalike, shown.split(".")[:-1])):
                yield Problem(f"{shown} ({host}) mixes letters that look like others", name_of(link))


def _unicode_host(host: str) -> str:
    return ".".join(_unicode_label(label) for label in host.split("."))


def _unicode_label(label: str) -> str:
    try:
        return label[4:].encode("ascii").decode("punycode") if label.startswith("xn--") else label
    except UnicodeError:
        return label


def _is_lookalike(label: str) -> bool:
    letters = [letter for letter in label if letter.isalpha()]
    scripts = {unicodedata.name(letter, "?").split()[0] for letter in letters}
    if scripts == {"CYRILLIC"}:
        return len(letters) > 2 and set(letters) <= _LATIN_LIKE
    return "LATIN" in scripts and not scripts.isdisjoint(_CONFUSED)


def link_text(page: Page) -> Problems:
    """spam-link-text"""
    own = urlsplit(page.url).hostname
    for link in page.all("a"):
        claimed, host = find_trap(text_of(link), link.get("href") or "") or ("", "")
        if claimed and host != own:  # in the contents, the title of a post may be an address
            yield Problem(f"the words say {claimed}, the link leads to {host}: it looks like a trap", name_of(link))
