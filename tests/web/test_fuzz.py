"""Every route under nonsense: never a fault of ours, always the headers. The long form: ./run bench fuzz."""

import asyncio
import time

import pytest

from newsletter.store.mailed_links import make_link
from newsletter.web import forms
from newsletter.web.guard import HEADERS
from tests.serving import Desk, Pages
from tests.web.conftest import READER
from tests.web.fuzz import Fuzzer, Request

SECONDS = 4


def tokens_of(desk: Desk) -> list[str]:
    """Some of each kind; what is used up on the way is used up."""
    made = [
        make_link(desk.store, 1, purpose, desk.clock()) for purpose in ("confirm", "preferences") for _ in range(20)
    ]
    return [*made, desk.link("/u/", READER).removeprefix("/u/"), "themes/caucasus", "feed.xml", "2025-07-07-weekly"]


async def throw(pages: Pages, fuzzer: Fuzzer, seconds: float) -> tuple[int, list[Request]]:
    """Requests for so long → how many, and those that met a fault."""
    until, count, faults = time.monotonic() + seconds, 0, []
    while time.monotonic() < until:
        some = [fuzzer.request() for _ in range(20)]
        answers = await asyncio.gather(*(pages._ask(one.method, one.path, [one.body], one.headers) for one in some))
        for one, answer in zip(some, answers, strict=True):
            count += 1
            if (
                answer.status >= 500
                or answer.headers.get("x-content-type-options") != HEADERS["X-Content-Type-Options"]
            ):
                faults.append(one)
    return count, faults


def test_no_request_meets_a_fault(sent: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "SAME_TIME_S", 0.0)
    seed = time.time_ns()
    count, faults = asyncio.run(throw(sent.pages(), Fuzzer(seed, tokens_of(sent)), SECONDS))
    assert faults == [], f"seed {seed}"
    assert count > 200
    assert [note for note in sent.notes if note.get("level") == "critical"] == []
