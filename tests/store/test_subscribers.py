"""Subscribers, consents, suppressions: who left stays away, and what is taken in comes out again."""

import ast
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from newsletter.audience.addresses import read_address
from newsletter.audience.read_file import open_subscribers
from newsletter.audience.write_file import write_subscribers
from newsletter.config import load_config
from newsletter.flows.subscribers import add_one
from newsletter.model import SubscriberRow
from newsletter.store import issues
from newsletter.store.database import Store, StoreError
from newsletter.store.mailed_links import make_link
from newsletter.store.schema import consent, suppression
from newsletter.store.self_service import Asked, ask_to_subscribe, confirm
from newsletter.store.subscribers import (
    count_by_state,
    export_rows,
    find_person,
    forget,
    lift,
    suppression_reason,
    unsubscribe,
)
from tests.databases import NOW
from tests.store.desk import (
    HOUR,
    accepted,
    all_text,
    audience,
    count_rows,
    counted,
    freeze,
    number_of,
    reader,
    rejected,
    start,
    states,
    take_in,
)

ANNA = reader(1, address="Anna.Kern@Example.org", name="Anna Kern", themes="nature", language="de")


def state_of(store: Store, canonical: str) -> str | None:
    """Where a subscriber stands; None if there is no such row."""
    person = find_person(store, canonical)
    return person.row.state if person else None


def consents_of(store: Store, canonical: str) -> list[tuple[str, str, str]]:
    """(when, what, how it is known), oldest first."""
    person = find_person(store, canonical)
    assert person
    return list(person.consents)


# --- imports ------------------------------------------------------------------------------------------------------


def test_an_import_counts_what_became_of_each_row(store: Store) -> None:
    take_in(store, [reader(1), reader(2, name="Two"), reader(3)])
    unsubscribe(store, reader(3).canonical, source="a link", now=NOW)
    rows = [reader(1), reader(2, name="Zwei"), reader(3), reader(4), reader(5)]
    assert take_in(store, rows) == {"unchanged": 1, "updated": 1, "suppressed": 1, "added": 2}


def test_an_import_of_nothing_counts_nothing(store: Store) -> None:
    assert take_in(store, []) == {}


def test_the_same_file_twice_changes_nothing(store: Store) -> None:
    rows = [ANNA, reader(2, state="unsubscribed"), reader(3, state="pending")]
    take_in(store, rows)
    before = list(export_rows(store))
    assert take_in(store, rows) == {"unchanged": 3}
    assert list(export_rows(store)) == before


@pytest.mark.parametrize(
    ("names", "counts", "name"),
    [
        (["A", "A"], {"added": 1, "unchanged": 1}, "A"),
        (["A", "B"], {"added": 1, "updated": 1}, "B"),
        (["A", ""], {"added": 1, "unchanged": 1}, "A"),
        (["A", "B", "A"], {"added": 1, "updated": 2}, "A"),
    ],
    ids=["the same", "another name", "no name", "there and back"],
)
def test_of_two_rows_with_one_address_in_a_batch_the_last_one_counts(
    store: Store, names: list[str], counts: dict[str, int], name: str
) -> None:
    assert take_in(store, [reader(1, name=name) for name in names]) == counts
    assert [row.name for row in export_rows(store)] == [name]


def test_what_a_later_row_says_is_compared_with_the_row_before_it(store: Store) -> None:
    take_in(store, [reader(1, name="A")])
    assert take_in(store, [reader(1, name="B"), reader(1, name="A")]) == {"updated": 2}
    assert [row.name for row in export_rows(store)] == ["A"]


def test_an_address_in_other_letters_is_the_same_reader_as_first_typed(store: Store) -> None:
    take_in(store, [ANNA])
    assert take_in(store, [ANNA._replace(address="ANNA.KERN@example.org")]) == {"unchanged": 1}
    assert [row.address for row in export_rows(store)] == ["Anna.Kern@Example.org"]


def test_an_empty_cell_takes_nothing_away(store: Store) -> None:
    take_in(store, [ANNA])
    take_in(store, [SubscriberRow(ANNA.address, ANNA.canonical)])
    assert [(row.name, row.themes, row.language) for row in export_rows(store)] == [("Anna Kern", "nature", "de")]


