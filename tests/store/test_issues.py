"""Freezing, books, and a person's hand on the lever."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update

from newsletter.errors import NothingToDo
from newsletter.model import FINAL, OPEN
from newsletter.store import issues
from newsletter.store.database import Store, StoreError
from newsletter.store.issues import ALL
from newsletter.store.recipients import count_readers
from newsletter.store.schema import delivery, variant
from newsletter.store.subscribers import unsubscribe
from tests.databases import NOW
from tests.store.desk import (
    HOUR,
    accepted,
    audience,
    count_rows,
    counted,
    deferred,
    freeze,
    number_of,
    reader,
    rejected,
    start,
    states,
    take_in,
)


def by_theme(themes: str) -> str | None:
    """Nature or all; nothing for those who want sport only."""
    return {"": ALL, "nature": "nature", "nature sport": "nature"}.get(themes)


# --- freezing (D7) ------------------------------------------------------------------------------------------------


def test_an_issue_is_frozen_for_each_active_reader_once(store: Store) -> None:
    take_in(store, [reader(1), reader(2, state="pending"), reader(3), reader(4, state="bounced"), reader(5)])
    unsubscribe(store, reader(5).canonical, source="a link", now=NOW)
    frozen = freeze(store)
    assert frozen.planned == 2
    assert set(states(store, frozen)) == {number_of(store, reader(who).canonical) for who in (1, 3)}
    assert (frozen.state, frozen.frozen_at, frozen.expires_at) == (
        "frozen",
        "2026-11-23T07:00:00Z",
        "2026-11-26T07:00:00Z",
    )


def test_freezing_again_changes_nothing_whatever_has_changed_since(store: Store) -> None:
    frozen = audience(store, 2)
    take_in(store, [reader(9)])
    again = freeze(store, now=NOW + HOUR, write=lambda chosen: b"quite different\r\n")
    assert again == frozen
    assert issues.find_issue(store, frozen.slug) == frozen
    assert issues.frozen_issues(store) == [frozen]
    assert len(states(store, frozen)) == 2


def test_readers_get_the_variant_of_their_themes(store: Store) -> None:
    themes = ["", "nature", "sport", "nature sport"]
    take_in(store, [reader(number, themes=chosen) for number, chosen in enumerate(themes)])
    assert count_readers(store, by_theme, NOW) == {ALL: 1, "nature": 2}
    asked: list[str] = []

    def write(chosen: str) -> bytes:
        asked.append(chosen)
        return f"for {chosen or 'all'}\r\n".encode()

    frozen = freeze(store, choose=by_theme, write=write)
    assert sorted(asked) == ["", "nature"]  # once each
    assert sorted(issues.variant_names(store, frozen)) == ["", "nature"]
    messages = issues.read_variants(store, frozen)
    process = start(store, frozen)
    got = {claim.address: messages[claim.variant] for claim in process.claim(9)}
    process.end()
    assert got == {
        reader(0).address: b"for all\r\n",
        reader(1).address: b"for nature\r\n",
        reader(3).address: b"for nature\r\n",
    }


def test_an_issue_that_nobody_wants_is_not_frozen_and_can_be_when_somebody_does(store: Store) -> None:
    take_in(store, [reader(1, themes="sport"), reader(2, state="pending")])
    with pytest.raises(NothingToDo, match="nobody wants a section of 2026-11-23-weekly"):
        freeze(store, choose=by_theme)
    assert issues.frozen_issues(store) == []
    take_in(store, [reader(3)])
    assert freeze(store, choose=by_theme).planned == 1


def test_what_a_theme_is_called_is_never_a_part_of_a_statement(store: Store) -> None:
    themes = "x'), (''); DROP TABLE subscriber; --"
    take_in(store, [reader(1, themes=themes)])
    assert freeze(store, choose=lambda chosen: chosen).planned == 1


def test_readers_of_a_throttled_provider_have_a_lane_of_their_own(store: Store) -> None:
    addresses = ["a@gmail.com", "b@googlemail.com", "c@web.de", "d@example.org", "e@notgmail.com", "f@gmail.com.test"]
    take_in(store, [reader(0, address=address) for address in addresses])
    frozen = freeze(store, lanes=[["gmail.com", "googlemail.com"], ["web.de"]])
    process = start(store, frozen)
    assert {claim.address: claim.lane for claim in process.claim(9)} == dict(
        zip(addresses, [1, 1, 2, 0, 0, 0], strict=True)
    )
    process.end()


def raising(chosen: str) -> bytes:
    raise RuntimeError("the template broke")


def break_planning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issues, "_plan", lambda *values: 1)


@pytest.mark.parametrize("fault", ["a template", "the count"])
def test_a_freeze_that_fails_leaves_nothing_and_the_next_one_plans_the_same(
    store: Store, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """F4: whole or not at all."""
    take_in(store, [reader(number) for number in range(3)])
    older = freeze(store, "2026-11-16-weekly")
    with monkeypatch.context() as patch:
        if fault == "the count":
            break_planning(patch)
        with pytest.raises(
            (RuntimeError, StoreError), match=r"the template broke|1 deliveries were planned, 3 expected"
        ):
            freeze(store, write=raising if fault == "a template" else lambda chosen: b"x\r\n", now=NOW + HOUR)
    assert issues.find_issue(store, "2026-11-23-weekly") is None
    assert issues.find_issue(store, older.slug) == older
    assert (count_rows(store, "issue"), count_rows(store, "variant"), count_rows(store, "delivery")) == (1, 1, 3)
    assert freeze(store).planned == 3


def test_who_leaves_while_an_issue_is_frozen_does_not_stop_it_and_is_not_mailed(store: Store) -> None:
    if store.is_sqlite:
        return  # there whoever leaves waits until the issue is frozen
    take_in(store, [reader(1), reader(2)])

    def write(chosen: str) -> bytes:
        unsubscribe(store, reader(1).canonical, source="a link", now=NOW)
        take_in(store, [reader(3)])
        return b"News.\r\n"

    frozen = freeze(store, write=write)
    assert frozen.planned == 2
    process = start(store, frozen)
    assert [claim.address for claim in process.claim(9)] == [reader(2).address]
    process.end()
    assert counted(store, frozen) == {"claimed": 1, "suppressed": 1}


def test_messages_that_are_not_those_that_were_frozen_are_not_sent(store: Store) -> None:
    frozen = audience(store, 1)
    with store.writing() as connection:
        connection.execute(update(variant).values(message=b"something else\r\n"))
    with pytest.raises(StoreError, match="not those that were frozen"):
        issues.read_variants(store, frozen)


# --- expiry (D34) -------------------------------------------------------------------------------------------------


def test_the_next_issue_of_an_edition_ends_the_one_before(store: Store) -> None:
    older = audience(store, 3, slug="2026-11-16-weekly")
    other = freeze(store, "2026-11-extra", edition="extra")
    process = start(store, older)
    (claim, _) = process.claim(2)
    freeze(store, "2026-11-23-weekly", now=NOW + HOUR)
    process.turn([deferred(claim, NOW + 2 * HOUR)], 5, NOW + HOUR)
    process.end()
    assert counted(store, older) == {"expired": 2, "claimed": 1}
    found = issues.find_issue(store, other.slug)
    assert found
    assert found.expires_at == other.expires_at


def test_a_delivery_is_not_claimed_after_its_life(store: Store) -> None:
    frozen = audience(store, 2)
    process = start(store, frozen)
    assert len(process.claim(1, NOW + timedelta(hours=71, minutes=59))) == 1
    assert process.claim(1, NOW + timedelta(hours=72)) == []
    assert counted(store, frozen) == {"claimed": 1, "expired": 1}
    process.end()


# --- books (D8) ---------------------------------------------------------------------------------------------------


def test_the_books_name_every_state_and_balance(store: Store) -> None:
    frozen = audience(store, 5)
    process = start(store, frozen)
    claims = process.claim(3)
    process.turn([accepted(claims[0]), rejected(claims[1])])
    books = issues.read_books(store, frozen)
    assert books.balanced
    assert books.open == 3
    assert books.as_dict() == {
        "issue": frozen.slug,
        "state": "sending",
        "planned": 5,
        **dict.fromkeys((*FINAL, *OPEN), 0),
        "accepted": 1,
        "rejected": 1,
        "claimed": 1,
        "pending": 2,
        "balanced": True,
    }
    process.end()


@pytest.mark.parametrize(
    ("harm", "missing", "strange", "unknown"),
    [
        (lambda: delivery.delete().where(delivery.c.subscriber_id == 1), 1, (), 0),
        (lambda: update(delivery).where(delivery.c.subscriber_id == 1).values(state="sent"), 0, ("sent",), 0),
        (lambda: update(delivery).where(delivery.c.subscriber_id == 1).values(variant=7), 0, (), 1),
    ],
    ids=["a row is gone", "a state that does not exist", "a message that does not exist"],
)
def test_a_recount_finds_what_is_wrong(
    store: Store, harm: Callable[[], object], missing: int, strange: tuple[str, ...], unknown: int
) -> None:
    frozen = audience(store, 3)
    with store.writing() as connection:
        connection.execute(harm())  # type: ignore[call-overload]
    seen = issues.verify(store, frozen)
    assert (seen.missing, seen.strange_states, seen.unknown_variants) == (missing, strange, unknown)
    assert seen.books.balanced is (not missing and not strange)


@pytest.mark.parametrize(
    ("left", "state"), [("accepted", "done"), ("held", "done"), ("deferred", "sending"), ("pending", "sending")]
)
def test_an_issue_is_done_when_nothing_goes_on_by_itself(store: Store, left: str, state: str) -> None:
    frozen = audience(store, 1)
    process = start(store, frozen)
    (claim,) = process.claim(1)
    outcome = deferred(claim, NOW + HOUR) if left == "deferred" else accepted(claim)._replace(state=left)
    process.turn([outcome])
    process.end()
    assert issues.finish(store, frozen, NOW).state == state


# --- the lever ----------------------------------------------------------------------------------------------------


def test_a_paused_issue_lets_nothing_more_leave_and_still_takes_what_is_answered(store: Store) -> None:
    frozen = audience(store, 3)
    process = start(store, frozen)
    (claim,) = process.claim(1)
    assert issues.set_state(store, frozen, "paused", "by hand", unless=("done", "cancelled"))
    turn = process.turn([accepted(claim)], 2)
    assert (list(turn.claims), turn.wait_s, turn.state) == ([], None, "paused")
    assert counted(store, frozen) == {"accepted": 1, "pending": 2}
    assert issues.set_state(store, frozen, "sending")
    assert len(process.claim(9)) == 2
    process.end()


def test_a_cancelled_issue_cannot_be_paused_or_resumed(store: Store) -> None:
    frozen = audience(store, 1)
    issues.cancel(store, frozen, NOW)
    for state in ("paused", "sending"):
        assert not issues.set_state(store, frozen, state, unless=("done", "cancelled"))
    found = issues.find_issue(store, frozen.slug)
    assert found
    assert found.state == "cancelled"


def test_to_cancel_takes_back_what_has_not_left(store: Store) -> None:
    frozen = audience(store, 4)
    process = start(store, frozen)
    first, second, _ = process.claim(3)
    process.turn([accepted(first), deferred(second, NOW + HOUR)])
    assert issues.cancel(store, frozen, NOW) == 2
    assert counted(store, frozen) == {"accepted": 1, "claimed": 1, "expired": 2}
    assert process.claim(9) == []
    process.end()


@pytest.mark.parametrize(("what", "count"), [("missed", 4), ("uncertain", 1), ("held", 1), ("rejected", 1)])
def test_a_person_plans_anew_those_who_did_not_get_it_and_nobody_who_did(store: Store, what: str, count: int) -> None:
    ends = ["accepted", "held", "in_doubt", "rejected", "expired", "suppressed"]
    frozen = audience(store, len(ends))
    process = start(store, frozen)
    process.turn(
        [accepted(claim)._replace(state=end, doubts=3) for claim, end in zip(process.claim(9), ends, strict=True)]
    )
    process.end()
    assert issues.resend(store, frozen, what, NOW + 24 * HOUR) == count
    after = counted(store, frozen)
    assert (after["pending"], after["accepted"], after["suppressed"]) == (count, 1, 1)
    found = issues.find_issue(store, frozen.slug)
    assert found
    assert (found.state, found.expires_at) == ("sending", "2026-11-24T07:00:00Z")
    process = start(store, frozen)
    assert {(claim.attempt, claim.doubts) for claim in process.claim(9)} == {(1, 0)}
    process.end()


def test_to_plan_anew_nobody_changes_nothing(store: Store) -> None:
    frozen = audience(store, 2)
    assert issues.resend(store, frozen, "missed", NOW + 24 * HOUR) == 0
    assert issues.find_issue(store, frozen.slug) == frozen


def test_who_left_is_not_mailed_when_a_person_plans_anew(store: Store) -> None:
    frozen = audience(store, 1)
    process = start(store, frozen)
    process.turn([rejected(claim) for claim in process.claim(1)])
    unsubscribe(store, reader(0).canonical, source="a link", now=NOW)
    issues.resend(store, frozen, "missed", NOW + 24 * HOUR)
    assert process.claim(1) == []
    assert process.claim(1) == []
    assert counted(store, frozen) == {"suppressed": 1}
    process.end()


def test_thousands_of_choices_of_themes_are_planned_at_once(store: Store) -> None:
    take_in(store, [reader(number, themes=f"theme-{number}") for number in range(3000)])
    frozen = freeze(store, choose=lambda themes: themes if int(themes.removeprefix("theme-")) % 2 else None)
    assert frozen.planned == 1500
