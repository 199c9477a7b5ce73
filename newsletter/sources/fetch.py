"""The only way out to the network: one address in, bytes or a clear reason out.

Every hop is resolved once, every answer is checked, and the connection goes to the checked address
(security T8, T10-T12). Nothing here knows what the bytes mean.
"""

import contextlib
import socket
import threading
import time
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from AntiSSRF import AntiSSRFError, AntiSSRFPolicy, PolicyConfigOptions
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from newsletter import __version__

SIZE_LIMIT = 5_000_000  # decompressed: a gzip bomb of 20 kB can hold 20 MB
TIME_LIMIT_S = 20.0
CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 10.0
REDIRECT_LIMIT = 5
AT_ONCE = 8
LONGEST_RETRY_AFTER_S = 7 * 24 * 3600
_CHUNK = 16_384
_REDIRECTS = {301: True, 308: True, 302: False, 303: False, 307: False}  # code → is it for good?

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to ask for, and what we know of it already. `allow_hosts` may be private on purpose."""

    url: str
    etag: str = ""
    last_modified: str = ""
    accept: str = "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, */*;q=0.5"
    allow_hosts: frozenset[str] = frozenset()
    agent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What came back. `moved_to`: every redirect on the way was permanent. `retry_after_s`: the server asked to wait."""

    outcome: Literal["content", "unchanged", "gone", "failed"]
    url: str
    data: bytes = b""
    content_type: str = ""
    etag: str = ""
    last_modified: str = ""
    moved_to: str = ""
    retry_after_s: int | None = None
    reason: str = ""


def fetch_all(
    wanted: Mapping[Key, Request], *, done: Callable[[Key], None] = lambda key: None
) -> Iterator[tuple[Key, Fetched]]:
    """Fetch eight at a time; results come as they arrive. One that fails never stops the others."""
    with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="fetch") as pool:
        futures: dict[Future[Fetched], Key] = {pool.submit(fetch, request): key for key, request in wanted.items()}
        for future in as_completed(futures):
            key = futures[future]
            done(key)
            yield key, future.result()


def fetch(request: Request) -> Fetched:
    """One address, at most five redirects, 5 MB and 20 s in all. Network trouble is a value, never an exception."""
    deadline = _Deadline(TIME_LIMIT_S)
    try:
        with deadline:
            return _follow(request, deadline)
    except _Refused as error:
        reason = str(error)
    except (
        AntiSSRFError,
        requests.RequestException,
        urllib3.exceptions.HTTPError,
        OSError,
        ValueError,
        zlib.error,
    ) as error:
        reason = "took longer than 20 s" if deadline.passed else _explain(error)
    return Fetched(outcome="failed", url=request.url, reason=reason)


class _Refused(Exception):
    """We do not go there, or do not take that."""


# --- one fetch ------------------------------------------------------------------------------------------------


def _follow(request: Request, deadline: "_Deadline") -> Fetched:
    url, moved_to, permanent = request.url, "", True
    for _ in range(REDIRECT_LIMIT + 1):
        _check_address(url, request)
        # A session a hop: a connection kept from the hop before may be dead by now.
        with (
            _open_session(request, deadline) as session,
            contextlib.closing(_ask(session, url, request)) as response,
        ):
            location = response.headers.get("Location")
            if response.status_code not in _REDIRECTS or not location:
                return _read(response, url, moved_to, deadline)
            permanent = permanent and _REDIRECTS[response.status_code]
            target = urljoin(url, location)
            if url.startswith("https:") and target.startswith("http:"):
                raise _Refused(f"redirects from https to plain http ({_show(target)})")
            url = target
            moved_to = url if permanent else moved_to
    raise _Refused(f"redirects more than {REDIRECT_LIMIT} times")


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


def _read(response: requests.Response, url: str, moved_to: str, deadline: "_Deadline") -> Fetched:
    status = response.status_code
    wait = _retry_after(response.headers.get("Retry-After", "")) if status in (429, 503) else None
    if status == 304:
        return Fetched(outcome="unchanged", url=url, moved_to=moved_to)
    if status == 410:
        return Fetched(outcome="gone", url=url, reason="the server says it is gone for good (410)")
    if status != 200:
        return Fetched(
            outcome="failed",
            url=url,
            retry_after_s=wait,
            reason=f"the server answers {status} {_printable(response.reason)}".rstrip(),
        )
    return Fetched(
        outcome="content",
        url=url,
        data=_read_body(response, deadline),
        content_type=response.headers.get("Content-Type", ""),
        etag=response.headers.get("ETag", ""),
        last_modified=response.headers.get("Last-Modified", ""),
        moved_to=moved_to,
    )


