"""What all rivals have in common: the command line, the clock around the sending, the line that is printed, the ledger."""

import argparse
import json
import resource
import sqlite3
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bench.rivals.message import make_reader

# Whole messages are made before the clock starts; past these they are sent again, to others.
POOL = 1_000


@dataclass(frozen=True, slots=True)
class Options:
    """What a rival is asked to do. `tls_ca` means implicit TLS, trusting that authority."""

    port: int
    count: int
    connections: int
    tls_ca: Path | None
    seed: int

    @property
    def tls(self) -> ssl.SSLContext | None:
        """How to verify the server, or None for plain SMTP."""
        return ssl.create_default_context(cafile=self.tls_ca) if self.tls_ca else None


def read_options(name: str, arguments: list[str]) -> Options:
    """The command line of all rivals."""
    parser = argparse.ArgumentParser(prog=f"python -m bench.rivals.{name}")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--tls-ca", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    return Options(options.port, options.count, options.connections, options.tls_ca, options.seed)


class Stopwatch:
    """`with` this around the sending: wall seconds, and user and system time of the whole process."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.cpu_seconds = 0.0

    def __enter__(self) -> Self:
        self.cpu_seconds = -_cpu_seconds()
        self.seconds = -time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter()
        self.cpu_seconds += _cpu_seconds()

    def report(self, sent: int, connections: int) -> None:
        """Print the one line that `compare` reads."""
        cpu_us = self.cpu_seconds * 1e6 / max(sent, 1)
        print(json.dumps({"sent": sent, "cpu_us": cpu_us, "seconds": self.seconds, "connections": connections}))


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def open_ledger(folder: Path, count: int) -> sqlite3.Connection:
    """The subscribers as a script keeps them: one row each. WAL, for without it a commit costs twice as much."""
    ledger = sqlite3.connect(folder / "subscribers.db")
    ledger.execute("pragma journal_mode = wal")
    ledger.execute(
        "create table subscriber (id integer primary key, address text, mail text, token text, sent_at text)"
    )
    readers = ((number, make_reader(number)) for number in range(count))
    rows = ((number, reader.address, reader.id, reader.token) for number, reader in readers)
    ledger.executemany("insert into subscriber values (?, ?, ?, ?, null)", rows)
    ledger.commit()
    return ledger


def mark_sent(ledger: sqlite3.Connection, number: int) -> None:
    """Write down at once that this one was sent, and commit."""
    ledger.execute("update subscriber set sent_at = datetime('now') where id = ?", (number,))
    ledger.commit()
