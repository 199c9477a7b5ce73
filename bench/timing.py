"""Whole processes, timed in interleaved rounds: first one of each, then again, so that a noisy minute hits all alike."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """One run: wall seconds and the largest resident memory in MB."""

    seconds: float
    megabytes: float


def run(command: Sequence[str], folder: Path, *, allowed: Sequence[int] = (0,)) -> Process:
    """Run a command to its end. Raises RuntimeError with its output if its exit status is not one of those allowed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLETTER_")}
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    talk = process.stderr.read()
    process.stderr.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode not in allowed:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {talk.decode()}")
    divisor = 1_000_000 if sys.platform == "darwin" else 1_000
    return Process(seconds, usage.ru_maxrss / divisor)


def rounds(commands: Mapping[str, tuple[Sequence[str], Path]], count: int) -> dict[str, list[Process]]:
    """Every command `count` times, interleaved, after one unmeasured round that warms the caches."""
    for command, folder in commands.values():
        run(command, folder)
    results: dict[str, list[Process]] = {name: [] for name in commands}
    for _ in range(count):
        for name, (command, folder) in commands.items():
            results[name].append(run(command, folder))
    return results


def median(processes: Sequence[Process]) -> float:
    """The median of wall seconds."""
    return statistics.median(process.seconds for process in processes)


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure, its limit, and whether it was met."""

    what: str
    figure: float
    limit: float
    unit: str = "x"

    @property
    def met(self) -> bool:
        """Whether the figure keeps to its limit."""
        return self.figure <= self.limit

    def __str__(self) -> str:
        mark = "ok    " if self.met else "MISSED"
        return f"{mark}  {self.what:62} {self.figure:7.2f} {self.unit:3} (goal: at most {self.limit:g})"
