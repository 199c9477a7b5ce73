"""Other people's servers may be silent: the slot is at its time, the pages are ready, and no feed is forgotten."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.config import Config
from newsletter.flows import collect, visits
from newsletter.flows.collect import collect_sources
from newsletter.model import Source
from newsletter.sources import fetch as fetch_module
from newsletter.sources.fetch import fetch, fetch_all
from newsletter.sources.http_types import UNREACHED, Request, Response, hosts
from newsletter.sources.visit_order import keep_waiting, order_feeds
from newsletter.sources.waiting import HostTurns
from newsletter.stopping import Interrupted, Stopping
from newsletter.store.slots import find_slot
from newsletter.workspace.files import Workspace
from newsletter.workspace.load import read_config
from tests.serving import THURSDAY, Desk, aside
from tests.web_server import WebServer, serve

SLOT = "weekly/2025-07-07"
SILENT = 120
FEED = """<rss version="2.0"><channel><title>f</title><item><guid isPermaLink="false">{n}</guid>
<title>News number {n} of the border</title><link>https://example.org/{n}</link>
<pubDate>Fri, 04 Jul 2025 10:00:00 GMT</pubDate><description>Armenia and Azerbaijan, number {n}.</description></item></channel></rss>"""


@contextmanager
def silent_server() -> Iterator[int]:
    """Takes every connection and says nothing, as a machine does whose program hangs."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as server, ExitStack() as stack:
        over = threading.Event()

        def accept() -> None:
            while not over.is_set():
                try:
                    stack.enter_context(server.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        over.set()
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)


@pytest.fixture
def web() -> Iterator[WebServer]:
    with serve() as one:
        yield one


@pytest.fixture
def silence() -> Iterator[int]:
    with silent_server() as port:
        yield port


def feeds(config: Config, *urls: str) -> Config:
    sources = [Source(name=f"feed-{number:03}", kind="feed", url=url) for number, url in enumerate(urls)]
    return replace(config, sources=(*config.sources, *sources), fetch=replace(config.fetch, allow_hosts=("127.0.0.1",)))


