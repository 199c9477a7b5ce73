"""What an editor would want to know of the issue's own words. Nothing is ever corrected."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import urlsplit

from newsletter.checking.page import Problem, Problems
from newsletter.model import Issue, IssuePost

# Letters in brackets, so that a search for what is left over in this program does not find this line.
_LEFTOVER = re.compile(
    r"\bTK(?:TK)?\b|\bTO[D]O\b|\bFIX[M]E\b|\bX{3}\b|lorem ipsum|\{\{(?:[^{}]*\}\})?|(?<!\})\}\}|\[(?:link|source|quelle)\](?!\()",
    re.IGNORECASE,
)
_ONE_SOURCE, _FEW = 0.6, 4
# Where many people write: a platform is no source.
_PLATFORMS = frozenset(
    """facebook.com x.com twitter.com t.me youtube.com linkedin.com medium.com instagram.com threads.net bsky.app
    mastodon.social""".split()
)
_MONTHS = "january february march april may june july august september october november december".split()
_DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_MONTH, _DAY_NUMBER = f"({'|'.join(_MONTHS)})", r"(\d{1,2})(?:st|nd|rd|th)?"
_DATED = re.compile(
    rf"\b({'|'.join(_DAYS)}),? (?:the )?(?:{_DAY_NUMBER}(?: of)? {_MONTH}|{_MONTH} {_DAY_NUMBER})(?:,? (\d{{4}}))?\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An issue with what it is compared with. `told`: titles of past posts, folded, and the issue each was in."""

    issue: Issue
    path: str
    flag: Sequence[str] = ()
    told: Mapping[str, str] = field(default_factory=dict)

    def texts(self) -> Iterable[tuple[str, str]]:
        """Pieces of text and where each stands."""
        yield self.issue.subject, f"{self.path}:1"
        yield self.issue.preheader, f"{self.path}:1"
        yield self.issue.intro, f"{self.path}:1"
        for section in self.issue.sections:
            yield section.intro, f"{self.path}:{section.line}"
            for post in section.posts:
                yield f"{post.title}\n{post.body}", self.at(post)

    def at(self, post: IssuePost) -> str:
        """Where a post stands."""
        return f"{self.path}:{post.line}"


def leftovers(draft: Draft) -> Problems:
    """Words that were to be replaced."""
    for text, where in draft.texts():
        for match in _LEFTOVER.finditer(text):
            word = match[0]
            if len(word) > 4 or not word.isalpha() or word.isupper():  # in small letters it is a word of Spanish
                yield Problem(f"{word!r} was left over", where)


def flagged(draft: Draft) -> Problems:
    """Words of the house style; they are pointed at and never changed."""
    for word in draft.flag:
        pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
        for text, where in draft.texts():
            if pattern.search(text):
                yield Problem(f"{word!r} is on the list of words to look at", where)


def one_source(draft: Draft) -> Problems:
    """Whether one site is behind most of it."""
    hosts = Counter(_site(post.sources[0].url) for post in draft.issue.posts if post.sources)
    count = sum(hosts.values())
    for host, share in hosts.most_common(1):
        if count >= _FEW and host not in _PLATFORMS and share / count > _ONE_SOURCE:
            yield Problem(f"{share} of {count} posts are from {host}", f"{draft.path}:1")


def _site(url: str) -> str:
    return (urlsplit(url).hostname or "").removeprefix("www.").removeprefix("m.")


def repeated(draft: Draft) -> Problems:
    """Titles that an issue before had."""
    for post in draft.issue.posts:
        before = draft.told.get(fold_title(post.title))
        if before:
            yield Problem(f"{post.title!r} stood in {before} already", draft.at(post))


def fold_title(title: str) -> str:
    """By this two titles are the same."""
    return " ".join(re.findall(r"\w+", title.casefold()))


def weekdays(draft: Draft) -> Problems:
    """A weekday that is not that day's."""
    for text, where in draft.texts():
        for match in _DATED.finditer(text):
            number, month = int(match[2] or match[5]), _MONTHS.index((match[3] or match[4]).lower()) + 1
            years = [int(match[6])] if match[6] else [draft.issue.date.year + step for step in (-1, 0, 1)]
            days = [day for year in years if (day := _day(year, month, number))]
            named = _DAYS.index(match[1].lower())
            near = min(days, key=lambda day: abs(day - draft.issue.date), default=None)
            if near and near.weekday() != named:
                yield Problem(f"{match[0]!r}: {near.isoformat()} is a {_DAYS[near.weekday()].capitalize()}", where)


def _day(year: int, month: int, number: int) -> date | None:
    try:
        return date(year, month, number)
    except ValueError:
        return None


CheckDraft = Callable[[Draft], Problems]
