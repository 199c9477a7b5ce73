"""When a delivery is tried again (delivery §5). Pure: the moment and the dice are handed in."""

from datetime import datetime, timedelta

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


# A row that was in doubt this often is for a person to decide: something about it ends processes or connections (D21).
MOST_DOUBTS = 3


def after_doubt(policy: str, doubts: int) -> str:
    """The state of a delivery that is in doubt for the `doubts`-th time: sent again by default, at last held (D14)."""
    if policy != "resend":
        return "in_doubt"
    return "pending" if doubts < MOST_DOUBTS else "held"
