"""The words of docs/start.md, done: a new workspace, three lines, one process, a browser, and a clock that is set forward."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.browser import open_browser
from tests.journeys.test_in_the_browser import free_port
from tests.sending import in_thread
from tests.serving import parse, text_of
from tests.smtp_server import SmtpServer

ROOT = Path(__file__).resolve().parents[3]
START = (ROOT / "docs/start.md").read_text(encoding="utf-8")
READER = "reader@example.org"
SATURDAY, SATURDAY_LATER = "2027-01-02 12:00:00", "2027-01-02 12:05:00"
DRAFT, MONDAY = "2027-01-03 07:00:05", "2027-01-04 07:00:05"  # in Berlin
SLUG = "2027-01-04-weekly"


def find_faketime() -> str:
    found = next(iter(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), None)
    if found is None:
        message = "no libfaketime on this machine (Debian: apt-get install libfaketime)"
        if os.environ.get("REQUIRE_FAKETIME"):
            pytest.fail(message)
        pytest.skip(message)
    return str(found)


class Clock:
    """The clock of a process that runs: libfaketime reads it from a file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def set(self, moment: str) -> None:
        temporary = self._file.with_suffix(".new")
        temporary.write_text(f"@{moment}\n")
        temporary.replace(self._file)

    def environment(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": find_faketime(),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "TZ": "Europe/Berlin",
        }


def blocks(kind: str) -> list[str]:
    found: list[str] = re.findall(rf"```{kind}\n(.*?)```", START, flags=re.DOTALL)
    return found


def edit(settings: Path, url: str, port: int) -> None:
    """The three lines of the page, each put in the place of the one that stands; addresses and ports of this test."""
    text = settings.read_text()
    lines = blocks("text")[0].splitlines()
    assert len(lines) == 3
    for line in lines:
        key = line.partition(" ")[0]
        line = line.replace("http://127.0.0.1:8000", url).replace("1025", str(port))
        text, count = re.subn(rf"^{key} = [^#\n]*", f"{line}  ", text, flags=re.MULTILINE)
        assert count == 1, key
    settings.write_text(text)


def program(*arguments: str, folder: Path, **options: Any) -> "subprocess.Popen[str]":
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLETTER_")}
    environment = clean | {"HOME": str(folder.parent), "PYTHONPATH": str(ROOT)} | options.pop("clock", {})
    command = [sys.executable, "-m", "newsletter", *arguments]
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, **options)


@contextmanager
def serving(folder: Path, clock: Clock, port: int) -> Iterator[str]:
    with (folder.parent / "serve.log").open("w") as log:
        process = program("serve", "--port", str(port), folder=folder, stderr=log, clock=clock.environment())
        try:
            assert process.stdout
            yield process.stdout.readline().strip()
        finally:
            os.kill(process.pid, signal.SIGTERM)
            process.communicate(timeout=60)
            assert process.returncode == 0, (folder.parent / "serve.log").read_text()


def wait_for(what: Callable[[], Any]) -> None:
    """The calendar is looked at every twenty seconds."""
    until = time.monotonic() + 60
    while not what():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.1)


def is_ready(url: str) -> bool:
    try:
        with urlopen(f"{url}readyz", timeout=10) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except HTTPError:
        return False


def test_the_page_of_the_docs_is_true(tmp_path: Path) -> None:
    clock = Clock(tmp_path / "clock")
    clock.set(SATURDAY)
    find_faketime()
    commands = [
        shlex.split(line)[1:] for block in blocks("sh") for line in block.splitlines() if line.startswith("newsletter")
    ]
    assert [command[0] for command in commands] == ["init", "serve", "schedule"]
    folder, port = tmp_path / "borderlines", free_port()
    program("init", str(folder), folder=tmp_path).communicate(timeout=30)
    smtp = SmtpServer()

    def got(address: str) -> list[Any]:
        return [mail for mail in map(parse, (one.data for one in smtp.mails)) if address in str(mail["To"])]

    def link(address: str, path: str) -> str:
        found = re.search(rf"http://127\.0\.0\.1:{port}{path}[\w-]+", text_of(got(address)[-1]))
        assert found
        return found[0]

    with in_thread(smtp), open_browser() as browser:
        edit(folder / "newsletter.toml", f"http://127.0.0.1:{port}", smtp.port)
        with serving(folder, clock, port) as url:
            page = browser.new_page()
            page.goto(f"{url}subscribe")
            page.get_by_label("E-mail address").fill(READER)
            clock.set(SATURDAY_LATER)  # people take some seconds, and machines do not
            page.get_by_role("button", name="Subscribe").click()
            wait_for(lambda: got(READER))
            page.goto(link(READER, "/confirm/"))
            page.get_by_role("button", name="Confirm").click()
            page.get_by_role("heading", name="You are subscribed").wait_for()

            listed = program("schedule", "--next", "3", "--json", folder=folder, clock=clock.environment())
            slots = json.loads(listed.communicate()[0])["slots"]
            assert [one["at"] for one in slots][:1] == ["2027-01-04T07:00:00+01:00"]

            clock.set(DRAFT)
            wait_for(lambda: len(got("desk@borderlines.example")) == 2)
            clock.set(MONDAY)
            wait_for(lambda: len(got(READER)) == 2)
            wait_for(lambda: SLUG in page.request.get(f"{url}feed.xml").text())
            page.goto(url)
            assert page.get_by_role("heading", name="Moscow and Baku drift apart").first.is_visible()

            page.goto(link(READER, "/u/"))
            page.get_by_role("button", name="Unsubscribe").click()
            page.get_by_role("heading", name="You are unsubscribed").wait_for()
        # Killed and started again, on the same day and a day later: nothing goes out a second time.
        for moment in (MONDAY, "2027-01-05 07:00:00"):
            clock.set(moment)
            with serving(folder, clock, port) as url:
                wait_for(lambda: is_ready(url))  # it has looked at the calendar, and for what there is to send
        assert len(got(READER)) == 2
