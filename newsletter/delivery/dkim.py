"""DKIM signatures (RFC 6376, 8463), relaxed/relaxed. `cryptography` does the mathematics; dkimpy verifies in the tests."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from newsletter.delivery.message import Header
from newsletter.delivery.segments import Segments, cut_at_slots
from newsletter.errors import InputError, Mistake

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

SHORTEST_RSA = 2048
# Listed once more than they stand in the message: one that somebody adds on the way breaks the signature (message H21).
# RFC 8058 4 wants both List-Unsubscribe headers to be covered.
OVERSIGNED = (
    "From",
    "Subject",
    "To",
    "Date",
    "Reply-To",
    "Cc",
    "Message-ID",
    "Content-Type",
    "MIME-Version",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
)
SIGNED = (
    "List-Id",
    "List-Help",
    "List-Owner",
    "List-Subscribe",
    "List-Archive",
    "List-Post",
    "Feedback-ID",
)
_BLANKS = re.compile(r"[ \t]+")
_BODY_BLANKS = re.compile(rb"[ \t]+")


@dataclass(frozen=True, slots=True)
class DkimKey:
    """A private key, and where its public half stands in the DNS: `<selector>._domainkey.<domain>`."""

    domain: str
    selector: str
    algorithm: Literal["rsa-sha256", "ed25519-sha256"]
    private: "RSAPrivateKey | Ed25519PrivateKey" = field(repr=False)


def read_key(path: Path, domain: str, selector: str) -> DkimKey:
    """A key file (PEM) → the key. Raises InputError for one that is not readable, too short, or open to others."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    def refuse(what: str, help: str | None = None) -> InputError:
        return InputError(Mistake(code="NL072", file=str(path), message=what, help=help))

    try:
        data = path.read_bytes()
        if path.stat().st_mode & 0o077:
            raise refuse("others can read this key", f"chmod 600 {path}")
        private = load_pem_private_key(data, password=None)
    except OSError as error:
        raise refuse(f"cannot be read: {error.strerror}") from None
    except (ValueError, TypeError):
        raise refuse("is no private key in PEM without a password") from None
    if isinstance(private, RSAPrivateKey):
        if private.key_size < SHORTEST_RSA:
            raise refuse(f"has {private.key_size} bits; mail providers want {SHORTEST_RSA} at least")
        return DkimKey(domain, selector, "rsa-sha256", private)
    if isinstance(private, Ed25519PrivateKey):
        return DkimKey(domain, selector, "ed25519-sha256", private)
    raise refuse("is neither an RSA nor an Ed25519 key")


class Signer:
    """Signs one issue's messages with one key. All that is the same for every reader is made once (speed S8)."""

    def __init__(self, key: DkimKey, head: Segments, body: Segments, value: str) -> None:
        self._key, self._head, self._body = key, head, body
        self._value = value.encode("ascii")
        # What stands before the first slot of the body is hashed once.
        self._begun = hashlib.sha256(body.pieces[0])

    def sign(self, values: Mapping[str, bytes]) -> bytes:
        """The DKIM-Signature line of the message that these values make, with its line end."""
        digest = self._begun.copy()
        for slot, piece in zip(self._body.slots, self._body.pieces[1:], strict=True):
            digest.update(values[slot])
            digest.update(piece)
        value = self._value.replace(_HASH_SLOT, base64.b64encode(digest.digest()))
        relaxed = _BODY_BLANKS.sub(b" ", value.replace(b"\r\n", b""))
        signature = base64.b64encode(_sign(self._key, self._head.fill(values) + b"dkim-signature:" + relaxed))
        pieces = [signature[start : start + 72] for start in range(0, len(signature), 72)]
        return b"DKIM-Signature: " + value + b"\r\n ".join(pieces) + b"\r\n"


_HASH_SLOT = b"__BODY_HASH__"


def compile_signer(key: DkimKey, message: bytes, moment: datetime) -> Signer:
    """A message of ours, with slots, → what signs it for each reader. The same message and moment give the same octets.

    What fills a slot holds no blank and no line end, so the relaxed form of the message with its slots is that of every
    reader's message.
    """
    head, _, body = message.decode("ascii").partition("\r\n\r\n")
    lines = [line.partition(": ") for line in head.replace("\r\n ", "\n ").split("\r\n")]
    headers = [Header(name, value.replace("\n ", "\r\n ")) for name, _, value in lines]
    names = [name for name in (*OVERSIGNED, *SIGNED) for _ in _times(name, headers)]
    value = (
        f"v=1; a={key.algorithm}; c=relaxed/relaxed; d={key.domain}; s={key.selector};\r\n"
        f" t={int(moment.timestamp())};\r\n"
        f" h={_fold_names(names)};\r\n"
        f" bh={_HASH_SLOT.decode()};\r\n"
        f" b="
    )
    left = {header.name.lower(): header for header in headers}
    signed = [relax_header(header) + "\r\n" for name in names if (header := left.pop(name.lower(), None))]
    relaxed = relax_body(body.encode("ascii"))
    return Signer(key, cut_at_slots("".join(signed).encode("ascii")), cut_at_slots(relaxed), value)


def _times(name: str, headers: Sequence[Header]) -> range:
    """How often a header is listed: as often as it stands there (each does once), and once more if it is oversigned."""
    return range(sum(header.name.lower() == name.lower() for header in headers) + (name in OVERSIGNED))


def _fold_names(names: list[str]) -> str:
    lines = [":".join(names[start : start + 5]) for start in range(0, len(names), 5)]
    return ":\r\n  ".join(lines)


def _sign(key: DkimKey, data: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import padding
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.hashes import SHA256

    if isinstance(key.private, RSAPrivateKey):
        return key.private.sign(data, padding.PKCS1v15(), SHA256())
    return key.private.sign(hashlib.sha256(data).digest())  # RFC 8463 3: PureEdDSA over the hash


def relax_header(header: Header) -> str:
    """A header in the relaxed form (RFC 6376 3.4.2), without its line end."""
    value = _BLANKS.sub(" ", header.value.replace("\r\n", "")).strip(" ")
    return f"{header.name.lower()}:{value}"


def relax_body(body: bytes) -> bytes:
    """A body in the relaxed form (RFC 6376 3.4.4): runs of blanks are one, none at line ends, no empty lines at the end."""
    lines = [_BODY_BLANKS.sub(b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)
