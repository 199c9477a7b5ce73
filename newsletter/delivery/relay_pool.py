"""One relay as a send sees it: whether it answers, how many connections it bears, and when to give it up."""

import asyncio
from collections.abc import Callable, Sequence

from newsletter.delivery.relay import LoginRefused, Relay, RelayMemory, RelayMisconfigured, RelayUnavailable
from newsletter.delivery.smtp import Connection, connect

# A relay that says nothing for so long is named to whoever watches; it is waited for all the same (RFC 5321 4.5.3.2).
SILENCE_S = 10.0


class RelayPool:
    """Opens connections to one relay. `error` says why it cannot be used, while it cannot."""

    def __init__(
        self,
        relay: Relay,
        connections: int,
        pauses_s: Sequence[float],
        over: asyncio.Event,
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.relay = relay
        self.error: RelayUnavailable | None = None
        self.given_up = False
        # By AIMD: halved when the relay asks for less, one more after each connection that went well (D36).
        self.allowed = self._most = connections
        self._pauses_s, self._over = pauses_s, over
        self._memory = RelayMemory()
        self._reachable = False
        self._was_reached = False
        self._tell, self._told = tell, ""
        self._door = asyncio.Lock()

    def slow_down(self) -> None:
        """The relay asked for less."""
        self.allowed = max(1, self.allowed // 2)

    def speed_up(self) -> None:
        """A whole connection went well."""
        self.allowed = min(self._most, self.allowed + 1)

    async def open(self, wanted: Callable[[], bool]) -> Connection | None:
        """A connection, or None if there is none to be had. Until the relay has answered, one at a time asks."""
        while wanted() and not self.given_up:
            if self._reachable:
                connection = await self._try_open()
            else:
                async with self._door:
                    connection = None if self._reachable else await self._knock(wanted)
            if connection:
                return connection
        return None

    async def _knock(self, wanted: Callable[[], bool]) -> Connection | None:
        """Ask a relay that may not be there, with pauses that grow; then it is given up for this pass."""
        for pause in (*self._pauses_s, None):
            if self.given_up or not wanted():
                return None
            connection = await self._try_open()
            if connection:
                return connection
            if pause is not None and not self.given_up:
                self._say(f"{self.error}; it is asked again for {sum(self._pauses_s):g} s at most")
                await self.rest(pause)
        self.given_up = True
        return None

    async def _try_open(self) -> Connection | None:
        alarm = asyncio.get_running_loop().call_later(SILENCE_S, self._say, self._silence)
        try:
            connection = await connect(self.relay, self._memory)
        except RelayUnavailable as error:
            self._reachable, self.error = False, error
            # A password that is wrong is not tried again and again (F23). Neither is a port at which nobody listens, unless
            # somebody did a moment ago: then the relay is being restarted.
            lasting = isinstance(error, RelayMisconfigured) and not self._was_reached
            self.given_up = lasting or isinstance(error, LoginRefused)
            if self.given_up:
                self._say(str(error))
            return None
        finally:
            alarm.cancel()
        self._reachable = self._was_reached = True
        self.error, self._told = None, ""
        return connection

    @property
    def _silence(self) -> str:
        host, port = self.relay.host, self.relay.port
        # There a server waits for TLS to begin, as we wait for it to greet (RFC 8314 3.3).
        hint = f'; at port {port} security = "tls" is usual' if (port, self.relay.security) == (465, "starttls") else ""
        return f"{host}:{port} does not answer yet; it is waited for{hint}"

    def _say(self, text: str) -> None:
        """Once until it changes: nobody waits without knowing what for."""
        if text != self._told:
            self._told = text
            self._tell(text)

    async def rest(self, seconds: float) -> None:
        """Wait, unless the send is over before."""
        try:
            async with asyncio.timeout(seconds):
                await self._over.wait()
        except TimeoutError:
            pass
