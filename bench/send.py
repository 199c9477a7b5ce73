"""`./run bench send`: the whole path and the sending alone, against rivals in the same rounds; far relays; a million readers.

Every run is void unless the sink has counted each message once. CPU is the sender's, user and system.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from bench.compare import (
    Candidate,
    Floor,
    Measurement,
    Sending,
    against_sink,
    cpu_ratio,
    cpu_us,
    rate_ratio,
    rival,
    rounds,
    run_script,
    table,
)
from bench.million import measure_million
from bench.sink import build_sink, make_certificate
from bench.timing import Goal

Results = Mapping[str, Sequence[Measurement]]
FAR_CONNECTIONS = 10


def main(arguments: Sequence[str]) -> int:
    """Measure, print the tables and the goals; 1 if one was missed."""
    parser = argparse.ArgumentParser(prog="./run bench send")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--readers", type=int, default=20_000)
    parser.add_argument(
        "--million", type=int, default=1_000_000, metavar="N", help="readers of the last part; 0 leaves it out"
    )
    parser.add_argument("--only", choices=["near", "tls", "far", "million"], help="one part")
    options = parser.parse_args(arguments)
    print(
        f"sink: {'C' if build_sink() else 'Python (no compiler: it slows fast senders down)'}; {options.rounds} rounds\n"
    )
    goals: list[Goal] = []
    parts = {"near": near, "tls": secured, "far": far}
    for name, part in parts.items():
        if options.only in (None, name):
            goals += part(options.rounds, options.readers)
    if options.only in (None, "million") and options.million:
        goals += measure_million(options.million)
    print("\n".join(str(goal) for goal in goals))
    return 0 if all(goal.met for goal in goals) else 1


def ours(what: str, count: int, connections: int = 10, *extra: str) -> Sending:
    """Our own sender in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "bench.ours",
        what,
        "--count",
        str(count),
        "--connections",
        str(connections),
        *extra,
    ]
    return lambda port: run_script([*command, "--port", str(port)])


def near(count: int, readers: int) -> list[Goal]:
    """To a sink on this machine, in the clear."""
    few = max(readers // 10, 100)
    candidates: dict[str, Candidate] = {
        "ours, whole path": against_sink(ours("whole", readers), readers),
        "ours, whole path, CHUNKING": against_sink(ours("whole", readers), readers, chunking=True),
        "ours, whole path, RSA-2048": against_sink(ours("whole", few, 10, "--dkim", "rsa"), few),
        "ours, whole path, Ed25519": against_sink(ours("whole", few, 10, "--dkim", "ed25519"), few),
        "ours, sending alone": against_sink(ours("alone", readers), readers),
        "smtplib, sending alone": against_sink(rival("smtplib_alone", few, 10), few),
        "aiosmtplib, sending alone": against_sink(rival("aiosmtplib_alone", few, 20), few),
        "typical script": against_sink(rival("typical", few), few),
    }
    results = rounds(candidates, count)
    print(f"To a sink on this machine, 40 KB, {readers:,} readers (rivals {few:,})\n{table(results)}\n")
    whole, alone = results["ours, whole path"], results["ours, sending alone"]
    return [
        Goal("whole path, CPU per message", cpu_us(whole).median, 40, "µs"),
        Goal(
            "whole path with RSA-2048, CPU per message", cpu_us(results["ours, whole path, RSA-2048"]).median, 400, "µs"
        ),
        Floor(
            "whole path against the typical script, messages a second",
            rate_ratio(whole, results["typical script"]).median,
            50,
        ),
        Floor("sending alone, CPU against smtplib", cpu_ratio(results["smtplib, sending alone"], alone).median, 10),
        Floor(
            "sending alone, CPU against aiosmtplib", cpu_ratio(results["aiosmtplib, sending alone"], alone).median, 20
        ),
    ]


def secured(count: int, readers: int) -> list[Goal]:
    """The same under TLS; its sink is slower, so only the sender's CPU is looked at."""
    with tempfile.TemporaryDirectory(prefix="bench-tls-") as folder:
        certificate = make_certificate(Path(folder))
        ca = str(certificate.ca)
        few = max(readers // 20, 100)
        results = rounds(
            {
                "ours, whole path, TLS": against_sink(
                    ours("whole", readers, 10, "--tls-ca", ca), readers, tls=certificate
                ),
                "smtplib, sending alone, TLS": against_sink(
                    rival("smtplib_alone", few, 10, tls_ca=certificate.ca), few, tls=certificate
                ),
            },
            count,
        )
    print(f"Under TLS\n{table(results)}\n")
    return [Goal("whole path under TLS, CPU per message", cpu_us(results["ours, whole path, TLS"]).median, 70, "µs")]


def far(count: int, readers: int) -> list[Goal]:
    """To a relay that is 20 and 50 ms away: replies are held back for a round trip. Nothing is lost on the way."""
    goals: list[Goal] = []
    for rtt in (0.02, 0.05):
        many, few = round(80 / rtt), round(10 / rtt)
        run = partial(against_sink, rtt_s=rtt)
        results = rounds(
            {
                "ours, whole path": run(ours("whole", many), many),
                "ours, whole path, CHUNKING": run(ours("whole", many * 10), many * 10, chunking=True),
                "smtplib, sending alone": run(rival("smtplib_alone", few, FAR_CONNECTIONS), few),
            },
            min(count, 3),
        )
        print(f"{rtt * 1000:g} ms away, {FAR_CONNECTIONS} connections\n{table(results)}\n")
        theirs = results["smtplib, sending alone"]
        name = f"{rtt * 1000:g} ms away, messages a second against smtplib"
        goals.append(Floor(name, rate_ratio(results["ours, whole path"], theirs).median, 3.9))
        chunked = rate_ratio(results["ours, whole path, CHUNKING"], theirs).median
        goals.append(Floor(f"{name}, CHUNKING", chunked, 25))
    return goals
