"""The database asks to try again (F16), and many readers in little memory (F51)."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bench.sink import Sink
from newsletter.store.database import Store, StoreError
from newsletter.store.ledger import Ledger
from tests.sending import in_thread, make_desk
from tests.smtp_server import SmtpServer


def failing(monkeypatch: pytest.MonkeyPatch, times: int, error: type[psycopg.Error]) -> list[int]:
    """Each second recording fails in the middle of its transaction, so many times."""
    calls: list[int] = []
    record = Ledger._record

    def fail(self: Ledger, cursor: Any, outcomes: Any, now: Any) -> None:
        record(self, cursor, outcomes, now)
        calls.append(len(outcomes))
        if len(calls) <= times:
            raise error("taken back")

    monkeypatch.setattr(Ledger, "_record", fail)
    return calls


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
@pytest.mark.parametrize("error", [psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected])
def test_f16_a_transaction_that_is_taken_back_is_tried_again(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch, error: type[psycopg.Error]
) -> None:
    (tmp_path / "desk").mkdir()
    desk = make_desk(tmp_path / "desk", store, readers=30)
    calls = failing(monkeypatch, 2, error)
    with in_thread(SmtpServer()) as server:
        desk.port = server.port
        assert desk.send().books.counts == {"accepted": 30}
    assert sorted(mail.recipient for mail in server.mails) == sorted(f"r{n}@example.org" for n in range(30))
    assert calls[0] == calls[1] == calls[2]


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_f16_trying_again_has_an_end(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "desk").mkdir()
    desk = make_desk(tmp_path / "desk", store, readers=30)
    with monkeypatch.context() as patched, in_thread(SmtpServer()) as server:
        calls = failing(patched, 10_000, psycopg.errors.DeadlockDetected)
        desk.port = server.port
        with pytest.raises(StoreError):
            desk.send()
    assert len(calls) == 3
    with in_thread(SmtpServer()) as again:
        desk.port = again.port
        assert desk.send().books.counts == {"accepted": 30}


def peak_megabytes(count: int) -> float:
    """The largest memory of a process that sends to so many."""
    code = (
        "import resource, sys; from bench import ours; ours.main(sys.argv[1:]);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    with Sink() as sink:
        done = subprocess.run(
            [sys.executable, "-c", code, "whole", "--port", str(sink.port), "--count", str(count)],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parent.parent.parent,
        )
        assert sink.stop() == count
    line, peak = done.stdout.splitlines()
    assert json.loads(line)["sent"] == count
    return int(peak) / 1000


def test_f51_memory_does_not_grow_with_the_number_of_readers() -> None:
    few, many = peak_megabytes(2_000), peak_megabytes(30_000)
    assert many - few < 30  # the database's page cache fills; a row kept for each reader would be more
