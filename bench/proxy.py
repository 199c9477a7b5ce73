"""A longer way to a server on this machine: what it says arrives one round trip later, as much at a time as ever.

Only the time is modelled: no loss, no congestion, no limit of bandwidth; and the TCP handshake is not delayed.
"""

import argparse
import asyncio
import signal
import sys
import time
from collections import deque
from typing import cast

from bench.child import Child, run_loop

STEP_S = 0.001  # uvloop's timers count milliseconds
HIGH_WATER = 4 * 1024 * 1024


class DelayProxy(Child):
    """A port of loopback that leads to `target_port` with a round trip of `rtt_s`."""

    def __init__(self, target_port: int, rtt_s: float) -> None:
        super().__init__([sys.executable, "-m", "bench.proxy", "--target", str(target_port), "--rtt", repr(rtt_s)])


class _Near(asyncio.Protocol):
    """The sender's side: what it says goes on at once, what it is told is held back for a round trip."""

    def __init__(self, target_port: int, rtt_s: float) -> None:
        self.target_port, self.rtt_s = target_port, rtt_s
        self.transport: asyncio.Transport | None = None
        self.far: asyncio.Transport | None = None
        self.opening: asyncio.Task[None] | None = None
        self.held: deque[tuple[float, bytes]] = deque()
        self.timer: asyncio.TimerHandle | None = None
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)  # what uvloop hands over is none by its class
        self.transport = transport
        transport.pause_reading()  # until there is somebody to hand it to
        self.opening = asyncio.get_running_loop().create_task(self.open())

    async def open(self) -> None:
        assert self.transport is not None
        loop = asyncio.get_running_loop()
        try:
            self.far, _ = await loop.create_connection(lambda: _Far(self), "127.0.0.1", self.target_port)
        except OSError:
            self.transport.abort()
            return
        self.far.set_write_buffer_limits(high=HIGH_WATER)
        if self.lost:
            self.far.close()
        else:
            self.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        assert self.far is not None
        self.far.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        if self.timer:
            self.timer.cancel()
        if self.far:
            self.far.close()

    def hold(self, data: bytes) -> None:
        """Keep what the server said; no octets mean that it hung up."""
        self.held.append((time.monotonic() + self.rtt_s, data))
        if self.timer is None:
            self.timer = asyncio.get_running_loop().call_later(self.rtt_s, self.release)

    def release(self) -> None:
        """Hand over, in order, what has been held long enough. One timer, for what is next."""
        self.timer = None
        if self.lost or self.transport is None:
            return
        now = time.monotonic()
        while self.held and self.held[0][0] <= now:
            data = self.held.popleft()[1]
            if not data:
                self.transport.close()
                return
            self.transport.write(data)
        if self.held:
            wait_s = max(self.held[0][0] - now, STEP_S)
            self.timer = asyncio.get_running_loop().call_later(wait_s, self.release)


class _Far(asyncio.Protocol):
    """The server's side."""

    def __init__(self, near: _Near) -> None:
        self.near = near

    def data_received(self, data: bytes) -> None:
        self.near.hold(data)

    def connection_lost(self, error: Exception | None) -> None:
        self.near.hold(b"")

    def pause_writing(self) -> None:
        if self.near.transport:
            self.near.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.near.transport and not self.near.lost:
            self.near.transport.resume_reading()


async def _serve(target_port: int, rtt_s: float) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    server = await loop.create_server(lambda: _Near(target_port, rtt_s), "127.0.0.1", 0, backlog=1024)
    print(f"PORT {server.sockets[0].getsockname()[1]}", flush=True)
    await stopped.wait()
    server.close()


def main(arguments: list[str]) -> int:
    """Forward until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m bench.proxy")
    parser.add_argument("--target", type=int, required=True)
    parser.add_argument("--rtt", type=float, required=True, help="seconds")
    options = parser.parse_args(arguments)
    run_loop(_serve(options.target, options.rtt))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
