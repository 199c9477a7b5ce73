"""Octets of a database that flip on the disk: a damaged database is called that, with what to do, and nothing is sent from it."""

import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newsletter.errors import NewsletterError
from newsletter.flows.freeze import freeze_issue
from newsletter.model import SubscriberRow
from newsletter.store.database import Store, create_store, open_store
from newsletter.store.subscribers import SubscriberIntake, unsubscribe
from newsletter.workspace.database import open_database
from newsletter.workspace.files import Workspace
from newsletter.workspace.load import read_config
from tests.cli.conftest import Call, Called, call
from tests.databases import DATABASE, KEY, NOW

__all__ = ["call"]  # a fixture

ISSUE = "2025-07-07-weekly"
READERS = 600
COMMANDS = {
    "status": ("status",),
    "list": ("subscribers", "list"),
    "show": ("subscribers", "show", "reader7@example.org"),
    "add": ("subscribers", "add", "new@example.org", "--consent", "a test"),
    "export": ("subscribers", "export"),
    "schedule": ("schedule",),
    "dry run": ("send", ISSUE, "--dry-run"),
    "send": ("send", ISSUE, "--yes"),
    "doctor": ("doctor", "--offline"),
}
TABLE, INDEX, TABLE_TREE = 0x0D, 0x0A, 0x05  # the first octet of a page (https://www.sqlite.org/fileformat2.html, 1.6)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """A workspace with readers, some of whom left, and an issue that is drafted. Its relay is not there."""
    folder = tmp_path_factory.mktemp("whole")
    shutil.copy(root / "newsletter.toml", folder)
    shutil.copytree(root / "posts", folder / "posts", ignore=shutil.ignore_patterns("collected"))
    shutil.copytree(root / "issues", folder / "issues")
    store = create_store(f"sqlite:///{folder / DATABASE}", folder / KEY, NOW)
    fill(store, READERS)
    store.close()
    return folder


def fill(store: Store, readers: int) -> None:
    with store.writing() as connection:
        intake = SubscriberIntake(store, connection, source="test", event="imported", now=NOW)
        intake.take([SubscriberRow(f"reader{n}@example.org", f"reader{n}@example.org") for n in range(readers)])
    for number in range(0, readers, 50):
        unsubscribe(store, f"reader{number}@example.org", source="a link", now=NOW)


@pytest.fixture(autouse=True)
def no_relay(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("HOST", "127.0.0.1"), ("PORT", "1"), ("SECURITY", "none")):
        monkeypatch.setenv(f"NEWSLETTER_SMTP__{name}", value)


@pytest.fixture
def desk(whole: Path, tmp_path: Path) -> Path:
    shutil.copytree(whole, tmp_path / "desk")
    return tmp_path / "desk"


def pages(data: bytes) -> Iterator[tuple[int, int]]:
    """The offset and the kind of each page."""
    size = int.from_bytes(data[16:18], "big")
    for start in range(0, len(data), size):
        yield start, data[start + (100 if start == 0 else 0)]


def first(data: bytes, kind: int) -> int:
    return next(start for start, found in pages(data) if found == kind and start)


def change(path: Path, offset: int, octets: bytes) -> None:
    data = bytearray(path.read_bytes())
    assert data[offset : offset + len(octets)] != octets
    data[offset : offset + len(octets)] = octets
    path.write_bytes(data)


def ask(call: Call, desk: Path, what: str) -> Called:
    return call("--workspace", str(desk), *COMMANDS[what], "--json")


def told_by_doctor(call: Call, desk: Path) -> list[str]:
    """The errors about the database."""
    checks = ask(call, desk, "doctor").json["checks"]
    return [one["detail"] for one in checks if one["name"] == "database" and one["level"] == "error"]


# --- places that the program must not miss --------------------------------------------------------------------------

PLACES: dict[str, Callable[[bytes], tuple[int, bytes]]] = {
    "the first octets of the file": lambda data: (0, b"SQLite format 2"),
    "the size of its pages": lambda data: (16, b"\x03\x00"),
    "the whole first page": lambda data: (0, b"\xff" * 4096),
    "the names of its tables": lambda data: (data.index(b"CREATE TABLE subscriber"), b"CREATE TABLE subscribed"),
    "the text of a table": lambda data: (data.index(b"CREATE TABLE delivery"), b"CREATE TUBLE delivery"),
    "the kind of a table's page": lambda data: (first(data, TABLE), b"\x00"),
    "the cells of a table's page": lambda data: (first(data, TABLE) + 8, b"\xff\xff\xff\xff"),
    "the number of cells in a table's page": lambda data: (first(data, TABLE) + 3, b"\xff\xff"),
    "the way down a table": lambda data: (first(data, TABLE_TREE) + 8, b"\xff\xff\xff\xff"),
    "the kind of an index's page": lambda data: (first(data, INDEX), b"\x0d"),
    "the cells of an index's page": lambda data: (first(data, INDEX) + 8, b"\x00\x01\x00\x01"),
    "a word in an index": lambda data: (data.index(b"reader333@example.org", index_of_addresses(data)), b"reader999"),
}


def index_of_addresses(data: bytes) -> int:
    """Where a page of the index begins that holds the address: the table holds it too."""
    for start, kind in pages(data):
        if kind == INDEX and b"reader333@example.org" in data[start : start + 4096]:
            return start
    raise AssertionError("the index is not there")


