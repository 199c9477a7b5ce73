"""The flow from an issue to its readers: render, freeze bytes and audience once, deliver until nobody is left."""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from types import MappingProxyType

from sqlalchemy import Connection

from newsletter.audience.addresses import check_address, wire_address
from newsletter.audience.tokens import derive_all, make_tokens, make_verp
from newsletter.config import Config, FurtherRelay, Smtp
from newsletter.delivery import dkim
from newsletter.delivery.composer import Composer, ReaderValues
from newsletter.delivery.dialogue import Result
from newsletter.delivery.loop import run_sender, send_one
from newsletter.delivery.relay import Relay
from newsletter.delivery.retry import after_doubt
from newsletter.delivery.sender import Rules, Sender, SendReport
from newsletter.errors import InputError, Mistake, NewsletterError
from newsletter.flows.build import Rendered, compose_message, render_issue
from newsletter.model import UNSORTED, Claim, DeliveryCounts
from newsletter.stopping import Arm, never_stopped
from newsletter.store import issues
from newsletter.store.database import Store
from newsletter.store.failures import cannot_write_store
from newsletter.store.issues import ALL, FrozenIssue, Plan
from newsletter.store.journal import Journal
from newsletter.store.lease import take_lease
from newsletter.store.ledger import Ledger
from newsletter.store.limits import Limit, read_limit
from newsletter.store.recipients import Choose, count_readers, list_recipients, list_waiting
from newsletter.store.restore_guard import check_mark
from newsletter.store.webhooks import NOBODY, Listeners
from newsletter.text.characters import decode_text
from newsletter.text.mailbox import split_mailbox
from newsletter.workspace.database import journal_path, mark_path
from newsletter.workspace.files import Workspace

TEST_MARK = "[TEST]"
DRY_RUN_LIMIT = 200
READERS_PER_CONNECTION = 10


