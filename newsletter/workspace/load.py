"""What the flows share: opening the workspace's files and reading them into nouns."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache

from newsletter.config import Config, load_config
from newsletter.editing.issue_file import IssueFile, read_issue
from newsletter.editing.post_numbers import NumberedPost, number_posts
from newsletter.errors import InputError, Mistake
from newsletter.model import UNSORTED, Finding, Issue, Post, Source
from newsletter.phrases import Phrases, read_phrases
from newsletter.resources import resource
from newsletter.sources import SOURCES, Batch, SourceFile, collected_folder
from newsletter.text.characters import decode_text
from newsletter.text.words import suggest
from newsletter.workspace.files import SETTINGS, Workspace, issue_path, split_issue_slug

COLLECTED = "posts/collected"


@dataclass(frozen=True, slots=True)
class Placed:
    """The posts that the program put into an issue: by key their title, the theme (or unsorted) under which it put them, and
    their source. `older` are the titles of those that were held back for their age, and reported.
    """

    posts: Mapping[str, str] = field(default_factory=dict)
    themes: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    older: Mapping[str, str] = field(default_factory=dict)


def read_config(workspace: Workspace) -> Config:
    """The workspace's settings with the environment over them. Raises SettingsError."""
    return load_config(workspace.read(SETTINGS), SETTINGS, {name: kind.wants for name, kind in SOURCES.items()})


def read_sources(workspace: Workspace, config: Config) -> Batch:
    """All posts of all sources in the settings' order. Files with mistakes are left out; the mistakes are in the batch."""
    batches = [read_source(workspace, config, source) for source in config.sources]
    return Batch(
        tuple(post for batch in batches for post in batch.posts),
        tuple(finding for batch in batches for finding in batch.findings),
        tuple(mistake for batch in batches for mistake in batch.mistakes),
    )


def read_source(workspace: Workspace, config: Config, source: Source) -> Batch:
    """The posts of one source. Files with mistakes are left out; the mistakes are in the batch."""
    mistakes: list[Mistake] = []
    batch = SOURCES[source.kind].read(source, _readable_files(workspace, source, mistakes), config.zone)
    mistakes += batch.mistakes
    findings = list(batch.findings)
    if source.path and not workspace.exists(source.path):
        message = f"source {source.name!r}: there is no folder {source.path}; make it, or change its path"
        findings.append(Finding(rule="source-folder", where=SETTINGS, message=message))
    themes = {theme.slug for theme in config.themes} | {UNSORTED}
    names = {one.name for one in config.sources}
    # What front matter says holds for every post of a paste; it is told once.
    strange = dict.fromkeys(
        (post.origin, post.theme) for post in batch.posts if post.theme and post.theme not in themes
    )
    mistakes += (_no_such_theme(workspace, origin, theme, sorted(themes)) for origin, theme in strange)
    left_out = {origin for origin, _ in strange}
    posts = tuple(post for post in batch.posts if post.origin not in left_out)
    for origin, name in dict.fromkeys((post.origin, post.source) for post in posts if post.source not in names):
        where = f"{origin}:{_line_of(workspace, origin, 'source')}"
        message = f"source: no source {name!r} in the settings{suggest(name, names)}"
        findings.append(Finding(rule="source", where=where, message=message))
    return Batch(posts, tuple(findings), tuple(mistakes))


def _no_such_theme(workspace: Workspace, origin: str, theme: str | None, known: list[str]) -> Mistake:
    near = suggest(theme or "", known) or f" (there is: {', '.join(known)})"
    line = _line_of(workspace, origin, "theme")
    return Mistake(code="NL023", file=origin, line=line, message=f"theme: no theme {theme!r} in the settings{near}")


def _line_of(workspace: Workspace, path: str, key: str) -> int:
    """The line of a front-matter key."""
    lines = workspace.read(path).splitlines()
    return next((number for number, line in enumerate(lines, 1) if line.startswith(f"{key}:".encode())), 1)


def about_new_files(findings: Iterable[Finding], new: Iterable[Post], posts: Iterable[Post]) -> tuple[Finding, ...]:
    """Findings without those on files whose posts are all known: they were told when the posts were new."""
    quiet = {post.origin for post in posts} - {post.origin for post in new}
    return tuple(finding for finding in findings if re.sub(r":\d+$", "", finding.where) not in quiet)


def _readable_files(workspace: Workspace, source: Source, mistakes: list[Mistake]) -> Iterator[SourceFile]:
    """The files of one source: its own folder, then what `collect` wrote for it. Collected posts of others are theirs.

    One that cannot be read, or was deleted since the folder was listed, is a mistake.
    """
    own = SOURCES[source.kind].folder(source)
    collected = collected_folder(source.name)
    for folder in dict.fromkeys((own, collected)):
        for path in workspace.list_files(folder, without=COLLECTED):
            try:
                yield SourceFile(path, workspace.read(path))
            except InputError as error:
                mistakes += error.mistakes


