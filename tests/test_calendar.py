"""The calendar of `serve`: what is due happens once, at its time, whatever happens to clocks, processes and machines."""

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from time_machine import TimeMachineFixture

from newsletter.cli import run
from newsletter.flows.approve import approve_issue
from newsletter.flows.build import render_issue
from newsletter.flows.schedule import cancel_slot, keep_calendar
from newsletter.store import issues
from newsletter.store.restore_guard import accept_restore, read_mark, write_mark
from newsletter.store.slots import SlotRow, find_slot, list_slots
from newsletter.store.transactional_mail import Letter, queue_letter
from newsletter.workspace.database import mark_path
from tests.serving import Desk, text_of

SLOT, SLUG = "weekly/2025-07-07", "2025-07-07-weekly"
DRAFTED, SENT = "2025-07-06 05:00", "2025-07-07 05:00"  # in UTC; 07:00 in Berlin
READER = "reader@example.org"
EDITOR = "desk@borderlines.example"


def slot(desk: Desk, name: str = SLOT) -> SlotRow:
    row = find_slot(desk.store, name)
    assert row
    return row


def alerts(desk: Desk) -> list[str]:
    return [subject for subject in desk.subjects(EDITOR) if not subject.startswith("[DRAFT]")]


# --- modes ----------------------------------------------------------------------------------------------------------


def test_auto_sends_at_its_time_and_not_before(desk_of: Desk) -> None:
    desk = desk_of
    desk.tick()
    desk.tick(to=DRAFTED)
    assert slot(desk).state == "drafted"
    desk.tick(to="2025-07-07 04:59")
    assert desk.subjects(READER) == []
    desk.tick(to=SENT)
    assert len(desk.subjects(READER)) == 1
    assert slot(desk).state == "sent"


def test_approve_waits_for_the_editor_and_then_goes(desk: Desk) -> None:
    desk.set(mode="approve")
    desk.tick()
    desk.tick(to=DRAFTED)
    desk.tick(to=SENT)
    assert slot(desk).state == "held"
    assert f"newsletter approve {SLUG}" in slot(desk).reason
    desk.tick(to="2025-07-07 05:20")
    assert sum("held" in subject for subject in alerts(desk)) == 1  # told once
    approve_issue(
        desk.workspace, desk.config, render_issue(desk.workspace, desk.config, SLUG), by="the editor", now=desk.clock()
    )
    desk.tick(to="2025-07-07 06:00")
    assert slot(desk).state == "sent"
    assert len(desk.subjects(READER)) == 1


@pytest.mark.parametrize(
    ("what", "told"),
    [("text", "issue.md"), ("template", "templates/email/client.css"), ("audience", "audience (themes)")],
)
def test_a_change_after_the_approval_stops_the_send_and_is_named(desk: Desk, what: str, told: str) -> None:
    desk.set(mode="approve")
    desk.tick()
    desk.tick(to=DRAFTED)
    approve_issue(
        desk.workspace, desk.config, render_issue(desk.workspace, desk.config, SLUG), by="the editor", now=desk.clock()
    )
    if what == "text":
        path = desk.workspace.root / f"issues/{SLUG}/issue.md"
        path.write_text(path.read_text().replace("Baku", "Bakou", 1))
    elif what == "template":
        desk.workspace.write("templates/email/client.css", ".x { color: #000000 !important; }\n")
    else:
        desk.set(themes=desk.config.editions[0].themes[:2])
    desk.tick(to=SENT)
    assert slot(desk).state == "held"
    assert slot(desk).reason.startswith(f"it was changed after it was approved: {told}; look at it")
    assert alerts(desk)[-1] == f"{SLUG} is held: it was changed after it was approved: {told}"
    letter = text_of(next(mail for mail in desk.mails if str(mail["Subject"]).startswith(f"{SLUG} is held")))
    assert f"newsletter approve {SLUG} --diff" in letter.replace("\n", " ")
    assert "@@" not in letter  # the parts, not the lines
    assert desk.subjects(READER) == []


def test_draft_mode_never_sends(desk: Desk) -> None:
    desk.set(mode="draft")
    desk.tick()
    desk.tick(to=DRAFTED)
    desk.tick(to=SENT)
    desk.tick(to="2025-07-07 09:00")
    assert (slot(desk).state, desk.subjects(READER)) == ("held", [])
    assert f"newsletter send {SLUG}" in slot(desk).reason


