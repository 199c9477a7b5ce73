"""A million readers, by the real commands: imported from a CSV file, planned, sent to a sink; time and memory."""

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.compare import Floor
from bench.sink import Sink
from bench.timing import Goal, Process

ISSUE = "2025-07-07-weekly"
_NAMES = "Aino Baran Chiara Dilnoza Eka Farid Giorgi Hana Ivo Jana Katya Levan Mira Nino Omar Petra".split()


def measure_million(count: int) -> list[Goal]:
    """Import, plan and send → goals."""
    with tempfile.TemporaryDirectory(prefix="bench-million-") as folder:
        desk = Path(folder) / "desk"
        newsletter("init", str(desk), folder=Path(folder))
        write_people(desk / "people.csv", count)
        imported = newsletter("subscribers", "import", "people.csv", "--consent", "bench", folder=desk)
        newsletter("draft", "--date", "2025-07-07", folder=desk)
        planned = plan(desk)
        with Sink() as sink:
            sent = newsletter("send", ISSUE, "--yes", folder=desk, port=sink.port)
            counted = sink.stop()
        assert counted == count, f"the sink counted {counted:,} of {count:,}"
    rows, mails = count / imported.seconds, count / sent.seconds
    print(f"{count:,} readers: imported in {imported.seconds:.1f} s ({rows:,.0f} rows/s, {imported.megabytes:.0f} MB),")
    print(f"planned in {planned:.2f} s, sent in {sent.seconds:.1f} s ({mails:,.0f}/s, {sent.megabytes:.0f} MB)\n")
    return [
        Floor("import, rows a second (start included)", rows, 150_000, "/s"),
        Goal("planned", planned, 2, "s"),
        Goal("sent to a sink (start included)", sent.seconds, 60, "s"),
        Goal("memory of the send", sent.megabytes, 120, "MB"),
    ]


def newsletter(*words: str, folder: Path, port: int = 0) -> Process:
    """One real command; its seconds and its largest memory."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLETTER_")}
    if port:
        environment |= {"NEWSLETTER_SMTP__HOST": "127.0.0.1", "NEWSLETTER_SMTP__PORT": str(port)}
        environment |= {"NEWSLETTER_SMTP__SECURITY": "none"}
    started = time.perf_counter()
    with (folder / "talk.txt").open("w+b") as talk:
        command = [sys.executable, "-m", "newsletter", *words]
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=talk, stderr=talk)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            talk.seek(0)
            raise RuntimeError(f"newsletter {' '.join(words)} ended with {process.returncode}: {talk.read()[-2000:]!r}")
    return Process(time.perf_counter() - started, usage.ru_maxrss / 1000)


def plan(desk: Path) -> float:
    """Freeze the issue the way `send` does → seconds. The send after it then goes on with what is planned."""
    code = (
        "import time; from datetime import UTC, datetime; from pathlib import Path\n"
        "from newsletter.flows.build import render_issue; from newsletter.workspace.database import open_database\n"
        "from newsletter.workspace.load import read_config\n"
        "from newsletter.flows.freeze import freeze_issue\n"
        "from newsletter.workspace.files import Workspace\n"
        "desk = Workspace(Path.cwd()); config = read_config(desk); store = open_database(desk, config)\n"
        "started = time.perf_counter()\n"
        f"freeze_issue(render_issue(desk, config, {ISSUE!r}), config, store, datetime.now(UTC))\n"
        "print(time.perf_counter() - started)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=desk, capture_output=True, text=True, check=True)
    return float(done.stdout)


def write_people(path: Path, count: int) -> None:
    """Readers with names, at domains of a usual mixture, in no order."""
    dice = random.Random(7)
    domains = (
        ["large.example"] * 40
        + ["middle.example"] * 15
        + ["small.example"] * 10
        + [f"d{n}.example.org" for n in range(35)]
    )
    with path.open("w", encoding="utf-8") as file:
        file.write("email,name\n")
        for number in range(count):
            name = dice.choice(_NAMES)
            file.write(f"{name.lower()}.{dice.randrange(10**6)}.{number}@{dice.choice(domains)},{name}\n")
