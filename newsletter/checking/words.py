"""What an editor would want to know of the issue's own words. Nothing is ever corrected."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlsplit

from newsletter.checking.page import Problem, Problems
from newsletter.model import Issue, IssuePost
from newsletter.text.markdown import without_code

# Letters in brackets, so that a search for what is left over in this program does not find this line.
_LEFTOVER = re.compile(
    r"\bTK(?:TK)?\b|\bTO[D]O\b|\bFIX[M]E\b|\bX{3}\b|lorem ipsum|\{\{(?:[^{}]*\}\})?|(?<!\})\}\}|\[(?:link|source|quelle)\](?!\()"
    r"|(?P<id>(?<!\\)\{\#p-[0-9a-f]+\})",
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
_PLAIN_DATE = re.compile(
    rf"\b(?:{_DAY_NUMBER}(?: of)? {_MONTH}|{_MONTH} {_DAY_NUMBER})(?:,? (\d{{4}}))?\b", re.IGNORECASE
)
_NEAR = timedelta(days=60)
# In the same sentence, before the date; reported speech ("said that he will") has both and is left alone.
_AHEAD = re.compile(r"\b(?:will|is to|are to|is due|are due|is set to|are set to|plans? to|is expected|are expected)\b")
_OVER = re.compile(
    r"\b(?:was|were|had|met|said|signed|took|held|visited|arrived|began|ended|voted|won|lost|died|announced|agreed)\b"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueText:
    """An issue with what is known of it elsewhere: `repeats`, `off_theme` and `marks` are told by line, in words."""

    issue: Issue
    path: str
    flag: Sequence[str] = ()
    repeats: Sequence[tuple[int, str]] = ()
    off_theme: Sequence[tuple[int, str]] = ()
    marks: Sequence[tuple[int, str]] = ()

    def texts(self) -> Iterable[tuple[str, str]]:
        """Pieces of text and where each stands."""
        yield self.issue.subject, f"{self.path}:1"
        yield self.issue.preheader, f"{self.path}:1"
        yield self.issue.intro, f"{self.path}:1"
        for head in self.issue.heads.values():
            yield f"{head.subject}\n{head.preheader}", f"{self.path}:1"
        for section in self.issue.sections:
            yield f"{section.title}\n{section.intro}", f"{self.path}:{section.line}"
            for post in section.posts:
                yield f"{post.title}\n{post.body}", self.at(post)

    def at(self, post: IssuePost) -> str:
        """Where a post stands."""
        return f"{self.path}:{post.line}"


def leftovers(draft: IssueText) -> Problems:
    """Words that were to be replaced. Others write them in earnest (a brand, a template language), so they are warnings.

    The id of a post in its text is an error: nobody means it, and readers would see it.
    """
    heads = (
        draft.issue.subject,
        draft.issue.preheader,
        *(f"{one.subject}\n{one.preheader}" for one in draft.issue.heads.values()),
    )
    for text, where in draft.texts():
        prose = without_code(text) if "{#" in text and text not in heads else ""
        seen = {one["id"] for one in _LEFTOVER.finditer(prose)} - {None}
        for match in _LEFTOVER.finditer(text):
            word = match[0]
            if len(word) > 4 or not word.isalpha() or word.isupper():  # in small letters it is a word of Spanish
                yield Problem(f"{word!r} was left over", where, "error" if match["id"] in seen else "")


def flagged(draft: IssueText) -> Problems:
    """Words of the house style; they are pointed at and never changed."""
    for word in draft.flag:
        pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
        for text, where in draft.texts():
            if pattern.search(text):
                yield Problem(f"{word!r} is on the list of words to look at", where)


def one_source(draft: IssueText) -> Problems:
    """Whether one site is behind most of it."""
    hosts = Counter(_site(post.sources[0].url) for post in draft.issue.posts if post.sources)
    count = sum(hosts.values())
    for host, share in hosts.most_common(1):
        if count >= _FEW and host not in _PLATFORMS and share / count > _ONE_SOURCE:
            yield Problem(f"{share} of {count} posts are from {host}", f"{draft.path}:1")


def _site(url: str) -> str:
    return (urlsplit(url).hostname or "").removeprefix("www.").removeprefix("m.")


def repeated(draft: IssueText) -> Problems:
    """Stories that an issue before has told: the same address, the same words, or nearly."""
    for line, message in draft.repeats:
        yield Problem(f"told before: {message}", f"{draft.path}:{line}")


def off_theme(draft: IssueText) -> Problems:
    """Paragraphs and bullets that speak of another theme than their section's."""
    for line, message in draft.off_theme:
        yield Problem(message, f"{draft.path}:{line}")


def marks(draft: IssueText) -> Problems:
    """Marks of Markdown that are shown instead of meant."""
    for line, message in draft.marks:
        yield Problem(message, f"{draft.path}:{line}")


def weekdays(draft: IssueText) -> Problems:
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


def contradictions(draft: IssueText) -> Problems:
    """What is to come on a day that is over when the issue comes out, and what is over on a day that is to come."""
    for text, where in draft.texts():
        for sentence in re.split(r"(?<=[.!?])\s+|\n", text):
            first_ahead, first_over = _AHEAD.search(sentence), _OVER.search(sentence)
            for match in _PLAIN_DATE.finditer(sentence) if first_ahead or first_over else ():
                ahead, over = _if_before(first_ahead, match), _if_before(first_over, match)
                if bool(ahead) == bool(over):
                    continue
                day = _near_day(draft.issue.date, match)
                if day and ahead and day < draft.issue.date:
                    yield Problem(f"{ahead[0]!r} and {match[0]!r}: that day is over when the issue comes out", where)
                if day and over and day > draft.issue.date:
                    yield Problem(f"{over[0]!r} and {match[0]!r}: that day is still to come", where)


def _if_before(words: re.Match[str] | None, day: re.Match[str]) -> re.Match[str] | None:
    return words if words and words.end() <= day.start() else None


def _near_day(today: date, match: re.Match[str]) -> date | None:
    """The day that is meant: of the year that is named, else the one near by; None where it is months away."""
    number, month = int(match[1] or match[4]), _MONTHS.index((match[2] or match[3]).lower()) + 1
    if match[5]:
        return _day(int(match[5]), month, number)
    days = [day for step in (-1, 0, 1) if (day := _day(today.year + step, month, number))]
    near = min(days, key=lambda day: abs(day - today), default=None)
    return near if near and abs(near - today) <= _NEAR else None


def _day(year: int, month: int, number: int) -> date | None:
    try:
        return date(year, month, number)
    except ValueError:
        return None