def test_what_cannot_be_read_is_held_and_told_and_goes_when_it_is_mended(desk: Desk) -> None:
    desk.tick()
    desk.tick(to=DRAFTED)
    path = desk.workspace.root / f"issues/{SLUG}/issue.md"
    good = path.read_text()
    path.write_text(good.replace("edition: weekly", "edition: weakly"))
    desk.tick(to=SENT)
    assert slot(desk).state == "held"
    assert "weakly" in slot(desk).reason
    assert any("weakly" in text_of(mail) for mail in desk.mails if EDITOR in str(mail["To"]))
    path.write_text(good)
    desk.tick(to="2025-07-07 05:30")
    assert slot(desk).state == "sent"


def test_the_draft_that_the_editor_gets_is_the_mail_that_readers_get(desk: Desk) -> None:
    desk.tick()
    desk.tick(to=DRAFTED)
    desk.tick(to=SENT)
    draft = next(mail for mail in desk.mails if str(mail["Subject"]).startswith("[DRAFT]"))
    sent = next(mail for mail in desk.mails if READER in str(mail["To"]))
    assert str(draft["Subject"]) == f"[DRAFT] {sent['Subject']}"
    cut = [text_of(mail).split("/u/")[0] for mail in (draft, sent)]
    assert cut[0] == cut[1]


# --- empty weeks, holidays, taking back -----------------------------------------------------------------------------


def test_an_empty_week_is_a_visible_skip(desk: Desk) -> None:
    for path in (desk.workspace.root / "posts").iterdir():
        path.unlink()
    desk.tick()
    desk.tick(to=DRAFTED)
    assert slot(desk).state == "planned"  # something may still come in
    desk.tick(to=SENT)
    assert (slot(desk).state, slot(desk).reason) == ("skipped", "0 posts")
    assert alerts(desk) == [f"{SLUG} is skipped: 0 posts"]
    assert not desk.workspace.exists(f"issues/{SLUG}/issue.md")


def test_what_comes_in_late_is_still_drafted(desk: Desk) -> None:
    posts = list((desk.workspace.root / "posts").iterdir())
    kept = [(path, path.read_bytes()) for path in posts]
    for path in posts:
        path.unlink()
    desk.tick()
    desk.tick(to=DRAFTED)
    for path, data in kept:
        path.write_bytes(data)
    desk.tick(to="2025-07-07 03:00")
    assert slot(desk).state == "drafted"


def test_an_issue_whose_posts_were_all_deleted_is_not_sent(desk: Desk) -> None:
    desk.tick()
    desk.tick(to=DRAFTED)
    path = desk.workspace.root / f"issues/{SLUG}/issue.md"
    path.write_text(path.read_text().partition("\n## ")[0] + "\n")
    desk.tick(to=SENT)
    assert (slot(desk).state, slot(desk).reason) == ("skipped", "0 posts")


def test_holidays_are_skipped(desk: Desk) -> None:
    desk.set(skip=("2025-07-01/2025-07-09",))
    desk.tick()
    desk.tick(to=DRAFTED)
    assert slot(desk).state == "skipped"
    desk.tick(to=SENT)
    assert desk.subjects(READER) == []


def test_a_draft_can_be_taken_back(desk: Desk) -> None:
    desk.tick()
    desk.tick(to=DRAFTED)
    assert cancel_slot(desk.store, SLUG, desk.clock())
    desk.tick(to=SENT)
    assert (slot(desk).state, slot(desk).reason) == ("skipped", "cancelled")
    assert desk.subjects(READER) == []
    assert not cancel_slot(desk.store, SLUG, desk.clock())


def test_until_the_first_mail_leaves_all_of_it_can_be_taken_back(desk_of: Desk) -> None:
    desk = desk_of
    desk.set(undo="5m")
    desk.tick()
    desk.tick(to=DRAFTED)
    desk.tick(to="2025-07-07 04:55")
    frozen = issues.find_issue(desk.store, SLUG)
    assert frozen
    assert frozen.starts_at == "2025-07-07T05:00:00Z"
    desk.tick(to="2025-07-07 04:59")
    assert desk.subjects(READER) == []
    assert desk.pages().get(f"/{SLUG}/").status == 404  # nor is it public
    assert issues.cancel(desk.store, frozen, desk.clock()) == 1
    desk.tick(to=SENT)
    desk.tick(to="2025-07-07 05:30")
    assert desk.subjects(READER) == []
    assert desk.pages().get(f"/{SLUG}/").status == 404


