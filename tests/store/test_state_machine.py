"""The ledger against a model of it in plain Python, over random days: imports, unsubscribes, crashes, jumps of the clock.

After each step every row of the database must be what the model says (delivery D60). What the model leaves open is
which of those that may be claimed are claimed first.
"""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection, Select, select

from newsletter.delivery.dialogue import Outgoing, Phase, Result
from newsletter.delivery.outcomes import cannot_write, decide, give_back
from newsletter.delivery.replies import Reply
from newsletter.errors import NothingToDo
from newsletter.model import SUSPECT_DOUBTS, Claim, Doubts, Outcome, SubscriberRow
from newsletter.store import issues
from newsletter.store.consents import GIVEN
from newsletter.store.database import Store, StoreError, stamp
from newsletter.store.issues import ALL, FrozenIssue
from newsletter.store.journal import GuardedLedger, Journal
from newsletter.store.lease import LEASE_S, LeaseLost, take_lease
from newsletter.store.ledger import Ledger
from newsletter.store.schema import attempt, consent, delivery, sender, subscriber, suppression
from newsletter.store.subscribers import AWAY, SubscriberIntake, forget, lift, suppression_reason, unsubscribe
from tests.databases import NOW
from tests.store.desk import HOUR, Process, Uptime, after_crash, all_text, break_connection, make_empty, plan

DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
# PostgreSQL takes three times as long for a step.
EXAMPLES = {"sqlite": 2000, "postgresql": 1000} if DEEP else {"sqlite": 100, "postgresql": 40}
STEPS = 60 if DEEP else 40

WHO = st.integers(0, 7)
SLUG = st.sampled_from(["2026-11-23-weekly"] * 4 + ["2026-11-30-weekly", "2026-11-extra"])
POLICY = st.sampled_from(["resend", "resend", "hold", "skip"])
MINUTE = timedelta(minutes=1)
WAIT = st.sampled_from([MINUTE, 6 * MINUTE, 6 * MINUTE, 20 * MINUTE, 20 * MINUTE, HOUR])
JUMP = st.sampled_from([-30 * 24 * HOUR, -HOUR, -MINUTE, HOUR, 30 * 24 * HOUR])
ROW = st.builds(
    lambda who, theme, state: row_of(who, theme, state),
    WHO,
    st.sampled_from(["", "", "nature", "sport"]),
    st.sampled_from(["active"] * 7 + ["pending", "unsubscribed", "complained"]),
)
KIND = st.sampled_from(
    "accepted accepted accepted greylisted unknown content policy rate unsent cut in_doubt in_doubt compose returned".split()
)
FREE = ("policy", "rate", "unsent", "returned")  # replies for which nobody is charged a try


def row_of(who: int, theme: str = "", state: str = "active") -> SubscriberRow:
    """A person, told by a number; the name would betray them as much as the address."""
    return SubscriberRow(f"Reader.{who}@Example.org", f"reader.{who}@example.org", f"Quill{who}", theme, state)


def choose(themes: str) -> str | None:
    """There is nothing about sport."""
    return {"": ALL, "nature": "nature"}.get(themes)


def consents_of(subscriber_id: int) -> Select[tuple[str]]:
    return select(consent.c.event).where(consent.c.subscriber_id == subscriber_id).order_by(consent.c.id)


def say(kind: str, claim: Claim, now: datetime, policy: str) -> Outcome:
    """What becomes of a claim when the relay or the line does this."""
    if kind == "returned":
        return give_back(claim)
    if kind == "compose":
        return cannot_write(claim, "a slot without a value")
    status, phase, code, reply = {
        "accepted": ("accepted", Phase.REPLY, 250, f"2.0.0 <{claim.address}> queued"),
        "greylisted": ("refused", Phase.RCPT, 450, "4.7.1 greylisted"),
        "unknown": ("refused", Phase.RCPT, 550, f"5.1.1 <{claim.address}>: user unknown"),
        "content": ("refused", Phase.REPLY, 554, "5.6.0 message content rejected"),
        "policy": ("refused", Phase.RCPT, 550, "5.7.1 blocked"),
        "rate": ("refused", Phase.MAIL, 451, "4.7.28 rate limit"),
        "unsent": ("unsent", Phase.RCPT, 0, ""),
        "cut": ("unsent", Phase.DOT, 0, ""),
        "in_doubt": ("in_doubt", Phase.REPLY, 0, ""),
    }[kind]
    message = Outgoing(claim.subscriber_id, "", claim.address, b"")
    result = Result(message, status, phase, Reply(code, (reply,)) if code else None)  # type: ignore[arg-type]
    return decide(claim, result, now, policy).outcome


