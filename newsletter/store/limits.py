"""Token buckets that live in the database: no restart, second process or jump of the clock fills them (delivery D41). Pure."""

import re
from dataclasses import dataclass
from datetime import datetime

_RATE = re.compile(r"([1-9]\d*)/(s|min|h)\Z")
_SECONDS = {"s": 1, "min": 60, "h": 3600}
BURST_SHARE = 20


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` in any `seconds`: a bucket of `capacity` that is filled at `per_second`."""

    name: str
    count: int
    seconds: int

    @property
    def capacity(self) -> float:
        """What may leave at once. The bucket and what flows in while it lasts make `count`, never more."""
        return max(1.0, self.count / BURST_SHARE)

    @property
    def per_second(self) -> float:
        """How fast the bucket fills. One whole message is always kept back, so a rate of 1/h is kept too."""
        return max(self.count - self.capacity, self.count / 2) / self.seconds

    def refill(self, tokens: float, before: datetime, now: datetime) -> float:
        """What is in the bucket now. A clock that went back gives nothing; one that jumped ahead, no more than it holds."""
        elapsed = max(0.0, (now - before).total_seconds())
        return min(self.capacity, tokens + elapsed * self.per_second)

    def wait(self, tokens: float) -> float:
        """Seconds until one message may leave."""
        return max(0.0, (1 - tokens) / self.per_second)


def read_limit(name: str, rate: str) -> Limit | None:
    """`14/s`, `500/min`, `20000/h` → a limit; None for an empty text."""
    match = _RATE.match(rate)
    return Limit(name, int(match[1]), _SECONDS[match[2]]) if match else None
