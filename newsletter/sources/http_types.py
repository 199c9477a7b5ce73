"""What other people's servers are asked, and what came of it: nouns only, so that who names them loads no network library."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

# A source that nobody got to: the others took all of the time that there was.
UNREACHED = "not reached in the time that all sources have together; its turn comes at one of the next visits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to ask for, and what we know of it already. `allow_hosts` may be private on purpose.

    `any_status`: the page that comes with a 404 or 500 is wanted too. `bodiless`: only the answer is, and not the page.
    """

    url: str
    etag: str = ""
    last_modified: str = ""
    accept: str = "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, */*;q=0.5"
    allow_hosts: frozenset[str] = frozenset()
    agent: str = ""
    any_status: bool = False
    bodiless: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What came back. `moved_to`: every redirect on the way was permanent. `retry_after_s`: the server asked to wait.

    `cut_off`: the connection or the packed data ended before the whole body had come; `data` is what came until then.
    `ignored_bytes`: how much stood behind packed data that is no packed data.
    `status` is 0 if no server answered; `server_time` is what the server's clock says.
    """

    outcome: Literal["content", "unchanged", "gone", "failed", "unreached"]
    url: str
    data: bytes = b""
    content_type: str = ""
    etag: str = ""
    last_modified: str = ""
    moved_to: str = ""
    retry_after_s: int | None = None
    reason: str = ""
    cut_off: bool = False
    ignored_bytes: int = 0
    # Not what was fetched, but how: two answers with the same bytes are equal.
    status: int = field(default=0, compare=False)
    server_time: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PostRequest:
    """A JSON document, with the headers that go with it, for one address."""

    url: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    allow_hosts: frozenset[str] = frozenset()
    agent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostResult:
    """Whether it was taken. `gone`: the server wants nothing more. `retry_after_s`: the server asked to wait."""

    outcome: Literal["done", "gone", "failed"]
    retry_after_s: int | None = None
    reason: str = ""


def hosts(names: Collection[str]) -> frozenset[str]:
    """Host names of the settings, for comparing."""
    return frozenset(name.strip().lower().rstrip(".") for name in names)
