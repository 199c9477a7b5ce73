"""When a delivery is tried again, and when no more. Pure: the moment and the dice are handed in."""

from datetime import datetime, timedelta

from newsletter.model import Doubts

# RFC 5321 4.5.4.1 asks for 30 minutes between tries and 4 to 5 days of them; greylisting wants the first one earlier,
# and news that is days old is not sent at all: an issue says when it expires.
DELAYS_MIN = (5, 10, 20, 40, 80, 160)
LAST_DELAY_MIN = 240
JITTER = 0.2


def next_try(attempts: int, now: datetime, dice: float) -> datetime:
    """When to try again after that many tries (from 1). `dice` is in [0, 1): so many rows do not come back at once."""
    if attempts < 1:
        raise ValueError("the first try needs no delay")
    minutes = DELAYS_MIN[attempts - 1] if attempts <= len(DELAYS_MIN) else LAST_DELAY_MIN
    return now + timedelta(minutes=minutes * (1 + JITTER * dice))


# In doubt so often, and alone so often, before a person decides. A process can be killed by anybody, so one crash with
# nothing else under way is not enough; a connection that breaks with its only message under way says more.
MOST_DOUBTS = 3
ALONE_IN_CRASHES = 2
ALONE_IN_BREAKS = 1
# If it happens to other mails too, the mail is hardly the cause: that many of them buy one more try each.
MOST_OTHERS = 6


def after_doubt(policy: str, doubts: Doubts, *, crashed: bool) -> str:
    """The state of a delivery that is in doubt: sent again by default; held when everything points at it.

    Doubts that it shared with others never hold it. `crashed`: the process ended, and not only the connection.
    """
    if policy != "resend":
        return "in_doubt"
    most_alone = (ALONE_IN_CRASHES if crashed else ALONE_IN_BREAKS) + min(doubts.others, MOST_OTHERS)
    return "held" if doubts.total >= MOST_DOUBTS and doubts.alone >= most_alone else "pending"
