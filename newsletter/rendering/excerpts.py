"""The posts of an issue, shortened for its mail: whole blocks from the beginning, then a link to all of it on the web. Pure."""

from collections.abc import Callable
from dataclasses import replace

from newsletter.links import post_anchor
from newsletter.model import Issue, IssuePost
from newsletter.rendering.markdown import inline_to_text, make_parser
from newsletter.text.markdown import escape_block, format_link
from newsletter.text.words import cut_at_word

# Characters of a post that a mail keeps at most, tried one after the other.
_LENGTHS = (40_000, 20_000, 12_000, 8_000, 5_000, 3_000, 2_000, 1_200, 800, 500)


def shorten_posts(issue: Issue, most: int, *, page: str, words: str) -> tuple[Issue, tuple[int, ...]]:
    """Cuts posts of more than `most` characters; → (the issue, the lines of the posts that were cut).

    `page` is the address of the issue on the web, `words` are those of the link to it.
    """
    places = {post.line: place for place, post in enumerate(issue.posts, 1)}
    cut = []

    def shorten(post: IssuePost) -> IssuePost:
        if len(post.body) <= most:
            return post
        cut.append(post.line)
        address = f"{page}#{post_anchor(post.key, post.number or places[post.line])}"
        return replace(post, body=f"{_begin(post.body, most)}\n\n{format_link(words, address)}\n")

    sections = tuple(replace(one, posts=tuple(map(shorten, one.posts))) for one in issue.sections)
    return replace(issue, sections=sections), tuple(cut)


def fit_posts(
    issue: Issue, measure: Callable[[Issue], int], most_bytes: int, *, page: str, words: str
) -> tuple[Issue, tuple[int, ...]]:
    """Shortens the longest posts, and then shorter ones, until `measure` gives at most so many bytes, or no post is long."""
    shortened: tuple[Issue, tuple[int, ...]] = (issue, ())
    for most in _LENGTHS:
        shortened = shorten_posts(issue, most, page=page, words=words)
        if shortened[1] and measure(shortened[0]) <= most_bytes:
            break
    return shortened


def _begin(body: str, most: int) -> str:
    """The first blocks of a body that have room; of a first block without room its first words."""
    lines = body.split("\n")
    tokens = [token for token in make_parser().parse(body) if token.level == 0 and token.map]
    kept = ""
    for token in tokens:
        candidate = "\n".join(lines[: token.map[1]]).rstrip() if token.map else ""
        if len(candidate) > most:
            break
        kept = candidate or kept
    if kept:
        return kept
    inline = next((token for token in make_parser().parse(body) if token.type == "inline"), None)
    return escape_block(cut_at_word(inline_to_text(inline.children or []) if inline else "", most))
