"""What the relay said becomes a state: a table of all that a server can do to one delivery."""

from datetime import timedelta

import pytest

from newsletter.delivery.breaker import IN_A_ROW, Breaker
from newsletter.delivery.envelope import Outgoing, Phase, Result
from newsletter.delivery.outcomes import MOST_CUTS, cannot_write, decide, give_back
from newsletter.delivery.replies import Reply
from newsletter.delivery.scopes import FailureCause
from newsletter.model import Claim
from tests.databases import NOW

MAIL = Outgoing(7, "s@x.example", "r@example.org", b"")


def claim(attempt: int = 1, doubts: int = 0, alone: int = 0, others: int = 0) -> Claim:
    return Claim(7, attempt, doubts, 0, 0, "r@example.org", alone, others)


def refused(phase: Phase, code: int, text: str) -> Result:
    return Result(MAIL, "refused", phase, Reply(code, (text,)))


@pytest.mark.parametrize(
    ("result", "state", "charged"),
    [
        (Result(MAIL, "accepted", Phase.REPLY, Reply(250, ("2.0.0 ok",))), "accepted", 1),
        (refused(Phase.RCPT, 550, "5.1.1 user unknown"), "rejected", 1),
        (refused(Phase.RCPT, 450, "4.7.1 greylisted, try later"), "deferred", 1),
        (refused(Phase.RCPT, 452, "4.2.2 mailbox full"), "deferred", 1),
        (refused(Phase.REPLY, 554, "5.6.0 message rejected as spam"), "rejected", 1),
        (refused(Phase.MAIL, 550, "5.7.1 you may not send"), "deferred", 0),
        (refused(Phase.RCPT, 550, "5.7.26 unauthenticated mail"), "deferred", 0),
        (refused(Phase.RCPT, 451, "4.7.28 rate limit"), "deferred", 0),
        (Result(MAIL, "unsent", Phase.RCPT), "pending", 0),
        (Result(MAIL, "unsent", Phase.RCPT, Reply(421, ("closing",))), "pending", 0),
        (Result(MAIL, "unsent", Phase.DOT), "pending", 1),
        (Result(MAIL, "in_doubt", Phase.REPLY), "pending", 1),
    ],
    ids=lambda value: f"{value.status} {value.phase} {value.reply or ''}" if isinstance(value, Result) else str(value),
)
def test_each_result_has_its_state_and_charges_the_right_one(result: Result, state: str, charged: int) -> None:
    outcome = decide(claim(), result, NOW, "resend").outcome
    assert (outcome.state, outcome.attempt) == (state, charged)
    assert bool(outcome.next_at) == (state == "deferred")


def test_a_deferred_delivery_waits_longer_each_time() -> None:
    result = refused(Phase.RCPT, 450, "4.7.1 greylisted")
    waits = [decide(claim(attempt), result, NOW, "resend").outcome.next_at for attempt in range(1, 7)]
    assert waits == sorted(waits)
    assert waits[0] >= (NOW + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(
    ("policy", "doubts", "state"),
    [
        ("resend", 0, "pending"),
        ("resend", 1, "pending"),
        ("resend", 2, "held"),
        ("hold", 0, "in_doubt"),
        ("skip", 0, "in_doubt"),
    ],
)
def test_mail_in_doubt_goes_by_the_policy_and_not_for_ever(policy: str, doubts: int, state: str) -> None:
    outcome = decide(claim(doubts=doubts), Result(MAIL, "in_doubt", Phase.REPLY), NOW, policy).outcome
    assert (outcome.state, outcome.doubts, outcome.label) == (state, doubts + 1, "in_doubt")


def test_c6_a_connection_that_we_ended_ourselves_blames_no_mail() -> None:
    """The time to drain was over: a mail that is alone under way then is not what broke the connection."""
    broken = Result(MAIL, "in_doubt", Phase.REPLY)
    outcome = decide(claim(doubts=5), broken, NOW, "resend", cut=True).outcome
    assert (outcome.state, outcome.doubts, outcome.alone) == ("pending", 6, 0)


@pytest.mark.parametrize(("alone", "others", "state"), [(0, 0, "held"), (0, 1, "pending"), (1, 1, "held")])
def test_c6_a_mail_that_breaks_connections_alone_is_held_later_if_others_do_too(
    alone: int, others: int, state: str
) -> None:
    broken = Result(MAIL, "in_doubt", Phase.REPLY)
    outcome = decide(claim(doubts=4, alone=alone, others=others), broken, NOW, "resend").outcome
    assert (outcome.state, outcome.doubts, outcome.alone) == (state, 5, alone + 1)


def test_a_connection_that_always_breaks_in_this_message_makes_it_wait() -> None:
    outcome = decide(claim(MOST_CUTS), Result(MAIL, "unsent", Phase.DOT), NOW, "resend").outcome
    assert (outcome.state, outcome.label) == ("deferred", "cut")


def test_what_was_not_taken_goes_back_as_it_was() -> None:
    outcome = give_back(claim(attempt=3, doubts=4, alone=1))
    assert (outcome.state, outcome.attempt, outcome.doubts, outcome.alone) == ("pending", 2, 4, 1)


def test_a_refusal_keeps_what_is_known_of_doubts() -> None:
    outcome = decide(claim(doubts=4, alone=1), refused(Phase.RCPT, 450, "4.7.1 greylisted"), NOW, "resend").outcome
    assert (outcome.state, outcome.doubts, outcome.alone) == ("deferred", 4, 1)


def test_what_cannot_be_written_holds_one_row() -> None:
    assert (cannot_write(claim(), "why").state, cannot_write(claim(), "why").reply) == ("held", "why")


def trip(*verdicts: FailureCause, phase: Phase = Phase.RCPT, code: int = 550) -> str:
    breaker = Breaker()
    for verdict in verdicts:
        breaker.refused(verdict, refused(phase, code, "no"))
    return breaker.reason


def test_five_refusals_of_one_kind_in_a_row_trip_the_breaker() -> None:
    policy = FailureCause("sender", True, "policy")
    assert not trip(*[policy] * (IN_A_ROW - 1))
    assert "policy" in trip(*[policy] * IN_A_ROW)
    assert not trip(*[policy] * 4, FailureCause("message", True, "content"), *[policy] * 4)


def test_a_refused_sender_trips_it_at_once_and_a_busy_relay_never() -> None:
    assert trip(FailureCause("sender", True, "mail-from"), phase=Phase.MAIL)
    assert not trip(FailureCause("sender", False, "mail-from"), phase=Phase.MAIL)
    assert not trip(*[FailureCause("relay", False, "rate")] * 50)
    assert not trip(*[FailureCause("recipient", True, "unknown")] * 50)


def test_something_accepted_in_between_starts_the_count_anew() -> None:
    breaker, policy = Breaker(), FailureCause("sender", True, "policy")
    for _ in range(20):
        for _ in range(IN_A_ROW - 1):
            breaker.refused(policy, refused(Phase.RCPT, 550, "no"))
        breaker.accepted()
    assert not breaker.reason


def test_c6_a_relay_that_breaks_off_after_every_mail_pauses_the_issue() -> None:
    """Five different mails, each alone under way, none accepted between them: it is not the mails."""
    breaker = Breaker()
    for number in (1, 2, 3, 1, 2, 3, 4):
        breaker.broke(number)
    assert not breaker.reason
    breaker.accepted()
    for number in (1, 2, 3, 4):
        breaker.broke(number)
    assert not breaker.reason
    breaker.broke(5)
    assert "after each of 5 messages in a row" in breaker.reason
