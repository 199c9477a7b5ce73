"""The whole way from the text of a paste to its posts, with the account of every line."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from newsletter.model import Finding, Post
from newsletter.sources.digest import blocks as block
from newsletter.sources.digest.chunks import Chunk, Kind, find_chunks, split_trailing_urls
from newsletter.sources.digest.items import Doubt, Item, guess_terminator, split_items
from newsletter.sources.digest.noise import find_noise
from newsletter.sources.digest.to_markdown import write_blocks
from newsletter.sources.identity import content_hash, make_key
from newsletter.sources.urls import clean_url, site
from newsletter.text.characters import split_lines
from newsletter.text.front_matter import FrontMatter, open_front_matter
from newsletter.text.words import URL, first_sentence

# What the front matter of a paste may say: how to split it, and what holds for all its posts.
KEYS = ("separator", "terminator", "noise", "date", "theme", "author", "language")


@dataclass(frozen=True, slots=True)
class LineUse:
    """Where one line of the paste went. `post` counts from 1; `field` is what it became there."""

    line: int
    post: int | None
    field: str


@dataclass(frozen=True, slots=True)
class DigestPost:
    """One post of a paste with its blocks (None: a title only has none) and the lines it came from."""

    post: Post
    blocks: tuple[block.Block, ...]
    first_line: int
    last_line: int


@dataclass(frozen=True, slots=True)
class Digest:
    """A paste, read: its posts in order, where every line went, what was left out as noise, what to look at."""

    posts: tuple[DigestPost, ...]
    uses: tuple[LineUse, ...]
    noise: tuple[str, ...]
    findings: tuple[Finding, ...]


def read_digest(
    text: str,
    *,
    file: str,
    source: str,
    keep_noise: bool = False,
    read_date: Callable[[str], datetime] | None = None,
) -> Digest:
    """The text of a paste → its posts. `read_date` reads the front matter's date in the publication's zone."""
    front = _open_front(text, file)
    date = front.read_all(_readers(read_date))["date"]
    lines = [(number + front.lines, line) for number, line in split_lines(text[front.end :])]
    chunks = find_chunks(lines, front.text("separator") or None)
    terminator = site(_as_url(front.text("terminator"))) if front.text("terminator") else guess_terminator(chunks)
    chunks = split_trailing_urls(chunks, terminator)
    noise = [] if keep_noise or front.text("noise") == "keep" else _find_noise(chunks)
    silent = set(map(id, noise))
    uses = [LineUse(number, None, "front matter") for number in range(1, front.lines + 1)]
    uses += [LineUse(number, None, "separator") for c in chunks if c.kind is Kind.SEPARATOR for number in c.lines]
    uses += [LineUse(number, None, "noise") for c in noise for number in c.lines]
    items, doubts = split_items(
        [c for c in chunks if id(c) not in silent], terminator, forced=bool(front.text("terminator"))
    )
    defaults = _Defaults(source, front, date)
    posts = []
    for position, item in enumerate((item for item in items if item.chunks or item.sources), 1):
        digest_post, more = _make_post(item, file, defaults)
        posts.append(digest_post)
        doubts += more
        uses += [LineUse(number, position, field) for number, field in _item_uses(item, digest_post)]
    findings = [Finding(rule="digest", where=f"{file}:{doubt.line}", message=doubt.message) for doubt in doubts]
    findings += [
        Finding(
            rule="digest-noise",
            where=f"{file}:{c.lines[0]}",
            message=f"left out, a button or counter: {c.text!r}",
        )
        for c in noise
    ]
    findings.sort(key=lambda finding: int(finding.where.rpartition(":")[2]))
    return Digest(
        posts=tuple(posts),
        uses=tuple(sorted(uses, key=lambda use: use.line)),
        noise=tuple(c.text for c in noise),
        findings=tuple(findings),
    )


def _find_noise(chunks: list[Chunk]) -> list[Chunk]:
    silent = find_noise([c.text if c.kind is Kind.TEXT else "" for c in chunks])
    return [c for c, noise in zip(chunks, silent, strict=True) if noise and c.kind is Kind.TEXT]


def _open_front(text: str, file: str) -> FrontMatter:
    """A `---` at the top of a paste is front matter only if one of our keys stands in it; else it separates posts."""
    head = text[:4000].split("\n---", 1)[0].lower()
    if any(line.partition(":")[0].strip() in KEYS for line in head.splitlines()[1:]):
        return open_front_matter(text, file, KEYS)
    return FrontMatter(file=file)


def _readers(read_date: Callable[[str], datetime] | None) -> dict[str, Callable[[FrontMatter], Any]]:
    """How the value of each key is read; all are, so that all mistakes are said at once."""
    readers: dict[str, Callable[[FrontMatter], Any]] = {key: partial(FrontMatter.text, key=key) for key in KEYS}
    readers["date"] = lambda front: front.parse("date", read_date) if read_date else None
    return readers


def _as_url(host: str) -> str:
    return host if "://" in host else f"https://{host}"


@dataclass(frozen=True, slots=True)
class _Defaults:
    source: str
    front: FrontMatter
    date: datetime | None


def _make_post(item: Item, file: str, defaults: _Defaults) -> tuple[DigestPost, list[Doubt]]:
    title_chunk, body_chunks = block.split_title(item.chunks)
    blocks, doubts = block.find_blocks(body_chunks)
    body = write_blocks(blocks)
    raw = [chunk.text for chunk in item.sources]
    first = (item.chunks or item.sources)[0].lines[0]
    if title_chunk:
        title = block.title_text(title_chunk)
    else:
        words = next((text.strip() for text in block.iterate_texts(blocks) if text.strip()), "")
        title = first_sentence(words) or site(raw[0])
        doubts.insert(0, Doubt(first, f"no title; made one from the first sentence: {title!r}"))
    inline = [match for chunk in item.chunks for match in URL.findall(chunk.text)]
    urls = tuple(dict.fromkeys(clean_url(url) for url in raw))
    derived = title_chunk is None
    post = Post(
        key=make_key(content_hash(title, body, title_derived=derived), site(raw[0]) if raw else ""),
        title=title,
        body=body,
        source=defaults.source,
        url=urls[0] if urls else None,
        extra_urls=urls[1:],
        raw_urls=tuple(url for url in [*raw, *inline] if clean_url(url) != url),
        date=defaults.date,
        theme=defaults.front.text("theme") or None,
        author=defaults.front.text("author"),
        language=defaults.front.text("language"),
        tags=tuple(tag for b in blocks if isinstance(b, block.Tags) for tag in b.tags),
        title_derived=derived,
        origin=file,
        line=first,
    )
    last = max(chunk.lines[-1] for chunk in [*item.chunks, *item.sources])
    return DigestPost(post, tuple(blocks), first, last), doubts


def _item_uses(item: Item, digest_post: DigestPost) -> list[tuple[int, str]]:
    uses = []
    title_chunk, _ = block.split_title(item.chunks)
    if title_chunk:
        uses += [(number, "title") for number in title_chunk.lines]
    for b in digest_post.blocks:
        name = type(b).__name__.removesuffix("Block").lower()
        uses += [(number, name) for number in b.lines]
    for position, chunk in enumerate(item.sources):
        uses += [(number, "source" if position == 0 else "extra source") for number in chunk.lines]
    return uses
