"""`pyproject.toml` becomes `scripts/lock/*.txt`: every release that is installed, with the hashes of all its files.

    python3 scripts/lock.py              # renew, keeping the versions that still fit; needs uv
    python3 scripts/lock.py --upgrade    # renew, taking the newest versions that fit
    python3 scripts/lock.py --check      # 1 if something is missing or wrong; needs packaging and no network

The files add up: `build.txt` makes the project itself, `core.txt` runs it, `postgres.txt` and `dev.txt` hold what their extras
need beside those. One set of files is for all systems and for Python 3.11 to 3.14; where a release is for some of them only, a
marker says which (PEP 508). No file holds an address: where packages come from is for the installer's own settings, and the
hash makes sure that it is the same file from everywhere.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "scripts/lock"
# file → the extra of pyproject.toml that it is for; a file leaves out what stands in those above it
EXTRAS = {"build": None, "core": "", "postgres": "postgres", "dev": "dev"}
TITLES = {
    "build": "What makes packages of the project, and of a release that is published as source only",
    "core": "What the program needs at run time",
    "postgres": "What the extra for PostgreSQL needs beside the core",
    "dev": "What tests, checks and measurements need beside the others",
}
# An editable installation asks the build backend for one package more; setuptools makes dkimpy, which is published as source.
BUILD = ("hatchling", "editables>=0.5", "setuptools")

# A requirement is a name, one version, perhaps a marker, and SHA-256 hashes. What is not of this form is refused: that
# is every option of an installer (--index-url, --find-links, -r, -e …), a URL, a path and `name @ address`.
NAME = r"[a-z0-9]+(?:-[a-z0-9]+)*"
VERSION = r"[0-9]+(?:\.[0-9]+)*(?:(?:a|b|rc)[0-9]+)?(?:\.post[0-9]+)?"
VALUE = r"'[A-Za-z0-9_]*'|'[0-9]+(?:\.(?:[0-9]+|\*))*'"
VARIABLE = (
    r"python_version|python_full_version|os_name|sys_platform|platform_machine|platform_system"
    r"|platform_python_implementation|implementation_name"
)
CONDITION = rf"\(*(?:{VARIABLE}) (?:==|!=|<=|>=|<|>|in|not in) (?:{VALUE})\)*"
REQUIREMENT = re.compile(
    rf"(?P<name>{NAME})(?:\[{NAME}(?:,{NAME})*\])?==(?P<version>{VERSION})"
    rf"(?: ; {CONDITION}(?: (?:and|or) {CONDITION})*)?"
    r"(?P<hashes>(?: --hash=sha256:[0-9a-f]{64})*)"
)
# A comment is words: no scheme, no name of a host, no path, no encoding (`coding:`), no sign that some reader ends a line at.
COMMENT = re.compile(r"#(?!.*\blocalhost\b)[A-Za-z0-9,; ]*")


def main(arguments: list[str]) -> int:
    """Renew or check the lock; 1 if the check found something, 2 if the arguments are wrong."""
    if arguments == ["--check"]:
        found = list(find_faults(read_lock(), (ROOT / "pyproject.toml").read_text("utf-8")))
        for fault in found:
            print(f"scripts/lock/{fault}")
        return int(bool(found))
    if arguments in ([], ["--upgrade"]):
        return renew(upgrade=bool(arguments))
    print(__doc__, file=sys.stderr)
    return 2


def read_lock() -> dict[str, str]:
    """Return the text of every file in the folder of the lock, by its name; those that must be there come first."""
    names = dict.fromkeys([f"{name}.txt" for name in EXTRAS])
    names.update(dict.fromkeys(sorted(path.name for path in LOCK.iterdir())))
    return {name: (LOCK / name).read_text("utf-8") if (LOCK / name).is_file() else "" for name in names}


# --- check ----------------------------------------------------------------------------------------------------------


def find_faults(files: dict[str, str], pyproject: str) -> Iterator[str]:
    """Yield a line for everything in `files` (name → text) that is not a hashed requirement, or is missing for `pyproject`.

    Raises nothing for what `files` hold; `pyproject` must be valid TOML.
    """
    pins: dict[str, dict[str, set[str]]] = {}
    for name, text in files.items():
        if name.removesuffix(".txt") not in EXTRAS:
            yield f"{name}: no part of the lock has this name"
        pins[name] = {}
        for number, line in logical_lines(text):
            if line.startswith("#"):
                if not COMMENT.fullmatch(line):
                    yield f"{name}:{number}: a comment that is not plain words, and may hold an address"
                continue
            matched = REQUIREMENT.fullmatch(line)
            if matched is None:
                yield f"{name}:{number}: not `name==version --hash=sha256:…`, but an option, an address or an open version"
                continue
            if not matched["hashes"]:
                yield f"{name}:{number}: {matched['name']} has no hash"
            pins[name].setdefault(matched["name"], set()).add(matched["version"])
    yield from _find_gaps(pins, tomllib.loads(pyproject))


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    r"""Yield the lines that are not empty, with the number of their first; those that end with `\` go on in the next."""
    whole, began = "", 0
    for number, line in enumerate(text.split("\n"), 1):
        began = began if whole else number
        whole = f"{whole} {line.strip()}".strip()
        if whole.endswith("\\") and not whole.startswith("#"):
            whole = whole[:-1].rstrip()
            continue
        if whole:
            yield began, whole
        whole = ""
    if whole:
        yield began, whole


def _find_gaps(pins: dict[str, dict[str, set[str]]], project: dict[str, dict[str, object]]) -> Iterator[str]:
    """Yield what `pyproject.toml` asks for and the lock does not have, in a version that is asked for."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    known: dict[str, set[str]] = {}
    for part in EXTRAS:
        for name, versions in pins.get(f"{part}.txt", {}).items():
            known.setdefault(name, set()).update(versions)
        for text in _asked(part, project):
            asked = Requirement(text)
            versions = known.get(canonicalize_name(asked.name), set())
            if not versions:
                yield f"{part}.txt: {asked.name} is missing; renew the lock"
            for version in sorted(versions):
                if not asked.specifier.contains(version, prereleases=True):
                    yield f"{part}.txt: {asked.name} {version} is not {asked.specifier}; renew the lock"


def _asked(part: str, project: dict[str, dict[str, object]]) -> list[str]:
    if part == "build":
        wanted: object = project["build-system"]["requires"]
    elif part == "core":
        wanted = project["project"]["dependencies"]
    else:
        extras = project["project"]["optional-dependencies"]
        wanted = extras[part] if isinstance(extras, dict) else None
    return [str(text) for text in wanted] if isinstance(wanted, list) else []


# --- renew ----------------------------------------------------------------------------------------------------------


def renew(*, upgrade: bool) -> int:
    """Write the files anew with uv, which asks the index that its own settings name; return uv's exit status, 69 without uv."""
    if not shutil.which("uv"):
        print("lock: needs uv. Install it (python3 -m pip install uv), then run this again.", file=sys.stderr)
        return 69
    versions = "".join(text for text in read_lock().values())
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "kept.txt"
        kept.write_text("" if upgrade else versions, encoding="utf-8")
        (Path(folder) / "build.in").write_text("\n".join(BUILD), encoding="utf-8")
        whole = Path(folder) / "whole.txt"
        # All together first, so that every part has the same version of a release.
        status = _compile(whole, kept, [str(Path(folder) / "build.in"), "pyproject.toml", "--all-extras"])
        above: set[str] = set()
        for part, extra in EXTRAS.items():
            if status:
                return status
            asked = [str(Path(folder) / "build.in")] if extra is None else ["pyproject.toml"]
            answer = Path(folder) / f"{part}.txt"
            status = _compile(answer, whole, [*asked, *(["--extra", extra] if extra else [])])
            lines = [line for _, line in logical_lines(answer.read_text("utf-8"))] if not status else []
            _write(part, [line for line in lines if line not in above])
            above.update(lines)
    return status


def _compile(answer: Path, kept: Path, asked: list[str]) -> int:
    # What stands in the file that is written is kept if it fits (uv pip compile, "--output-file").
    answer.write_bytes(kept.read_bytes())
    command = ["uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes"]
    # pip looks for a hash of `coverage[toml]` beside that of `coverage`, if another release asks for it so.
    command += ["--no-header", "--no-annotate", "--no-strip-extras", "--output-file", str(answer), *asked]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL).returncode


def _write(part: str, lines: list[str]) -> None:
    title = f"# {TITLES[part]}, with the hashes of all files of each release; written by the script lock\n"
    broken = (line.replace(" --hash=", " \\\n    --hash=") for line in lines)
    (LOCK / f"{part}.txt").write_text(title + "".join(f"{line}\n" for line in broken), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
