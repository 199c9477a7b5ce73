"""The only way out to the network: one address in, bytes or a clear reason out.

Nothing here knows what the bytes mean. That no address leads into a private network: session.py.
"""

import contextlib
import math
import queue
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import NamedTuple, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from newsletter import __version__
from newsletter.sources.http_types import UNREACHED, PostRequest, PostResult, Request, Response
from newsletter.sources.session import (
    TROUBLE,
    Deadline,
    Refused,
    check_address,
    explain,
    open_session,
    printable,
    show_url,
)
from newsletter.sources.unpack import NotUnpacked, TooLarge, Unpacker
from newsletter.sources.waiting import HostTurns, capture, within
from newsletter.stopping import Arm, Interrupted, never_stopped

SIZE_LIMIT = 5_000_000  # decompressed: a gzip bomb of 20 kB can hold 20 MB
TIME_LIMIT_S = 20.0
POST_LIMIT_S = 10.0
ANSWER_LIMIT = 65_536  # what we read, for politeness, of an answer that nobody needs
CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 10.0
REDIRECT_LIMIT = 5
# A hundred feeds that are silent for their 20 s each are asked within two minutes. A host that hosts many of them, or is the
# one that is silent, gets few requests at a time, and takes no more than these turns from the others.
AT_ONCE, OF_ONE_HOST = 24, 4
GRACE_S = 2.0  # after a limit, for the thread to say so itself
LONGEST_RETRY_AFTER_S = 7 * 24 * 3600
_CHUNK = 16_384
_REDIRECTS = {301: True, 308: True, 302: False, 303: False, 307: False}  # code → is it for good?

Key = TypeVar("Key")


def fetch_all(
    wanted: Mapping[Key, Request],
    *,
    done: Callable[[Key], None] = lambda key: None,
    limit_s: float | None = None,
    arm: Arm = never_stopped,
) -> Iterator[tuple[Key, Response]]:
    """Fetch many at a time, but few of one host; results come as they arrive. One that fails never stops the others.

    After `limit_s` seconds those under way have failed, and the rest are `unreached`. Raises Interrupted, if `arm` was given
    a way to be. The threads are waited for by nobody: a silent server or name server must not keep a process that is to end.
    """
    results: queue.SimpleQueue[tuple[Key, Response | BaseException] | None] = queue.SimpleQueue()
    turns, left = (
        HostTurns({key: urlsplit(request.url).netloc for key, request in wanted.items()}, OF_ONE_HOST),
        dict(wanted),
    )
    arm(lambda: results.put(None))

    def work() -> None:
        for key in turns:
            results.put((key, capture(partial(fetch, wanted[key]))))

    for number in range(min(AT_ONCE, len(wanted))):
        threading.Thread(target=work, name=f"fetch {number}", daemon=True).start()
    end = math.inf if limit_s is None else time.monotonic() + limit_s
    try:
        while left and (found := _next(results, end)) is not None:
            key, fetched = found
            del left[key]
            done(key)
            yield key, fetched
    finally:
        unstarted = turns.end()
    for key, request in left.items():
        done(key)
        if key in unstarted:
            yield key, Response(outcome="unreached", url=request.url, reason=UNREACHED)
        else:
            yield key, Response(outcome="failed", url=request.url, reason="did not answer while there was time")


def _next(
    results: "queue.SimpleQueue[tuple[Key, Response | BaseException] | None]", end: float
) -> tuple[Key, Response] | None:
    """The next result; None when the time is over. Raises Interrupted, and what a fetch raised."""
    try:
        found = results.get(timeout=None if end == math.inf else max(0.0, end - time.monotonic()))
    except queue.Empty:
        return None
    if found is None:
        raise Interrupted
    key, result = found
    if isinstance(result, BaseException):
        raise result
    return key, result


def fetch(request: Request) -> Response:
    """One address, at most five redirects, 5 MB and 20 s in all. Network trouble is a value, never an exception."""
    late = Response(outcome="failed", url=request.url, reason=f"took longer than {TIME_LIMIT_S:g} s")
    return within(TIME_LIMIT_S + GRACE_S, lambda: _fetch(request)) or late


def post(request: PostRequest) -> PostResult:
    """One address, no redirect, 10 s in all. Network trouble is a value, never an exception."""
    late = PostResult(outcome="failed", reason=f"took longer than {POST_LIMIT_S:g} s")
    return within(POST_LIMIT_S + GRACE_S, lambda: _post_once(request)) or late


def _fetch(request: Request) -> Response:
    deadline = Deadline(TIME_LIMIT_S)
    try:
        with deadline:
            return _follow(request, deadline)
    except Refused as error:
        reason = str(error)
    except TROUBLE as error:
        reason = f"took longer than {TIME_LIMIT_S:g} s" if deadline.passed else explain(error)
    return Response(outcome="failed", url=request.url, reason=reason)


def _post_once(request: PostRequest) -> PostResult:
    deadline = Deadline(POST_LIMIT_S)
    try:
        with deadline:
            return _post(request, deadline)
    except Refused as error:
        reason = str(error)
    except TROUBLE as error:
        reason = f"took longer than {POST_LIMIT_S:g} s" if deadline.passed else explain(error)
    return PostResult(outcome="failed", reason=reason)


# --- one fetch ------------------------------------------------------------------------------------------------


