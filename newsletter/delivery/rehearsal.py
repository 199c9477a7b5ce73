"""A mail server for rehearsals that misbehaves like real ones, and keeps nothing but counts. Loopback only.

Whom it treats how follows from the address, so a second rehearsal is like the first.
"""

import asyncio
import threading
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_SLOW_S = 0.02
_MESSAGES_PER_CONNECTION = 80
# Of ten thousand readers, so many: refused for ever, greylisted, cut off in the middle, cut off after the end, slow.
_FATES = (("unknown", 100), ("greylisted", 300), ("cut", 20), ("silent", 10), ("slow", 50))


def fate_of(recipient: str) -> str:
    """What happens to mail for this address: one of `_FATES`, or `fine`."""
    number = zlib.crc32(recipient.encode()) % 10_000
    for fate, share in _FATES:
        if number < share:
            return fate
        number -= share
    return "fine"


@dataclass(slots=True)
class Behaviour:
    """What the server did. `accepted` counts copies by recipient, and only of those that got more than one or were cut."""

    port: int = 0
    messages: int = 0
    connections: int = 0
    fates: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    doubled: set[str] = field(default_factory=set)

    def accept(self, recipient: str) -> None:
        """One whole message was taken."""
        self.messages += 1
        if fate_of(recipient) == "silent":
            self.seen[f"copies of {recipient}"] += 1
            if self.seen[f"copies of {recipient}"] > 1:
                self.doubled.add(recipient)

    def first(self, recipient: str, fate: str) -> bool:
        """Whether this is the first time that it happens to them."""
        self.seen[f"{fate} {recipient}"] += 1
        first = self.seen[f"{fate} {recipient}"] == 1
        self.fates[fate] += first
        return first


class _RehearsalConnection:
    """One connection."""

    def __init__(self, behaviour: Behaviour, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._behaviour, self._reader, self._writer = behaviour, reader, writer
        self._recipient = ""
        self._count = 0

    async def run(self) -> None:
        self._behaviour.connections += 1
        self._say(b"220 rehearsal ESMTP: nothing is delivered\r\n")
        while line := await self._reader.readline():
            verb, _, argument = line.decode("utf-8", "replace").rstrip("\r\n").partition(" ")
            if not await self._answer(verb.upper(), argument):
                return
            await self._writer.drain()

    def _say(self, reply: bytes) -> None:
        self._writer.write(reply)

    async def _answer(self, verb: str, argument: str) -> bool:
        if verb == "EHLO":
            self._say(b"250-rehearsal\r\n250-PIPELINING\r\n250-SIZE 50000000\r\n250-SMTPUTF8\r\n250 8BITMIME\r\n")
        elif verb == "MAIL":
            self._count += 1
            if self._count > _MESSAGES_PER_CONNECTION:
                self._behaviour.fates["421"] += 1
                self._say(b"421 4.7.0 enough for one connection\r\n")
                return False
            self._say(b"250 2.1.0 ok\r\n")
        elif verb == "RCPT":
            self._answer_recipient(argument.partition("<")[2].partition(">")[0])
        elif verb == "DATA":
            return await self._take()
        elif verb == "QUIT":
            return False
        else:
            self._say(b"250 2.0.0 ok\r\n")
        return True

    def _answer_recipient(self, recipient: str) -> None:
        fate = fate_of(recipient)
        self._recipient = ""
        if fate == "unknown":
            self._behaviour.fates[fate] += 1
            self._say(b"550 5.1.1 user unknown\r\n")
        elif fate == "greylisted" and self._behaviour.first(recipient, fate):
            self._say(b"450 4.7.1 greylisted, come back in five minutes\r\n")
        else:
            self._recipient = recipient
            self._say(b"250 2.1.5 ok\r\n")

    async def _take(self) -> bool:
        if not self._recipient:
            self._say(b"503 5.5.1 no recipient\r\n")
            return True
        recipient, fate = self._recipient, fate_of(self._recipient)
        self._say(b"354 go on\r\n")
        if fate == "cut" and self._behaviour.first(recipient, fate):
            await self._reader.readline()
            return False
        await self._reader.readuntil(b"\r\n.\r\n")
        self._behaviour.accept(recipient)
        if fate == "silent" and self._behaviour.first(recipient, fate):
            return False
        if fate == "slow":
            self._behaviour.fates[fate] += 1
            await asyncio.sleep(_SLOW_S)
        self._say(b"250 2.0.0 taken\r\n")
        self._recipient = ""
        return True


@contextmanager
def rehearsing() -> Iterator[Behaviour]:
    """The server on a loopback port, in a thread of its own."""
    behaviour = Behaviour()
    loop, over, ready = asyncio.new_event_loop(), asyncio.Event(), threading.Event()

    async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _RehearsalConnection(behaviour, reader, writer).run()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass  # the other side went away; a rehearsal keeps nothing that could be lost
        finally:
            writer.close()

    async def serve() -> None:
        server = await asyncio.start_server(visit, "127.0.0.1", 0, limit=1 << 26)
        behaviour.port = server.sockets[0].getsockname()[1]
        ready.set()
        await over.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), name="rehearsal", daemon=True)
    thread.start()
    ready.wait()
    try:
        yield behaviour
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()
