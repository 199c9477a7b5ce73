"""A reader's whole way in a real browser, with a real inbox: subscribe, confirm, read, choose, leave. By mouse, and by keyboard alone."""

import http.client
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from newsletter.store.subscribers import find_person
from tests.axe import AXE, violations
from tests.serving import Desk, listening, running_desk

READER = "reader@example.org"
SLUG = "2025-07-07-weekly"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with running_desk(tmp_path) as one:
        yield one


@contextmanager
def serving(desk: Desk) -> Iterator[str]:
    """The pages at their own address: links in mails lead there."""
    port = free_port()
    publication = replace(desk.config.publication, url=f"http://127.0.0.1:{port}")
    desk.config = replace(desk.config, publication=publication, web=replace(desk.config.web, port=port))
    with listening(desk, port=port):
        yield publication.url


def free_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        number: int = one.getsockname()[1]
        return number


def wait_for(desk: Desk, what: Callable[[], object]) -> None:
    """Until it is so: the server's own jobs do it."""
    until = time.monotonic() + 30
    while not what():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.2)
        look_again(desk)


def arrive(desk: Desk, moment: str) -> None:
    """It is that time; the server's own jobs notice."""
    from datetime import UTC, datetime

    desk.clock.now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    look_again(desk)


def look_again(desk: Desk) -> None:
    """Not at the jobs' next time, up to 20 s later."""
    for job in ("calendar", "sender", "letters"):
        desk.server._soon(job)


def arrived(desk: Desk, count: int) -> Callable[[], bool]:
    return lambda: len(desk.subjects(READER)) == count


def press(page: Page, label: str) -> None:
    page.get_by_role("button", name=label, exact=True).click()


def press_by_keyboard(page: Page, label: str) -> None:
    """Tab to a button, then Enter."""
    tab_to(page, lambda: page.evaluate("document.activeElement.textContent.trim()") == label)
    page.keyboard.press("Enter")


def tab_to(page: Page, there: Callable[[], bool]) -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        if there():
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none"  # who uses the keyboard sees where they are
            return
    raise AssertionError("it cannot be reached by Tab")


def type_address(page: Page) -> None:
    page.get_by_label("E-mail address").fill(READER)


def type_address_by_keyboard(page: Page) -> None:
    tab_to(page, lambda: page.evaluate("document.activeElement.id") == "address")
    page.keyboard.type(READER)


@pytest.mark.parametrize(
    ("click", "fill"), [(press, type_address), (press_by_keyboard, type_address_by_keyboard)], ids=["mouse", "keyboard"]
)
def test_a_reader_comes_reads_and_goes(
    browser: Browser, desk: Desk, click: Callable[[Page, str], None], fill: Callable[[Page], None]
) -> None:
    desk.tick()
    with serving(desk) as url:
        page = browser.new_page(java_script_enabled=click is press_by_keyboard)  # the pages need none
        page.goto(f"{url}/subscribe")
        fill(page)
        desk.clock.advance(seconds=5)
        click(page, "Subscribe")
        page.get_by_role("heading", name="Look into your inbox").first.wait_for()
        wait_for(desk, arrived(desk, 1))

        page.goto(url + desk.link("/confirm/", READER))
        click(page, "Confirm")
        page.get_by_role("heading", name="You are subscribed").first.wait_for()

        arrive(desk, "2025-07-06 05:00")
        wait_for(desk, lambda: desk.workspace.exists(f"issues/{SLUG}/issue.md"))
        arrive(desk, "2025-07-07 05:00")
        wait_for(desk, arrived(desk, 2))
        wait_for(desk, lambda: page.goto(f"{url}/{SLUG}/").status == 200)  # type: ignore[union-attr]
        page.get_by_role("heading", name="Caucasus").first.wait_for()
        assert SLUG in page.request.get(f"{url}/feed.xml").text()

        page.goto(url + desk.link("/u/", READER))
        click(page, "Unsubscribe")
        page.get_by_role("heading", name="You are unsubscribed").first.wait_for()

        (desk.workspace.root / "posts/new.md").write_text("# Something new in Baku\n\nAzerbaijan said so.\n")
        arrive(desk, "2025-07-13 05:00")
        wait_for(desk, lambda: desk.workspace.exists("issues/2025-07-14-weekly/issue.md"))
        arrive(desk, "2025-07-14 05:00")
        wait_for(desk, lambda: any("2025-07-14" in subject for subject in desk.subjects("desk@borderlines.example")))
        assert len(desk.subjects(READER)) == 2
        page.close()


