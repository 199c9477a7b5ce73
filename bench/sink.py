"""A mail server that only counts: `sink.c` where a compiler is, else the same in Python; started, asked for its port, stopped.

`python -m bench.sink --port 0` is the Python form. Both print `PORT n` at the start and `COUNT n` at SIGTERM.
"""

import argparse
import asyncio
import hashlib
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, cast

from bench.child import ROOT, Child, run_loop

SOURCE = Path(__file__).with_name("sink.c")
CACHE = ROOT / "build/bench"
FLAGS = ("-std=c99", "-O3", "-Wall", "-Wextra")


# --- the processes ------------------------------------------------------------------------------------------------


def build_sink() -> Path | None:
    """The compiled sink, made now if its source has changed; None without a compiler. Raises RuntimeError if it fails."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":  # epoll
        return None
    key = hashlib.sha256(SOURCE.read_bytes() + repr((compiler, FLAGS)).encode()).hexdigest()[:16]
    target = CACHE / f"sink-{key}"
    if not target.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:  # two processes may build at the same time
            made = Path(folder) / "sink"
            done = subprocess.run([compiler, *FLAGS, "-o", made, SOURCE], capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(f"{compiler} cannot build {SOURCE.name}:\n{done.stderr}")
            made.replace(target)
    return target


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files of a certificate for 127.0.0.1 and localhost, and of the authority that vouches for it."""

    cert: Path
    key: Path
    ca: Path


def make_certificate(folder: Path) -> Certificate:
    """A new certificate, in a folder that is there."""
    import trustme

    files = Certificate(folder / "cert.pem", folder / "key.pem", folder / "ca.pem")
    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1", "localhost")
    leaf.private_key_pem.write_to_path(str(files.key))
    for number, blob in enumerate(leaf.cert_chain_pems):
        blob.write_to_path(str(files.cert), append=number > 0)
    authority.cert_pem.write_to_path(str(files.ca))
    return files


class Sink(Child):
    """A sink on loopback. `form` says afterwards which it is: "c" or "python"; TLS is Python's only.

    `record` gets the recipient of each message before its 250; with `flush` the kernel has it by then.
    """

    def __init__(
        self,
        *,
        form: Literal["auto", "c", "python"] = "auto",
        chunking: bool = False,
        record: Path | None = None,
        flush: bool = False,
        tls: Certificate | None = None,
    ) -> None:
        binary = build_sink() if form != "python" and tls is None else None
        if form == "c" and binary is None:
            raise RuntimeError("the C sink needs Linux and a C compiler, and speaks no TLS")
        self.form: Literal["c", "python"] = "c" if binary else "python"
        command: list[str | Path] = [binary] if binary else [sys.executable, "-m", "bench.sink"]
        command += ["-c"] if chunking else []
        command += ["-r", record.resolve()] if record else []
        command += ["-f"] if flush else []
        command += ["--tls", tls.cert, tls.key] if tls else []
        super().__init__(command)
        self._count: int | None = None

    def stop(self) -> int:
        """End it → how many messages it took."""
        if self._count is None:
            word, _, count = self.end().partition(" ")
            if word != "COUNT":
                raise RuntimeError("the sink broke down before it could count")
            self._count = int(count)
        return self._count


# --- the sink in Python -------------------------------------------------------------------------------------------

_END = b"\r\n.\r\n"
_ADDRESS = re.compile(rb"<([^>]+)>")


class _Tally:
    """What all connections share."""

    def __init__(self, *, chunking: bool, record: IO[bytes] | None, flush: bool) -> None:
        self.chunking, self.record, self.flush = chunking, record, flush
        self.taken = 0

    def take(self, recipients: list[bytes]) -> None:
        self.taken += 1
        if self.record:
            self.record.write(b" ".join(recipients) + b"\n")
            if self.flush:
                self.record.flush()


