"""Every route: what GET must not do, what every answer carries, what a hostile request gets."""

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route

from newsletter.cli.serve import make_note
from newsletter.store.database import Store
from newsletter.store.mailed_links import make_link
from newsletter.web.app import ROUTES
from newsletter.web.guard import BODY_LIMIT, HEADERS
from newsletter.web.limits import find_client
from tests.serving import Desk, Pages
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
    assert any("secret detail" in note.get("error", "") for note in sent.notes)


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