@dataclass
class Person:
    """A subscriber of the model."""

    id: int
    state: str
    themes: str
    told: frozenset[str] = frozenset()  # where they said yes


@dataclass
class Row:
    """A delivery of the model. `charged`: tries that were its reader's own fault since it was planned."""

    variant: int
    state: str = "pending"
    charged: int = 0
    doubts: int = 0
    alone: int = 0
    next_at: str = ""
    epoch: int = 0


@dataclass
class Edition:
    """An issue of the model."""

    frozen: FrozenIssue
    state: str
    expires_at: str
    rows: dict[int, Row]
    planned: frozenset[int]

    def others(self, number: int) -> int:
        """How many of its other rows were ever in doubt alone."""
        return sum(row.alone > 0 for other, row in self.rows.items() if other != number)


@dataclass
class Sending(Process):
    """A process of the model: what it has in its hands and has not written yet."""

    slug: str = ""
    policy: str = "resend"
    hand: dict[int, Claim] = field(default_factory=dict)
    unsaved: list[Outcome] = field(default_factory=list)
    kinds: dict[int, str] = field(default_factory=dict)
    guarded: GuardedLedger | None = None
    resent: bool = False  # somebody put rows back while it ran

    @property
    def write(self) -> GuardedLedger:
        """The ledger with its journal."""
        assert self.guarded
        return self.guarded


