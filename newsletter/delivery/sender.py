"""Flow control: claims go over a few connections, and what becomes of each goes back with the asking for the next ones.

Nothing is decided here about a message (`outcomes`), about us (`breaker`) or about SMTP (`dialogue`).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from newsletter.delivery.breaker import Breaker
from newsletter.delivery.composer import Composer
from newsletter.delivery.dialogue import Outgoing, Result
from newsletter.delivery.outcomes import accept, decide, give_back
from newsletter.delivery.relay import LoginRefused, Relay, RelayUnavailable
from newsletter.delivery.relay_pool import RelayPool
from newsletter.delivery.smtp import Connection
from newsletter.model import Claim, Outcome, Turn

# A relay that does not answer is asked again after these pauses; then the pass ends (exit 69) and nobody is charged.
RELAY_PAUSES_S = (1, 2, 5, 10, 20, 40)

# The lease on the ledger is 15 minutes and a reply to a dot is waited for during 10: no dot is written later than this
# after the ledger last heard of us, so whoever takes over finds nothing of ours under way (D23, F6).
DOT_S = 240
RENEW_S = 60


class Deliveries(Protocol):
    """What the sender needs of a ledger: record and claim in one transaction. One call at a time, from any thread."""

    def turn(self, outcomes: Sequence[Outcome], wanted: int, now: datetime) -> Turn:
        """Outcomes in, claims out. May wait for other processes."""

    def try_turn(self, outcomes: Sequence[Outcome], wanted: int, now: datetime) -> Turn | None:
        """The same without waiting for anybody; None if it would have to. Nothing of it counts before `commit`."""

    def commit(self) -> None:
        """End what `try_turn` began: on the disk when this returns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a send behaves. `patience_s`: how long to stay for deliveries that come due later."""

    on_uncertain: str = "resend"
    messages_per_connection: int = 500
    seconds_per_connection: float = 300
    drain_s: float = 30
    patience_s: float = 30
    relay_pauses_s: Sequence[float] = RELAY_PAUSES_S


@dataclass(slots=True)
class SendReport:
    """What one pass did. `paused` says why it paused the issue; `relay` why the relay could not be used."""

    accepted: int = 0
    deferred: int = 0
    rejected: int = 0
    in_doubt: int = 0
    held: int = 0
    paused: str = ""
    stopped: bool = False
    relay: RelayUnavailable | None = None
    held_by: str = ""

    def count(self, outcome: Outcome) -> None:
        """Add one delivery."""
        if outcome.label == "in_doubt":
            self.in_doubt += 1
        elif outcome.state in ("accepted", "deferred", "rejected", "held"):
            setattr(self, outcome.state, getattr(self, outcome.state) + 1)


class _Share:
    """One connection's share of the work: what it may send next, and what it has taken (`smtp.Feed`)."""

    def __init__(self, sender: "Sender", site: RelayPool, number: int) -> None:
        self._sender = sender
        self.site, self.number = site, number
        self.connection: Connection | None = None
        self.queue: deque[Outgoing] = deque()
        self.under_way = 0
        self.left = 0
        self.until = 0.0  # in the loop's time
        self.done_count = 0

    @property
    def room(self) -> int:
        """How many more messages it can use at once."""
        if self.connection is None:
            return 0
        most = self.connection.window - self.under_way - len(self.queue)
        return max(0, min(most, self.left - len(self.queue)))

    def take(self) -> Outgoing | None:
        """The next message of this share."""
        if not self.queue or self._sender.stopping:
            return None
        self.under_way += 1
        self.left -= 1
        return self.queue.popleft()

    def done(self, result: Result) -> None:
        """A message of this share has its result."""
        self.under_way -= 1
        self.done_count += 1
        self._sender.settle(result, self.site)
        if asyncio.get_running_loop().time() > self.until:
            # What it has, and no more: relays dislike a connection that stays for ever.
            self.left = min(self.left, len(self.queue))
        if self.connection and (self.left <= 0 or self._sender.closing) and not self.queue:
            self.connection.finish()


@dataclass(slots=True)
class _State:
    """What the connections and the writer tell each other."""

    outcomes: list[Outcome] = field(default_factory=list)
    claimed: dict[int, Claim] = field(default_factory=dict)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    failure: BaseException | None = None


