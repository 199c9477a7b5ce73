"""`./run check`: format, lint, types, layers, docs, lock. Everything runs; one summary at the end."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
CHECKS = {
    "format": [PYTHON, "-m", "ruff", "format", "--check", "."],
    "lint": [PYTHON, "-m", "ruff", "check", "."],
    "types": [PYTHON, "-m", "mypy"],
    "lock": [PYTHON, "scripts/lock.py", "--check"],
    "layers and docs": [
        PYTHON,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:randomly",
        "tests/test_layers.py",
        "tests/test_docs.py",
    ],
}


def main() -> int:
    """Run all checks; 1 if any failed."""
    results = {name: subprocess.run(command, cwd=ROOT).returncode for name, command in CHECKS.items()}
    print()
    for name, code in results.items():
        print(f"{'ok    ' if code == 0 else 'FAILED'}  {name}")
    return int(any(results.values()))


if __name__ == "__main__":
    sys.exit(main())