def silent_urls(port: int, count: int = SILENT) -> list[str]:
    return [f"http://127.0.0.1:{port}/{number}.xml" for number in range(count)]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds instead of minutes. The proportions stay: a silent feed takes longer than all of them together have."""
    monkeypatch.setitem(collect.collect_sources.__kwdefaults__ or {}, "limit_s", 2.0)


# --- the calendar -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("failed_source", ["send", "hold"])
def test_c46_120_silent_feeds_delay_no_slot_and_no_answer(
    desk: Desk, silence: int, web: WebServer, impatient: None, failed_source: str
) -> None:
    web.give("/good.xml", FEED.format(n=1).encode())
    desk.config = feeds(desk.config, *silent_urls(silence), web.url("/good.xml"))
    desk.set(failed_source=failed_source)
    server = desk.server
    desk.tick()
    # Some minutes before the draft, in a thread of its own as in the scheduler's.
    desk.clock.now = THURSDAY.replace(day=6, hour=5) - visits.LEAD
    visiting = threading.Thread(target=server.visit_sources)
    visiting.start()
    looks = 0
    while visiting.is_alive():
        aside(server.keep_calendar)  # it waits for nobody
        assert server.is_ready()
        looks += 1
        time.sleep(0.05)
    visiting.join()
    assert looks > 3, "the calendar was held up by the visit"
    (note,) = [note for note in desk.notes if note["event"] == "sources" and note["failed"]]
    assert note["level"] == "warning"
    assert note["failed"].count("not reached in the time") + note["failed"].count("while there was time") == SILENT
    desk.clock.now = THURSDAY.replace(day=6, hour=5)
    aside(server.keep_calendar)
    row = find_slot(desk.store, SLOT)
    assert row
    assert row.state == "drafted"
    # What did answer is in it.
    assert "News number 1" in (desk.workspace.root / "issues/2025-07-07-weekly/issue.md").read_text()
    desk.tick(to="2025-07-07 05:00")
    assert len(desk.subjects("reader@example.org")) == (failed_source == "send")


def test_c46_a_slot_that_is_due_at_once_waits_for_a_visit_and_not_for_ever(desk: Desk, impatient: None) -> None:
    """Nobody visits: the job hangs, say. The draft is made of what there is, and says so."""
    desk.tick()
    desk.clock.now = THURSDAY.replace(day=7, hour=5)
    aside(desk.server.keep_calendar)
    assert (row := find_slot(desk.store, SLOT))
    assert row.state == "planned"
    desk.clock.now += visits.PATIENCE - timedelta(seconds=5)
    aside(desk.server.keep_calendar)
    assert (row := find_slot(desk.store, SLOT))
    assert row.state == "planned"
    desk.clock.now += timedelta(seconds=10)
    aside(desk.server.keep_calendar)
    assert (row := find_slot(desk.store, SLOT))
    assert row.state == "drafted"
    assert "not visited in time" in row.reason


def test_c46_sources_are_visited_before_they_are_wanted_and_not_more_often(desk: Desk) -> None:
    """A visit before the draft, and no other one for an edition that does not hold."""
    visited = []
    desk.tick()
    for minute in range(8 * 60):
        now = THURSDAY.replace(day=6, hour=1) + timedelta(minutes=minute)
        if visits.is_visit_due(desk.workspace, desk.config, desk.store, now):
            visited.append(now)
            desk.workspace.write_state("visit", {"began_at": now.strftime("%Y-%m-%dT%H:%M:%SZ"), "failed": ""})
        desk.clock.now = now
        aside(desk.server.keep_calendar)
    (draft,) = visited
    assert timedelta() < THURSDAY.replace(day=6, hour=5) - draft <= visits.LEAD


def test_c46_an_edition_that_holds_is_preceded_by_a_second_visit(desk: Desk) -> None:
    desk.set(failed_source="hold")
    desk.tick()
    desk.tick(to="2025-07-06 05:00")
    before = len([note for note in desk.notes if note["event"] == "sources"])
    slot = THURSDAY.replace(day=7, hour=5)
    assert not visits.is_visit_due(desk.workspace, desk.config, desk.store, slot - visits.LEAD - timedelta(minutes=1))
    desk.clock.now = slot - visits.LEAD
    aside(desk.server.visit_sources)
    assert len([note for note in desk.notes if note["event"] == "sources"]) == before + 1
    desk.clock.now = slot
    for job in (desk.server.keep_calendar, desk.server.send_due):
        aside(job)
    assert len(desk.subjects("reader@example.org")) == 1


# --- fairness ---------------------------------------------------------------------------------------------------------


def test_c46_a_feed_behind_silent_ones_is_reached_at_the_next_visit(
    tmp_path: Path, root: Path, silence: int, web: WebServer, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "newsletter.toml").write_bytes((root / "newsletter.toml").read_bytes())
    (tmp_path / "posts").mkdir()
    workspace = Workspace(tmp_path)
    web.give("/good.xml", FEED.format(n=1).encode())
    config = feeds(read_config(workspace), *silent_urls(silence, 40), web.url("/good.xml"))
    monkeypatch.setattr(fetch_module, "AT_ONCE", 8)
    monkeypatch.setattr(fetch_module, "OF_ONE_HOST", 8)
    reasons: list[str] = []
    while len(reasons) < 10 and (not reasons or reasons[-1]):
        reports = {report.name: report for report in collect_sources(workspace, config, THURSDAY)}
        reasons.append(reports["feed-040"].failed)
    assert reasons == [UNREACHED] * (len(reasons) - 1) + [""]
    assert len(reasons) <= 6  # eight more are tried each time
    assert reports["feed-040"].new == 1
    # And those that answered nothing come last from then on.
    reports = {report.name: report for report in collect_sources(workspace, config, THURSDAY)}
    assert reports["feed-040"].failed == ""


Names = st.lists(st.sampled_from([f"feed-{number}" for number in range(12)]), max_size=12)


@given(Names, Names, st.frozensets(st.sampled_from([f"feed-{number}" for number in range(12)])))
def test_c46_an_order_has_every_feed_once(names: list[str], waiting: list[str], failed: frozenset[str]) -> None:
    order = order_feeds(names, waiting, failed)
    assert sorted(order) == sorted(set(names))
    assert order[:1] == [name for name in waiting if name in names][:1] or not set(waiting) & set(names)


@given(st.integers(1, 40), st.data())
def test_c46_every_feed_has_a_turn_however_the_others_behave(count: int, data: st.DataObject) -> None:
    """Each visit gets to as many as it likes, one at least, and each of those answers or fails, as the worst case wants it.
    Now and then somebody collects one source by name."""
    names = [f"feed-{number}" for number in range(count)]
    waiting: list[str] = []
    failed: frozenset[str] = frozenset()
    asked_in: dict[str, int] = dict.fromkeys(names, 0)
    for visit in range(1, 3 * count + 1):
        if data.draw(st.integers(0, 9)) == 0:
            one = data.draw(st.sampled_from(names))
            waiting, asked_in[one] = keep_waiting(waiting, [one], frozenset()), visit
        order = order_feeds(names, waiting, failed)
        reached = order[: data.draw(st.integers(1, 3))]
        for name in reached:
            failed = failed | {name} if data.draw(st.booleans()) else failed - {name}
        asked_in.update(dict.fromkeys(reached, visit))
        waiting = keep_waiting(waiting, order, frozenset(order) - frozenset(reached))
        assert min(asked_in.values()) >= visit - count


def test_c46_feeds_that_answer_slowly_keep_no_turn_from_others(
    tmp_path: Path, root: Path, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, whoever had answered came first at the next visit too, and the last feeds of a long list were never asked."""
    (tmp_path / "newsletter.toml").write_bytes((root / "newsletter.toml").read_bytes())
    (tmp_path / "posts").mkdir()
    workspace = Workspace(tmp_path)
    web.give("/good.xml", FEED.format(n=1).encode())
    config = feeds(read_config(workspace), *[web.url("/good.xml")] * 9)
    asked: list[str] = []

    def fetch_three(wanted: dict[str, Request], **options: object) -> Iterator[tuple[str, Response]]:
        for place, (name, request) in enumerate(wanted.items()):
            if place < 3:
                asked.append(name)
                yield name, fetch_module.fetch(request)
            else:
                yield name, Response(outcome="unreached", url=request.url, reason=UNREACHED)

    monkeypatch.setattr(fetch_module, "fetch_all", fetch_three)
    for _ in range(3):
        collect_sources(workspace, config, THURSDAY)
    assert sorted(asked) == [f"feed-{number:03}" for number in range(9)]


