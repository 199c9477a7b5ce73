"""A message for one reader as SMTP sees it: envelope, octets, how far it came and what became of it. Pure.

What a server offers (SIZE, SMTPUTF8, DSN) decides how an envelope is written, and which messages need not be tried.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple

from newsletter.delivery.replies import Reply
from newsletter.errors import InputError, Mistake

# RFC 5321 4.1.2 without quoted local parts, routes and literals: an address that is more than this could carry a
# command or a parameter into the dialogue, `a@b.c> AUTH=<` (security T19).
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_DOMAIN = r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*"
_ADDRESS = re.compile(rf"({_ATOM}(?:\.{_ATOM})*)@{_DOMAIN}\Z")
_LOCAL_LIMIT, _ADDRESS_LIMIT = 64, 254  # octets
# RFC 3461 4: xtext; what is not this is written as +XX.
_XTEXT = re.compile(r"[^!-*,-<>-~]")
_ENVID_LIMIT = 100


class Phase(StrEnum):
    """How far a message has come; `reply` is after its final dot, or after the last octet of its chunk."""

    CONNECT = "connect"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    DOT = "dot"
    REPLY = "reply"


# One of each is made for every message, and a tuple is made in half the time of a frozen dataclass.
class Outgoing(NamedTuple):
    """A message for one recipient. `data` is ready for the wire (`make_wire`); `id` is the caller's.

    `stuffed=False` promises that no dot was stuffed in `data`, so that the same octets do for BDAT. `envid` comes back
    in delivery status notifications (RFC 3461).
    """

    id: int
    sender: str
    recipient: str
    data: bytes
    envid: str = ""
    stuffed: bool = True

    @property
    def plain(self) -> bytes:
        """The message without stuffed dots: BDAT counts octets and needs none (RFC 3030)."""
        return undo_wire(self.data) if self.stuffed else self.data


class Result(NamedTuple):
    """What became of a message. Refused is definite, unsent is certain, in doubt is neither."""

    message: Outgoing
    status: Literal["accepted", "refused", "unsent", "in_doubt"]
    phase: Phase
    reply: Reply | None = None


@dataclass(frozen=True, slots=True)
class Extensions:
    """What a server offers for envelopes. `size` is its limit in octets, 0 if it has none, None if it has no SIZE."""

    size: int | None = None
    utf8: bool = False
    dsn: bool = False

    def write_mail(self, message: Outgoing) -> str:
        """The MAIL command with its parameters."""
        size = "" if self.size is None else f" SIZE={len(message.data)}"
        utf8 = "" if message.recipient.isascii() else " SMTPUTF8"
        dsn = self._ask_for_headers(message) if self.dsn else ""
        return f"MAIL FROM:<{message.sender}>{size}{utf8}{dsn}\r\n"

    def _ask_for_headers(self, message: Outgoing) -> str:
        return f" RET=HDRS ENVID={_write_xtext(message.envid)}" if message.envid else " RET=HDRS"

    def write_rcpt(self, message: Outgoing) -> str:
        """The RCPT command with its parameters."""
        return f"RCPT TO:<{message.recipient}>{' NOTIFY=FAILURE' if self.dsn else ''}\r\n"

    def find_refusal(self, message: Outgoing) -> Result | None:
        """What can be known before a command is written; as a reply, so that it is judged like a server's."""
        sender, recipient, size = message.sender, message.recipient, len(message.data)
        if (
            _ADDRESS.match(sender)
            and _ADDRESS.match(recipient)
            and len(sender) <= _LOCAL_LIMIT >= len(recipient)
            and not message.envid
            and not (self.size and size > self.size)
        ):
            return None  # nearly all
        if not _is_address(message.sender) or len(message.envid) > _ENVID_LIMIT:
            return _refuse(message, Phase.MAIL, 553, "5.1.7 a sender that must not stand in an SMTP command")
        if not _is_address(message.recipient):
            if message.recipient.isascii() or not _is_utf8_address(message.recipient):
                return _refuse(message, Phase.RCPT, 553, "5.1.3 an address that must not stand in an SMTP command")
            if not self.utf8:
                return _refuse(message, Phase.RCPT, 553, "5.6.7 the relay takes no address that is not ASCII")
        if self.size and len(message.data) > self.size and len(message.plain) > self.size:
            return _refuse(message, Phase.DATA, 552, f"5.3.4 message size exceeds the relay's limit of {self.size}")
        return None


def check_envelope(address: str, *, utf8: bool = False) -> str:
    """An address that may stand between < and > in MAIL and RCPT, with `utf8` under SMTPUTF8. Raises InputError."""
    if not _is_address(address) and not (utf8 and _is_utf8_address(address)):
        raise InputError(Mistake(code="NL071", message="an address that must not stand in an SMTP command"))
    return address


def make_wire(message: bytes) -> bytes:
    """A message with CRLF → the same with dots stuffed, without the final dot (RFC 5321 4.5.2). Raises InputError.

    Attack: a bare CR or LF before a dot ends the message for some servers and not for others, and what follows is
    mail in our name (SMTP smuggling, security T18). Our writer makes none, so one here is refused, not repaired.
    """
    if message.count(b"\n") != message.count(b"\r\n") or message.count(b"\r") != message.count(b"\r\n"):
        raise InputError(Mistake(code="NL071", message="a message with a bare CR or LF"))
    if not message.endswith(b"\r\n"):
        raise InputError(Mistake(code="NL071", message="a message whose last line is not ended"))
    stuffed = message.replace(b"\r\n.", b"\r\n..")
    return b"." + stuffed if message.startswith(b".") else stuffed


def undo_wire(data: bytes) -> bytes:
    """What `make_wire` made → the message."""
    return data.removeprefix(b".").replace(b"\r\n..", b"\r\n.")


def _is_address(address: str) -> bool:
    match = _ADDRESS.match(address)
    return match is not None and len(address) <= _ADDRESS_LIMIT and match.end(1) <= _LOCAL_LIMIT


def _is_utf8_address(address: str) -> bool:
    """RFC 6531: a local part beyond ASCII. Its domain is ASCII (`xn--`), as everywhere in this program."""
    local, _, domain = address.rpartition("@")
    if len(local.encode("utf-8", "replace")) > _LOCAL_LIMIT or len(address) > _ADDRESS_LIMIT:
        return False
    # No control, blank, unassigned or invisible character; and none that a server's normalisation would turn into a
    # command: `＜`, `＞` and `＠` are `<`, `>` and `@` to NFKC (security T19).
    if any(unicodedata.category(char)[0] in "CZ" for char in local):
        return False
    folded = unicodedata.normalize("NFKC", local)
    ascii_like = "".join(char if char.isascii() else "x" for char in folded)
    return unicodedata.is_normalized("NFC", local) and _ADDRESS.match(f"{ascii_like}@{domain}") is not None


def _write_xtext(text: str) -> str:
    return _XTEXT.sub(lambda match: "".join(f"+{octet:02X}" for octet in match[0].encode("utf-8", "replace")), text)


def _refuse(message: Outgoing, phase: Phase, code: int, text: str) -> Result:
    return Result(message, "refused", phase, Reply(code, (text,)))
