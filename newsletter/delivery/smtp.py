"""A connection to a mail server: opened, secured, logged in, and then messages go over it (RFC 5321, 3207, 4954).

One asyncio protocol per connection. What is decided about messages is decided in `dialogue`; here are the socket,
the certificates and the clock.
"""

import asyncio
import base64
import socket
import ssl
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Literal

from newsletter.delivery.dialogue import Dialogue, Outgoing, Phase, Result
from newsletter.delivery.replies import Capabilities, ProtocolFault, Reply, ReplyReader, read_capabilities
from newsletter.errors import Mistake, NewsletterError

WRITE_BUFFER = 0  # `resume_writing` then says when the last octet went to the kernel


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait for each reply (RFC 5321 4.5.3.2)."""

    connect: float = 30
    greeting: float = 300
    command: float = 300
    data: float = 120
    # Ten minutes at least: a shorter wait makes mail that is in doubt, and then doubled (D15).
    reply_to_dot: float = 600

    def of(self, phase: Phase) -> float:
        """How long to wait in a phase."""
        return {Phase.DATA: self.data, Phase.DOT: self.reply_to_dot}.get(phase, self.command)


@dataclass(frozen=True, slots=True)
class Relay:
    """A server that takes our mail. `ca_file` names certificates to trust instead of the system's."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password: str = field(default="", repr=False)
    helo: str = "localhost"
    ca_file: str = ""
    pipelining: bool = True
    timeouts: Timeouts = Timeouts()


class RelayUnavailable(NewsletterError):
    """The relay cannot be used now. No message was touched, no attempt is charged to anybody (delivery §4)."""

    exit_status = 69


class LoginRefused(RelayUnavailable):
    """The relay refuses us, not a message: this pauses a send and touches no subscriber (D30)."""


def _unavailable(relay: Relay, what: str, kind: type[RelayUnavailable] = RelayUnavailable) -> RelayUnavailable:
    return kind(
        Mistake(code="NL080", message=f"{relay.host}:{relay.port} {what}", help="see [smtp] in newsletter.toml")
    )


class _Protocol(asyncio.Protocol):
    """Octets in and out. Before `start` replies are handed to whoever asks; after it the dialogue has them."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.dialogue: Dialogue | None = None
        self.reader = ReplyReader()
        self.results: deque[Result] = deque()
        self.replies: deque[Reply] = deque()
        self.fault = ""
        self.lost = False
        self._wake = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what a stream connection has
        self.transport = transport
        transport.set_write_buffer_limits(high=WRITE_BUFFER)
        sock = transport.get_extra_info("socket")
        if sock is not None:
            # Without it the last segment of a message waits 40 ms for an acknowledgement (speed A3).
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        try:
            if self.dialogue is None:
                self.replies += self.reader.feed(data)
            else:
                written, results = self.dialogue.receive(data)
                self.results += results
                self.write(written)
        except ProtocolFault as fault:
            self.fault = str(fault)
            self.abort()
        self._wake.set()

    def write(self, data: bytes) -> None:
        if data and self.transport and not self.lost:
            self.transport.write(data)
            if not self.transport.get_write_buffer_size():
                self.resume_writing()

    def resume_writing(self) -> None:
        if self.dialogue:
            self.dialogue.handed_over()

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        self.fault = self.fault or (type(error).__name__ if error else "the server closed the connection")
        if self.dialogue:
            self.results += self.dialogue.end()
        self._wake.set()

    def abort(self) -> None:
        if self.transport:
            self.transport.abort()

    async def wait(self, seconds: float) -> None:
        """Until something came in or the connection is gone. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            await self._wake.wait()
        self._wake.clear()


class Connection:
    """A connection that is ready for mail. `capabilities` is what the server offered last."""

    def __init__(self, relay: Relay, protocol: _Protocol, capabilities: Capabilities) -> None:
        self._relay = relay
        self._protocol = protocol
        self.capabilities = capabilities
        self.pipelining = relay.pipelining and "PIPELINING" in capabilities
        protocol.dialogue = self._dialogue = Dialogue(pipelining=self.pipelining)

    @property
    def fault(self) -> str:
        """Why the connection broke, empty while it did not."""
        return self._protocol.fault

    async def send(self, messages: AsyncIterator[Outgoing]) -> AsyncIterator[Result]:
        """Messages → one result for each that was taken, in order, until there are no more or the connection ends."""
        protocol, dialogue = self._protocol, self._dialogue
        exhausted = False
        while True:
            while dialogue.wants_message and not exhausted and not protocol.lost:
                message = await anext(messages, None)
                if message is None:
                    exhausted = True
                elif not self._take(message):
                    yield Result(message, "unsent", Phase.CONNECT)
            while protocol.results:
                yield protocol.results.popleft()
            if protocol.lost or (exhausted and dialogue.is_idle):
                return
            if dialogue.is_over:
                protocol.abort()
                await asyncio.sleep(0)  # connection_lost runs in the next turn
            elif exhausted or not dialogue.wants_message:
                await self._wait()

    def _take(self, message: Outgoing) -> bool:
        """Offer a message, unless the connection broke while it was asked for."""
        if self._protocol.lost:
            return False
        self._protocol.write(self._dialogue.offer(message))
        return True

    async def _wait(self) -> None:
        try:
            await self._protocol.wait(self._relay.timeouts.of(self._dialogue.phase))
        except TimeoutError:
            self._protocol.fault = f"no reply in {self._relay.timeouts.of(self._dialogue.phase):g} s"
            self._protocol.abort()
            await asyncio.sleep(0)  # connection_lost runs in the next turn

    def close(self) -> None:
        """QUIT, without waiting for what the server says to it (D15)."""
        if self._protocol.transport and not self._protocol.lost:
            self._protocol.transport.write(b"QUIT\r\n")
            self._protocol.transport.close()