class SendFailed(NewsletterError):
    """A mail was not accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendSummary:
    """What a person should see before anything leaves. `readers`: sections → how many get just these, `subjects` → below what."""

    issue: str
    subject: str
    sender: str
    relay: str
    rate: str
    readers: dict[str, int]
    subjects: dict[str, str]
    bytes: int

    @property
    def count(self) -> int:
        """All readers."""
        return sum(self.readers.values())


# --- before anything leaves ---------------------------------------------------------------------------------------


def choose_sections(rendered: Rendered) -> Choose:
    """How a reader's themes become the sections they get: all, some in the issue's order, or none and no mail."""
    # What no theme claimed can be chosen by nobody.
    sections = tuple(section.slug for section in rendered.shown.sections if section.slug != UNSORTED)
    whole = len(sections) == len(rendered.shown.sections)

    def choose(themes: str) -> str | None:
        wanted = set(themes.split())
        if not wanted:
            return ALL
        chosen = [slug for slug in sections if slug in wanted]
        if len(chosen) == len(sections) and whole:
            return ALL
        return " ".join(chosen) or None

    return choose


def write_variant(rendered: Rendered, config: Config, chosen: str, moment: datetime, mark: str = "") -> bytes:
    """The message for readers of these sections, with slots for what differs between them. `mark` begins its subject."""
    sections = () if chosen == ALL else chosen.split()
    subject = f"{mark} {rendered.head(sections).subject}".strip()
    bodies = rendered.bodies(sections)
    return compose_message(bodies, rendered.issue, rendered.edition, config, moment=moment, subject=subject)


def show_card(rendered: Rendered, config: Config, store: Store, now: datetime) -> SendSummary:
    """What would be sent, to how many, through what."""
    smtp = config.smtp
    readers = count_readers(store, choose_sections(rendered), now)
    return SendSummary(
        issue=rendered.issue.slug,
        subject=rendered.issue.subject,
        sender=config.publication.sender,
        relay=f"{smtp.host}:{smtp.port} ({smtp.security})",
        rate=smtp.rate,
        readers=readers,
        subjects={chosen: rendered.head(chosen.split()).subject for chosen in readers},
        bytes=len(rendered.mail.html.encode()),
    )


def freeze_issue(
    rendered: Rendered,
    config: Config,
    store: Store,
    now: datetime,
    *,
    starts_at: datetime | None = None,
    zones: Mapping[str, datetime] = MappingProxyType({}),
    first: Callable[[Connection], object] = lambda connection: None,
) -> FrozenIssue:
    """Fix the bytes that were shown, and the audience (delivery D7). An issue that is frozen already stays as it was.

    `zones`: when it leaves to readers of a time zone, if that is later.
    """
    store.check_whole()  # in a damaged one somebody who left may look like a reader
    last = max(now, starts_at or now, *zones.values())
    plan = Plan(
        slug=rendered.issue.slug,
        edition=rendered.edition.slug,
        choose=choose_sections(rendered),
        write=lambda chosen: write_variant(rendered, config, chosen, now.replace(microsecond=0)),
        lanes=[throttle.domains for throttle in config.throttles],
        expires_at=last + timedelta(hours=config.smtp.lifetime_h),
        starts_at=starts_at,
        zones=zones,
    )
    return issues.freeze(store, plan, now, first=first)


def has_changed(workspace: Workspace, config: Config, store: Store, frozen: FrozenIssue) -> bool:
    """Whether issue.md, templates or settings would give other bytes than those that were frozen."""
    moment = datetime.fromisoformat(frozen.frozen_at)
    try:
        rendered = render_issue(workspace, config, frozen.slug)
        names = issues.variant_names(store, frozen)
        messages = {name: write_variant(rendered, config, name, moment) for name in names}
    except InputError:
        return True
    return issues.hash_messages(messages) != frozen.content_sha256


# --- delivery -----------------------------------------------------------------------------------------------------


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

    return Composer(messages, values=values, wire=wire_address, keys=_read_keys(workspace, config), moment=moment)


def _read_keys(workspace: Workspace, config: Config) -> list[dkim.DkimKey]:
    domain = wire_address(split_mailbox(config.publication.sender)[1]).rpartition("@")[2]
    return [dkim.read_key(workspace.root / key.key_file, key.domain or domain, key.selector) for key in config.dkim]


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


# --- without the ledger -------------------------------------------------------------------------------------------


def count_dry_run(store: Store, rendered: Rendered, now: datetime) -> int:
    """How many `send` would mail now: all who get the issue, or those who wait for it if it is frozen."""
    frozen = issues.find_issue(store, rendered.issue.slug)
    if frozen:
        return sum(1 for _ in list_waiting(store, frozen.id))
    return sum(count_readers(store, choose_sections(rendered), now).values())


def write_dry_run(
    workspace: Workspace, config: Config, store: Store, rendered: Rendered, now: datetime
) -> Iterator[str]:
    """What `send` would send, as .eml files in build/<slug>/outbox; nothing is frozen. Gives their paths, 200 at most.

    Of an issue that is frozen it is what was frozen, for those who wait for it.
    """
    frozen = issues.find_issue(store, rendered.issue.slug)
    if frozen:
        moment = datetime.fromisoformat(frozen.frozen_at)
        messages = issues.read_variants(store, frozen)
        readers = list_waiting(store, frozen.id)
    else:
        moment = now.replace(microsecond=0)
        messages = {}
        readers = list_recipients(store, choose_sections(rendered), now)
    outbox = f"build/{rendered.issue.slug}/outbox"
    workspace.empty(outbox)  # of who left or was erased since the last one no mail may stay
    composers: dict[int | str, Composer] = {}
    for number, (row, variant) in enumerate(islice(readers, DRY_RUN_LIMIT), 1):
        if variant not in composers:
            message = messages[variant] if frozen else write_variant(rendered, config, variant, moment)
            composers[variant] = _compose_for_nobody(workspace, config, message, moment)
        path = f"{outbox}/{number:06}.eml"
        workspace.write(path, composers[variant].write(_claim_of_nobody(row.address)).plain, private=True)
        yield path


def send_test(
    workspace: Workspace,
    config: Config,
    slug: str,
    address: str,
    now: datetime,
    *,
    mark: str = TEST_MARK,
    arm: Arm = never_stopped,
) -> None:
    """One mail to look at, marked [TEST]. It is in no ledger, and its unsubscribe link is nobody's. Raises SendFailed."""
    rendered = render_issue(workspace, config, slug)
    moment = now.replace(microsecond=0)
    message = write_variant(rendered, config, ALL, moment, mark)
    result = send_single(workspace, config, message, check_address(address).typed, moment, arm)
    if result.status != "accepted":
        told = str(result.reply) if result.reply else "the connection broke"
        raise SendFailed(Mistake(code="NL095", message=f"the test mail was not accepted: {told}"))


def send_single(
    workspace: Workspace, config: Config, message: bytes, address: str, moment: datetime, arm: Arm = never_stopped
) -> Result:
    """A message that is in no ledger, to one address, over a connection of its own. Raises RelayUnavailable, Interrupted."""
    outgoing = _compose_for_nobody(workspace, config, message, moment).write(_claim_of_nobody(address))
    return send_one(make_relays(workspace, config)[0][0], outgoing, arm)


def _compose_for_nobody(workspace: Workspace, config: Config, message: bytes, moment: datetime) -> Composer:
    """For mail to look at: its tokens open nothing, whoever gets hold of it."""
    sender = wire_address(split_mailbox(config.publication.sender)[1])
    return Composer(
        {0: message},
        values=lambda subscriber: ReaderValues("0" * 32, secrets.token_hex(15), sender),
        wire=wire_address,
        keys=_read_keys(workspace, config),
        moment=moment,
    )


def _claim_of_nobody(address: str) -> Claim:
    return Claim(0, 1, 0, 0, 0, address)
