"""The nouns of the newsletter desk. Frozen values; no logic beyond themselves.

Publication, Theme, Source and Edition are also the sections of newsletter.toml: their fields are the
list of its keys (`config.py` reads them strictly).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, NamedTuple

# Read by pydantic when config.py validates: a key that is not a field is a mistake, not a comment.
STRICT = {"extra": "forbid"}

UNSORTED = "unsorted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """The whole newsletter. `url` is where the archive is published, without a slash at the end."""

    __pydantic_config__ = STRICT

    title: str
    url: str
    sender: str
    description: str = ""
    language: str = "en"
    timezone: str = "UTC"
    postal_address: str = ""
    reason: str = ""
    editor: str = ""
    feed: Literal["posts", "issues"] = "posts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """A topic and the words that claim a post for it (docs/themes.md).

    `any`: one of these words is enough. `all`: a list of sides, a word of each is needed.
    `countries`: ISO 3166 codes whose names, demonyms and capitals join `any`.
    `never` (the key is `not`): a word that rules the theme out.
    """

    __pydantic_config__ = STRICT

    slug: str
    title: str
    any: tuple[str, ...] = ()
    all: tuple[tuple[str, ...], ...] = ()
    countries: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorting:
    """How words become a verdict: points for a word by where it stands, and how clearly a theme must win.

    `learned` is what a theme gets at most for being like the posts that the editor has put there; 0: nothing is learned.
    """

    __pydantic_config__ = STRICT

    title: float = 4.0
    lead: float = 2.0
    body: float = 1.0
    prior: float = 1.0
    learned: float = 5.0
    minimum: float = 2.0
    margin: float = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where posts come from. `themes` is a prior, not a verdict.

    `newest`: how many entries of a feed a first visit takes, and one that brings many more than usual. `max_age_days`: as an
    edition's, for this feed alone; None: as the edition says.
    """

    __pydantic_config__ = STRICT

    name: str
    kind: str
    path: str = ""
    url: str = ""
    themes: tuple[str, ...] = ()
    newest: int = 20
    max_age_days: int | None = None
    encoding: str = "utf-8"
    keep_noise: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """A recurring line of issues. `past` says whose issues a post must not have stood in before.

    `max_age_days`: posts of feeds that are older on the issue's day are held back; 0: none is.

    `schedule` is when it is sent and `draft` when it is drafted (`mon 07:00`); how the two are read: `calendar.py`.
    """

    __pydantic_config__ = STRICT

    slug: str
    title: str
    themes: tuple[str, ...]
    schedule: str = ""
    draft: str = ""
    mode: Literal["auto", "approve", "draft"] = "auto"
    late: str = "send-within 24h"
    undo: str = ""
    window: str = ""
    skip: tuple[str, ...] = ()
    failed_source: Literal["send", "hold"] = "send"
    local_time: bool = False
    unsorted: Literal["include", "hold"] = "include"
    past: Literal["all", "edition"] = "all"
    max_age_days: int = 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One collected item. `title` is plain text, `body` Markdown; `date` is aware or not known.

    `url` is clean, `raw_urls` are the addresses as they were pasted wherever cleaning changed them.
    `key` is given once, when the post is first read (`sources/identity.py`).
    """

    key: str
    title: str
    body: str
    source: str
    url: str | None = None
    extra_urls: tuple[str, ...] = ()
    raw_urls: tuple[str, ...] = ()
    date: datetime | None = None
    theme: str | None = None
    author: str = ""
    language: str = ""
    tags: tuple[str, ...] = ()
    keep: bool = False
    title_derived: bool = False
    origin: str = ""
    line: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link as it stands in an issue: Markdown text and address."""

    text: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuePost:
    """A post as it stands in an issue: Markdown title and body. One written by hand has no key; `number` names it then."""

    title: str
    body: str = ""
    key: str | None = None
    sources: tuple[Link, ...] = ()
    line: int = 1
    number: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One theme's posts inside an issue. `slug` names the theme."""

    slug: str
    title: str
    posts: tuple[IssuePost, ...] = ()
    intro: str = ""
    line: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What stands above a mail: its subject, which is its headline too, and its preheader. Empty: none is written."""

    subject: str = ""
    preheader: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One dated instance of an edition.

    `heads` are written for the mails of readers who get some sections only, by the slugs of these sections.
    """

    slug: str
    edition: str
    date: date
    subject: str
    preheader: str
    intro: str = ""
    sections: tuple[Section, ...] = ()
    heads: Mapping[frozenset[str], Head] = field(default_factory=dict)

    @property
    def head(self) -> Head:
        """That of the whole issue."""
        return Head(subject=self.subject, preheader=self.preheader)

    @property
    def posts(self) -> tuple[IssuePost, ...]:
        """All posts in reading order."""
        return tuple(post for section in self.sections for post in section.posts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something worth knowing that stops nothing. `where` is `file:line`."""

    rule: str
    message: str
    where: str = ""
    level: Literal["error", "warning"] = "warning"

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class SubscriberRow(NamedTuple):
    """A subscriber as a file tells of them, checked: what an import takes in and an export gives out. Empty: not known.

    `address` is as typed, `canonical` is what is unique (audience/addresses.py). `themes` are slugs, sorted, with one
    space between; empty means all. Times are ISO 8601 in UTC. `consent_ip` is cut to its network. `attributes` is a
    JSON object of all columns that have no field here.

    A tuple, not a dataclass: a million of them are made in an import.
    """

    address: str
    canonical: str
    name: str = ""
    themes: str = ""
    state: str = "active"
    language: str = ""
    timezone: str = ""
    consent: str = ""
    consent_at: str = ""
    consent_ip: str = ""
    confirmed_at: str = ""
    unsubscribed_at: str = ""
    tags: str = ""
    attributes: str = ""


# Where a delivery may stand (delivery D6). Every planned reader of an issue is in exactly one of these.
OPEN = ("pending", "claimed", "deferred", "in_doubt", "held")
FINAL = ("accepted", "rejected", "suppressed", "expired")


class Claim(NamedTuple):
    """A delivery that this process may carry out now. `attempt` counts this one; `doubts` were before.

    `alone` of the doubts came while nothing else was under way; so did doubts of `others`, as many deliveries of the issue.
    """

    subscriber_id: int
    attempt: int
    doubts: int
    variant: int
    lane: int
    address: str
    alone: int = 0
    others: int = 0


# Whoever was in doubt so often is a suspect: their mail may be what ends processes or connections, so it goes alone.
SUSPECT_DOUBTS = 2


class Doubts(NamedTuple):
    """How often a delivery was in doubt: in all, and while nothing else was under way. `others` of its issue were so too."""

    total: int
    alone: int = 0
    others: int = 0


class Outcome(NamedTuple):
    """What became of a claimed delivery: its new state and what the relay said. `attempt` is what is charged now.

    `next_at` is ISO 8601 in UTC, empty but for deferred ones. `phase` is how far the message had come. `doubts` and `alone`
    count this one too.
    """

    subscriber_id: int
    state: str
    attempt: int
    doubts: int
    phase: str = ""
    code: int = 0
    enhanced: str = ""
    reply: str = ""
    label: str = ""
    next_at: str = ""
    alone: int = 0


@dataclass(frozen=True, slots=True)
class Turn:
    """What one transaction of the ledger gave: deliveries to carry out, and when to ask again if there are none.

    `wait_s` is None if nothing is left that comes by itself. `state` is the issue's: somebody may have paused it.
    `held_by` says what slows the send down, e.g. "gmail.com: 500/h".
    """

    claims: Sequence[Claim]
    wait_s: float | None
    state: str
    held_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryCounts:
    """The count of an issue's deliveries by state, row by row. They balance if nobody is missing and nobody is double."""

    issue: str
    state: str
    planned: int
    counts: Mapping[str, int]

    @property
    def balanced(self) -> bool:
        """Whether every planned reader is in exactly one state."""
        return sum(self.counts.values()) == self.planned and set(self.counts) <= {*OPEN, *FINAL}

    @property
    def open(self) -> int:
        """Deliveries that still wait for something: a relay, a later try, a person."""
        return sum(self.counts.get(state, 0) for state in OPEN)

    def as_dict(self) -> dict[str, object]:
        """All states, those that nobody is in too."""
        counts = {state: self.counts.get(state, 0) for state in (*FINAL, *OPEN)}
        return {"issue": self.issue, "state": self.state, "planned": self.planned, **counts, "balanced": self.balanced}
