"""How the loss-free tests count: the words of a paste, and the words of its posts as a reader is shown them."""

from collections import Counter

from newsletter.rendering.markdown import parse_markdown
from newsletter.rendering.plain_text import to_text
from newsletter.sources.digest import Digest
from newsletter.sources.urls import clean_url
from newsletter.text.characters import split_lines
from newsletter.text.markdown import trim_url
from newsletter.text.words import URL, WORD


def words_in(text: str) -> list[str]:
    return WORD.findall(URL.sub(" ", text))


def urls_in(text: str) -> list[str]:
    return [trim_url(url) for url in URL.findall(text)]


def paste_words(text: str, digest: Digest) -> Counter[str]:
    """The words of the clean lines, but for front matter and what the report names as noise."""
    front = {use.line for use in digest.uses if use.field == "front matter"}
    words = Counter(word for number, line in split_lines(text) if number not in front for word in words_in(line))
    words.subtract(word for noise in digest.noise for word in words_in(noise))
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
    return to_text(parse_markdown(body)).text
