"""A mail server that outlives the sender's kills: each message it takes is in a file before its 250 leaves.

`python -m bench.recorder --log FILE` says `PORT n`, and serves until SIGTERM.
"""

import argparse
import asyncio
import hashlib
import os
import random
import re
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench.child import Child, run_loop

_LIMIT = 1 << 24
_END = b"\r\n.\r\n"
_ADDRESS = re.compile(rb"<([^>]*)>")
_MESSAGE_ID = re.compile(rb"^Message-ID:\s*(<[^>]+>)", re.IGNORECASE | re.MULTILINE)
_LOOK_S = 0.005  # how often a held reply looks whether it may leave


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A message that was taken. `connected_at` is when its connection began (time.monotonic, the same for all processes)."""

    connected_at: float
    address: str
    message_id: str
    sha256: str


def read_log(path: Path) -> list[Copy]:
    """What was taken so far, in that order."""
    text = path.read_text(encoding="ascii") if path.exists() else ""
    cells = (line.split("\t") for line in text.rpartition("\n")[0].splitlines())  # the last may be half written
    return [Copy(connected_at=float(at), address=to, message_id=name, sha256=sha) for at, to, name, sha in cells]


class Recorder(Child):
    """A recorder on loopback.

    `delay_s`: replies to messages come after up to this long, so that kills fall between acceptance and reply.
    While the file `hold` is there, no such reply leaves (with `hold_only`: none for this address); while `hold_mail` is
    there, none to MAIL does.
    `cut`: a message to this address is taken, and then the connection is closed instead of a reply.
    """

    def __init__(
        self,
        log: Path,
        *,
        chunking: bool = False,
        delay_s: float = 0.0,
        hold: Path | None = None,
        hold_only: str = "",
        hold_mail: Path | None = None,
        cut: str = "",
    ) -> None:
        command: list[str | Path] = [sys.executable, "-m", "bench.recorder", "--log", log.resolve()]
        command += ["--delay", str(delay_s)]
        command += ["--chunking"] if chunking else []
        command += ["--hold", hold.resolve()] if hold else []
        command += ["--hold-only", hold_only] if hold_only else []
        command += ["--hold-mail", hold_mail.resolve()] if hold_mail else []
        command += ["--cut", cut] if cut else []
        super().__init__(command)
        self.log = log

    @property
    def copies(self) -> list[Copy]:
        """What it took so far."""
        return read_log(self.log)

    @property
    def size(self) -> int:
        """How long its file is: it grows with every message."""
        return self.log.stat().st_size if self.log.exists() else 0


# --- the server ---------------------------------------------------------------------------------------------------


class _Session:
    """One connection. It trusts its client to keep the order of commands; the tests of SMTP have other servers."""

    def __init__(
        self, options: argparse.Namespace, log: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.options, self.log, self.reader, self.writer = options, log, reader, writer
        self.connected_at = time.monotonic()
        self.recipient = b""
        self.chunks = b""

    async def run(self) -> None:
        try:
            await self.say(b"220 recorder ESMTP\r\n")
            while line := await self.reader.readline():
                if not await self.obey(line):
                    break
        except (OSError, asyncio.IncompleteReadError):
            pass  # the sender was killed; what did not come whole was not taken
        finally:
            self.writer.transport.abort()

    async def say(self, reply: bytes) -> None:
        """To one who was killed nothing can be said; what had come whole before is taken all the same."""
        if not self.writer.is_closing():
            self.writer.write(reply)
            with suppress(OSError):
                await self.writer.drain()

    async def obey(self, line: bytes) -> bool:
        """Answer one command; False ends the connection."""
        verb = line[:4].upper()
        if verb in (b"DATA", b"BDAT"):
            return await (self.take_data() if verb == b"DATA" else self.take_chunk(line.split()))
        if verb == b"EHLO":
            chunking = b"250-CHUNKING\r\n" if self.options.chunking else b""
            await self.say(b"250-recorder\r\n250-PIPELINING\r\n" + chunking + b"250 8BITMIME\r\n")
        elif verb == b"QUIT":
            await self.say(b"221 bye\r\n")
            return False
        else:
            if verb == b"MAIL":
                await self.wait_for(self.options.hold_mail)
            elif verb == b"RCPT":
                found = _ADDRESS.search(line)
                self.recipient = found[1] if found else b""
            await self.say(b"250 2.0.0 ok\r\n")
        return True

    async def take_data(self) -> bool:
        await self.say(b"354 go\r\n")
        body = await self.reader.readuntil(_END)
        return await self.accept(body.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n."))

    async def take_chunk(self, words: list[bytes]) -> bool:
        self.chunks += await self.reader.readexactly(int(words[1]))
        if words[2:] == [b"LAST"]:
            body, self.chunks = self.chunks, b""
            return await self.accept(body)
        await self.say(b"250 2.0.0 go on\r\n")
        return True

    async def accept(self, body: bytes) -> bool:
        """Into the file, and only then the reply."""
        found = _MESSAGE_ID.search(body.partition(b"\r\n\r\n")[0])
        name, sha = (found[1] if found else b"-").decode("ascii"), hashlib.sha256(body).hexdigest()
        # One write, to the end of the file: nothing of it stays in this process.
        os.write(self.log, f"{self.connected_at:.6f}\t{self.recipient.decode('ascii')}\t{name}\t{sha}\n".encode())
        if self.options.cut.encode() == self.recipient:
            return False
        if self.options.delay:
            await asyncio.sleep(random.random() * self.options.delay)
        if self.options.hold_only.encode() in (b"", self.recipient):
            await self.wait_for(self.options.hold)
        await self.say(b"250 2.0.0 taken\r\n")
        return True

    async def wait_for(self, hold: Path | None) -> None:
        while hold and hold.exists():
            await asyncio.sleep(_LOOK_S)


async def _serve(options: argparse.Namespace) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    log = os.open(options.log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _Session(options, log, reader, writer).run()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, limit=_LIMIT, backlog=1024)
    print(f"PORT {server.sockets[0].getsockname()[1]}", flush=True)
    await stopped.wait()
    server.close()


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m bench.recorder")
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--chunking", action="store_true")
    parser.add_argument("--delay", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--hold", type=Path)
    parser.add_argument("--hold-only", default="")
    parser.add_argument("--hold-mail", type=Path)
    parser.add_argument("--cut", default="")
    run_loop(_serve(parser.parse_args(arguments)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
