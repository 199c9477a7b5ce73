"""The door to the network: what it lets in, where it refuses to go, and that nothing keeps it waiting (security T8, T10-T12)."""

import gzip
import socket
import time
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
import urllib3.util.connection

from newsletter.sources import fetch as fetching
from newsletter.sources.fetch import fetch, fetch_all
from newsletter.sources.http_types import Request, Response, hosts
from tests.web_server import WebServer, serve

HERE = hosts(["127.0.0.1"])
# Of 0.05 s each: no machine is so slow that they would all come within a limit of 0.6 s.
PIECES = 2000


@pytest.fixture
def server() -> Iterator[WebServer]:
    with serve() as one:
        yield one


def get(url: str, etag: str = "", last_modified: str = "") -> Response:
    return fetch(Request(url=url, allow_hosts=HERE, etag=etag, last_modified=last_modified))


def test_bytes_come_back_with_what_is_known_of_them(server: WebServer) -> None:
    url = server.give(
        "/feed",
        b"<rss/>",
        Content_Type="application/rss+xml",
        ETag='"1"',
        Last_Modified="Mon, 07 Jul 2025 05:00:00 GMT",
    )
    fetched = get(url)
    assert fetched == Response(
        outcome="content",
        url=url,
        data=b"<rss/>",
        content_type="application/rss+xml",
        etag='"1"',
        last_modified="Mon, 07 Jul 2025 05:00:00 GMT",
    )
    headers = server.hits[0][1]
    assert headers["User-Agent"].startswith("newsletter-desk/")
    assert headers["Accept-Encoding"] == "gzip"
    assert "X-Forwarded-For" not in headers
    assert "Cookie" not in headers


def test_what_is_known_is_asked_for_again_and_304_is_unchanged(server: WebServer) -> None:
    url = server.give("/feed", status=304)
    assert get(url, etag='"1"', last_modified="yesterday").outcome == "unchanged"
    assert server.hits[0][1]["If-None-Match"] == '"1"'
    assert server.hits[0][1]["If-Modified-Since"] == "yesterday"


@pytest.mark.parametrize(("code", "moved"), [(301, True), (308, True), (302, False), (303, False), (307, False)])
def test_only_a_permanent_redirect_says_that_it_moved(server: WebServer, code: int, moved: bool) -> None:
    server.give("/new", b"x")
    url = server.give("/old", status=code, Location="/new")
    fetched = get(url)
    assert (fetched.outcome, fetched.url) == ("content", server.url("/new"))
    assert fetched.moved_to == (server.url("/new") if moved else "")


def test_a_temporary_step_on_the_way_makes_the_move_temporary(server: WebServer) -> None:
    server.give("/c", b"x")
    server.give("/b", status=302, Location="/c")
    assert get(server.give("/a", status=301, Location="/b")).moved_to == server.url("/b")


def test_five_redirects_are_enough(server: WebServer) -> None:
    for number in range(9):
        server.give(f"/{number}", status=302, Location=f"/{number + 1}")
    assert get(server.url("/0")).reason == "redirects more than 5 times"
    assert len(server.hits) == 6


@pytest.mark.parametrize(
    ("status", "headers", "outcome", "wait"),
    [
        (410, {}, "gone", None),
        (404, {}, "failed", None),
        (500, {}, "failed", None),
        (429, {"Retry_After": "120"}, "failed", 120),
        (503, {"Retry_After": "99999999999"}, "failed", 7 * 24 * 3600),
        (503, {"Retry_After": "Mon, 07 Jul 2025 05:00:00 GMT"}, "failed", 0),
        (503, {"Retry_After": "soon"}, "failed", None),
        (404, {"Retry_After": "120"}, "failed", None),
    ],
)
def test_refusals_are_values(
    server: WebServer, status: int, headers: dict[str, Any], outcome: str, wait: int | None
) -> None:
    fetched = get(server.give("/x", status=status, **headers))
    assert (fetched.outcome, fetched.retry_after_s) == (outcome, wait)
    assert str(status) in fetched.reason


