"""The ledger of one issue while it is sent: what was answered and what is claimed next go into one transaction.

No octet of a message leaves before its row is committed as `claimed`. So after a crash exactly those rows may have been
accepted without our knowing it; everybody else's state is certain.

A delivery that was in doubt twice is a suspect: it is claimed when nothing else can be, and nothing else is while it is
under way. So if it ends the process again, nobody else was beside it.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from newsletter.model import SUSPECT_DOUBTS, Claim, Doubts, Outcome, Turn
from newsletter.store.buckets import TurnBuckets
from newsletter.store.database import Store, stamp
from newsletter.store.driver import Driver, StoreAgain, StoreBusy
from newsletter.store.issues import FrozenIssue
from newsletter.store.lease import Lease
from newsletter.store.limits import Limit

_REPLY_LIMIT = 200
_TRIES = 3

# One row, by its key, and only if it is still ours: a process that lost its lease changes nothing (F6). What a relay
# says of a reader who was forgotten (`schema.ERASED`) is not kept: it often names the address.
_RECORD = """
    UPDATE delivery SET state = ?, attempt = ?, doubts = ?, alone = ?, next_at = ?, code = ?, enhanced = ?,
        reply = CASE WHEN label = 'erased' THEN '' ELSE ? END, label = ?, at = ?
    WHERE issue_id = ? AND subscriber_id = ? AND state = 'claimed' AND epoch = ?
"""
# The same for the many: what is known of an accepted one beyond its claim is the reply.
_ACCEPT = """
    UPDATE delivery SET state = 'accepted', code = ?, reply = CASE WHEN label = 'erased' THEN '' ELSE ? END, at = ?
    WHERE issue_id = ? AND subscriber_id = ? AND state = 'claimed' AND epoch = ?
"""
_LOG = """
    INSERT INTO attempt (issue_id, subscriber_id, number, at, state, phase, code, enhanced, reply)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, CASE WHEN EXISTS (SELECT 1 FROM subscriber WHERE id = ?) THEN ? ELSE '' END)
"""
_COLUMNS = """
    SELECT d.subscriber_id, d.attempt, d.doubts, d.variant, d.lane, s.address, d.alone, s.state
    FROM delivery AS d LEFT JOIN subscriber AS s ON s.id = d.subscriber_id
    WHERE d.issue_id = ?"""
# By a cursor over the key: an index on the state would be written with every change, and `ORDER BY … LIMIT` without
# one reads all that is done again and again. Below, `doubts < 2` and `>= 2` are SUSPECT_DOUBTS.
_PENDING = (
    _COLUMNS
    + """ AND d.subscriber_id > ? AND d.state = 'pending' AND d.doubts < 2{lane}
    ORDER BY d.subscriber_id LIMIT ?
"""
)
# Oldest first, so that nobody waits behind a later one.
_DUE = (
    _COLUMNS
    + """ AND d.state = 'deferred' AND d.next_at <= ? AND d.doubts < 2{lanes}
    ORDER BY d.next_at LIMIT ?
"""
)
# The first two conditions are those of their index. Least often alone first: who kills processes from outside then hits
# another one each time.
_SUSPECT = (
    _COLUMNS
    + """ AND d.doubts >= 2 AND d.state IN ('pending', 'deferred')
    AND (d.state = 'pending' OR d.next_at <= ?){lanes}
    ORDER BY d.alone, d.subscriber_id LIMIT 1
"""
)
# `alone >= 0` is always so; by it SQLite sees that the suspects' index is the narrower one.
_NEXT_SUSPECT = """
    SELECT min(CASE state WHEN 'pending' THEN '' ELSE next_at END) FROM delivery
    WHERE issue_id = ? AND alone >= 0 AND doubts >= 2 AND state IN ('pending', 'deferred')
"""
_BLAMED = "SELECT count(*) FROM delivery WHERE issue_id = ? AND alone > 0"
_CLAIM = """
    UPDATE delivery SET state = 'claimed', epoch = ?, attempt = ?
    WHERE issue_id = ? AND subscriber_id = ? AND state IN ('pending', 'deferred')
"""
# All that was selected in a row of the key at once, a third of the work of one by one.
_CLAIM_RANGE = """
    UPDATE delivery SET state = 'claimed', epoch = ?, attempt = attempt + 1
    WHERE issue_id = ? AND subscriber_id BETWEEN ? AND ? AND state = 'pending' AND doubts < 2{lane}
