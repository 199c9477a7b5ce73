"""A real browser on the public pages, over a real connection: the limits of the wire are nothing that it notices."""

from typing import Any

from tests.serving import Desk, listening
from tests.web.conftest import READER


def test_c68_a_reader_in_a_browser_subscribes_reads_and_leaves(sent: Desk, browser: Any) -> None:
    context = browser.new_context()
    page = context.new_page()
    problems: list[str] = []
    statuses: dict[str, int] = {}
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("response", lambda response: statuses.update({response.url: response.status}))
    with listening(sent) as port:
        base = f"http://127.0.0.1:{port}"
        page.goto(f"{base}/")
        page.click('main a[href*="2025-07-07-weekly"]')
        assert page.title().endswith("Borderlines Weekly")
        # A browser shows an icon only where the page's policy lets it load.
        assert page.evaluate("fetch('/icon.png').then(() => 'not by a script', () => 'refused')") == "refused"
        assert page.evaluate(
            "new Promise(done => { const one = new Image(); one.onload = () => done(one.naturalWidth);"
            " one.onerror = () => done(0); one.src = '/icon.png' })"
        )
        problems.clear()

        page.click('nav a[href$="subscribe"]')
        page.fill("#address", "new@example.org")
        sent.clock.advance(seconds=3)
        page.click("main button[type=submit]")
        assert "inbox" in page.inner_text("main")
        page.goto(base + sent.await_link("/confirm/", "new@example.org"))
        page.click("main button[type=submit]")
        assert "You are subscribed" in page.inner_text("main")
        page.click("main a")
        assert page.url == f"{base}/"

        page.goto(base + sent.link("/u/", READER))
        page.click("main button[type=submit] >> nth=0")
        assert "You are unsubscribed" in page.inner_text("main")
        assert problems == []
        assert {status for url, status in statuses.items() if url.startswith(base)} <= {200, 304}
    context.close()
