"""Whose fault a failure is: decided from phase, code, enhanced code and text (delivery §4). A 5xx is not a bad address.

Only a fault of the recipient is theirs. Faults of the message, of us or of the relay never change a subscriber.
"""

import re
from dataclasses import dataclass
from typing import Literal

from newsletter.delivery.dialogue import Phase, Result
from newsletter.delivery.replies import Reply

Scope = Literal["recipient", "message", "sender", "relay"]


@dataclass(frozen=True, slots=True)
class FailureCause:
    """What a failure means. `permanent`: trying again is no use. `label` groups failures of one kind."""

    scope: Scope
    permanent: bool
    label: str


# Text beats the enhanced code: "555 5.7.1 User unknown" exists. The first match wins.
_WORDS: tuple[tuple[Scope, str, tuple[str, ...]], ...] = (
    (
        "recipient",
        "unknown",
        (
            "user unknown",
            "unknown user",
            "no such (?:user|recipient|mailbox|person)",
            "mailbox (?:not found|unavailable|does not exist)",
            "recipient (?:not found|rejected: user)",
            "does not exist",
            "invalid (?:recipient|mailbox)",
            "address rejected: user",
        ),
    ),
    ("recipient", "full", ("mailbox (?:is )?full", "over ?quota", "quota exceeded", "insufficient storage for")),
    (
        "recipient",
        "disabled",
        (r"(?:mailbox|account|user)(?: is| has been)? (?:disabled|suspended|inactive|deactivated)",),
    ),
    ("recipient", "greylisted", ("gr[ea]y-?list",)),
    (
        "sender",
        "authentication",
        (
            r"\b(?:spf|dkim|dmarc)\b",
            "unauthenticated",
            "not authenticated",
            "authentication (?:required|failed|checks)",
        ),
    ),
    ("sender", "reverse-dns", (r"\bPTR\b", "reverse (?:dns|lookup)", "rdns")),
    (
        "sender",
        "reputation",
        (
            "blocked",
            "b(?:lack|lock) ?list",
            "listed (?:at|in|by)",
            "reputation",
            "spamhaus",
            "barracuda",
            "denied by policy",
            "access denied",
            "relay(?:ing)? (?:access )?denied",
            "relay not permitted",
        ),
    ),
    (
        "relay",
        "rate",
        ("rate ?limit", "too (?:many|fast)", "throttl", "try again later", "slow down", "limit exceeded"),
    ),
    (
        "message",
        "content",
        ("spam", "virus", "malware", "content (?:rejected|denied)", "message (?:rejected|refused|blocked)", "phish"),
    ),
    ("message", "size", ("message (?:size|too (?:big|large))", "exceeds? (?:the )?(?:maximum|size)")),
)
_TEXTS = tuple((scope, label, re.compile("|".join(words), re.IGNORECASE)) for scope, label, words in _WORDS)
_ENHANCED: tuple[tuple[str, Scope, str], ...] = (
    ("x.1.8", "sender", "address"),
    ("x.1.7", "sender", "address"),
    ("x.1.", "recipient", "unknown"),
    ("x.2.2", "recipient", "full"),
    ("x.2.", "recipient", "disabled"),
    ("x.3.4", "message", "size"),
    ("x.3.", "relay", "system"),
    ("x.4.", "relay", "network"),
    ("x.5.", "message", "syntax"),
    ("x.6.7", "recipient", "not-ascii"),
    ("x.6.", "message", "content"),
    ("x.7.28", "relay", "rate"),
    ("x.7.", "sender", "policy"),
)


def judge(result: Result) -> FailureCause:
    """A message that was not accepted → whose fault that is."""
    reply = result.reply
    if reply is None or reply.code == 421:
        return FailureCause("relay", False, "connection" if reply is None else "closing")
    permanent = reply.code >= 500
    if result.phase is Phase.MAIL:
        # The recipient has not been named yet, so it cannot be about them (D30).
        return FailureCause("sender", permanent, _find(reply, ("sender", "relay"))[1] or "mail-from")
    scope, label = _find(reply, ("recipient", "sender", "relay", "message"))
    if scope:
        return FailureCause(scope, permanent, label)
    if reply.code in (451, 452) and result.phase is Phase.RCPT:
        return FailureCause("recipient", False, "later")
    # Of an unknown 5xx it is only known that this message is not wanted there: no bad address (D31).
    return FailureCause("recipient" if result.phase is Phase.RCPT else "message", permanent, "unknown-reply")


def _find(reply: Reply, scopes: tuple[Scope, ...]) -> tuple[Scope | None, str]:
    for scope, label, pattern in _TEXTS:
        if scope in scopes and pattern.search(reply.text):
            return scope, label
    enhanced = f"x{reply.enhanced[1:]}" if reply.enhanced else ""
    for prefix, scope, label in _ENHANCED:
        matches = enhanced.startswith(prefix) if prefix.endswith(".") else enhanced == prefix
        if matches and scope in scopes:
            return scope, label
    return None, ""
