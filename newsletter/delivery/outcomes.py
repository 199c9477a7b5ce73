"""What the relay said → what is written into the ledger. Pure: the moment and the policy are handed in."""

import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter.delivery.dialogue import Phase, Result
from newsletter.delivery.retry import after_doubt, next_try
from newsletter.delivery.scopes import FailureCause, judge
from newsletter.model import SUSPECT_DOUBTS, Claim, Doubts, Outcome

# A fault of ours or of the relay: come back soon, and charge nobody for it.
SOON = timedelta(minutes=5)
# Connections that broke in the middle of this very message, before it is treated like a refused one.
MOST_CUTS = 3


@dataclass(frozen=True, slots=True)
class Decision:
    """What is recorded, and what it says beyond this one reader."""

    outcome: Outcome
    verdict: FailureCause | None


def decide(claim: Claim, result: Result, now: datetime, policy: str, *, cut: bool = False) -> Decision:
    """A result → the delivery's new state. `cut`: we ended the connection ourselves, so its end says nothing."""
    if result.status == "accepted":
        return Decision(accept(claim, result), None)
    if result.status == "in_doubt":
        # A suspect was claimed alone, so nothing else was under way on any connection.
        alone = claim.alone + (is_suspect(claim) and not cut)
        doubts = Doubts(claim.doubts + 1, alone, claim.others)
        outcome = _outcome(claim, result, after_doubt(policy, doubts, crashed=False), "in_doubt")
        return Decision(outcome._replace(doubts=doubts.total, alone=alone), None)
    if result.status == "unsent":
        return Decision(_unsent(claim, result, now), None)
    verdict = judge(result)
    return Decision(_refused(claim, result, verdict, now), verdict)


def is_suspect(claim: Claim) -> bool:
    """Whether a delivery is sent alone, because it was in doubt too often."""
    return claim.doubts >= SUSPECT_DOUBTS


def accept(claim: Claim, result: Result) -> Outcome:
    """The relay has taken it over (D2)."""
    reply = result.reply
    code, text = (reply.code, reply.text) if reply else (250, "")
    return Outcome(
        claim.subscriber_id, "accepted", claim.attempt, claim.doubts, "reply", code, "", text, alone=claim.alone
    )


def give_back(claim: Claim) -> Outcome:
    """A claim that no connection took: as if it had never been claimed."""
    return Outcome(
        claim.subscriber_id, "pending", claim.attempt - 1, claim.doubts, "connect", label="returned", alone=claim.alone
    )


def cannot_write(claim: Claim, why: str) -> Outcome:
    """A message that cannot be written holds one row, not the issue (D21)."""
    return Outcome(
        claim.subscriber_id,
        "held",
        claim.attempt,
        claim.doubts,
        "compose",
        reply=why,
        label="compose",
        alone=claim.alone,
    )


def _unsent(claim: Claim, result: Result, now: datetime) -> Outcome:
    if result.phase is not Phase.DOT:
        return _outcome(claim, result, "pending", "returned")._replace(attempt=claim.attempt - 1)
    # The connection broke in the middle of this message. Once or twice is chance; then it waits like a refused one.
    if claim.attempt < MOST_CUTS:
        return _outcome(claim, result, "pending", "cut")
    return _later(claim, result, "cut", now)


def _refused(claim: Claim, result: Result, verdict: FailureCause, now: datetime) -> Outcome:
    if verdict.scope in ("sender", "relay"):
        # Not the reader's fault, so no try of theirs is used up, and a permanent refusal is not theirs either (D4).
        soon = now + SOON * (1 + _dice(claim))
        return _outcome(claim, result, "deferred", verdict.label)._replace(
            attempt=claim.attempt - 1, next_at=_stamp(soon)
        )
    if verdict.permanent:
        return _outcome(claim, result, "rejected", verdict.label)
    return _later(claim, result, verdict.label, now)


def _later(claim: Claim, result: Result, label: str, now: datetime) -> Outcome:
    moment = next_try(claim.attempt, now, _dice(claim))
    return _outcome(claim, result, "deferred", label)._replace(next_at=_stamp(moment))


def _dice(claim: Claim) -> float:
    """In [0, 1), and the same for the same try: a resumed send decides like an unbroken one."""
    return zlib.crc32(f"{claim.subscriber_id}.{claim.attempt}".encode()) / 2**32


def _outcome(claim: Claim, result: Result, state: str, label: str) -> Outcome:
    reply = result.reply
    return Outcome(
        subscriber_id=claim.subscriber_id,
        state=state,
        attempt=claim.attempt,
        doubts=claim.doubts,
        phase=str(result.phase),
        code=reply.code if reply else 0,
        enhanced=reply.enhanced if reply else "",
        reply=reply.text if reply else "",
        label=label,
        alone=claim.alone,
    )


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
