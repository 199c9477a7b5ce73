"""What became of every entry of a feed, and of everything in it: for `collect --report`, and in short for the editor."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from newsletter.model import Finding, Post
from newsletter.sources.feed_entry import FeedDocument, LeftOut
from newsletter.sources.http_types import Response
from newsletter.text.words import count_of


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryAccount:
    """One entry: whether it became a post on this visit, what was guessed, and what of it is not in the text as it stood."""

    source: str
    title: str
    url: str
    new: bool
    notes: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def account_for(source: str, document: FeedDocument, posts: Iterable[Post]) -> tuple[EntryAccount, ...]:
    """The account of a document's entries, in its order, given the posts that were made of them."""
    made = Counter((post.url or "", post.body) for post in posts)
    accounts = []
    for entry in document.entries:
        new = made[entry.url, entry.body] > 0
        made[entry.url, entry.body] -= new
        accounts.append(
            EntryAccount(
                source=source,
                title=entry.title,
                url=entry.url,
                new=new,
                notes=entry.notes,
                left_out=entry.left_out,
            )
        )
    return tuple(accounts)


def find_losses(
    source: str, document: FeedDocument, fetched: Response, accounts: Iterable[EntryAccount]
) -> Iterator[Finding]:
    """What the editor should know of a visit: a feed that breaks off, guesses at its letters, what new entries lost."""
    for rule, message in _sentences(document, fetched, accounts):
        yield Finding(rule=rule, where=source, message=message)


def _sentences(
    document: FeedDocument, fetched: Response, accounts: Iterable[EntryAccount]
) -> Iterator[tuple[str, str]]:
    if document.unfinished:
        message = f"breaks off; took {count_of(len(document.entries), 'whole entry')}, and asks for all of it next time"
        yield "feed-unfinished", message
    elif fetched.cut_off:
        yield "feed-unfinished", "the connection ended too early, yet the feed is whole; asks for all of it next time"
    if fetched.ignored_bytes:
        yield "feed-unfinished", f"{fetched.ignored_bytes} bytes behind its packed data are no packed data; left out"
    for note in document.notes:
        yield "feed-letters", note
    kinds = Counter(one.what for account in accounts if account.new for one in account.left_out)
    if kinds:
        listed = ", ".join(f"{what} ({count})" for what, count in kinds.most_common())
        yield "feed-left-out", f"not in new posts as it stood: {listed}; collect --report lists each"
