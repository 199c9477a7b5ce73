"""Which connections may stay: decided without a socket."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.web.connections import KEPT_DESCRIPTORS, Connections, WireLimits


@dataclass(eq=False)
class Caller:
    """A connection that remembers what was done to it."""

    network: str = "203.0.113.0/24"
    held: int = 0
    done: list[str] = field(default_factory=list)
    is_sending: bool = False
    stalled: bool = False

    def drop(self) -> None:
        self.done.append("dropped")

    def expire(self) -> None:
        self.done.append("expired")

    def has_stalled(self, now: float) -> bool:
        return self.stalled


def test_c41_who_waited_longest_makes_room_for_who_comes() -> None:
    connections = Connections(WireLimits(connections=3, per_network=3))
    callers = [Caller() for _ in range(5)]
    assert [connections.admit(caller, now) for now, caller in enumerate(callers)] == [True] * 5
    assert [caller.done for caller in callers] == [["dropped"], ["dropped"], [], [], []]
    assert len(connections) == 3


def test_c41_a_request_that_is_worked_on_is_never_closed_for_another() -> None:
    connections = Connections(WireLimits(connections=2, per_network=2))
    busy, other = Caller(), Caller()
    for caller in (busy, other):
        connections.admit(caller, 0)
        connections.works(caller)
    assert not connections.admit(Caller(), 1)
    assert busy.done == other.done == []
    connections.waits(other, 2)
    assert connections.admit(Caller(), 3)
    assert (busy.done, other.done) == ([], ["dropped"])


def test_c41_where_all_are_at_work_the_largest_network_makes_room_for_a_smaller_one() -> None:
    connections = Connections(WireLimits(connections=6, per_network=4))
    greedy = [Caller() for _ in range(4)]
    others = [Caller("198.51.100.0/24"), Caller("192.0.2.0/24")]
    for caller in (*greedy, *others):
        assert connections.admit(caller, 0)
        connections.works(caller)
    new = Caller("192.0.2.0/24")
    assert connections.admit(new, 1)
    connections.works(new)
    assert [caller.done for caller in greedy] == [["dropped"], [], [], []]
    assert all(caller.done == [] for caller in others)
    assert not connections.admit(Caller("192.0.2.0/24"), 2)  # three to two: nobody has more than a fair share


def test_c41_one_network_takes_its_own_places_only() -> None:
    told: list[tuple[str, str]] = []
    connections = Connections(
        WireLimits(connections=100, per_network=4), lambda limit, network: told.append((limit, network))
    )
    reader = Caller("198.51.100.0/24")
    connections.admit(reader, 0)
    flood = [Caller() for _ in range(50)]
    for caller in flood:
        connections.admit(caller, 1)
    assert reader.done == []
    assert len(connections) == 5
    assert set(told) == {("network-connections", "203.0.113.0/24")}


def test_a_trusted_proxy_has_no_network_of_its_own() -> None:
    connections = Connections(WireLimits(connections=100, per_network=4))
    callers = [Caller("") for _ in range(50)]
    assert all(connections.admit(caller, 0) for caller in callers)
    assert len(connections) == 50


def test_c40_what_is_held_in_all_is_limited() -> None:
    connections = Connections(WireLimits(held_bytes=1_000))
    callers = [Caller(f"10.0.{number}.0/24") for number in range(30)]
    for now, caller in enumerate(callers):
        connections.admit(caller, now)
        connections.hold(caller, 100)
    assert sum(caller.held for caller in callers if not caller.done) <= 1_000
    assert [caller.done for caller in callers[-10:]] == [[]] * 10


def test_who_takes_too_long_is_closed_and_who_still_gets_an_answer_is_not() -> None:
    connections = Connections(WireLimits(wait_s=30))
    slow, reading, stalled, new = Caller(), Caller(is_sending=True), Caller(is_sending=True, stalled=True), Caller()
    for caller in (slow, reading, stalled):
        connections.admit(caller, 0)
    connections.admit(new, 20)
    connections.sweep(31)
    assert [caller.done for caller in (slow, reading, stalled, new)] == [["expired"], [], ["dropped"], []]
    connections.sweep(51)
    assert new.done == ["expired"]
    assert len(connections) == 3  # they are counted until they are really closed


@pytest.mark.parametrize(
    ("descriptors", "most"), [(256, 128), (512, 256), (1_024, 768), (4_352, 4_096), (8_192, 4_096), (1_000_000, 4_096)]
)
def test_c41_descriptors_are_kept_back_for_mail_and_database(descriptors: int, most: int) -> None:
    limits = WireLimits().within(descriptors)
    assert limits.connections == most
    assert descriptors - limits.connections >= min(KEPT_DESCRIPTORS, descriptors // 2)
    assert limits.per_network <= limits.connections // 4


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["admit", "waits", "works", "hold", "release", "leave", "sweep"]),
            st.integers(0, 11),
            st.integers(0, 400),
        ),
        max_size=120,
    )
)
def test_whatever_happens_no_limit_is_passed_and_nothing_is_counted_twice(steps: list[tuple[str, int, int]]) -> None:
    limits = WireLimits(connections=8, per_network=3, held_bytes=1_000, wait_s=50)
    connections = Connections(limits)
    callers = [Caller(f"10.0.{number % 4}.0/24") for number in range(12)]
    inside: set[Caller] = set()
    now = 0.0
    for what, number, size in steps:
        caller, now = callers[number], now + size / 100
        if what == "admit" and caller not in inside:
            caller.done.clear()
            if connections.admit(caller, now):
                inside.add(caller)
        elif what == "waits":
            connections.waits(caller, now)
        elif what == "works":
            connections.works(caller)
        elif what == "hold":
            connections.hold(caller, size)
        elif what == "release":
            connections.release(caller)
        elif what == "leave":
            connections.leave(caller)
            inside.discard(caller)
        elif what == "sweep":
            connections.sweep(now)
        inside -= {one for one in inside if "dropped" in one.done}
        assert len(connections) == len(inside) <= limits.connections
        for network in {one.network for one in callers}:
            assert sum(one.network == network for one in inside) <= limits.per_network
        assert connections.held_bytes == sum(one.held for one in inside)
    for caller in callers:
        connections.leave(caller)
    assert (len(connections), connections.held_bytes) == (0, 0)
