"""One process that is started once: public pages, calendar, sender, letters. Each of its jobs may run at any time, and twice.

What it knows is in the database and the workspace; killed and started again it goes on. The clock is read here.
"""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from starlette.types import ASGIApp, Receive, Scope, Send

from newsletter.calendar import next_opening
from newsletter.config import Config
from newsletter.errors import NewsletterError, NothingToDo, describe_fault
from newsletter.flows.reload import SettingsWatch, changed_sections, take_over
from newsletter.flows.schedule import keep_calendar
from newsletter.flows.send import Sent, deliver
from newsletter.flows.transactional_mail import send_next_letter
from newsletter.flows.visits import is_visit_due, visit_sources
from newsletter.flows.webhooks import listeners, tell_next
from newsletter.model import DeliveryCounts
from newsletter.stopping import Interrupted, Stopping
from newsletter.store import issues
from newsletter.store.database import Store, stamp
from newsletter.store.issues import FrozenIssue
from newsletter.store.restore_guard import check_mark
from newsletter.store.self_service import drop_unconfirmed
from newsletter.store.transactional_mail import Letter, queue_letter
from newsletter.text.times import DAYS, read_weekly
from newsletter.web import Public, WebServer, make_app
from newsletter.web.server import GRACE_S
from newsletter.workspace.database import explain_fault, mark_path
from newsletter.workspace.files import Workspace

# Between two looks at the calendar. The jobs at the slots' own times only make it punctual; this makes it certain.
CALENDAR_S = 20
SENDER_S = 3
LETTERS_S = 5
CLEANING_S = 6 * 3600
# A relay that cannot be used is asked again so much later.
RELAY_REST = timedelta(minutes=2)
SETTINGS_S = 2
DRAIN_S = 30.0
# Pages under way get 5 s, then what was sent gets its reply; docs/operate.md promises this much and no more.
LONGEST_STOP_S = GRACE_S + DRAIN_S + 5
COMPLAIN_S = 600