@lru_cache(maxsize=128)
def _read_issue(data: bytes, path: str) -> IssueFile:
    return read_issue(decode_text(data, path), path)


def load_issue(workspace: Workspace, slug: str) -> IssueFile:
    """An issue.md, read; it must lie in the folder of its name."""
    return parse_issue(workspace.read(issue_path(slug)), slug)


def parse_issue(data: bytes, slug: str) -> IssueFile:
    """The bytes of an issue.md; name, date and edition must be those of its folder."""
    path = issue_path(slug)
    file = _read_issue(data, path)
    issue = file.issue
    day, edition = split_issue_slug(slug) or ("", "")
    told = (("issue", issue.slug, slug), ("edition", issue.edition, edition), ("date", issue.date.isoformat(), day))
    for key, said, wanted in told:
        if said != wanted:
            lines = file.text.splitlines()
            line = next((number for number, text in enumerate(lines, 1) if text.startswith(f"{key}:")), 2)
            message = f"{key}: says {said!r}, but the folder is {slug!r}; make them the same"
            raise InputError(Mistake(code="NL030", file=path, line=line, message=message))
    return file


def load_numbered(workspace: Workspace, slug: str) -> Issue:
    """An issue whose posts without a key have their numbers. Nothing is written. Raises InputError."""
    return number_posts(load_issue(workspace, slug).issue, _load_numbers(workspace, slug))[0]


def keep_numbers(workspace: Workspace, issues: Iterable[Issue]) -> tuple[Finding, ...]:
    """Remembers the numbers of posts without a key, beside their issues; → what could not be written.

    From the first time that an issue is built, sent or shown in public they are its posts' names in feeds and links.
    """
    findings = []
    for issue in issues:
        path = numbers_path(issue.slug)
        try:
            known = _load_numbers(workspace, issue.slug)
            remembered = number_posts(issue, known)[1]
            if remembered != known:
                workspace.write(path, _write_numbers(remembered))
        except InputError as error:
            message = f"{error}; after a correction its posts without an id may get others in feeds"
            findings.append(Finding(rule="numbers", where=path, message=message))
    return tuple(findings)


def numbers_path(slug: str) -> str:
    """Where they lie: beside the issue, for git."""
    return f"issues/{slug}/numbers.json"


def _write_numbers(posts: Iterable[NumberedPost]) -> str:
    document = {str(one.number): {"title": one.title, "start": one.start, "sha256": one.sha256} for one in posts}
    return json.dumps({"posts": document}, indent=1, ensure_ascii=False) + "\n"


def _load_numbers(workspace: Workspace, slug: str) -> tuple[NumberedPost, ...]:
    path = numbers_path(slug)
    if not workspace.exists(path):
        return ()
    try:
        posts = json.loads(workspace.read(path))["posts"]
        return tuple(
            NumberedPost(number=int(number), **{name: str(post[name]) for name in ("title", "start", "sha256")})
            for number, post in sorted(posts.items(), key=lambda item: int(item[0]))
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        message = "cannot be read; restore it from git, or delete it (posts without an id are then numbered by place)"
        raise InputError(Mistake(code="NL026", file=path, message=message)) from None


def load_offered(workspace: Workspace, slug: str) -> Placed:
    """What was put into an issue, ever: a post that the editor has deleted since stays deleted. Raises InputError."""
    path = offered_path(slug)
    if not workspace.exists(path):
        return Placed()
    try:
        document = json.loads(workspace.read(path))
        values = (document["posts"], *(document.get(name, {}) for name in ("themes", "sources", "older")))
        return Placed(*({str(key): str(value) for key, value in one.items()} for one in values))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(
            Mistake(
                code="NL026",
                file=path,
                message="cannot be read; restore it from git, or delete it (deleted posts then come back)",
            )
        ) from None


def write_offered(workspace: Workspace, slug: str, offered: Placed) -> None:
    """Remember what was put into an issue."""
    document = {item.name: dict(getattr(offered, item.name)) for item in fields(offered)}
    workspace.write(offered_path(slug), json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def offered_path(slug: str) -> str:
    """Where it lies: beside the issue, for git."""
    return f"issues/{slug}/offered.json"


def load_phrases(workspace: Workspace, config: Config, language: str = "") -> Phrases:
    """The words of a language, the publication's if none is named; the workspace's own file wins, key by key."""
    path, language = "templates/phrases.toml", language or config.publication.language
    packed = resource(path).read_bytes()
    own = workspace.read(path) if workspace.exists(path) else b""
    return read_phrases([decode_text(packed, path), decode_text(own, path)], path, language)
