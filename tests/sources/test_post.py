"""The door to the network, outwards: what a server says to what it is told, and where nothing is told (security T8, T10, T11)."""

import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from newsletter.sources import fetch as fetching
from newsletter.sources.fetch import post
from newsletter.sources.http_types import PostRequest, PostResult, hosts
from tests.web_server import WebServer, serve

HERE = hosts(["127.0.0.1"])
# Of 0.05 s each: no machine is so slow that they would all come within a limit of 0.6 s.
PIECES = 2000


@pytest.fixture
def server() -> Iterator[WebServer]:
    with serve() as one:
        yield one


def send(url: str) -> PostResult:
    return post(PostRequest(url=url, body=b'{"a": 1}', headers={"webhook-id": "x"}, allow_hosts=HERE))


@pytest.mark.parametrize(
    ("status", "headers", "outcome", "wait"),
    [
        (200, {}, "done", None),
        (202, {}, "done", None),
        (204, {}, "done", None),
        (400, {}, "failed", None),
        (410, {}, "gone", None),
        (429, {"Retry_After": "120"}, "failed", 120),
        (500, {}, "failed", None),
        (503, {"Retry_After": "9" * 20}, "failed", 7 * 24 * 3600),
    ],
)
def test_answers(server: WebServer, status: int, headers: dict[str, Any], outcome: str, wait: int | None) -> None:
    posted = send(server.give("/in", b"", status=status, **headers))
    assert (posted.outcome, posted.retry_after_s) == (outcome, wait)
    assert outcome == "done" or str(status) in posted.reason
    assert server.bodies == [b'{"a": 1}']


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_t11_no_redirect_is_followed(server: WebServer, status: int) -> None:
    server.give("/secret")
    posted = send(server.give("/in", status=status, Location="/secret"))
    assert posted.outcome == "failed"
    assert str(status) in posted.reason
    assert [path for path, _ in server.hits] == ["/in"]


@pytest.mark.parametrize(("status", "outcome"), [(200, "done"), (500, "failed")])
def test_t8_of_an_endless_answer_only_the_beginning_is_read(server: WebServer, status: int, outcome: str) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.end_headers()
        while True:
            handler.wfile.write(bytes(65_536))
            written.append(65_536)

    written: list[int] = []
    assert send(server.script("/in", endless)).outcome == outcome
    assert sum(written) < 64_000_000, "more than what lies in buffers on the way"


def test_t8_endless_headers_are_refused(server: WebServer) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            handler.wfile.write(b"X-A: b\r\n" * 100)

    assert send(server.script("/in", endless)).outcome == "failed"


@pytest.mark.parametrize(("where", "outcome"), [("status", "failed"), ("headers", "failed"), ("body", "done")])
def test_t8_a_slow_server_is_left_after_the_time_limit(
    server: WebServer, where: str, outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once it has said that it took the call, how slowly it says the rest does not make it a failure."""
    monkeypatch.setattr(fetching, "POST_LIMIT_S", 0.6)

    def drip(handler: BaseHTTPRequestHandler) -> None:
        begin = {"status": b"", "headers": b"HTTP/1.1 200 OK\r\n", "body": b"HTTP/1.1 200 OK\r\n\r\n"}[where]
        handler.wfile.write(begin)
        for piece in range(PIECES):
            written.append(piece)
            handler.wfile.write({"status": b"H", "headers": b"X-A: b\r\n", "body": b"x"}[where])
            handler.wfile.flush()
            time.sleep(0.05)

    written: list[int] = []
    assert send(server.script("/in", drip)).outcome == outcome
    assert len(written) < PIECES, "it was waited for until it had said all"


def test_nobody_there_is_a_failure_with_a_reason() -> None:
    assert send("http://127.0.0.1:9/").reason == "refuses the connection"


# --- T10: where we do not go ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/",
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://2130706433/",
        "http://10.0.0.1/",
        "http://[::ffff:127.0.0.1]/",
        "https://user:secret@192.168.1.1/",
        "http://93.184.216.34:22/",
        "file:///etc/passwd",
    ],
)
def test_t10_no_private_address_and_no_other_port(url: str) -> None:
    posted = post(PostRequest(url=url, body=b"{}"))
    assert posted.outcome == "failed"
    assert posted.reason.startswith(("leads to", "uses port 22", "cannot be read"))
    assert "secret" not in posted.reason
