"""What a hostile reviewer found in `serve`, each with the fix that holds now."""

import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text, update

from newsletter.cli.serve import make_note
from newsletter.flows import schedule
from newsletter.flows.freeze import freeze_issue
from newsletter.flows.schedule import cancel_slot, revive_slot
from newsletter.flows.send import deliver
from newsletter.store import issues, schema
from newsletter.store.slots import find_slot
from newsletter.store.subscribers import find_person, unsubscribe
from newsletter.store.transactional_mail import Letter, begin_letter, queue_letter
from newsletter.web import forms
from tests.databases import new_store
from tests.serving import Desk, Pages, running_desk

SLOT, SLUG = "weekly/2025-07-07", "2025-07-07-weekly"
DRAFTED, SENT = "2025-07-06 05:00", "2025-07-07 05:00"
READER = "reader@example.org"


def state(desk: Desk, slot: str = SLOT) -> tuple[str, str]:
    row = find_slot(desk.store, slot)
    assert row
    return row.state, row.reason


def test_who_cancels_while_the_issue_is_being_fixed_is_obeyed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.tick()
    desk.tick(to=DRAFTED)
    real = freeze_issue

    def freeze(*arguments: Any, **options: Any) -> Any:
        assert cancel_slot(desk.store, SLUG, desk.clock())
        return real(*arguments, **options)

    monkeypatch.setattr(schedule, "freeze_issue", freeze)
    desk.tick(to=SENT)
    desk.tick(to="2025-07-07 06:00")
    assert state(desk) == ("skipped", "cancelled")
    assert issues.find_issue(desk.store, SLUG) is None
    assert desk.subjects(READER) == []


def test_what_was_cancelled_can_be_put_back(desk: Desk) -> None:
    desk.tick()
    desk.tick(to=DRAFTED)
    assert cancel_slot(desk.store, SLUG, desk.clock())
    assert revive_slot(desk.workspace, desk.store, SLUG, desk.clock())
    desk.tick(to=SENT)
    assert len(desk.subjects(READER)) == 1, (state(desk), desk.notes)