class LedgerMachine(RuleBasedStateMachine):
    """The store and its model, side by side."""

    def __init__(self, store: Store, journal: Path) -> None:
        super().__init__()
        self.store, self.journal = store, Journal(journal)
        make_empty(store)
        journal.unlink(missing_ok=True)
        self.journal.prepare()
        self.now = NOW
        self.uptime = Uptime()
        self.people: dict[str, Person] = {}
        self.suppressed: dict[str, str] = {}
        self.forgotten: set[str] = set()
        self.issues: dict[str, Edition] = {}
        self.kept: list[tuple[int, int]] = []  # in the journal: (issue, subscriber)
        self.doubts: Counter[tuple[int, int]] = Counter()
        self.mailed: Counter[tuple[int, int]] = Counter()  # copies that may have arrived
        self.process: Sending | None = None
        self.late: list[Sending] = []  # stopped for so long that another took over

    @initialize(rows=st.lists(ROW, min_size=5, max_size=8, unique_by=lambda row: row.canonical), policy=POLICY)
    def begin(self, rows: list[SubscriberRow], policy: str) -> None:
        """Most of what can happen needs an issue that is being sent."""
        self.import_some(rows)
        self.freeze("2026-11-23-weekly")
        self.send("2026-11-23-weekly", policy)

    # --- readers --------------------------------------------------------------------------------------------------

    @rule(rows=st.lists(ROW, min_size=1, max_size=6))
    def import_some(self, rows: list[SubscriberRow]) -> None:
        with self.store.writing() as connection:
            intake = SubscriberIntake(self.store, connection, source="a list", event="imported", now=self.now)
            intake.take(rows)
        assert +intake.counts == self._expect(rows, "a list")

    @rule(who=WHO, again=st.booleans())
    def add(self, who: int, again: bool) -> None:
        row = row_of(who)
        with self.store.writing() as connection:
            reason = suppression_reason(self.store, connection, row.canonical)
            assert reason == self.suppressed.get(row.canonical, "")
            if reason and (not again or reason == "complained"):
                return
            if reason:
                lift(self.store, connection, row.canonical, "a letter", self.now)
                del self.suppressed[row.canonical]
                if row.canonical in self.people:
                    self.people[row.canonical].state = "active"
                    self.people[row.canonical].told |= {"a letter"}
            intake = SubscriberIntake(self.store, connection, source="asked", event="added", now=self.now)
            intake.take([row])
        assert +intake.counts == self._expect([row], "asked")

    @rule(who=WHO, state=st.sampled_from(AWAY))
    def leave(self, who: int, state: str) -> None:
        canonical = row_of(who).canonical
        person = self.people.get(canonical)
        here = person is not None and person.state not in AWAY
        assert unsubscribe(self.store, canonical, source="a link", now=self.now, state=state) is here
        self._suppress(canonical, state)
        if person and here:
            person.state = state

    @rule(who=WHO)
    def forget(self, who: int) -> None:
        canonical = row_of(who).canonical
        person = self.people.pop(canonical, None)
        assert forget(self.store, canonical, self.now) is (person is not None)
        self._suppress(canonical, "erased")
        self.forgotten.add(canonical)
        for issue in self.issues.values():
            row = issue.rows.get(person.id) if person else None
            if row and issue.state not in ("done", "cancelled") and row.state in ("pending", "deferred", "held"):
                row.state = "suppressed"

    def _suppress(self, canonical: str, reason: str) -> None:
        if reason == "complained" or canonical not in self.suppressed:
            self.suppressed[canonical] = reason

    def _expect(self, rows: list[SubscriberRow], source: str) -> Counter[str]:
        """What becomes of imported rows: those who left first, then one after the other. A new consent is written down."""
        counts: Counter[str] = Counter()
        for row in (row for row in rows if row.state in AWAY):
            known = self.people.get(row.canonical)
            if known and known.state in AWAY:
                counts["unchanged"] += 1
            else:
                counts["suppressed"] += 1
                if known:
                    known.state = row.state
                elif row.canonical not in self.suppressed:
                    self._add(row, frozenset())
            self._suppress(row.canonical, row.state)
        for row in (row for row in rows if row.state not in AWAY):
            known = self.people.get(row.canonical)
            if row.canonical in self.suppressed:
                counts["suppressed"] += 1
            elif known is None:
                self._add(row, frozenset({source}))
                counts["added"] += 1
            else:
                after = replace(known, themes=row.themes or known.themes)
                if row.state == "active":
                    after = replace(after, state="active", told=after.told | {source})
                if after != known:
                    after.told |= {source}
                counts["unchanged" if after == known else "updated"] += 1
                self.people[row.canonical] = after
        return counts

    def _add(self, row: SubscriberRow, told: frozenset[str]) -> None:
        with self.store.reading() as connection:
            where = subscriber.c.canonical == row.canonical
            number = connection.execute(select(subscriber.c.id).where(where)).scalar_one()
        self.people[row.canonical] = Person(number, row.state, row.themes, told)
        self.forgotten.discard(row.canonical)

    # --- issues ---------------------------------------------------------------------------------------------------

    @rule(slug=SLUG)
    def freeze(self, slug: str) -> None:
        edition = "extra" if "extra" in slug else "weekly"
        wanted = plan(slug, edition=edition, choose=choose, expires_at=self.now + 72 * HOUR)
        readers = {person.id: choose(person.themes) for person in self.people.values() if person.state == "active"}
        names = sorted({name for name in readers.values() if name is not None})
        if slug not in self.issues and not names:
            with pytest.raises(NothingToDo, match="nobody wants"):
                issues.freeze(self.store, wanted, self.now)
            return
        frozen = issues.freeze(self.store, wanted, self.now)
        if slug in self.issues:
            assert frozen.id == self.issues[slug].frozen.id
            assert frozen.content_sha256 == self.issues[slug].frozen.content_sha256
            return
        rows = {number: Row(names.index(name)) for number, name in readers.items() if name is not None}
        for other in self.issues.values():
            if other.frozen.edition == edition:
                other.expires_at = min(other.expires_at, stamp(self.now))
        assert frozen.planned == len(rows)
        self.issues[slug] = Edition(frozen, "frozen", frozen.expires_at, rows, frozenset(rows))

    @rule(slug=SLUG, lever=st.sampled_from(["pause", "resume", "cancel", *issues.RESENDABLE]))
    def pull(self, slug: str, lever: str) -> None:
        """A person pauses, resumes, cancels, or plans some of the readers anew."""
        issue = self.issues.get(slug)
        if issue is None:
            return
        if lever == "pause":
            self._set(issue, "paused", ("done", "cancelled"))
        elif lever == "resume":
            self._set(issue, "sending", ("done", "cancelled", "frozen"))
        elif lever == "cancel":
            self._cancel(issue)
        else:
            self._resend(slug, issue, lever)

    def _set(self, issue: Edition, state: str, forbidden: tuple[str, ...]) -> None:
        allowed = issues.set_state(self.store, issue.frozen, state, "by hand", unless=forbidden)
        assert allowed is (issue.state not in forbidden)
        issue.state = state if allowed else issue.state

    def _cancel(self, issue: Edition) -> None:
        taken_back = [row for row in issue.rows.values() if row.state in ("pending", "deferred", "held")]
        assert issues.cancel(self.store, issue.frozen, self.now) == len(taken_back)
        for row in taken_back:
            row.state = "expired"
        issue.state = "cancelled"

    def _resend(self, slug: str, issue: Edition, what: str) -> None:
        again = [row for row in issue.rows.values() if row.state in issues.RESENDABLE[what]]
        expires_at = self.now + 72 * HOUR
        assert issues.resend(self.store, issue.frozen, what, expires_at) == len(again)
        for row in again:
            row.state, row.charged, row.doubts, row.alone, row.next_at = "pending", 0, 0, 0, ""
        if again:
            issue.state, issue.expires_at = "sending", stamp(expires_at)
            for process in self._processes():
                process.resent |= process.slug == slug

    # --- sending --------------------------------------------------------------------------------------------------

    @rule(slug=SLUG, policy=POLICY)
    def send(self, slug: str, policy: str) -> None:
        """Also while another process sends: then it is refused, or takes over from one that was stopped for too long."""
        if slug not in self.issues:
            return
        issue = self.issues[slug]
        locked = any(process.lease.lock is not None for process in self._processes())
        with self.store.reading() as connection:
            silent = self.uptime().since(connection.execute(select(sender.c.heard)).scalar_one())
        if locked and silent is not None and silent < LEASE_S:
            with pytest.raises(NothingToDo):
                take_lease(self.store, ticks=self.uptime)
            return
        lease = take_lease(self.store, ticks=self.uptime)
        assert (lease.lock is None) is locked
        if self.process:
            self._lose_sight(self.process)
            self.late.append(self.process)
        ledger = Ledger(self.store, issue.frozen, lease)
        self.process = Sending(self.store, lease, ledger, 0, slug, policy)
        self.process.guarded = self.journal.guard(ledger, issue.frozen.id)
        self._recover(issue, self.process)
        allowed = issues.set_state(self.store, issue.frozen, "sending", unless=("cancelled", "done"))
        assert allowed is (issue.state not in ("cancelled", "done"))
        issue.state = "sending" if allowed else issue.state

    def _recover(self, issue: Edition, process: Sending) -> None:
        mine = [number for where, number in self.kept if where == issue.frozen.id]
        self.kept = [one for one in self.kept if one[0] != issue.frozen.id]
        assert self.journal.replay(process.ledger, issue.frozen.id, self.now) == len(mine)
        for number in mine:
            if issue.rows[number].state == "claimed":
                issue.rows[number].state = "accepted"
                issue.rows[number].charged += 1
        for row in issue.rows.values():
            if row.state == "deferred" and row.next_at > stamp(self.now + 48 * HOUR):
                row.next_at = stamp(self.now)  # written while the clock was wrong
        left = {number: row for number, row in issue.rows.items() if row.state == "claimed"}
        resolve = after_crash(process.policy)
        assert process.ledger.recover(resolve, self.now) == len(left)
        of_epoch = Counter(row.epoch for row in left.values())
        for number, row in left.items():
            row.doubts += 1
            row.alone += of_epoch[row.epoch] == 1
            row.charged += 1
            row.state = "in_doubt"
            self.doubts[issue.frozen.id, number] += 1
        for number, row in issue.rows.items():
            if row.state == "in_doubt":
                row.state = resolve(Doubts(row.doubts, row.alone, issue.others(number)))

    @precondition(lambda self: self.process is not None)
    @rule(wanted=st.integers(0, 4))
    def turn(self, wanted: int) -> None:
        assert self.process
        process, issue = self.process, self.issues[self.process.slug]
        outcomes, process.unsaved = process.unsaved, []
        turn = process.write.turn(outcomes, wanted, self.now)
        for outcome in outcomes:
            self._apply(issue, outcome, process.kinds[outcome.subscriber_id])
        assert turn.state == issue.state
        assert len(turn.claims) <= wanted
        if self._is_too_late(issue) or issue.state != "sending":
            assert not turn.claims
            return
        if wanted:
            self._notice_who_left(issue)
        self._check_company(process, issue, turn.claims)
        for claim in turn.claims:
            self._claim(process, issue, claim)
        if wanted and not turn.claims and not process.resent:
            self._check_wait(issue, turn.wait_s)

    def _check_company(self, process: Sending, issue: Edition, claims: Sequence[Claim]) -> None:
        """A suspect is claimed when nobody else is under way or could be claimed, and nobody is claimed beside it."""
        suspects = [claim for claim in claims if claim.doubts >= SUSPECT_DOUBTS]
        if any(claim.doubts >= SUSPECT_DOUBTS for claim in process.hand.values()):
            assert not claims
        if suspects:
            assert (len(claims), len(process.hand)) == (1, 0)
            assert suspects[0].others == issue.others(suspects[0].subscriber_id)
            if not process.resent:
                assert not [row for row in issue.rows.values() if row.doubts < SUSPECT_DOUBTS and self._may_go(row)]

    def _may_go(self, row: Row) -> bool:
        return row.state == "pending" or (row.state == "deferred" and row.next_at <= stamp(self.now))

    def _is_too_late(self, issue: Edition) -> bool:
        """Whether what still waits is given up: the time is over, or somebody has cancelled it."""
        late = issue.state == "cancelled" or (issue.state == "sending" and stamp(self.now) >= issue.expires_at)
        for row in issue.rows.values():
            if late and row.state in ("pending", "deferred"):
                row.state = "expired"
        return late

    def _apply(self, issue: Edition, outcome: Outcome, kind: str) -> None:
        row = issue.rows[outcome.subscriber_id]
        row.state, row.doubts, row.next_at = outcome.state, outcome.doubts, outcome.next_at
        row.alone += kind == "in_doubt" and row.doubts > SUSPECT_DOUBTS
        assert outcome.alone == row.alone
        row.charged += kind not in FREE
        self.doubts[issue.frozen.id, outcome.subscriber_id] += kind == "in_doubt"

    def _claim(self, process: Sending, issue: Edition, claim: Claim) -> None:
        """Whoever is claimed had to be waiting, and had not left before (D9)."""
        row = issue.rows[claim.subscriber_id]
        assert self._may_go(row)
        reader = next(person for person in self.people.values() if person.id == claim.subscriber_id)
        assert reader.state == "active"
        assert (claim.attempt, claim.doubts, claim.variant) == (row.charged + 1, row.doubts, row.variant)
        assert claim.alone == row.alone
        row.state, row.epoch = "claimed", process.lease.epoch
        process.hand[claim.subscriber_id] = claim

    def _notice_who_left(self, issue: Edition) -> None:
        """Those who left are passed over when their turn comes; when that is, the model leaves open."""
        here = {person.id for person in self.people.values() if person.state == "active"}
        with self.store.reading() as connection:
            found = self._rows(connection, issue)
        for number, row in issue.rows.items():
            if row.state in ("pending", "deferred") and number not in here and found[number][0] == "suppressed":
                row.state = "suppressed"

    def _check_wait(self, issue: Edition, wait_s: float | None) -> None:
        """When nothing was claimed, nothing could be, and it is said when that changes; to ask too early does no harm."""
        if wait_s == 0:
            return  # ask once more
        assert not [row for row in issue.rows.values() if row.state == "pending"]
        times = [row.next_at for row in issue.rows.values() if row.state == "deferred"]
        if times:
            assert wait_s is not None
            assert wait_s <= (datetime.fromisoformat(min(times)) - self.now).total_seconds()

    @precondition(lambda self: self.process is not None)
    @rule(wanted=st.integers(1, 3), kinds=st.lists(KIND, max_size=4), write=st.booleans())
    def work(self, wanted: int, kinds: list[str], write: bool) -> None:
        """Claim some; some of those under way have their results, and these are written now or later."""
        self.turn(wanted)
        self.answer(kinds)
        if write:
            self.turn(0)

    @precondition(lambda self: bool(self.process and self.process.hand))
    @rule(kinds=st.lists(KIND, min_size=1, max_size=4))
    def answer(self, kinds: list[str]) -> None:
        assert self.process
        process, issue = self.process, self.issues[self.process.slug]
        for number, kind in zip(sorted(process.hand), kinds, strict=False):
            outcome = say(kind, process.hand.pop(number), self.now, process.policy)
            assert outcome.attempt == issue.rows[number].charged + (kind not in FREE)
            process.unsaved.append(outcome)
            process.kinds[number] = kind
            self.mailed[issue.frozen.id, number] += kind in ("accepted", "in_doubt")

    @precondition(lambda self: self.process is not None)
    @rule(killed=st.booleans())
    def end(self, killed: bool) -> None:
        if killed:
            self._crash()
        else:
            self._end_well()

    def _crash(self) -> None:
        assert self.process
        self._lose_sight(self.process)
        self.process.die()
        self.process = None

    @precondition(lambda self: bool(self.process and self.process.unsaved))
    @rule()
    def database_takes_nothing(self) -> None:
        """The disk is full when replies are to be written: what was accepted goes to the journal, and the send ends."""
        assert self.process
        process = self.process
        break_connection(process.ledger)
        with pytest.raises(StoreError):
            process.write.turn(process.unsaved, 2, self.now)
        self._keep_in_journal(process)
        self._crash()

    @precondition(lambda self: bool(self.late))
    @rule()
    def late_one_wakes(self) -> None:
        """Nothing it says changes a row any more; what the relay accepted from it is kept for the next start."""
        process = self.late.pop()
        with pytest.raises(LeaseLost):
            process.write.turn(process.unsaved, 2, self.now)
        self._keep_in_journal(process)
        process.die()

    def _end_well(self) -> None:
        """Stop claiming, give back what is not under way, write all, go."""
        assert self.process
        process, issue = self.process, self.issues[self.process.slug]
        process.unsaved += [give_back(claim) for claim in process.hand.values()]
        process.kinds |= dict.fromkeys(process.hand, "returned")
        process.hand.clear()
        self.turn(0)
        process.end()
        self.process = None
        books = issues.finish(self.store, issue.frozen, NOW)
        if issue.state == "sending" and not any(
            row.state in ("pending", "claimed", "deferred") for row in issue.rows.values()
        ):
            issue.state = "done"
        assert books.state == issue.state

    def _keep_in_journal(self, process: Sending) -> None:
        number = self.issues[process.slug].frozen.id
        self.kept += [(number, outcome.subscriber_id) for outcome in process.unsaved if outcome.state == "accepted"]

    def _lose_sight(self, process: Sending) -> None:
        """What it has in its hands may be past the dot or not; nobody will ever know."""
        for number in process.hand:
            self.mailed[self.issues[process.slug].frozen.id, number] += 1
        process.hand.clear()

    def _processes(self) -> Iterator[Sending]:
        yield from self.late
        if self.process:
            yield self.process

    # --- time -----------------------------------------------------------------------------------------------------

    @rule(by=WAIT)
    def wait(self, by: timedelta) -> None:
        self.now += by
        self.uptime.seconds += by.total_seconds()

    @rule(by=JUMP)
    def jump(self, by: timedelta) -> None:
        """Somebody sets the clock; that no time goes by meanwhile is what the lease must know."""
        self.now += by

    # --- after each step ------------------------------------------------------------------------------------------

    @invariant()
    def the_database_is_as_the_model_says(self) -> None:
        with self.store.reading() as connection:
            self._check_readers(connection)
            self._check_rows(connection)
            self._check_doubts(connection)
        if self.forgotten:
            written = all_text(self.store)
            for canonical in self.forgotten:
                assert canonical not in written
                assert f"quill{canonical.removeprefix('reader.')[0]}" not in written

    def _check_readers(self, connection: Connection) -> None:
        columns = subscriber.c
        found = connection.execute(select(columns.canonical, columns.id, columns.state, columns.themes)).all()
        assert {row[0]: tuple(row[1:]) for row in found} == {
            canonical: (person.id, person.state, person.themes) for canonical, person in self.people.items()
        }
        # Suppression survives everything but the wish of the one who left.
        reasons = {row.address_hash: row.reason for row in connection.execute(select(suppression))}
        assert reasons == {self.store.key.address_hash(one): reason for one, reason in self.suppressed.items()}
        # Nobody is active without a consent that is newer than the last time they left.
        for person in self.people.values():
            events = [one.event for one in connection.execute(consents_of(person.id))]
            left = max((number for number, event in enumerate(events) if event in AWAY), default=-1)
            assert person.state != "active" or set(events[left + 1 :]) & set(GIVEN)

    def _check_rows(self, connection: Connection) -> None:
        for issue in self.issues.values():
            found = self._rows(connection, issue)
            assert set(found) == issue.planned  # planned = the sum of all states, and nobody else ever
            for number, row in issue.rows.items():
                state, tries, doubts, next_at, epoch, alone = found[number]
                assert (state, doubts, alone) == (row.state, row.doubts, row.alone), number
                assert tries == row.charged + (row.state == "claimed"), number
                assert row.state != "deferred" or next_at == row.next_at
                assert row.state != "claimed" or epoch == row.epoch

    def _check_doubts(self, connection: Connection) -> None:
        """Every second copy is listed, also after its doubt was resolved."""
        columns = attempt.c
        statement = select(columns.issue_id, columns.subscriber_id).where(columns.state == "in_doubt")
        listed = Counter((row[0], row[1]) for row in connection.execute(statement))
        assert listed == +self.doubts
        for delivered, copies in self.mailed.items():
            assert copies - 1 <= listed[delivered]

    def _rows(self, connection: Connection, issue: Edition) -> dict[int, tuple[str, int, int, str, int, int]]:
        names = ("subscriber_id", "state", "attempt", "doubts", "next_at", "epoch", "alone")
        statement = select(*(delivery.c[name] for name in names)).where(delivery.c.issue_id == issue.frozen.id)
        return {row[0]: tuple(row[1:]) for row in connection.execute(statement)}

    def teardown(self) -> None:
        for process in self._processes():
            process.die()
        for issue in self.issues.values():
            seen = issues.verify(self.store, issue.frozen)
            assert seen.books.balanced
            assert (seen.missing, seen.strange_states, seen.unknown_variants) == (0, (), 0)
            assert seen.books.state == issue.state


@pytest.mark.usefixtures("untraced")
def test_the_ledger_does_what_its_model_does_whatever_happens(quick_store: Store, tmp_path: Path) -> None:
    class Machine(LedgerMachine):
        def __init__(self) -> None:
            super().__init__(quick_store, tmp_path / "journal")

    examples = EXAMPLES["sqlite" if quick_store.is_sqlite else "postgresql"]
    run_state_machine_as_test(
        Machine, settings=settings(max_examples=examples, stateful_step_count=STEPS, report_multiple_bugs=False)
    )
