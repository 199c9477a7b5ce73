"""kill -9 of the real program, rows F1-F4: nobody is lost, and every second copy is listed. The long form: ./run bench kill."""

import io
import json
import random
import re
import socket
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.kill import CONNECTIONS, Desk, count_bound, make_desk, measure
from bench.recorder import Recorder
from newsletter.cli import run


def wait_until(condition: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


def database(desk: Desk) -> "closing[sqlite3.Connection]":
    return closing(sqlite3.connect(desk.folder / "newsletter.db", timeout=30, isolation_level=None))


def kill_when(process: "subprocess.Popen[str]", condition: Callable[[], object]) -> None:
    wait_until(condition)
    assert process.poll() is None
    process.kill()
    process.communicate()


def count(desk: Desk, state: str) -> int:
    """How many deliveries are in a state now."""
    return ask(desk, "SELECT count(*) FROM delivery WHERE state = ?", state)


def ask(desk: Desk, query: str, *values: object) -> int:
    with database(desk) as connection:
        number: int = connection.execute(query, values).fetchone()[0]
        return number


def addresses(recorder: Recorder) -> list[str]:
    return [copy.address for copy in recorder.copies]


def look(desk: Desk, *arguments: str) -> dict[str, Any]:
    """`newsletter … --json` of a command that only reads: here, where the program is loaded already."""
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out):
        for name, value in desk.environment.items():
            patch.setenv(name, value)
        code = run([*arguments, "--workspace", str(desk.folder), "--json"])
    assert code in (0, 1), out.getvalue()
    document: dict[str, Any] = json.loads(out.getvalue())
    return document


def doubts(desk: Desk, issue: str) -> list[str]:
    return [row["address"] for row in look(desk, "status", issue, "--in-doubt")["in_doubt"]]


def finish(desk: Desk, issue: str) -> None:
    process = desk.send(issue)
    out, err = process.communicate()
    assert process.returncode == 0, out + err


def test_the_guide_tells_the_bound_that_the_program_has(root: Path) -> None:
    guide = (root / "docs/guarantees.md").read_text(encoding="utf-8")
    windows = [count_bound(1, chunking=chunking) for chunking in (False, True)]
    crowds = [count_bound(CONNECTIONS, chunking=chunking) for chunking in (False, True)]
    told = re.search(
        r"window is (\d+) .* pipelining, (\d+) with CHUNKING: .* at most (\d+), or (\d+)", " ".join(guide.split())
    )
    assert told
    assert [int(number) for number in told.groups()] == [*windows, *crowds]


def test_f1_forty_kills_lose_nobody_and_every_second_copy_is_listed(tmp_path: Path) -> None:
    findings = measure(
        tmp_path, kills=40, readers=1500, chunking=False, database="sqlite", seed=random.randrange(10**6)
    )
    assert findings.faults == []
    assert findings.kills == 40
    assert findings.duplicates > 0, "no kill fell between acceptance and record: this showed nothing"


@pytest.mark.parametrize("read", [False, True], ids=["250 not sent", "250 read"])
def test_f2_killed_between_the_acceptance_and_the_record(tmp_path: Path, read: bool) -> None:
    hold = tmp_path / "hold"
    hold.touch()
    with Recorder(tmp_path / "log", hold=hold) as recorder:
        desk = make_desk(tmp_path / "desk", 1, recorder.port)
        issue = desk.draft(0)
        process = desk.send(issue)
        wait_until(lambda: recorder.copies)
        with database(desk) as other:
            if read:
                # Nothing can be recorded while somebody else writes, so the 250 stays in the process.
                other.execute("BEGIN IMMEDIATE")
                hold.unlink()
                time.sleep(0.3)
            assert process.poll() is None
            process.kill()
            process.communicate()
        hold.unlink(missing_ok=True)
        assert count(desk, "claimed") == 1
        finish(desk, issue)
        first, second = recorder.copies
        assert (first.message_id, first.sha256, first.address) == (second.message_id, second.sha256, second.address)
        assert doubts(desk, issue) == [first.address]
        assert look(desk, "verify", issue)["accepted"] == 1


def test_f3_killed_after_the_claim_and_before_the_mail(tmp_path: Path) -> None:
    hold = tmp_path / "hold"
    hold.touch()
    with Recorder(tmp_path / "log", hold_mail=hold) as recorder:
        desk = make_desk(tmp_path / "desk", 50, recorder.port, SMTP__CONNECTIONS="2")
        issue = desk.draft(0)
        process = desk.send(issue)
        kill_when(process, lambda: count(desk, "claimed"))
        assert recorder.copies == []
        claimed = count(desk, "claimed")
        hold.unlink()
        finish(desk, issue)
        assert Counter(addresses(recorder)).most_common(1)[0][1] == 1
        assert len(recorder.copies) == 50
        assert len(doubts(desk, issue)) == claimed <= count_bound(2, chunking=False)


def test_f3_killed_before_the_greeting_nothing_was_claimed(tmp_path: Path) -> None:
    with Recorder(tmp_path / "log") as recorder, socket.create_server(("127.0.0.1", 0)) as silent:
        desk = make_desk(tmp_path / "desk", 50, recorder.port)
        issue = desk.draft(0)
        silent.settimeout(30)
        port = {"NEWSLETTER_SMTP__PORT": str(silent.getsockname()[1])}
        process = replace(desk, environment=desk.environment | port).send(issue)
        silent.accept()[0].close()
        process.kill()
        process.communicate()
        finish(desk, issue)
        assert sorted(addresses(recorder)) == sorted(set(addresses(recorder)))
        assert len(recorder.copies) == 50
        assert doubts(desk, issue) == []


def test_f4_killed_while_freezing_the_audience_is_whole_or_not_there(tmp_path: Path) -> None:
    readers, dice = 15_000, random.Random(4)
    hold = tmp_path / "hold"
    hold.touch()  # nothing goes on behind the freeze
    with Recorder(tmp_path / "log", hold=hold) as recorder:
        desk = make_desk(tmp_path / "desk", readers, recorder.port)
        issue = desk.draft(0)
        began = time.monotonic()
        kill_when(desk.send(issue), lambda: recorder.copies)
        whole_s = time.monotonic() - began
        issues, seen = [issue], [frozen(desk, issue)]
        for _ in range(8):
            if seen[-1] != NOTHING:
                issue = desk.draft(len(issues))
                issues.append(issue)
            process = desk.send(issue)
            time.sleep(dice.uniform(0.4, 1.0) * whole_s)
            process.kill()
            process.communicate()
            seen.append(frozen(desk, issue))
        assert set(seen) == {NOTHING, (1, 1, readers, readers)}, "no kill fell before the freeze, or one into it"


NOTHING = (0, 0, 0, 0)
HOW_MUCH = (
    "SELECT count(*) FROM issue WHERE slug = ?",
    "SELECT count(*) FROM variant JOIN issue ON issue.id = issue_id WHERE slug = ?",
    "SELECT count(*) FROM delivery JOIN issue ON issue.id = issue_id WHERE slug = ?",
    "SELECT count(DISTINCT subscriber_id) FROM delivery JOIN issue ON issue.id = issue_id WHERE slug = ?",
)


def frozen(desk: Desk, issue: str) -> tuple[int, ...]:
    """How much of an issue is in the database: itself, its messages, its deliveries, its readers."""
    return tuple(ask(desk, query, issue) for query in HOW_MUCH)
