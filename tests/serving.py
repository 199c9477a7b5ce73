"""What tests of `serve` share: a workspace, a clock set by hand, a real mail server, the pages without a network or with one."""

import asyncio
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

from newsletter.config import Config
from newsletter.errors import NewsletterError
from newsletter.model import SubscriberRow
from newsletter.serve import Server
from newsletter.store.database import Store, create_store
from newsletter.store.subscribers import SubscriberIntake
from newsletter.web import make_app
from newsletter.workspace.database import open_or_create
from newsletter.workspace.files import Workspace
from newsletter.workspace.load import read_config
from tests.databases import DATABASE, KEY, make_quick, new_folder
from tests.sending import MEMORY, Clock, compiled_templates, in_thread
from tests.smtp_server import Mail, SmtpServer

ROOT = Path(__file__).resolve().parent.parent
# A Thursday; the sample's next slot is Monday 2025-07-07 at 07:00 in Berlin.
THURSDAY = datetime(2025, 7, 3, 12, tzinfo=UTC)


T = TypeVar("T")


def aside(what: Callable[[], T]) -> T:
    """Do it in a thread of its own: playwright keeps an event loop in that of the test."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(what).result()


@dataclass
class TickingClock(Clock):
    """Set by hand, but never twice the same, as real ones are."""

    def __call__(self) -> datetime:
        self.now += timedelta(microseconds=1)
        return self.now


@dataclass(frozen=True)
class Answer:
    """What came back for a request."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class Pages:
    """The public pages, asked without a network: each request goes through the whole application."""

    app: Any
    client: str = "203.0.113.9"

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] = {},
        chunks: Sequence[bytes] = (),
    ) -> Answer:
        return aside(lambda: asyncio.run(self._ask(method, path, list(chunks) or [body], dict(headers))))

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path: str, fields: Any = (), **headers: str) -> Answer:
        body = urlencode(fields, doseq=True).encode()
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return self.ask("POST", path, body=body, headers=kind | {k.replace("_", "-"): v for k, v in headers.items()})

    async def _ask(self, method: str, path: str, parts: list[bytes], headers: dict[str, str]) -> Answer:
        path, _, query = path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "client": (self.client, 1),
            "server": ("testserver", 80),
        }
        sent: list[Any] = []

        async def receive() -> Any:
            part = parts.pop(0) if parts else b""
            return {"type": "http.request", "body": part, "more_body": bool(parts)}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        start = next(message for message in sent if message["type"] == "http.response.start")
        body = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
        found = {name.decode().lower(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], found, body)


@dataclass
class Desk:
    """A workspace whose `serve` is driven by hand: its jobs run when the test says so, at the time that it says."""

    workspace: Workspace
    config: Config
    store: Store
    clock: Clock
    smtp: SmtpServer
    notes: list[dict[str, Any]] = field(default_factory=list)
    server: Server = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """As if the process had been started again."""
        self.server = Server(self.workspace, self.config, self.store, self.note, self.clock)

    def add(self, *addresses: str, **values: str) -> None:
        """Readers who are there already."""
        with self.store.writing() as connection:
            intake = SubscriberIntake(self.store, connection, source="test", event="imported", now=self.clock())
            intake.take([SubscriberRow(address, address, **values) for address in addresses])

    def note(self, event: str, **fields: Any) -> None:
        self.notes.append({"event": event, **fields})

    def set(self, **edition: Any) -> None:
        """Change the edition's settings."""
        self.config = replace(self.config, editions=(replace(self.config.editions[0], **edition),))
        self.restart()

    def pages(self) -> Pages:
        return Pages(make_app(self.server.public, self.note))

    def tick(self, *, to: str | None = None) -> None:
        """All jobs once, at a moment in UTC."""
        if to:
            self.clock.now = datetime.fromisoformat(to).replace(tzinfo=UTC)
        server = self.server
        for job in (
            server.visit_sources,
            server.keep_calendar,
            server.send_due,
            server.keep_calendar,
            server.send_letters,
            server.tell_hooks,
        ):
            try:
                aside(job)
            except NewsletterError as error:  # as `serve` does
                self.note("failed", level="error", error=str(error))

    @property
    def mails(self) -> list[EmailMessage]:
        """What has arrived, parsed."""
        return [parse(mail.data) for mail in self.smtp.mails]

    def subjects(self, address: str) -> list[str]:
        return [str(mail["Subject"]) for mail in self.mails if address in str(mail["To"])]

    def subscribe(self, address: str, *themes: str) -> None:
        """By the form and the mailed link, as a reader does."""
        pages = self.pages()
        stamp = re.search(r'name="stamp" value="([^"]+)"', pages.get("/subscribe").text)
        assert stamp
        self.clock.advance(seconds=3)
        answer = pages.post("/subscribe", [("address", address), ("stamp", stamp[1]), *(("themes", t) for t in themes)])
        assert answer.status == 200, answer.text
        aside(self.server.send_letters)
        answer = pages.post(self.link("/confirm/", address))
        assert answer.status == 200, answer.text

    def await_link(self, path: str, address: str) -> str:
        """Like `link`, of a server that listens: its own job sends the mail, and may be at it just now."""
        until = time.monotonic() + 60
        while True:
            try:
                return self.link(path, address)
            except AssertionError:
                assert time.monotonic() < until, "it was not mailed in a minute"
                time.sleep(0.1)

    def link(self, path: str, address: str) -> str:
        """The newest link of that kind that was mailed to an address, as a path."""
        base = re.escape(self.config.publication.url)
        for mail in reversed(self.mails):
            found = (
                re.search(rf"{base}({re.escape(path)}[\w-]+)", text_of(mail)) if address in str(mail["To"]) else None
            )
            if found:
                return found[1]
        raise AssertionError(f"no {path} link was mailed")