def test_a_pending_reader_becomes_active_by_an_import_and_never_the_other_way(store: Store) -> None:
    take_in(store, [reader(1, state="pending"), reader(2)])
    take_in(store, [reader(1), reader(2, state="pending")])
    assert [row.state for row in export_rows(store)] == ["active", "active"]


def test_an_import_is_written_whole_or_not_at_all(store: Store) -> None:
    nobody: Any = None  # a name that the table refuses
    with pytest.raises(StoreError):
        take_in(store, [reader(1), reader(2, name=nobody)])
    assert count_by_state(store) == {"suppressed": 0}
    assert count_rows(store, "consent") == 0


# --- suppression always wins (T22) --------------------------------------------------------------------------------

AWAY = pytest.mark.parametrize("away", ["unsubscribed", "bounced", "complained"])


@AWAY
def test_t22_no_import_brings_back_who_left(store: Store, away: str) -> None:
    take_in(store, [ANNA])
    assert unsubscribe(store, ANNA.canonical, source="a link", now=NOW, state=away)
    for state in ("active", "pending"):
        assert take_in(store, [ANNA._replace(state=state)]) == {"suppressed": 1}
    assert state_of(store, ANNA.canonical) == away


@AWAY
def test_no_import_brings_in_who_left_before_they_were_ever_here(store: Store, away: str) -> None:
    assert not unsubscribe(store, ANNA.canonical, source="a list", now=NOW, state=away)
    assert take_in(store, [ANNA, reader(2)]) == {"suppressed": 1, "added": 1}
    assert state_of(store, ANNA.canonical) is None


@pytest.mark.parametrize("state", ["active", "pending", "unsubscribed", "bounced", "complained"])
def test_no_import_writes_down_again_who_was_erased(store: Store, state: str) -> None:
    take_in(store, [ANNA])
    forget(store, ANNA.canonical, NOW)
    assert take_in(store, [ANNA._replace(state=state)]) == {"suppressed": 1}
    assert "anna" not in all_text(store)


@AWAY
@pytest.mark.parametrize("order", [1, -1], ids=["here first", "gone first"])
def test_of_two_rows_in_a_batch_the_one_that_says_gone_wins(store: Store, away: str, order: int) -> None:
    rows = [ANNA, ANNA._replace(state=away)][::order]
    assert take_in(store, rows) == {"suppressed": 2}
    assert state_of(store, ANNA.canonical) == away


@AWAY
def test_somebody_who_left_elsewhere_leaves_here_too(store: Store, away: str) -> None:
    take_in(store, [ANNA])
    assert take_in(store, [ANNA._replace(state=away)]) == {"suppressed": 1}
    assert take_in(store, [ANNA]) == {"suppressed": 1}
    assert state_of(store, ANNA.canonical) == away


def test_somebody_who_leaves_for_the_first_time_during_a_long_import_stays_away(store: Store) -> None:
    from newsletter.store.subscribers import SubscriberIntake, suppress

    with store.writing() as connection:
        intake = SubscriberIntake(store, connection, source="a list", event="imported", now=NOW)
        intake.take([reader(1)])
        suppress(store, connection, {ANNA.canonical: "a link"}, "unsubscribed", "2026-11-23T07:00:00Z")
        intake.take([ANNA])
    assert dict(intake.counts) == {"added": 1, "suppressed": 1}


@pytest.mark.parametrize(
    ("reasons", "kept"),
    [
        (["unsubscribed", "bounced"], "unsubscribed"),
        (["bounced", "complained"], "complained"),
        (["complained", "unsubscribed"], "complained"),
    ],
    ids=["the first stays", "a complaint is added", "a complaint stays"],
)
def test_the_first_reason_stays_but_a_complaint_is_never_forgotten(store: Store, reasons: list[str], kept: str) -> None:
    take_in(store, [ANNA])
    for reason in reasons:
        unsubscribe(store, ANNA.canonical, source="a link", now=NOW, state=reason)
    with store.reading() as connection:
        assert suppression_reason(store, connection, ANNA.canonical) == kept


def test_t22_suppression_keeps_a_keyed_hash_and_no_address(store: Store) -> None:
    unsubscribe(store, ANNA.canonical, source="a link", now=NOW)
    with store.reading() as connection:
        row = connection.execute(select(suppression)).one()
    assert row.address_hash == store.key.address_hash(ANNA.canonical)
    assert len(row.address_hash) == 40
    assert "anna" not in all_text(store)


