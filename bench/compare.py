"""Senders against each other: interleaved rounds against a sink that must have counted every message; medians and ratios.

A candidate is a callable that returns a Measurement. `against_sink` makes one of anything that sends to a port.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from bench.child import ROOT
from bench.proxy import DelayProxy
from bench.sink import Certificate, Sink
from bench.timing import Goal


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One run: messages accepted, the sender's CPU for each, wall seconds for all; and what the sink needed for each."""

    sent: int
    cpu_us: float
    seconds: float
    sink_cpu_us: float = 0.0

    @property
    def per_second(self) -> float:
        """Messages a second."""
        return self.sent / self.seconds


class VoidRun(RuntimeError):
    """Not every message was accepted and counted once, so the figures mean nothing (speed S23)."""


Sending = Callable[[int], Measurement]  # to a port
Candidate = Callable[[], Measurement]


@dataclass(frozen=True, slots=True)
class Floor(Goal):
    """A figure that must not be below its limit."""

    @property
    def met(self) -> bool:
        """Whether the figure reaches its limit."""
        return self.figure >= self.limit

    def __str__(self) -> str:
        mark = "ok    " if self.met else "MISSED"
        return f"{mark}  {self.what:62} {self.figure:7.2f} {self.unit:3} (goal: at least {self.limit:g})"


# --- one run ------------------------------------------------------------------------------------------------------


def rival(name: str, count: int, connections: int = 1, *, tls_ca: Path | None = None, seed: int = 7) -> Sending:
    """A script of `bench/rivals/`, in a process of its own."""
    command = [sys.executable, "-m", f"bench.rivals.{name}", "--count", str(count), "--connections", str(connections)]
    command += ["--seed", str(seed)]
    command += ["--tls-ca", str(tls_ca)] if tls_ca else []

    def send(port: int) -> Measurement:
        return run_script([*command, "--port", str(port)])

    return send


def run_script(command: Sequence[str]) -> Measurement:
    """Run a sender that prints one line of JSON with sent, cpu_us and seconds. Raises VoidRun if it fails."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise VoidRun(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    line = json.loads(done.stdout)
    return Measurement(sent=line["sent"], cpu_us=line["cpu_us"], seconds=line["seconds"])


def against_sink(
    send: Sending,
    count: int,
    *,
    form: Literal["auto", "c", "python"] = "auto",
    chunking: bool = False,
    tls: Certificate | None = None,
    rtt_s: float = 0.0,
) -> Candidate:
    """A candidate that sends to a new sink each time, over a longer way if `rtt_s` is not 0. It raises VoidRun."""

    def measure() -> Measurement:
        with Sink(form=form, chunking=chunking, tls=tls) as sink, ExitStack() as stack:
            port = stack.enter_context(DelayProxy(sink.port, rtt_s)).port if rtt_s else sink.port
            measurement = send(port)
            counted = sink.stop()
        if not measurement.sent == counted == count:
            raise VoidRun(f"{count:,} messages to send, {measurement.sent:,} sent, {counted:,} counted by the sink")
        return replace(measurement, sink_cpu_us=sink.cpu_seconds * 1e6 / count)

    return measure


# --- many ---------------------------------------------------------------------------------------------------------


def rounds(candidates: Mapping[str, Candidate], count: int) -> dict[str, list[Measurement]]:
    """Every candidate `count` times, interleaved (speed S20)."""
    results: dict[str, list[Measurement]] = {name: [] for name in candidates}
    for _ in range(count):
        for name, measure in candidates.items():
            results[name].append(measure())
    return results


@dataclass(frozen=True, slots=True)
class Spread:
    """A median with its least and greatest."""

    median: float
    least: float
    greatest: float

    def __str__(self) -> str:
        return f"{_short(self.median)} ({_short(self.least)}–{_short(self.greatest)})"


def spread(figures: Sequence[float]) -> Spread:
    """The spread of some figures."""
    return Spread(statistics.median(figures), min(figures), max(figures))


def cpu_us(measurements: Sequence[Measurement]) -> Spread:
    """The sender's CPU per message: the figure that does not depend on the sink (speed S21)."""
    return spread([one.cpu_us for one in measurements])


def per_second(measurements: Sequence[Measurement]) -> Spread:
    """Messages a second."""
    return spread([one.per_second for one in measurements])


def cpu_ratio(rival: Sequence[Measurement], ours: Sequence[Measurement]) -> Spread:
    """How many times the CPU a rival needs, round by round: a noisy minute hits both."""
    return spread([theirs.cpu_us / one.cpu_us for theirs, one in zip(rival, ours, strict=True)])


def rate_ratio(ours: Sequence[Measurement], rival: Sequence[Measurement]) -> Spread:
    """How many times as fast we are, round by round."""
    return spread([one.per_second / theirs.per_second for one, theirs in zip(ours, rival, strict=True)])


def table(results: Mapping[str, Sequence[Measurement]]) -> str:
    """Medians with least and greatest, a line for each candidate."""
    lines = [f"  {'':34} {'CPU µs/msg':>28} {'msg/s':>28} {'sink µs/msg':>12}"]
    for name, runs in results.items():
        sink = statistics.median(one.sink_cpu_us for one in runs)
        lines.append(f"  {name:34} {cpu_us(runs)!s:>28} {per_second(runs)!s:>28} {_short(sink):>12}")
    return "\n".join(lines)


def _short(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.1f}"
