"""From the sample week to a built issue, compared whole; the same bytes wherever and whenever it is built."""

import subprocess
from pathlib import Path

import pytest
from time_machine import TimeMachineFixture

from newsletter.cli import run
from tests.journeys.conftest import copy_sample, read_tree, run_newsletter

EXPECTED = Path(__file__).parent / "first_issue" / "expected"
DAY = ("--date", "2025-07-07")
SLUG = "2025-07-07-weekly"
# What a person reads when it changes: the issue, the mail in both forms, the message, one feed of each kind, a page.
GOLDEN = (
    f"issues/{SLUG}/issue.md",
    f"build/{SLUG}/email.html",
    f"build/{SLUG}/email.txt",
    f"build/{SLUG}/message.eml",
    f"build/{SLUG}/report.json",
    "build/site/index.html",
    f"build/site/{SLUG}/index.html",
    "build/site/feed.xml",
    "build/site/atom.xml",
    "build/site/feed.json",
    "build/site/sitemap.xml",
    "build/site/feeds.opml",
)


def built(folder: Path) -> dict[str, bytes]:
    """The bytes that a build is answerable for."""
    files = read_tree(folder)
    return {name: data for name, data in files.items() if name.startswith(("build/", "issues/"))}


def test_the_sample_week_becomes_the_expected_issue(workspace: Path, request: pytest.FixtureRequest) -> None:
    done = run_newsletter(workspace, "build", *DAY)
    assert done.returncode == 0, done.stderr
    files = built(workspace)
    if request.config.getoption("--update-golden"):
        for name in GOLDEN:
            (EXPECTED / name).parent.mkdir(parents=True, exist_ok=True)
            (EXPECTED / name).write_bytes(files[name])
    for name in GOLDEN:
        assert files[name].decode() == (EXPECTED / name).read_bytes().decode(), (
            f"{name}: if it should change, --update-golden"
        )


def test_the_issue_in_the_repository_is_the_one_that_is_drafted(root: Path, workspace: Path) -> None:
    run_newsletter(workspace, "draft", *DAY)
    assert (root / f"issues/{SLUG}/issue.md").read_bytes() == (workspace / f"issues/{SLUG}/issue.md").read_bytes()


def test_building_twice_changes_no_byte_and_touches_no_file(workspace: Path) -> None:
    run_newsletter(workspace, "build", *DAY)
    first = built(workspace)
    times = {path: path.stat().st_mtime_ns for path in (workspace / "build").rglob("*") if path.is_file()}
    assert run_newsletter(workspace, "build").returncode == 0
    assert built(workspace) == first
    assert {path: path.stat().st_mtime_ns for path in times} == times


@pytest.mark.parametrize(
    "environment",
    [
        {"TZ": "Pacific/Kiritimati", "LANG": "C", "LC_ALL": "C", "PYTHONHASHSEED": "1"},
        {"TZ": "America/Los_Angeles", "LANG": "de_DE.UTF-8", "PYTHONHASHSEED": "2", "PYTHONUTF8": "0"},
    ],
    ids=["far east", "far west"],
)
def test_another_folder_zone_locale_and_hash_give_the_same_bytes(
    root: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    here, there = copy_sample(root, tmp_path / "here"), copy_sample(root, tmp_path / "a b" / "ü" / "there")
    assert run_newsletter(here, "build", *DAY, TZ="UTC", PYTHONHASHSEED="0").returncode == 0
    done = run_newsletter(there, "build", *DAY, **environment)
    assert done.returncode == 0, done.stderr
    assert built(there) == built(here)


def test_another_day_gives_the_same_bytes(
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    time_machine: TimeMachineFixture,
) -> None:
    results = []
    for number, moment in enumerate(("2025-07-05 12:00 +0000", "2025-07-07 05:00 +0000", "2031-12-31 23:59 +0000")):
        folder = copy_sample(root, tmp_path / str(number))
        monkeypatch.chdir(folder)
        time_machine.move_to(moment)
        assert run(["build", *DAY]) == 0
        results.append(built(folder))
    early, first, late = results
    assert first == late
    # Before it is out, the site does not have it; its own files are the same, but for what the report says of that.
    mine = [name for name in late if not name.startswith("build/site/") and not name.endswith("report.json")]
    assert {name: early[name] for name in mine} == {name: late[name] for name in mine}
    assert f"build/site/{SLUG}/index.html" not in early


def test_the_order_in_which_files_were_made_does_not_matter(root: Path, tmp_path: Path) -> None:
    results = []
    for number, order in enumerate((1, -1)):
        folder = copy_sample(root, tmp_path / str(number))
        for letter in "cab"[::order]:
            (folder / f"posts/{letter}.md").write_text(
                f"# Baku {letter}\n\nWords about Yerevan {letter * 9}.\n", encoding="utf-8"
            )
        run_newsletter(folder, "build", *DAY)
        results.append(built(folder))
    assert results[0] == results[1]


def test_the_message_opens_in_a_mail_reader(workspace: Path) -> None:
    import email
    import email.policy

    run_newsletter(workspace, "build", *DAY)
    message = email.message_from_bytes(
        (workspace / f"build/{SLUG}/message.eml").read_bytes(), policy=email.policy.default
    )
    assert not message.defects
    assert message["Subject"] == "Moscow and Baku drift apart; Wang Yi in Brussels; A “six-month” clock"
    text, html = (message.get_body(preferencelist=(kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    assert text.get_content().replace("\r\n", "\n") == (workspace / f"build/{SLUG}/email.txt").read_text(
        encoding="utf-8"
    )
    assert html.get_content().replace("\r\n", "\n") == (workspace / f"build/{SLUG}/email.html").read_text(
        encoding="utf-8"
    )


def test_a_full_disk_or_a_locked_folder_leaves_nothing_half(workspace: Path) -> None:
    run_newsletter(workspace, "build", *DAY)
    (workspace / f"build/{SLUG}/email.html").unlink()
    (workspace / f"build/{SLUG}/email.html").mkdir()
    done = run_newsletter(workspace, "build")
    assert done.returncode == 3
    assert "email.html: cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(workspace.rglob("*.tmp"))


def test_killing_the_build_leaves_whole_files(workspace: Path) -> None:
    """A file that is there is whole, at whatever moment the program was stopped."""
    import os
    import signal
    import sys
    import time

    run_newsletter(workspace, "build", *DAY)
    whole = built(workspace)
    for delay in (0.3, 0.4, 0.5, 0.6, 0.7):
        for path in (workspace / "build").rglob("*"):
            if path.is_file():
                path.write_bytes(b"old")
        process = subprocess.Popen(
            [sys.executable, "-m", "newsletter", "build"],
            cwd=workspace,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(delay)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        for name, data in built(workspace).items():
            if not name.endswith(".tmp"):
                assert data in (b"old", whole[name]), name