def test_who_asks_anew_is_let_back_in(store: Store) -> None:
    take_in(store, [ANNA])
    unsubscribe(store, ANNA.canonical, source="a link", now=NOW)
    with store.writing() as connection:
        lift(store, connection, ANNA.canonical, "a letter", NOW)
    assert state_of(store, ANNA.canonical) == "active"
    assert take_in(store, [ANNA]) == {"unchanged": 1}


# --- consent ------------------------------------------------------------------------------------------------------


def test_everybody_new_has_a_consent_with_its_source(store: Store) -> None:
    take_in(store, [reader(number) for number in range(3)], source="the fair of May")
    for number in range(3):
        assert consents_of(store, reader(number).canonical) == [("2026-11-23T07:00:00Z", "imported", "the fair of May")]


def test_what_a_row_says_of_its_consent_is_kept(store: Store) -> None:
    told = reader(1, consent="form 7", consent_at="2020-01-02T03:04:05Z", consent_ip="203.0.113.0/24")
    take_in(store, [told, reader(2)], source="the list")
    assert consents_of(store, told.canonical) == [("2020-01-02T03:04:05Z", "imported", "form 7")]
    assert consents_of(store, reader(2).canonical) == [("2026-11-23T07:00:00Z", "imported", "the list")]
    with store.reading() as connection:
        assert connection.execute(select(consent.c.ip).order_by(consent.c.id)).scalars().first() == "203.0.113.0/24"


def test_the_same_consent_is_written_down_once(store: Store) -> None:
    take_in(store, [reader(1)], source="a list")
    assert take_in(store, [reader(1), reader(2), reader(2)], source="a list") == {"added": 1, "unchanged": 2}
    assert count_rows(store, "consent") == 2


def test_c3_an_import_that_changes_a_reader_says_where_that_was_agreed(store: Store) -> None:
    take_in(store, [reader(1)], source="a form")
    assert take_in(store, [reader(1, name="Changed")], source="a fair") == {"updated": 1}
    assert [(event, source) for _, event, source in consents_of(store, reader(1).canonical)] == [
        ("imported", "a form"),
        ("imported", "a fair"),
    ]


def test_c3_a_consent_that_is_new_is_kept_beside_the_old_one(store: Store) -> None:
    take_in(store, [reader(1)], source="a form")
    again = reader(1, consent="fair, 2025", consent_at="2025-05-06T07:08:09Z", consent_ip="203.0.113.0/24")
    assert take_in(store, [again], source="a list") == {"updated": 1}
    assert take_in(store, [again], source="a list") == {"unchanged": 1}
    assert consents_of(store, reader(1).canonical)[1:] == [("2025-05-06T07:08:09Z", "imported", "fair, 2025")]


def test_c3_a_pending_reader_who_becomes_active_by_an_import_has_its_consent(store: Store) -> None:
    take_in(store, [reader(1, state="pending")], source="an old list")
    take_in(store, [reader(1)], source="the fair of May")
    assert state_of(store, reader(1).canonical) == "active"
    assert consents_of(store, reader(1).canonical)[-1][1:] == ("imported", "the fair of May")


def test_who_left_by_an_import_has_that_in_the_ledger(store: Store) -> None:
    take_in(store, [reader(1)])
    take_in(store, [reader(1, state="unsubscribed")], source="another tool")
    assert consents_of(store, reader(1).canonical)[-1][1:] == ("unsubscribed", "another tool")


WAYS: dict[str, Callable[[Store], object]] = {
    "import": lambda store: take_in(store, [ANNA], source="a fair"),
    "import of a pending one": lambda store: (
        take_in(store, [ANNA._replace(state="pending")], source="an old list"),
        take_in(store, [ANNA], source="a fair"),
    ),
    "add": lambda store: add(store, again=False),
    "add --again": lambda store: (
        take_in(store, [ANNA]),
        unsubscribe(store, ANNA.canonical, source="a link", now=NOW),
        add(store, again=True),
    ),
    "confirm": lambda store: confirm_by_link(store),
}


def add(store: Store, *, again: bool) -> str:
    root = Path(__file__).resolve().parent.parent.parent
    config = load_config((root / "newsletter.toml").read_bytes(), "newsletter.toml", {"folder": "path", "feed": "url"})
    return add_one(store, config, ANNA.address, name="", themes=(), consent="a fair", again=again, now=NOW)