"""
_ACTIVE = "SELECT id FROM subscriber WHERE id = ANY(?) AND state = 'active' FOR SHARE"
_SUPPRESS = "UPDATE delivery SET state = 'suppressed', at = ? WHERE issue_id = ? AND subscriber_id = ?"
_NEXT_DUE = "SELECT min(next_at) FROM delivery WHERE issue_id = ? AND state = 'deferred' AND doubts < 2"
_ANY_PENDING = "SELECT 1 FROM delivery WHERE issue_id = ? AND state = 'pending' LIMIT 1"
_EXPIRE = """
    UPDATE delivery SET state = 'expired', at = ? WHERE issue_id = ? AND state IN ('pending', 'deferred')
"""
_ISSUE = "SELECT state, expires_at FROM issue WHERE id = ?"
_LEFT_BEHIND = """
    SELECT subscriber_id, attempt, doubts, alone, epoch FROM delivery
    WHERE issue_id = ? AND state = 'claimed' AND epoch < ?
"""
_TAKE_BACK = """
    UPDATE delivery SET state = 'in_doubt', doubts = ?, alone = ?, reply = ?, at = ?
    WHERE issue_id = ? AND subscriber_id = ? AND state = 'claimed'
"""
_REPLAY = """
    UPDATE delivery SET state = 'accepted', code = ?, at = ? WHERE issue_id = ? AND subscriber_id = ? AND state = 'claimed'