@pytest.mark.parametrize("place", PLACES)
def test_c47_a_damaged_database_is_called_damaged_and_sends_nothing(call: Call, desk: Path, place: str) -> None:
    database = desk / DATABASE
    change(database, *PLACES[place](database.read_bytes()))
    damaged = database.read_bytes()
    assert told_by_doctor(call, desk)[0].startswith("the database is damaged: ")
    lines = call("--workspace", str(desk), "doctor", "--offline").out.splitlines()
    assert [line[:2] for line in lines if "database: " in line] == ["✖ "]
    for what in COMMANDS:
        called = ask(call, desk, what)
        assert "NL099" not in called.out, what
        if called.code == 1:
            error = called.json["error"]
            assert (error["code"], "backup" in error["help"]) == ("NL110", True), what
    assert ask(call, desk, "send").json["error"]["code"] == "NL110"
    assert database.read_bytes()[:100] == damaged[:100] or place == "a word in an index"


def test_c47_octets_that_flip_anywhere_are_never_a_fault_of_the_program(call: Call, desk: Path) -> None:
    """Where the flip is in somebody's name nothing can know; everywhere else it is reported."""
    database, dice = desk / DATABASE, random.Random(47)
    whole = database.read_bytes()
    starts = [start for start, _ in pages(whole)]
    seen = set()
    for _ in range(25):
        for path in desk.glob(f"{DATABASE}*"):
            path.unlink()
        data = bytearray(whole)
        for _ in range(dice.choice((1, 1, 3, 30))):
            data[dice.choice(starts) + min(int(dice.expovariate(1 / 300)), 4095)] ^= 1 << dice.randrange(8)
        database.write_bytes(data)
        found = told_by_doctor(call, desk)
        seen.add(bool(found))
        for what in ("status", "list", "add", "dry run"):
            called = ask(call, desk, what)
            assert "NL099" not in called.out + called.err
        if sqlite_finds(database):
            assert found
    assert seen == {True, False}


def sqlite_finds(database: Path) -> bool:
    try:
        with closing(sqlite3.connect(database)) as connection:
            return connection.execute("PRAGMA integrity_check").fetchall() != [("ok",)]
    except sqlite3.Error:
        return True


def test_c47_an_issue_is_not_frozen_from_a_damaged_index(desk: Path) -> None:
    """A word that flipped in an index makes no query fail: it only gives other readers."""
    from newsletter.flows.build import render_issue

    database = desk / DATABASE
    change(database, *PLACES["a word in an index"](database.read_bytes()))
    workspace = Workspace(desk)
    config = read_config(workspace)
    store = open_database(workspace, config)
    with pytest.raises(NewsletterError, match="the database is damaged"):
        freeze_issue(render_issue(workspace, config, ISSUE), config, store, datetime.now(UTC))
    store.close()
    with closing(sqlite3.connect(database)) as connection:  # as docs/operate.md says
        connection.execute("REINDEX")
    store = open_database(workspace, config)
    store.check_whole()
    store.close()


# --- the log --------------------------------------------------------------------------------------------------------


@pytest.fixture
def killed(desk: Path) -> Path:
    """A process was killed: what it has written last is in the log only. The last thing is that a reader left."""
    done = subprocess.run([sys.executable, "-c", KILLED, desk / DATABASE, desk / KEY], capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    assert (desk / f"{DATABASE}-wal").stat().st_size > 10 * 4096
    return desk


KILLED = """
import os, signal, sys
from tests.databases import NOW
from newsletter.store.database import open_store
from newsletter.store.subscribers import unsubscribe
store = open_store(f"sqlite:///{sys.argv[1]}", __import__("pathlib").Path(sys.argv[2]))
for number in range(1, 20):
    unsubscribe(store, f"reader{number}@example.org", source="a link", now=NOW)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_c47_a_log_after_a_kill_is_read_as_ever(call: Call, killed: Path) -> None:
    assert told_by_doctor(call, killed) == []
    assert ask(call, killed, "list").json["counts"]["unsubscribed"] == READERS // 50 + 19


@pytest.mark.parametrize(
    "offset",
    [0, 3, 8, 17, 24, 32, 40, 50, 32 + 24 + 100, 32 + 3 * (24 + 4096) + 4000],
    ids=lambda offset: f"octet {offset}",
)
def test_c47_who_left_is_not_a_reader_again_because_the_log_is_damaged(call: Call, killed: Path, offset: int) -> None:
    """SQLite ends its log where a checksum is wrong, and says nothing: what came after is undone."""
    log = killed / f"{DATABASE}-wal"
    data = bytearray(log.read_bytes())
    data[offset] ^= 0x01
    log.write_bytes(data)
    for what in COMMANDS:
        called = ask(call, killed, what)
        assert "NL099" not in called.out
        assert called.code in (1, 4), what
    (told,) = told_by_doctor(call, killed)
    assert "transactions in newsletter.db-wal cannot be read" in told
    assert log.read_bytes() == data, "the log is what can still be repaired"
    log.unlink()  # as docs/errors.md says for who has no backup and can do without
    assert told_by_doctor(call, killed) == []


def test_c47_the_log_of_a_database_that_is_open_is_not_looked_at(desk: Path) -> None:
    """It changes while it is read."""
    from newsletter.store.damage import count_unreadable

    store = open_store(f"sqlite:///{desk / DATABASE}", desk / KEY)
    unsubscribe(store, "reader1@example.org", source="a link", now=NOW)
    log = desk / f"{DATABASE}-wal"
    data = bytearray(log.read_bytes())
    data[50] ^= 1
    copy = desk / "copy"
    copy.mkdir()
    (copy / f"{DATABASE}-wal").write_bytes(data)
    assert count_unreadable(copy / DATABASE) == 1
    log.write_bytes(data)
    assert count_unreadable(desk / DATABASE) == 0
    store.close()