def _read_body(response: requests.Response, deadline: "_Deadline") -> bytes:
    """The body, decompressed by us, so that the limit counts what comes out and not what went in."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("identity", "", "gzip", "x-gzip", "deflate"):
        raise _Refused(f"sends an encoding that was not asked for ({_printable(encoding)})")
    inflate = zlib.decompressobj(47) if encoding not in ("identity", "") else None  # 47: gzip or zlib by its header
    body = bytearray()
    while chunk := response.raw.read1(_CHUNK, decode_content=False):
        body += inflate.decompress(chunk, SIZE_LIMIT + 1 - len(body)) if inflate else chunk
        if len(body) > SIZE_LIMIT or (inflate and inflate.unconsumed_tail):
            raise _Refused(f"is larger than {SIZE_LIMIT // 1_000_000} MB")
        deadline.check()
    deadline.check()
    if inflate:
        if not inflate.eof:
            raise _Refused("breaks off in the middle")
        body += inflate.flush()
    return bytes(body)


def _retry_after(value: str) -> int | None:
    """Seconds or an HTTP date (RFC 9110, 10.2.3) → seconds, a week at most."""
    if value.strip().isdigit():
        return min(int(value.strip()), LONGEST_RETRY_AFTER_S)
    try:
        seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return None
    return max(0, min(int(seconds), LONGEST_RETRY_AFTER_S))


# --- where we may go ------------------------------------------------------------------------------------------


def _check_address(url: str, request: Request) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _Refused(f"leads to {_show(url)}, which is no web address")
    if parts.hostname in request.allow_hosts:
        return
    if parts.port not in (None, 80, 443):
        raise _Refused(
            f"uses port {parts.port}; only 80 and 443 are allowed, unless fetch.allow_hosts names {parts.hostname}"
        )


def _open_session(request: Request, deadline: "_Deadline") -> requests.Session:
    """A requests session whose every connection is to a checked address and ends at the deadline."""
    policy = AntiSSRFPolicy(PolicyConfigOptions.EXTERNAL_ONLY_LATEST)
    policy.allow_plain_text_http = True
    policy.add_xff_header = False  # its default would announce us as a proxy
    session: requests.Session = policy.get_antissrf_session()
    session.trust_env = False  # a proxy would resolve names itself, and .netrc would send passwords
    guarded = session.get_adapter
    trusted = HTTPAdapter()

    def get_adapter(url: str) -> Any:
        return trusted if urlsplit(url).hostname in request.allow_hosts else guarded(url)

    session.get_adapter = get_adapter  # type: ignore[method-assign]
    for adapter in (trusted, *session.adapters.values()):
        deadline.watch(adapter.poolmanager)  # type: ignore[attr-defined]
    return session


@dataclass
class _Deadline:
    """Wall time for a whole fetch: when it is over, the open sockets are shut, whatever a server drips."""

    seconds: float
    passed: bool = False
    sockets: list[socket.socket] = field(default_factory=list)

    def __enter__(self) -> "_Deadline":
        self.end = time.monotonic() + self.seconds
        self.timer = threading.Timer(self.seconds, self._shut)
        self.timer.daemon = True
        self.timer.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.timer.cancel()

    def check(self) -> None:
        if self.passed or time.monotonic() > self.end:
            self.passed = True
            raise _Refused(f"took longer than {self.seconds:g} s")

    def _shut(self) -> None:
        self.passed = True
        for sock in self.sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def watch(self, pools: Any) -> None:
        """Make the pool manager's connections leave their socket here as soon as it is open."""
        sockets = self.sockets

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                sockets.append(super()._new_conn())
                return sockets[-1]

        class Secure(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                sockets.append(super()._new_conn())
                return sockets[-1]

        http = type("Pool", (HTTPConnectionPool,), {"ConnectionCls": Plain})
        https = type("Pool", (HTTPSConnectionPool,), {"ConnectionCls": Secure})
        pools.pool_classes_by_scheme = {"http": http, "https": https}


# --- what we say ----------------------------------------------------------------------------------------------


def _explain(error: Exception) -> str:
    """A sentence for a person; libraries wrap the reason three deep."""
    for cause in _chain(error):
        if isinstance(cause, AntiSSRFError):
            if "denied" in str(cause):
                return (
                    "leads to a private or reserved address; if that is on purpose, name its host in fetch.allow_hosts"
                )
            return "leads to an address that cannot be checked"
        if isinstance(cause, socket.gaierror):
            return "its host name is not known"
        if isinstance(cause, TimeoutError):
            return "does not answer in time"
        if isinstance(cause, ConnectionRefusedError):
            return "refuses the connection"
    names = {type(error).__name__ for error in _chain(error)}
    if names & {"SSLError", "SSLCertVerificationError"}:
        return "its certificate cannot be trusted"
    return f"cannot be read ({type(error).__name__})"


def _chain(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _show(url: str) -> str:
    """An address for a message: no password, no query, nothing unprintable."""
    parts = urlsplit(url)
    return _printable(f"{parts.scheme}://{parts.hostname or ''}{parts.path}")[:120]


def _printable(text: str | None) -> str:
    return "".join(character for character in text or "" if character.isprintable())[:200]


def hosts(names: Collection[str]) -> frozenset[str]:
    """Host names of the settings, for comparing."""
    return frozenset(name.strip().lower().rstrip(".") for name in names)
