"""`./run bench siege`: strangers attack `newsletter serve` while it sends an issue. Who reads must not notice, and mail goes on.

The program runs with 1,024 files, as many systems give. A reader of another network asks for pages all the time.
"""

import argparse
import contextlib
import os
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.attacks import ATTACKS, FILLED_IN_S, find_stamp, read_all, write_form
from bench.child import ROOT, cpu_so_far
from bench.kill import Desk, make_desk
from bench.leave import freeze
from bench.sink import Sink
from bench.timing import Goal

FILES = 1_024
SEND_RATE = 20  # mails a second: what is left of it under attack is asked, not how fast it could be
READER = "127.200.9.9"
PAGES = ("/", "/subscribe", "/feed.xml", "/2027-01-04-weekly/", "/healthz", "/search?q=Baku", "/preferences")
PAUSE_S = 0.05
LONGEST_S = 20.0
MEMORY_MB, PAGE_S, SHARE_OF_RATE = 250.0, 1.0, 0.9


@dataclass(slots=True)
class Visit:
    """What a reader of another network saw during one attack, and what it cost. `mails` were accepted in `seconds`."""

    name: str
    statuses: Counter[int] = field(default_factory=Counter)
    times: list[float] = field(default_factory=list)
    megabytes: float = 0.0
    cpu_s: float = 0.0
    mails: int = 0
    seconds: float = 0.0

    @property
    def unanswered(self) -> int:
        """Pages that were not answered 200."""
        return sum(count for status, count in self.statuses.items() if status != 200)


