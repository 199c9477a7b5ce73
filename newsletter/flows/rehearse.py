"""The flow of a rehearsal: the whole audience, a copy of it, to a server of ours that misbehaves. Nobody is mailed."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from newsletter.audience.addresses import domain_of
from newsletter.config import Config
from newsletter.delivery.rehearsal import Behaviour, rehearsing
from newsletter.delivery.relay import Relay
from newsletter.delivery.sender import Rules
from newsletter.flows.build import render_issue
from newsletter.flows.freeze import choose_sections, freeze_issue
from newsletter.flows.send import deliver
from newsletter.model import DeliveryCounts
from newsletter.store import issues
from newsletter.store.database import Store, create_store
from newsletter.store.limits import read_limit
from newsletter.store.recipients import Recipient, list_recipients
from newsletter.store.subscribers import SubscriberIntake
from newsletter.workspace.files import Workspace

_BATCH = 10_000
_MOST_PASSES = 50
SHOWN_DOMAINS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainPlan:
    """What one provider gets. `hours` is what its throttle takes at least, 0 without one."""

    domain: str
    readers: int
    rate: str
    hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """How it went. `clock` is the time that a real send would have waited for retries; `limit_hours` what the rate takes."""

    books: DeliveryCounts
    behaviour: Behaviour
    domains: tuple[DomainPlan, ...]
    seconds: float
    clock: timedelta
    limit_hours: float
    in_doubt: int
    listed: bool

    @property
    def good(self) -> bool:
        """Whether nobody was lost and every second copy is listed."""
        return self.books.balanced and not self.books.open and self.listed


@dataclass(slots=True)
class _Clock:
    now: datetime

    def __call__(self) -> datetime:
        return self.now


def rehearse_issue(
    workspace: Workspace, config: Config, store: Store, slug: str, now: datetime, seconds: "Stopwatch"
) -> Rehearsal:
    """Send an issue to a copy of the audience. The real database is read and not changed."""
    rendered = render_issue(workspace, config, slug)
    with tempfile.TemporaryDirectory(prefix="newsletter-rehearsal-") as folder, rehearsing() as behaviour:
        copy = create_store(f"sqlite:///{folder}/newsletter.db", Path(folder) / "newsletter.key", now)
        domains = _copy_audience(list_recipients(store, choose_sections(rendered), now), copy, now)
        clock = _Clock(now)
        frozen = freeze_issue(rendered, config, copy, now)
        relays = [(Relay("127.0.0.1", behaviour.port, "none"), config.smtp.connections)]
        rules = Rules(patience_s=0)
        seconds.start()
        for _ in range(_MOST_PASSES):
            sent = deliver(workspace, config, copy, frozen, clock=clock, rules=rules, relays=relays, limits=(None, []))
            if not sent.books.counts.get("deferred"):
                break
            clock.now = max(clock.now + timedelta(minutes=1), issues.next_due(copy, frozen) or clock.now)
        taken = seconds.stop()
        doubts = {address for address, _, _ in issues.in_doubt_list(copy, frozen)}
        books = issues.read_books(copy, frozen)
        copy.close()
    limit = read_limit("relay", config.smtp.rate)
    return Rehearsal(
        books=books,
        behaviour=behaviour,
        domains=tuple(_plan_domains(domains, config)),
        seconds=taken,
        clock=clock.now - now,
        limit_hours=books.planned / (limit.per_second * 3600) if limit else 0.0,
        in_doubt=len(doubts),
        listed=behaviour.doubled <= doubts,
    )


class Stopwatch:
    """Measures a send; the clock behind it stands in the command line."""

    def __init__(self, clock: "Iterator[float]") -> None:
        self._clock = clock
        self._started = 0.0

    def start(self) -> None:
        """From now."""
        self._started = next(self._clock)

    def stop(self) -> float:
        """Seconds since then."""
        return next(self._clock) - self._started


def _copy_audience(recipients: Iterator[Recipient], copy: Store, now: datetime) -> Counter[str]:
    """Those who would get the issue, with all that the choice of readers may ask for."""
    domains: Counter[str] = Counter()
    rows = (one.row for one in recipients)
    with copy.writing() as connection:
        intake = SubscriberIntake(copy, connection, source="rehearsal", event="imported", now=now)
        while batch := list(islice(rows, _BATCH)):
            domains.update(domain_of(row.canonical) for row in batch)
            intake.take(batch)
    return domains


def _plan_domains(domains: Counter[str], config: Config) -> Iterator[DomainPlan]:
    """The largest providers, and what a throttle means for them: its domains share it."""
    for domain, count in domains.most_common(SHOWN_DOMAINS):
        throttle = next((one for one in config.throttles if domain in one.domains), None)
        limit = read_limit(domain, throttle.rate) if throttle else None
        together = sum(domains[one] for one in throttle.domains) if throttle else count
        hours = together / (limit.per_second * 3600) if limit else 0.0
        yield DomainPlan(domain=domain, readers=count, rate=throttle.rate if throttle else "", hours=hours)
