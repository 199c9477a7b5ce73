"""Every route: what GET must not do, what every answer carries, what a hostile request gets."""

import asyncio
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from starlette.routing import Route

from newsletter.cli.serve import make_note
from newsletter.errors import InputError, Mistake
from newsletter.flows.build import render_issue
from newsletter.flows.freeze import freeze_issue
from newsletter.rendering.icon import draw_icons
from newsletter.store.database import Store
from newsletter.store.mailed_links import make_link
from newsletter.web.app import ROUTES
from newsletter.web.guard import BODY_LIMIT, HEADERS
from newsletter.web.limits import find_client
from newsletter.web.pages import tell
from tests.serving import Desk, Pages, listening
from tests.web.conftest import READER

SLUG = "2025-07-07-weekly"


def content_hash(store: Store) -> str:
    """All rows of all tables."""
    from newsletter.store.schema import metadata

    whole = hashlib.sha256()
    with store.reading() as connection:
        for table in metadata.sorted_tables:
            rows = sorted(repr(tuple(row)) for row in connection.execute(table.select()))
            whole.update(f"{table.name}{rows}".encode())
    return whole.hexdigest()


def addresses(desk: Desk) -> list[str]:
    """An address of every route, with tokens that work."""
    number = 1
    own = {
        "/confirm/{token}": f"/confirm/{make_link(desk.store, number, 'confirm', desk.clock())}",
        "/p/{token}": f"/p/{make_link(desk.store, number, 'preferences', desk.clock())}",
        "/u/{token}": desk.link("/u/", READER),
        "/search": "/search?q=Baku",
    }
    found = []
    for route in ROUTES:
        assert isinstance(route, Route)
        if route.path == "/{path:path}":
            found += [
                "/",
                f"/{SLUG}/",
                "/themes/caucasus/",
                "/feed.xml",
                "/atom.xml",
                "/feed.json",
                "/follow/",
                "/no",
                "/a/b/",
            ]
        else:
            found.append(own.get(route.path, route.path))
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_t27_no_scanner_changes_anything(sent: Desk, method: str) -> None:
    tried = addresses(sent)
    before, pages = content_hash(sent.store), sent.pages()
    for address in tried:
        pages.ask(method, address)
        pages.ask(method, f"{address}?action=erase-sure&only=1&themes=caucasus", body=b"List-Unsubscribe=One-Click")
    assert content_hash(sent.store) == before


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "DELETE"])
def test_t35_every_answer_carries_the_headers(sent: Desk, method: str) -> None:
    pages = sent.pages()
    for address in addresses(sent):
        answer = pages.ask(method, address)
        for name, value in HEADERS.items():
            assert answer.headers[name.lower()] == value, (address, name)
        assert "set-cookie" not in answer.headers
        assert answer.headers["strict-transport-security"]