class _Session(asyncio.Protocol):
    """One connection: the same states, in the same order, as in `sink.c`."""

    def __init__(self, tally: _Tally) -> None:
        self.tally = tally
        self.transport: asyncio.Transport | None = None
        self.rest = b""
        self.replies: list[bytes] = []
        self.closing = False
        self.forget()

    def forget(self) -> None:
        self.has_mail = False
        self.recipients: list[bytes] = []
        self.in_body = False
        self.chunk: int | None = None
        self.is_last = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)  # what uvloop hands over is none by its class
        self.transport = transport
        transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        data = self.rest + data
        at = 0
        while not self.closing and at < len(data) and (used := self.take(data, at)):
            at += used
        self.rest = data[at:]
        assert self.transport is not None
        if self.replies:
            self.transport.write(b"".join(self.replies))
            self.replies.clear()
        if self.closing:
            self.transport.close()

    def take(self, data: bytes, at: int) -> int:
        """One command, or as much of a body as is there → how many octets were used; 0 = more are needed."""
        if self.chunk is not None:
            part = min(self.chunk, len(data) - at)
            self.chunk -= part
            self.end_chunk()
            return part
        if self.in_body:
            end = data.find(_END, at)
            if end < 0:
                return max(len(data) - at - len(_END) + 1, 0)
            self.accept()
            return end + len(_END) - at
        feed = data.find(b"\n", at)
        if feed < 0:
            return 0
        if data[feed - 1 : feed] != b"\r" or feed == at:
            self.replies.append(b"500 5.5.2 bare LF\r\n")
            return feed + 1 - at
        self.obey(data[at : feed - 1])
        # The CRLF of DATA is the CRLF before the dot of a message of nothing.
        return feed + (-1 if self.in_body else 1) - at

    def accept(self) -> None:
        self.tally.take(self.recipients)
        self.forget()
        self.replies.append(b"250 2.0.0 taken\r\n")

    def end_chunk(self) -> None:
        if self.chunk:
            return
        self.chunk = None
        if not self.recipients:
            self.forget()
            self.replies.append(b"503 5.5.1 no RCPT\r\n")
        elif self.is_last:
            self.accept()
        else:
            self.replies.append(b"250 2.0.0 go on\r\n")

    def obey(self, line: bytes) -> None:
        """A line without its CRLF. Only DATA and BDAT change what the octets after it are."""
        match line[:4].upper():
            case b"MAIL":
                self.replies.append(b"503 5.5.1 nested MAIL\r\n" if self.has_mail else b"250 2.1.0 ok\r\n")
                self.has_mail = True
            case b"RCPT":
                self.replies.append(self.add_recipient(line))
            case b"DATA":
                self.in_body = bool(self.recipients)
                self.replies.append(b"354 go\r\n" if self.in_body else b"503 5.5.1 no RCPT\r\n")
            case b"BDAT":
                self.begin_chunk(line.split())
            case b"EHLO":
                self.forget()
                self.replies.append(b"250-sink\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n")
                self.replies.append(b"250-CHUNKING\r\n" if self.tally.chunking else b"")
                self.replies.append(b"250 8BITMIME\r\n")
            case b"HELO" | b"RSET":
                self.forget()
                self.replies.append(b"250 2.0.0 ok\r\n")
            case b"NOOP":
                self.replies.append(b"250 2.0.0 ok\r\n")
            case b"QUIT":
                self.replies.append(b"221 2.0.0 bye\r\n")
                self.closing = True
            case _:
                self.replies.append(b"500 5.5.2 unknown\r\n")

    def add_recipient(self, line: bytes) -> bytes:
        found = _ADDRESS.search(line)
        if not self.has_mail:
            return b"503 5.5.1 no MAIL\r\n"
        if not found:
            return b"501 5.1.3 no address\r\n"
        self.recipients.append(found[1])
        return b"250 2.1.5 ok\r\n"

    def begin_chunk(self, words: list[bytes]) -> None:
        if not self.tally.chunking or len(words) < 2 or not words[1].isdigit():
            self.replies.append(b"501 5.5.4 no such chunk\r\n")
            self.closing = True  # where the next command begins nobody knows
            return
        self.chunk, self.is_last = int(words[1]), words[2:] == [b"LAST"]
        self.end_chunk()


async def _serve(tally: _Tally, port: int, context: ssl.SSLContext | None) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    server = await loop.create_server(lambda: _Session(tally), "127.0.0.1", port, ssl=context, backlog=1024)
    print(f"PORT {server.sockets[0].getsockname()[1]}", flush=True)
    await stopped.wait()
    server.close()
    if tally.record:
        tally.record.close()
    print(f"COUNT {tally.taken}", flush=True)


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM. The short options are those of `sink.c`."""
    parser = argparse.ArgumentParser(prog="python -m bench.sink")
    parser.add_argument("-p", "--port", type=int, default=0)
    parser.add_argument("-c", "--chunking", action="store_true")
    parser.add_argument("-r", "--record", type=Path)
    parser.add_argument("-f", "--flush", action="store_true")
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    options = parser.parse_args(arguments)
    context = None
    if options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*options.tls)
    record = options.record.open("wb") if options.record else None
    tally = _Tally(chunking=options.chunking, record=record, flush=options.flush)
    run_loop(_serve(tally, options.port, context))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
