"""What makes an entry of a feed the same entry as on the last visit: its id, its address, its words, in this order."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.model import Source
from newsletter.sources.feed import FeedIntake, FeedState, after_visit, take_in
from newsletter.sources.feed_entry import Entry, FeedDocument
from newsletter.sources.known_entries import SeenEntry, read_seen, read_seen_of_0_1

# `newest` is far away: how many are taken is another question (test_floods.py).
SOURCE = Source(name="wire", kind="feed", url="https://e.org/feed", newest=1_000)
NOW = datetime(2025, 7, 7, 12, tzinfo=UTC)
EMPTY = FeedState(url=SOURCE.url)


def visit(state: FeedState, *entries: Entry) -> tuple[FeedIntake, FeedState]:
    intake = take_in(SOURCE, FeedDocument(entries=entries), state, NOW)
    memory = after_visit(
        state,
        seen=intake.seen,
        etag="",
        last_modified="",
        moved_to="",
        newest=intake.newest,
        brought=intake.brought,
    )
    return intake, memory


def titles(intake: FeedIntake) -> list[str]:
    return sorted(post.title for post in intake.posts)


def release(number: int, **changes: object) -> Entry:
    values: dict[str, object] = {
        "id": f"g{number}",
        "url": "https://e.org/support",
        "title": f"Release {number}.0",
        "body": f"What is new in release {number}.0.\n",
        "date": NOW - timedelta(days=100 - number),
    }
    return Entry(**(values | changes))  # type: ignore[arg-type]


# --- what the user saw ----------------------------------------------------------------------------------------------


def test_c13_a_new_entry_with_an_old_link_is_a_new_entry() -> None:
    first, state = visit(EMPTY, release(1))
    second, state = visit(state, release(2))
    third, state = visit(state, release(3), release(2))
    again, _ = visit(state, release(3), release(2))
    assert [titles(one) for one in (first, second, third, again)] == [
        ["Release 1.0"],
        ["Release 2.0"],
        ["Release 3.0"],
        [],
    ]
    assert len({post.key for one in (first, second, third) for post in one.posts}) == 3


def test_c13_entries_that_differ_in_the_fragment_of_their_link_are_two_entries() -> None:
    one = release(1, url="https://e.org/log#v1")
    _, state = visit(EMPTY, one)
    second, _ = visit(state, release(2, url="https://e.org/log#v2"), one)
    assert titles(second) == ["Release 2.0"]


def test_c13_ids_made_anew_for_each_fetch_bring_nothing_twice() -> None:
    def entries(fetch: int, newest: int) -> list[Entry]:
        numbers = range(newest, newest - 4, -1)
        return [release(n, id=f"session-{fetch}-{n}", url=f"https://e.org/{n}") for n in numbers]

    _, state = visit(EMPTY, *entries(1, 10))
    again, state = visit(state, *entries(2, 10))
    assert titles(again) == []
    edited = [replace(one, body="Other words.\n") if number else one for number, one in enumerate(entries(3, 10))]
    changed, state = visit(state, *edited)
    assert titles(changed) == []
    assert [finding.rule for finding in changed.findings] == ["feed-changed"] * 3
    news, _ = visit(state, *entries(4, 12))
    assert titles(news) == ["Release 11.0", "Release 12.0"]


def test_c13_all_ids_and_all_words_changed_at_once_is_a_new_system_behind_the_same_addresses() -> None:
    _, state = visit(EMPTY, *(release(n, url=f"https://e.org/{n}") for n in range(5)))
    rewritten = [
        release(n, id=f"tag:{n}", url=f"https://e.org/{n}", body=f"Release {n}, rendered anew.\n") for n in range(5)
    ]
    again, _ = visit(state, *rewritten)
    assert titles(again) == []


def test_c13_an_id_that_is_given_away_again_brings_the_new_entry() -> None:
    first, state = visit(EMPTY, release(1, url="https://e.org/1"), release(2, url="https://e.org/2"))
    reused = release(9, id="g1", url="https://e.org/9")
    second, state = visit(state, reused, release(2, url="https://e.org/2"))
    assert titles(second) == ["Release 9.0"]
    assert second.posts[0].key not in {post.key for post in first.posts}
    again, _ = visit(state, reused, release(2, url="https://e.org/2"))
    assert titles(again) == []


def test_c13_a_retitled_entry_under_a_new_address_is_the_same_entry_by_its_id_and_date() -> None:
    _, state = visit(EMPTY, release(1, url="https://e.org/old-slug"))
    again, _ = visit(state, release(1, url="https://e.org/new-slug", title="Another headline", body="Another text.\n"))
    assert titles(again) == []
    assert [finding.rule for finding in again.findings] == ["feed-changed"]


def test_c13_ids_that_are_places_in_the_feed_lose_nothing() -> None:
    def page(newest: int) -> list[Entry]:
        return [release(newest - place, id=str(place)) for place in range(4)]

    _, state = visit(EMPTY, *page(10))
    second, state = visit(state, *page(12))
    assert titles(second) == ["Release 11.0", "Release 12.0"]
    third, _ = visit(state, *page(13))
    assert titles(third) == ["Release 13.0"]


def test_c13_one_id_for_all_entries_names_nothing() -> None:
    def page(newest: int) -> list[Entry]:
        return [release(number, id="https://e.org/support") for number in (newest, newest - 1)]

    first, state = visit(EMPTY, *page(2))
    second, _ = visit(state, *page(3))
    assert titles(first) == ["Release 1.0", "Release 2.0"]
    assert titles(second) == ["Release 3.0"]


def test_c13_the_same_entry_twice_in_a_document_is_one() -> None:
    first, _ = visit(EMPTY, release(1), release(1))
    assert titles(first) == ["Release 1.0"]


def test_c13_an_address_that_many_entries_had_names_none_of_them() -> None:
    _, state = visit(EMPTY, release(1, id=""), release(2, id=""))
    second, _ = visit(state, release(3, id=""))
    assert titles(second) == ["Release 3.0"]


def test_c13_the_same_words_under_a_new_id_and_a_new_address_are_a_new_entry() -> None:
    calm = {"title": "All systems work", "body": "Nothing to report.\n"}
    _, state = visit(EMPTY, release(1, url="https://e.org/1", **calm), release(2, url="https://e.org/2"))
    second, _ = visit(state, release(3, url="https://e.org/3", **calm), release(2, url="https://e.org/2"))
    assert titles(second) == ["All systems work"]


@pytest.mark.parametrize("link", ["unique", "none"])
def test_a_feed_that_gains_or_loses_ids_brings_nothing_twice(link: str) -> None:
    def page(ids: bool) -> list[Entry]:
        url = "https://e.org/{}" if link == "unique" else ""
        return [release(n, id=f"g{n}" if ids else "", url=url.format(n)) for n in range(4)]

    for before in (True, False):
        _, state = visit(EMPTY, *page(before))
        again, state = visit(state, *page(not before))
        assert titles(again) == []
        again, _ = visit(state, *page(before))
        assert titles(again) == []


# --- every way of naming --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Naming:
    """How a feed names its entries; `editable`: its words may change and the entry is known nevertheless."""

    ids: str
    links: str
    editable: bool

    def entry(self, number: int, edition: int, place: int, fetch: int) -> Entry:
        ids = {"stable": f"g{number}", "session": f"{fetch}-{number}", "none": "", "one": "x", "place": f"{place}"}
        links = {
            "own": f"https://e.org/{number}",
            "one": "https://e.org/all",
            "fragment": f"https://e.org/all#{number}",
            "none": "",
        }
        words = f"Text {number} in its edition {edition}.\n"
        return release(number, id=ids[self.ids], url=links[self.links], title=f"Entry {number}", body=words)


NAMINGS = [
    *(Naming("stable", links, editable=True) for links in ("own", "one", "fragment", "none")),
    *(
        Naming(ids, links, editable=True)
        for ids in ("none", "one", "session", "place")
        for links in ("own", "fragment")
    ),
    *(Naming(ids, links, editable=False) for ids in ("none", "one", "session", "place") for links in ("one", "none")),
]


@pytest.mark.parametrize("naming", NAMINGS, ids=lambda one: f"{one.ids} ids, {one.links} links")
@given(data=st.data())
def test_every_entry_is_taken_once_however_a_feed_names_its_entries(naming: Naming, data: st.DataObject) -> None:
    """A feed shows its newest entries; new ones come, some are edited; at least two stay from visit to visit."""
    shown = data.draw(st.integers(4, 8))
    newest, state, taken = shown, EMPTY, []
    editions: dict[int, int] = {}
    for fetch in range(4):
        numbers = list(range(newest, newest - shown, -1))
        page = [naming.entry(n, editions.get(n, 0), place, fetch) for place, n in enumerate(numbers)]
        intake, state = visit(state, *page)
        taken += titles(intake)
        news = data.draw(st.integers(0, shown - 2))
        # Of those that stay, one is not edited: by that a change of all ids shows.
        if naming.editable:
            for number in data.draw(st.sets(st.sampled_from(numbers[: shown - news][1:]))):
                editions[number] = editions.get(number, 0) + 1
        newest += news
    assert sorted(taken) == sorted(f"Entry {n}" for n in range(1, int(max(taken, key=lambda t: int(t[6:]))[6:]) + 1))


# --- the memory -----------------------------------------------------------------------------------------------------


@given(
    st.builds(
        SeenEntry,
        id=st.sampled_from(["", "0a1b2c3d4e5f"]),
        url=st.sampled_from(["", "5f4e3d2c1b0a"]),
        words=st.sampled_from(["", "0123456789abcdef"]),
        title=st.sampled_from(["", "01234567"]),
        date=st.none() | st.integers(0, 4_000_000_000).map(lambda second: datetime.fromtimestamp(second, UTC)),
        taken=st.booleans(),
    )
)
def test_what_is_remembered_reads_back(seen: SeenEntry) -> None:
    assert read_seen(seen.write()) == seen


def test_the_memory_of_version_0_1_is_read() -> None:
    """There each key stood for itself; an id and an address of the same words were one entry's."""
    _, state = visit(
        EMPTY, *(release(n, url=f"https://e.org/{n}") for n in range(3)), release(7, id="", url="https://e.org/7")
    )
    old = {key: one.words for one in state.seen for key in sorted(one.keys_but())}
    state = replace(EMPTY, seen=read_seen_of_0_1(old))
    again, _ = visit(
        state, *(release(n, url=f"https://e.org/{n}") for n in range(3)), release(7, url="https://e.org/7")
    )
    assert titles(again) == []
    news, _ = visit(state, release(8, url="https://e.org/2"), release(1, url="https://e.org/1"))
    assert titles(news) == ["Release 8.0"]
