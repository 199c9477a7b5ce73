"""How much one network may ask of the forms: token buckets in memory, and whose network a request comes from."""

import ipaddress
from collections import OrderedDict
from collections.abc import Sequence

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
    networks = [ipaddress.ip_network(one, strict=False) for one in trusted]
    client = peer
    while hops and _is_in(client, networks):
        client = hops.pop()
    try:
        return str(ipaddress.ip_address(client))
    except ValueError:
        return UNKNOWN


def _is_in(client: str, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return False
    return any(address in network for network in networks)


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


class Buckets:
    """A token bucket for each name. `capacity` at once, `per_s` after that."""

    def __init__(self, capacity: float, per_s: float) -> None:
        self._capacity, self._per_s = capacity, per_s
        self._tokens: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, now: float) -> bool:
        """Whether there was one left; `now` is a monotonic time."""
        tokens, before = self._tokens.pop(name, (self._capacity, now))
        tokens = min(self._capacity, tokens + max(0.0, now - before) * self._per_s)
        enough = tokens >= 1
        self._tokens[name] = (tokens - 1 if enough else tokens, now)
        if len(self._tokens) > _MOST_NETWORKS:
            self._tokens.popitem(last=False)
        return enough
