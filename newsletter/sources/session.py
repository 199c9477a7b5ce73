"""A session that goes to checked addresses only, and ends in time: what fetching and posting share.

Every host is resolved once, every answer is checked, and the connection goes to the checked address
(security T8, T10-T12).
"""

import contextlib
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from AntiSSRF import AntiSSRFError, AntiSSRFPolicy, PolicyConfigOptions
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from newsletter.text.tls_faults import tell_tls_fault


class Refused(Exception):
    """We do not go there, or do not take that."""


UNKNOWN_HOST = "its host name is not known"
# What libraries raise on the way; `explain` says it in a sentence.
TROUBLE = (AntiSSRFError, requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError, zlib.error)


# --- where we may go ------------------------------------------------------------------------------------------


def check_address(url: str, allow_hosts: frozenset[str]) -> None:
    """Raises Refused for what is no web address, or has a port that nobody allowed."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Refused(f"leads to {show_url(url)}, which is no web address")
    if parts.hostname in allow_hosts:
        return
    if parts.port not in (None, 80, 443):
        raise Refused(
            f"uses port {parts.port}; only 80 and 443 are allowed, unless fetch.allow_hosts names {parts.hostname}"
        )


def open_session(allow_hosts: frozenset[str], deadline: "Deadline") -> requests.Session:
    """A requests session whose every connection is to a checked address and ends at the deadline."""
    policy = AntiSSRFPolicy(PolicyConfigOptions.EXTERNAL_ONLY_LATEST)
    policy.allow_plain_text_http = True
    policy.add_xff_header = False  # its default would announce us as a proxy
    session: requests.Session = policy.get_antissrf_session()
    session.trust_env = False  # a proxy would resolve names itself, and .netrc would send passwords
    guarded = session.get_adapter
    trusted = HTTPAdapter()

    def get_adapter(url: str) -> Any:
        return trusted if urlsplit(url).hostname in allow_hosts else guarded(url)

    session.get_adapter = get_adapter  # type: ignore[method-assign]
    for adapter in (trusted, *session.adapters.values()):
        deadline.watch(adapter.poolmanager)  # type: ignore[attr-defined]
    return session


@dataclass
class Deadline:
    """Wall time for a whole fetch: when it is over, the open sockets are shut, whatever a server drips."""

    seconds: float
    passed: bool = False
    sockets: list[socket.socket] = field(default_factory=list)

    def __enter__(self) -> "Deadline":
        self.end = time.monotonic() + self.seconds
        self.timer = threading.Timer(self.seconds, self._shut)
        self.timer.daemon = True
        self.timer.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.timer.cancel()

    def check(self) -> None:
        """Raises Refused when it is over."""
        if self.passed or time.monotonic() > self.end:
            self.passed = True
            raise Refused(f"took longer than {self.seconds:g} s")

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


def explain(error: Exception) -> str:
    """A sentence for a person; libraries wrap the reason three deep."""
    for cause in _chain(error):
        if isinstance(cause, AntiSSRFError):
            if "denied" in str(cause):
                return (
                    "leads to a private or reserved address; if that is on purpose, name its host in fetch.allow_hosts"
                )
            return "leads to an address that cannot be checked"
        if isinstance(cause, socket.gaierror):
            return UNKNOWN_HOST
        if isinstance(cause, TimeoutError):
            return "does not answer in time"
        if isinstance(cause, ConnectionRefusedError):
            return "refuses the connection"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "its certificate cannot be trusted"
        if isinstance(cause, ssl.SSLError):
            return tell_tls_fault(cause)
    return f"cannot be read ({type(error).__name__})"


def _chain(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause:
        yield cause
        cause = cause.__cause__ or cause.__context__


def show_url(url: str) -> str:
    """An address for a message: no password, no query, nothing unprintable."""
    parts = urlsplit(url)
    return printable(f"{parts.scheme}://{parts.hostname or ''}{parts.path}")[:120]


def printable(text: str | None) -> str:
    """What a server said, for a message."""
    return "".join(character for character in text or "" if character.isprintable())[:200]
