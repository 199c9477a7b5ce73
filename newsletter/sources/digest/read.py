"""The whole way from the text of a paste to its posts, with the account of every line."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, tzinfo
from functools import partial
from operator import attrgetter
from typing import Any

from newsletter.model import Finding
from newsletter.sources.digest.chunks import Chunk
from newsletter.sources.digest.dating import Calendar, find_order
from newsletter.sources.digest.items import Item, split_items
from newsletter.sources.digest.lines import Line
from newsletter.sources.digest.messages import Message, find_messages
from newsletter.sources.digest.notes import Guess, Omission, PieceUse
from newsletter.sources.digest.posts import Defaults, DigestPost, Made, has_post, make_post
from newsletter.sources.digest.preparing import PreparedChunks, prepare_chunks
from newsletter.sources.digest.threads import join_threads
from newsletter.sources.digest.titles import day_of
from newsletter.sources.digest.web_posts import Part, find_parts, strip_noise
from newsletter.sources.digest.when import When
from newsletter.sources.urls import site
from newsletter.text.characters import split_lines
from newsletter.text.dates import parse_moment
from newsletter.text.front_matter import FrontMatter, open_front_matter

# What the front matter of a paste may say: how to split it, and what holds for all its posts.
KEYS = ("separator", "terminator", "noise", "date", "theme", "author", "language")


@dataclass(frozen=True, slots=True)
class LineUse:
    """Where one line of the paste went. `post` counts from 1; `field` is what it became there."""

    line: int
    post: int | None
    field: str


@dataclass(frozen=True, slots=True)
class Digest:
    """A paste, read: its posts in order, where every line went, what was left out, what to look at.

    The words of a paste are those of its posts' titles, bodies and tags, of `noise` (all that is in no post: buttons,
    times, marks of who wrote) and of `authors` (the names, as often as they were pasted).
    """

    posts: tuple[DigestPost, ...]
    uses: tuple[LineUse, ...]
    noise: tuple[str, ...]
    authors: tuple[str, ...]
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class _Account:
    """What is gathered on the way: pieces that are in no text, guesses, and where lines went."""

    left_out: list[Omission] = field(default_factory=list)
    doubts: list[Guess] = field(default_factory=list)
    uses: list[LineUse] = field(default_factory=list)

    def add(self, pieces: Iterable[Omission], post: int | None = None) -> None:
        """Takes pieces, and the post they belong to."""
        for piece in pieces:
            self.left_out.append(piece)
            self.uses += [LineUse(number, post, piece.use.value) for number in piece.lines]


def read_digest(
    text: str,
    *,
    file: str,
    source: str,
    keep_noise: bool = False,
    zone: tzinfo = UTC,
    copied: date | None = None,
) -> Digest:
    """The text of a paste → its posts. Dates are read in `zone`; `copied` is the day from which "3 d" counts back."""
    front = _open_front(text, file)
    date_ = front.read_all(_readers(zone))["date"]
    keep = keep_noise or front.text("noise") == "keep"
    lines = [Line(number + front.lines, line) for number, line in split_lines(text[front.end :])]
    account = _Account(uses=[LineUse(number, None, "front matter") for number in range(1, front.lines + 1)])
    parts, prepared = _find_parts(lines, front, account, keep=keep)
    items, doubts = split_items(parts, prepared.terminator, forced=bool(front.text("terminator")))
    account.doubts += doubts
    calendar = Calendar(zone, copied, find_order(_stamps(parts)))
    defaults = Defaults(file, source, front, date_, calendar)
    posts = _make_posts(items, defaults, account)
    for part in parts:
        account.add(replace(piece, use=PieceUse.NOISE) for piece in (part.byline.pieces if part.byline else ()))
        account.add(replace(piece, use=PieceUse.NOISE, reason="a time") for _, piece in part.times.values())
    used = {use.line for use in account.uses}
    account.uses += [LineUse(number, None, "separator") for number in prepared.drawn if number not in used]
    return _make_digest(file, posts, account)


def _make_posts(items: list[Item], defaults: Defaults, account: _Account) -> list[DigestPost]:
    """Items → posts. A day above a post holds for those below it that have none."""
    posts: list[DigestPost] = []
    undated: dict[str, int] = {}
    heading: When | None = None
    for item in items:
        if not has_post(item):
            account.add(Omission(chunk.text, chunk.lines, reason="signs or a day alone") for chunk in item.chunks)
            continue
        made, day = make_post(item, defaults, None if item.byline else heading)
        heading = day or heading
        posts.append(made.entry)
        _account_for(made, item.sources, account, len(posts))
        if made.undated and not defaults.date:
            undated.setdefault(made.undated, made.entry.first_line)
    account.doubts += [
        Guess(line, f"no date for messages from here on: {why}; `date:` in the front matter sets one")
        for why, line in undated.items()
    ]
    return posts


def _find_parts(
    lines: list[Line], front: FrontMatter, account: _Account, *, keep: bool
) -> tuple[list[Part], PreparedChunks]:
    """Lines → messages → chunks → parts."""
    found = find_messages(lines, keep=keep)
    prepared = prepare_chunks(found.messages, front.text("separator") or None, _terminator(front), keep=keep)
    account.add([*found.left_out, *prepared.left_out])
    account.doubts += [*found.doubts, *prepared.doubts]
    parts: list[Part] = []
    for message, chunks in zip(found.messages, prepared.chunks, strict=True):
        parts += [Part(chunks)] if keep else _parts_of(message, chunks, account)
    parts, doubts = join_threads(parts)
    account.doubts += doubts
    return parts, prepared


def _parts_of(message: Message, chunks: list[Chunk], account: _Account) -> list[Part]:
    """One message's parts, without noise. Those of a mail have its byline, unless they have their own."""
    if message.chat:
        chunks, left_out = strip_noise(chunks)
        account.add(left_out)
        return [Part(chunks, message.byline, whole=True)]
    page = find_parts(chunks)
    account.add(page.left_out)
    account.doubts += page.doubts
    for part in page.parts:
        part.byline = part.byline or message.byline
    if message.byline and page.parts and not any(part.byline is message.byline for part in page.parts):
        account.add(replace(piece, use=PieceUse.NOISE) for piece in message.byline.pieces)
    return page.parts or [Part([], message.byline)]


