"""Who waits for whom: pages that write wait for each other, pages that only read wait for none of them."""

import asyncio
import sqlite3
from contextlib import closing
from urllib.parse import urlencode

import pytest

from newsletter.store.mailed_links import make_link
from newsletter.web import forms
from tests.serving import Answer, Desk, Pages
from tests.web.conftest import READER

WRITERS = 120
FORM = {"content-type": "application/x-www-form-urlencoded"}
LONGEST_S = 40


def test_c48_pages_that_read_do_not_wait_behind_those_that_write(sent: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program holds the database, and a hundred forms wait for it."""
    monkeypatch.setattr(forms, "SAME_TIME_S", 0.0)
    sent.server.keep_calendar()  # so that it is ready
    stamps = [sent.server.public.stamps.make() for _ in range(WRITERS)]
    sent.clock.advance(seconds=3)
    reading = [
        "/",
        f"/p/{make_link(sent.store, 1, 'preferences', sent.clock())}",
        f"/confirm/{make_link(sent.store, 1, 'confirm', sent.clock())}",
        sent.link("/u/", READER),
        "/search?q=Baku",
        "/subscribe",
        "/readyz",
        "/feed.xml",
    ]
    app = sent.pages().app
    assert sent.store.path

    async def post(number: int) -> Answer:
        body = urlencode({"address": f"r{number}@example.org", "stamp": stamps[number]}).encode()
        return await Pages(app, client=f"198.{number}.7.1")._ask("POST", "/subscribe", [body], FORM)

    async def attack(other: sqlite3.Connection) -> tuple[list[Answer], list[Answer], int]:
        waiting = [asyncio.create_task(post(number)) for number in range(WRITERS)]
        await asyncio.sleep(0.2)
        async with asyncio.timeout(LONGEST_S):
            read = [await Pages(app)._ask("GET", path, [b""], {}) for path in reading]
        done = sum(task.done() for task in waiting)
        other.rollback()
        return read, await asyncio.gather(*waiting), done

    with closing(sqlite3.connect(sent.store.path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        read, written, done = asyncio.run(attack(other))
    assert [answer.status for answer in read] == [200] * len(reading)
    assert done == 0, "nothing could be written meanwhile"
    assert {answer.status for answer in written} <= {200, 429}
    assert [answer.status for answer in written].count(200) >= 100
