"""Sends a frozen issue until nobody is left who can be sent to now."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from newsletter.config import Config
from newsletter.delivery.loop import run_sender
from newsletter.delivery.relay import Relay
from newsletter.delivery.retry import after_doubt
from newsletter.delivery.sender import Rules, Sender, SendReport
from newsletter.flows.relays import make_composer, make_limits, make_relays, make_rules
from newsletter.model import DeliveryCounts
from newsletter.stopping import Arm, never_stopped
from newsletter.store import issues
from newsletter.store.database import Store
from newsletter.store.failures import cannot_write_store
from newsletter.store.issues import FrozenIssue
from newsletter.store.journal import Journal
from newsletter.store.lease import take_lease
from newsletter.store.ledger import Ledger
from newsletter.store.limits import Limit
from newsletter.store.restore_guard import check_mark
from newsletter.store.webhooks import NOBODY, Listeners
from newsletter.workspace.database import journal_path, mark_path
from newsletter.workspace.files import Workspace

READERS_PER_CONNECTION = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """How a pass ended: what it did and how the books stand."""

    report: SendReport
    books: DeliveryCounts
    recovered: int


def deliver(
    workspace: Workspace,
    config: Config,
    store: Store,
    frozen: FrozenIssue,
    *,
    clock: Callable[[], datetime],
    arm: Arm = never_stopped,
    watch: Callable[[SendReport], None] = lambda report: None,
    tell: Callable[[str], None] = lambda text: None,
    rules: Rules | None = None,
    relays: Sequence[tuple[Relay, int]] | None = None,
    limits: tuple[Limit | None, list[Limit]] | None = None,
    listeners: Listeners = NOBODY,
) -> Sent:
    """Send an issue until nothing is left that can be sent now. Call it again to go on; nobody gets a second copy.

    `tell` is told of a relay that is silent, that is asked again, or that is given up, when it happens.
    """
    rules = rules or make_rules(config)
    check_mark(store, mark_path(workspace, store))
    lease = take_lease(store, mark_path(workspace, store))
    try:
        limit, lanes = make_limits(config) if limits is None else limits
        ledger = Ledger(store, frozen, lease, limit=limit, lanes=lanes)
        journal = _prepare_journal(workspace, store)
        composer = make_composer(
            workspace,
            config,
            store,
            issues.read_variants(store, frozen),
            frozen.id,
            datetime.fromisoformat(frozen.frozen_at),
        )
        journal.replay(ledger, frozen.id, clock())
        recovered = ledger.recover(lambda doubts: after_doubt(rules.on_uncertain, doubts, crashed=True), clock())
        issues.set_state(store, frozen, "sending", unless=("cancelled", "done", "paused"))
        busy = _spare_connections(relays or make_relays(workspace, config), issues.read_books(store, frozen).open)
        sender = Sender(
            journal.guard(ledger, frozen.id),
            composer,
            busy,
            rules,
            clock=clock,
            watch=watch,
            tell=tell,
        )
        try:
            report = run_sender(sender, arm)
        finally:
            ledger.close()
        if report.paused:
            issues.set_state(store, frozen, "paused", report.paused, unless=("cancelled", "done"))
        doubts_wait = rules.on_uncertain == "hold"
        books = issues.finish(store, frozen, clock(), doubts_wait=doubts_wait, listeners=listeners)
        return Sent(report=report, books=books, recovered=recovered)
    finally:
        lease.release(store)


def _spare_connections(relays: Sequence[tuple[Relay, int]], open_count: int) -> list[tuple[Relay, int]]:
    """No more connections than there is work for: a relay counts those that only come and go."""
    return [(relay, max(1, min(count, -(-open_count // READERS_PER_CONNECTION)))) for relay, count in relays]


def _prepare_journal(workspace: Workspace, store: Store) -> Journal:
    path = journal_path(workspace, store)
    journal = Journal(path)
    try:
        path.parent.mkdir(exist_ok=True)
        journal.prepare()
    except OSError as error:
        raise cannot_write_store(path, error) from None
    return journal