Note = Callable[..., None]


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Server:
    """What runs. `note` is told what happens, in nouns of the model; it names nobody.

    `reread` gives the settings as the file has them now. `give_up` is called when something still waits at the end of the
    time that a stop has: it ends the process.
    """

    workspace: Workspace
    config: Config
    store: Store
    note: Note
    clock: Callable[[], datetime] = _now
    reread: Callable[[], Config] | None = None
    give_up: Callable[[], None] = lambda: None
    public: Public = field(init=False)
    web: WebServer = field(init=False)
    _pages: "_Pages" = field(init=False)
    _settings: SettingsWatch = field(init=False)
    _scheduler: Any = field(init=False)
    _not_before: dict[str, datetime] = field(init=False, default_factory=dict)
    _stop_sending: Callable[[], None] | None = field(init=False, default=None)
    _sending: FrozenIssue | None = field(init=False, default=None)
    _stopping: Stopping = field(init=False, default_factory=Stopping)
    _alarm: threading.Timer | None = field(init=False, default=None)
    _beat: float = field(init=False, default=-math.inf)  # when the calendar was last looked at
    _said: dict[str, tuple[str, float]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._settings = SettingsWatch(self.workspace, self.clock())
        self.public = Public(
            self.workspace,
            self.config,
            self.store,
            self.clock,
            listeners=listeners(self.config),
            wake=lambda: self._soon("letters"),
            is_ready=self.is_ready,
            note=self.note,
        )
        self._pages = _Pages(make_app(self.public, self.note))
        web = self.config.web
        self.web = WebServer(self._pages, web.host, web.port, trusted=web.trusted_proxies, refused=self.public.refusals)
        self._scheduler = BackgroundScheduler(timezone=UTC)
        self._plan()

    # --- the life of the process --------------------------------------------------------------------------------------

    def run(self, on_start: Callable[[int], None] = lambda port: None) -> None:
        """Serve until `stop`. Raises CannotListen; then nothing was begun."""

        def started(port: int) -> None:
            self._scheduler.start()
            on_start(port)

        self.public.refresh()
        self._note_problems()
        try:
            self.web.run(started)
        finally:
            self.stop()
            self._wait_for_jobs()
            self._settings.end()

    def stop(self) -> None:
        """Take nothing new, let what is under way end. Any thread and any signal handler may call it."""
        if self._alarm is None:
            self._alarm = threading.Timer(LONGEST_STOP_S, self._give_up)
            self._alarm.daemon = True  # whoever ends in time is not kept by it
            self._alarm.start()
        self.web.stop()
        self._stopping.stop()

    def _give_up(self) -> None:
        """Something waits that nothing can interrupt, such as a database that another program holds."""
        self.note("stopped", level="warning", reason=f"something still waits after {LONGEST_STOP_S:g} s and is left")
        self._settings.end()
        self.give_up()

    def _wait_for_jobs(self) -> None:
        if self._scheduler.running:
            ending = threading.Thread(target=self._scheduler.shutdown, daemon=True)
            ending.start()
            ending.join(DRAIN_S + 5)
            if ending.is_alive():
                return  # the process would wait for the job's thread; the alarm ends it
        if self._alarm:
            self._alarm.cancel()

    def is_ready(self) -> bool:
        """Whether the calendar was looked at lately."""
        return time.monotonic() - self._beat < CALENDAR_S * 6

    # --- jobs -----------------------------------------------------------------------------------------------------------

    def _plan(self) -> None:
        """All jobs, made from the settings at every start: nothing of APScheduler's is kept (libraries, section 5)."""
        for name, job, seconds in (
            ("settings", self.reload_settings, SETTINGS_S),
            ("sources", self.visit_sources, CALENDAR_S),
            ("calendar", self.keep_calendar, CALENDAR_S),
            ("sender", self.send_due, SENDER_S),
            ("letters", self.send_letters, LETTERS_S),
            ("hooks", self.tell_hooks, LETTERS_S),
            ("cleaning", self.clean, CLEANING_S),
        ):
            first = datetime.now(UTC) + timedelta(seconds=1)
            self._add(name, job, trigger="interval", seconds=seconds, next_run_time=first)
        self._plan_slots()

    def _plan_slots(self) -> None:
        """The jobs at the times of the slots, anew after each change of the settings."""
        for job in self._scheduler.get_jobs():
            if job.id.startswith(("send ", "draft ")):
                job.remove()
        for edition in self.config.editions:
            for what, times in (("send", edition.schedule), ("draft", edition.draft)):
                if times:
                    weekly = read_weekly(times)
                    days = ",".join(DAYS[day] for day in sorted(weekly.weekdays))
                    # It fires twice or at another minute where clocks change: what is due then, the calendar knows.
                    trigger = CronTrigger(
                        day_of_week=days, hour=weekly.at.hour, minute=weekly.at.minute, timezone=self.config.zone
                    )
                    self._add(f"{what} {edition.slug}", lambda: self._soon("calendar"), trigger=trigger)

    def _add(self, name: str, job: Callable[[], object], **when: Any) -> None:
        def run() -> None:
            if self._stopping.is_set:
                return
            try:
                job()
                self._said.pop(name, None)
            except Interrupted:
                return
            except NewsletterError as error:
                self._complain(name, "error", str(error))
            except Exception as error:  # the next run may do better; a job that ends for good would be silence
                self._complain(name, "critical", self._explain(error))

        self._scheduler.add_job(
            run, id=name, coalesce=True, max_instances=1, misfire_grace_time=None, replace_existing=True, **when
        )

    def _explain(self, error: Exception) -> str:
        """A damaged database gives values that nobody wrote: then nothing is wrong with the program."""
        return str(explain_fault(self.workspace, self.config) or describe_fault(error))

    def _complain(self, name: str, level: str, error: str) -> None:
        """Once, and again after a while: a job that runs every few seconds would fill the log."""
        said, at = self._said.get(name, ("", 0.0))
        if error != said or time.monotonic() - at > COMPLAIN_S:
            self._said[name] = (error, time.monotonic())
            self.note("failed", level=level, job=name, error=error)

    def _soon(self, name: str) -> None:
        """Run a job now, not at its next time."""
        if self._scheduler.running:
            self._scheduler.modify_job(name, next_run_time=datetime.now(UTC))

    def reload_settings(self) -> None:
        """Hold the settings that newsletter.toml has now, and say so; a file that cannot be used changes nothing."""
        if self.reread is None or not self._settings.has_changed():
            self._settings.beat(self.clock())
            return
        try:
            config, waiting = take_over(self.config, self.reread())
            public = self.public.renewed(config, listeners(config))
            public.refresh()
        except NewsletterError as error:
            self._settings.keep_old(str(error), self.clock())
            self.note("settings", level="error", state="kept", error=str(error))
            return
        except Exception as error:
            self._settings.keep_old(describe_fault(error), self.clock())
            raise
        changed = changed_sections(self.config, config)
        self.config, self.public = config, public
        self._pages.show(make_app(public, self.note))
        self._plan_slots()
        self._settings.take(", ".join(waiting), self.clock())
        level = "warning" if waiting else "info"
        self.note("settings", level=level, state="read", changed=", ".join(changed), restart=", ".join(waiting))
        self._soon("calendar")

    def visit_sources(self) -> None:
        """Other people's servers are asked when a draft will want it, and never by the calendar: they may be silent."""
        now = self.clock()
        if not is_visit_due(self.workspace, self.config, self.store, now):
            return
        with self._stopping.waiting() as arm:
            visit = visit_sources(self.workspace, self.config, now, arm)
        self.note("sources", level="warning" if visit.failed else "info", failed=visit.failed)
        self._soon("calendar")

    def keep_calendar(self) -> None:
        """What is due is drafted, shown, frozen; the archive shows what has gone out; a window that closes stops the sender."""
        for row in keep_calendar(self.workspace, self.config, self.store, self.clock()):
            level = "warning" if row.state in ("held", "skipped") else "info"
            self.note("slot", level=level, slot=row.slot, state=row.state, reason=row.reason)
            self._soon("letters")
        self._beat = time.monotonic()
        now, sending = self.clock(), self._sending
        stop_sending = self._stop_sending
        if sending and stop_sending and self._opening(sending, now) > now:
            stop_sending()
        self.public.refusals.keep(self.workspace)
        if self.public.refresh():
            self._note_problems()

    def _note_problems(self) -> None:
        """Issues of the archive whose files cannot be read now."""
        for problem in self.public.problems:
            self.note("archive", level="error", error=problem)

    def send_due(self) -> None:
        """Every issue that is frozen and may leave now, and those of which something was put off till now."""
        waiting = issues.frozen_issues(self.store, states=("frozen", "sending"))
        self._not_before = {
            slug: moment for slug, moment in self._not_before.items() if slug in {one.slug for one in waiting}
        }
        for frozen in waiting:
            now = self.clock()
            rest = self._not_before.get(frozen.slug, now)
            if rest > now + timedelta(days=3):
                rest = now  # a clock that was wrong when it was written
            first = max(rest, self._opening(frozen, now))
            if frozen.starts_at > stamp(now) or first > now or self._stopping.is_set:
                continue
            try:
                self._send(frozen)
            except Exception as error:  # it must not keep the others waiting; it is tried again
                told = str(error) if isinstance(error, NewsletterError) else self._explain(error)
                self._complain(f"send {frozen.slug}", "error", told)
                self._not_before[frozen.slug] = now + RELAY_REST

    def _opening(self, frozen: FrozenIssue, now: datetime) -> datetime:
        edition = next((one for one in self.config.editions if one.slug == frozen.edition), None)
        return next_opening(edition, now, self.config.zone) if edition else now

    def _send(self, frozen: FrozenIssue) -> None:
        self._sending = frozen
        try:
            with self._stopping.waiting() as arm_end:

                def arm(stop: Callable[[], None]) -> None:
                    self._stop_sending = stop  # a window that closes
                    arm_end(stop)

                sent = deliver(
                    self.workspace,
                    self.config,
                    self.store,
                    frozen,
                    clock=self.clock,
                    arm=arm,
                    tell=lambda text: self.note("relay", level="warning", issue=frozen.slug, reason=text),
                    listeners=self.public.listeners,
                )
        except NothingToDo:
            self._not_before[frozen.slug] = self.clock() + timedelta(seconds=15)
            return  # another process sends
        finally:
            self._stop_sending = self._sending = None
        self._not_before[frozen.slug] = self._next_pass(frozen, sent)
        self._tell(frozen, sent)

    def _next_pass(self, frozen: FrozenIssue, sent: Sent) -> datetime:
        now = self.clock()
        if sent.report.relay:
            return now + RELAY_REST
        return max(issues.next_due(self.store, frozen) or now, now + timedelta(seconds=SENDER_S))

    def _tell(self, frozen: FrozenIssue, sent: Sent) -> None:
        report = sent.report
        self.note("sent", issue=frozen.slug, **_counts(sent.books), in_this_pass=report.accepted)
        if report.relay:
            self.note("relay", level="error", issue=frozen.slug, reason=str(report.relay))
        if report.paused:
            self.note("paused", level="error", issue=frozen.slug, reason=report.paused)
            text = f"{frozen.slug} is paused: {report.paused}\n\nWhen that is mended: newsletter resume {frozen.slug}"
            with self.store.writing() as connection:
                letter = Letter(kind="alert", about=frozen.slug, text=text)
                queue_letter(connection, letter, self.clock())

    def send_letters(self) -> None:
        """All letters that are due, one after the other."""
        check_mark(self.store, mark_path(self.workspace, self.store))
        while not self._stopping.is_set:
            with self._stopping.waiting() as arm:
                posted = send_next_letter(self.workspace, self.config, self.store, self.clock(), arm)
            if posted is None:
                return
            level = "info" if posted.state == "sent" else "warning"
            self.note("letter", level=level, kind=posted.letter.kind, state=posted.state, reason=posted.reason)
            if posted.relay_away:
                return

    def tell_hooks(self) -> None:
        """All calls of other programs that are due."""
        check_mark(self.store, mark_path(self.workspace, self.store))
        while not self._stopping.is_set:
            told = tell_next(self.workspace, self.config, self.store, self.clock())
            if told is None:
                return
            level = "info" if told.state == "sent" else "warning"
            self.note("hook", level=level, about=told.event, state=told.state, reason=told.reason)

    def clean(self) -> None:
        """Forget who never confirmed."""
        count = drop_unconfirmed(self.store, self.clock())
        if count:
            self.note("cleaned", unconfirmed=count)


class _Pages:
    """The pages as they are shown now: an ASGI application that another one can take the place of."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def show(self, app: ASGIApp) -> None:
        """Show these from the next request on; those under way end with the old ones."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        await self._app(scope, receive, send)


def _counts(books: DeliveryCounts) -> dict[str, object]:
    return {name: value for name, value in books.as_dict().items() if value and name != "issue"}
