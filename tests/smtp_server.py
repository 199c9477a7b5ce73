"""A mail server for tests that does what a script says, octet by octet: no library stands between the test and the wire."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

EHLO = b"250-test greets you\r\n250-PIPELINING\r\n250-SIZE 50000000\r\n250 8BITMIME\r\n"
LOCK_STEP = b"250 test\r\n"
CHUNKING = EHLO.replace(b"250 8BITMIME", b"250-CHUNKING\r\n250 8BITMIME")


@dataclass
class Mail:
    """A message that the server took: the envelope and the octets, unstuffed, without the final dot."""

    sender: str
    recipient: str
    data: bytes


class Cut(Exception):
    """The script cuts the connection here."""


@dataclass
class SmtpServer:
    """Answers like any server, but for what `on` says: verb → reply, or a function of (server, wire, argument) → reply.

    A reply of None closes the connection without one. DOT is asked when a message is whole, with DATA or BDAT, and LINE
    in the middle of it. `mails` are those that were taken; `commands` all that came.
    """

    on: dict[str, Any] = field(default_factory=dict)
    banner: bytes = b"220 test ESMTP\r\n"
    ehlo: bytes = EHLO
    tls: ssl.SSLContext | None = None
    mails: list[Mail] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def answer(self, verb: str, argument: str, wire: "Wire", usual: bytes) -> bytes:
        scripted = self.on.get(verb, usual)
        if isinstance(scripted, list):
            scripted = scripted.pop(0) if scripted else usual
        if callable(scripted):
            scripted = scripted(self, wire, argument)
            if isinstance(scripted, Awaitable):
                scripted = await scripted
        if scripted is None:
            raise Cut
        return bytes(usual if scripted is ... else scripted)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        wire = Wire(self, reader, writer)
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        try:
            await wire.run()
        except (Cut, ConnectionError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:  # the test is over
            wire.rude = True
        finally:
            writer.transport.abort() if wire.rude else writer.close()


class Wire:
    """One connection of the server. Strict about the order of commands (503), as real servers are."""

    def __init__(self, server: SmtpServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server, self.reader, self.writer = server, reader, writer
        self.sender: str | None = None
        self.recipient: str | None = None
        self.rude = False

    async def say(self, reply: bytes) -> None:
        self.writer.write(reply)
        await self.writer.drain()
        if reply.startswith(b"421"):
            raise Cut  # RFC 5321 3.8: and nothing behind it is looked at

    async def run(self) -> None:
        await self.say(await self.server.answer("BANNER", "", self, self.server.banner))
        while line := await self.reader.readline():
            # A client that begins with TLS sends random octets, and by chance a line's end among them.
            command = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
            verb, _, argument = command.partition(" ")
            self.server.commands.append(command)
            if not await self.act(verb.upper(), argument):
                return

    async def act(self, verb: str, argument: str) -> bool:
        ask = self.server.answer
        match verb:
            case "EHLO" | "HELO":
                await self.say(await ask(verb, argument, self, self.server.ehlo if verb == "EHLO" else b"250 test\r\n"))
            case "STARTTLS":
                await self.say(await ask(verb, argument, self, b"220 go\r\n"))
                await self.writer.start_tls(self.server.tls)  # type: ignore[arg-type]
            case "MAIL":
                reply = await ask(verb, argument, self, b"503 nested\r\n" if self.sender else b"250 2.1.0 ok\r\n")
                self.sender = argument if reply.startswith(b"2") else self.sender
                await self.say(reply)
            case "RCPT":
                reply = await ask(verb, argument, self, b"250 2.1.5 ok\r\n" if self.sender else b"503 no MAIL\r\n")
                self.recipient = argument if reply.startswith(b"2") else None
                await self.say(reply)
            case "DATA":
                reply = await ask(verb, argument, self, b"354 go\r\n" if self.recipient else b"503 no RCPT\r\n")
                await self.say(reply)
                if reply.startswith(b"354"):
                    await self.take()
            case "BDAT":
                await self.take_chunk(argument)
            case "RSET":
                self.sender = self.recipient = None
                await self.say(await ask(verb, argument, self, b"250 ok\r\n"))
            case "QUIT":
                await self.say(b"221 bye\r\n")
                return False
            case _:
                await self.say(await ask(verb, argument, self, b"502 unknown\r\n"))
        return True

    async def take(self) -> None:
        data = b""
        while (line := await self.reader.readuntil(b"\r\n")) != b".\r\n":
            data += line.removeprefix(b".")
            await self.server.answer("LINE", str(len(data)), self, b"")
        mail = Mail(_inner(self.sender), _inner(self.recipient), data)
        usual = b"250 2.0.0 taken\r\n" if self.recipient else b"554 no valid recipients\r\n"
        reply = await self.server.answer("DOT", "", self, usual)
        if reply.startswith(b"250"):
            self.server.mails.append(mail)
        self.sender = self.recipient = None
        await self.say(reply)

    async def take_chunk(self, argument: str) -> None:
        """RFC 3030: the octets are read whatever the reply will be. A chunk that fails leaves the envelope as it is."""
        size = int(argument.removesuffix(" LAST"))
        data = await self.reader.readexactly(size // 2)
        await self.server.answer("LINE", str(len(data)), self, b"")
        data += await self.reader.readexactly(size - len(data))
        mail = Mail(_inner(self.sender), _inner(self.recipient), data)
        usual = b"250 2.0.0 taken\r\n" if self.recipient else b"503 no RCPT\r\n"
        reply = await self.server.answer("DOT", argument, self, usual)
        if reply.startswith(b"250"):
            self.server.mails.append(mail)
            self.sender = self.recipient = None
        await self.say(reply)


def _inner(argument: str | None) -> str:
    return (argument or "").partition("<")[2].partition(">")[0]


@asynccontextmanager
async def serving(server: SmtpServer, *, implicit_tls: bool = False) -> Any:
    """The server on a loopback port, for the time of a test."""
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=server.tls if implicit_tls else None)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for task in list(server.tasks):
            task.cancel()
        await asyncio.gather(*server.tasks, return_exceptions=True)
        await asyncio.sleep(0)  # what is closed lets go of its socket in the next turn
        await asyncio.sleep(0)


Script = Callable[[SmtpServer, Wire, str], Any]