async def connect(relay: Relay) -> Connection:
    """Open, greet, secure, log in. Raises RelayUnavailable, and LoginRefused when it is we who are not wanted."""
    loop = asyncio.get_running_loop()
    protocol = _Protocol()
    secure = _make_tls(relay) if relay.security == "tls" else None
    name = relay.host if secure else None
    try:
        async with asyncio.timeout(relay.timeouts.connect):
            await loop.create_connection(lambda: protocol, relay.host, relay.port, ssl=secure, server_hostname=name)
    except TimeoutError:
        raise _unavailable(relay, f"does not answer in {relay.timeouts.connect:g} s") from None
    except ssl.SSLError as error:
        raise _unavailable(relay, f"has no valid certificate: {_why(error)}") from None
    except OSError as error:
        raise _unavailable(relay, f"cannot be reached: {error.strerror or error}") from None
    setup = _Setup(relay, protocol)
    try:
        return Connection(relay, protocol, await setup.run())
    except BaseException:
        protocol.abort()
        raise


class _Setup:
    """From the banner to the first MAIL: one command, one reply."""

    def __init__(self, relay: Relay, protocol: _Protocol) -> None:
        self.relay = relay
        self.protocol = protocol

    async def run(self) -> Capabilities:
        banner = await self.reply(self.relay.timeouts.greeting)
        if banner.code != 220:
            raise _unavailable(self.relay, f"does not want to talk: {banner}")
        offered = await self.greet()
        secured = self.relay.security == "tls"
        if self.relay.security == "starttls":
            offered, secured = await self.start_tls(offered), True
        if self.relay.username:
            await self.log_in(offered, secured=secured)
        return offered

    async def greet(self) -> Capabilities:
        reply = await self.ask(f"EHLO {self.relay.helo}")
        if reply.code == 250:
            return read_capabilities(reply)
        if (await self.ask(f"HELO {self.relay.helo}")).code != 250:
            raise _unavailable(self.relay, f"refuses the greeting: {reply}")
        return Capabilities()

    async def start_tls(self, offered: Capabilities) -> Capabilities:
        if "STARTTLS" not in offered:
            raise _unavailable(self.relay, "offers no STARTTLS; nothing was sent in the clear")
        reply = await self.ask("STARTTLS")
        if reply.code != 220:
            raise _unavailable(self.relay, f"refuses STARTTLS: {reply}")
        # Octets behind the 220 were put there by somebody between us and the server (CVE-2011-0411; F21).
        if not self.protocol.reader.is_empty or self.protocol.replies:
            raise _unavailable(self.relay, "sent something in the clear after STARTTLS; somebody may be in between")
        protocol, transport = self.protocol, self.protocol.transport
        if transport is None:
            raise _unavailable(self.relay, "broke off")
        try:
            secured = await asyncio.get_running_loop().start_tls(
                transport,
                protocol,
                _make_tls(self.relay),
                server_hostname=self.relay.host,
                ssl_handshake_timeout=self.relay.timeouts.connect,
            )
        except ssl.SSLError as error:
            raise _unavailable(self.relay, f"has no valid certificate: {_why(error)}") from None
        except OSError as error:
            raise _unavailable(
                self.relay, f"breaks off while TLS begins: {error.strerror or type(error).__name__}"
            ) from None
        if secured is None:
            raise _unavailable(self.relay, "broke off while TLS began")
        protocol.connection_made(secured)
        return await self.greet()  # what was offered before TLS is forgotten (RFC 3207 4.2)

    async def log_in(self, offered: Capabilities, *, secured: bool) -> None:
        if not secured:
            raise _unavailable(self.relay, "would get the password in the clear; use starttls or tls", LoginRefused)
        user, password = self.relay.username.encode(), self.relay.password.encode()
        if "PLAIN" in offered.auth:
            token = b"\0" + user + b"\0" + password  # RFC 4616
            reply = await self.ask(f"AUTH PLAIN {_base64(token)}")
        elif "LOGIN" in offered.auth:
            reply = await self.ask("AUTH LOGIN")
            for secret in (user, password):
                if reply.code == 334:
                    reply = await self.ask(_base64(secret))
        else:
            raise _unavailable(self.relay, "offers no way to log in that we know (PLAIN, LOGIN)", LoginRefused)
        if reply.code != 235:
            kind = RelayUnavailable if 400 <= reply.code < 500 else LoginRefused
            raise _unavailable(self.relay, f"refuses the login: {reply.code} {reply.enhanced}".rstrip(), kind)

    async def ask(self, command: str) -> Reply:
        self.protocol.write(command.encode("ascii") + b"\r\n")
        return await self.reply(self.relay.timeouts.command)

    async def reply(self, seconds: float) -> Reply:
        while not self.protocol.replies:
            if self.protocol.lost or self.protocol.fault:
                raise _unavailable(self.relay, f"broke off: {self.protocol.fault}")
            try:
                await self.protocol.wait(seconds)
            except TimeoutError:
                raise _unavailable(self.relay, f"does not reply in {seconds:g} s") from None
        reply = self.protocol.replies.popleft()
        if reply.code == 421:
            raise _unavailable(self.relay, f"closes the connection: {reply}")
        return reply


def _make_tls(relay: Relay) -> ssl.SSLContext:
    """Verified, TLS 1.2 at least; the standard library's smtplib verifies nothing by default (message X10)."""
    context = ssl.create_default_context(cafile=relay.ca_file or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _why(error: ssl.SSLError) -> str:
    return str(getattr(error, "verify_message", "") or error.reason or error).lower()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
