"""The settings as frozen values: the fields are the list of keys (docs/settings.md)."""

from dataclasses import dataclass, field
from typing import Literal
from zoneinfo import ZoneInfo

from newsletter.errors import Mistake, UsageError
from newsletter.model import STRICT, Edition, Publication, Sorting, Source, Theme
from newsletter.text.words import suggest


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """How we go out to the network. `allow_hosts`: names that may resolve to private addresses, on purpose."""

    __pydantic_config__ = STRICT

    allow_hosts: tuple[str, ...] = ()
    agent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Smtp:
    """The relay that takes our mail. The password comes from NEWSLETTER_SMTP__PASSWORD or `password_file`."""

    __pydantic_config__ = STRICT

    host: str = "127.0.0.1"
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    allow_plaintext: bool = False
    username: str = ""
    password: str = ""
    password_file: str = ""
    token_file: str = ""
    connections: int = 10
    rate: str = ""
    helo: str = ""
    ca_file: str = ""
    bounces: str = ""
    feedback_id: str = ""
    on_uncertain: Literal["resend", "hold", "skip"] = "resend"
    lifetime_h: int = 72
    messages_per_connection: int = 500
    chunking: bool = True
    dsn: bool = False

    def __repr__(self) -> str:
        """Without the password: a settings value may end up in a message."""
        return f"Smtp(host={self.host!r}, port={self.port})"


@dataclass(frozen=True, slots=True, kw_only=True)
class FurtherRelay:
    """A relay beside that of [smtp]; `connections` is its weight."""

    __pydantic_config__ = STRICT

    host: str
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    allow_plaintext: bool = False
    username: str = ""
    password_file: str = ""
    token_file: str = ""
    connections: int = 10
    ca_file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """How many messages an hour (or `/s`, `/min`) the domains of one provider get together, e.g. `500/h`."""

    __pydantic_config__ = STRICT

    domains: tuple[str, ...]
    rate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dkim:
    """A key that signs what we send. None: the relay signs."""

    __pydantic_config__ = STRICT

    selector: str
    key_file: str
    domain: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Web:
    """Where the public pages listen. `confirmations`: how many mails the forms may cause together.

    `metrics_token_file`: who shows what is in it may read /metrics from elsewhere.
    """

    __pydantic_config__ = STRICT

    host: str = "127.0.0.1"
    port: int = 8000
    trusted_proxies: tuple[str, ...] = ()
    confirmations: str = "200/h"
    metrics_token_file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """An address of another program that is told what happens, signed with the secret in `secret_file`."""

    __pydantic_config__ = STRICT

    url: str
    secret_file: str
    events: tuple[Literal["subscribed", "confirmed", "unsubscribed", "issue.sent"], ...] = (
        "subscribed",
        "confirmed",
        "unsubscribed",
        "issue.sent",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """Where subscribers and the ledger are kept."""

    __pydantic_config__ = STRICT

    url: str = field(default="sqlite:///newsletter.db", repr=False)  # a password may be in it
    key_file: str = "newsletter.key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """What `newsletter check` does beyond its own rules: words to point at, and rules to leave out, each with its reason.

    `clients`: mail clients whose gaps are told.
    """

    __pydantic_config__ = STRICT

    flag: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    ignore: dict[str, str] = field(default_factory=dict)

    def leaves_out(self, rule: str, key: str | None = None) -> bool:
        """Whether a rule is left out: everywhere (`off-theme`), or for the post of a key (`off-theme p-3f2a9c41`)."""
        return rule in self.ignore or f"{rule} p-{key}" in self.ignore


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All settings. The fields, and theirs, are the list of keys (docs/settings.md)."""

    __pydantic_config__ = STRICT

    publication: Publication
    themes: tuple[Theme, ...] = ()
    sources: tuple[Source, ...] = ()
    editions: tuple[Edition, ...] = ()
    sorting: Sorting = field(default_factory=Sorting)
    fetch: Fetch = field(default_factory=Fetch)
    smtp: Smtp = field(default_factory=Smtp)
    relays: tuple[FurtherRelay, ...] = ()
    throttles: tuple[Throttle, ...] = ()
    dkim: tuple[Dkim, ...] = ()
    web: Web = field(default_factory=Web)
    hooks: tuple[Hook, ...] = ()
    checks: Checks = field(default_factory=Checks)
    database: Database = field(default_factory=Database)

    @property
    def zone(self) -> ZoneInfo:
        """The publication's time zone: everything shown is in it."""
        return ZoneInfo(self.publication.timezone)

    def edition(self, slug: str | None = None) -> Edition:
        """The edition of that name, or the first one. Raises UsageError."""
        if slug is None and self.editions:
            return self.editions[0]
        for edition in self.editions:
            if edition.slug == slug:
                return edition
        names = [edition.slug for edition in self.editions]
        known = suggest(slug or "", names) or f" (there is: {', '.join(names) or 'none'})"
        raise UsageError(Mistake(code="NL015", message=f"no edition {slug!r} in the settings{known}"))
