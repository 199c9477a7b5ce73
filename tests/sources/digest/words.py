"""How the loss-free tests count: the words of a paste, and the words of its posts as a reader is shown them."""

import re
from collections import Counter

from newsletter.rendering.markdown import parse_markdown
from newsletter.rendering.plain_text import to_text
from newsletter.sources.digest import Digest
from newsletter.sources.urls import clean_url
from newsletter.text.characters import DIRECTION_MARKS, split_lines, strip_marks
from newsletter.text.markdown import trim_url
from newsletter.text.words import URL, WORD

# An address whose brackets are written as %5B when it is a link, so that the text shows its number as well.
_NUMBERED = re.compile(r"(https?://\S+)\s\[\d+\]")


def words_in(text: str) -> list[str]:
    return WORD.findall(URL.sub(" ", text))


def urls_in(text: str) -> list[str]:
    return [trim_url(url) for url in URL.findall(text)]


def paste_words(text: str, digest: Digest) -> Counter[str]:
    """The words of the clean lines, but for front matter, names of authors and what the report names as noise.

    A line that is only (a part of) an address has no words.
    """
    fields: dict[int, set[str]] = {}
    for use in digest.uses:
        fields.setdefault(use.line, set()).add(use.field)
    no_words = {
        number for number, kinds in fields.items() if kinds <= {"front matter", "source", "extra source", "link"}
    }
    words = Counter(word for number, line in split_lines(text) if number not in no_words for word in words_in(line))
    words.subtract(word for left_out in (*digest.noise, *digest.authors) for word in words_in(left_out))
    return words


def post_words(digest: Digest) -> Counter[str]:
    """The words of all posts: titles (but those we made up), bodies as plain text, tags."""
    words: Counter[str] = Counter()
    for entry in digest.posts:
        post = entry.post
        if not post.title_derived:
            words.update(words_in(post.title))
        words.update(words_in(shown_body(post.body)))
        words.update(word for tag in post.tags for word in words_in(tag))
    return words


def paste_urls(text: str, digest: Digest) -> Counter[str]:
    return Counter(clean_url(url) for _, line in split_lines(text) for url in urls_in(line))


def post_urls(digest: Digest) -> Counter[str]:
    """The addresses of all posts: sources (repeated ones once) and those in titles and bodies."""
    urls: Counter[str] = Counter()
    # A lone address is taken as it stands; in running text a stop after it belongs to the sentence.
    for entry in digest.posts:
        post = entry.post
        urls.update(trim_url(url) for url in (post.url, *post.extra_urls) if url)
        urls.update(clean_url(url) for url in urls_in(post.title))
        urls.update(urls_in(post.body.replace(">", " ")))
    return urls


def shown_body(body: str) -> str:
    """The body as plain text, without the numbers of its links."""
    return _NUMBERED.sub(r"\1", to_text(parse_markdown(body)).text)


def check_account(text: str, digest: Digest) -> None:
    """Every word and address of a paste is in a post or left out by name, none is invented, every line has its place."""
    assert post_words(digest) == +paste_words(text, digest)
    assert -paste_words(text, digest) == Counter()
    found, written = set(post_urls(digest)), set(paste_urls(text, digest))
    left_out = {url for noise in digest.noise for url in paste_urls(noise, digest)}
    # `<https://…` over two lines is put together; `www.example.org/1` on a line of its own is an address as well.
    whole = not any(line.lstrip("> ").startswith("<http") and not line.endswith(">") for _, line in split_lines(text))
    bare = {clean_url(f"https://{word.strip(f'<>{DIRECTION_MARKS}')}") for word in text.split()}
    assert not whole or written - found <= left_out
    assert not whole or found - written <= bare
    assert {use.line for use in digest.uses} == {
        number for number, line in split_lines(text) if strip_marks(line).strip()
    }
