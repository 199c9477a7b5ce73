"""One Markdown file ⇄ one post. With front matter or without: then the first `# Heading` is the title."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Any

from newsletter.model import Finding, Post
from newsletter.sources.identity import content_hash, make_key
from newsletter.sources.urls import clean_url, site
from newsletter.text.addresses import is_web_address
from newsletter.text.dates import leading_day, parse_moment, start_of_day, write_moment
from newsletter.text.front_matter import FrontMatter, open_front_matter, write_front_matter
from newsletter.text.markdown import find_blocks, map_addresses, plain_inline
from newsletter.text.structure import find_unclosed
from newsletter.text.words import first_sentence

KEYS = (
    "title",
    "url",
    "extra_urls",
    "raw_urls",
    "date",
    "source",
    "key",
    "theme",
    "author",
    "language",
    "tags",
    "keep",
)
_TITLE_LINE = re.compile(r"\s*#[ \t]+(?=[^ \t\n])(.+)(?:\n|\Z)")
_KEY = re.compile(r"[0-9a-z][0-9a-z-]{3,63}\Z")


def read_markdown(text: str, *, file: str, source: str, zone: tzinfo) -> tuple[Post | None, tuple[Finding, ...]]:
    """The text of a Markdown file → its post, or None when there is nothing in it. Raises InputError."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    front = open_front_matter(text, file, KEYS)
    values = front.read_all(_readers(zone))
    body = text[front.end :]
    unclosed = find_unclosed(body)
    title = " ".join(values["title"].split())
    if not title and (match := _TITLE_LINE.match(body)):
        title, body = plain_inline(match[1].strip(" \t").rstrip("#").rstrip(" \t") or "#"), body[match.end() :]
    body = body.strip("\n")
    body = f"{body}\n" if body.strip() else ""
    findings = []
    if unclosed:
        # Open, it would swallow the posts that come after this one in an issue. Closed here it shows the same.
        body += f"{unclosed.closing}\n"
        where = f"{file}:{front.lines + unclosed.line}"
        message = f"a {unclosed.what} begins here and nothing closes it; closed at the end of the post"
        findings.append(Finding(rule="post-unclosed", where=where, message=message))
    derived = not title
    if derived:
        blocks = find_blocks(body)
        title = first_sentence(plain_inline(blocks[0].text)) if blocks else ""
        if not title:
            return None, (Finding(rule="post-empty", where=file, message="nothing in it; left out"),)
        findings.append(Finding(rule="post-title", where=f"{file}:1", message=f"no title; made one: {title!r}"))
    post = _make_post(values, title, body, file, source, zone)
    key = post.key or make_key(content_hash(title, body, title_derived=derived), site(post.url) if post.url else "")
    return replace(post, key=key, title_derived=derived, line=front.lines + 1), tuple(findings)


@lru_cache(maxsize=8)
def _readers(zone: tzinfo) -> dict[str, Callable[[FrontMatter], Any]]:
    """How the value of each key is read."""
    return {
        "title": lambda front: front.text("title"),
        "url": lambda front: front.parse("url", _check_url),
        "extra_urls": lambda front: front.parse_each("extra_urls", _check_url),
        "raw_urls": lambda front: front.texts("raw_urls"),
        "date": lambda front: front.parse("date", lambda text: parse_moment(text, zone)),
        "source": lambda front: front.text("source"),
        "key": lambda front: front.parse("key", _check_key),
        "theme": lambda front: front.text("theme"),
        "author": lambda front: front.text("author"),
        "language": lambda front: front.text("language"),
        "tags": lambda front: front.texts("tags"),
        "keep": lambda front: front.parse("keep", _check_flag),
    }


def _make_post(values: Mapping[str, Any], title: str, body: str, file: str, source: str, zone: tzinfo) -> Post:
    written = values["url"]
    url = clean_url(written) if written else None
    day = leading_day(file.rpartition("/")[2])
    return Post(
        key=values["key"] or "",
        title=title,
        body=map_addresses(body, clean_url),
        source=values["source"] or source,
        url=url,
        extra_urls=tuple(map(clean_url, values["extra_urls"])),
        raw_urls=values["raw_urls"] or ((written,) if written and url != written else ()),
        date=values["date"] or (start_of_day(day, zone) if day else None),
        theme=values["theme"] or None,
        author=values["author"],
        language=values["language"],
        tags=values["tags"],
        keep=values["keep"] or False,
        origin=file,
    )


def _check_key(text: str) -> str:
    if not _KEY.match(text):
        raise ValueError("a key is 4 to 64 lower-case letters, digits and hyphens")
    return text


def _check_url(text: str) -> str:
    if not is_web_address(text.strip()):
        raise ValueError("no web address; write it as https://…")
    return text.strip()


def _check_flag(text: str) -> bool:
    if text.lower() not in ("true", "false", "yes", "no"):
        raise ValueError("write true or false")
    return text.lower() in ("true", "yes")


def write_markdown(post: Post, zone: tzinfo) -> str:
    """A post → the text of its file; reading it gives the same post."""
    front = write_front_matter(
        {
            "title": post.title,
            "url": post.url,
            "extra_urls": post.extra_urls,
            "raw_urls": post.raw_urls,
            "date": write_moment(post.date, zone) if post.date else None,
            "source": post.source,
            "key": post.key,
            "theme": post.theme,
            "author": post.author,
            "language": post.language,
            "tags": post.tags,
        }
    )
    return f"{front}\n{post.body}" if post.body else front


def collected_name(post: Post, seen: datetime, zone: tzinfo, slug: str) -> str:
    """The file name of a collected post: `<date>-<slug>.md`."""
    day = (post.date or seen).astimezone(zone).date()
    return f"{day.isoformat()}-{slug or post.key}.md"
