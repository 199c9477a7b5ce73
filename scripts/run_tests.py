"""`./run test [PYTEST ARGS]`: the whole suite on all cores.

`--quick` leaves out what is marked slow; `--cov` measures branch coverage, which takes twice as long. Other arguments are
pytest's.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str]) -> int:
    """Run pytest; without arguments, or with `--cov` alone, everything runs, spread over the cores."""
    whole = ["-n", "auto", "--dist", "worksteal"] if arguments in ([], ["--cov"], ["--quick"]) else []
    if arguments == ["--cov"]:
        whole += ["--cov-report=term:skip-covered", "--cov-fail-under=0"]
    if arguments == ["--quick"]:
        whole, arguments = [*whole, "-m", "not slow"], []
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLETTER_")}
    # The many processes that the tests start would else compile the whole program anew, each of them.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return subprocess.run([sys.executable, "-m", "pytest", *whole, *arguments], cwd=ROOT, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
