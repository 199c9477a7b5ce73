"""A claimed delivery → the octets that go out for it. Compiled once for each variant; per reader only tokens are filled in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from newsletter import links
from newsletter.delivery.dkim import DkimKey, Signer, compile_signer
from newsletter.delivery.envelope import Outgoing
from newsletter.delivery.outcomes import cannot_write
from newsletter.delivery.segments import Segments, address_value, compile_message, token_value
from newsletter.errors import InputError
from newsletter.model import Claim, Outcome

_TOKENS = frozenset({links.TOKEN_SLOT, links.ID_SLOT})
_ADDRESSES = frozenset({links.ADDRESS_SLOT})


class ReaderValues(NamedTuple):
    """What fills the slots of one reader's message, and the sender of its envelope."""

    token: str
    message_id: str
    sender: str


@dataclass(frozen=True, slots=True)
class _Variant:
    segments: Segments
    signers: tuple[Signer, ...]


class Composer:
    """Writes the messages of one issue. `values` gives a subscriber's tokens, `wire` an address as it goes on the wire."""

    def __init__(
        self,
        messages: Mapping[int, bytes],
        *,
        values: Callable[[int], ReaderValues],
        wire: Callable[[str], str],
        keys: Sequence[DkimKey] = (),
        moment: datetime,
    ) -> None:
        self._values, self._wire = values, wire
        self.signs = bool(keys)
        self._variants = {
            number: _Variant(
                compile_message(message, tokens=_TOKENS, addresses=_ADDRESSES),
                tuple(compile_signer(key, message, moment) for key in keys),
            )
            for number, message in messages.items()
        }

    def write(self, claim: Claim) -> Outgoing:
        """The same octets for every try (D16). Raises InputError for an address that must not stand in a header."""
        token, message_id, sender = self._values(claim.subscriber_id)
        address = self._wire(claim.address)
        filled = {
            links.TOKEN_SLOT: token_value(token),
            links.ID_SLOT: token_value(message_id),
            links.ADDRESS_SLOT: address_value(address),
        }
        variant = self._variants[claim.variant]
        data = variant.segments.fill(filled)
        if variant.signers:
            data = b"".join((*(signer.sign(filled) for signer in variant.signers), data))
        return Outgoing(claim.subscriber_id, sender, address, data, "", variant.segments.stuffed)

    def write_all(self, claims: Sequence[Claim]) -> list[Outgoing | Outcome]:
        """Messages, and for one that cannot be written its outcome."""
        return [self._try(claim) for claim in claims]

    def _try(self, claim: Claim) -> Outgoing | Outcome:
        try:
            return self.write(claim)
        except InputError as error:
            return cannot_write(claim, str(error))
