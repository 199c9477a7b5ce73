"""The mail transactions of one SMTP connection, without a socket: octets in, octets and results out.

Every reply is matched with the command it answers, by count and order. So it is known at every moment how far each
message has come, and when the connection breaks, which one is in doubt: the one whose final dot was handed to the
network and whose reply has not come (delivery D10). All others were not sent.
"""

import re
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from newsletter.delivery.replies import ProtocolFault, Reply, ReplyReader
from newsletter.errors import InputError, Mistake

# RFC 5321 4.1.2 without quoted local parts, routes and literals: an address that is more than this could carry a
# command or a parameter into the dialogue, `a@b.c> AUTH=<` (security T19).
_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\Z"
)
_LOCAL_LIMIT, _ADDRESS_LIMIT = 64, 254


class Phase(StrEnum):
    """How far a message has come; `reply` is after its final dot."""

    CONNECT = "connect"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    DOT = "dot"
    REPLY = "reply"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message for one recipient. `data` is ready for the wire (`make_wire`); `id` is the caller's."""

    id: int
    sender: str
    recipient: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a message. Refused is definite, unsent is certain, in doubt is neither."""

    message: Outgoing
    status: Literal["accepted", "refused", "unsent", "in_doubt"]
    phase: Phase
    reply: Reply | None = None


def check_envelope(address: str) -> str:
    """An address that may stand between < and > in MAIL and RCPT. Raises InputError."""
    local = address.rpartition("@")[0]
    if len(address) > _ADDRESS_LIMIT or len(local) > _LOCAL_LIMIT or not _ADDRESS.match(address):
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


@dataclass(slots=True, eq=False)
class _Transaction:
    message: Outgoing
    phase: Phase = Phase.MAIL
    refused: bool = False
    dot_written: bool = False
    dot_handed: bool = False


class _Other(StrEnum):
    EMPTY = "the end of a message that had no recipient left"
    RSET = "RSET"


class Dialogue:
    """Transactions over a connection that is open and greeted. With `pipelining`, a body and the next envelope are one write.

    Usage: write what `offer` and `receive` return; call `handed_over` whenever all written octets are with the kernel,
    and `end` when the connection is gone.
    """

    def __init__(self, *, pipelining: bool) -> None:
        self._pipelining = pipelining
        self._reader = ReplyReader()
        self._expected: deque[tuple[Phase | _Other, _Transaction]] = deque()
        self._open: deque[_Transaction] = deque()
        self._waiting: deque[Outgoing] = deque()
        self._results: list[Result] = []
        self.closing = False

    @property
    def wants_message(self) -> bool:
        """Whether one more message should be offered now: one under way, and one to follow it without a pause."""
        return not self.closing and len(self._open) + len(self._waiting) < 2

    @property
    def phase(self) -> Phase:
        """What the connection waits for; it decides how long to wait."""
        return next((what for what, _ in self._expected if isinstance(what, Phase)), Phase.MAIL)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._expected and not self._waiting

    @property
    def is_over(self) -> bool:
        """Whether the server said 421 and no reply is awaited that says something about a message."""
        return self.closing and all(what is not Phase.DOT for what, _ in self._expected)

    def offer(self, message: Outgoing) -> bytes:
        """Take a message → the octets to write now. Raises InputError for an address that must not be written."""
        check_envelope(message.sender)
        check_envelope(message.recipient)
        # In a pipeline the next envelope may follow a dot that is not answered yet, but no open question about a DATA.
        follows = self._pipelining and all(what not in _ENVELOPE for what, _ in self._expected)
        if self._waiting or (self._expected and not follows):
            self._waiting.append(message)
            return b""
        return self._start(message)

    def receive(self, data: bytes) -> tuple[bytes, list[Result]]:
        """Octets from the server → (octets to write, results). Raises ProtocolFault; then call `end`, which has the rest."""
        out = b""
        for reply in self._reader.feed(data):
            if reply.code == 421:
                self.closing = True  # RFC 5321 3.8: the server closes, whatever it was asked
            if not self._expected:
                if reply.code == 421:
                    continue
                raise ProtocolFault("a reply to nothing")
            what, transaction = self._expected.popleft()
            written, result = self._answered(what, transaction, reply)
            out += written
            self._results += [result] if result else []
        return out, self._take_results()

    def _take_results(self) -> list[Result]:
        results, self._results = self._results, []
        return results

    def handed_over(self) -> None:
        """All that was written is with the kernel: from here on a written dot may have been seen."""
        for transaction in self._open:
            transaction.dot_handed = transaction.dot_written

    def end(self) -> list[Result]:
        """The connection is gone → what became of all messages that have no result yet."""
        results = self._take_results()
        results += [
            Result(one.message, "in_doubt", Phase.REPLY)
            if one.dot_handed
            else Result(one.message, "unsent", Phase.DOT if one.dot_written else one.phase)
            for one in self._open
        ]
        results += [Result(message, "unsent", Phase.CONNECT) for message in self._waiting]
        self._open.clear()
        self._waiting.clear()
        self._expected.clear()
        self.closing = True
        return results

    # --- one transaction ------------------------------------------------------------------------------------------

    def _start(self, message: Outgoing) -> bytes:
        transaction = _Transaction(message)
        self._open.append(transaction)
        mail = f"MAIL FROM:<{message.sender}>\r\n".encode("ascii")
        self._expected.append((Phase.MAIL, transaction))
        if not self._pipelining:
            return mail
        self._expected += [(Phase.RCPT, transaction), (Phase.DATA, transaction)]
        return mail + _rcpt(message) + b"DATA\r\n"

    def _start_next(self) -> bytes:
        return self._start(self._waiting.popleft()) if self._waiting and not self.closing else b""

    def _answered(self, what: Phase | _Other, transaction: _Transaction, reply: Reply) -> tuple[bytes, Result | None]:
        if isinstance(what, _Other):
            return (b"" if self._pipelining else self._start_next()), None
        transaction.phase = what
        if 300 <= reply.code < 400 and what is not Phase.DATA:
            raise ProtocolFault(f"{reply.code} in answer to {what}")
        if reply.code == 503 and not transaction.refused:
            # We keep the order, so the server has lost count of a pipeline, or a reply was swallowed (F36).
            raise ProtocolFault(f"503 in answer to {what}: out of step")
        if what is Phase.DOT:
            self._open.remove(transaction)
            status: Literal["accepted", "refused"] = "accepted" if reply.code < 300 else "refused"
            # In lock-step the next one begins only now; in a pipeline its envelope is on the way already.
            out = b"" if self._pipelining else self._start_next()
            return out, Result(transaction.message, status, Phase.REPLY, reply)
        if what is Phase.DATA:
            return self._data_answered(transaction, reply)
        if reply.code < 300 or transaction.refused:
            return (b"" if self._pipelining else self._advance(what, transaction)), None
        return self._refuse(what, transaction, reply)

    def _advance(self, what: Phase, transaction: _Transaction) -> bytes:
        if what is Phase.MAIL:
            self._expected.append((Phase.RCPT, transaction))
            return _rcpt(transaction.message)
        self._expected.append((Phase.DATA, transaction))
        return b"DATA\r\n"

    def _data_answered(self, transaction: _Transaction, reply: Reply) -> tuple[bytes, Result | None]:
        if transaction.refused:
            # The recipient was refused and its DATA is on the way: a 354 must be answered by a message of nothing,
            # or the next commands become its text (speed S6).
            if reply.code != 354:
                return self._reset(), None
            self._expected.append((_Other.EMPTY, _NOBODY))
            return b".\r\n" + self._reset(), None
        if reply.code < 300:
            raise ProtocolFault(f"{reply.code} in answer to data")
        if reply.code != 354:
            return self._refuse(Phase.DATA, transaction, reply)
        transaction.phase, transaction.dot_written = Phase.DOT, True
        self._expected.append((Phase.DOT, transaction))
        # Body, dot and the next envelope in one write: one round trip a message (speed S4).
        follow = self._start_next() if self._pipelining else b""
        return transaction.message.data + b".\r\n" + follow, None

    def _refuse(self, what: Phase, transaction: _Transaction, reply: Reply) -> tuple[bytes, Result]:
        # 421 says that the connection ends and nothing about the message (D35).
        result = Result(transaction.message, "unsent" if reply.code == 421 else "refused", what, reply)
        transaction.refused = True
        self._open.remove(transaction)
        pipeline_goes_on = self._pipelining and what is not Phase.DATA
        return b"" if pipeline_goes_on else self._reset(), result

    def _reset(self) -> bytes:
        """RSET before the next MAIL: without it a server answers 503 to every later one (D32)."""
        if self.closing:
            return b""
        self._expected.append((_Other.RSET, _NOBODY))
        return b"RSET\r\n" + (self._start_next() if self._pipelining else b"")


_ENVELOPE = (Phase.MAIL, Phase.RCPT, Phase.DATA)
_NOBODY = _Transaction(Outgoing(0, "", "", b""))


def _rcpt(message: Outgoing) -> bytes:
    return f"RCPT TO:<{message.recipient}>\r\n".encode("ascii")