def test_c58_an_issue_that_was_deleted_before_its_slot_is_skipped_and_its_last_text_offered(desk: Desk) -> None:
    desk.tick()
    desk.tick(to=DRAFTED)
    (desk.workspace.root / f"issues/{SLUG}/issue.md").unlink()
    desk.tick(to=SENT)
    kept = f".newsletter/texts/{SLUG}.md"
    assert slot(desk).state == "skipped"
    assert slot(desk).reason.startswith(f"its issue.md was deleted; its last text: cp {kept} issues/{SLUG}/issue.md")
    assert (desk.workspace.root / kept).is_file()
    assert desk.subjects(READER) == []


def test_c58_the_calendar_that_drafts_anew_says_that_one_stood_there(desk: Desk) -> None:
    from newsletter.flows.draft import draft_issue

    desk.tick()
    edition = desk.config.editions[0]
    draft_issue(desk.workspace, desk.config, edition, datetime(2025, 7, 7).date())
    (desk.workspace.root / f"issues/{SLUG}/issue.md").unlink()
    desk.tick(to=DRAFTED)
    review = next(mail for mail in desk.mails if "is drafted" in str(mail["Subject"]))
    assert "one stood here before and was gone; its last text is kept" in " ".join(text_of(review).split())


# --- late -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("late", "wakes", "state"),
    [
        ("send-within 6h", "2025-07-07 10:59", "sent"),
        ("send-within 6h", "2025-07-07 11:01", "held"),
        ("skip", "2025-07-07 06:00", "skipped"),
        ("ask", "2025-07-07 06:00", "held"),
        ("ask", "2025-07-07 05:04", "sent"),
        ("send-within 24h", "2025-07-11 05:00", "held"),
    ],
)
def test_a_machine_that_slept_over_the_slot(desk: Desk, late: str, wakes: str, state: str) -> None:
    desk.set(late=late)
    desk.tick()
    desk.tick(to=wakes)
    desk.tick()
    assert slot(desk).state == state
    assert len(desk.subjects(READER)) == (state == "sent")


def test_of_several_missed_slots_only_the_last_is_made_up_for(desk_of: Desk) -> None:
    desk = desk_of
    desk.tick()
    desk.tick(to="2025-07-28 05:10")
    desk.tick()
    assert len(desk.subjects(READER)) == 1
    assert [row.slot for row in list_slots(desk.store) if row.state == "sent"] == ["weekly/2025-07-28"]


def test_nothing_is_made_up_for_when_the_calendar_is_kept_for_the_first_time(desk: Desk) -> None:
    desk.tick(to="2025-07-07 05:10")
    desk.tick()
    assert find_slot(desk.store, SLOT) is None
    assert desk.subjects(READER) == []


def test_a_schedule_that_is_changed_in_the_week_sends_nothing_at_once(desk: Desk) -> None:
    desk.tick()
    desk.set(schedule="wed 07:00")
    desk.tick(to="2025-07-09 06:00")  # an hour after what is now the time
    assert desk.subjects(READER) == []
    assert {row.slot[-10:] for row in list_slots(desk.store, after=desk.clock())} == {
        f"2025-{day}" for day in ("07-16", "07-23", "07-30", "08-06", "08-13", "08-20", "08-27", "09-03")
    }


# --- once: processes, clocks, restarts ------------------------------------------------------------------------------


