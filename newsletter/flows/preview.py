"""An issue as every kind of reader will see it, made anew whenever a file has changed. Nothing is written."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from html import escape
from itertools import pairwise
from typing import Any

from newsletter.calendar import publication_moment
from newsletter.checking.size import CLIP_BYTES
from newsletter.config import Config
from newsletter.errors import Mistake, NewsletterError
from newsletter.flows.archive import render_archive
from newsletter.flows.build import PREVIEW_READER, Rendered, compose_message, render_issue
from newsletter.flows.check import check_issue
from newsletter.model import Finding
from newsletter.text.mailbox import split_mailbox
from newsletter.workspace.files import SETTINGS, Workspace, issue_path
from newsletter.workspace.last_text import keep_text
from newsletter.workspace.load import read_config

_STYLE = re.compile(r"<style\b.*?</style>", re.DOTALL)
_DARK = re.compile(r"\(prefers-color-scheme:\s*dark\)")
_POST = re.compile(r'<tr><td[^>]* class="post\b')
_PICTURE = re.compile(r'<img\b[^>]*?alt="([^"]*)"[^>]*>')
SHEET_WIDTH, SHEET_HEIGHT = 2500, 1500
_EXCERPT = 2  # lines around a mistake


@dataclass(frozen=True, slots=True)
class MistakeContext:
    """A mistake with the lines around it, as an overlay shows it: (number, text, whether it is the one)."""

    mistake: Mistake
    lines: tuple[tuple[int, str, bool], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewState:
    """One state of an issue. `version` is of its contents: the same files give the same."""

    version: str
    slug: str
    subject: str
    preheader: str
    sender: str
    html: str
    text: str
    headers: str
    sections: tuple[tuple[str, str], ...]
    weights: tuple[tuple[str, int], ...]
    findings: tuple[Finding, ...]
    rendered: Rendered = field(repr=False)
    config: Config = field(repr=False)

    def mail(self, themes: Iterable[str] = ()) -> str:
        """The HTML that readers of these themes get; all of it for none."""
        return self.rendered.bodies(tuple(themes))[0]

    def head_lines(self, themes: Iterable[str] = ()) -> str:
        """The headers of the same mail."""
        chosen, issue, edition = tuple(themes), self.rendered.issue, self.rendered.edition
        if not chosen:
            return self.headers
        moment = publication_moment(edition, issue.date, self.config.zone)
        subject = self.rendered.head(chosen).subject
        message = compose_message(
            ("", ""), issue, edition, self.config, moment=moment, to=PREVIEW_READER, subject=subject
        )
        return message.partition(b"\r\n\r\n")[0].decode("ascii")

    def plain(self, themes: Iterable[str] = ()) -> str:
        """The text part of the same mail."""
        return self.rendered.bodies(tuple(themes))[1]

    def summary(self, themes: Iterable[str] = ()) -> dict[str, Any]:
        """What stands around the mail for readers of these themes: the inbox line, sizes, findings."""
        chosen = tuple(themes)
        size, head = len(self.mail(chosen).encode()), self.rendered.head(chosen)
        return {
            "version": self.version,
            "issue": self.slug,
            "sender": self.sender,
            "subject": head.subject,
            "preheader": head.preheader,
            "bytes": size,
            "share": round(100 * size / CLIP_BYTES),
            "weights": [{"title": title, "bytes": count} for title, count in self.weights],
            "errors": sum(one.level == "error" for one in self.findings),
            "warnings": sum(one.level == "warning" for one in self.findings),
            "findings": [asdict(one) for one in self.findings],
        }


class Preview:
    """The latest good state of an issue, and what is wrong with the files since."""

    def __init__(self, workspace: Workspace, slug: str) -> None:
        self.workspace, self.slug = workspace, slug
        self.shown: PreviewState | None = None
        self.errors: tuple[MistakeContext, ...] = ()
        self._seen: object = None

    def refresh(self) -> bool:
        """Look at the files. True if something has changed."""
        seen = self._look()
        if seen == self._seen:
            return False
        self._seen = seen
        try:
            self.shown, self.errors = self._make(), ()
        except NewsletterError as error:
            self.errors = tuple(self._excerpt(mistake) for mistake in error.mistakes)
        return True

    @property
    def version(self) -> str:
        """Changes with every change that can be seen."""
        told = "".join(str(place.mistake) for place in self.errors)
        return hashlib.sha256(f"{self.shown.version if self.shown else ''}{told}".encode()).hexdigest()[:16]

    def summary(self, themes: Iterable[str] = ()) -> dict[str, Any]:
        """Everything around the mail for readers of these themes, and what is wrong."""
        document = self.shown.summary(themes) if self.shown else {"issue": self.slug}
        errors = [
            {"code": one.mistake.code, "message": str(one.mistake), "help": one.mistake.help or "", "lines": one.lines}
            for one in self.errors
        ]
        return document | {"version": self.version, "problems": errors}

    def web_page(self) -> str:
        """The issue on the archive."""
        return self._archive(f"{self.slug}/index.html")

    def feed(self) -> str:
        """The feed with the issue in it."""
        return self._archive("feed.xml")

    def _archive(self, name: str) -> str:
        if self.shown is None:
            return ""
        slugs = [slug for slug in self.workspace.issue_slugs() if slug[:10] <= self.slug[:10]]
        return render_archive(self.workspace, self.shown.config, slugs).pages[name].data.decode()

    def _look(self) -> object:
        """Names, times and sizes of all files that have a part in it."""
        names = [SETTINGS, *self.workspace.list_files(f"issues/{self.slug}"), *self.workspace.list_files("templates")]
        return tuple((name, self.workspace.stamp(name)) for name in names)

    def _make(self) -> PreviewState:
        config = read_config(self.workspace)
        rendered = render_issue(self.workspace, config, self.slug)
        mail, issue = rendered.mail, rendered.issue
        moment = publication_moment(rendered.edition, issue.date, config.zone)
        message = compose_message(
            (mail.html, mail.text), issue, rendered.edition, config, moment=moment, to=PREVIEW_READER
        )
        findings = check_issue(self.workspace, config, rendered)
        text = self.workspace.read(issue_path(self.slug))
        keep_text(self.workspace, self.slug, text)
        state = f"{text!r}\0{mail.html}\0{mail.text}\0{findings}"
        return PreviewState(
            version=hashlib.sha256(state.encode()).hexdigest()[:16],
            slug=self.slug,
            subject=issue.subject,
            preheader=issue.preheader,
            sender=split_mailbox(config.publication.sender)[0] or config.publication.sender,
            html=mail.html,
            text=mail.text,
            headers=message.partition(b"\r\n\r\n")[0].decode("ascii"),
            sections=tuple((section.slug, section.title_text) for section in rendered.shown.sections),
            weights=_weigh(rendered),
            findings=findings,
            rendered=rendered,
            config=config,
        )

    def _excerpt(self, mistake: Mistake) -> MistakeContext:
        if not mistake.file or not mistake.line or not self.workspace.exists(mistake.file):
            return MistakeContext(mistake)
        lines = self.workspace.read(mistake.file).decode("utf-8", "replace").splitlines()
        first = max(mistake.line - 1 - _EXCERPT, 0)
        around = enumerate(lines[first : mistake.line + _EXCERPT], first + 1)
        return MistakeContext(mistake, tuple((number, line[:300], number == mistake.line) for number, line in around))


def without_styles(html: str) -> str:
    """A mail in clients that drop `<style>`."""
    return _STYLE.sub("", html)


def in_the(html: str, *, dark: bool) -> str:
    """A mail as it is in the dark, or in the light, whatever the editor's own machine is set to."""
    return _DARK.sub("(min-width: 0)" if dark else "(max-width: 0)", html)


