"""What every public page works with: the settings, the store, the clock, the archive as it is now."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

from itsdangerous import TimestampSigner
from jinja2 import Environment

from newsletter.archive import Archive, readable_issues, render_archive
from newsletter.audience.tokens import TokenKeys, derive_all
from newsletter.config import Config
from newsletter.database import mailed_issues
from newsletter.desk import load_phrases
from newsletter.phrases import Phrases
from newsletter.store.database import Store
from newsletter.store.hooks import NOBODY, Listeners
from newsletter.templates import open_templates
from newsletter.workspace import Workspace, issue_path


class _Signer(TimestampSigner):
    """itsdangerous' signer of times, with the clock that everything here has."""

    def __init__(self, clock: Callable[[], datetime], key: bytes) -> None:
        super().__init__(key, digest_method=hashlib.sha256)
        self._clock = clock

    def get_timestamp(self) -> int:
        """Seconds since 1970."""
        return int(self._clock().timestamp())


@dataclass(slots=True)
class Public:
    """The public side of one publication. `wake` is called when there is a letter to send."""

    workspace: Workspace
    config: Config
    store: Store
    clock: Callable[[], datetime]
    listeners: Listeners = field(default_factory=lambda: NOBODY)
    wake: Callable[[], None] = lambda: None
    is_ready: Callable[[], bool] = lambda: True
    keys: list[TokenKeys] = field(init=False)
    signer: TimestampSigner = field(init=False)
    phrases: Phrases = field(init=False)
    environment: Environment = field(init=False)
    archive: Archive = field(init=False, default_factory=Archive)
    problems: list[str] = field(init=False, default_factory=list)
    _shown: object = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.keys = derive_all(self.store.key.token_secrets)
        self.signer = _Signer(self.clock, self.store.key.derive("form"))
        self.phrases = load_phrases(self.workspace, self.config)
        self.environment = open_templates(self.workspace)

    @property
    def root(self) -> str:
        """The path of the first page, as browsers see it: `/`, or with the path of publication.url."""
        return urlsplit(self.config.publication.url).path.rstrip("/") + "/"

    @property
    def text_version(self) -> str:
        """By this the consent ledger knows which words somebody agreed to."""
        return hashlib.sha256(str(self.phrases["consent"]).encode()).hexdigest()[:12]

    def refresh(self) -> bool:
        """Show what has gone out since. An issue is public from the moment its first mail may leave. True if it changed."""
        mailed = mailed_issues(self.store, self.clock())
        slugs = [slug for slug in mailed if self.workspace.exists(issue_path(slug))]
        seen = (tuple(slugs), tuple(self.workspace.stamp(issue_path(slug)) for slug in slugs))
        if seen == self._shown:
            return False
        if self._shown is None:
            # At the start there is no last good archive: an issue that somebody broke since is left out, not all of it.
            slugs, self.problems = readable_issues(self.workspace, slugs)
        self.archive = render_archive(self.workspace, self.config, slugs, keep=True)
        self._shown = seen
        return True
