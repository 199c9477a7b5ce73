"""Ten years of one desk: 200 feeds, 5,000 collected posts, 600 issues. What `collect` and `draft` take, whole processes.

`--against DIR` measures another checkout of this program too, in interleaved rounds, each in a workspace of its own.
"""

import argparse
import json
import os
import random
import shutil
import statistics
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bench.build import NAMES, NEWSLETTER, WORDS
from bench.timing import Goal, Process, run
from newsletter.sources.identity import content_hash, make_key

FEEDS, POSTS, ISSUES = 200, 5_000, 600
FRESH = 200  # posts that no issue has had
REMEMBERED = 500  # entries that the memory of each feed holds
SHOWN = 25  # entries that each feed shows
LAST = date(2025, 7, 7)
ROOT = Path(__file__).resolve().parent.parent
SETTINGS = """
[publication]
title = "Years"
url = "https://years.example"
sender = "Years <desk@years.example>"
postal_address = "1 Example Street"

[[themes]]
slug = "caucasus"
title = "Caucasus"
countries = ["AZ", "AM", "GE"]

[[themes]]
slug = "china"
title = "China"
any = ["China", "Beijing", "Xi"]

[[editions]]
slug = "weekly"
title = "Weekly"
themes = ["caucasus", "china"]
schedule = "mon 07:00"

[fetch]
allow_hosts = ["127.0.0.1"]
"""


def main(arguments: list[str]) -> int:
    """Print medians and ratios; 1 if a goal was missed."""
    parser = argparse.ArgumentParser(prog="./run bench years")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--against", type=Path, help="another checkout of the program, to be measured beside this one")
    options = parser.parse_args(arguments)
    programs = {"this": ROOT} | ({"against": options.against.resolve()} if options.against else {})
    with tempfile.TemporaryDirectory(prefix="newsletter-bench-") as folder, _serve_feeds() as feeds:
        goals = measure(Path(folder), feeds, programs, max(options.rounds, 3))
    print()
    for goal in goals:
        print(goal)
    return 0 if all(goal.met for goal in goals) else 1


def measure(folder: Path, feeds: "_Feeds", programs: dict[str, Path], count: int) -> list[Goal]:
    """Every command `count` times for every program, interleaved, after one round that is not measured."""
    places = {name: folder / name for name in programs}
    template = folder / "template"
    write_workspace(template, feeds.address)
    for place in places.values():
        shutil.copytree(template, place)
    results: dict[tuple[str, str], list[Process]] = {}
    for number in range(count + 1):
        for name, root in programs.items():
            for what, process in _one_round(places[name], root, feeds, number):
                if number:
                    results.setdefault((name, what), []).append(process)
    medians = {key: statistics.median(one.seconds for one in processes) for key, processes in results.items()}
    memory = {key: max(one.megabytes for one in processes) for key, processes in results.items()}
    print(f"medians of {count} interleaved rounds; {FEEDS} feeds, {POSTS:,} posts, {ISSUES} issues:")
    for (name, what), value in medians.items():
        print(f"  {name:8} {what:34} {value:7.2f} s  {memory[name, what]:5.0f} MB")
    if "against" not in programs:
        return []
    return [
        Goal(f"{what}: this / against", value / medians["against", what], 1.1)
        for (name, what), value in medians.items()
        if name == "this"
    ]


def _one_round(place: Path, root: Path, feeds: "_Feeds", number: int) -> Iterator[tuple[str, Process]]:
    feeds.news = number
    yield "collect, one new entry in each feed", _run(root, place, "collect", "--quiet")
    yield "collect, nothing new", _run(root, place, "collect", "--quiet")
    shutil.rmtree(place / f"issues/{LAST}-weekly", ignore_errors=True)
    yield "draft", _run(root, place, "draft", "--quiet", "--date", LAST.isoformat())


def _run(root: Path, place: Path, *arguments: str) -> Process:
    os.environ["PYTHONPATH"] = str(root)
    try:
        # 6: there was nothing new, which is what one of the rounds is about.
        return run([*NEWSLETTER, "--workspace", str(place), *arguments], root, allowed=(0, 6))
    finally:
        del os.environ["PYTHONPATH"]


# --- what the feeds show ------------------------------------------------------------------------------------------


class _Feeds(ThreadingHTTPServer):
    """Serves `/N.xml`. `news`: how many entries each feed has had more since the workspace was written."""

    daemon_threads = True
    news = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Answer(BaseHTTPRequestHandler):
    server: _Feeds

    def do_GET(self) -> None:
        tag = f'"{self.server.news}"'
        if self.headers.get("If-None-Match") == tag:
            self.send_response(304)
            self.end_headers()
            return
        body = _write_feed(int(self.path.strip("/").partition(".")[0]), self.server.news).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/rss+xml")
        self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


