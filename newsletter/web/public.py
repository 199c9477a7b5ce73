"""What every public page works with: the settings, the store, the clock, the archive as it is now."""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import urlsplit

from jinja2 import Environment

from newsletter.audience.tokens import TokenKeys, derive_all
from newsletter.config import Config
from newsletter.flows.archive import Archive, render_archive
from newsletter.phrases import Phrases
from newsletter.store.database import Store
from newsletter.store.webhooks import NOBODY, Listeners
from newsletter.web.refusals import Refusals
from newsletter.web.stamps import Stamps
from newsletter.web.threads import Threads
from newsletter.workspace.database import mailed_issues
from newsletter.workspace.files import Workspace, issue_path
from newsletter.workspace.load import load_phrases
from newsletter.workspace.templates import open_templates


@dataclass(slots=True)
class Public:
    """The public side of one publication. `wake` is called when there is a letter to send, `note` with what is logged."""

    workspace: Workspace
    config: Config
    store: Store
    clock: Callable[[], datetime]
    listeners: Listeners = field(default_factory=lambda: NOBODY)
    wake: Callable[[], None] = lambda: None
    is_ready: Callable[[], bool] = lambda: True
    note: Callable[..., None] = lambda event, **fields: None
    keys: list[TokenKeys] = field(init=False)
    stamps: Stamps = field(init=False)
    threads: Threads = field(init=False)
    refusals: Refusals = field(init=False)
    phrases: Phrases = field(init=False)
    environment: Environment = field(init=False)
    archive: Archive = field(init=False, default_factory=Archive)
    problems: list[str] = field(init=False, default_factory=list)
    _shown: object = field(init=False, default=None)
    _refreshing: threading.Lock = field(init=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.keys = derive_all(self.store.key.token_secrets)
        self.threads = Threads()
        self.stamps = Stamps(self.store.key.derive("form"), self.clock)
        self.refusals = Refusals(self.note, self.clock)
        self.phrases = load_phrases(self.workspace, self.config)
        self.environment = open_templates(self.workspace)

    def renewed(self, config: Config, listeners: Listeners) -> "Public":
        """The same publication with other settings; what was counted of visitors, and the threads, stay."""
        new = replace(self, config=config, listeners=listeners)
        new.stamps, new.threads, new.refusals = self.stamps, self.threads, self.refusals
        return new

    @property
    def root(self) -> str:
        """The path of the first page, as browsers see it: `/`, or with the path of publication.url."""
        return urlsplit(self.config.publication.url).path.rstrip("/") + "/"

    @property
    def text_version(self) -> str:
        """By this the consent ledger knows which words somebody agreed to."""
        return hashlib.sha256(str(self.phrases["consent"]).encode()).hexdigest()[:12]

    def refresh(self) -> bool:
        """Show what has gone out since. An issue is public from the moment its first mail may leave. True if it changed.

        Any thread may call it.
        """
        with self._refreshing:
            return self._refresh()

    def _refresh(self) -> bool:
        mailed = mailed_issues(self.store, self.clock())
        slugs = [slug for slug in mailed if self.workspace.exists(issue_path(slug))]
        seen = (tuple(slugs), tuple(self.workspace.stamp(issue_path(slug)) for slug in slugs))
        if seen == self._shown:
            return False
        # An issue that somebody broke since is shown as it was; at the start, when that is not known, it is left out.
        self.archive = render_archive(self.workspace, self.config, slugs, self.archive).dated(self.clock())
        self.problems = list(self.archive.problems)
        self._shown = seen
        self.note("archive", pages=len(self.archive.pages))
        return True
