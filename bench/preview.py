"""`./run bench preview`: from saving issue.md to the new page. Medians, the sample and 100 posts.

Measured twice: over a plain connection (the file is written, the event comes, state and mail are fetched), and with an
installed Chromium until it has painted what was saved.
"""

import argparse
import http.client
import re
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from bench.timing import Goal
from newsletter.cli.screenshot import BROWSERS
from newsletter.flows.preview import Preview
from newsletter.web.preview_app import make_preview_app
from newsletter.web.server import WebServer
from newsletter.workspace.files import Workspace

ROOT = Path(__file__).resolve().parent.parent
SLUG = "2025-07-07-weekly"
POSTS = 100


def make_workspace(folder: Path, posts: int) -> Path:
    """The sample issue, or one of so many posts; → its issue.md."""
    shutil.copy(ROOT / "newsletter.toml", folder)
    shutil.copytree(ROOT / "issues", folder / "issues")
    path = folder / f"issues/{SLUG}/issue.md"
    if posts:
        head = path.read_text(encoding="utf-8").partition("\n## ")[0]
        body = "".join(
            f"### Post number {number}\n\nSomething about Baku, {'and more of it ' * 40}{number}.\n\n"
            f"[Source](https://example.org/{number})\n\n"
            for number in range(posts)
        )
        path.write_text(f"{head}\n## Caucasus {{#caucasus}}\n\n{body}", encoding="utf-8")
    return path


@contextmanager
def previewing(workspace: Workspace, slug: str = SLUG) -> Iterator[int]:
    """The preview of an issue, in a thread; gives its port."""
    preview = Preview(workspace, slug)
    preview.refresh()
    server = WebServer(make_preview_app(preview), "127.0.0.1", 0)
    ports: list[int] = []
    ready = threading.Event()

    def started(port: int) -> None:
        ports.append(port)
        ready.set()

    thread = threading.Thread(target=server.run, args=(started,))
    thread.start()
    if not ready.wait(20):
        raise RuntimeError("the preview did not start within 20 s")
    try:
        yield ports[0]
    finally:
        server.stop(at_once=True)
        thread.join(20)
        if thread.is_alive():
            raise RuntimeError("the preview did not stop within 20 s")


def measure(posts: int, rounds: int) -> float:
    """The median time from a save to the mail with what was saved, in milliseconds."""
    with tempfile.TemporaryDirectory(prefix="bench-preview-") as folder:
        path = make_workspace(Path(folder), posts)
        with previewing(Workspace(Path(folder))) as port:
            return statistics.median(_save_and_wait(path, port, number) for number in range(rounds))


def _save_and_wait(path: Path, port: int, number: int) -> float:
    word = f"Changed{number}x{time.monotonic_ns()}"
    listening = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    listening.request("GET", "/events")
    events = listening.getresponse()
    _next_event(events)  # how it is now
    text = path.read_text(encoding="utf-8")
    began = time.perf_counter()
    path.write_text(text.replace("\n## ", f"\n{word}\n\n## ", 1), encoding="utf-8")
    _next_event(events)
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    for address in ("/state.json", "/show/desktop"):
        asking.request("GET", address)
        body = asking.getresponse().read()
    took = (time.perf_counter() - began) * 1000
    assert word.encode() in body
    path.write_text(text, encoding="utf-8")
    _next_event(events)
    asking.close()
    listening.close()
    return took


# Resolves in the frame after the one in which the mail's own frame holds the word.
_PAINTED = """(word) => { window.painted = new Promise((done) => {
  const look = () => {
    const shown = document.getElementById("frame").contentDocument;
    if (shown && shown.body && shown.body.textContent.includes(word)) requestAnimationFrame(() => setTimeout(done));
    else requestAnimationFrame(look);
  };
  look();
}); }"""


def measure_painted(browser: Browser, posts: int, rounds: int) -> float:
    """The median time from a save until a browser has painted it, in milliseconds."""
    with tempfile.TemporaryDirectory(prefix="bench-preview-") as folder:
        path = make_workspace(Path(folder), posts)
        with previewing(Workspace(Path(folder))) as port:
            page = browser.new_page(viewport={"width": 1300, "height": 900})
            page.goto(f"http://127.0.0.1:{port}/")
            page.locator("html[data-version]").wait_for(state="attached")
            times = [_save_and_see(page, path, number) for number in range(rounds)]
            page.close()
            return statistics.median(times)


def _save_and_see(page: Page, path: Path, number: int) -> float:
    word = f"Changed{number}x{time.monotonic_ns()}"
    page.evaluate(_PAINTED, word)
    text = re.sub(r"\nChanged\w+\n", "", path.read_text(encoding="utf-8"))
    fresh = text.replace("\n## ", f"\n{word}\n\n## ", 1)
    began = time.perf_counter()
    path.write_text(fresh, encoding="utf-8")
    page.evaluate("() => window.painted")
    return (time.perf_counter() - began) * 1000


def _next_event(events: http.client.HTTPResponse) -> None:
    while not events.readline().startswith(b"data:"):
        pass


def main(arguments: Sequence[str]) -> int:
    """Run it and say whether the goals were met."""
    parser = argparse.ArgumentParser(prog="./run bench preview")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args(arguments)
    goals = [
        Goal("from a save to the new page, the sample", measure(0, options.rounds), 300, "ms"),
        Goal(f"from a save to the new page, {POSTS} posts", measure(POSTS, options.rounds), 1000, "ms"),
    ]
    chromium = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if chromium is None:
        print("not run: until a browser has painted it (no Chromium on this machine)")
    else:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            for posts, name, limit in ((0, "the sample", 300), (POSTS, f"{POSTS} posts", 1000)):
                took = measure_painted(browser, posts, options.rounds)
                goals.append(Goal(f"from a save until Chromium has painted it, {name}", took, limit, "ms"))
            browser.close()
    for goal in goals:
        print(goal)
    return 0 if all(goal.met for goal in goals) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