"""
_WAITING_DOUBTS = "SELECT subscriber_id, doubts, alone FROM delivery WHERE issue_id = ? AND state = 'in_doubt'"
_RESOLVE = "UPDATE delivery SET state = ? WHERE issue_id = ? AND subscriber_id = ? AND state = 'in_doubt'"
# No ladder and no time zone puts anything off for longer: it was written while the clock was wrong.
_LONGEST_WAIT = timedelta(days=2)
_COME_BACK = "UPDATE delivery SET next_at = ? WHERE issue_id = ? AND state = 'deferred' AND next_at > ?"
_DIED = "the process ended before the reply was recorded"


class Ledger:
    """The deliveries of one issue, for the one process that holds the lease. Not to be shared between threads."""

    def __init__(
        self,
        store: Store,
        frozen: FrozenIssue,
        lease: Lease,
        *,
        limit: Limit | None = None,
        lanes: Sequence[Limit] = (),
    ) -> None:
        self._issue, self._lease = frozen.id, lease
        self._limit = limit
        self._lanes = tuple(lanes)
        self._cursors = dict.fromkeys(range(len(self._lanes) + 1), 0)
        self._empty: set[int] = set()  # lanes in which nothing is pending, read to the end
        self._behind = False  # whether a row before a cursor may be pending again
        self._checked = False
        self._due: str | None = ""  # when the next deferred one comes due; empty: not read yet
        self._under_way: set[int] = set()
        self._suspect = 0  # who was claimed alone, last
        self._blamed: int | None = None  # how many of the issue were in doubt alone; None: not counted yet
        self.driver = Driver(store)

    def try_turn(self, outcomes: Sequence[Outcome], wanted: int, now: datetime) -> Turn | None:
        """Like `turn`, if it need not wait for anybody, but for its end: call `commit` before anything of it is used.

        None if it would have to wait; then nothing has happened. On a SQLite file the statements take less time than
        handing them to a thread does; the disk at the end is what takes time. PostgreSQL is always waited for.
        """
        if not self.driver.is_sqlite:
            return None
        try:
            return self._turn(outcomes, wanted, now, at_once=True)
        except StoreBusy:
            return None

    def commit(self) -> None:
        """End what `try_turn` began. Raises StoreError; then nothing of it has happened."""
        self.driver.commit()

    # --- one turn -------------------------------------------------------------------------------------------------

    def turn(self, outcomes: Sequence[Outcome], wanted: int, now: datetime) -> Turn:
        """Record what was answered and claim up to `wanted` more, in one transaction. Raises StoreError, LeaseLost."""
        for _ in range(_TRIES - 1):
            under_way = set(self._under_way)
            try:
                return self._turn(outcomes, wanted, now)
            except StoreAgain:
                # Where the cursors went was taken back with the rest.
                self._behind, self._due, self._under_way, self._blamed = True, "", under_way, None
        return self._turn(outcomes, wanted, now)

    def _turn(self, outcomes: Sequence[Outcome], wanted: int, now: datetime, *, at_once: bool = False) -> Turn:
        with self.driver.writing(patient=not at_once, open_end=at_once) as cursor:
            self._lease.check(cursor)
            if outcomes:
                self._record(cursor, outcomes, now)
            state, expires_at = cursor.execute(_ISSUE, (self._issue,)).fetchone()
            if state == "cancelled" or (state == "sending" and stamp(now) >= expires_at):
                # Also what was under way when somebody cancelled, and has just come back to be tried again.
                cursor.execute(_EXPIRE, (stamp(now), self._issue))
                return Turn((), None, state)
            if state != "sending":
                return Turn((), None, state)
            if not wanted:
                return Turn((), 0, state)
            return self._claim(cursor, wanted, now, state)

    def _record(self, cursor: Any, outcomes: Sequence[Outcome], now: datetime) -> None:
        self._under_way.difference_update(o.subscriber_id for o in outcomes)
        at, issue, epoch = stamp(now), self._issue, self._lease.epoch
        accepted = [o for o in outcomes if o.state == "accepted"]
        if accepted:
            rows = [(o.code, o.reply[:_REPLY_LIMIT], at, issue, o.subscriber_id, epoch) for o in accepted]
            cursor.executemany(_ACCEPT, rows)
        if len(accepted) < len(outcomes):
            self._record_troubled(cursor, [o for o in outcomes if o.state != "accepted"], at)

    def _record_troubled(self, cursor: Any, outcomes: Sequence[Outcome], at: str) -> None:
        issue, epoch = self._issue, self._lease.epoch
        cursor.executemany(
            _RECORD,
            [
                (o.state, o.attempt, o.doubts, o.alone, o.next_at or None, o.code, o.enhanced, o.reply[:_REPLY_LIMIT],
                 o.label, at, issue, o.subscriber_id, epoch)
                for o in outcomes
            ],
        )  # fmt: skip
        cursor.executemany(
            _LOG,
            [
                (issue, o.subscriber_id, o.attempt, at, "in_doubt" if o.label == "in_doubt" else o.state, o.phase, o.code,
                 o.enhanced, o.subscriber_id, o.reply[:_REPLY_LIMIT])
                for o in outcomes
            ],
        )  # fmt: skip
        self._behind |= any(o.state == "pending" for o in outcomes)
        for o in outcomes:
            if o.state == "deferred" and self._due != "" and o.doubts < SUSPECT_DOUBTS:
                self._due = min(self._due or o.next_at, o.next_at)
            if o.label == "in_doubt" and o.alone == 1 and self._blamed is not None:
                self._blamed += 1

    def _claim(self, cursor: Any, wanted: int, now: datetime, state: str) -> Turn:
        if self._suspect in self._under_way:
            return Turn((), 0.0, state)
        purse = TurnBuckets(cursor, now, lock="" if self.driver.is_sqlite else " FOR UPDATE")
        room = min(wanted, purse.room(self._limit))
        claims = self._take_due(cursor, room, now, purse)
        for lane in (*range(1, len(self._lanes) + 1), 0):
            if lane in self._empty and not self._behind:
                continue
            limit = self._lanes[lane - 1] if lane else None
            some = min(room - len(claims), purse.room(limit))
            if some > 0:
                taken = self._take(cursor, lane, some, now)
                purse.spend(limit, len(taken))
                claims += taken
        if not claims and not self._under_way and room:
            claims = self._take_suspect(cursor, now, purse)
        purse.spend(self._limit, len(claims))
        purse.close()
        if claims:
            self._under_way.update(claim.subscriber_id for claim in claims)
            return Turn(claims, purse.wait, state, purse.held_by)
        suspect_at = cursor.execute(_NEXT_SUSPECT, (self._issue,)).fetchone()[0]
        if not self._may_have_more(now) and (suspect_at is None or suspect_at > stamp(now)):
            purse.wait, purse.held_by = None, ""  # it is not the limit that is waited for
        return Turn((), self._wait(cursor, now, purse, suspect_at), state, purse.held_by)

    def _take(self, cursor: Any, lane: int, count: int, now: datetime) -> list[Claim]:
        """The next ones along the key; from its beginning once more if one behind the cursor is pending again."""
        if self._behind:
            self._cursors, self._behind = dict.fromkeys(self._cursors, 0), False
            self._empty.clear()
        condition = ""
        if self._lanes:
            # With the rest go those of a throttle that was taken out of the settings since the issue was frozen.
            condition = f" AND d.lane = {lane:d}" if lane else f" AND d.lane NOT BETWEEN 1 AND {len(self._lanes):d}"
        query = _PENDING.format(lane=condition) + self._lock
        claims: list[Claim] = []
        while len(claims) < count and lane not in self._empty:
            want = count - len(claims)
            rows = cursor.execute(query, (self._issue, self._cursors[lane], want)).fetchall()
            if rows:
                self._cursors[lane] = rows[-1][0]
            if self.driver.is_sqlite and all(row[7] == "active" for row in rows):
                claims += self._hold_range(cursor, rows, condition)
            else:
                claims += self._hold(cursor, rows, now)
            if len(rows) < want:
                self._empty.add(lane)
        return claims

    def _hold_range(self, cursor: Any, rows: Sequence[Any], condition: str) -> list[Claim]:
        """Claim rows that follow each other: nobody else writes meanwhile, so the range is just these."""
        if rows:
            query = _CLAIM_RANGE.format(lane=condition.replace("d.", ""))
            cursor.execute(query, (self._lease.epoch, self._issue, rows[0][0], rows[-1][0]))
        return [_make_claim(row) for row in rows]

    def _take_due(self, cursor: Any, count: int, now: datetime, purse: TurnBuckets) -> list[Claim]:
        """Deferred ones whose time has come, as far as their lanes have room."""
        if self._due == "":
            self._due = cursor.execute(_NEXT_DUE, (self._issue,)).fetchone()[0]
        if count < 1 or self._due is None or self._due > stamp(now):
            return []
        query = _DUE.format(lanes=self._open_lanes(purse)) + self._lock
        rows = cursor.execute(query, (self._issue, stamp(now), count)).fetchall()
        allowed = [row for row in rows if self._draw(row, purse)]
        self._due = ""
        return self._hold(cursor, allowed, now)

    def _take_suspect(self, cursor: Any, now: datetime, purse: TurnBuckets) -> list[Claim]:
        """One that was in doubt twice, alone: nothing else is under way, and nothing is claimed until it has its result."""
        query = _SUSPECT.format(lanes=self._open_lanes(purse)) + self._lock
        while row := cursor.execute(query, (self._issue, stamp(now))).fetchone():
            claims = self._hold(cursor, [row], now)
            if claims:
                self._draw(row, purse)
                self._suspect = claims[0].subscriber_id
                others = self._count_blamed(cursor) - (claims[0].alone > 0)
                return [claims[0]._replace(others=others)]
        return []

    def _count_blamed(self, cursor: Any) -> int:
        """How many deliveries of the issue were ever in doubt alone; counted once, for that reads the whole issue."""
        if self._blamed is None:
            self._blamed = int(cursor.execute(_BLAMED, (self._issue,)).fetchone()[0])
        return self._blamed

    def _open_lanes(self, purse: TurnBuckets) -> str:
        """A condition: nobody waits behind those whose provider takes no more just now."""
        full = [number for number, limit in enumerate(self._lanes, 1) if purse.room(limit) < 1]
        return f" AND d.lane NOT IN ({', '.join(map(str, full))})" if full else ""

    def _draw(self, row: Any, purse: TurnBuckets) -> bool:
        """Take a row's message from its lane's limit, if it has one and there is one."""
        return not 0 < row[4] <= len(self._lanes) or purse.draw(self._lanes[row[4] - 1])

    def _hold(self, cursor: Any, rows: Sequence[Any], now: datetime) -> list[Claim]:
        """Claim rows, but for those whose reader has left since the issue was planned: these are never mailed (D9)."""
        active = self._still_active(cursor, rows)
        claims = [_make_claim(row) for row in rows if row[0] in active]
        if claims:
            epoch, issue = self._lease.epoch, self._issue
            cursor.executemany(_CLAIM, [(epoch, claim.attempt, issue, claim.subscriber_id) for claim in claims])
        gone = [(stamp(now), self._issue, row[0]) for row in rows if row[0] not in active]
        if gone:
            cursor.executemany(_SUPPRESS, gone)
        return claims

    def _may_have_more(self, now: datetime) -> bool:
        """Whether something could be claimed if no limit were in the way."""
        due = self._due == "" or (self._due is not None and self._due <= stamp(now))
        return due or self._behind or len(self._empty) < len(self._cursors)

    def _wait(self, cursor: Any, now: datetime, purse: TurnBuckets, suspect_at: str | None) -> float | None:
        """Seconds until something can be claimed; None if nothing ever can. `suspect_at` is empty for a suspect that waits."""
        if self._due == "":
            self._due = cursor.execute(_NEXT_DUE, (self._issue,)).fetchone()[0]
        waits = [(datetime.fromisoformat(at) - now).total_seconds() for at in (self._due, suspect_at) if at]
        if suspect_at == "" and purse.wait is None:
            waits.append(0.0)
        if purse.wait is not None:
            waits = [*(wait for wait in waits if wait > 0), purse.wait]
        elif not self._checked:
            # Once: somebody may have put back a row that the cursor had passed.
            self._checked = True
            if cursor.execute(_ANY_PENDING, (self._issue,)).fetchone():
                self._behind = True
                waits.append(0.0)
        return max(0.0, min(waits)) if waits else None

    # --- after a crash --------------------------------------------------------------------------------------------

    def recover(self, resolve: Callable[[Doubts], str], now: datetime) -> int:
        """Rows that a dead process left claimed are in doubt: list them, then put each into the state that `resolve` says.

        A row was alone if it is all that its process left. Gives how many there were.
        """
        with self.driver.writing() as cursor:
            self._lease.check(cursor)
            cursor.execute(_COME_BACK, (stamp(now), self._issue, stamp(now + _LONGEST_WAIT)))
            rows = cursor.execute(_LEFT_BEHIND, (self._issue, self._lease.epoch)).fetchall()
            at, of_epoch = stamp(now), Counter(row[4] for row in rows)
            for number, attempt, doubts, alone, epoch in rows:
                values = (doubts + 1, alone + (of_epoch[epoch] == 1), _DIED, at, self._issue, number)
                cursor.execute(_TAKE_BACK, values)
                logged = (self._issue, number, attempt, at, "in_doubt", "reply", 0, "", number, _DIED)
                cursor.execute(_LOG, logged)
            # The policy may have been another one when some of these were left waiting.
            waiting = cursor.execute(_WAITING_DOUBTS, (self._issue,)).fetchall()
            blamed = self._count_blamed(cursor) if waiting else 0
            for number, doubts, alone in waiting:
                state = resolve(Doubts(doubts, alone, blamed - (alone > 0)))
                cursor.execute(_RESOLVE, (state, self._issue, number))
            return len(rows)

    def replay(self, accepted: Sequence[tuple[int, int]], now: datetime) -> None:
        """Acknowledgements of a dead process that did not reach the ledger: (subscriber, code)."""
        if accepted:
            with self.driver.writing() as cursor:
                self._lease.check(cursor)
                rows = [(code, stamp(now), self._issue, number) for number, code in accepted]
                cursor.executemany(_REPLAY, rows)

    # --- the driver -----------------------------------------------------------------------------------------------

    @property
    def _lock(self) -> str:
        return "" if self.driver.is_sqlite else " FOR UPDATE OF d SKIP LOCKED"  # SQLite's write transaction locks all

    def _still_active(self, cursor: Any, rows: Sequence[Any]) -> set[int]:
        """The readers of these rows who have not left. On PostgreSQL an unsubscribe that is under way is waited for."""
        active = {row[0] for row in rows if row[7] == "active"}
        if active and not self.driver.is_sqlite:
            cursor.execute(_ACTIVE, (list(active),))
            active = {row[0] for row in cursor.fetchall()}
        return active

    def close(self) -> None:
        """Let go of the connection."""
        self.driver.close()


def _make_claim(row: Any) -> Claim:
    """A selected row, claimed: this is its next attempt."""
    return Claim(row[0], row[1] + 1, *row[2:7])
