"""Decides which connections may stay: how many there are in all and of one network, what they hold, how long they wait.

Knows nothing of HTTP: `wire` reports what happens on each connection, and closes those that it is told to.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

# Descriptors that no visitor gets: the database's connections (65 at most), the relays', feeds, files, the listener.
KEPT_DESCRIPTORS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class WireLimits:
    """What one visitor, one network and all of them together may cost before a request is whole. Times are in seconds.

    `head_bytes` and `head_fields`: of a request's first line and headers. `body_bytes`: of its body with the marks between
    chunks; what a form may hold is less, and decided in `guard`. `wait_s`: for a whole head, and again for a
    whole body. `stall_s`: without a byte of the answer being taken. `connections`: in all; `per_network`: of one /24 or
    /48. `held_bytes`: of all requests that have arrived in part or are being answered. `pipelined`: requests that were
    sent on one connection without waiting for an answer.
    """

    head_bytes: int = 16_384
    head_fields: int = 100
    body_bytes: int = 524_288
    wait_s: float = 30.0
    stall_s: float = 60.0
    connections: int = 4_096
    per_network: int = 1_024
    held_bytes: int = 32 * 1024 * 1024
    pipelined: int = 16

    def within(self, descriptors: int) -> "WireLimits":
        """The same limits on a process that may open so many files: KEPT_DESCRIPTORS, or half of few, stay free."""
        most = max(descriptors - KEPT_DESCRIPTORS, descriptors // 2)
        if most >= self.connections:
            return self
        return replace(self, connections=most, per_network=max(1, most // 4))


class Visitor(Protocol):
    """A connection, as far as it is counted. `network` is empty for a trusted proxy: behind it are many networks."""

    network: str
    held: int

    def drop(self) -> None:
        """Close it at once."""

    def expire(self) -> None:
        """Close it because its request took too long."""

    def has_stalled(self, now: float) -> bool:
        """Whether nothing of its answer was taken for `stall_s`."""

    @property
    def is_sending(self) -> bool:
        """Whether part of an answer waits to be taken."""


class Connections:
    """All connections of one server, those that wait for their client in the order in which they began to wait.

    When there is no room, the one that has waited longest is closed: a visitor who has something to ask finds room, and who
    keeps connections without asking loses them. If none waits, one of the network that has most of them, and more than the
    newcomer's; that one alone may lose an answer that is being worked on.

    `refused(limit, network)` is called whenever a limit is applied.
    """

    def __init__(self, limits: WireLimits, refused: Callable[[str, str], None] = lambda limit, network: None) -> None:
        self.limits = limits
        self.refused = refused
        self._open: dict[Visitor, None] = {}
        self._waiting: OrderedDict[Visitor, float] = OrderedDict()
        self._of: dict[str, dict[Visitor, None]] = {}
        self._waiting_of: dict[str, OrderedDict[Visitor, None]] = {}
        self._held = 0

    def __len__(self) -> int:
        return len(self._open)

    @property
    def held_bytes(self) -> int:
        """Of all requests that have arrived in part or are being answered."""
        return self._held

    def admit(self, visitor: Visitor, now: float) -> bool:
        """Take in a new connection, for which others may be closed. False if there is no room."""
        network = visitor.network
        if network and len(self._of.get(network, ())) >= self.limits.per_network:
            self.refused("network-connections", network)
            if not self._drop_first(self._waiting_of.get(network, {})):
                return False
        if len(self._open) >= self.limits.connections:
            self.refused("connections", network)
            if not self._drop_first(self._waiting) and not self._drop_of_the_largest(network):
                return False
        self._open[visitor] = None
        self._of.setdefault(network, {})[visitor] = None
        self.waits(visitor, now)
        return True

    def waits(self, visitor: Visitor, now: float) -> None:
        """From now on the server waits for bytes of this client."""
        if visitor not in self._open:
            return
        self._waiting[visitor] = now
        self._waiting.move_to_end(visitor)
        own = self._waiting_of.setdefault(visitor.network, OrderedDict())
        own[visitor] = None
        own.move_to_end(visitor)

    def works(self, visitor: Visitor) -> None:
        """From now on the client waits for the server: this connection is not closed for lack of room."""
        self._waiting.pop(visitor, None)
        own = self._waiting_of.get(visitor.network)
        if own is not None:
            own.pop(visitor, None)
            if not own:
                del self._waiting_of[visitor.network]

    def hold(self, visitor: Visitor, size: int) -> None:
        """A request, or a part of one, has arrived. Over `held_bytes` the longest waiting connections are closed."""
        if visitor not in self._open:
            return
        visitor.held += size
        self._held += size
        if self._held > self.limits.held_bytes:
            self.refused("held-bytes", visitor.network)
            while self._held > self.limits.held_bytes and self._drop_first(self._waiting):
                pass

    def release(self, visitor: Visitor) -> None:
        """What has arrived on it is not kept any more."""
        self._held -= visitor.held
        visitor.held = 0

    def leave(self, visitor: Visitor) -> None:
        """It is closed, by whomever."""
        if visitor not in self._open:
            return
        self.release(visitor)
        self.works(visitor)
        del self._open[visitor]
        own = self._of[visitor.network]
        del own[visitor]
        if not own:
            del self._of[visitor.network]

    def sweep(self, now: float) -> None:
        """Close what has waited too long. To be called every second or so."""
        while self._waiting:
            visitor, since = next(iter(self._waiting.items()))
            if now - since <= self.limits.wait_s:
                break
            self.waits(visitor, now)  # it is counted until it is really closed
            if not visitor.is_sending:
                visitor.expire()
        for visitor in [one for one in self._open if one.has_stalled(now)]:
            self.refused("answer-not-taken", visitor.network)
            self.leave(visitor)
            visitor.drop()

    def close(self) -> None:
        """Close all of them: the server ends."""
        for visitor in list(self._open):
            self.leave(visitor)
            visitor.drop()

    def _drop_of_the_largest(self, network: str) -> bool:
        """For a newcomer of a network."""
        sizes = {name: len(visitors) for name, visitors in self._of.items() if name}
        largest = max(sizes, key=sizes.__getitem__, default="")
        if sizes.get(largest, 0) <= sizes.get(network, 0) + 1:
            return False
        return self._drop_first(self._of[largest])

    def _drop_first(
        self, waiting: "OrderedDict[Visitor, float] | OrderedDict[Visitor, None] | dict[Visitor, None]"
    ) -> bool:
        visitor = next(iter(waiting), None)
        if visitor is None:
            return False
        self.leave(visitor)
        visitor.drop()
        return True