def confirm_by_link(store: Store) -> None:
    asked = Asked(row=ANNA, network="203.0.113.0/24", text_version="v1")
    ask_to_subscribe(store, asked, NOW, most_an_hour=100)
    person = find_person(store, ANNA.canonical)
    assert person
    token = make_link(store, person.id, "confirm", NOW)
    assert confirm(store, token, NOW, network="203.0.113.0/24", text_version="v1")


@pytest.mark.parametrize("way", WAYS)
def test_c3_each_way_into_active_leaves_its_evidence(store: Store, way: str) -> None:
    """The ways that docs/subscribers.md lists."""
    WAYS[way](store)
    assert state_of(store, ANNA.canonical) == "active"
    at, event, source = consents_of(store, ANNA.canonical)[-1]
    assert event == {"import": "imported", "add": "added", "confirm": "confirmed"}[way.split()[0]]
    assert (at, source) == ("2026-11-23T07:00:00Z", "the mailed link" if way == "confirm" else "a fair")


def test_c3_nothing_but_the_listed_ways_makes_anybody_active() -> None:
    """Whoever writes `state="active"` into the database elsewhere must write down the evidence, too: let them use `activate`."""
    package = Path(__file__).resolve().parent.parent.parent / "newsletter"
    found = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Dict):
                pairs = [
                    (ast.unparse(key).strip("'"), value)
                    for key, value in zip(node.keys, node.values, strict=True)
                    if key
                ]
            else:
                pairs = [(node.arg, node.value)] if isinstance(node, ast.keyword) and node.arg else []
            found |= {path.name for name, value in pairs if name == "state" and ast.unparse(value) == "'active'"}
    assert found == {"consents.py"}


def test_who_leaves_is_in_the_consent_ledger_once(store: Store) -> None:
    take_in(store, [ANNA])
    assert unsubscribe(store, ANNA.canonical, source="one click", now=NOW + HOUR)
    assert not unsubscribe(store, ANNA.canonical, source="one click", now=NOW + 2 * HOUR)
    assert consents_of(store, ANNA.canonical)[1:] == [("2026-11-23T08:00:00Z", "unsubscribed", "one click")]
    person = find_person(store, ANNA.canonical)
    assert person
    assert person.row.unsubscribed_at == "2026-11-23T08:00:00Z"


def test_the_consent_of_an_export_is_the_one_that_was_given_and_not_the_one_taken_back(store: Store) -> None:
    take_in(store, [ANNA], source="a form")
    unsubscribe(store, ANNA.canonical, source="a link", now=NOW + HOUR)
    assert [(row.consent, row.consent_at) for row in export_rows(store)] == [("a form", "2026-11-23T07:00:00Z")]


# --- export -------------------------------------------------------------------------------------------------------


def full_row(number: int, state: str) -> SubscriberRow:
    """A row of which every cell says something."""
    address = read_address(f"Reader{number}@Bücher.example")
    return SubscriberRow(
        address.typed,
        address.canonical,
        name='=Jörg "J", 李',
        themes="caucasus eu-china",
        state=state,
        language="de-AT",
        timezone="Europe/Vienna",
        consent="fair, 2024",
        consent_at="2024-05-06T07:08:09Z",
        consent_ip="2001:db8:1::/48",
        confirmed_at="2024-05-07T07:08:09Z",
        unsubscribed_at="2025-05-07T07:08:09Z" if state not in ("active", "pending") else "",
        tags="press",
        attributes='{"city":"Wien","n":1}',
    )


def test_an_export_reads_back_the_same(store: Store, tmp_path: Path) -> None:
    rows = [full_row(number, state) for number, state in enumerate(["active", "pending", "active"])]
    take_in(store, rows)
    assert list(export_rows(store)) == rows
    path = tmp_path / "export.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        write_subscribers(stream, export_rows(store))
    with open_subscribers(path, themes=frozenset({"caucasus", "eu-china"})) as file:
        again = list(file)
    assert again == rows
    assert take_in(store, rows) == {"unchanged": 3}


def test_an_export_of_one_state_holds_only_those(store: Store) -> None:
    take_in(store, [reader(1), reader(2, state="pending"), reader(3)])
    assert [row.canonical for row in export_rows(store, "pending")] == [reader(2).canonical]
    assert count_by_state(store) == {"active": 2, "pending": 1, "suppressed": 0}