def test_c46_a_silent_host_keeps_no_turn_from_another_one(
    tmp_path: Path, root: Path, silence: int, web: WebServer, impatient: None
) -> None:
    (tmp_path / "newsletter.toml").write_bytes((root / "newsletter.toml").read_bytes())
    (tmp_path / "posts").mkdir()
    workspace = Workspace(tmp_path)
    web.give("/good.xml", FEED.format(n=1).encode())
    config = feeds(read_config(workspace), *silent_urls(silence), web.url("/good.xml"))
    reports = {report.name: report for report in collect_sources(workspace, config, THURSDAY)}
    assert reports[f"feed-{SILENT}"].new == 1


@given(
    st.dictionaries(st.integers(), st.sampled_from(["a", "b", "c"]), max_size=40),
    st.integers(1, 5),
    st.integers(1, 8),
)
@settings(max_examples=30)
def test_c46_every_one_has_a_turn_and_no_host_too_many(hosts: dict[int, str], most: int, threads: int) -> None:
    turns, lock = HostTurns(hosts, most), threading.Lock()
    busy: Counter[str] = Counter()
    seen: list[int] = []
    highest: list[int] = [0]

    def work() -> None:
        for key in turns:
            with lock:
                busy[hosts[key]] += 1
                highest[0] = max(highest[0], *busy.values())
            seen.append(key)
            with lock:
                busy[hosts[key]] -= 1

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(20)
    assert sorted(seen) == sorted(hosts)
    assert highest[0] <= most
    assert turns.end() == set()


def test_c46_every_feed_is_named_with_what_became_of_it(silence: int) -> None:
    wanted = {n: Request(url=url, allow_hosts=hosts(["127.0.0.1"])) for n, url in enumerate(silent_urls(silence, 30))}
    seen: list[int] = []
    results = dict(fetch_all(wanted, done=seen.append, limit_s=0.5))
    assert sorted(results) == sorted(seen) == list(range(30))
    outcomes = [one.outcome for one in results.values()]
    assert (outcomes.count("failed"), outcomes.count("unreached")) == (
        fetch_module.OF_ONE_HOST,
        30 - fetch_module.OF_ONE_HOST,
    )


def test_c46_nothing_to_fetch_takes_no_thread() -> None:
    before = threading.active_count()
    assert list(fetch_all({}, limit_s=0.1)) == []
    assert threading.active_count() == before


# --- waits that are interrupted (C45) ---------------------------------------------------------------------------------


def test_c45_a_visit_of_silent_feeds_ends_when_the_process_is_to_end(silence: int) -> None:
    stopping = Stopping()
    wanted = {n: Request(url=url, allow_hosts=hosts(["127.0.0.1"])) for n, url in enumerate(silent_urls(silence, 30))}
    threading.Timer(0.2, stopping.stop).start()
    with pytest.raises(Interrupted), stopping.waiting() as arm:
        list(fetch_all(wanted, arm=arm))


def test_c45_a_wait_that_begins_after_the_stop_does_not_begin() -> None:
    stopping = Stopping()
    stopping.stop()
    called = []
    with stopping.waiting() as arm:
        arm(lambda: called.append(1))
    assert called == [1]
    stopping.stop()
    assert called == [1], "the wait is over, nobody is there to be interrupted"


def test_c45_a_name_server_that_is_silent_is_left_after_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def never(*arguments: object, **options: object) -> object:
        over.wait(60)
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", never)
    monkeypatch.setattr(fetch_module, "TIME_LIMIT_S", 0.2)
    monkeypatch.setattr(fetch_module, "GRACE_S", 0.1)
    fetched = fetch(Request(url="https://feeds.example/"))
    over.set()
    assert (fetched.outcome, fetched.reason) == ("failed", "took longer than 0.2 s")