class Sender:
    """Sends one issue's deliveries until there are none, or until it is stopped. `relays`: each with its connections."""

    def __init__(
        self,
        ledger: Deliveries,
        composer: Composer,
        relays: Sequence[tuple[Relay, int]],
        rules: Rules,
        *,
        clock: Callable[[], datetime],
        watch: Callable[[SendReport], None] = lambda report: None,
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._ledger, self._composer, self._rules = ledger, composer, rules
        self._clock, self._watch = clock, watch
        self._breaker = Breaker()
        self._state = _State()
        self._sites = [RelayPool(relay, count, rules.relay_pauses_s, self._state.over, tell) for relay, count in relays]
        self._shares = [_Share(self, site, n) for site in self._sites for n in range(site.allowed)]
        self._renewed = 0.0
        self.report = SendReport()
        self.stopping = False  # take nothing more: drain
        self.closing = False  # nothing more will come: connections may end
        self._cutting = False  # the time to drain is over: connections are ended in mid-message

    def stop(self) -> None:
        """Claim nothing more, wait for the replies that are under way (D18)."""
        self.stopping = self.report.stopped = True
        self._state.wake.set()

    async def run(self) -> SendReport:
        """Send. Raises what the ledger raises; then connections are cut off, and the ledger knows what is in doubt."""
        with ThreadPoolExecutor(1, "ledger") as writer, ThreadPoolExecutor(2, "signing") as signers:
            tasks = [asyncio.create_task(self._keep(share)) for share in self._shares]
            for task in tasks:
                task.add_done_callback(self._notice)
            try:
                await self._write(writer, signers)
            finally:
                self.closing = True
                self._state.over.set()
                for share in self._shares:
                    if share.connection:
                        share.connection.close()
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        return self.report

    # --- the writer: one loop, one transaction after the other -------------------------------------------------------

    async def _write(self, writer: ThreadPoolExecutor, signers: ThreadPoolExecutor) -> None:
        loop, state = asyncio.get_running_loop(), self._state
        drain_until: float | None = None
        while True:
            await self._pause(drain_until)
            if state.failure:
                raise state.failure
            if self.stopping and drain_until is None:
                drain_until = loop.time() + self._rules.drain_s
                self._return_queues()
            if drain_until is not None and loop.time() >= drain_until:
                await self._cut()
            outcomes, state.outcomes = state.outcomes, []
            wanted = 0 if self.stopping else sum(share.room for share in self._shares)
            if outcomes or wanted or self._must_renew():
                self._renewed = loop.time()
                for share in self._shares:
                    if share.connection:
                        share.connection.not_after = self._renewed + DOT_S
                turn = await self._take_turn(writer, outcomes, wanted)
                self.report.held_by = turn.held_by
                self._watch(self.report)
                if turn.claims:
                    await self._hand_out(turn.claims, signers)
                elif wanted and not state.claimed and not state.outcomes and self._is_over(turn):
                    return
            if self.stopping and not state.claimed and not state.outcomes:
                return

    def _notice(self, task: asyncio.Task[None]) -> None:
        """A connection's task that failed would leave its claims waiting for ever: the send fails instead."""
        if not task.cancelled() and task.exception():
            self._state.failure = self._state.failure or task.exception()
            self._state.wake.set()

    async def _take_turn(self, writer: ThreadPoolExecutor, outcomes: Sequence[Outcome], wanted: int) -> Turn:
        """One transaction. While the disk ends it, replies go on coming in: they are the next one's (D11)."""
        loop, now = asyncio.get_running_loop(), self._clock()
        turn = self._ledger.try_turn(outcomes, wanted, now)
        if turn is None:
            return await loop.run_in_executor(writer, self._ledger.turn, outcomes, wanted, now)
        await loop.run_in_executor(writer, self._ledger.commit)
        return turn

    async def _pause(self, drain_until: float | None) -> None:
        """Until somebody has something for the ledger, or the time to drain is over."""
        state = self._state
        left = RENEW_S if drain_until is None else max(0.0, drain_until - asyncio.get_running_loop().time())
        try:
            async with asyncio.timeout(left):
                await state.wake.wait()
        except TimeoutError:
            pass
        state.wake.clear()

    def _must_renew(self) -> bool:
        """Whether the ledger should hear of us again, although there is nothing to write: the lease ends otherwise."""
        return asyncio.get_running_loop().time() - self._renewed >= RENEW_S

    def _is_over(self, turn: Turn) -> bool:
        """Whether the pass ends, nothing being claimed or under way; if not, somebody will wake the writer."""
        if turn.state != "sending" or turn.wait_s is None:
            return True
        if turn.wait_s > self._rules.patience_s and not turn.held_by:
            return True
        asyncio.get_running_loop().call_later(min(max(turn.wait_s, 0.01), 60.0), self._state.wake.set)
        return False

    async def _hand_out(self, claims: Sequence[Claim], signers: ThreadPoolExecutor) -> None:
        """Write the messages and give them to the connections with room; signing is done aside, it takes most of the time."""
        state = self._state
        state.claimed.update((claim.subscriber_id, claim) for claim in claims)
        if self._composer.signs:
            half = (len(claims) + 1) // 2
            loop = asyncio.get_running_loop()
            parts = [claims[:half], claims[half:]]
            written = await asyncio.gather(
                *(loop.run_in_executor(signers, self._composer.write_all, part) for part in parts if part)
            )
            messages = [message for part in written for message in part]
        else:
            messages = self._composer.write_all(claims)
        self._deal(messages)

    def _deal(self, messages: Sequence[Outgoing | Outcome]) -> None:
        """One to each connection with room, then one more, so that all connections work at once."""
        rooms = [(share, share.room) for share in self._shares if share.room]
        places = (
            share for turn in range(max((room for _, room in rooms), default=0)) for share, room in rooms if turn < room
        )
        for message in messages:
            if isinstance(message, Outcome):
                del self._state.claimed[message.subscriber_id]
                self._record(message)
                continue
            share = next(places, None)
            if share is None:
                self._give_back(message)  # a connection broke meanwhile
            else:
                share.queue.append(message)
        for share in self._shares:
            if share.connection and share.queue:
                share.connection.poke()

    def _return_queues(self) -> None:
        """What no connection has taken yet goes back as if it had never been claimed."""
        for share in self._shares:
            self._return_queue(share)
            if share.connection:
                share.connection.finish()

    def _return_queue(self, share: _Share) -> None:
        while share.queue:
            self._give_back(share.queue.popleft())

    async def _cut(self) -> None:
        """The time to drain is over: what is past its dot is in doubt, the rest was not sent."""
        self._cutting = True
        for share in self._shares:
            if share.connection:
                share.connection.abort()
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    # --- results --------------------------------------------------------------------------------------------------

    def settle(self, result: Result, site: RelayPool) -> None:
        """A message has its result; called by its share."""
        state = self._state
        claim = state.claimed.pop(result.message.id)
        if result.status == "accepted":  # the many, by a short way
            self._breaker.accepted()
            self.report.accepted += 1
            state.outcomes.append(accept(claim, result))
        else:
            self._settle_trouble(claim, result, site)
        state.wake.set()

    def _settle_trouble(self, claim: Claim, result: Result, site: RelayPool) -> None:
        decision = decide(claim, result, self._clock(), self._rules.on_uncertain, cut=self._cutting)
        if decision.verdict is not None:
            self._breaker.refused(decision.verdict, result)
            if decision.verdict.label == "rate":
                site.slow_down()
        elif decision.outcome.alone > claim.alone:
            self._breaker.broke(claim.subscriber_id)
        if self._breaker.reason:
            self._trip(self._breaker.reason)
        self._record(decision.outcome)

    def _record(self, outcome: Outcome) -> None:
        self._state.outcomes.append(outcome)
        self.report.count(outcome)
        self._state.wake.set()

    def _give_back(self, message: Outgoing) -> None:
        self._record(give_back(self._state.claimed.pop(message.id)))

    def _trip(self, reason: str) -> None:
        if not self.report.paused:
            self.report.paused = reason
            self.stopping = True

    # --- connections ----------------------------------------------------------------------------------------------

    async def _keep(self, share: _Share) -> None:
        """Keep one connection open while there is work; open anew when it ends, whoever ended it."""
        site = share.site
        while not self.stopping and not self.closing:
            if share.number >= site.allowed:
                await site.rest(1.0)
                continue
            connection = await site.open(lambda: not self.stopping and not self.closing)
            if connection is None:
                self._give_up()
                return
            share.connection, share.left = connection, self._rules.messages_per_connection
            share.until = asyncio.get_running_loop().time() + self._rules.seconds_per_connection
            self._state.wake.set()
            before = share.done_count
            await connection.run(share)
            share.connection = None
            connection.close()
            self._return_queue(share)
            self._state.wake.set()
            if share.done_count == before and connection.fault:
                await site.rest(1.0)  # it broke before it had done anything: not at once again
            else:
                site.speed_up()

    def _give_up(self) -> None:
        """A relay cannot be used. The others carry on; without any the pass is over."""
        if not all(site.given_up for site in self._sites):
            return
        self.report.relay = next((site.error for site in self._sites if site.error), None)
        if isinstance(self.report.relay, LoginRefused):
            self._trip(str(self.report.relay))
        self.stopping = True
        self._state.wake.set()
