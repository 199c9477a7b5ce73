"""What is installed is what was locked: every file by its hash, from wherever the installer's own settings say."""

import re
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "scripts/lock"
SCRIPT: dict[str, Any] = runpy.run_path(str(ROOT / "scripts/lock.py"))
BOOTSTRAP: dict[str, Any] = runpy.run_path(str(ROOT / "scripts/bootstrap.py"))
find_faults: Callable[[dict[str, str], str], Iterator[str]] = SCRIPT["find_faults"]
HASH = "--hash=sha256:" + "0" * 64
PYPROJECT = """
[build-system]
requires = ["maker>=2"]
[project]
dependencies = ["Some_Thing[more]>=1.5,<2"]
[project.optional-dependencies]
postgres = ["driver>=3"]
dev = ["tester"]
"""
GOOD = {
    "build.txt": f"maker==2.0 {HASH}\n",
    "core.txt": f"# Words, and no more than words; really\nsome-thing[more,most]==1.6.post1 \\\n    {HASH} \\\n    {HASH}\n",
    "postgres.txt": f"driver==3.2 ; implementation_name != 'pypy' and sys_platform == 'linux' {HASH}\n",
    "dev.txt": f"tester==0.1rc1 ; python_full_version < '3.12' {HASH}\ntester==0.2 ; python_full_version >= '3.12' {HASH}",
}


def faults(**changed: str) -> list[str]:
    return list(find_faults(GOOD | {f"{name}.txt": text for name, text in changed.items()}, PYPROJECT))


def test_c51_what_is_locked_has_hashes_and_no_addresses() -> None:
    files = SCRIPT["read_lock"]()
    assert list(files) == ["build.txt", "core.txt", "postgres.txt", "dev.txt"]
    assert list(find_faults(files, (ROOT / "pyproject.toml").read_text())) == []
    assert sum(text.count("==") for text in files.values()) > 80, "that much is installed; an empty lock has no faults"


def test_c51_check_looks_at_the_lock() -> None:
    check: dict[str, Any] = runpy.run_path(str(ROOT / "scripts/check.py"))
    assert check["CHECKS"]["lock"] == [sys.executable, "scripts/lock.py", "--check"]


@pytest.mark.parametrize("broken", [False, True])
def test_c51_the_check_ends_with_1_if_a_hash_is_missing(tmp_path: Path, broken: bool) -> None:
    (tmp_path / "scripts/lock").mkdir(parents=True)
    for path in (ROOT / "scripts/lock.py", ROOT / "pyproject.toml", *LOCK.iterdir()):
        text = path.read_text()
        if broken and path.name == "core.txt":
            text = re.sub(r"(jinja2==\S+)( \\\n    --hash=\S+)+", r"\1", text)
        (tmp_path / path.relative_to(ROOT)).write_text(text)
    done = subprocess.run(
        [sys.executable, "scripts/lock.py", "--check"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (int(broken), "")
    assert bool(re.fullmatch(r"scripts/lock/core\.txt:\d+: jinja2 has no hash\n", done.stdout)) == broken


def test_a_lock_without_faults_has_none() -> None:
    assert faults() == []


@pytest.mark.parametrize(
    "line",
    [
        "thing==1.0",
        f"thing {HASH}",
        f"thing>=1.0 {HASH}",
        f"thing==1.* {HASH}",
        f"thing[packages.example.org]==1.0 {HASH}",
        f"thing===1.0 {HASH}",
        f"thing==1.0,<2 {HASH}",
        "thing==1.0 --hash=md5:d41d8cd98f00b204e9800998ecf8427e",
        "thing==1.0 --hash=sha256:",
        "thing==1.0 --hash=sha256:" + "0" * 63,
        f"thing==1.0 {HASH} --hash=sha256:short",
        f"thing==1.0 # {HASH}",
        f"thing==1.0 ; {HASH}",
        f"thing==1.0 {HASH} other==1.0",
        "--index-url https://packages.example.org/simple",
        f"thing==1.0 {HASH} --index-url=https://packages.example.org/simple",
        "-i packages.example.org",
        "--extra-index-url=https://packages.example.org",
        "--find-links wheels",
        "-f ./wheels",
        "--no-index",
        "--trusted-host packages.example.org",
        "--pre",
        "-r other.txt",
        "-c other.txt",
        "-e .",
        ".",
        "./thing-1.0.whl",
        f"file:thing-1.0.whl {HASH}",
        f"thing @ https://packages.example.org/thing-1.0.whl {HASH}",
        f"thing@https://packages.example.org/thing-1.0.whl#sha256={'0' * 64}",
        f"https://packages.example.org/thing-1.0.whl {HASH}",
        f"git+https://code.example.org/thing.git@main {HASH}",
        f"thing @ git+ssh://code.example.org/thing {HASH}",
        f"packages.example.org==1.0 {HASH}",
        f"thing==1.0+packages.example.org {HASH}",
        f"thing==1.0 ; platform_node == 'packages.example.org' {HASH}",
        f"thing==1.0 ; sys_platform == 'packages.example.org' {HASH}",
        "# from packages.example.org",
        "# https://packages.example.org/simple",
        "# localhost",
        "# coding: utf-7",
        "# words\x0c--pre",
        "# words\u2028-r other",
        "    # via -r /home/somebody/requirements",
        "# \\\\server\\wheels",
    ],
)
def test_c51_a_line_without_a_hash_or_with_an_address_fails_the_check(line: str) -> None:
    for text in (line, f"{line}\n{GOOD['core.txt']}", f"{GOOD['core.txt']}{line}\r\n", f"{GOOD['core.txt']}\\\n{line}"):
        assert any(fault.startswith("core.txt:") for fault in faults(core=text + "\n"))


@given(st.text(alphabet="ab1.-=@:/+# ;'\\\n", max_size=30))
def test_c51_only_a_pinned_requirement_with_a_hash_is_taken(text: str) -> None:
    """Whatever passes the check is lines of `name==version` and hashes, and words behind `#`."""
    found = [fault for fault in faults(core=f"{GOOD['core.txt']}\n{text}") if not fault.endswith("renew the lock")]
    lines = [line.strip() for line in text.replace("\\\n", " ").split("\n")]
    if not found:
        assert not [line for line in lines if line.strip("\\ ") and not line.startswith("#")]
        assert not re.search(r"[/@:=]|\w\.\w", text)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"core": ""}, "core.txt: Some_Thing is missing; renew the lock"),
        ({"core": f"some-thing==2.0 {HASH}"}, "core.txt: Some_Thing 2.0 is not <2,>=1.5; renew the lock"),
        ({"core": "", "dev": f"{GOOD['dev.txt']}\nsome-thing==1.6 {HASH}"}, "core.txt: Some_Thing is missing"),
        ({"build": ""}, "build.txt: maker is missing"),
        ({"dev": ""}, "dev.txt: tester is missing"),
        ({"postgres": f"driver==2.9 {HASH}"}, "postgres.txt: driver 2.9 is not >=3"),
        ({"more": f"thing==1.0 {HASH}"}, "more.txt: no part of the lock has this name"),
    ],
)
def test_c51_a_lock_that_lacks_what_the_project_asks_for_fails_the_check(changed: dict[str, str], told: str) -> None:
    [fault] = faults(**changed)
    assert fault.startswith(told)