def test_an_export_of_many_has_each_once_and_the_older_imports_first(store: Store) -> None:
    rows = [reader(number) for number in range(2500)]
    take_in(store, rows[1200:])
    take_in(store, rows)
    stream = io.StringIO()
    write_subscribers(stream, export_rows(store))
    lines = stream.getvalue().splitlines()[1:]
    found = [line.partition(",")[0] for line in lines]
    assert set(found[:1300]) == {row.address for row in rows[1200:]}
    assert sorted(found) == sorted(row.address for row in rows)


# --- forgetting ---------------------------------------------------------------------------------------------------


def test_a_forgotten_reader_has_no_row_and_no_word_left_anywhere(store: Store) -> None:
    take_in(store, [ANNA._replace(consent="anna wrote us", consent_ip="203.0.113.0/24"), reader(2)])
    frozen = freeze(store)
    process = start(store, frozen)
    claims = {claim.address: claim for claim in process.claim(2)}
    process.turn([rejected(claims[ANNA.address], "5.1.1 <anna.kern@example.org> user unknown")])
    unsubscribe(store, ANNA.canonical, source="a link", now=NOW)
    assert "anna" in all_text(store)
    assert forget(store, ANNA.canonical, NOW)
    written = all_text(store)
    assert "anna" not in written
    assert "203.0.113" not in written
    assert state_of(store, reader(2).canonical) == "active"
    process.end()


@pytest.mark.parametrize("say", [accepted, rejected])
def test_a_reply_that_comes_after_the_reader_was_forgotten_is_not_kept_in_words(
    store: Store,
    say: "type[accepted]",  # type: ignore[valid-type]
) -> None:
    take_in(store, [ANNA])
    frozen = freeze(store)
    process = start(store, frozen)
    (claim,) = process.claim(1)
    forget(store, ANNA.canonical, NOW)
    outcome = say(claim, "2.1.5 <anna.kern@example.org>")  # type: ignore[misc]
    process.turn([outcome])
    assert list(states(store, frozen).values()) == [outcome.state]
    assert "anna" not in all_text(store)
    process.end()


def test_a_forgotten_reader_gets_nothing_of_what_was_planned(store: Store) -> None:
    frozen = audience(store, 3)
    forget(store, reader(1).canonical, NOW)
    assert counted(store, frozen) == {"pending": 2, "suppressed": 1}
    process = start(store, frozen)
    assert {claim.address for claim in process.claim(9)} == {reader(0).address, reader(2).address}
    process.end()


def test_what_a_forgotten_reader_got_stays_counted(store: Store) -> None:
    frozen = audience(store, 2)
    process = start(store, frozen)
    process.turn([accepted(claim) for claim in process.claim(2)])
    process.end()
    issues.finish(store, frozen, NOW)
    forget(store, reader(1).canonical, NOW)
    assert counted(store, frozen) == {"accepted": 2}


def test_who_comes_back_after_being_forgotten_has_another_number(store: Store) -> None:
    take_in(store, [reader(1), ANNA])
    before = number_of(store, ANNA.canonical)
    forget(store, ANNA.canonical, NOW)
    with store.writing() as connection:
        lift(store, connection, ANNA.canonical, "a letter", NOW)
    assert take_in(store, [ANNA], event="added") == {"added": 1}
    assert number_of(store, ANNA.canonical) != before
    person = find_person(store, ANNA.canonical)
    assert person
    assert person.deliveries == ()
    assert len(person.consents) == 1


def test_to_forget_somebody_unknown_still_keeps_them_away(store: Store) -> None:
    assert not forget(store, ANNA.canonical, NOW)
    assert take_in(store, [ANNA]) == {"suppressed": 1}


def test_a_reader_is_shown_with_consents_deliveries_and_suppression(store: Store) -> None:
    take_in(store, [ANNA])
    frozen = freeze(store)
    process = start(store, frozen)
    process.turn([accepted(claim, "2.0.0 ok") for claim in process.claim(1)])
    process.end()
    unsubscribe(store, ANNA.canonical, source="a link", now=NOW)
    person = find_person(store, ANNA.canonical)
    assert person
    assert person.row.address == ANNA.address
    assert [event for _, event, _ in person.consents] == ["imported", "unsubscribed"]
    assert person.deliveries == (("2026-11-23-weekly", "accepted", "2026-11-23T07:00:00Z", "2.0.0 ok"),)
    assert person.suppressed == "unsubscribed"
    assert find_person(store, "nobody@example.org") is None
