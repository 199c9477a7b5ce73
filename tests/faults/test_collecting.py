"""Several processes collect at once, or one is killed in the middle: no post is lost, none comes twice, none comes back."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from newsletter.errors import InputError
from newsletter.flows.collect import collect_sources
from newsletter.workspace.files import Workspace
from newsletter.workspace.load import read_config
from tests.web_server import WebServer, serve

NOW = datetime(2025, 7, 7, 12, tzinfo=UTC)
SETTINGS = """[publication]
title = "Desk"
url = "https://desk.example"
sender = "Desk <desk@desk.example>"
[fetch]
allow_hosts = ["127.0.0.1"]
[[sources]]
name = "desk"
kind = "folder"
path = "posts"
"""


@pytest.fixture
def server() -> Iterator[WebServer]:
    with serve() as one:
        yield one


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "posts").mkdir()
    (tmp_path / "newsletter.toml").write_text(SETTINGS, encoding="utf-8")
    return tmp_path


def add_feed(place: Path, name: str, url: str, *, newest: int = 100) -> None:
    with (place / "newsletter.toml").open("a", encoding="utf-8") as settings:
        settings.write(f'[[sources]]\nname = "{name}"\nkind = "feed"\nurl = "{url}"\nnewest = {newest}\n')


def write_feed(count: int, *, dated: bool = True) -> bytes:
    items = "".join(
        f"<item><title>Title {n}</title><link>https://e.org/{n}</link><guid>g{n}</guid><description>Text {n}.</description>"
        + (f"<pubDate>Fri, 04 Jul 2025 10:{n:02}:00 GMT</pubDate>" if dated else "")
        + "</item>"
        for n in range(count)
    )
    return f'<rss version="2.0"><channel><title>F</title>{items}</channel></rss>'.encode()


def answer(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def start(place: Path, *arguments: str, before: str = "") -> subprocess.Popen[str]:
    """`newsletter …` in a process of its own; `before` is Python that is run there first."""
    code = f"{before}\nimport sys\nfrom newsletter.cli import run\nsys.exit(run(sys.argv[1:]))"
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=place,
        env=os.environ | {"NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process: subprocess.Popen[str]) -> dict[str, object]:
    out, err = process.communicate(timeout=60)
    assert process.returncode in (0, 6), err
    document: dict[str, object] = json.loads(out)
    return document


def collected_keys(place: Path) -> list[str]:
    """The key of every collected file."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((place / "posts/collected").rglob("*.md"))]
    return [re.findall(r"^key: (\w+)$", text, re.MULTILINE)[0] for text in texts]


def test_c16_two_collects_at_once_write_every_post_once(place: Path, server: WebServer) -> None:
    both = threading.Barrier(2, timeout=60)

    def feed(handler: BaseHTTPRequestHandler) -> None:
        both.wait()  # each has read its memory and has asked before any of them is answered
        answer(handler, write_feed(40))

    add_feed(place, "wire", server.script("/wire", feed))
    processes = [start(place, "collect", "--source", "wire", "--json") for _ in range(2)]
    reports = [end(process) for process in processes]
    assert len(collected_keys(place)) == len(set(collected_keys(place))) == 40
    assert sorted(report["posts"] for report in reports) == [0, 40]  # type: ignore[type-var]


def test_c16_a_slow_collect_does_not_forget_what_another_one_has_remembered(place: Path, server: WebServer) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def slow(handler: BaseHTTPRequestHandler) -> None:
        asked.set()
        assert go_on.wait(60)
        answer(handler, write_feed(3))

    add_feed(place, "slow", server.script("/slow", slow))
    add_feed(place, "fast", server.give("/fast", write_feed(5)))
    first = start(place, "collect", "--source", "slow", "--json")
    assert asked.wait(60)
    assert end(start(place, "collect", "--source", "fast", "--json"))["posts"] == 5
    go_on.set()
    assert end(first)["posts"] == 3
    for path in (place / "posts/collected/fast").glob("*.md"):
        path.unlink()
    assert end(start(place, "collect", "--json"))["posts"] == 0, "what the editor has deleted stays deleted"


def test_c16_the_command_beside_serve_takes_nothing_twice(place: Path, server: WebServer) -> None:
    """`serve` collects in a thread of its own; here four threads of this process do, beside two of the command."""
    all_of_them = threading.Barrier(6, timeout=60)

    def feed(handler: BaseHTTPRequestHandler) -> None:
        all_of_them.wait()
        answer(handler, write_feed(30))

    add_feed(place, "wire", server.script("/wire", feed))
    workspace = Workspace(place)
    config = read_config(workspace)
    commands = [start(place, "collect", "--source", "wire", "--json") for _ in range(2)]
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(collect_sources, workspace, config, NOW, names=("wire",)) for _ in range(4)]
        new = [future.result()[0].new for future in futures]
    new += [int(str(end(process)["posts"])) for process in commands]
    assert sorted(new) == [0, 0, 0, 0, 0, 30]
    assert len(collected_keys(place)) == 30


def test_c16_one_paste_taken_in_by_two_commands_is_taken_in_once(place: Path) -> None:
    paste = "\n\n".join(f"Title {n}\n\nA text of its own, number {n}.\n\nhttps://e.org/{n}" for n in range(30))
    (place / "week.txt").write_text(paste, encoding="utf-8")
    processes = [start(place, "collect", "week.txt", "--json") for _ in range(3)]
    assert sorted(end(process)["posts"] for process in processes) == [0, 0, 30]  # type: ignore[type-var]
    assert len(collected_keys(place)) == 30