def test_f43_two_schedulers_and_one_slot(desk_of: Desk, tmp_path: Path) -> None:
    """Ten of them, some with clocks that are wrong by up to a minute, all at once."""
    desk = desk_of
    desk.tick()
    for moment in (DRAFTED, SENT):
        base = datetime.fromisoformat(moment).replace(tzinfo=UTC)
        desk.clock.now = base
        desk.server.visit_sources()
        start = threading.Barrier(10)
        failures: list[BaseException] = []

        def look(moment: datetime, start: threading.Barrier, failures: list[BaseException]) -> None:
            start.wait()
            try:
                keep_calendar(desk.workspace, desk.config, desk.store, moment)
            except BaseException as error:
                failures.append(error)

        moments = [base.replace(second=second) for second in range(0, 60, 6)]
        threads = [threading.Thread(target=look, args=(moment, start, failures)) for moment in moments]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
    desk.tick(to="2025-07-07 05:01")
    assert len(issues.frozen_issues(desk.store)) == 1
    assert len(desk.subjects(READER)) == 1
    assert len(alerts(desk)) == 1  # one review, by whoever was first
    assert sum(subject.startswith("[DRAFT]") for subject in desk.subjects(EDITOR)) == 1


@pytest.mark.parametrize("jump", ["2025-07-07 04:00", "2025-06-30 05:00", "2025-08-06 05:00", "2025-07-07 05:00"])
def test_f44_a_clock_that_jumps_makes_no_second_issue(desk: Desk, jump: str) -> None:
    desk.tick()
    desk.tick(to=DRAFTED)
    desk.tick(to=SENT)
    desk.tick(to=jump)
    desk.tick(to="2025-07-07 05:00")
    desk.tick(to="2025-07-07 06:00")
    assert sum(frozen.slug == SLUG for frozen in issues.frozen_issues(desk.store)) == 1
    assert len([mail for mail in desk.mails if READER in str(mail["To"]) and SLUG in str(mail["Message-ID"])]) == 1


@pytest.mark.parametrize("step", ["planned", "drafted", "frozen"])
def test_a_restart_at_any_step_goes_on_where_it_was(desk: Desk, step: str) -> None:
    moments = {"planned": "2025-07-03 12:00", "drafted": DRAFTED, "frozen": SENT}
    for name, moment in moments.items():
        desk.clock.now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
        desk.server.visit_sources()
        desk.server.keep_calendar()  # and nothing else: the process ends here
        if name == step:
            desk.restart()
    desk.tick(to="2025-07-07 05:01")
    assert len(desk.subjects(READER)) == 1


@pytest.mark.parametrize(
    ("zone", "schedule", "first", "day", "instant"),
    [
        ("Europe/Berlin", "sun 02:30", "2027-03-25", "2027-03-28", "2027-03-28T01:00:00Z"),  # the gap: 03:00 there
        ("Europe/Berlin", "sun 02:30", "2027-10-28", "2027-10-31", "2027-10-31T00:30:00Z"),  # twice: the first
        ("America/New_York", "sun 02:30", "2027-03-11", "2027-03-14", "2027-03-14T07:00:00Z"),
        ("Australia/Lord_Howe", "sun 02:15", "2027-09-30", "2027-10-03", "2027-10-02T15:30:00Z"),
        ("UTC", "thu 07:00", "2026-12-29", "2026-12-31", "2026-12-31T07:00:00Z"),  # in the 53rd week
        ("UTC", "tue 07:00", "2028-02-26", "2028-02-29", "2028-02-29T07:00:00Z"),  # a leap day
    ],
)
def test_f45_one_issue_a_slot_at_the_documented_instant(
    desk: Desk, zone: str, schedule: str, first: str, day: str, instant: str
) -> None:
    desk.config = replace(desk.config, publication=replace(desk.config.publication, timezone=zone))
    desk.set(schedule=schedule, draft="")
    desk.tick(to=f"{first} 12:00")
    row = slot(desk, f"weekly/{day}")
    assert row.planned_at == instant
    at = datetime.fromisoformat(instant)
    for minutes in (-1440, -90, -60, -30, -1, 0, 1, 30, 60, 61, 90, 180):
        desk.tick(to=datetime.fromtimestamp(at.timestamp() + minutes * 60, UTC).strftime("%Y-%m-%d %H:%M"))
        assert len(desk.subjects(READER)) == (minutes >= 0)
    assert len(issues.frozen_issues(desk.store)) == 1


def test_f45_a_zone_whose_rules_change_keeps_its_slot(desk: Desk) -> None:
    """The program is updated between draft and send, and the country has moved by an hour."""
    desk.tick()
    desk.tick(to=DRAFTED)
    desk.config = replace(desk.config, publication=replace(desk.config.publication, timezone="Europe/Helsinki"))
    desk.restart()
    desk.tick(to="2025-07-07 04:00")
    assert len(desk.subjects(READER)) == 1
    desk.config = replace(desk.config, publication=replace(desk.config.publication, timezone="Europe/Berlin"))
    desk.restart()
    desk.tick(to=SENT)
    assert len(desk.subjects(READER)) == 1
    assert len(issues.frozen_issues(desk.store)) == 1


