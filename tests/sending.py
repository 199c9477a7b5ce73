"""What tests of sending share: a workspace with an issue and readers, and a scripted server in a thread of its own."""

import asyncio
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from newsletter.config import Config
from newsletter.delivery.relay import Relay, Timeouts
from newsletter.delivery.sender import Rules
from newsletter.flows.build import render_issue
from newsletter.flows.freeze import freeze_issue
from newsletter.flows.send import Sent, deliver
from newsletter.model import SubscriberRow
from newsletter.resources import resource
from newsletter.store import issues
from newsletter.store.database import Store
from newsletter.store.issues import FrozenIssue
from newsletter.store.subscribers import SubscriberIntake
from newsletter.workspace.files import Workspace
from newsletter.workspace.load import read_config
from newsletter.workspace.templates import open_templates
from tests.databases import NOW, new_folder
from tests.smtp_server import SmtpServer, serving

ROOT = Path(__file__).resolve().parent.parent
ISSUE = "2025-07-07-weekly"
MEMORY = ".newsletter"  # what the program may forget at any time
QUICK = Timeouts(connect=5, greeting=5, command=5, data=5, reply_to_dot=5)


@dataclass
class Clock:
    """A clock that is set by hand."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **how_much: float) -> None:
        self.now += timedelta(**how_much)


@dataclass
class Desk:
    """A workspace with its database, ready to send."""

    workspace: Workspace
    config: Config
    store: Store
    clock: Clock
    port: int = 0

    def add(self, *rows: SubscriberRow) -> None:
        with self.store.writing() as connection:
            SubscriberIntake(self.store, connection, source="test", event="imported", now=self.clock()).take(rows)

    def set(self, **smtp: Any) -> None:
        self.config = replace(self.config, smtp=replace(self.config.smtp, **smtp))

    def freeze(self) -> FrozenIssue:
        known = issues.find_issue(self.store, ISSUE)
        return known or freeze_issue(
            render_issue(self.workspace, self.config, ISSUE), self.config, self.store, self.clock()
        )

    def send(
        self, *, rules: Rules | None = None, relay: Relay | None = None, connections: int = 2, **options: Any
    ) -> Sent:
        smtp = self.config.smtp
        usual = Rules(
            on_uncertain=smtp.on_uncertain,
            patience_s=0,
            relay_pauses_s=(0.01, 0.02),
        )
        options.setdefault("relays", [(relay or Relay("127.0.0.1", self.port, "none", timeouts=QUICK), connections)])
        return deliver(
            self.workspace,
            self.config,
            self.store,
            self.freeze(),
            clock=self.clock,
            rules=rules or usual,
            **options,
        )

    def counts(self) -> dict[str, int]:
        frozen = issues.find_issue(self.store, ISSUE)
        assert frozen
        books = issues.read_books(self.store, frozen)
        assert books.balanced
        return dict(books.counts)

    def issue(self) -> FrozenIssue:
        frozen = issues.find_issue(self.store, ISSUE)
        assert frozen
        return frozen


def make_desk(folder: Path, store: Store, readers: int = 5) -> Desk:
    """The sample publication with its issue, and readers r0… at example.org who want everything."""
    for name in ("newsletter.toml", "issues"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    shutil.copytree(compiled_templates(), folder / MEMORY, dirs_exist_ok=True)
    workspace = Workspace(folder)
    desk = Desk(workspace, read_config(workspace), store, Clock())
    if readers:
        desk.add(*(SubscriberRow(f"r{n}@example.org", f"r{n}@example.org") for n in range(readers)))
    return desk


@cache
def compiled_templates() -> Path:
    """What a workspace remembers once its pages and mails were rendered."""
    workspace = Workspace(new_folder("templates"))
    environment = open_templates(workspace)
    templates = resource("templates")
    for path in templates.rglob("*.j2"):
        environment.get_template(path.relative_to(templates).as_posix())
    return workspace.root / MEMORY


@contextmanager
def in_thread(server: SmtpServer, *, implicit_tls: bool = False) -> Iterator[SmtpServer]:
    """The server, while a sender of its own loop talks to it."""
    loop = asyncio.new_event_loop()
    ready, over = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with serving(server, implicit_tls=implicit_tls):
            ready.set()
            await over.wait()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    def run() -> None:
        sys.settrace(None)  # the coverage of the tests' own server interests nobody, and takes longer than it does
        loop.run_until_complete(serve())

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(60)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(60)
        loop.close()