def _weigh(rendered: Rendered) -> tuple[tuple[str, int], ...]:
    """How many bytes each post takes in the mail, the heaviest first: from its title to the next one, or to its section's end."""
    html = rendered.mail.marked[0]
    posts = iter(rendered.shown.posts)
    found = []
    for section in rendered.shown.sections:
        start = html.rfind(section.begin)  # the contents at the top have the same marks
        end = html.find(section.end, start) if start >= 0 else -1
        starts = [match.start() for match in _POST.finditer(html, max(start, 0), max(end, 0))]
        sizes = [len(html[one:other].encode()) for one, other in pairwise([*starts, end])]
        own = [next(posts) for _ in section.posts]
        if len(sizes) != len(own):  # templates of the editor's own: what the texts alone weigh
            sizes = [len(post.body.html.encode()) for post in own]
        found += [(post.title_text, size) for post, size in zip(own, sizes, strict=True)]
    return tuple(sorted(found, key=lambda one: -one[1]))


def contact_sheet(shown: PreviewState) -> str:
    """One page with the mail on a desktop, on a phone, in the dark and without pictures, side by side."""
    light = in_the(shown.html, dark=False)
    views = (
        ("Desktop", 660, light),
        ("Phone", 375, light),
        ("Dark", 660, in_the(shown.html, dark=True)),
        ("Images off", 660, _PICTURE.sub(r'<img alt="\1">', light)),
    )
    frames = "".join(
        f'<figure><figcaption>{name}</figcaption><iframe sandbox="allow-same-origin" width="{width}" height="{SHEET_HEIGHT}" '
        f'srcdoc="{escape(html)}"></iframe></figure>'
        for name, width, html in views
    )
    style = (
        "body { margin: 24px; display: flex; gap: 24px; background: #d9d5cc; font: 600 18px sans-serif; } "
        "figure { margin: 0; } iframe { border: 0; background: #fdfcf9; }"
    )
    head = f'<meta charset="utf-8"><title>{escape(shown.slug)}</title><style>{style}</style>'
    return f'<!DOCTYPE html><html lang="en"><head>{head}</head><body>{frames}</body></html>'
