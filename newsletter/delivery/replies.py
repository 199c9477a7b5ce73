"""Bytes from a mail server become replies (RFC 5321 4.2). What is none ends the connection; none is guessed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

LINE_LIMIT = 4096  # octets; RFC 5321 4.5.3.1.5 asks for 512, servers send more
LINES_LIMIT = 100

_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?\Z", re.DOTALL)
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s|\Z)")


class ProtocolFault(Exception):
    """The server does not speak SMTP, or not as it said it would."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One whole reply. `lines` are its texts without the code; octets that are not UTF-8 are shown as �."""

    code: int
    lines: tuple[str, ...] = ("",)

    @property
    def text(self) -> str:
        """All lines as one."""
        return " ".join(line for line in self.lines if line)

    @property
    def enhanced(self) -> str:
        """The enhanced status code (RFC 3463), empty if there is none."""
        match = _ENHANCED.match(self.lines[0])
        return match[1] if match else ""

    def __str__(self) -> str:
        return f"{self.code} {self.text}".rstrip()


class ReplyReader:
    """Collects octets until replies are whole."""

    def __init__(self) -> None:
        self._rest = b""
        self._code = 0
        self._lines: list[str] = []

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left of what came in. What a server sends behind its 220 to STARTTLS was put there (F21)."""
        return not self._rest and not self._lines

    def feed(self, data: bytes) -> Iterator[Reply]:
        """Octets → the replies that are whole now, one by one: those before a ProtocolFault count."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            reply = self._take(line.removesuffix(b"\r"))
            if reply:
                yield reply
        if len(self._rest) > LINE_LIMIT:
            raise ProtocolFault(f"a reply line is longer than {LINE_LIMIT} octets")

    def _take(self, line: bytes) -> Reply | None:
        match = _LINE.match(line)
        if not match or len(line) > LINE_LIMIT:
            raise ProtocolFault("a line that is no reply")
        code = int(match[1])
        if self._lines and code != self._code:
            raise ProtocolFault(f"a reply of two codes, {self._code} and {code}")
        self._code = code
        self._lines.append((match[3] or b"").decode("utf-8", "replace"))
        if match[2] == b"-":
            if len(self._lines) >= LINES_LIMIT:
                raise ProtocolFault(f"a reply of more than {LINES_LIMIT} lines")
            return None
        reply = Reply(code, tuple(self._lines))
        self._lines = []
        return reply


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a server offers in its reply to EHLO. `size` is its limit in octets, 0 if it names none."""

    names: frozenset[str] = frozenset()
    auth: frozenset[str] = frozenset()
    size: int = 0

    def __contains__(self, name: str) -> bool:
        return name in self.names


def read_capabilities(reply: Reply) -> Capabilities:
    """The reply to EHLO → what is offered (RFC 5321 4.1.1.1); its first line is a greeting."""
    words = [line.upper().split() for line in reply.lines[1:] if line.split()]
    names = frozenset(first for first, *_ in words)
    auth = frozenset(name for first, *rest in words if first == "AUTH" for name in rest)
    sizes = [int(rest[0]) for first, *rest in words if first == "SIZE" and rest and rest[0].isdecimal()]
    return Capabilities(names, auth, max(sizes, default=0))
