"""Tokens in mails: made again, byte for byte, for every try, and believed only if they are ours (security K1-K4).

Token = key and purpose ‖ issue ‖ subscriber ‖ HMAC-SHA256, shortened. Each purpose has a key of its own, so that one
never passes for another: whoever holds a mail may unsubscribe its reader and do nothing else.
"""

import base64
import binascii
import hashlib
import hmac
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

# A token is 32 characters, so that an unsubscribe address stays below 70 (message X3).
_IDS = struct.Struct(">II")  # purpose and key (one octet) with the issue (three), subscriber
_MAC_BYTES = 16
_VERP_MAC_BYTES = 5  # it only reports a bounce, and there is a guard against many of them
_UNSUBSCRIBE, _VERP = 1, 2
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class _Hmac:
    """HMAC-SHA256 (RFC 2104) with the key taken in once: a third of the time of `hmac.digest` for each message."""

    def __init__(self, key: bytes) -> None:
        block = key.ljust(64, b"\0")
        self._inner = hashlib.sha256(bytes(octet ^ 0x36 for octet in block))
        self._outer = hashlib.sha256(bytes(octet ^ 0x5C for octet in block))

    def digest(self, message: bytes) -> bytes:
        """All 32 octets."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()


class Ids(NamedTuple):
    """Whose mail a token was in."""

    issue: int
    subscriber: int


class ReaderTokens(NamedTuple):
    """What differs in one reader's mail: the unsubscribe token, and the number in the Message-ID."""

    unsubscribe: str
    message_id: str


@dataclass(frozen=True, slots=True)
class TokenKeys:
    """One key a purpose. Several sets verify, the newest signs; numbers go up to 15."""

    number: int
    unsubscribe: _Hmac = field(repr=False)
    verp: _Hmac = field(repr=False)

    @classmethod
    def derive(cls, derive: Callable[[str], bytes], number: int = 0) -> "TokenKeys":
        """From the database's key: `derive(purpose)` gives a key (security K2)."""
        return cls(number, _Hmac(derive("unsubscribe")), _Hmac(derive("verp")))


def derive_all(secrets: Sequence[Callable[[str], bytes]]) -> list[TokenKeys]:
    """All sets of keys; the last one signs."""
    return [TokenKeys.derive(derive, number) for number, derive in enumerate(secrets)]


def make_tokens(keys: TokenKeys, issue: int, subscriber: int) -> ReaderTokens:
    """The tokens of one delivery."""
    ids = _IDS.pack(_first(keys, _UNSUBSCRIBE, issue), subscriber)
    mac = keys.unsubscribe.digest(ids)
    token = binascii.b2a_base64(ids + mac[:_MAC_BYTES], newline=False).translate(_URL_SAFE)
    # The other half of the same MAC is a number that no other message has, and tells nothing about the first.
    return ReaderTokens(token.decode("ascii"), mac[_MAC_BYTES:].hex())


def _first(keys: TokenKeys, purpose: int, issue: int) -> int:
    if issue >> 24:
        raise OverflowError("an issue's number must fit into three octets")
    return (keys.number << 4 | purpose) << 24 | issue


def make_verp(keys: TokenKeys, issue: int, subscriber: int) -> str:
    """What names the delivery in the sender of its envelope."""
    ids = _IDS.pack(_first(keys, _VERP, issue), subscriber)
    return (ids + keys.verp.digest(ids)[:_VERP_MAC_BYTES]).hex()


def read_unsubscribe(token: str, keys: Sequence[TokenKeys]) -> Ids | None:
    """Whose token this is; None for one that is not ours. The time it takes does not tell why not (K3)."""
    try:
        data = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        if binascii.b2a_base64(data, newline=False).translate(_URL_SAFE).decode("ascii") != token:
            data = b""  # another spelling of the same octets
    except ValueError:
        data = b""
    return _read(data, _UNSUBSCRIBE, _MAC_BYTES, [(one.number, one.unsubscribe) for one in keys])


def read_verp(token: str, keys: Sequence[TokenKeys]) -> Ids | None:
    """The delivery that a bounce is about; None if it is not ours. Mail servers may change its case (message M30)."""
    try:
        data = binascii.unhexlify(token.encode("ascii"))
    except ValueError:
        data = b""
    return _read(data, _VERP, _VERP_MAC_BYTES, [(one.number, one.verp) for one in keys])


def _read(data: bytes, purpose: int, mac_bytes: int, keys: Sequence[tuple[int, _Hmac]]) -> Ids | None:
    padded = data[: _IDS.size + mac_bytes].ljust(_IDS.size + mac_bytes, b"\0")
    ids, mac = padded[: _IDS.size], padded[_IDS.size :]
    first, subscriber = _IDS.unpack(ids)
    good = False
    for number, key in keys:
        same = hmac.compare_digest(key.digest(ids)[:mac_bytes], mac)
        good |= same and first >> 24 == number << 4 | purpose
    return Ids(first & 0xFFFFFF, subscriber) if good and len(data) == _IDS.size + mac_bytes else None