# --- T8: bombs, drips, broken streams -------------------------------------------------------------------------------


def test_gzip_is_unpacked(server: WebServer) -> None:
    for name, packed in (("gzip", gzip.compress(b"hello")), ("deflate", zlib.compress(b"hello"))):
        assert get(server.give("/x", packed, Content_Encoding=name)).data == b"hello"


@pytest.mark.parametrize("megabytes", [6, 20, 200])
def test_t8_a_gzip_bomb_is_refused_while_it_is_unpacked(server: WebServer, megabytes: int) -> None:
    bomb = gzip.compress(bytes(megabytes * 1_000_000), compresslevel=9)
    assert len(bomb) < 250_000
    assert get(server.give("/x", bomb, Content_Encoding="gzip")).reason == "is larger than 5 MB"


def test_t8_too_many_plain_bytes_are_refused(server: WebServer) -> None:
    assert get(server.give("/x", bytes(5_000_001))).reason == "is larger than 5 MB"
    assert len(get(server.give("/y", bytes(5_000_000))).data) == 5_000_000


def test_t8_an_endless_body_ends(server: WebServer) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(bytes(65536))

    assert get(server.script("/x", endless)).reason == "is larger than 5 MB"


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "compress"])
def test_t8_only_one_layer_of_a_known_packing_is_opened(server: WebServer, encoding: str) -> None:
    reason = get(server.give("/x", gzip.compress(gzip.compress(b"x")), Content_Encoding=encoding)).reason
    assert reason.startswith("sends an encoding that was not asked for")


def test_t8_packed_data_that_is_damaged_is_told(server: WebServer) -> None:
    packed = bytearray(gzip.compress(b"hello" * 1000))
    packed[-6] ^= 1  # its checksum
    assert get(server.give("/x", bytes(packed))).reason == "is damaged: what it sends cannot be unpacked"


@pytest.mark.parametrize("where", ["status", "headers", "body"])
def test_t8_a_dripping_server_is_left_after_the_time_limit(
    server: WebServer, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "TIME_LIMIT_S", 0.6)
    written: list[int] = []

    def drip(handler: BaseHTTPRequestHandler) -> None:
        if where != "status":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        if where == "body":
            handler.wfile.write(b"\r\n")
        for piece in range(PIECES):
            written.append(piece)
            handler.wfile.write(
                b"HTTP/1.1 200 OK\r\n"[:1] if where == "status" else b"X-A: b\r\n" if where == "headers" else b"x"
            )
            handler.wfile.flush()
            time.sleep(0.05)

    fetched = fetch(Request(url=server.script("/x", drip), allow_hosts=HERE, bodiless=where == "headers"))
    assert fetched.outcome == "failed"
    assert "took longer than" in fetched.reason
    assert len(written) < PIECES, "it was waited for until it had said all"


def test_one_that_fails_never_stops_the_others(server: WebServer) -> None:
    wanted = {
        name: Request(url=server.give(f"/{name}", name.encode(), status=status), allow_hosts=HERE)
        for name, status in (("a", 200), ("b", 500), ("c", 200))
    }
    wanted["d"] = Request(url="http://127.0.0.1:9/", allow_hosts=HERE)
    wanted["e"] = Request(url="no address at all")
    seen: list[str] = []
    results = dict(fetch_all(wanted, done=seen.append))
    assert {name: one.outcome for name, one in results.items()} == {
        "a": "content",
        "b": "failed",
        "c": "content",
        "d": "failed",
        "e": "failed",
    }
    assert sorted(seen) == list("abcde")


# --- T10-T12: where we do not go ------------------------------------------------------------------------------------

