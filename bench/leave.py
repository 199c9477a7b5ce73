"""`./run bench leave`: a thousand one-click requests a second while an issue is being sent. None fails, none of them is mailed.

One process of `newsletter serve` answers and sends. Those who leave are at the end of the list, so that the sender
would come to them later: whoever has their answer must get no mail any more.
"""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from bench.kill import Desk, make_desk
from bench.sink import Sink
from bench.timing import Goal
from newsletter.audience.tokens import TokenKeys, make_tokens
from newsletter.flows.build import render_issue
from newsletter.flows.freeze import freeze_issue
from newsletter.store.subscribers import count_by_state
from newsletter.workspace.database import open_database
from newsletter.workspace.files import Workspace
from newsletter.workspace.load import read_config

CONNECTIONS = 32
REQUEST = (
    "POST /u/{token} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    "Content-Length: 26\r\n\r\nList-Unsubscribe=One-Click"
)
DAY = "2027-01-04"
LONGEST_S = 300


@dataclass(slots=True)
class Load:
    """What became of the requests. `times` are seconds from when one was due to its whole answer."""

    times: list[float] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


async def load(port: int, requests: Sequence[bytes], rate: float) -> Load:
    """Requests over kept connections, each begun when it is due: a late answer delays no other connection's."""
    result = Load()
    began = time.perf_counter()

    async def work(first: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in range(first, len(requests), CONNECTIONS):
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            writer.write(requests[number])
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.partition(b":")[2]))
            status = head[9:12].decode()
            result.statuses[status] = result.statuses.get(status, 0) + 1
            result.times.append(time.perf_counter() - due)
        writer.close()

    await asyncio.gather(*(work(first) for first in range(CONNECTIONS)))
    result.seconds = time.perf_counter() - began
    return result


def freeze(desk: Desk, leaving: int) -> list[str]:
    """The issue, frozen for all; → the tokens in the mails of the last readers."""
    issue = str(desk.ask("draft", "--date", DAY)["issue"])
    workspace = Workspace(desk.folder)
    config = read_config(workspace)
    store = open_database(workspace, config)
    try:
        frozen = freeze_issue(render_issue(workspace, config, issue), config, store, datetime.now(UTC))
        keys = TokenKeys.derive(store.key.derive)
        last = frozen.planned
        return [make_tokens(keys, frozen.id, number).unsubscribe for number in range(last - leaving + 1, last + 1)]
    finally:
        store.close()


def measure(folder: Path, *, rate: int, seconds: int, send_rate: int) -> tuple[Load, int, int, int]:
    """→ the load, how many were planned, unsubscribed, and mailed."""
    leaving = rate * seconds
    readers = leaving + send_rate * (seconds + 5)
    with Sink() as sink:
        desk = make_desk(folder, readers, sink.port, SMTP__RATE=f"{send_rate}/s", WEB__PORT="0")
        tokens = freeze(desk, leaving)
        requests = [REQUEST.format(token=token).encode() for token in tokens]
        log = (folder / "serve.log").open("w")
        server = desk.start("serve", "--port", "0", "--quiet", stderr=log)
        try:
            assert server.stdout
            port = int(server.stdout.readline().strip().rstrip("/").rpartition(":")[2])
            time.sleep(3)  # the first mails leave
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                result = runner.run(load(port, requests, rate))
            until = time.monotonic() + LONGEST_S
            while desk.ask("status")["issues"][0]["state"] != "done" and time.monotonic() < until:
                time.sleep(1)
        finally:
            os.kill(server.pid, signal.SIGTERM)
            server.wait(60)
            log.close()
        workspace = Workspace(folder)
        store = open_database(workspace, read_config(workspace))
        left = count_by_state(store).get("unsubscribed", 0)
        store.close()
        return result, readers, left, sink.stop()


def main(arguments: Sequence[str]) -> int:
    """Run it and say whether the goals were met."""
    parser = argparse.ArgumentParser(prog="./run bench leave")
    parser.add_argument("--rate", type=int, default=1000, help="requests a second")
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--send-rate", type=int, default=1000, help="mails a second that are sent meanwhile")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-leave-") as folder:
        result, readers, left, mailed = measure(
            Path(folder) / "desk", rate=options.rate, seconds=options.seconds, send_rate=options.send_rate
        )
    wanted = options.rate * options.seconds
    times = sorted(result.times)
    reached = len(times) / result.seconds
    print(f"{len(times):,} requests in {result.seconds:.1f} s ({reached:,.0f}/s); answers: {result.statuses}")
    late = [times[len(times) // 2], times[int(len(times) * 0.99)], times[-1]]
    print("time to the answer, median, 99 %, longest: " + ", ".join(f"{one * 1000:.1f} ms" for one in late))
    print(f"{readers:,} readers planned, {left:,} left, {mailed:,} mailed")
    goals = [
        Goal("requests that were not answered 200", float(wanted - result.statuses.get("200", 0)), 0, ""),
        Goal("readers who left and were mailed", float(mailed - (readers - left)), 0, ""),
        Goal("longer than planned, for the requests", result.seconds / options.seconds, 1.03),
    ]
    for goal in goals:
        print(goal)
    return 0 if all(goal.met for goal in goals) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
