"""A relay's name and port → an open connection. Names are looked up where nobody has to wait for them."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Sequence
from contextlib import suppress

from newsletter.delivery.handshake import SmtpStream, make_tls, tls_trouble
from newsletter.delivery.relay import Relay, RelayMisconfigured, RelayUnavailable, unavailable

# The name does not exist, or has no address (RFC 6724's getaddrinfo). EAI_AGAIN, a name server that is away, is not among them.
_NO_SUCH_NAME = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME), socket.EAI_SERVICE}


async def open_line(relay: Relay) -> SmtpStream:
    """Connect to the first address that answers; under TLS at once if the relay wants that. Raises RelayUnavailable."""
    secure = make_tls(relay) if relay.security == "tls" else None
    try:
        async with asyncio.timeout(relay.timeouts.connect):
            return await _try_all(relay, await _look_up(relay), secure)
    except TimeoutError:
        raise unavailable(relay, f"does not answer in {relay.timeouts.connect:g} s") from None


async def _try_all(relay: Relay, addresses: Sequence[str], secure: ssl.SSLContext | None) -> SmtpStream:
    loop, failures = asyncio.get_running_loop(), list[OSError]()
    for address in addresses:
        line = SmtpStream()
        try:
            await loop.create_connection(
                lambda line=line: line,
                address,
                relay.port,
                ssl=secure,
                server_hostname=relay.host if secure else None,
            )
        except ssl.SSLError as error:
            raise tls_trouble(relay, error) from None
        except OSError as error:
            failures.append(error)
        else:
            return line
    # Who refuses is there, and nobody listens at that port; who is away may come back.
    refused = all(isinstance(error, ConnectionRefusedError) for error in failures)
    told = f"cannot be reached: {failures[-1].strerror or failures[-1]}"
    raise unavailable(relay, told, RelayMisconfigured if refused else RelayUnavailable)


async def _look_up(relay: Relay) -> list[str]:
    """A name's addresses. Asked in a thread that nobody waits for: a name server that is silent must not keep a process."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[str]] = loop.create_future()

    def settle(addresses: list[str], error: Exception | None) -> None:
        if found.done():
            return  # nobody waits any more
        if error:
            found.set_exception(error)
        else:
            found.set_result(addresses)

    def ask() -> None:
        addresses: list[str] = []
        failure: Exception | None = None
        try:
            answers = socket.getaddrinfo(relay.host, relay.port, type=socket.SOCK_STREAM)
            addresses = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
        except (OSError, UnicodeError) as error:
            failure = error
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(settle, addresses, failure)

    threading.Thread(target=ask, name="name server", daemon=True).start()
    try:
        return await found
    except UnicodeError:
        raise unavailable(relay, "is no name of a host", RelayMisconfigured) from None
    except OSError as error:
        kind = RelayMisconfigured if error.errno in _NO_SUCH_NAME else RelayUnavailable
        raise unavailable(relay, f"cannot be reached: {error.strerror or error}", kind) from None