@contextmanager
def _serve_feeds() -> Iterator[_Feeds]:
    with _Feeds(("127.0.0.1", 0), _Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def _name(feed: int) -> str:
    return f"feed-{feed:03}"


def _entry(feed: int, number: int) -> tuple[str, str, str, datetime]:
    """(title, text, address, date) of an entry; the newest of the past is number 0, older ones count down."""
    chance = random.Random(feed * 100_000 + number)
    names = chance.sample(NAMES, 3)
    words = [chance.choice(names) if chance.random() < 0.06 else chance.choice(WORDS) for _ in range(150)]
    title = " ".join([*chance.sample(WORDS, 4), names[0], str(feed), str(abs(number))])
    moment = datetime.combine(LAST, datetime.min.time(), UTC) + timedelta(days=7 * number - 3, minutes=feed)
    return title, " ".join(words) + ".", f"https://feed-{feed}.example/{number}", moment


def _write_feed(feed: int, news: int) -> str:
    items = []
    for number in range(news, news - SHOWN, -1):
        title, text, address, moment = _entry(feed, number)
        items.append(
            f"<item><title>{title}</title><link>{address}</link><guid>{address}</guid>"
            f"<description>{text}</description><pubDate>{format_datetime(moment)}</pubDate></item>"
        )
    return f'<rss version="2.0"><channel><title>{_name(feed)}</title>{"".join(items)}</channel></rss>'


# --- the workspace ------------------------------------------------------------------------------------------------


def write_workspace(place: Path, address: str) -> None:
    """A workspace after ten years, with the memory of feeds as version 0.1 wrote it: later versions read it too."""
    place.mkdir()
    sources = "".join(
        f'\n[[sources]]\nname = "{_name(feed)}"\nkind = "feed"\nurl = "{address}/{feed}.xml"\n' for feed in range(FEEDS)
    )
    (place / "newsletter.toml").write_text(SETTINGS + sources, encoding="utf-8")
    posts = [(feed, -age) for age in range(POSTS // FEEDS) for feed in range(FEEDS)]
    for feed, number in posts:
        _write_post(place, feed, number)
    published = posts[FRESH:]
    each = len(published) / ISSUES
    for issue in range(ISSUES):
        _write_issue(
            place, LAST - timedelta(days=7 * (issue + 1)), published[int(issue * each) : int((issue + 1) * each)]
        )
    memory = {_name(feed): _remember(feed, f"{address}/{feed}.xml") for feed in range(FEEDS)}
    (place / ".newsletter").mkdir()
    (place / ".newsletter/sources.json").write_text(json.dumps(memory, indent=1, sort_keys=True), encoding="utf-8")


def _write_post(place: Path, feed: int, number: int) -> None:
    title, text, address, moment = _entry(feed, number)
    folder = place / f"posts/collected/{_name(feed)}"
    folder.mkdir(parents=True, exist_ok=True)
    front = f'---\ntitle: "{title}"\nurl: {address}\ndate: {moment.isoformat()}\nsource: {_name(feed)}\n'
    front += f"key: {make_key(_name(feed), 'id', address)}\n---\n\n"
    slug = "-".join(title.lower().split())
    (folder / f"{moment.date()}-{slug}.md").write_text(f"{front}{text}\n", encoding="utf-8")


def _write_issue(place: Path, day: date, posts: list[tuple[int, int]]) -> None:
    slug = f"{day}-weekly"
    folder = place / f"issues/{slug}"
    folder.mkdir(parents=True)
    text = f'---\nissue: {slug}\nedition: weekly\ndate: {day}\nsubject: "{slug}"\npreheader: ""\n---\n'
    text += "\n## Caucasus {#caucasus}\n"
    offered = {}
    for feed, number in posts:
        title, body, address, _ = _entry(feed, number)
        key = make_key(_name(feed), "id", address)
        text += f"\n### {title} {{#p-{key}}}\n\n{body}\n\n[Source]({address})\n"
        offered[key] = title
    (folder / "issue.md").write_text(text, encoding="utf-8")
    document = {"posts": offered, "themes": dict.fromkeys(offered, "caucasus")}
    (folder / "offered.json").write_text(json.dumps(document, indent=1), encoding="utf-8")


def _remember(feed: int, address: str) -> dict[str, object]:
    seen = {}
    for number in range(0, -REMEMBERED, -1):
        title, text, url, _ = _entry(feed, number)
        digest = content_hash(title, text)
        seen[make_key(_name(feed), "id", url)] = digest
        seen[make_key(_name(feed), "url", url)] = digest
    empty = {"etag": "", "last_modified": "", "retry_at": None, "errors": 0, "gone": False, "moved_to": ""}
    return {"url": address, **empty, "sightings": 0, "seen": seen}
