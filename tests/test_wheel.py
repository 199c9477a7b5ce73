"""What a user installs: the wheel brings templates and samples along, and works from anywhere."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)],
        cwd=root,
        check=True,
        capture_output=True,
    )
    return next(target.glob("newsletter_desk-*.whl"))


def test_the_wheel_holds_what_the_program_needs(wheel: Path, root: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for path in (root / "templates").rglob("*"):
        if path.is_file():
            assert f"newsletter/_data/templates/{path.relative_to(root / 'templates').as_posix()}" in names
    assert {
        "newsletter/_data/newsletter.toml",
        "newsletter/_data/subscribers.csv.example",
        "newsletter/_data/posts/2025-07-05-collected.txt",
        "newsletter/checking/caniemail.json",
    } <= names
    assert not any(name.startswith(("tests/", "bench/", "scripts/")) or "collected/" in name for name in names)


def test_the_program_of_the_wheel_makes_a_workspace_and_builds(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); from newsletter.cli import run; sys.exit(run(sys.argv[1:]))"

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )

    assert run("init", "desk").returncode == 0
    built = run("--workspace", "desk", "build", "--date", "2025-07-07")
    assert built.returncode == 0, built.stderr
    assert (tmp_path / "desk/build/2025-07-07-weekly/email.html").is_file()
