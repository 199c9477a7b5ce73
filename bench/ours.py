"""Our own sender as a candidate: `whole` is claim, compose, send, record, as `newsletter send` does it; `alone` only sends.

Prints one line of JSON like the rivals. Making the workspace and planning the issue are not timed.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvloop

from bench.rivals.message import ADDRESSES, SENDER, TO_SLOT, TOKENS, make_reader, write_template
from bench.rivals.race import Stopwatch
from newsletter import links
from newsletter.config import Config
from newsletter.config.settings import Dkim, Smtp
from newsletter.delivery.dialogue import Outgoing
from newsletter.delivery.relay import Relay, RelayMemory
from newsletter.delivery.segments import compile_message
from newsletter.delivery.sender import Rules
from newsletter.delivery.smtp import Connection, connect
from newsletter.flows.send import deliver
from newsletter.model import Publication, SubscriberRow
from newsletter.store import issues
from newsletter.store.database import Store, create_store
from newsletter.store.subscribers import SubscriberIntake
from newsletter.workspace.files import Workspace

_BATCH = 10_000


def main(arguments: Sequence[str]) -> int:
    """Send to a port and print what it took."""
    parser = argparse.ArgumentParser(prog="python -m bench.ours")
    parser.add_argument("what", choices=["whole", "alone"])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--tls-ca", type=Path)
    parser.add_argument("--dkim", choices=["rsa", "ed25519"])
    options = parser.parse_args(arguments)
    relay = Relay("127.0.0.1", options.port, "tls" if options.tls_ca else "none", ca_file=str(options.tls_ca or ""))
    if options.what == "alone":
        send_alone(relay, options.count, options.connections)
    else:
        with tempfile.TemporaryDirectory(prefix="bench-send-") as folder:
            send_whole(Path(folder), relay, options.count, options.connections, options.dkim)
    return 0


def send_whole(folder: Path, relay: Relay, count: int, connections: int, dkim: str | None) -> None:
    """The whole path over a database of `count` readers."""
    config = make_config(folder, connections, dkim)
    store = make_store(folder, count)
    frozen = plan(store, write_template(7).replace(TO_SLOT.encode(), links.ADDRESS_SLOT.encode()))
    watch = Stopwatch()
    rules = Rules(messages_per_connection=config.smtp.messages_per_connection)
    with watch:
        sent = deliver(
            Workspace(folder),
            config,
            store,
            frozen,
            clock=lambda: datetime.now(UTC),
            relays=[(relay, connections)],
            rules=rules,
        )
    assert sent.books.counts == {"accepted": count}, sent.books
    watch.report(sent.report.accepted, connections)


def make_config(folder: Path, connections: int, dkim: str | None) -> Config:
    """Settings of a publication that sends this."""
    publication = Publication(title="Bench", url="https://desk.example.org", sender=SENDER)
    config = Config(publication=publication, smtp=Smtp(connections=connections))
    if dkim:
        make_key(folder / "dkim.pem", dkim)
        config = replace(config, dkim=(Dkim(selector="s", key_file="dkim.pem", domain="desk.example.org"),))
    return config


def make_key(path: Path, kind: str) -> None:
    """A private key of the kind."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

    private = rsa.generate_private_key(65537, 2048) if kind == "rsa" else ed25519.Ed25519PrivateKey.generate()
    none = serialization.NoEncryption()
    path.write_bytes(private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, none))
    path.chmod(0o600)


def make_store(folder: Path, count: int) -> Store:
    """A database with so many readers."""
    now = datetime.now(UTC)
    store = create_store(f"sqlite:///{folder}/newsletter.db", folder / "newsletter.key", now)
    with store.writing() as connection:
        intake = SubscriberIntake(store, connection, source="bench", event="imported", now=now)
        for start in range(0, count, _BATCH):
            addresses = [make_reader(number).address for number in range(start, min(start + _BATCH, count))]
            intake.take([SubscriberRow(address, address) for address in addresses])
    return store


def plan(store: Store, message: bytes) -> issues.FrozenIssue:
    """The issue, frozen for everybody."""
    now = datetime.now(UTC)
    plan = issues.Plan(
        slug="bench",
        edition="weekly",
        choose=lambda themes: "",
        write=lambda name: message,
        expires_at=now + timedelta(hours=72),
    )
    started = time.perf_counter()
    frozen = issues.freeze(store, plan, now)
    print(f"planned in {time.perf_counter() - started:.2f} s", file=sys.stderr)
    return frozen


# --- sending alone ------------------------------------------------------------------------------------------------


class _Feed:
    """Messages that were made before, for one connection."""

    def __init__(self, messages: list[Outgoing]) -> None:
        self._messages = messages
        self._open = len(messages)
        self.accepted = 0
        self.connection: Connection | None = None

    def take(self) -> Outgoing | None:
        return self._messages.pop() if self._messages else None

    def done(self, result: object) -> None:
        self.accepted += getattr(result, "status", "") == "accepted"
        self._open -= 1
        if not self._open and self.connection:
            self.connection.finish()


def send_alone(relay: Relay, count: int, connections: int) -> None:
    """Messages made before the clock starts, over connections that are opened under it."""
    segments = compile_message(write_template(7), tokens=TOKENS, addresses=ADDRESSES)
    pool = []
    for number in range(min(count, 1_000)):
        reader = make_reader(number)
        values = {TO_SLOT: reader.address, links.ID_SLOT: reader.id, links.TOKEN_SLOT: reader.token}
        pool.append(segments.fill({slot: value.encode() for slot, value in values.items()}))
    messages = [
        Outgoing(number, SENDER, make_reader(number).address, pool[number % len(pool)], "", False)
        for number in range(count)
    ]
    feeds = [_Feed(messages[start::connections]) for start in range(connections)]

    async def run() -> None:
        async def one(feed: _Feed) -> None:
            feed.connection = await connect(relay, RelayMemory())
            await feed.connection.run(feed)
            feed.connection.close()

        await asyncio.gather(*(one(feed) for feed in feeds))

    watch = Stopwatch()
    with watch, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())
    watch.report(sum(feed.accepted for feed in feeds), connections)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