@dataclass(slots=True)
class Server:
    """`newsletter serve`, sending."""

    desk: Desk
    process: "subprocess.Popen[str]"
    port: int

    def visit(self, path: str) -> tuple[int, bytes]:
        """A page as the reader gets it: its status (0: none) and its body."""
        return self.ask(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())

    def ask(self, request: bytes) -> tuple[int, bytes]:
        """A request of the reader on a connection of its own."""
        try:
            with socket.socket() as connection:
                connection.settimeout(LONGEST_S)
                connection.bind((READER, 0))
                connection.connect(("127.0.0.1", self.port))
                connection.sendall(request)
                answer = read_all(connection)
        except OSError:
            return 0, b""
        return int(answer[9:12] or 0), answer

    def accepted(self) -> int:
        """Mails that are on record as accepted."""
        with closing(sqlite3.connect(f"file:{self.desk.folder}/newsletter.db?mode=ro", uri=True)) as connection:
            [(count,)] = connection.execute("SELECT count(*) FROM delivery WHERE state = 'accepted'")
        return int(count)

    def megabytes(self) -> float:
        """What it holds of the machine's memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def subscribe(self, address: str) -> bool:
        """Fills in the form as a reader does; true if the page says that a mail is on its way."""
        stamp = find_stamp(self.visit("/subscribe")[1])
        time.sleep(FILLED_IN_S)
        status, page = self.ask(write_form(address, stamp))
        return status == 200 and b"inbox" in page


@contextmanager
def besieged(folder: Path, seconds: float) -> Iterator[Server]:
    """`serve` that sends to enough readers for so many seconds, with few files."""

    def take_files() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))

    with Sink() as sink:
        desk = make_desk(folder, int(SEND_RATE * seconds) + 100, sink.port, SMTP__RATE=f"{SEND_RATE}/s", WEB__PORT="0")
        freeze(desk, 0)
        with (folder / "serve.log").open("w") as log:
            process = desk.start("serve", "--port", "0", stderr=log, preexec_fn=take_files)
            try:
                assert process.stdout
                port = int(process.stdout.readline().strip().rstrip("/").rpartition(":")[2])
                server = Server(desk, process, port)
                wait_for_mail(server)
                yield server
            finally:
                os.kill(process.pid, signal.SIGTERM)
                process.communicate(timeout=60)


def wait_for_mail(server: Server) -> None:
    """Until the first mails have left."""
    until = time.monotonic() + LONGEST_S
    while not server.accepted() and time.monotonic() < until:
        time.sleep(0.2)


def attack(server: Server, name: str, seconds: float) -> Visit:
    """One attack, or none if the name is empty, and a reader who asks for pages meanwhile."""
    visit = Visit(name or "nobody")
    over = threading.Event()

    def read() -> None:
        number = 0
        while not over.is_set():
            began = time.perf_counter()
            status, _ = server.visit(PAGES[number % len(PAGES)])
            visit.statuses[status] += 1
            visit.times.append(time.perf_counter() - began)
            visit.megabytes = max(visit.megabytes, server.megabytes())
            number += 1
            over.wait(PAUSE_S)

    before, cpu_before, began = server.accepted(), cpu_so_far(server.process.pid), time.monotonic()
    reader = threading.Thread(target=read)
    reader.start()
    if name:
        command = [sys.executable, "-m", "bench.attacks", name, "--port", str(server.port), "--seconds", str(seconds)]
        subprocess.run(command, cwd=ROOT, check=True)
    else:
        time.sleep(seconds)
    over.set()
    reader.join()
    visit.cpu_s = cpu_so_far(server.process.pid) - cpu_before
    visit.mails, visit.seconds = server.accepted() - before, time.monotonic() - began
    return visit


def lay_siege(folder: Path, names: Sequence[str], seconds: float) -> tuple[list[Visit], bool]:
    """All attacks, one after the other → what the reader saw of each, and whether somebody could still subscribe."""
    with besieged(folder, (seconds + 10) * (len(names) + 1)) as server:
        visits = [attack(server, name, seconds) for name in ("", *names)]
        return visits, server.subscribe("somebody@example.net")


def main(arguments: Sequence[str]) -> int:
    """Run it and say whether the goals were met."""
    parser = argparse.ArgumentParser(prog="./run bench siege")
    parser.add_argument("--seconds", type=float, default=15, help="for each attack")
    parser.add_argument("--only", choices=list(ATTACKS), action="append", help="one attack; may be repeated")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-siege-") as folder, contextlib.suppress(KeyboardInterrupt):
        visits, subscribed = lay_siege(Path(folder) / "desk", options.only or list(ATTACKS), options.seconds)
        return report(visits, subscribed)
    return 130


def report(visits: Sequence[Visit], subscribed: bool) -> int:
    """A line for each attack, then the goals."""
    print(
        f"{'attack':12} {'pages':>6} {'not 200':>8} {'median':>9} {'longest':>9} {'memory':>8} {'processor':>10} {'mails/s':>8}"
    )
    for visit in visits:
        times = sorted(visit.times)
        cpu, rate = visit.cpu_s / visit.seconds, visit.mails / visit.seconds
        print(
            f"{visit.name:12} {len(times):6} {visit.unanswered:8} {times[len(times) // 2] * 1000:6.1f} ms"
            f" {times[-1] * 1000:6.0f} ms {visit.megabytes:5.0f} MB {cpu:10.0%} {rate:8.1f}"
        )
    quiet = visits[0].mails / visits[0].seconds
    slowest = min(visit.mails / visit.seconds for visit in visits[1:])
    goals = [
        Goal("pages that were not answered 200", float(sum(visit.unanswered for visit in visits)), 0, ""),
        Goal("longest wait for a page", max(max(visit.times) for visit in visits), PAGE_S, "s"),
        Goal("memory", max(visit.megabytes for visit in visits), MEMORY_MB, "MB"),
        Goal("share of the mails that was lost to an attack", max(0.0, 1 - slowest / quiet), 1 - SHARE_OF_RATE, ""),
        Goal("readers who could not subscribe afterwards", float(not subscribed), 0, ""),
    ]
    for goal in goals:
        print(goal)
    return 0 if all(goal.met for goal in goals) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