def test_c51_run_installs_what_is_locked_and_fetches_nothing_else() -> None:
    files = [LOCK / "build.txt", LOCK / "core.txt"]
    tools, releases, project = BOOTSTRAP["installations"](["installer"], files)
    by_hash = ["installer", "--require-hashes", "--only-binary", ":all:"]
    assert tools == [*by_hash, "-r", str(files[0])]
    assert releases == [*by_hash, "--no-binary", "dkimpy", "--no-build-isolation", "-r", str(files[1])]
    assert {"--no-index", "--no-deps", "--no-build-isolation"} < set(project)
    assert BOOTSTRAP["LOCKED"][""][0] == BOOTSTRAP["LOCKED"]["dev"][0] == "build", "what builds comes first"
    assert {"build", "core"} == set(BOOTSTRAP["LOCKED"][""])
    assert set(BOOTSTRAP["LOCKED"]["dev"]) == set(SCRIPT["EXTRAS"])


@pytest.mark.parametrize("name", ["deploy/Containerfile", "docs/operate.md"])
def test_c51_no_release_is_installed_without_its_hash(name: str) -> None:
    """In the image and in the guide: a call of pip installs by the hashes of the lock, or takes nothing from outside."""
    text = re.sub(r"\\\n\s*", "", (ROOT / name).read_text())
    calls = re.findall(r"/pip (?:install|wheel|download) [^&\n]*", text)
    assert len(calls) >= 2
    for call in calls:
        named = re.findall(r"-r (\S+)", call)
        if "--require-hashes" in call:
            assert named
            assert all((ROOT / file).is_file() for file in named)
            assert "--only-binary :all:" in call, "what builds a source is fetched without a hash"
            rest = re.sub(r"--only-binary :all:|--\S+|-r \S+", "", call).split()
            assert rest == ["/pip", "install"], "a release that is not in the lock"
        else:
            assert "--no-deps" in call
            assert "--no-build-isolation" in call or "/wheel/" in call


def test_c51_images_can_be_named_by_their_digests() -> None:
    container = (ROOT / "deploy/Containerfile").read_text()
    assert set(re.findall(r"^FROM (\S+)", container, flags=re.MULTILINE)) == {"${IMAGE}"}
    compose = (ROOT / "deploy/compose.yaml").read_text()
    named = set(re.findall(r"\$\{([A-Z]+_IMAGE):-", compose))
    assert named == {"PYTHON_IMAGE", "POSTGRES_IMAGE", "INBOX_IMAGE"}
    guide = (ROOT / "docs/operate.md").read_text()
    assert all(f"`{name}`" in guide for name in named)