def parse(data: bytes) -> EmailMessage:
    found = message_from_bytes(data, policy=default)
    assert isinstance(found, EmailMessage)
    return found


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


@dataclass(frozen=True)
class Kept:
    """A desk as it was left: what many tests begin with is done once."""

    folder: Path
    now: datetime = THURSDAY
    mails: tuple[Mail, ...] = ()
    notes: tuple[dict[str, Any], ...] = ()


@cache
def new_desk() -> Kept:
    """The sample publication without its issue, with an empty database, and with its templates compiled."""
    folder = new_folder("desk")
    shutil.copy(ROOT / "newsletter.toml", folder)
    shutil.copytree(ROOT / "posts", folder / "posts")
    create_store(f"sqlite:///{folder / DATABASE}", folder / KEY, THURSDAY).close()
    shutil.copytree(compiled_templates(), folder / MEMORY)
    return Kept(folder)


def keep_desk(desk: Desk) -> Kept:
    """Leave a desk as it is now, for `running_desk` to go on with."""
    folder = new_folder("kept")
    desk.store.close()
    shutil.copytree(desk.workspace.root, folder, dirs_exist_ok=True)
    return Kept(folder, desk.clock.now, tuple(desk.smtp.mails), tuple(desk.notes))


@contextmanager
def running_desk(folder: Path, *, store: Store | None = None, like: Kept | None = None) -> Iterator[Desk]:
    """A new desk, or one that goes on where another was left, and a mail server that takes everything."""
    kept = like or new_desk()
    without = shutil.ignore_patterns(DATABASE, KEY) if store else None  # it comes with its own
    shutil.copytree(kept.folder, folder, dirs_exist_ok=True, ignore=without)
    workspace, clock = Workspace(folder), TickingClock(kept.now)
    config = read_config(workspace)
    with in_thread(SmtpServer(mails=list(kept.mails))) as smtp:
        relay = replace(config.smtp, host="127.0.0.1", port=smtp.port, security="none", connections=2)
        config = replace(config, smtp=relay)
        own = store or open_or_create(workspace, config, clock())[0]
        if store is None:
            make_quick(own)
        yield Desk(workspace, config, own, clock, smtp, list(kept.notes))
        if store is None:
            own.close()


@contextmanager
def listening(desk: Desk, port: int = 0) -> Iterator[int]:
    """The whole server, its jobs too, on a port of its own."""
    desk.config = replace(desk.config, web=replace(desk.config.web, port=port))
    desk.restart()
    ports: list[int] = []
    ready = threading.Event()

    def started(port: int) -> None:
        ports.append(port)
        ready.set()

    thread = threading.Thread(target=desk.server.run, args=(started,))
    thread.start()
    try:
        assert ready.wait(60)
        yield ports[0]
    finally:
        desk.server.stop()
        thread.join(60)
        assert not thread.is_alive()
