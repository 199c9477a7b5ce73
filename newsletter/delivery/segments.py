"""An issue's message, compiled once: octets ready for the wire, with gaps for what differs from reader to reader.

Filling one costs a join. Nothing is parsed, escaped or encoded again, so a value must be fit for its gap before.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from newsletter.delivery.envelope import check_envelope, make_wire
from newsletter.delivery.message import SLOT
from newsletter.errors import InputError, Mistake

# What may fill a gap: it is safe in a header, in a URL, in an address, in HTML and in quoted-printable alike. No `=`,
# which would be decoded; no dot in front, which would be the dot that ends the message (security T18).
_TOKEN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*\Z")
_TOKEN_LIMIT = 75  # so that it fits into a line of quoted-printable with its soft break


@dataclass(frozen=True, slots=True)
class Segments:
    """A message for the wire, cut at its slots: `pieces[0] slots[0] pieces[1] …`.

    `stuffed=False`: it has no line with a dot in front, so that its octets do for BDAT as well (`Outgoing.stuffed`).
    """

    pieces: tuple[bytes, ...]
    slots: tuple[str, ...]
    stuffed: bool = True

    def fill(self, values: Mapping[str, bytes]) -> bytes:
        """The message of one reader. `values` come from `token_value`; a slot without a value is a KeyError."""
        parts = [self.pieces[0]]
        for slot, piece in zip(self.slots, self.pieces[1:], strict=True):
            parts += (values[slot], piece)
        return b"".join(parts)


def compile_message(message: bytes, *, tokens: frozenset[str], addresses: frozenset[str]) -> Segments:
    """A message with slots → its segments, dots stuffed. `addresses` are slots that may stand in the headers only.

    Raises InputError for a slot that is neither.
    """
    wire = make_wire(message).decode("ascii")
    head, _, body = wire.partition("\r\n\r\n")
    strange = {*SLOT.findall(head)} - tokens - addresses | {*SLOT.findall(body)} - tokens
    if strange:
        raise InputError(Mistake(code="NL042", message=f"the message holds {min(strange)}, which nothing fills there"))
    return replace(cut_at_slots(wire.encode("ascii")), stuffed=len(wire) != len(message))


def cut_at_slots(data: bytes) -> Segments:
    """Octets with slots → their segments."""
    found = SLOT.split(data.decode("ascii"))
    return Segments(tuple(piece.encode("ascii") for piece in found[::2]), tuple(found[1::2]))


def token_value(text: str) -> bytes:
    """A token as it may fill a slot anywhere. Raises InputError."""
    if len(text) > _TOKEN_LIMIT or not _TOKEN.match(text):
        raise InputError(Mistake(code="NL071", message="a value that must not stand in a message as it is"))
    return text.encode("ascii")


def address_value(address: str) -> bytes:
    """An address as it may fill a slot of a header; beyond ASCII it goes out under SMTPUTF8 (RFC 6532). Raises InputError."""
    if "=?" in check_envelope(address, utf8=True):  # some programs would decode it (message X1)
        raise InputError(Mistake(code="NL071", message="an address that looks like an encoded word"))
    return address.encode("utf-8")
