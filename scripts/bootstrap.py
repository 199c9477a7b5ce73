"""`./run RECIPE [ARGS]`: makes `.venv` with what the recipe needs, then runs it. Standard library only.

Works without pip, venv's ensurepip, uv or make: whichever installer is there is used. It installs the releases in
`scripts/lock/`, and only files whose SHA-256 is there. No package index is named anywhere: its own configuration decides.
"""

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCK = ROOT / "scripts/lock"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")

# extra → the files of the lock that it takes; `build` is there for the project itself, which is installed from its source
LOCKED = {"": ("build", "core"), "dev": ("build", "core", "postgres", "dev")}
# Released as source: what makes a package of it is in `build`. A source would else fetch its own tools, and those without a hash.
FROM_SOURCE = "dkimpy"
# recipe → (the extra it needs, the command it is)
RECIPES = {
    "demo": ("", ["-m", "newsletter", "build", "2025-07-07-weekly", "--open"]),
    "newsletter": ("", ["-m", "newsletter"]),
    "test": ("dev", ["scripts/run_tests.py"]),
    "check": ("dev", ["scripts/check.py"]),
    "bench": ("dev", ["-m", "bench"]),
}
USAGE = """usage: ./run RECIPE [ARGS]

  demo         build the sample issue and open it (without a terminal: print where it is)
  test         run every test; arguments go to pytest
  newsletter   run the program, e.g. ./run newsletter build --help
  check        format, lint, types, layers, docs, lock
  bench        the measurements, e.g. ./run bench build
"""


def main(arguments: list[str]) -> int:
    """Set up what the recipe needs and run it; the exit status is the recipe's."""
    if not arguments or arguments[0] not in RECIPES:
        print(USAGE, end="", file=sys.stderr)
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    extra, command = RECIPES[arguments[0]]
    set_up(extra)
    if arguments[0] in ("newsletter", "demo"):
        # What the program tells people to type next.
        os.environ["NEWSLETTER_PROGRAM"] = f"{shlex.quote(str(ROOT / 'run'))} newsletter"
    try:
        finished = subprocess.run([PYTHON, *command, *arguments[1:]], cwd=_working_folder(arguments[0]))
    except KeyboardInterrupt:
        return 130
    return finished.returncode


def _working_folder(recipe: str) -> str:
    # `./run newsletter` answers for the folder it is called from; the other recipes are about this repository.
    return os.environ.pop("NEWSLETTER_CALLED_FROM", str(Path.cwd())) if recipe == "newsletter" else str(ROOT)


def set_up(extra: str) -> None:
    """Install the project with `extra` into .venv, unless the stamp says that it is there already."""
    stamp = VENV / f"installed-{extra or 'core'}"
    files = [LOCK / f"{name}.txt" for name in LOCKED[extra]]
    known = b"".join(path.read_bytes() for path in (ROOT / "pyproject.toml", *files))
    wanted = hashlib.sha256(known + sys.version.encode()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted and PYTHON.exists():
        return
    if not PYTHON.exists() or _version(PYTHON) != list(sys.version_info[:2]):
        shutil.rmtree(VENV, ignore_errors=True)
        venv.EnvBuilder(with_pip=False, symlinks=os.name != "nt").create(VENV)
    print(
        f"run: installing {'the program' if not extra else 'the program and its test tools'} into .venv …",
        file=sys.stderr,
    )
    for command in installations(find_installer(), files):
        if subprocess.run(command, stdout=subprocess.DEVNULL).returncode:
            sys.exit(
                f"run: the installation failed (see above); nothing else was changed. Try again: ./run {sys.argv[1]}"
            )
    stamp.write_text(wanted)


def installations(installer: list[str], files: list[Path]) -> list[list[str]]:
    """The commands that install the releases in `files`, each file of them by its hash, and then the project from its source.

    What builds packages is in the first of `files` and comes first, so that building fetches nothing: an installer would
    get it anew for every build, without a hash (PEP 517, "Build environment").
    """
    packages = [*installer, "--require-hashes", "--only-binary", ":all:"]
    others = [word for path in files[1:] for word in ("-r", str(path))]
    return [
        [*packages, "-r", str(files[0])],
        [*packages, "--no-binary", FROM_SOURCE, "--no-build-isolation", *others],
        [*installer, "--no-index", "--no-deps", "--no-build-isolation", "-e", str(ROOT)],
    ]


def find_installer() -> list[str]:
    """The command that installs into .venv: uv, the pip inside, a pip outside, or python3-venv by apt."""
    if shutil.which("uv"):
        return ["uv", "pip", "install", "--quiet", "--python", str(PYTHON)]
    inside = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if _works([*inside[:3], "--version"]) or _works([str(PYTHON), "-m", "ensurepip", "--default-pip"]):
        return inside
    if _works([sys.executable, "-m", "pip", "--python", str(PYTHON), "--version"]):
        return [sys.executable, "-m", "pip", "--python", str(PYTHON), *inside[3:]]
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    if shutil.which("apt-get") and hasattr(os, "geteuid"):
        sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
        print(f"run: no pip here; installing Debian's {package} …", file=sys.stderr)
        subprocess.run([*sudo, "apt-get", "update", "-qq"], stdout=subprocess.DEVNULL)
        if _works([*sudo, "apt-get", "install", "-y", "-qq", package]) and _works([str(PYTHON), "-m", "ensurepip"]):
            return inside
    sys.exit(f"run: this Python cannot install packages. Install {package} (or uv, or pip), then run this again.")


def _works(command: list[str]) -> bool:
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def _version(python: Path) -> list[int]:
    answer = subprocess.run([python, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True)
    return [int(part) for part in answer.stdout.split()]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