def test_a_providers_request_ends_it_as_well(browser: Browser, desk: Desk) -> None:
    """RFC 8058, word for word, over a connection of its own."""
    desk.tick()
    desk.subscribe(READER)
    desk.tick(to="2025-07-06 05:00")
    with serving(desk) as url:
        desk.tick(to="2025-07-07 05:00")
        mail = desk.mails[-1]
        target = str(mail["List-Unsubscribe"]).partition(">")[0].lstrip("<")
        assert target.startswith(url)
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
        connection.putrequest("POST", target.removeprefix(url), skip_accept_encoding=True)
        connection.putheader("Content-Type", "application/x-www-form-urlencoded")
        connection.putheader("Content-Length", "26")
        connection.endheaders(b"List-Unsubscribe=One-Click")
        assert connection.getresponse().status == 200
        connection.close()
    known = find_person(desk.store, READER)
    assert known
    assert known.row.state == "unsubscribed"


def judge(page: Page, address: str, before: Callable[[Page], None] = lambda page: None) -> list[str]:
    page.goto(address)
    before(page)
    return [f"{address}: {one}" for one in violations(page)]


def send_form(page: Page, address: str) -> None:
    page.get_by_label("E-mail address").fill(address)
    press(page, "Subscribe")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(browser: Browser, desk: Desk, scheme: Any) -> None:
    from newsletter.store.mailed_links import make_link

    desk.tick()
    desk.subscribe(READER)
    desk.tick(to="2025-07-06 05:00")
    desk.tick(to="2025-07-07 05:00")
    number = find_person(desk.store, READER).id  # type: ignore[union-attr]
    reader = f"/p/{make_link(desk.store, number, 'preferences', desk.clock())}"
    unsubscribe = desk.link("/u/", READER)
    with serving(desk) as url:
        context = browser.new_context(color_scheme=scheme, bypass_csp=True)  # axe is a script, and ours allow none
        context.add_init_script(AXE)
        page = context.new_page()
        found = []
        for path in ("/", f"/{SLUG}/", "/themes/caucasus/", "/follow/", "/subscribe", "/preferences", "/search", "/search?q=Baku",
                     "/embed", "/no-such-page", "/u/nonsense", unsubscribe, reader,
                     f"/confirm/{make_link(desk.store, number, 'confirm', desk.clock())}"):  # fmt: skip
            found += judge(page, url + path)
        found += judge(page, f"{url}/subscribe", lambda page: send_form(page, "no@x"))
        found += judge(page, f"{url}/subscribe", lambda page: send_form(page, "a@example.org"))
        found += judge(page, url + reader, lambda page: press(page, "Erase my data"))
        context.close()
    assert found == []


def test_pages_need_no_script_and_load_nothing_from_elsewhere(browser: Browser, desk: Desk) -> None:
    desk.tick()
    with serving(desk) as url:
        page = browser.new_page(viewport={"width": 375, "height": 700})
        asked: list[str] = []
        told: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: told.append(message.text))
        for path in ("/", "/subscribe", "/preferences", "/follow/", "/search"):
            page.goto(url + path)
            assert page.evaluate("document.documentElement.scrollWidth") <= 375  # no sideways scrolling on a phone
            assert page.locator("script").count() == 0
        assert all(one.startswith(url) for one in asked)
        assert [one for one in told if "favicon" not in one and "404" not in one] == []
        page.close()