def _stamps(parts: list[Part]) -> list[When]:
    """All dates of a paste: bylines, times, and lines that are days."""
    stamps = [part.byline.when for part in parts if part.byline and part.byline.when]
    stamps += [when for part in parts for when, _ in part.times.values()]
    return stamps + [when for part in parts for chunk in part.chunks if (when := day_of(chunk))]


def _account_for(made: Made, sources: list[Chunk], account: _Account, position: int) -> None:
    account.add(made.left_out, position)
    account.doubts += made.doubts
    account.uses += [LineUse(number, position, "title") for number in made.title_lines]
    for b in made.entry.blocks:
        name = type(b).__name__.removesuffix("Block").lower()
        account.uses += [LineUse(number, position, name) for number in b.lines]
    for place, chunk in enumerate(sources):
        name = "source" if place == 0 else "extra source"
        account.uses += [LineUse(number, position, name) for number in chunk.lines]


def _make_digest(file: str, posts: list[DigestPost], account: _Account) -> Digest:
    findings = [(doubt.line, "digest", doubt.message) for doubt in account.doubts]
    findings += [
        (piece.lines[0], "digest-noise", f"left out, {piece.reason}: {piece.text!r}")
        for piece in account.left_out
        if piece.reason
    ]
    return Digest(
        posts=tuple(posts),
        uses=tuple(sorted(account.uses, key=attrgetter("line"))),
        noise=tuple(piece.text for piece in account.left_out if piece.use is not PieceUse.AUTHOR),
        authors=tuple(piece.text for piece in account.left_out if piece.use is PieceUse.AUTHOR),
        findings=tuple(
            Finding(rule=rule, where=f"{file}:{line}", message=message)
            for line, rule, message in sorted(findings, key=lambda finding: finding[0])
        ),
    )


def _open_front(text: str, file: str) -> FrontMatter:
    """A `---` at the top of a paste is front matter only if one of our keys stands in it; else it separates posts."""
    head = text[:4000].split("\n---", 1)[0].lower()
    if any(line.partition(":")[0].strip() in KEYS for line in head.splitlines()[1:]):
        return open_front_matter(text, file, KEYS)
    return FrontMatter(file=file)


def _readers(zone: tzinfo) -> dict[str, Callable[[FrontMatter], Any]]:
    """How the value of each key is read; all are, so that all mistakes are said at once."""
    readers: dict[str, Callable[[FrontMatter], Any]] = {key: partial(FrontMatter.text, key=key) for key in KEYS}
    readers["date"] = lambda front: front.parse("date", lambda text: parse_moment(text, zone))
    return readers


def _terminator(front: FrontMatter) -> str | None:
    host = front.text("terminator")
    return site(host if "://" in host else f"https://{host}") if host else None