KILL = """
import os, signal
from newsletter.workspace.files import Workspace
write, left = Workspace.write, [{count}]
def write_or_die(self, relative, content):
    if {what!r} in relative:
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1
    return write(self, relative, content)
Workspace.write = write_or_die
"""


@pytest.mark.parametrize("dated", [True, False], ids=["dated entries", "entries without a date"])
@pytest.mark.parametrize("before", [0, 3], ids=["a first visit", "a later visit"])
@pytest.mark.parametrize(
    ("what", "count"),
    [("posts/collected", 1), ("posts/collected", 4), (".newsletter/sources/", 1)],
    ids=lambda one: str(one),
)
def test_c16_a_collect_that_was_killed_is_ended_by_the_next(
    place: Path, server: WebServer, what: str, count: int, before: int, dated: bool
) -> None:
    """The next one is a day later: entries without a date are dated anew, so their files have other names."""
    workspace = Workspace(place)
    url = server.give("/wire", write_feed(before, dated=dated))
    add_feed(place, "wire", url, newest=5)
    if before:
        collect_sources(workspace, read_config(workspace), NOW, names=("wire",))
    server.give("/wire", write_feed(before + 8, dated=dated))
    killed = start(place, "collect", "--source", "wire", before=KILL.format(what=what, count=count))
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    later = datetime.now(UTC) + timedelta(days=1)
    collect_sources(workspace, read_config(workspace), later, names=("wire",))
    assert len(collected_keys(place)) == len(set(collected_keys(place))) == before + 5
    assert collect_sources(workspace, read_config(workspace), later, names=("wire",))[0].new == 0
    rest = collect_sources(workspace, read_config(workspace), later, names=("wire",), everything=True)[0]
    assert rest.new == 3
    assert len(set(collected_keys(place))) == before + 8


def test_c16_a_lock_that_a_dead_process_left_locks_nothing(place: Path, server: WebServer) -> None:
    hold = "import time\nfrom pathlib import Path\nfrom newsletter.workspace.files import Workspace\n"
    hold += "with Workspace(Path.cwd()).lock('collect'):\n    print('held', flush=True)\n    time.sleep(60)\n"
    holder = start(place, before=hold)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    workspace = Workspace(place)
    told = f"process {holder.pid} has been writing here for more than 0.1 s"
    with pytest.raises(InputError, match=told), workspace.lock("collect", wait_s=0.1):
        pass
    holder.kill()
    holder.communicate()
    assert (place / ".newsletter/collect.lock").read_text() == str(holder.pid)
    add_feed(place, "wire", server.give("/wire", write_feed(2)))
    assert end(start(place, "collect", "--json"))["posts"] == 2


def test_c16_a_lock_whose_file_was_deleted_is_taken_anew(place: Path) -> None:
    """Two that hold the lock of a file which has lost its name would not know of each other."""
    workspace, inside, most = Workspace(place), [0], [0]

    def work(number: int) -> None:
        for _ in range(20):
            with workspace.lock("collect"):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1

    with workspace.lock("collect"), ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(work, number) for number in range(4)]
        (place / ".newsletter/collect.lock").unlink()
        for future in futures:
            future.result(timeout=60)
    assert most == [1]


def test_c16_one_source_that_cannot_be_written_stops_no_other(place: Path, server: WebServer) -> None:
    add_feed(place, "broken", server.give("/broken", write_feed(2)))
    add_feed(place, "wire", server.give("/wire", write_feed(2)))
    (place / "posts/collected").mkdir()
    (place / "posts/collected/broken").write_text("a file where a folder is wanted", encoding="utf-8")
    workspace = Workspace(place)
    desk, broken, wire = collect_sources(workspace, read_config(workspace), NOW)
    assert (desk.failed, wire.failed, wire.new) == ("", "", 2)
    assert "cannot be written" in broken.failed


@pytest.mark.parametrize(
    "spoil",
    [lambda text: "{", lambda text: text.replace('"url"', '"irl"'), lambda text: text.replace("taken", "taken x")],
)
def test_c25_a_memory_that_cannot_be_read_is_put_aside_and_brings_nothing_twice(
    place: Path, server: WebServer, spoil: Callable[[str], str]
) -> None:
    add_feed(place, "wire", server.give("/wire", write_feed(4)))
    add_feed(place, "other", server.give("/other", write_feed(4)))
    workspace = Workspace(place)
    collect_sources(workspace, read_config(workspace), NOW)
    memory = place / ".newsletter/sources/wire.json"
    memory.write_text(spoil(memory.read_text(encoding="utf-8")), encoding="utf-8")
    _, wire, other = collect_sources(workspace, read_config(workspace), NOW)
    assert (wire.failed, wire.new, other.new, other.findings) == ("", 0, 0, ())
    assert len(collected_keys(place)) == 8
    assert [finding.rule for finding in wire.findings] == ["memory"]
    assert (place / ".newsletter/sources/wire.json.unreadable").is_file()


def test_c25_the_memory_of_version_0_1_that_cannot_be_read_stops_no_visit(place: Path, server: WebServer) -> None:
    add_feed(place, "wire", server.give("/wire", write_feed(4)))
    (place / ".newsletter").mkdir()
    (place / ".newsletter/sources.json").write_text("{", encoding="utf-8")
    report = end(start(place, "collect", "--json"))
    assert report["posts"] == 4
    assert ".newsletter/sources.json: cannot be read; kept as" in json.dumps(report)
