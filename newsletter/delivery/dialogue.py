"""The mail transactions of one SMTP connection, without a socket: octets in, octets and results out.

Every reply is matched with the command it answers, by count and order. So it is known at every moment how far each
message has come, and when the connection breaks, which are in doubt: those whose last octet was handed to the network
and whose reply has not come (delivery D10). All others were not sent.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from time import monotonic
from typing import Literal, Protocol

from newsletter.delivery.envelope import Extensions, Outgoing, Phase, Result
from newsletter.delivery.envelope import check_envelope as check_envelope
from newsletter.delivery.envelope import make_wire as make_wire
from newsletter.delivery.replies import LINE_LIMIT, ProtocolFault, Reply, ReplyReader

__all__ = ["Dialogue", "MessageFeed", "Mode", "Outgoing", "Phase", "Result", "TooLate", "check_envelope", "make_wire"]

WINDOW = 8


class Mode(IntEnum):
    """How much a connection says before it listens, from little to much."""

    LOCK_STEP = 0
    PIPELINING = 1  # RFC 2920: an envelope at once, and behind the body of the message before
    CHUNKING = 2  # RFC 3030: whole messages, several before the reply to the first


class MessageFeed(Protocol):
    """Where messages come from and results go. Called in the middle of an event: neither may block or raise."""

    def take(self) -> Outgoing | None:
        """The next message that may be sent over this connection now; None: none at the moment."""

    def done(self, result: Result) -> None:
        """What became of a message; called exactly once for every one taken."""


class TooLate(Exception):
    """The last octet of a message may not be written any more: somebody else may have it by now (F6)."""


class _Other(StrEnum):
    EMPTY = "the end of a message that had no recipient left"
    RSET = "RSET"


@dataclass(slots=True, eq=False)
class _Transaction:
    """`result` is there from a refusal on, until the replies that are still to come have borne it out."""

    message: Outgoing
    phase: Phase = Phase.MAIL
    result: Result | None = None
    dot: int = 0  # this message's last octet was the n-th of the connection to be written; 0: not yet


Question = tuple[Phase | _Other, _Transaction | None]  # what was asked, about which message
# Names of their own: a member is looked up slowly in its class (Python 3.11), and this is done for every reply.
_MAIL, _RCPT, _DATA, _DOT, _REPLY, _RSET = Phase.MAIL, Phase.RCPT, Phase.DATA, Phase.DOT, Phase.REPLY, _Other.RSET
_ENVELOPE = (_MAIL, _RCPT, _DATA)
_CODES = {b"%d " % code: code for code in range(200, 600)}


class Dialogue:
    """Transactions over a connection that is open and greeted.

    Usage: write what `receive` returns, in one piece; call `receive(b"")` when there may be something to take;
    `handed_over` whenever all written octets are with the kernel; `end` when the connection is gone.
    """

    def __init__(
        self,
        feed: MessageFeed,
        mode: Mode = Mode.LOCK_STEP,
        *,
        window: int = WINDOW,
        offered: Extensions = Extensions(),  # noqa: B008 - frozen
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.feed = feed
        self.closing = False  # the server said 421
        self.finishing = False  # nothing more is taken
        self.careful = True  # of the next message only the envelope first: the server may have gone in the pause
        self.not_after: float | None = None
        self.taken = 0
        self._offered, self._clock = offered, clock
        self._lock_step, self._pipelining, self._chunking = (mode is one for one in Mode)
        self._limit = {Mode.LOCK_STEP: 1, Mode.PIPELINING: 2, Mode.CHUNKING: max(window, 1)}[mode]
        self._reader = ReplyReader()
        self._expected: deque[Question] = deque()
        self._open: deque[_Transaction] = deque()
        self._out: list[bytes] = []
        self._dots = self._written = self._handed = 0  # last octets: made, returned to be written, with the kernel
        self._dirty = False  # the server still holds an envelope that will not be used
        self._cut = False  # the last reply was 421: nothing behind it was looked at
        self._broken = False

    @property
    def awaited(self) -> Question | None:
        """The answer that comes next; another object for each."""
        return self._expected[0] if self._expected else None

    @property
    def is_idle(self) -> bool:
        """Whether all that was taken has its result."""
        return not self._open

    @property
    def is_over(self) -> bool:
        """Whether the server said 421 and no reply is awaited that says something about a message."""
        return self.closing and not any(what is _DOT and one and not one.result for what, one in self._expected)

    def receive(self, data: bytes) -> list[bytes]:
        """Octets from the server → pieces to write as one.

        Raises ProtocolFault or TooLate; then nothing more may be written, and `end` has the rest.
        """
        try:
            rest = self._skim(data)
            if rest:
                for reply in self._reader.feed(rest):
                    self._count(reply.code, reply)
            self._fill()
        except BaseException:
            self._broken = True
            raise
        out, self._out = self._out, []
        self._written = self._dots
        return out

    def handed_over(self) -> None:
        """All that was written is with the kernel, or may be: from here on a written dot may have been seen."""
        self._handed = self._written

    def end(self, *, lost_count: bool = False) -> None:
        """The connection is gone: all messages that have no result get theirs. After `lost_count` no refusal is believed."""
        self.closing = True
        self._broken = self._broken or lost_count
        self._expected.clear()
        while self._open:
            self.feed.done(self._end_one(self._open.popleft()))

    def _end_one(self, one: _Transaction) -> Result:
        if one.result and not self._broken:
            return one.result
        # A server works in order, so what it did not look at before it said 421 and closed was not taken.
        if 0 < one.dot <= self._handed and not (self._cut and not self._broken):
            return Result(one.message, "in_doubt", _REPLY)
        return Result(one.message, "unsent", _DOT if one.dot else one.phase)

    # --- replies --------------------------------------------------------------------------------------------------

    def _skim(self, data: bytes) -> bytes:
        """Count whole one-line replies, which are nearly all, without a `Reply` for each → what needs the reader."""
        if not self._reader.is_empty or not data.endswith(b"\r\n") or len(data) > LINE_LIMIT:
            return data
        lines = data.split(b"\r\n")
        if data.count(b"\n") != len(lines) - 1:
            return data
        expected = self._expected
        for number, line in enumerate(lines):
            code = _CODES.get(line[:4])
            if code is None:
                return b"\r\n".join(lines[number:])
            # What is usual is done here, with the outcome that `_count` would come to: it is three of four replies.
            if code == 250 and expected:
                what, one = expected[0]
                if one and not one.result:
                    if what is _DOT:
                        expected.popleft()
                        self._open.popleft()
                        self._cut = False
                        self.feed.done(Result(one.message, "accepted", _REPLY, _make_reply(code, line)))
                        continue
                    if (what is _RCPT or what is _MAIL) and (self._pipelining or one.dot):
                        expected.popleft()
                        one.phase, self._cut = what, False
                        continue
            self._count(code, line)
        return b""

    def _count(self, code: int, reply: Reply | bytes) -> None:
        """This reply answers the oldest command that has no answer."""
        self._cut = code == 421
        if self._cut:
            self.closing = True  # RFC 5321 3.8: the server closes, whatever it was asked
        if not self._expected:
            if self._cut:
                return
            raise ProtocolFault("a reply to nothing")
        what, one = self._expected.popleft()
        if what is _RSET:
            if code >= 300 and not self._cut:
                raise ProtocolFault(f"{code} in answer to RSET: out of step")
        elif one is None:
            return
        elif what is _MAIL or what is _RCPT:
            self._envelope_answered(what, one, code, reply)
        elif what is _DATA:
            self._data_answered(one, code, reply)
        else:
            self._dot_answered(one, code, reply)
        if one and one.result and not (self._expected and self._expected[0][1] is one):
            self._close(one)

    def _envelope_answered(self, what: Phase, one: _Transaction, code: int, reply: Reply | bytes) -> None:
        one.phase = what
        if code < 300:
            if one.result:
                raise ProtocolFault(f"{code} in answer to rcpt, after its mail was refused: out of step")
            if not self._pipelining:
                self._advance(what, one)
        elif code < 400:
            raise ProtocolFault(f"{code} in answer to {what}")
        else:
            self._refuse(what, one, code, reply)

    def _advance(self, what: Phase, one: _Transaction) -> None:
        """The next command, if it has not been written with the one before."""
        if self._chunking:
            if what is _RCPT and not one.dot:
                self._write_chunk(one, "")
        elif what is _MAIL:
            self._out.append(self._offered.write_rcpt(one.message).encode())
            self._expected.append((_RCPT, one))
        else:
            self._out.append(b"DATA\r\n")
            self._expected.append((_DATA, one))

    def _data_answered(self, one: _Transaction, code: int, reply: Reply | bytes) -> None:
        one.phase = _DATA
        if code == 354 and one.result:
            # The recipient was refused and its DATA is on the way: a 354 must be answered by a message of nothing,
            # or the next commands become its text (speed S6).
            self._out.append(b".\r\n")
            self._expected.append((_Other.EMPTY, None))
        elif code == 354:
            self._count_dot(one)
            self._out += (one.message.data, b".\r\n")
        elif code < 400:
            raise ProtocolFault(f"{code} in answer to data")
        else:
            self._refuse(_DATA, one, code, reply)

    def _dot_answered(self, one: _Transaction, code: int, reply: Reply | bytes) -> None:
        one.phase = _DOT
        if code < 300 and not one.result:
            self._open.popleft()
            self.feed.done(Result(one.message, "accepted", _REPLY, _make_reply(code, reply)))
        elif code < 400:
            raise ProtocolFault(
                f"{code} to a message whose envelope was refused" if one.result else f"{code} to the dot"
            )
        elif self._chunking and code in (500, 502):
            raise ProtocolFault(f"{code} in answer to BDAT, which was offered")
        else:
            self._refuse(_REPLY, one, code, reply)

    def _refuse(self, phase: Phase, one: _Transaction, code: int, reply: Reply | bytes) -> None:
        if one.result:
            return  # it follows from the first refusal
        if code == 503:
            # We keep the order, so the server has lost count of a pipeline, or a reply was swallowed (F36).
            raise ProtocolFault(f"503 in answer to {phase}: out of step")
        # 421 says that the connection ends and nothing about the message, except in answer to its dot (D35).
        status: Literal["unsent", "refused"] = "unsent" if code == 421 and phase is not _REPLY else "refused"
        one.result = Result(one.message, status, phase, _make_reply(code, reply))

    def _close(self, one: _Transaction) -> None:
        """The last reply to do with a refused message is there: its result is certain."""
        self._open.popleft()
        # The reply to a dot ends a transaction; for that to BDAT, RFC 3030 wants a RSET.
        self._dirty = one.phase is not _DOT or self._chunking
        if one.result:
            self.feed.done(one.result)

    # --- messages -------------------------------------------------------------------------------------------------

    def _fill(self) -> None:
        """Begin as many messages as may be begun now."""
        expected = self._expected
        while not (self.closing or self.finishing):
            # In a pipeline an envelope may follow a dot that is not answered yet, but no open question about an envelope.
            if expected and (self._lock_step or len(self._open) >= self._limit or expected[-1][0] in _ENVELOPE):
                return
            if self._dirty and self._lock_step:
                self._out.append(self._reset().encode())
                return
            message = self.feed.take()
            if message is None:
                return
            self.taken += 1
            refusal = self._offered.find_refusal(message)
            if refusal:
                self.feed.done(refusal)
            else:
                self._begin(message)

    def _begin(self, message: Outgoing) -> None:
        one = _Transaction(message)
        # RSET, without which a server answers 503 to every later MAIL (D32). Behind chunks nobody knows yet whether it
        # will be needed, so it is always there; and its 250 bears out a refusal of the message before it.
        reset = self._reset() if self._dirty or (self._open and self._chunking) else ""
        self._open.append(one)
        lines = reset + self._offered.write_mail(message)
        if self._pipelining:
            lines += f"{self._offered.write_rcpt(message)}DATA\r\n"
            self._expected += ((_MAIL, one), (_RCPT, one), (_DATA, one))
        elif self._lock_step:
            self._expected.append((_MAIL, one))
        else:
            lines += self._offered.write_rcpt(message)
            self._expected += ((_MAIL, one), (_RCPT, one))
            if not self.careful:
                self._write_chunk(one, lines)
                return
        self.careful = False
        self._out.append(lines.encode())

    def _write_chunk(self, one: _Transaction, lines: str) -> None:
        data = one.message.plain
        self._count_dot(one)
        self._out += (f"{lines}BDAT {len(data)} LAST\r\n".encode(), data)

    def _count_dot(self, one: _Transaction) -> None:
        if self.not_after is not None and self._clock() > self.not_after:
            raise TooLate("too late for a message's last octet")
        self._dots += 1
        one.dot = self._dots
        self._expected.append((_DOT, one))

    def _reset(self) -> str:
        self._dirty = False
        self._expected.append((_RSET, self._open[-1] if self._open else None))
        return "RSET\r\n"


def _make_reply(code: int, reply: Reply | bytes) -> Reply:
    return Reply(code, (reply[4:].decode("utf-8", "replace"),)) if isinstance(reply, bytes) else reply
