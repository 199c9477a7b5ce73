"""A server that takes our mail: where it is, how it is entered, how long it is waited for, what it was found unable to do."""

from dataclasses import dataclass, field
from typing import Literal

from newsletter.delivery.dialogue import WINDOW, Mode, Phase
from newsletter.errors import Mistake, NewsletterError


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

    @property
    def shortest(self) -> float:
        """No reply within a transaction is given up sooner."""
        return min(self.command, self.data, self.reply_to_dot)


@dataclass(frozen=True, slots=True)
class Relay:
    """A server that takes our mail. `ca_file` names certificates to trust instead of the system's.

    `token` logs in with XOAUTH2 instead of a password. `window` bounds the messages past their last octet with CHUNKING.
    """

    host: str
    port: int
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password: str = field(default="", repr=False)
    helo: str = "localhost"
    ca_file: str = ""
    pipelining: bool = True
    timeouts: Timeouts = Timeouts()
    chunking: bool = True
    window: int = WINDOW
    token: str = field(default="", repr=False)
    dsn: bool = False
    verify: bool = True

    @property
    def best(self) -> Mode:
        """The fastest mode that may be used."""
        if not self.pipelining:
            return Mode.LOCK_STEP
        return Mode.CHUNKING if self.chunking else Mode.PIPELINING


@dataclass(slots=True)
class RelayMemory:
    """What was found out about a relay, kept over its connections: in which mode it still counts right (F36)."""

    best: Mode = Mode.CHUNKING

    def step_down(self, broken: Mode) -> None:
        """A connection of this mode lost count: the next ones go one step slower."""
        self.best = min(self.best, Mode(max(broken - 1, 0)))


class RelayUnavailable(NewsletterError):
    """The relay cannot be used now. No message was touched, no attempt is charged to anybody (delivery §4)."""

    exit_status = 69


class RelayMisconfigured(RelayUnavailable):
    """The relay cannot be used before somebody changes the settings, or the relay: to ask again soon is of no use."""


class LoginRefused(RelayMisconfigured):
    """The relay refuses us, not a message: this pauses a send and touches no subscriber (D30)."""


def unavailable(relay: Relay, what: str, kind: type[RelayUnavailable] = RelayUnavailable) -> RelayUnavailable:
    """The error that says why this relay cannot be used."""
    return kind(
        Mistake(code="NL080", message=f"{relay.host}:{relay.port} {what}", help="see [smtp] in newsletter.toml")
    )
