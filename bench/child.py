"""A server in a process of its own, for the time of a measurement, and the event loop that it runs on."""

import asyncio
import os
import subprocess
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parent.parent


class Child:
    """A server in a process of its own: it says `PORT n` first and ends at SIGTERM."""

    def __init__(self, command: Sequence[str | Path]) -> None:
        self._command = command
        self._process: subprocess.Popen[str] | None = None
        self._cpu_at_start = 0.0
        self.port = 0
        self.cpu_seconds = 0.0

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        word, _, port = self._process.stdout.readline().partition(" ")
        if word != "PORT":
            self.end()
            raise RuntimeError(f"{self._command[0]} did not start")
        self.port = int(port)
        self._cpu_at_start = cpu_so_far(self._process.pid)
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> str:
        """Stop it → what it said last. From now on `cpu_seconds` is the user and system time that it served with."""
        process, self._process = self._process, None
        if process is None:
            return ""
        assert process.stdout is not None
        process.terminate()
        said = process.stdout.read()
        process.stdout.close()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.cpu_seconds = max(usage.ru_utime + usage.ru_stime - self._cpu_at_start, 0.0)
        return said


def cpu_so_far(pid: int) -> float:
    """What the start of an interpreter has cost, in steps of 10 ms; 0 where there is no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run_loop(main: Coroutine[Any, Any, None]) -> None:
    """Run on uvloop where it is installed, else on plain asyncio."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(main)
    else:
        uvloop.run(main)
