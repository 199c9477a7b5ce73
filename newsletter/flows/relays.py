"""Makes what sending needs of the settings: relays with their secrets, limits, rules, and what writes each reader's message."""

import secrets
from dataclasses import replace
from datetime import datetime

from newsletter.audience.addresses import wire_address
from newsletter.audience.tokens import derive_all, make_tokens, make_verp
from newsletter.config import Config, FurtherRelay, Smtp
from newsletter.delivery import dkim
from newsletter.delivery.composer import Composer, ReaderValues
from newsletter.delivery.relay import Relay
from newsletter.delivery.sender import Rules
from newsletter.model import Claim
from newsletter.store.database import Store
from newsletter.store.limits import Limit, read_limit
from newsletter.text.characters import decode_text
from newsletter.text.mailbox import split_mailbox
from newsletter.workspace.files import Workspace


def make_relays(workspace: Workspace, config: Config) -> list[tuple[Relay, int]]:
    """The relays of the settings with their connections. Raises InputError for a secret's file that cannot be read."""
    smtp = config.smtp
    first = _make_relay(workspace, config, smtp)
    if smtp.password and not smtp.password_file:
        first = replace(first, password=smtp.password)
    return [
        (first, smtp.connections),
        *((_make_relay(workspace, config, one), one.connections) for one in config.relays),
    ]


def _make_relay(workspace: Workspace, config: Config, one: Smtp | FurtherRelay) -> Relay:
    def secret(path: str) -> str:
        return decode_text(workspace.read_secret(path), path).strip() if path else ""

    if one.ca_file:
        workspace.read_secret(one.ca_file)  # told now, by its name

    domain = wire_address(split_mailbox(config.publication.sender)[1]).rpartition("@")[2]
    return Relay(
        host=one.host,
        port=one.port,
        security=one.security,
        username=one.username,
        password=secret(one.password_file),
        token=secret(one.token_file),
        helo=config.smtp.helo or domain,
        ca_file=str(workspace.root / one.ca_file) if one.ca_file else "",
        chunking=config.smtp.chunking,
        dsn=config.smtp.dsn,
    )


def make_rules(config: Config) -> Rules:
    """How a send behaves, from the settings."""
    smtp = config.smtp
    return Rules(
        on_uncertain=smtp.on_uncertain,
        messages_per_connection=smtp.messages_per_connection,
    )


def make_limits(config: Config) -> tuple[Limit | None, list[Limit]]:
    """The relay's limit, and one for each throttle."""
    limits = [read_limit(f"{', '.join(one.domains)}: {one.rate}", one.rate) for one in config.throttles]
    return read_limit(f"the relay: {config.smtp.rate}", config.smtp.rate), [limit for limit in limits if limit]


def make_composer(
    workspace: Workspace, config: Config, store: Store, messages: dict[int, bytes], issue: int, moment: datetime
) -> Composer:
    """What writes each reader's message."""
    keys = derive_all(store.key.token_secrets)[-1]
    name, _, domain = wire_address(config.smtp.bounces or split_mailbox(config.publication.sender)[1]).rpartition("@")
    verp, sender = bool(config.smtp.bounces), f"{name}@{domain}"

    def values(subscriber: int) -> ReaderValues:
        tokens = make_tokens(keys, issue, subscriber)
        return ReaderValues(*tokens, f"{name}+{make_verp(keys, issue, subscriber)}@{domain}" if verp else sender)

    return Composer(messages, values=values, wire=wire_address, keys=read_keys(workspace, config), moment=moment)


def compose_for_nobody(workspace: Workspace, config: Config, message: bytes, moment: datetime) -> Composer:
    """Makes what writes mail to look at: its tokens open nothing, whoever gets hold of it."""
    sender = wire_address(split_mailbox(config.publication.sender)[1])
    return Composer(
        {0: message},
        values=lambda subscriber: ReaderValues("0" * 32, secrets.token_hex(15), sender),
        wire=wire_address,
        keys=read_keys(workspace, config),
        moment=moment,
    )


def claim_of_nobody(address: str) -> Claim:
    """Makes the claim under which mail to look at is written: of no subscriber, at its first attempt."""
    return Claim(0, 1, 0, 0, 0, address)


def read_keys(workspace: Workspace, config: Config) -> list[dkim.DkimKey]:
    """Reads the DKIM keys of the settings. Raises InputError for a file that is no key."""
    domain = wire_address(split_mailbox(config.publication.sender)[1]).rpartition("@")[2]
    return [dkim.read_key(workspace.root / key.key_file, key.domain or domain, key.selector) for key in config.dkim]
