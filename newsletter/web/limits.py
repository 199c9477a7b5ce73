"""How much one network may ask of the forms: token buckets in memory, and whose network a request comes from."""

import ipaddress
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import lru_cache

_MOST_NETWORKS = 50_000  # about 10 MB; beyond it the one not seen for longest is forgotten
UNKNOWN = "unknown"


def find_client(peer: str, forwarded: Sequence[str], trusted: Sequence[str]) -> str:
    """The address a request comes from. X-Forwarded-For is believed from right to left, as far as proxies are trusted (T41).

    >>> find_client("127.0.0.1", ["203.0.113.9, 198.51.100.7"], ["127.0.0.1"])
    '198.51.100.7'
    >>> find_client("203.0.113.5", ["10.0.0.1"], ["127.0.0.1"])
    '203.0.113.5'
    """
    hops = [part.strip() for line in forwarded for part in line.split(",")]
    client = peer
    while hops and is_trusted(client, tuple(trusted)):
        client = hops.pop()
    try:
        return str(ipaddress.ip_address(client))
    except ValueError:
        return UNKNOWN


def is_trusted(peer: str, proxies: tuple[str, ...]) -> bool:
    """Whether an address is of one of the proxies: addresses or networks."""
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    return any(address in network for network in _read_networks(proxies))


@lru_cache(maxsize=8)
def _read_networks(proxies: tuple[str, ...]) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(one, strict=False) for one in proxies)


def network_of(client: str) -> str:
    """The network of an address, by which people are counted and remembered: /24, or /48 (security L3).

    >>> network_of("198.51.100.7"), network_of("2001:db8:1:2::7"), network_of("unknown")
    ('198.51.100.0/24', '2001:db8:1::/48', 'unknown')
    """
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return UNKNOWN
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        address = mapped
    return str(ipaddress.ip_network(f"{address}/{24 if address.version == 4 else 48}", strict=False))


# Headers that proxies add, by how they begin. Browsers and Prometheus send none of them.
_OF_PROXIES = ("forwarded", "via", "x-forwarded", "x-real-ip", "x-client-ip", "x-original-", "x-cluster-client-ip",
               "true-client-ip", "client-ip", "cf-", "fastly-", "x-amzn-", "x-envoy-", "x-proxy-", "cdn-")  # fmt: skip
_OWN_NAMES = ("", "127.0.0.1", "localhost", "[::1]")


def is_direct(peer: str, headers: Mapping[str, str], http_version: str, trusted: tuple[str, ...]) -> bool:
    """Whether a request was sent on this machine itself, and by no proxy.

    Attack: a proxy on this machine that sets no X-Forwarded-For makes a stranger's request look like one from here. What
    comes from a trusted proxy's address never counts as sent here; nor does what names a proxy, or was sent to a public
    name, or in HTTP/1.0, which nginx speaks behind it unless it is told otherwise.

    >>> is_direct("127.0.0.1", {"host": "127.0.0.1:8000"}, "1.1", ())
    True
    >>> is_direct("127.0.0.1", {"host": "borderlines.example"}, "1.1", ())
    False
    """
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    if not (getattr(address, "ipv4_mapped", None) or address).is_loopback or is_trusted(peer, trusted):
        return False
    host = headers.get("host", "").lower()
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return name in _OWN_NAMES and http_version != "1.0" and not any(one.startswith(_OF_PROXIES) for one in headers)


# A network's part of what the forms may cause: a twentieth, and never so little that a household is refused.
SHARE, LEAST, MOST = 1 / 20, 3, 50


class Buckets:
    """A token bucket for each name. `capacity` at once, `per_s` after that."""

    def __init__(self, capacity: float, per_s: float) -> None:
        self._capacity, self._per_s = capacity, per_s
        self._tokens: OrderedDict[str, tuple[float, float]] = OrderedDict()

    @classmethod
    def shares(cls, an_hour: float) -> "Buckets":
        """One network's part of so many mails an hour: a twentieth at once, and as many again every hour."""
        share = min(max(an_hour * SHARE, LEAST), MOST)
        return cls(share, share / 3600)

    def take(self, name: str, now: float) -> bool:
        """Whether there was one left; `now` is a monotonic time."""
        tokens = self._fill(name, now)
        enough = tokens >= 1
        self._tokens[name] = (tokens - 1 if enough else tokens, now)
        return enough

    def borrow(self, name: str, now: float, most_s: float) -> float | None:
        """Take one that is there after some seconds → how many; None, and nothing is taken, if they are more than `most_s`."""
        tokens = self._fill(name, now)
        delay_s = max(0.0, (1 - tokens) / self._per_s)
        self._tokens[name] = (tokens if delay_s > most_s else tokens - 1, now)
        return None if delay_s > most_s else delay_s

    def _fill(self, name: str, now: float) -> float:
        tokens, before = self._tokens.pop(name, (self._capacity, now))
        if len(self._tokens) >= _MOST_NETWORKS:
            self._tokens.popitem(last=False)
        return min(self._capacity, tokens + max(0.0, now - before) * self._per_s)