def _follow(request: Request, deadline: Deadline) -> Response:
    url, moved_to, permanent = request.url, "", True
    for _ in range(REDIRECT_LIMIT + 1):
        check_address(url, request.allow_hosts)
        # A session a hop: a connection kept from the hop before may be dead by now.
        with (
            open_session(request.allow_hosts, deadline) as session,
            contextlib.closing(_ask(session, url, request)) as response,
        ):
            location = response.headers.get("Location")
            if response.status_code not in _REDIRECTS or not location:
                fetched = _read(response, url, moved_to, deadline, request)
                return replace(fetched, status=response.status_code, server_time=_server_time(response.headers))
            permanent = permanent and _REDIRECTS[response.status_code]
            target = urljoin(url, location)
            if url.startswith("https:") and target.startswith("http:"):
                raise Refused(f"redirects from https to plain http ({show_url(target)})")
            url = target
            moved_to = url if permanent else moved_to
    raise Refused(f"redirects more than {REDIRECT_LIMIT} times")


def _ask(session: requests.Session, url: str, request: Request) -> requests.Response:
    timeout = (CONNECT_TIMEOUT_S, READ_TIMEOUT_S)
    return session.get(url, headers=_headers(request), stream=True, allow_redirects=False, timeout=timeout)


def _headers(request: Request) -> dict[str, str]:
    headers = {
        "User-Agent": request.agent or f"newsletter-desk/{__version__}",
        "Accept": request.accept,
        "Accept-Encoding": "gzip",  # what we can count while we unpack it
    }
    if request.etag:
        headers["If-None-Match"] = request.etag
    if request.last_modified:
        headers["If-Modified-Since"] = request.last_modified
    return headers


def _read(response: requests.Response, url: str, moved_to: str, deadline: Deadline, request: Request) -> Response:
    deadline.check()  # headers that were cut off look like headers that ended
    status = response.status_code
    if status == 304:
        return Response(outcome="unchanged", url=url, moved_to=moved_to)
    if status == 410:
        return Response(outcome="gone", url=url, reason="the server says it is gone for good (410)")
    if status != 200:
        return Response(
            outcome="failed",
            url=url,
            data=_read_body(response, deadline).data if request.any_status else b"",
            retry_after_s=_wait(response),
            reason=_answer(response),
        )
    body = _Body() if request.bodiless else _read_body(response, deadline)
    return Response(
        outcome="content",
        url=url,
        data=body.data,
        content_type=response.headers.get("Content-Type", ""),
        etag=response.headers.get("ETag", ""),
        last_modified=response.headers.get("Last-Modified", ""),
        moved_to=moved_to,
        cut_off=body.cut_off,
        ignored_bytes=body.ignored,
    )


class _Body(NamedTuple):
    data: bytes = b""
    cut_off: bool = False
    ignored: int = 0


def _read_body(response: requests.Response, deadline: Deadline) -> _Body:
    """The body, unpacked by us so that the limit counts what comes out.

    `cut_off`: the connection closed before Content-Length bytes or the last chunk had come (RFC 9112 §8), or in the
    middle of packed data.
    """
    unpacker = Unpacker(response.headers.get("Content-Encoding", ""), SIZE_LIMIT)
    broken = False
    try:
        try:
            while piece := response.raw.read1(_CHUNK, decode_content=False):
                unpacker.feed(piece)
                deadline.check()
        except urllib3.exceptions.ProtocolError:
            broken = True
        deadline.check()  # a socket that the deadline has shut looks like a body that ended
        data = unpacker.finish()
    except TooLarge:
        raise Refused(f"is larger than {SIZE_LIMIT // 1_000_000} MB") from None
    except NotUnpacked as error:
        raise Refused(f"sends an encoding that was not asked for ({error})") from None
    except zlib.error:
        raise Refused("is damaged: what it sends cannot be unpacked") from None
    return _Body(data, broken or unpacker.unfinished, unpacker.ignored)


def _answer(response: requests.Response) -> str:
    return f"the server answers {response.status_code} {printable(response.reason)}".rstrip()


def _wait(response: requests.Response) -> int | None:
    return _retry_after(response.headers.get("Retry-After", "")) if response.status_code in (429, 503) else None


def _retry_after(value: str) -> int | None:
    """Seconds or an HTTP date (RFC 9110, 10.2.3) → seconds, a week at most."""
    if value.strip().isdecimal():
        return min(int(value.strip()), LONGEST_RETRY_AFTER_S)
    try:
        seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return None
    return max(0, min(int(seconds), LONGEST_RETRY_AFTER_S))


def _server_time(headers: Mapping[str, str]) -> datetime | None:
    """The Date of an answer, and how long it lay in a cache since (RFC 9111, 5.1)."""
    age = headers.get("Age", "").strip()
    try:
        date = parsedate_to_datetime(headers.get("Date", ""))
    except (TypeError, ValueError):
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return date + timedelta(seconds=int(age)) if age.isdecimal() and len(age) < 10 else date


# --- one post -------------------------------------------------------------------------------------------------


def _post(request: PostRequest, deadline: Deadline) -> PostResult:
    check_address(request.url, request.allow_hosts)
    headers = {
        "User-Agent": request.agent or f"newsletter-desk/{__version__}",
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
        **request.headers,
    }
    timeout = (CONNECT_TIMEOUT_S, POST_LIMIT_S)
    with open_session(request.allow_hosts, deadline) as session:
        response = session.post(
            request.url, data=request.body, headers=headers, stream=True, allow_redirects=False, timeout=timeout
        )
        deadline.check()  # headers that were cut off look like headers that ended
        # The status is the answer. What comes after it, or does not come, changes nothing: they have heard it.
        with contextlib.closing(response), contextlib.suppress(*TROUBLE):
            response.raw.read(ANSWER_LIMIT, decode_content=False)
    if 200 <= response.status_code < 300:
        return PostResult(outcome="done")
    if response.status_code == 410:
        return PostResult(outcome="gone", reason="the server says it is gone for good (410)")
    return PostResult(outcome="failed", retry_after_s=_wait(response), reason=_answer(response))