# --- old backups, failing sources -----------------------------------------------------------------------------------


def restore(desk: Desk, backup: bytes) -> None:
    desk.store.close()
    path = desk.store.path
    assert path
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)
    path.write_bytes(backup)
    from newsletter.workspace.database import open_database

    desk.store = open_database(desk.workspace, desk.config)
    desk.restart()


def take_backup(desk: Desk, folder: Path) -> bytes:
    import sqlite3
    from contextlib import closing

    assert desk.store.path
    with closing(sqlite3.connect(desk.store.path)) as old, closing(sqlite3.connect(folder / "backup.db")) as new:
        old.backup(new)
    return (folder / "backup.db").read_bytes()


def test_f52_yesterdays_backup_sends_nothing_again(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.tick()
    desk.tick(to=DRAFTED)
    backup = take_backup(desk, tmp_path)
    desk.tick(to=SENT)
    assert len(desk.subjects(READER)) == 1
    restore(desk, backup)
    desk.tick(to="2025-07-07 05:30")
    assert len(desk.subjects(READER)) == 1
    assert slot(desk).state == "held"
    assert "put back from a backup" in slot(desk).reason
    # A person who knows may.
    monkeypatch.setenv("NEWSLETTER_SMTP__PORT", str(desk.smtp.port))
    monkeypatch.setenv("NEWSLETTER_SMTP__SECURITY", "none")
    assert run(["--workspace", str(tmp_path), "send", SLUG, "--yes"]) == 1
    assert "NL100" in capsys.readouterr().err
    assert run(["--workspace", str(tmp_path), "send", SLUG, "--yes", "--i-know"]) == 0
    assert len(desk.subjects(READER)) == 2


def test_f52_a_mark_that_is_behind_stops_nothing(desk: Desk) -> None:
    """As one that could not be written for a while, its disk being full."""
    desk.tick()
    desk.tick(to=DRAFTED)
    desk.tick(to=SENT)
    path = mark_path(desk.workspace, desk.store)
    mark = read_mark(path)
    assert mark
    write_mark(path, mark._replace(epoch=mark.epoch - 1, beat=mark.beat - 1))
    desk.tick(to="2025-07-14 05:00")
    assert not [note for note in desk.notes if note.get("level") == "error"]


@pytest.mark.parametrize("words", [None, b"", b"{", b"[]", b'{"epoch": "x"}', b'{"epoch": 9, "database": "another"}'])
def test_c7_a_database_that_has_sent_and_finds_no_mark_sends_nothing(desk_of: Desk, words: bytes | None) -> None:
    """As a backup on a new machine does: neither issues nor single mails leave, and it is told."""
    desk = desk_of
    desk.tick()
    desk.tick(to=DRAFTED)
    desk.tick(to=SENT)
    mails = len(desk.mails)
    path = mark_path(desk.workspace, desk.store)
    path.unlink()
    if words is not None:
        path.write_bytes(words)
    with desk.store.writing() as connection:
        queue_letter(connection, Letter(kind="alert", text="Something else"), desk.clock())
    (desk.workspace.root / "posts" / "more.md").write_text("---\ntitle: More of Baku\n---\n\nBaku and Yerevan.\n")
    desk.tick(to="2025-07-14 04:00")
    desk.tick(to="2025-07-14 05:00")
    assert len(desk.mails) == mails
    told = "its mark is not there" if words is None else "its mark cannot be read, or is another's"
    assert any(told in str(note.get("error")) for note in desk.notes)
    assert slot(desk, "weekly/2025-07-14").state == "held"
    assert told in slot(desk, "weekly/2025-07-14").reason
    accept_restore(desk.store, path)
    desk.tick(to="2025-07-14 06:00")
    assert len(desk.subjects(READER)) == 2
    assert slot(desk, "weekly/2025-07-14").state == "sent"


@pytest.mark.parametrize(("policy", "sent"), [("send", 1), ("hold", 0)])
def test_f53_a_source_that_is_down(desk: Desk, policy: str, sent: int) -> None:
    from newsletter.model import Source

    desk.config = replace(
        desk.config,
        sources=(*desk.config.sources, Source(name="wire", kind="feed", url="http://127.0.0.1:9/feed.xml")),
    )
    desk.set(failed_source=policy)
    desk.tick()
    desk.tick(to=DRAFTED)
    assert any("wire" in text_of(mail) for mail in desk.mails if EDITOR in str(mail["To"]))
    desk.tick(to=SENT)
    assert len(desk.subjects(READER)) == sent
    assert (slot(desk).state, "wire" in slot(desk).reason) == (("sent", False) if sent else ("held", True))


# --- windows and zones ----------------------------------------------------------------------------------------------


def test_mail_leaves_in_the_window_only(desk: Desk) -> None:
    desk.set(window="tue-fri 07:00-19:00")
    desk.tick()
    desk.tick(to=DRAFTED)
    desk.tick(to=SENT)  # a Monday
    assert slot(desk).state == "sent"
    assert desk.subjects(READER) == []
    desk.tick(to="2025-07-08 04:59")
    assert desk.subjects(READER) == []
    desk.tick(to="2025-07-08 05:00")
    assert len(desk.subjects(READER)) == 1


def test_readers_get_it_when_it_is_seven_where_they_live(desk_of: Desk) -> None:
    desk = desk_of
    desk.add("tokyo@example.org", timezone="Asia/Tokyo")
    desk.add("lima@example.org", timezone="America/Lima")
    desk.add("odd@example.org", timezone="Mars/Olympus")
    desk.set(local_time=True)
    desk.tick()
    desk.tick(to="2025-07-05 17:00")
    desk.tick(to="2025-07-06 17:00")  # seven in Kiribati: fixed, and nobody there yet
    assert slot(desk).state == "sent"
    got = {}
    for moment in ("07-06 21:59", "07-06 22:00", "07-07 04:59", "07-07 05:00", "07-07 11:59", "07-07 12:00"):
        desk.tick(to=f"2025-{moment}")
        got[moment] = sorted(str(mail["To"]) for mail in desk.mails if "weekly" in str(mail["Message-ID"]) and EDITOR not in str(mail["To"]))  # fmt: skip
    assert got["07-06 21:59"] == []
    assert got["07-06 22:00"] == got["07-07 04:59"] == ["tokyo@example.org"]
    assert got["07-07 05:00"] == got["07-07 11:59"] == ["odd@example.org", READER, "tokyo@example.org"]
    assert got["07-07 12:00"] == ["lima@example.org", "odd@example.org", READER, "tokyo@example.org"]
    frozen = issues.find_issue(desk.store, SLUG)
    assert frozen
    assert frozen.state == "done"


# --- the command ----------------------------------------------------------------------------------------------------


def test_schedule_shows_what_comes_and_what_became(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str], time_machine: TimeMachineFixture
) -> None:
    desk.tick()
    desk.tick(to=DRAFTED)
    time_machine.move_to(desk.clock())
    assert run(["--json", "--workspace", str(tmp_path), "schedule", "--next", "3"]) == 0
    slots = json.loads(capsys.readouterr().out)["slots"]
    assert [one["state"] for one in slots if one["slot"] == SLOT] == ["drafted"]
    assert [one["slot"][-5:] for one in slots] == ["07-07", "07-14", "07-21"]
    desk.tick(to=SENT)
    time_machine.move_to(desk.clock())
    assert run(["--workspace", str(tmp_path), "schedule", "--next", "1"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "weekly/2025-07-07\tMon 07 Jul 2025 07:00 CEST\tsent\t",
        "weekly/2025-07-14\tMon 14 Jul 2025 07:00 CEST\tplanned\t",
    ]


def test_the_servers_jobs_are_made_from_the_settings(desk: Desk) -> None:
    desk.set(schedule="mon,thu 07:00", draft="fri 16:00")
    jobs = {job.id: str(job.trigger) for job in desk.server._scheduler.get_jobs()}
    assert set(jobs) == {
        "settings",
        "sources",
        "calendar",
        "sender",
        "letters",
        "hooks",
        "cleaning",
        "send weekly",
        "draft weekly",
    }
    assert "day_of_week='mon,thu'" in jobs["send weekly"]
