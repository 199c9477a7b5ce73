"""`./run bench fuzz`: nonsense to every route of the public pages, over real connections. No answer is a fault of ours (5xx)."""

import argparse
import http.client
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bench.timing import Goal
from newsletter.web import forms


def main(arguments: Sequence[str]) -> int:
    """Run it and say how it went."""
    from tests.serving import listening, running_desk
    from tests.web.conftest import READER
    from tests.web.fuzz import Fuzzer
    from tests.web.test_fuzz import tokens_of

    parser = argparse.ArgumentParser(prog="./run bench fuzz")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    options = parser.parse_args(arguments)
    forms.SAME_TIME_S = 0.0
    logging.getLogger().addHandler(logging.NullHandler())  # libraries warn of what they are sent
    statuses: Counter[int] = Counter()
    with tempfile.TemporaryDirectory(prefix="bench-fuzz-") as folder, running_desk(Path(folder)) as desk:
        desk.tick()
        desk.subscribe(READER)
        desk.tick(to="2025-07-06 05:00")
        desk.tick(to="2025-07-07 05:00")
        fuzzer = Fuzzer(options.seed, tokens_of(desk))
        with listening(desk) as port:
            until = time.monotonic() + options.seconds
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
            while time.monotonic() < until:
                one = fuzzer.request()
                try:
                    connection.request(one.method, one.path, one.body, one.headers)
                    answer = connection.getresponse()
                    answer.read()
                    statuses[answer.status] += 1
                    if answer.status >= 500:
                        print(f"{answer.status}: {one.method} {one.path[:200]} {one.headers} {one.body[:200]!r}")
                except (OSError, http.client.HTTPException, ValueError) as error:  # refused before it was a request
                    statuses[0] += 1
                    if isinstance(error, TimeoutError):
                        print(f"no answer: {one}")
                    connection.close()
                    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
            connection.close()
        critical = [note for note in desk.notes if note.get("level") == "critical"]
    print(f"{sum(statuses.values()):,} requests, seed {options.seed}; answers: {dict(sorted(statuses.items()))}")
    for note in critical[:5]:
        print(note)
    goal = Goal("answers that are a fault of ours", sum(n for status, n in statuses.items() if status >= 500), 0, "")
    print(goal)
    return 0 if goal.met and not critical else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