def test_a_pause_is_not_overwritten(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes between the look at what waits and the send."""
    desk.tick()
    desk.tick(to=DRAFTED)
    real = type(desk.server)._send

    def send(server: Any, frozen: Any) -> None:
        assert issues.set_state(desk.store, frozen, "paused", "by hand")
        real(server, frozen)

    monkeypatch.setattr(type(desk.server), "_send", send)
    desk.tick(to=SENT)
    frozen = issues.find_issue(desk.store, SLUG)
    assert frozen
    assert frozen.state == "paused"
    assert desk.subjects(READER) == []


def test_c25_a_post_that_cannot_be_read_at_draft_time_holds_up_no_issue(desk: Desk) -> None:
    path = desk.workspace.root / "posts/broken.md"
    path.write_text("---\ntheme: nonsense\n---\n\n# A title\n\nText.\n")
    desk.tick()
    desk.tick(to=DRAFTED)
    assert state(desk) == ("drafted", "")
    bodies = [mail.get_body(("plain",)) for mail in desk.mails]
    review = " ".join(" ".join(body.get_content() for body in bodies if body).split())
    assert "posts/broken.md:2: theme: no theme 'nonsense'" in review
    desk.tick(to=SENT)
    assert len(desk.subjects(READER)) == 1


def test_c35_a_past_issue_that_somebody_broke_holds_up_no_slot(desk: Desk) -> None:
    desk.tick()
    desk.tick(to=DRAFTED)
    desk.tick(to=SENT)
    (desk.workspace.root / f"issues/{SLUG}/issue.md").write_text("---\nbroken")
    (desk.workspace.root / "posts/new.md").write_text("# Yerevan signs in Baku\n\nNew words about a treaty.\n")
    desk.tick(to="2025-07-13 08:00")
    assert state(desk, "weekly/2025-07-14")[0] == "drafted"
    desk.tick(to="2025-07-14 05:00")
    desk.tick(to="2025-07-14 05:01")
    assert len(desk.subjects(READER)) == 2


def test_an_issue_does_not_expire_before_its_own_time_everywhere(desk: Desk) -> None:
    desk.add("honolulu@example.org", timezone="Pacific/Honolulu")
    desk.set(local_time=True, schedule="mon,tue 07:00", draft="")
    desk.tick()
    desk.tick(to="2025-07-05 17:00")
    desk.tick(to="2025-07-06 17:00")
    (desk.workspace.root / "posts/8.md").write_text("# Brussels and Beijing sign\n\nAirbus sells to China.\n")
    for moment in ("06 18:00", "07 05:00", "07 16:00", "07 17:00", "07 18:00", "08 05:00", "08 17:00", "09 17:00"):
        desk.tick(to=f"2025-07-{moment}")
    assert [frozen.slug for frozen in issues.frozen_issues(desk.store)] == [SLUG, "2025-07-08-weekly"]
    assert len(desk.subjects("honolulu@example.org")) == 2


def test_a_window_after_the_lifetime_of_an_issue_expires_nobody(desk: Desk) -> None:
    desk.set(window="fri 07:00-19:00")
    desk.tick()
    desk.tick(to=DRAFTED)
    desk.tick(to=SENT)
    assert desk.subjects(READER) == []
    desk.tick(to="2025-07-11 05:00")
    assert len(desk.subjects(READER)) == 1


def test_a_reason_that_changes_all_the_time_is_not_mailed_all_the_time(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.tick()
    desk.tick(to=DRAFTED)
    count = iter(range(10_000))
    monkeypatch.setattr(schedule, "_find_blockers", lambda *arguments: iter([f"reason {next(count)}"]))
    for minute in range(0, 1130, 45):
        desk.tick(to=f"2025-07-07 {5 + minute // 60:02}:{minute % 60:02}")
    told = [subject for subject in desk.subjects("desk@borderlines.example") if "is held" in subject]
    assert len(told) == 1


def test_an_address_gets_one_letter_however_many_forms_come_at_once(
    desk_of: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "SAME_TIME_S", 0.0)
    desk = desk_of
    pages = desk.pages()
    stamps = [desk.server.public.stamps.make() for _ in range(16)]
    desk.clock.advance(seconds=3)
    for address in (READER, "new@example.org"):
        statuses: list[int] = []
        start = threading.Barrier(8)

        def post(number: int, address: str, start: threading.Barrier, statuses: list[int]) -> None:
            some = Pages(pages.app, client=f"198.51.{number}.1")
            start.wait()
            statuses.append(some.post("/subscribe", {"address": address, "stamp": stamps.pop()}).status)

        threads = [threading.Thread(target=post, args=(n, address, start, statuses)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert statuses == [200] * 8
        desk.server.send_letters()
        assert len(desk.subjects(address)) == 1


def test_links_that_were_used_do_not_block_the_form_for_ever(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "SAME_TIME_S", 0.0)
    for _ in range(5):
        desk.clock.advance(days=3)
        desk.pages().post("/preferences", {"address": READER})
        desk.server.send_letters()
        assert desk.pages().post(desk.link("/p/", READER), {"action": "save"}).status == 200
    assert len(desk.subjects(READER)) == 5


def test_three_links_a_day_for_an_address_and_no_more(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "SAME_TIME_S", 0.0)
    for _ in range(40):
        desk.clock.advance(minutes=11)
        desk.pages().post("/preferences", {"address": READER})
    desk.server.send_letters()
    assert len(desk.subjects(READER)) == 3


@pytest.mark.parametrize("kind", ["link", "already"])
def test_no_letter_goes_to_who_has_left_meanwhile(desk: Desk, kind: Any) -> None:
    person = find_person(desk.store, READER)
    assert person
    with desk.store.writing() as connection:
        queue_letter(connection, Letter(kind=kind, subscriber_id=person.id), desk.clock())
    unsubscribe(desk.store, READER, source="test", now=desk.clock())
    desk.server.send_letters()
    assert desk.mails == []


def test_a_letter_that_was_begun_and_not_ended_is_not_sent_twice(desk: Desk) -> None:
    person = find_person(desk.store, READER)
    assert person
    with desk.store.writing() as connection:
        queue_letter(connection, Letter(kind="link", subscriber_id=person.id), desk.clock())
        queue_letter(connection, Letter(kind="alert", text="Something\n\nis the matter"), desk.clock())
    assert begin_letter(desk.store, desk.clock())  # and the process is killed
    assert begin_letter(desk.store, desk.clock())
    desk.clock.advance(minutes=20)
    desk.server.send_letters()
    assert desk.subjects(READER) == []
    assert desk.subjects("desk@borderlines.example") == ["Something"]  # the editor would rather hear it twice


def test_a_letter_to_a_reader_that_is_a_day_late_is_not_sent(desk: Desk) -> None:
    person = find_person(desk.store, READER)
    assert person
    with desk.store.writing() as connection:
        queue_letter(connection, Letter(kind="link", subscriber_id=person.id), desk.clock())
    desk.clock.advance(days=2)
    desk.server.send_letters()
    assert desk.mails == []


def test_one_letter_that_is_put_off_does_not_hold_up_the_others(desk: Desk) -> None:
    with desk.store.writing() as connection:
        for number in range(3):
            queue_letter(connection, Letter(kind="alert", text=f"Number {number}\n\nx"), desk.clock())
    desk.smtp.on["RCPT"] = [b"450 4.2.0 later\r\n"]
    desk.server.send_letters()
    assert sorted(desk.subjects("desk@borderlines.example")) == ["Number 1", "Number 2"]


def test_an_issue_that_somebody_broke_does_not_stop_the_start(desk: Desk) -> None:
    desk.tick()
    desk.tick(to=DRAFTED)
    desk.tick(to=SENT)
    (desk.workspace.root / f"issues/{SLUG}/issue.md").write_text("---\nbroken")
    desk.restart()
    desk.server.public.refresh()
    assert desk.server.public.problems
    assert desk.pages().get("/").status == 200


def test_a_fault_in_one_edition_does_not_stop_the_others(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    first = desk.config.editions[0]
    desk.config = replace(desk.config, editions=(replace(first, slug="bad"), first))
    desk.restart()
    real = schedule._next_step

    def step(one: Any, edition: Any, slot: Any, row: Any) -> Any:
        if edition.slug == "bad":
            raise ZeroDivisionError("a fault")
        return real(one, edition, slot, row)

    monkeypatch.setattr(schedule, "_next_step", step)
    desk.tick()
    desk.tick(to=DRAFTED)
    assert state(desk)[0] == "drafted"
    bad = find_slot(desk.store, "bad/2025-07-07")
    assert bad
    assert (bad.state, "ZeroDivisionError" in bad.reason) == ("held", True)


def test_a_stop_after_the_last_mail_harms_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The send's own loop has ended and its books are being closed."""
    desk.tick()
    desk.tick(to=DRAFTED)
    stops: list[Any] = []
    real = deliver

    def keeping(*arguments: Any, arm: Any, **options: Any) -> Any:
        def keep(stop: Any) -> None:
            stops.append(stop)
            arm(stop)

        return real(*arguments, arm=keep, **options)

    monkeypatch.setattr("newsletter.serve.deliver", keeping)
    desk.tick(to=SENT)
    stops[0]()


def test_the_archive_goes_on_showing_what_some_have_got(desk: Desk) -> None:
    desk.tick()
    desk.tick(to=DRAFTED)
    desk.tick(to=SENT)
    frozen = issues.find_issue(desk.store, SLUG)
    assert frozen
    issues.cancel(desk.store, frozen, desk.clock())
    desk.tick()
    assert desk.pages().get(f"/{SLUG}/").status == 200


def test_a_database_that_is_taken_away_is_told_at_once(desk: Desk) -> None:
    pages = desk.pages()
    desk.tick()
    assert pages.get("/readyz").status == 200
    assert desk.store.path
    desk.store.path.rename(desk.store.path.with_name("away"))
    assert pages.get("/readyz").status == 503
    assert pages.post("/preferences", {"address": READER}).status == 503


def test_no_address_gets_into_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    note = make_note(quiet=False)
    note("paused", reason="550 5.7.1 <victim@example.org>: refused", path="/Subscribe/victim@example.org")
    assert "victim" not in capsys.readouterr().err


def test_who_confirms_while_the_unconfirmed_are_dropped_stays(tmp_path: Path) -> None:
    from newsletter.store.self_service import drop_unconfirmed

    with closing(new_store("postgresql", tmp_path)) as store, running_desk(tmp_path, store=store) as desk:
        desk.add("late@example.org", state="pending")
        person = find_person(desk.store, "late@example.org")
        assert person
        with desk.store.writing() as connection:
            row = {
                "subscriber_id": person.id,
                "event": "asked",
                "at": "2025-01-01T00:00:00Z",
                "source": "",
                "text_version": "",
                "ip": "",
            }
            connection.execute(schema.consent.insert(), row)
        dropped: list[int] = []
        with desk.store.engine.begin() as other:
            other.execute(text("SET TRANSACTION ISOLATION LEVEL READ COMMITTED"))
            other.execute(update(schema.subscriber).where(schema.subscriber.c.id == person.id).values(state="active"))
            cleaner = threading.Thread(target=lambda: dropped.append(drop_unconfirmed(desk.store, desk.clock())))
            cleaner.start()
            cleaner.join(0.5)  # it waits for the row
        cleaner.join(10)
        assert dropped == [0]
        with desk.store.reading() as connection:
            assert connection.execute(
                select(schema.consent.c.event).where(schema.consent.c.subscriber_id == person.id)
            ).all()
