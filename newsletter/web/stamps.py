"""What the form carries so that it is known when it was shown; each is good for one address, once."""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import Literal

from itsdangerous import BadSignature, TimestampSigner

# Sent in under 2 s or after a day: treated as a machine.
FILLED_IN_S = 2.0
KEPT_S = 24 * 3600
# About 20 MB. Beyond it, forms that were shown before the ones forgotten are not taken any more.
MOST_USED = 100_000

# `early`: ours, but sent too soon. `used`: somebody has subscribed with it; `repeated`: the same address, as by a double
# click. `no`: not ours, too old, or older than this process, which cannot know whether it was used.
State = Literal["ready", "early", "used", "repeated", "no"]


class _ClockSigner(TimestampSigner):
    """itsdangerous' signer of times, with the clock that everything here has."""

    def __init__(self, clock: Callable[[], datetime], key: bytes) -> None:
        super().__init__(key, digest_method=hashlib.sha256)
        self._clock = clock

    def get_timestamp(self) -> int:
        """Seconds since 1970."""
        return int(self._clock().timestamp())


class Stamps:
    """The stamps of one process. Attack: one stamp, sent again and again, would make a form of any number of addresses."""

    def __init__(self, key: bytes, clock: Callable[[], datetime], most: int = MOST_USED) -> None:
        self._signer, self._clock, self._most = _ClockSigner(clock, key), clock, most
        self._not_before = int(clock().timestamp())
        self._used: OrderedDict[str, tuple[int, bytes]] = OrderedDict()

    def make(self) -> str:
        """A new stamp. No two are equal."""
        return self._signer.sign(f"form.{secrets.token_urlsafe(9)}").decode("ascii")

    def judge(self, stamp: str, address: str) -> State:
        """What a stamp is worth that came with a canonical address."""
        shown = self._read(stamp)
        if shown is None or shown < self._not_before:
            return "no"
        used = self._used.get(stamp)
        if used is not None:
            return "repeated" if used[1] == _digest(address) else "used"
        return "early" if self._clock().timestamp() - shown < FILLED_IN_S else "ready"

    def use(self, stamp: str, address: str) -> None:
        """It was good for this address, and is for no other."""
        shown = self._read(stamp)
        if shown is None:
            return
        self._used[stamp] = (shown, _digest(address))
        oldest = self._clock().timestamp() - KEPT_S
        while self._used and (len(self._used) > self._most or next(iter(self._used.values()))[0] < oldest):
            _, (forgotten, _) = self._used.popitem(last=False)
            self._not_before = max(self._not_before, forgotten + 1)

    def take_back(self, stamp: str) -> None:
        """Nothing came of it: it may be sent again."""
        self._used.pop(stamp, None)

    def _read(self, stamp: str) -> int | None:
        try:
            value, shown = self._signer.unsign(stamp.encode("ascii", "replace"), max_age=KEPT_S, return_timestamp=True)
        except BadSignature:
            return None
        return int(shown.timestamp()) if value.startswith(b"form.") else None


def _digest(address: str) -> bytes:
    return hashlib.sha256(address.encode("utf-8", "replace")).digest()[:16]