PRIVATE = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://0.0.0.0/",
    "http://0/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://127.0.0.1.:80/",
    "http://localhost/",
    "http://LOCALHOST./",
    "http://[::1]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[fe80::1]/",
    "http://[fc00::1]/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://198.18.0.1/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "https://user:secret@127.0.0.1/",
    "http://192.0.2.1/",
    "http://240.0.0.1/",
]
NO_ADDRESS = [
    "file:///etc/passwd",
    "ftp://example.org/",
    "gopher://127.0.0.1/",
    "http://",
    "http:///x",
    "javascript:alert(1)",
    "//127.0.0.1/",
    "http://[half/",
]


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every address a connection is opened to; none is really opened."""
    opened: list[Any] = []

    def connect(address: Any, *args: Any, **options: Any) -> socket.socket:
        opened.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(urllib3.util.connection, "create_connection", connect)
    monkeypatch.setattr("urllib3.connection.connection.create_connection", connect)
    return opened


@pytest.mark.parametrize("url", PRIVATE)
def test_t10_no_private_address_in_any_spelling(url: str, connections: list[Any]) -> None:
    fetched = fetch(Request(url=url))
    assert fetched.outcome == "failed"
    assert connections == []
    assert "secret" not in fetched.reason
    assert fetched.reason.startswith(
        (
            "leads to a private or reserved address",
            "leads to an address that cannot",
            "its host name is not known",
            "cannot be read",
        )
    )


@pytest.mark.parametrize("url", NO_ADDRESS)
def test_t10_nothing_but_the_web(url: str, connections: list[Any]) -> None:
    assert fetch(Request(url=url)).outcome == "failed"
    assert connections == []


def test_t10_other_ports_need_permission(connections: list[Any]) -> None:
    assert fetch(Request(url="http://93.184.216.34:22/")).reason.startswith("uses port 22; only 80 and 443 are allowed")
    assert connections == []
    assert fetch(Request(url="http://93.184.216.34:80/")).reason == "refuses the connection"
    assert connections == [("93.184.216.34", 80)]


@pytest.mark.parametrize(
    "target",
    [
        "http://localhost:{port}/secret",
        "http://127.0.0.2:{port}/secret",
        "http://[::1]/secret",
        "file:///etc/passwd",
        "http://169.254.169.254/",
    ],
)
def test_t11_a_redirect_to_a_private_address_is_not_followed(server: WebServer, target: str) -> None:
    server.give("/secret", b"secret")
    url = server.give("/feed", status=302, Location=target.format(port=server.port))
    fetched = get(url)
    assert fetched.outcome == "failed"
    assert fetched.data == b""
    assert [path for path, _ in server.hits] == ["/feed"]


def test_t11_a_redirect_from_https_to_http_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Response:
        status_code = 302
        headers = {"Location": "http://example.org/"}  # noqa: RUF012 - a stand-in for one answer

        def close(self) -> None:
            pass

    class Session:
        def __enter__(self) -> "Session":
            return self

        def __exit__(self, *exception: object) -> None:
            pass

        def get(self, url: str, **options: object) -> Response:
            return Response()

    monkeypatch.setattr(fetching, "open_session", lambda request, deadline: Session())
    assert (
        fetch(Request(url="https://example.org/")).reason == "redirects from https to plain http (http://example.org/)"
    )


def test_t12_the_address_that_was_checked_is_the_one_that_is_used(
    connections: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["93.184.216.34", "127.0.0.1", "127.0.0.1"])

    def resolve(host: str, port: object, *args: object, **options: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port or 0))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    fetch(Request(url="http://rebind.example/"))
    assert [address[0] for address in connections] == ["93.184.216.34"]


def test_t12_one_private_answer_among_several_is_enough_to_refuse(
    connections: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolve(host: str, port: object, *args: object, **options: object) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port or 0))
            for address in ("93.184.216.34", "10.0.0.1")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert fetch(Request(url="http://mixed.example/")).outcome == "failed"
    assert connections == []


def test_t12_no_proxy_and_no_password_file_of_the_environment_is_used(
    server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9/")
    assert get(server.give("/x", b"direct")).data == b"direct"
