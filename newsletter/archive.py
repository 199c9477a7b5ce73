"""The public archive as `serve` shows it: pages and feeds of what was frozen for sending, in memory, and a search in them."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from newsletter import links
from newsletter.build import list_published
from newsletter.config import Config
from newsletter.desk import keep_numbers, load_issue, load_numbered, load_phrases
from newsletter.errors import InputError
from newsletter.phrases import write_date
from newsletter.rendering.content import ShownIssue, show_issue
from newsletter.rendering.site import render_site
from newsletter.templates import open_templates
from newsletter.text.words import cut_at_word
from newsletter.workspace import Workspace, issue_path

KINDS = {
    "html": "text/html; charset=utf-8",
    "feed.xml": "application/rss+xml; charset=utf-8",
    "atom.xml": "application/atom+xml; charset=utf-8",
    "sitemap.xml": "application/xml; charset=utf-8",
    "json": "application/feed+json; charset=utf-8",
    "opml": "text/x-opml; charset=utf-8",
}
_EXCERPT = 240
_RULE = re.compile(r"([~=*_-])\1{3,}")  # what underlines headings in plain text


@dataclass(frozen=True, slots=True)
class Page:
    """A file as it is served. `etag` is of its bytes."""

    data: bytes
    kind: str
    etag: str


@dataclass(frozen=True, slots=True)
class Found:
    """A post that a search found."""

    title: str
    url: str
    date: str
    excerpt: str


@dataclass(frozen=True, slots=True)
class _Entry:
    words: str  # folded, title first
    text: str
    title: str
    url: str
    date: str


@dataclass(frozen=True, slots=True)
class Archive:
    """Everything public, in memory: `pages` by their path below publication.url. `problems` did not stop it."""

    pages: Mapping[str, Page] = field(default_factory=dict)
    entries: Sequence[_Entry] = ()
    problems: Sequence[str] = ()

    def search(self, query: str, most: int = 50) -> list[Found]:
        """Posts that hold all words of the query; titles first, then newest first."""
        words = query.casefold().split()[:10]
        hits = [entry for entry in self.entries if words and all(word in entry.words for word in words)]
        hits.sort(key=lambda entry: not all(word in entry.title.casefold() for word in words))
        return [Found(hit.title, hit.url, hit.date, _cut_around(hit.text, words[0])) for hit in hits[:most]]


def readable_issues(workspace: Workspace, slugs: Iterable[str]) -> tuple[list[str], list[str]]:
    """Those whose issue.md can be read, and what is wrong with the others."""
    good, problems = [], []
    for slug in slugs:
        try:
            load_issue(workspace, slug)
        except InputError as error:
            problems.append(str(error))
        else:
            good.append(slug)
    return good, problems


def render_archive(workspace: Workspace, config: Config, slugs: Iterable[str], *, keep: bool = False) -> Archive:
    """The archive of these issues. One whose file was taken away is left out. Raises InputError for one that is broken.

    `keep`: they are public, so the numbers of posts without a key are remembered beside them.
    """
    environment = open_templates(workspace)
    phrases = load_phrases(workspace, config)
    shown = [
        show_issue(load_numbered(workspace, slug), config.publication.language, url=config.publication.url)
        for slug in slugs
        if workspace.exists(issue_path(slug))
    ]
    published = list_published(config, shown)
    site = render_site(
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
    problems = [str(one) for one in keep_numbers(workspace, [one.issue for one in shown])] if keep else []
    return Archive({name: _make_page(name, text) for name, text in site.items()}, entries, problems)


def _index(shown: ShownIssue, base: str, date: str) -> Iterable[_Entry]:
    for post in shown.posts:
        text = " ".join(_RULE.sub(" ", post.body.plain).split())
        url = f"{links.issue_url(base, shown.issue.slug)}#{post.anchor}"
        yield _Entry(f"{post.title_text} {text}".casefold(), text, post.title_text, url, date)


def _make_page(name: str, text: str) -> Page:
    data = text.encode()
    last = name.rpartition("/")[2]
    kind = KINDS.get(last) or KINDS[last.rpartition(".")[2]]
    return Page(data, kind, f'"{hashlib.sha256(data).hexdigest()[:32]}"')


def _cut_around(text: str, word: str) -> str:
    """A piece of the text with the word in it."""
    at = max(text.casefold().find(word), 0)
    start = text.rfind(" ", 0, max(at - 60, 0)) + 1
    return ("… " if start else "") + cut_at_word(text[start:], _EXCERPT)
