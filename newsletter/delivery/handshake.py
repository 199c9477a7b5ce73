"""A connection from the banner to the first MAIL: one command, one reply (RFC 5321, 3207, 4954)."""

import asyncio
import ssl
from collections import deque
from functools import lru_cache
from typing import cast

from newsletter.delivery.login import log_in
from newsletter.delivery.relay import Relay, RelayMisconfigured, RelayUnavailable, unavailable
from newsletter.delivery.replies import Capabilities, ProtocolFault, Reply, ReplyReader, read_capabilities
from newsletter.text.tls_faults import tell_tls_fault

# What OpenSSL says of a server that answers in the clear, or with another version of TLS.
_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION")


class SmtpStream(asyncio.Protocol):
    """Octets in and out, replies to whoever asks."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.replies: deque[Reply] = deque()
        self.fault = ""
        self.lost = False
        self._reader = ReplyReader()
        self._wake = asyncio.Event()

    @property
    def is_quiet(self) -> bool:
        """Whether nothing came in that was not asked for."""
        return self._reader.is_empty and not self.replies

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The line is open, or open anew under TLS."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's are not of that class, but of that kind

    def data_received(self, data: bytes) -> None:
        """Replies are kept until somebody asks for them."""
        try:
            self.replies += self._reader.feed(data)
        except ProtocolFault as fault:
            self.fault = str(fault)
            self.abort()
        self._wake.set()

    def connection_lost(self, error: Exception | None) -> None:
        """Whoever waits for a reply learns that none will come."""
        self.lost = True
        self.fault = self.fault or (type(error).__name__ if error else "the server closed the connection")
        self._wake.set()

    def write(self, data: bytes) -> None:
        """Say something, if the line is there."""
        if self.transport and not self.lost:
            self.transport.write(data)

    def abort(self) -> None:
        """Hang up."""
        if self.transport:
            self.transport.abort()

    async def wait(self) -> None:
        """Until something came in or the connection is gone."""
        await self._wake.wait()
        self._wake.clear()


class Opening:
    """Greets, secures and logs in, on a line that is open."""

    def __init__(self, relay: Relay, line: SmtpStream) -> None:
        self.relay = relay
        self.line = line
        self.secured = relay.security == "tls"

    async def run(self) -> Capabilities:
        """What the server offers to us, who are logged in. Raises RelayUnavailable, LoginRefused."""
        banner = await self._reply(self.relay.timeouts.greeting)
        if banner.code != 220:
            raise unavailable(self.relay, f"does not want to talk: {banner}", _by(banner))
        offered = await self._greet()
        if self.relay.security == "starttls":
            offered = await self._start_tls(offered)
        if self.relay.username or self.relay.token:
            await log_in(self.relay, offered, self.ask, secured=self.secured)
        if not self.line.is_quiet or self.line.lost or self.line.fault:
            raise unavailable(self.relay, f"broke off: {self.line.fault or 'it said something that was not asked for'}")
        return offered

    async def _greet(self) -> Capabilities:
        reply = await self.ask(f"EHLO {self.relay.helo}")
        if reply.code == 250:
            return read_capabilities(reply)
        if (await self.ask(f"HELO {self.relay.helo}")).code != 250:
            raise unavailable(self.relay, f"refuses the greeting: {reply}", _by(reply))
        return Capabilities()

    async def _start_tls(self, offered: Capabilities) -> Capabilities:
        if "STARTTLS" not in offered:
            raise unavailable(self.relay, "offers no STARTTLS; nothing was sent in the clear", RelayMisconfigured)
        reply = await self.ask("STARTTLS")
        if reply.code != 220:
            raise unavailable(self.relay, f"refuses STARTTLS: {reply}", _by(reply))
        # Octets behind the 220 were put there by somebody between us and the server (CVE-2011-0411; F21).
        if not self.line.is_quiet:
            raise unavailable(self.relay, "sent something in the clear after STARTTLS; somebody may be in between")
        if self.line.transport is None or self.line.lost:
            raise unavailable(self.relay, "broke off")
        try:
            secured = await asyncio.get_running_loop().start_tls(
                self.line.transport,
                self.line,
                make_tls(self.relay),
                server_hostname=self.relay.host,
                ssl_handshake_timeout=self.relay.timeouts.connect,
            )
        except ssl.SSLError as error:
            raise tls_trouble(self.relay, error) from None
        except OSError as error:
            what = error.strerror or type(error).__name__
            raise unavailable(self.relay, f"breaks off while TLS begins: {what}") from None
        if secured is None:
            raise unavailable(self.relay, "broke off while TLS began")
        self.line.connection_made(secured)
        self.secured = True
        return await self._greet()  # what was offered before TLS is forgotten (RFC 3207 4.2)

    async def ask(self, command: str) -> Reply:
        """One command, one reply. Raises RelayUnavailable."""
        self.line.write(command.encode("ascii") + b"\r\n")
        return await self._reply(self.relay.timeouts.command)

    async def _reply(self, seconds: float) -> Reply:
        try:
            async with asyncio.timeout(seconds):
                while not self.line.replies:
                    if self.line.lost or self.line.fault:
                        raise unavailable(self.relay, f"broke off: {self.line.fault}")
                    await self.line.wait()
        except TimeoutError:
            raise unavailable(self.relay, f"does not reply in {seconds:g} s") from None
        reply = self.line.replies.popleft()
        if reply.code == 421:
            raise unavailable(self.relay, f"closes the connection: {reply}")
        return reply


def _by(reply: Reply) -> type[RelayUnavailable]:
    """A 5xx will be the same next time (RFC 5321 4.2.1)."""
    return RelayMisconfigured if reply.code >= 500 else RelayUnavailable


@lru_cache(16)  # reading the system's certificates takes 10 ms, and connections are renewed often
def make_tls(relay: Relay) -> ssl.SSLContext:
    """Verified, TLS 1.2 at least; the standard library's smtplib verifies nothing by default (message X10)."""
    try:
        context = ssl.create_default_context(cafile=relay.ca_file or None)
    except OSError as error:  # ssl.SSLError is one
        what = f"cannot be used: ca_file: {error.strerror or error}"
        raise unavailable(relay, what, RelayMisconfigured) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not relay.verify:  # only because somebody wrote so (F22)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def tls_trouble(relay: Relay, error: ssl.SSLError) -> RelayUnavailable:
    """TLS could not begin. A certificate and a server that speaks no TLS stay as they are."""
    lasting = isinstance(error, ssl.SSLCertVerificationError) or error.reason in _NO_TLS
    return unavailable(relay, tell_tls_fault(error), RelayMisconfigured if lasting else RelayUnavailable)
