"""uvicorn with the limits of `wire`, in the thread that calls it, until it is told to stop. Signals are the caller's."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from newsletter.errors import Mistake, NewsletterError
from newsletter.web.connections import Connections, WireLimits
from newsletter.web.guard import HEADERS
from newsletter.web.wire import WireProtocol

# Requests that are under way may end; a browser that keeps its connection open does not hold us up.
GRACE_S = 5
# uvloop takes one connection a turn of its loop from each listener, and others wait in line: with one listener, whoever came
# after two hundred connections of somebody else would wait for two hundred turns.
ACCEPTORS = 32
# Files and connections that the process may open; many systems give 1024 unless they are asked.
DESCRIPTORS = 8_192


class CannotListen(NewsletterError):
    """The address is taken, or not ours."""

    exit_status = 69


def claim_descriptors() -> int:
    """Ask the system for DESCRIPTORS → how many the process may open."""
    try:
        import resource
    except ImportError:  # not on Windows, where sockets are no files
        return DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    return DESCRIPTORS if soft == resource.RLIM_INFINITY else soft


class _LimitedServer(uvicorn.Server):
    on_start: Callable[[int], None]
    connections: Connections

    async def startup(self, sockets: Any = None) -> None:
        """Listen. Raises OSError if the address is taken or not ours."""
        where = await asyncio.get_running_loop().create_server(
            asyncio.Protocol, self.config.host, self.config.port, backlog=self.config.backlog, start_serving=False
        )
        sockets = [one.dup() for one in where.sockets for _ in range(ACCEPTORS)]
        where.close()
        await super().startup(sockets)
        if self.started:
            self.on_start(sockets[0].getsockname()[1])

    async def on_tick(self, counter: int) -> bool:
        if counter % 10 == 0:  # every second
            self.connections.sweep(asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    async def shutdown(self, sockets: Any = None) -> None:
        await super().shutdown(sockets)
        self.connections.close()  # those that do not take their answer
        await asyncio.sleep(0)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ours are set already: uvicorn's would end the process before the sender has drained."""
        yield


class WebServer:
    """The public pages on an address. `run` returns after `stop`, which any thread or signal handler may call."""

    def __init__(
        self,
        app: ASGIApp,
        host: str,
        port: int,
        *,
        trusted: tuple[str, ...] = (),
        limits: WireLimits | None = None,
        refused: Callable[[str, str], None] = lambda limit, network: None,
    ) -> None:
        self.connections = Connections(limits or WireLimits().within(claim_descriptors()), refused)
        settings = uvicorn.Config(
            app,
            host=host,
            port=port,
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,  # whom to believe is decided in `guard`
            lifespan="off",
            timeout_keep_alive=15,
            timeout_graceful_shutdown=GRACE_S,
            http=WireProtocol.bind(self.connections, trusted, tuple(HEADERS.items())),
            ws="none",  # a library for it that happens to be installed would take connections out of the limits
        )
        self._server = _LimitedServer(settings)
        self._server.connections = self.connections
        self._where = f"{host}:{port}"

    def run(self, on_start: Callable[[int], None] = lambda port: None) -> None:
        """Serve. `on_start` gets the port. Raises CannotListen."""

        self._server.on_start = on_start
        # Faults are told by `guard`, and that an address is taken by us.
        logging.getLogger("uvicorn.error").disabled = True
        try:
            with asyncio.Runner(loop_factory=self._server.config.get_loop_factory()) as runner:
                runner.run(self._server.serve())
        except OSError:
            raise CannotListen(
                Mistake(
                    code="NL098",
                    message=f"{self._where} cannot be listened on: is another newsletter serve running?",
                    help="stop that one, or choose another address: --port, or [web] port in newsletter.toml",
                )
            ) from None

    def stop(self, *, at_once: bool = False) -> None:
        """End gently, or without waiting for answers that never end."""
        self._server.should_exit = True
        self._server.force_exit = at_once
