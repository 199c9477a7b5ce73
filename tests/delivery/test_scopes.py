"""Whose fault it is: replies as servers word them, and what must never be concluded from them (delivery §4)."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.dialogue import Outgoing, Phase, Result
from newsletter.delivery.replies import Reply
from newsletter.delivery.scopes import judge

MAIL = Outgoing(1, "b@desk.example", "r@example.org", b"")


def verdict(
    phase: Phase, text: str, status: Literal["refused", "unsent", "in_doubt"] = "refused"
) -> tuple[str, bool, str]:
    code, _, rest = text.partition(" ")
    found = judge(Result(MAIL, status, phase, Reply(int(code), (rest,))))
    return found.scope, found.permanent, found.label


@pytest.mark.parametrize(
    ("phase", "reply", "expected"),
    [
        (
            Phase.RCPT,
            "550 5.1.1 The email account that you tried to reach does not exist",
            ("recipient", True, "unknown"),
        ),
        (Phase.RCPT, "555 5.7.1 User unknown", ("recipient", True, "unknown")),
        (Phase.RCPT, "550 5.1.1 x", ("recipient", True, "unknown")),
        (Phase.RCPT, "452 4.2.2 x", ("recipient", False, "full")),
        (Phase.RCPT, "450 4.7.1 Greylisted, come back in 300 s", ("recipient", False, "greylisted")),
        (Phase.RCPT, "451 please wait", ("recipient", False, "later")),
        (Phase.RCPT, "554 5.7.1 Relay access denied", ("sender", True, "reputation")),
        (Phase.RCPT, "550 5.7.1 Service unavailable; client host is listed at zen", ("sender", True, "reputation")),
        (Phase.RCPT, "550 what", ("recipient", True, "unknown-reply")),
        (
            Phase.REPLY,
            "550 5.7.515 Access denied, sending domain does not meet the required level",
            ("sender", True, "reputation"),
        ),
        (Phase.REPLY, "550 5.7.26 This mail is unauthenticated", ("sender", True, "authentication")),
        (Phase.REPLY, "421 4.7.28 unusual rate of mail", ("relay", False, "closing")),
        (Phase.REPLY, "450 4.7.28 x", ("relay", False, "rate")),
        (Phase.REPLY, "554 5.7.1 looks like spam", ("message", True, "content")),
        (Phase.REPLY, "552 5.3.4 x", ("message", True, "size")),
        (Phase.REPLY, "554 no", ("message", True, "unknown-reply")),
        (Phase.MAIL, "550 5.1.1 user unknown", ("sender", True, "mail-from")),
        (Phase.MAIL, "451 4.3.0 x", ("sender", False, "system")),
        (Phase.DATA, "451 4.3.0 x", ("relay", False, "system")),
    ],
)
def test_a_reply_is_about_somebody(phase: Phase, reply: str, expected: tuple[str, bool, str]) -> None:
    assert verdict(phase, reply) == expected


def test_a_broken_connection_is_nobodys_fault() -> None:
    found = judge(Result(MAIL, "in_doubt", Phase.REPLY))
    assert (found.scope, found.permanent) == ("relay", False)


@given(st.text(max_size=60), st.integers(400, 599))
def test_before_the_recipient_is_named_nothing_is_theirs(text: str, code: int) -> None:
    assert judge(Result(MAIL, "refused", Phase.MAIL, Reply(code, (text,)))).scope in ("sender", "relay")


@given(st.text(max_size=60), st.integers(400, 499), st.sampled_from(Phase))
def test_a_4xx_is_never_for_ever(text: str, code: int, phase: Phase) -> None:
    assert not judge(Result(MAIL, "refused", phase, Reply(code, (text,)))).permanent
