"""Settings that change while `serve` runs hold without a restart; bad ones change nothing, and everybody says so."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from time_machine import TimeMachineFixture

from newsletter.cli import run
from newsletter.config import Config
from newsletter.config.settings import Database, Web
from newsletter.flows.doctor.installation import Installation
from newsletter.flows.doctor.local import check_serving
from newsletter.flows.reload import NEEDS_RESTART, changed_sections, take_over
from newsletter.serve import Server
from newsletter.store.slots import find_slot
from newsletter.workspace.heartbeat import read_heartbeat
from newsletter.workspace.load import read_config
from tests.sending import in_thread
from tests.serving import Desk
from tests.smtp_server import SmtpServer

SETTINGS = "newsletter.toml"


def change(folder: Path, old: str, new: str) -> None:
    path = folder / SETTINGS
    text = path.read_text(encoding="utf-8")
    assert old in text, old
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


# --- which keys hold at once ------------------------------------------------------------------------------------------


def other(value: Any) -> Any:
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return f"{value}x"
    if isinstance(value, tuple):
        return (*value, *value[:1]) if value else ("x",)
    return {"x": "y"}


def keys() -> Iterator[tuple[str, str]]:
    for section in fields(Config):
        if is_dataclass(section.type):
            yield from ((section.name, key.name) for key in fields(section.type))
        else:
            yield section.name, ""


@pytest.mark.parametrize(("section", "key"), list(keys()), ids=lambda value: value or "-")
def test_c54_every_key_holds_at_once_or_is_named_as_one_that_needs_a_restart(
    root: Path, section: str, key: str
) -> None:
    from newsletter.workspace.files import Workspace

    old = read_config(Workspace(root))
    before = getattr(old, section)
    after = replace(before, **{key: other(getattr(before, key))}) if key else other(before)
    new = replace(old, **{section: after})
    held, waiting = take_over(old, new)
    if f"{section}.{key}" in NEEDS_RESTART:
        assert (held, waiting) == (old, (f"{section}.{key}",))
    else:
        assert (held, waiting) == (new, ())
        assert changed_sections(old, held) == (section,)


def test_c54_the_documentation_names_the_keys_that_need_a_restart(root: Path) -> None:
    text = (root / "docs/operate.md").read_text(encoding="utf-8")
    assert all(f"`{key}`" in text for key in NEEDS_RESTART)


# --- in the process ---------------------------------------------------------------------------------------------------


@pytest.fixture
def live(desk: Desk) -> Desk:
    """A desk whose server reads the file anew; its own relay and clock stay."""
    smtp = desk.config.smtp

    def reread() -> Config:
        return replace(read_config(desk.workspace), smtp=smtp)

    desk.server = Server(desk.workspace, desk.config, desk.store, desk.note, desk.clock, reread=reread)
    return desk


def reload(desk: Desk) -> None:
    """The job, often enough to see that a file is not being written any more."""
    for _ in range(2):
        desk.server.reload_settings()


def noted(desk: Desk, event: str) -> list[dict[str, Any]]:
    return [note for note in desk.notes if note["event"] == event]


def test_c54_the_slot_is_at_the_new_time(live: Desk) -> None:
    desk = live
    desk.tick()
    change(desk.workspace.root, 'schedule = "mon 07:00"', 'schedule = "mon 09:30"')
    reload(desk)
    jobs = {job.id: str(job.trigger) for job in desk.server._scheduler.get_jobs()}
    assert "hour='9', minute='30'" in jobs["send weekly"]
    desk.server.keep_calendar()
    row = find_slot(desk.store, "weekly/2025-07-07")
    assert row
    assert row.planned_at == "2025-07-07T07:30:00Z"
    assert noted(desk, "settings") == [
        {"event": "settings", "level": "info", "state": "read", "changed": "editions", "restart": ""}
    ]
    desk.tick(to="2025-07-06 08:00")
    desk.tick(to="2025-07-07 07:29")
    assert desk.subjects("reader@example.org") == []
    desk.tick(to="2025-07-07 07:30")
    assert len(desk.subjects("reader@example.org")) == 1


def test_c54_an_edition_that_is_taken_out_sends_nothing_more(live: Desk) -> None:
    desk = live
    desk.tick()
    change(desk.workspace.root, 'schedule = "mon 07:00"', 'schedule = ""')
    reload(desk)
    desk.tick()
    desk.tick(to="2025-07-07 05:00")
    assert "send weekly" not in {job.id for job in desk.server._scheduler.get_jobs()}
    assert find_slot(desk.store, "weekly/2025-07-07") is None
    assert desk.subjects("reader@example.org") == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('schedule = "mon 07:00"', 'schedule = "moon 07:00"', "editions.weekly.schedule"),
        ('title = "Borderlines"', "title = “Borderlines”", "curly quote"),
        ("\n[smtp]\n", "\n[smtb]\n", "unknown key"),
        ('language = "en"', 'language = "en"\ntagline_ = 3', "unknown key"),
    ],
)
def test_c54_a_bad_file_keeps_the_old_settings_and_says_so(
    live: Desk, old: str, new: str, told: str, capsys: pytest.CaptureFixture[str], time_machine: TimeMachineFixture
) -> None:
    desk = live
    desk.tick()
    time_machine.move_to(desk.clock())
    good = (desk.workspace.root / SETTINGS).read_bytes()
    change(desk.workspace.root, old, new)
    reload(desk)
    reload(desk)
    (note,) = noted(desk, "settings")  # once, not every two seconds
    assert (note["level"], note["state"]) == ("error", "kept")
    assert told in note["error"]
    # The calendar goes on.
    desk.tick(to="2025-07-06 05:00")
    desk.tick(to="2025-07-07 05:00")
    assert len(desk.subjects("reader@example.org")) == 1
    # Other commands know of it.
    time_machine.move_to(desk.clock())
    desk.server.reload_settings()
    assert run(["--workspace", str(desk.workspace.root), "schedule"]) == 3
    assert "newsletter serve runs, and goes on with the settings of 2025-07-03" in capsys.readouterr().err
    (desk.workspace.root / SETTINGS).write_bytes(good)
    reload(desk)
    assert noted(desk, "settings")[-1]["state"] == "read"


def test_c54_a_broken_template_keeps_the_old_pages(live: Desk) -> None:
    desk = live
    desk.tick()
    desk.tick(to="2025-07-06 05:00")
    desk.tick(to="2025-07-07 05:00")
    before = desk.pages().get("/").text
    path = desk.workspace.root / "templates/web/index.html.j2"
    path.parent.mkdir(parents=True)
    path.write_text("{% if %}")
    reload(desk)
    assert noted(desk, "settings")[-1]["state"] == "kept"
    assert desk.pages().get("/").text == before
    path.write_text("hello from a new template")
    reload(desk)
    assert desk.pages().get("/").text == "hello from a new template"


def test_c54_pages_and_mails_show_the_new_settings(live: Desk) -> None:
    desk = live
    desk.tick()
    change(desk.workspace.root, 'title = "Borderlines"', 'title = "Frontiers"')
    reload(desk)
    assert "Frontiers" in desk.pages().get("/subscribe").text
    desk.subscribe("new@example.org")
    assert any("Frontiers" in subject for subject in desk.subjects("new@example.org"))


def test_c54_a_new_relay_takes_the_next_mail(live: Desk) -> None:
    desk = live
    desk.tick()
    with in_thread(SmtpServer()) as second:
        port = second.port
        old = desk.config.smtp
        desk.server.reread = lambda: replace(read_config(desk.workspace), smtp=replace(old, port=port))
        change(desk.workspace.root, 'title = "Borderlines"', 'title = "Frontiers"')
        reload(desk)
        for moment in ("2025-07-06 05:00", "2025-07-07 05:00"):
            desk.tick(to=moment)
        assert any("reader@example.org" in mail.recipient for mail in second.mails)
    assert desk.subjects("reader@example.org") == []


def test_c54_a_key_that_needs_a_restart_is_named_and_waits_for_it(live: Desk) -> None:
    desk = live
    now = desk.clock()
    text = '\n[web]\nport = 9999\n\n[database]\nurl = "sqlite:///other.db"\n'
    path = desk.workspace.root / SETTINGS
    kept = path.read_text()
    assert "[web]" not in kept.replace("# [web]", "")
    path.write_text(kept + text)
    reload(desk)
    (note,) = noted(desk, "settings")
    assert (note["level"], note["restart"]) == ("warning", "web.port, database.url")
    assert (desk.server.config.web, desk.server.config.database) == (Web(), Database())
    beat = read_heartbeat(desk.workspace, now)
    assert beat
    assert beat.restart == "web.port, database.url"


def test_c54_a_file_that_is_being_written_is_not_read_half(live: Desk) -> None:
    desk = live
    path = desk.workspace.root / SETTINGS
    good = path.read_bytes()
    for cut in (100, 300, 700):
        path.write_bytes(good[:cut])
        desk.server.reload_settings()
    path.write_bytes(good.replace(b'title = "Borderlines"', b'title = "Frontiers"'))
    desk.server.reload_settings()
    assert noted(desk, "settings") == []
    desk.server.reload_settings()
    assert [note["state"] for note in noted(desk, "settings")] == ["read"]


def test_c54_settings_that_did_not_change_are_not_read_again(live: Desk) -> None:
    desk = live
    asked = []
    real = desk.server.reread
    assert real
    desk.server.reread = lambda: asked.append(1) or real()  # type: ignore[func-returns-value]
    for _ in range(50):
        desk.server.reload_settings()
    assert asked == []


# --- what the others say ----------------------------------------------------------------------------------------------


def test_c54_doctor_says_what_a_running_serve_holds(live: Desk) -> None:
    desk = live

    def ask() -> list[tuple[str, str]]:
        case = Installation(desk.workspace, desk.config, desk.clock(), lambda name, kind: ())
        return [(check.level, check.detail) for check in check_serving(case)]

    assert ask() == [("ok", "newsletter serve does not run in this workspace, as far as is known")]
    reload(desk)
    assert ask() == [("ok", "newsletter serve runs, with the settings of 2025-07-03T12:00:00+00:00")]
    change(desk.workspace.root, 'schedule = "mon 07:00"', 'schedule = "moon 07:00"')
    reload(desk)
    ((level, told),) = ask()
    assert level == "warning"
    assert "it cannot use the new ones: newsletter.toml:" in told
    desk.clock.advance(seconds=200)  # it was killed
    assert ask() == [("ok", "newsletter serve does not run in this workspace, as far as is known")]


def test_c54_schedule_shows_what_the_running_serve_will_do(
    live: Desk, capsys: pytest.CaptureFixture[str], time_machine: TimeMachineFixture
) -> None:
    """The file has another time already, and `serve` has not read it yet."""
    desk = live
    desk.tick()
    desk.server.reload_settings()
    change(desk.workspace.root, 'schedule = "mon 07:00"', 'schedule = "mon 09:30"')
    time_machine.move_to(desk.clock())

    def ask() -> tuple[list[str], str]:
        run(["--json", "--workspace", str(desk.workspace.root), "schedule", "--next", "12"])
        document = json.loads(capsys.readouterr().out)
        run(["--workspace", str(desk.workspace.root), "schedule", "--next", "12"])
        return [one["at"][:16] for one in document["slots"]], capsys.readouterr().err

    times, told = ask()
    assert len(times) == 12
    assert {time[-5:] for time in times[:8]} == {"07:00"}  # as far as it has written them down
    assert "newsletter serve holds the settings of" in told
    reload(desk)
    desk.server.keep_calendar()
    times, told = ask()
    assert {time[-5:] for time in times} == {"09:30"}
    assert "note:" not in told
    desk.clock.advance(seconds=200)
    time_machine.move_to(desk.clock())
    change(desk.workspace.root, 'schedule = "mon 09:30"', 'schedule = "mon 11:00"')
    assert {time[-5:] for time in ask()[0]} == {"11:00"}  # nobody runs: the file is all there is


# --- the command ------------------------------------------------------------------------------------------------------


@contextmanager
def serving(folder: Path, **environment: str) -> Iterator[tuple[str, "subprocess.Popen[str]", Path]]:
    log = folder / "log"
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "newsletter", "serve", "--port", "0"],
            cwd=folder,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
        assert process.stdout
        url = process.stdout.readline().strip()
        try:
            yield url, process, log
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
            process.stdout.close()


def get(url: str) -> str:
    return str(urlopen(url).read().decode())  # noqa: S310 - our own server


def wait_until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not what():
        assert time.monotonic() < end
        time.sleep(0.2)


def test_c54_a_real_serve_reads_its_settings_again(root: Path, tmp_path: Path) -> None:
    shutil.copy(root / SETTINGS, tmp_path)
    shutil.copytree(root / "posts", tmp_path / "posts", ignore=shutil.ignore_patterns("collected"))

    def schedule() -> dict[str, Any]:
        words = [sys.executable, "-m", "newsletter", "schedule", "--json"]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    with serving(tmp_path) as (url, process, log):
        wait_until(lambda: schedule().get("serve", {}).get("running", False))
        title = get(f"{url}subscribe")
        assert "Borderlines" in title
        change(tmp_path, 'title = "Borderlines"', 'title = "Frontiers"')
        change(tmp_path, 'schedule = "mon 07:00"', 'schedule = "mon 09:30"')
        wait_until(lambda: "Frontiers" in get(f"{url}subscribe"))
        wait_until(lambda: {one["at"][11:16] for one in schedule()["slots"]} == {"09:30"})
        change(tmp_path, 'schedule = "mon 09:30"', 'schedule = "moon"')
        wait_until(lambda: '"state": "kept"' in log.read_text())
        assert "Frontiers" in get(f"{url}subscribe")
        assert process.poll() is None
    assert process.returncode == 0
    assert not (tmp_path / ".newsletter/serve.json").exists()
    events = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    assert [one["state"] for one in events if one["event"] == "settings"] in (
        ["read", "kept"],
        ["read", "read", "kept"],
    )
