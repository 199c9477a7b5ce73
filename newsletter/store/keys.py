"""The key that belongs to a database: a file of secrets, from which every other key is derived."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from newsletter.errors import Mistake
from newsletter.store.failures import StoreError
from newsletter.text.mailbox import mailbox_key

KEY_BYTES = 32
MOST_KEYS = 16  # a token has four bits for the number of its key


@dataclass(frozen=True, slots=True)
class DatabaseKey:
    """The secret that belongs to a database: hashes of addresses and tokens in mails are made with it.

    `newer` are further secrets for tokens only: the last one makes them, all are believed, so no link in a mail dies (T31).
    """

    secret: bytes = field(repr=False)
    newer: tuple[bytes, ...] = field(default=(), repr=False)
    suppression: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "suppression", self.derive("suppression"))

    def derive(self, purpose: str) -> bytes:
        """A key for one purpose only (security K2)."""
        return _derive(self.secret, purpose)

    @property
    def token_secrets(self) -> list[Callable[[str], bytes]]:
        """`derive` for each secret of tokens, the oldest first."""
        return [partial(_derive, secret) for secret in (self.secret, *self.newer)]

    def address_hash(self, canonical: str) -> str:
        """A canonical address as suppression keeps it (security L4)."""
        return hmac.digest(self.suppression, canonical.encode(), "sha256").hex()[:40]

    def mailbox_hash(self, canonical: str) -> str:
        """The mailbox of an address, as letters are counted: the same for spellings that a provider takes for one (T24)."""
        return self.address_hash(mailbox_key(canonical))

    @property
    def check(self) -> str:
        """By this the database knows its key."""
        return hashlib.sha256(self.derive("check")).hexdigest()[:16]


def read_key(path: Path) -> DatabaseKey:
    """The key in a file. Raises StoreError if there is none that can be used."""
    try:
        secrets_ = [bytes.fromhex(line) for line in path.read_text(encoding="ascii").split()]
    except (OSError, ValueError):
        secrets_ = []
    if not secrets_ or any(len(one) < KEY_BYTES for one in secrets_) or len(secrets_) > MOST_KEYS:
        raise StoreError(
            Mistake(
                code="NL091",
                file=str(path),
                message="the database's key cannot be read",
                help="put the file back from a backup: without it no link in a mail that is out works any more",
            )
        )
    return DatabaseKey(secrets_[0], tuple(secrets_[1:]))


def _derive(secret: bytes, purpose: str) -> bytes:
    return hmac.digest(secret, f"newsletter/{purpose}".encode(), "sha256")
