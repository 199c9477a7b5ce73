"""Posts written by hand get a number that stays theirs while the issue is corrected. Pure.

A collected post has a key. One written by hand has none, and its place is no name: after a post is put in above it, feed
readers would announce the old post as new, and never the new one.
"""

import hashlib
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace

from newsletter.model import Issue, IssuePost
from newsletter.text.words import fold_words

# From this share of common words on, two texts are one post, before and after a correction.
_ALIKE = 0.5
_START = 300  # characters of a text that are kept to know it by


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedPost:
    """What is remembered of a post written by hand: its number, its title, how it begins, and a hash of all of it.

    One that was deleted stays remembered: its number is never given again.
    """

    number: int
    title: str
    start: str
    sha256: str


def number_posts(issue: Issue, known: Sequence[NumberedPost]) -> tuple[Issue, tuple[NumberedPost, ...]]:
    """Gives every post without a key its number; → (the issue, what is to be remembered).

    A number that is new is the post's place, if nothing is known of the issue, else the next one that was never given.
    """
    posts = [post for post in issue.posts if not post.key]
    if not posts:
        return issue, tuple(known)
    found = _recognise(posts, known)
    places = {post.line: place for place, post in enumerate(issue.posts, 1)}
    highest = max((one.number for one in known), default=0)
    numbers = {}
    for post in posts:
        before = found.get(post.line)
        if before is None and known:
            highest += 1
        numbers[post.line] = before.number if before else highest if known else places[post.line]
    remembered = {one.number: one for one in known}
    remembered |= {numbers[post.line]: _remember(post, numbers[post.line]) for post in posts}
    sections = tuple(
        replace(section, posts=tuple(replace(post, number=numbers.get(post.line)) for post in section.posts))
        for section in issue.sections
    )
    return replace(issue, sections=sections), tuple(remembered[number] for number in sorted(remembered))


def _remember(post: IssuePost, number: int) -> NumberedPost:
    return NumberedPost(number=number, title=post.title, start=post.body[:_START], sha256=_hash(post))


def _hash(post: IssuePost) -> str:
    return hashlib.sha256(f"{post.title}\0{post.body}".encode()).hexdigest()[:16]


def _recognise(posts: Sequence[IssuePost], known: Sequence[NumberedPost]) -> dict[int, NumberedPost]:
    """Line of a post → what is remembered of it: the same text, else the same title, the same beginning, similar words."""
    found: dict[int, NumberedPost] = {}
    ways: tuple[tuple[Callable[[IssuePost], Hashable], Callable[[NumberedPost], Hashable]], ...] = (
        (_hash, lambda one: one.sha256),
        (lambda post: post.title, lambda one: one.title),
        (lambda post: post.body[:_START].strip() or None, lambda one: one.start.strip() or None),
    )
    for of_post, of_known in ways:
        waiting = [one for one in known if one not in found.values()]
        for post in posts:
            match = next((one for one in waiting if of_post(post) == of_known(one) and of_post(post) is not None), None)
            if post.line not in found and match:
                waiting.remove(match)
                found[post.line] = match
    _find_similar([post for post in posts if post.line not in found], known, found)
    return found


def _find_similar(posts: Iterable[IssuePost], known: Sequence[NumberedPost], found: dict[int, NumberedPost]) -> None:
    """The most similar pairs first, so that of two corrected posts each gets its own number."""
    taken = {one.number for one in found.values()}
    words = {one: set(fold_words(f"{one.title} {one.start}")) for one in known if one.number not in taken}
    pairs = []
    for post in posts:
        mine = set(fold_words(f"{post.title} {post.body[:_START]}"))
        for one, theirs in words.items():
            share = len(mine & theirs) / max(len(mine | theirs), 1)
            if share >= _ALIKE:
                pairs.append((-share, post.line, one.number, one))
    for _, line, number, one in sorted(pairs, key=lambda pair: pair[:3]):
        if line not in found and number not in taken:
            found[line] = one
            taken.add(number)