def test_t35_a_fault_of_ours_carries_them_too_and_tells_nothing(sent: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = sent.pages()

    def fail(*anything: Any, **more: Any) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(type(sent.server.public.archive), "search", fail)
    answer = pages.get("/search?q=x")
    assert answer.status == 500
    assert answer.headers["content-security-policy"] == HEADERS["Content-Security-Policy"]
    assert "secret detail" not in answer.text
    assert [note["error"] for note in sent.notes if note["event"] == "fault"] == ["RuntimeError"]
    assert "secret detail" not in json.dumps(sent.notes, default=str)


def test_t36_tokens_are_in_no_log_no_cache_and_no_referrer(sent: Desk) -> None:
    pages = sent.pages()
    secrets = [address for address in addresses(sent) if re.match("/(u|p|confirm)/", address)]
    assert len(secrets) == 3
    for address in secrets:
        for method in ("GET", "POST"):
            answer = pages.ask(method, address)
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert "no-store" in answer.headers["cache-control"]
            assert "location" not in answer.headers
    logged = json.dumps(sent.notes, default=str)
    assert not [address for address in secrets if address.rpartition("/")[2] in logged]
    assert READER not in logged


def test_t53_a_log_line_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    note = make_note(quiet=False)
    note("request", path="/a\r\n{}\x1b[2J", reply="550 bad\nlevel=critical")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "\x1b" not in lines[0]


@pytest.mark.parametrize("name", ["host", "x-forwarded-host", "x-forwarded-proto", "forwarded", "x-original-url"])
def test_t40_no_header_of_a_request_gets_into_a_page(sent: Desk, name: str) -> None:
    pages = sent.pages()
    for address in ("/", "/subscribe", f"/{SLUG}", "/nothing", sent.link("/u/", READER)):
        answer = pages.ask("GET", address, headers={name: "evil.example"})
        assert "evil.example" not in answer.text + str(answer.headers)


def test_t41_forwarded_addresses_are_believed_from_trusted_proxies_only() -> None:
    proxies = ["10.0.0.0/8", "::1"]
    assert find_client("203.0.113.1", ["1.2.3.4"], proxies) == "203.0.113.1"
    assert find_client("10.1.1.1", ["1.2.3.4, 198.51.100.2"], proxies) == "198.51.100.2"
    assert find_client("10.1.1.1", ["1.2.3.4, 198.51.100.2, 10.9.9.9"], proxies) == "198.51.100.2"
    assert find_client("10.1.1.1", ["1.2.3.4", "198.51.100.2"], proxies) == "198.51.100.2"
    assert find_client("10.1.1.1", ["nonsense"], proxies) == "unknown"
    assert find_client("10.1.1.1", [], proxies) == "10.1.1.1"
    assert find_client("", ["1.2.3.4"], proxies) == "unknown"


def test_t42_too_much_is_refused(pages: Pages) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    for path in ("/subscribe", "/preferences", "/u/x", "/p/x", "/confirm/x"):
        assert pages.ask("POST", path, body=b"x" * (BODY_LIMIT + 1), headers=form).status == 413
        assert pages.ask("POST", path, chunks=[b"x" * 1000] * 70, headers=form).status == 413
    assert pages.ask("POST", "/subscribe", body=b"a=1&" * 5000, headers=form).status == 400
    multipart = {"content-type": "multipart/form-data; boundary=b"}
    part = b'--b\r\nContent-Disposition: form-data; name="a"; filename="x"\r\n\r\nx\r\n'
    assert pages.ask("POST", "/subscribe", body=part * 3 + b"--b--\r\n", headers=multipart).status == 400
    for body in (b"", b"--b", b"--b\r\n\r\n", b"\x00" * 100, b"--b\r\nContent-Disposition: form-data\r\n\r\n"):
        assert pages.ask("POST", "/subscribe", body=body, headers=multipart).status == 400


def test_t42_a_slow_body_is_not_waited_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    monkeypatch.setattr("newsletter.web.guard.BODY_SECONDS", 0.05)
    pages = desk.pages()
    sent: list[Any] = []

    async def never() -> Any:
        await asyncio.sleep(30)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/subscribe", "headers": [], "client": ("203.0.113.9", 1)}
    asyncio.run(pages.app(scope, never, send))
    assert sent[0]["status"] == 408


@pytest.mark.parametrize(
    "path",
    ["/../newsletter.toml", "/..%2fnewsletter.toml", "//etc/passwd", "/%2e%2e/newsletter.db", "/themes/../../newsletter.key",
     "/newsletter.toml", "/issues/", "/\x00", "/" + "a" * 5000, "/.newsletter/journal"],
)  # fmt: skip
def test_t34_no_path_leads_out_of_the_archive(sent: Desk, path: str) -> None:
    assert sent.pages().get(path).status == 404


def test_t38_what_looks_like_sql_is_looked_for_as_it_is(sent: Desk) -> None:
    pages = sent.pages()
    for query in ("' OR 1=1 --", '"; DROP TABLE subscriber; --', "%", "_", "\\", "') UNION SELECT secret --"):
        answer = pages.ask("GET", f"/search?q={query.replace(' ', '+').replace('%', '%25')}")
        assert answer.status == 200
        assert "DROP TABLE subscriber; --<" not in answer.text
    assert "<script" not in pages.get("/search?q=%3Cscript%3Ealert(1)%3C/script%3E").text


def test_pages_below_a_path_of_their_own(sent: Desk) -> None:
    """publication.url may have a path; a proxy passes it on, or cuts it off."""
    sent.config = replace(sent.config, publication=replace(sent.config.publication, url="https://example.org/news"))
    sent.restart()
    sent.server.public.refresh()
    pages = sent.pages()
    for path in (f"/news/{SLUG}/", f"/{SLUG}/"):
        assert pages.get(path).status == 200
    assert pages.get(f"/news/{SLUG}").headers["location"] == f"/news/{SLUG}/"
    assert 'href="/news/follow/"' in pages.get("/news/subscribe").text


def test_t33_no_link_of_a_mail_is_redirected_or_counted(sent: Desk) -> None:
    issue = sent.workspace.read(f"issues/{SLUG}/issue.md").decode()
    html = next(mail for mail in sent.mails if SLUG in str(mail["Message-ID"])).get_body(("html",)).get_content()  # type: ignore[union-attr]
    for address in re.findall(r'href="([^"]+)"', html):
        own = address.replace("&amp;", "&")
        assert own in issue or own.startswith("https://borderlines.example/"), own
    assert "<img" not in html  # nor is there a picture that tells who opened it
    for name in ("next", "url", "redirect", "return", "r", "to"):
        for path in ("/", "/subscribe", f"/{SLUG}", "/search", "/follow"):
            answer = sent.pages().get(f"{path}?{name}=https://evil.example")
            assert "evil.example" not in answer.headers.get("location", "")


# --- archive ----------------------------------------------------------------------------------------------------------


def test_the_archive_answers_who_has_it_already_with_304(sent: Desk) -> None:
    pages = sent.pages()
    for path in ("/", "/feed.xml", "/atom.xml", "/feed.json", f"/{SLUG}/", "/sitemap.xml", "/feeds.opml"):
        answer = pages.get(path)
        assert answer.status == 200
        etag = answer.headers["etag"]
        for asked in (etag, f"W/{etag}", f'"x", {etag}', "*"):
            again = pages.get(path, if_none_match=asked)
            assert (again.status, again.body) == (304, b"")
            assert again.headers["etag"] == etag
        assert pages.get(path, if_none_match='"other"').status == 200
        head = pages.ask("HEAD", path)
        assert head.status == 200
        assert head.headers["content-length"] == str(len(answer.body))


def test_the_archive_holds_only_what_went_out(sent: Desk) -> None:
    sent.workspace.write(
        "issues/2025-07-14-weekly/issue.md",
        "---\nissue: 2025-07-14-weekly\nedition: weekly\ndate: 2025-07-14\nsubject: Not yet\npreheader: x\n---\n",
    )
    sent.tick()
    pages = sent.pages()
    assert pages.get("/2025-07-14-weekly/").status == 404
    assert "Not yet" not in pages.get("/").text
    assert 'type="application/rss+xml"' in pages.get("/").text


def test_a_correction_of_an_issue_is_shown(sent: Desk) -> None:
    path = sent.workspace.root / f"issues/{SLUG}/issue.md"
    before = sent.pages().get(f"/{SLUG}/")
    path.write_text(path.read_text().replace("Moscow and Baku", "Moscow and Bakou", 1))
    sent.tick()
    after = sent.pages().get(f"/{SLUG}/")
    assert "Moscow and Bakou" in after.text
    assert after.headers["etag"] != before.headers["etag"]


def test_an_issue_that_somebody_broke_is_shown_as_it_was(sent: Desk) -> None:
    path = sent.workspace.root / f"issues/{SLUG}/issue.md"
    before = sent.pages().get(f"/{SLUG}/").text
    path.write_text("---\nbroken")
    sent.server.public.refresh()
    assert "issue.md" in sent.server.public.problems[0]
    assert sent.pages().get(f"/{SLUG}/").text == before


def test_before_the_first_issue_there_is_a_page_and_an_empty_feed(desk: Desk) -> None:
    import io

    import feedparser

    desk.server.public.refresh()
    pages = desk.pages()
    assert "No issue has been published yet" in pages.get("/").text
    feed = feedparser.parse(io.BytesIO(pages.get("/feed.xml").body))
    assert (feed.bozo, len(feed.entries)) == (False, 0)


def test_search_finds_words_in_posts(sent: Desk) -> None:
    pages = sent.pages()
    text = pages.get("/search?q=baku+MOSCOW").text
    assert f'href="https://borderlines.example/{SLUG}/#p-' in text
    assert "Nothing was found" in pages.get("/search?q=zzzz").text
    assert pages.get("/search").status == 200
    assert pages.get("/search?q=" + "a" * 3000).status == 200


def test_c59_read_on_the_web_is_there_as_soon_as_the_mail_is(desk: Desk) -> None:
    """Another process has sent the issue; the calendar of this one looks again in 20 seconds."""
    desk.add(READER)
    desk.tick()
    desk.tick(to="2025-07-06 05:00")
    pages = desk.pages()
    assert pages.get(f"/{SLUG}/").status == 404
    frozen = freeze_issue(render_issue(desk.workspace, desk.config, SLUG), desk.config, desk.store, desk.clock())
    assert frozen.slug == SLUG
    assert pages.get(f"/{SLUG}").headers["location"] == f"/{SLUG}/"
    answer = pages.get(f"/{SLUG}/")
    assert answer.status == 200
    assert f"/{SLUG}/" in pages.get("/feed.xml").text
    assert [note["pages"] for note in desk.notes if note["event"] == "archive"] != []


def test_c59_strangers_who_ask_for_issues_that_are_not_there_share_a_look(
    sent: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("newsletter.web.archive_watch.LOOK_EVERY_S", 0.05)
    looks: list[str] = []
    monkeypatch.setattr(type(sent.server.public), "_refresh", lambda public: looks.append("look"))
    app = sent.pages().app

    async def ask_all() -> list[int]:
        paths = [f"/2025-07-{day:02}-nothing-{number}/" for day in range(1, 29) for number in range(10)]
        paths += [f"/nothing-{number}/" for number in range(50)]
        return [
            answer.status
            for answer in await asyncio.gather(*(Pages(app)._ask("GET", path, [b""], {}) for path in paths))
        ]

    assert set(asyncio.run(ask_all())) == {404}
    assert 1 <= len(looks) <= 25  # 16 at a time, and one look for each time


def test_c59_an_archive_that_cannot_be_rendered_is_not_tried_by_every_stranger(
    sent: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[str] = []

    def fail(public: object) -> bool:
        tries.append("try")
        raise InputError(Mistake(code="NL020", message="broken"))

    monkeypatch.setattr(type(sent.server.public), "_refresh", fail)
    pages = sent.pages()
    for number in range(10):
        assert pages.get(f"/2025-07-14-{number}/").status == 404
    assert len(tries) == 1
    assert pages.get(f"/{SLUG}/").status == 200


PAGES = (
    "/",
    f"/{SLUG}/",
    "/feed.xml",
    "/atom.xml",
    "/feed.json",
    "/themes/caucasus/feed.xml",
    "/sitemap.xml",
    "/feeds.opml",
)


@pytest.mark.parametrize("path", PAGES)
def test_c68_the_archive_and_its_feeds_come_compressed_to_who_takes_that(sent: Desk, path: str) -> None:
    import gzip

    pages = sent.pages()
    plain, packed = pages.get(path), pages.get(path, accept_encoding="br, gzip;q=0.8")
    assert "content-encoding" not in plain.headers
    if len(plain.body) >= 1_024:
        assert packed.headers["content-encoding"] == "gzip"
        assert gzip.decompress(packed.body) == plain.body
        assert len(packed.body) < len(plain.body) * 0.7
        assert packed.headers["etag"] != plain.headers["etag"]
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert packed.headers["content-length"] == str(len(packed.body))
    for tag in (plain.headers["etag"], packed.headers["etag"], f"W/{packed.headers['etag']}"):
        assert pages.get(path, accept_encoding="gzip", if_none_match=tag).status == 304
    for refused in ("gzip;q=0", "identity", "gzip;q=0.000, br", "*;q=0", ""):
        assert "content-encoding" not in pages.get(path, accept_encoding=refused).headers


@pytest.mark.parametrize("path", PAGES)
def test_c68_a_reader_that_knows_no_tags_is_told_that_nothing_has_changed(sent: Desk, path: str) -> None:
    pages = sent.pages()
    changed = pages.get(path).headers["last-modified"]
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", changed)
    assert pages.get(path, if_modified_since=changed).status == 304
    assert pages.get(path, if_modified_since="Mon, 07 Jan 2030 00:00:00 GMT").status == 304
    for other in ("Mon, 07 Jan 2013 00:00:00 GMT", "nonsense", "", "7"):
        assert pages.get(path, if_modified_since=other).status == 200
    # A tag that differs comes before a time that does not (RFC 9110 13.2.2).
    assert pages.get(path, if_modified_since=changed, if_none_match='"other"').status == 200


def test_c68_only_what_has_changed_is_of_a_new_date(sent: Desk) -> None:
    """A correction of old words must reach readers who ask by date; nothing else is fetched again."""
    pages = sent.pages()
    before = {path: pages.get(path).headers["last-modified"] for path in PAGES}
    sent.clock.advance(hours=3)
    path = sent.workspace.root / f"issues/{SLUG}/issue.md"
    path.write_text(path.read_text().replace("Baku", "Bakou"))
    sent.tick()
    after = {path: pages.get(path).headers["last-modified"] for path in PAGES}
    assert {path for path in PAGES if after[path] != before[path]} >= {
        f"/{SLUG}/",
        "/feed.xml",
        "/atom.xml",
        "/feed.json",
    }
    assert after["/feeds.opml"] == before["/feeds.opml"]
    assert pages.get("/feed.xml", if_modified_since=before["/feed.xml"]).status == 200


def test_c68_the_archive_has_an_icon_and_its_feeds_name_it(desk: Desk) -> None:
    desk.server.public.refresh()
    pages = desk.pages()
    for path, kind in (("/icon.png", "image/png"), ("/favicon.ico", "image/x-icon")):
        answer = pages.get(path)
        assert (answer.status, answer.headers["content-type"]) == (200, kind)
        assert answer.body == draw_icons()[path.removeprefix("/")]
    for path in ("/", "/follow/", "/subscribe", "/themes/caucasus/"):
        found = re.search(r'<link rel="icon" type="image/png" href="([^"]+)">', pages.get(path).text)
        assert found
        assert urljoin(f"https://borderlines.example{path}", found[1]) == "https://borderlines.example/icon.png"
    icon = "https://borderlines.example/icon.png"
    assert f"<url>{icon}</url>" in pages.get("/feed.xml").text
    assert f"<icon>{icon}</icon>" in pages.get("/atom.xml").text
    feed = json.loads(pages.get("/feed.json").text)
    assert (feed["icon"], feed["favicon"]) == (icon, "https://borderlines.example/favicon.ico")


def test_c68_every_page_that_only_says_something_leads_somewhere(sent: Desk) -> None:
    pages = sent.pages()
    ends = []
    for key in (name for name in sent.server.public.phrases if f"{name}_text" in sent.server.public.phrases):
        response = tell(sent.server.public, key, themes="Caucasus")
        text = bytes(response.body).decode()
        if not re.search(r'<main id="text">.*<a href="/.*</main>', text, re.DOTALL):
            ends.append(key)
    assert ends == []
    assert 'href="/"' in pages.post("/preferences", {"address": "who@example.org"}).text


# --- health -----------------------------------------------------------------------------------------------------------


def test_health_and_readiness(sent: Desk) -> None:
    sent.restart()
    pages = sent.pages()
    assert pages.get("/healthz").status == 200
    assert pages.get("/readyz").status == 503  # it has not looked at the calendar yet
    sent.tick()
    assert pages.get("/readyz").status == 200
    sent.server._beat -= 10_000
    assert pages.get("/readyz").status == 503
    sent.tick()
    sent.store.close()
    assert sent.store.path
    for name in ("", "-wal", "-shm"):
        Path(f"{sent.store.path}{name}").unlink(missing_ok=True)
    assert pages.get("/readyz").status == 503
    assert pages.get("/healthz").status == 200
    assert pages.get("/").status == 200  # the archive needs no database


def test_metrics_are_for_this_machine_and_name_nobody(sent: Desk) -> None:
    pages = sent.pages()
    assert pages.get("/metrics").status == 404
    local = Pages(pages.app, client="127.0.0.1")
    assert local.get("/metrics", x_forwarded_for="127.0.0.1").status == 404
    text = local.get("/metrics").text
    assert 'newsletter_subscribers{state="active"} 1.0' in text
    assert f'newsletter_deliveries{{issue="{SLUG}",state="accepted"}} 1.0' in text
    assert "newsletter_next_slot_timestamp_seconds" in text
    assert READER not in text


LOCAL = {"host": "127.0.0.1:8000"}


@pytest.mark.parametrize(
    "headers",
    [
        {"x-forwarded-for": "203.0.113.9"}, {"forwarded": "for=203.0.113.9"}, {"via": "1.1 proxy"}, {"x-real-ip": "203.0.113.9"},
        {"x-forwarded-proto": "https"}, {"x-forwarded-host": "a"}, {"cf-connecting-ip": "203.0.113.9"}, {"host": "borderlines.example"},
        {"host": "newsletter:8000"}, {"host": "127.0.0.1.evil.example"}, {"host": "evil.example:8000"}, {"x-envoy-internal": "true"},
    ],
    ids=str,
)  # fmt: skip
def test_c52_the_numbers_are_kept_from_who_comes_through_a_proxy_that_says_nothing_of_it(
    sent: Desk, headers: dict[str, str]
) -> None:
    local = Pages(sent.pages().app, client="127.0.0.1")
    assert local.ask("GET", "/metrics", headers=LOCAL).status == 200
    assert local.ask("GET", "/metrics", headers=LOCAL | headers).status == 404


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8000", "[::1]:8000", "[::1]", "LOCALHOST"])
@pytest.mark.parametrize("client", ["127.0.0.1", "::1", "127.0.0.9", "::ffff:127.0.0.1"])
def test_who_asks_for_the_numbers_on_this_machine_gets_them(desk: Desk, host: str, client: str) -> None:
    assert Pages(desk.pages().app, client=client).get("/metrics", host=host).status == 200


def test_c52_a_trusted_proxy_on_this_machine_never_counts_as_this_machine(sent: Desk) -> None:
    (sent.workspace.root / "metrics.token").write_text("a-long-token\n")
    web = replace(sent.config.web, trusted_proxies=("127.0.0.1",), metrics_token_file="metrics.token")
    sent.config = replace(sent.config, web=web)
    sent.restart()
    pages = sent.pages()
    proxy, stranger = Pages(pages.app, client="127.0.0.1"), Pages(pages.app, client="203.0.113.9")
    assert proxy.get("/metrics").status == 404
    assert proxy.ask("GET", "/metrics", headers=LOCAL).status == 404
    for some in (proxy, stranger):
        assert some.get("/metrics", authorization="Bearer a-long-token").status == 200
        for wrong in ("Bearer a-long-toke", "Bearer ", "Bearer", "Basic a-long-token", "Bearer é"):
            assert some.get("/metrics", authorization=wrong).status == 404
    assert not [note for note in sent.notes if "a-long-token" in str(note)]


def test_c52_over_the_wire_http_1_0_is_what_a_proxy_speaks(sent: Desk) -> None:
    import socket

    with listening(sent) as port:
        for version, status in ((b"1.1", b"200"), (b"1.0", b"404")):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                connection.sendall(
                    b"GET /metrics HTTP/" + version + b"\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
                )
                assert connection.recv(12)[9:] == status
