"""Who gets an issue has one answer: the card, the dry run, the rehearsal and the freeze give the same for any audience."""

import itertools
import shutil
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from newsletter.flows.build import Rendered, render_issue
from newsletter.flows.dry_run import count_dry_run, write_dry_run
from newsletter.flows.freeze import choose_sections, freeze_issue, show_card
from newsletter.flows.rehearse import Stopwatch, rehearse_issue
from newsletter.model import SubscriberRow
from newsletter.store.database import Store, stamp
from newsletter.store.recipients import list_recipients
from newsletter.store.schema import delivery, subscriber
from newsletter.store.subscribers import SubscriberIntake, forget, unsubscribe
from tests.databases import NOW
from tests.sending import ISSUE, Desk, make_desk
from tests.store.desk import make_empty

PAUSES = {"": "", "over": stamp(NOW - timedelta(days=1)), "now": stamp(NOW), "goes on": stamp(NOW + timedelta(days=9))}
THEMES = ["", "caucasus", "eu-china", "caucasus eu-china", "nothing-in-this-issue"]
READER = st.fixed_dictionaries(
    {
        "state": st.sampled_from(["active"] * 4 + ["pending", "unsubscribed", "bounced", "complained"]),
        "themes": st.sampled_from(THEMES),
        "pause": st.sampled_from(list(PAUSES)),
        "leaves": st.sampled_from(["", "", "", "left", "erased"]),
    }
)


@pytest.fixture
def desk(tmp_path: Path, store: Store) -> Desk:
    folder = tmp_path / "desk"
    folder.mkdir()
    return make_desk(folder, store, readers=0)


def fill(desk: Desk, readers: list[dict[str, str]]) -> None:
    """An audience, as imports, pauses and departures make it."""
    make_empty(desk.store)
    names = [f"r{number}@example.org" for number in range(len(readers))]
    with desk.store.writing() as connection:
        intake = SubscriberIntake(desk.store, connection, source="test", event="imported", now=NOW)
        intake.take(
            [
                SubscriberRow(name, name, state=one["state"], themes=one["themes"])
                for name, one in zip(names, readers, strict=True)
            ]
        )
        for name, one in zip(names, readers, strict=True):
            mine = subscriber.c.canonical == name
            connection.execute(update(subscriber).where(mine).values(paused_until=PAUSES[one["pause"]]))
    for name, one in zip(names, readers, strict=True):
        if one["leaves"] == "left":
            unsubscribe(desk.store, name, source="a link", now=NOW)
        elif one["leaves"] == "erased":
            forget(desk.store, name, NOW)


def expected(rendered: Rendered, readers: list[dict[str, str]]) -> set[str]:
    """The rule in words of its own."""
    choose = choose_sections(rendered)
    return {
        f"r{number}@example.org"
        for number, one in enumerate(readers)
        if one["state"] == "active"
        and not one["leaves"]
        and one["pause"] != "goes on"
        and choose(one["themes"]) is not None
    }


def dry_run(desk: Desk, rendered: Rendered) -> set[str]:
    shutil.rmtree(desk.workspace.root / "build", ignore_errors=True)
    paths = list(write_dry_run(desk.workspace, desk.config, desk.store, rendered, NOW))
    assert len(paths) == count_dry_run(desk.store, rendered, NOW)
    return {str(message_from_bytes(desk.workspace.read(path))["To"]).strip("<>") for path in paths}


def rehearsed(desk: Desk) -> int:
    # The rehearsal's own database is on the disk of the tests; its server is ours.
    config = replace(desk.config, smtp=replace(desk.config.smtp, connections=2))
    clock = Stopwatch(itertools.count())
    done = rehearse_issue(desk.workspace, config, desk.store, ISSUE, NOW, clock)
    assert sum(one.readers for one in done.domains) == done.books.planned
    return done.books.planned


def planned(desk: Desk, rendered: Rendered) -> dict[str, int]:
    """Address → variant of those for whom the issue was frozen."""
    frozen = freeze_issue(rendered, desk.config, desk.store, NOW)
    found = select(subscriber.c.canonical, delivery.c.variant).join_from(
        delivery, subscriber, subscriber.c.id == delivery.c.subscriber_id
    )
    with desk.store.reading() as connection:
        rows = connection.execute(found.where(delivery.c.issue_id == frozen.id)).all()
    assert len(rows) == frozen.planned
    return {row[0]: row[1] for row in rows}


@pytest.mark.usefixtures("untraced")
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(readers=st.lists(READER, min_size=1, max_size=8))
def test_c4_dry_run_card_rehearsal_and_freeze_agree_about_any_audience(
    desk: Desk, readers: list[dict[str, str]]
) -> None:
    rendered = render_issue(desk.workspace, desk.config, ISSUE)
    fill(desk, readers)
    wanted = expected(rendered, readers)
    card = show_card(rendered, desk.config, desk.store, NOW)
    assert card.count == len(wanted)
    assert dry_run(desk, rendered) == wanted
    listed = [(one.row.canonical, one.variant) for one in list_recipients(desk.store, choose_sections(rendered), NOW)]
    assert {name for name, _ in listed} == wanted
    assert Counter(variant for _, variant in listed) == card.readers
    if wanted:
        assert rehearsed(desk) == len(wanted)
        frozen = planned(desk, rendered)
        assert set(frozen) == wanted
        # And each of them the same part of the issue.
        numbers = {name: number for number, name in enumerate(sorted(card.readers))}
        assert frozen == {name: numbers[variant] for name, variant in listed}


def test_c4_two_readers_one_paused_are_one_reader_everywhere(desk: Desk) -> None:
    usual = {"state": "active", "themes": "", "pause": "", "leaves": ""}
    fill(desk, [usual, usual | {"pause": "goes on"}])
    rendered = render_issue(desk.workspace, desk.config, ISSUE)
    assert dry_run(desk, rendered) == {"r0@example.org"}
    assert show_card(rendered, desk.config, desk.store, NOW).count == 1
    assert rehearsed(desk) == 1
    assert set(planned(desk, rendered)) == {"r0@example.org"}


def test_c4_a_dry_run_of_a_frozen_issue_is_what_was_frozen_for_those_who_wait(desk: Desk) -> None:
    """Whoever came since gets nothing of it, and whoever left neither; an edit of the text changes nothing."""
    usual = {"state": "active", "themes": "", "pause": "", "leaves": ""}
    fill(desk, [usual] * 3)
    rendered = render_issue(desk.workspace, desk.config, ISSUE)
    freeze_issue(rendered, desk.config, desk.store, NOW)
    desk.add(SubscriberRow("late@example.org", "late@example.org"))
    unsubscribe(desk.store, "r1@example.org", source="a link", now=NOW)
    with desk.store.writing() as connection:
        paused = update(subscriber).where(subscriber.c.canonical == "r2@example.org")
        connection.execute(paused.values(paused_until=PAUSES["goes on"]))
    path = desk.workspace.root / f"issues/{ISSUE}/issue.md"
    path.write_text(path.read_text().replace("Baku", "Bakou"))
    changed = render_issue(desk.workspace, desk.config, ISSUE)
    assert dry_run(desk, changed) == {"r0@example.org", "r2@example.org"}
    assert b"Bakou" not in b"".join(one.read_bytes() for one in desk.workspace.path("build").rglob("*.eml"))
