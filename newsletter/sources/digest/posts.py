"""Items become posts: title, Markdown body, addresses, author and date, with the account of every line."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from newsletter.model import Post
from newsletter.sources.digest import blocks as block
from newsletter.sources.digest.chunks import Chunk, Kind
from newsletter.sources.digest.dating import Calendar
from newsletter.sources.digest.items import Item
from newsletter.sources.digest.lines import has_words
from newsletter.sources.digest.notes import Guess, Omission, PieceUse
from newsletter.sources.digest.titles import day_of, is_beside_title
from newsletter.sources.digest.to_markdown import write_blocks
from newsletter.sources.digest.when import When
from newsletter.sources.identity import content_hash, make_key
from newsletter.sources.urls import clean_url, site
from newsletter.text.front_matter import FrontMatter
from newsletter.text.words import URL, first_sentence


@dataclass(frozen=True, slots=True)
class DigestPost:
    """One post of a paste with its blocks (None: a title only has none) and the lines it came from."""

    post: Post
    blocks: tuple[block.Block, ...]
    first_line: int
    last_line: int


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds for all posts of a file."""

    file: str
    source: str
    front: FrontMatter
    date: datetime | None
    calendar: Calendar


@dataclass(slots=True)
class Made:
    """A post, what was read for its fields but is not in its text, and what was guessed.

    `undated`: why no date comes of the stamp of a chat or mail.
    """

    entry: DigestPost
    title_lines: tuple[int, ...]
    left_out: list[Omission] = field(default_factory=list)
    doubts: list[Guess] = field(default_factory=list)
    undated: str = ""


def has_post(item: Item) -> bool:
    """Whether an item is more than a line of pictures or signs, or a day: it has words or an address."""
    return bool(item.sources) or any(chunk.kind is Kind.URL or not is_beside_title(chunk) for chunk in item.chunks)


def make_post(item: Item, defaults: Defaults, heading: When | None) -> tuple[Made, When | None]:
    """An item → its post, and the day that stands above it. `heading` is the day above an earlier post: it holds on."""
    when, piece, day = _find_when(item)
    title_chunk, body_chunks = block.split_title(item.chunks)
    blocks, doubts = block.find_blocks(body_chunks)
    body = write_blocks(blocks)
    raw = [chunk.text for chunk in item.sources]
    first = min(chunk.lines[0] for chunk in [*item.chunks, *item.sources])
    if title_chunk:
        title = block.title_text(title_chunk)
    else:
        title = _derive_title(blocks, raw)
        doubts.insert(0, Guess(first, f"no title; made one from the first sentence: {title!r}"))
    made = Made(
        DigestPost(
            _write_post(item, defaults, title, body, blocks, derived=title_chunk is None), tuple(blocks), first, 0
        ),
        title_chunk.lines if title_chunk else (),
        doubts=doubts,
    )
    date = _take_date(made, item, defaults, when or heading, piece)
    if when is None and heading and date:
        made.doubts.append(Guess(first, f"no day above this post; that of an earlier one is taken: {date.date()}"))
    last = max(chunk.lines[-1] for chunk in [*item.chunks, *item.sources])
    post = replace(made.entry.post, date=defaults.date or date, line=first)
    made.entry = replace(made.entry, post=post, last_line=last)
    return made, day


def _find_when(item: Item) -> tuple[When | None, Omission | None, When | None]:
    """When a post was written, by its byline, a time beside its text or a line with a day; the piece that says so.

    The third is set if it is a day above the post, which may hold for the posts below it as well. A day is taken out of
    the item's chunks.
    """
    if item.byline and item.byline.when:
        return item.byline.when, None, None
    for chunk in item.chunks:
        if time := item.times.pop(chunk.lines[0], None):
            return *time, None
    days = [at for at, chunk in enumerate(item.chunks) if day_of(chunk)]
    if not days:
        return None, None, None
    words = [at for at, chunk in enumerate(item.chunks) if has_words(chunk.text)]
    above = days[0] == words[0]
    if not (above or (len(days) == 1 and days[0] in (words[1], words[-1]))):
        return None, None, None
    chunk = item.chunks.pop(days[0])
    when = day_of(chunk)
    return when, Omission(chunk.text, chunk.lines, PieceUse.DATE), when if above else None


def _take_date(
    made: Made, item: Item, defaults: Defaults, when: When | None, piece: Omission | None
) -> datetime | None:
    """The post's date, if one can be known; the pieces it was read from are accounted for either way."""
    pieces = [*(item.byline.pieces if item.byline else ()), *([piece] if piece else ())]
    date, why = defaults.calendar.read(when) if when else (None, "")
    fixed = item.byline is not None and item.byline.exact
    made.undated = why if fixed else ""
    for one in pieces:
        if one.use is PieceUse.DATE and date is None and not fixed:
            made.left_out.append(replace(one, use=PieceUse.NOISE, reason=f"a time, {why}" if why else "a time"))
        else:
            made.left_out.append(one)
            if one.use is PieceUse.DATE and date and when and (not fixed or defaults.calendar.is_guess(when)):
                counted = ", counted back from the file's day" if defaults.calendar.is_guess(when) else ""
                made.doubts.append(Guess(one.lines[0], f"taken as the date of the post{counted}: {one.text!r}"))
    if item.byline:
        item.byline.pieces = []  # several posts of one message have one byline, and its lines count once
    return date


def _derive_title(blocks: list[block.Block], sources: list[str]) -> str:
    """The first sentence of the text; of a post without words, the site of its address."""
    written: list[block.Block] = [one for one in blocks if not isinstance(one, block.LinkBlock)]
    texts = [text.strip() for text in block.iterate_texts(written)]
    text = next((text for text in texts if not is_beside_title(Chunk(text, ()))), "")
    links = [one.url for one in blocks if isinstance(one, block.LinkBlock)]
    return first_sentence(text) or site([*sources, *links][0])


def _write_post(
    item: Item, defaults: Defaults, title: str, body: str, blocks: list[block.Block], *, derived: bool
) -> Post:
    raw = [chunk.text for chunk in item.sources]
    inline = [match for chunk in item.chunks for match in URL.findall(chunk.text)]
    urls = tuple(dict.fromkeys(clean_url(url) for url in raw))
    return Post(
        key=make_key(content_hash(title, body, title_derived=derived), site(raw[0]) if raw else ""),
        title=title,
        body=body,
        source=defaults.source,
        url=urls[0] if urls else None,
        extra_urls=urls[1:],
        raw_urls=tuple(url for url in [*raw, *inline] if clean_url(url) != url),
        theme=defaults.front.text("theme") or None,
        author=defaults.front.text("author") or (item.byline.author if item.byline else ""),
        language=defaults.front.text("language"),
        tags=tuple(tag for b in blocks if isinstance(b, block.Tags) for tag in b.tags),
        title_derived=derived,
        origin=defaults.file,
    )
