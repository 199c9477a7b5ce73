"""The issue that everybody sends: 40 KB in two parts, five places that differ from reader to reader. Same seed, same bytes."""

import functools
import random
from dataclasses import dataclass

import jinja2
import premailer

from newsletter import links
from newsletter.delivery.message import SLOT, Header, text_header, token_header, write_message

SENDER = "news@desk.example.org"
SUBJECT = "The week in trade: ports, rails and chips"
BASE = "https://desk.example.org"
TO_SLOT, ID_SLOT, TOKEN_SLOT = "__READER_TO__", "__READER_ID__", links.TOKEN_SLOT
TOKENS, ADDRESSES = frozenset((ID_SLOT, TOKEN_SLOT)), frozenset((TO_SLOT,))
POSTS = 22
WORDS = """the a of and to in on for with after before talks treaty border export tariff minister summit gas road port
bank court vote law army press bridge grain steel chip market price strike school river harvest rail customs visa""".split()
CITIES = "Baku Zürich Tbilisi Brussels Kraków Beijing Canberra Ankara São_Paulo Delhi Tokyo Nairobi Lima Oslo".split()

TEXT = """\
The week in trade

{% for post in posts %}* {{ post.title }}
  {{ post.summary }}
  {{ post.url }}

{% endfor %}--
You get this because you subscribed. To leave: {{ base }}/u/{{ token }}
"""
HTML = """\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>The week in trade</title>
<style>
body { margin: 0; background: #f4f2ee; color: #222222; }
.page { width: 600px; margin: 0 auto; padding: 24px; background: #ffffff; }
h1 { font: bold 28px/34px Georgia, serif; margin: 0 0 16px; color: #102030; }
.post { width: 100%; border-collapse: collapse; border-bottom: 1px solid #dddddd; }
.count { width: 32px; padding: 12px 8px 12px 0; vertical-align: top; font: bold 16px/24px Georgia, serif; }
.cell { padding: 12px 0; vertical-align: top; }
h2 { font: bold 19px/25px Georgia, serif; margin: 0 0 6px; }
h2 a { color: #0b4f8a; text-decoration: none; }
p { font: 16px/24px Helvetica, Arial, sans-serif; margin: 0 0 8px; color: #222222; }
.date { font-size: 13px; color: #767676; }
.more { color: #0b4f8a; font-size: 14px; text-decoration: underline; }
.foot { font: 13px/19px Helvetica, Arial, sans-serif; color: #666666; padding-top: 18px; }
</style></head>
<body><div class="page"><h1>The week in trade</h1>
{% for post in posts %}<table class="post"><tr><td class="count">{{ loop.index }}</td><td class="cell">
<h2><a href="{{ post.url }}">{{ post.title }}</a></h2>
<p>{{ post.summary }}</p><p class="date">7 July 2025</p><a class="more" href="{{ post.url }}">Read on</a></td></tr></table>
{% endfor %}<p class="foot">You get this because you subscribed.
<a href="{{ base }}/u/{{ token }}">Unsubscribe</a></p></div></body></html>
"""


@dataclass(frozen=True, slots=True)
class Post:
    """One entry of the issue."""

    title: str
    url: str
    summary: str


@dataclass(frozen=True, slots=True)
class Reader:
    """Who gets a message and what stands in the five places: To, Message-ID, List-Unsubscribe and two links."""

    address: str
    id: str
    token: str


def make_reader(number: int) -> Reader:
    """The reader of that number, always the same."""
    return Reader(
        f"reader{number}@r.example.org", f"m{number:08}", f"t{number * 2_654_435_761 % 2**40:010x}{number:08}"
    )


@functools.cache
def make_posts(seed: int) -> tuple[Post, ...]:
    """The issue's posts."""
    chance = random.Random(seed)
    posts = []
    for number in range(POSTS):
        words = [chance.choice(CITIES) if chance.random() < 0.07 else chance.choice(WORDS) for _ in range(56)]
        sentences = " ".join(words).replace("_", " ")
        title = " ".join([*chance.sample(WORDS, 6), str(number)]).capitalize()
        posts.append(Post(title, f"{BASE}/2025-07-07-weekly/posts/{number}", f"{sentences.capitalize()}."))
    return tuple(posts)


@functools.cache
def make_template(source: str) -> jinja2.Template:
    """A template as Jinja2 keeps it: compiled once."""
    return jinja2.Environment(autoescape=True, keep_trailing_newline=True).from_string(source)


def render_text(seed: int, token: str = TOKEN_SLOT) -> str:
    """The text part."""
    return make_template(TEXT).render(posts=make_posts(seed), base=BASE, token=token)


def render_html(seed: int, token: str = TOKEN_SLOT) -> str:
    """The HTML part, its style sheet inlined."""
    return str(premailer.transform(make_template(HTML).render(posts=make_posts(seed), base=BASE, token=token)))


def write_headers(reader: Reader) -> tuple[Header, ...]:
    """The headers of one reader's message, but for those of MIME."""
    return (
        token_header("From", f"The week in trade <{SENDER}>"),
        token_header("To", reader.address),
        text_header("Subject", SUBJECT),
        token_header("Date", "Mon, 07 Jul 2025 08:00:00 +0000"),
        token_header("Message-ID", f"<{reader.id}@desk.example.org>"),
        token_header("List-Unsubscribe", f"<{links.unsubscribe_url(BASE, reader.token)}>"),
        token_header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    )


@functools.cache
def write_template(seed: int) -> bytes:
    """The message with its slots, CRLF, dots not stuffed: what `compile_message` takes."""
    return write_message(write_headers(Reader(TO_SLOT, ID_SLOT, TOKEN_SLOT)), render_text(seed), render_html(seed))


def write_messages(seed: int, count: int) -> list[bytes]:
    """The messages of the first `count` readers, whole."""
    pieces = SLOT.split(write_template(seed).decode("ascii"))
    slots = pieces[1::2]
    messages = []
    for number in range(count):
        reader = make_reader(number)
        values = {TO_SLOT: reader.address, ID_SLOT: reader.id, TOKEN_SLOT: reader.token}
        pieces[1::2] = [values[slot] for slot in slots]
        messages.append("".join(pieces).encode("ascii"))
    return messages
