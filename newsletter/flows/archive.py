"""The public archive as `serve` shows it: pages and feeds of what was frozen for sending, in memory, and a search in them."""

import gzip
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from newsletter import links
from newsletter.config import Config
from newsletter.flows.build import list_published
from newsletter.model import Issue
from newsletter.phrases import write_date
from newsletter.rendering.content import ShownIssue, show_issue
from newsletter.rendering.icon import draw_icons
from newsletter.rendering.media_types import media_type
from newsletter.rendering.site import render_site
from newsletter.text.words import cut_at_word
from newsletter.workspace.files import Workspace, issue_path
from newsletter.workspace.load import keep_numbers, load_numbered, load_phrases
from newsletter.workspace.past_issues import read_issues
from newsletter.workspace.templates import open_templates

_EXCERPT = 240
_RULE = re.compile(r"([~=*_-])\1{3,}")  # what underlines headings in plain text


# Below that, compressing saves less than it costs.
_PACK_BYTES = 1_024


@dataclass(frozen=True, slots=True)
class ArchivePage:
    """A file as it is served. `etag` is of its bytes, `changed` when its reader saw them first.

    `stored` is the file, compressed with gzip if `is_packed`: texts take a fifth of the room, and most clients want them so.
    """

    stored: bytes
    is_packed: bool
    kind: str
    etag: str
    changed: datetime | None = None

    @property
    def data(self) -> bytes:
        """The file itself."""
        return gzip.decompress(self.stored) if self.is_packed else self.stored


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A post that a search found."""

    title: str
    url: str
    date: str
    excerpt: str


@dataclass(frozen=True, slots=True)
class _IndexedPost:
    words: str  # folded, title first
    text: str
    title: str
    url: str
    date: str


@dataclass(frozen=True, slots=True)
class Archive:
    """Everything public, in memory: `pages` by their path below publication.url, made from `issues`.

    `problems` are those of issues whose file cannot be read now.
    """

    pages: Mapping[str, ArchivePage] = field(default_factory=dict)
    entries: Sequence[_IndexedPost] = ()
    issues: Mapping[str, Issue] = field(default_factory=dict)
    problems: Sequence[str] = ()

    def dated(self, moment: datetime) -> "Archive":
        """The same archive; its pages that have no date yet have changed at this moment, to the second."""
        moment = moment.replace(microsecond=0)
        pages = {path: page if page.changed else replace(page, changed=moment) for path, page in self.pages.items()}
        return replace(self, pages=pages)

    def search(self, query: str, most: int = 50) -> list[SearchHit]:
        """Posts that hold all words of the query; titles first, then newest first."""
        words = query.casefold().split()[:10]
        hits = [entry for entry in self.entries if words and all(word in entry.words for word in words)]
        hits.sort(key=lambda entry: not all(word in entry.title.casefold() for word in words))
        return [SearchHit(hit.title, hit.url, hit.date, _cut_around(hit.text, words[0])) for hit in hits[:most]]


def render_archive(workspace: Workspace, config: Config, slugs: Iterable[str], last: Archive | None = None) -> Archive:
    """The archive of these issues. One whose file was taken away is left out.

    One whose file cannot be read is shown as it was in the `last` archive; if it was not there, it is left out too. Pages that
    are as they were in the `last` archive are the same objects. They are public, so the numbers of posts without a key are
    remembered beside them.
    """
    environment = open_templates(workspace)
    phrases = load_phrases(workspace, config)
    there = [slug for slug in slugs if workspace.exists(issue_path(slug))]
    read, unread = read_issues(workspace, there, load=load_numbered)
    issues = (dict(last.issues) if last else {}) | read
    issues = {slug: issues[slug] for slug in there if slug in issues}
    publication = config.publication
    shown = [show_issue(issue, publication.language, url=publication.url) for issue in issues.values()]
    published = list_published(config, shown)
    known = last.pages if last else {}
    files = render_site(
        published,
        publication=config.publication,
        themes=config.themes,
        environment=environment,
        phrases=phrases,
        served=True,
    )
    newest = sorted(published, key=lambda one: one.moment, reverse=True)
    entries = [
        entry for one in newest for entry in _index(one.shown, config.publication.url, write_date(one.moment, phrases))
    ]
    pages = {name: _make_page(name, text.encode(), known.get(name)) for name, text in files}
    pages |= {name: _make_page(name, data, known.get(name)) for name, data in draw_icons().items()}
    problems = (*unread, *keep_numbers(workspace, read.values()))
    return Archive(pages, entries, issues, tuple(map(str, problems)))


def _index(shown: ShownIssue, base: str, date: str) -> Iterable[_IndexedPost]:
    for post in shown.posts:
        text = " ".join(_RULE.sub(" ", post.body.plain).split())
        url = f"{links.issue_url(base, shown.issue.slug)}#{post.anchor}"
        yield _IndexedPost(f"{post.title_text} {text}".casefold(), text, post.title_text, url, date)


def _make_page(name: str, data: bytes, known: ArchivePage | None) -> ArchivePage:
    etag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    if known is not None and known.etag == etag:
        return known
    # The moment inside of gzip's header stays empty: the same text gives the same bytes in every process.
    packed = gzip.compress(data, 6, mtime=0) if len(data) >= _PACK_BYTES else data
    is_packed = len(packed) < len(data)
    return ArchivePage(packed if is_packed else data, is_packed, media_type(name), etag)


def _cut_around(text: str, word: str) -> str:
    """A piece of the text with the word in it."""
    at = max(text.casefold().find(word), 0)
    start = text.rfind(" ", 0, max(at - 60, 0)) + 1
    return ("… " if start else "") + cut_at_word(text[start:], _EXCERPT)
