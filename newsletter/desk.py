"""What the flows share: opening the workspace's files and reading them into nouns."""

from collections.abc import Iterable

from jinja2 import BytecodeCache, FileSystemBytecodeCache

from newsletter.config import Config, load_config
from newsletter.editing.issue_file import IssueFile, read_issue
from newsletter.errors import InputError, Mistake
from newsletter.model import Finding, Post, Source
from newsletter.phrases import Phrases, read_phrases
from newsletter.resources import resource
from newsletter.sources import SOURCES, Batch, SourceFile, collected_folder
from newsletter.text.characters import decode_text
from newsletter.workspace import SETTINGS, Workspace, issue_path

COLLECTED = "posts/collected"


def read_config(workspace: Workspace) -> Config:
    """The workspace's settings with the environment over them. Raises SettingsError."""
    return load_config(workspace.read(SETTINGS), SETTINGS, {name: kind.wants for name, kind in SOURCES.items()})


def read_sources(workspace: Workspace, config: Config) -> Batch:
    """All posts of all sources in the settings' order. Raises InputError with the mistakes of all files."""
    posts: list[Post] = []
    findings: list[Finding] = []
    mistakes: list[Mistake] = []
    for source in config.sources:
        kind = SOURCES[source.kind]
        try:
            batch = kind.read(source, list_source_files(workspace, source), config.zone)
        except InputError as error:
            mistakes += error.mistakes
            continue
        posts += batch.posts
        findings += batch.findings
    if mistakes:
        raise InputError.of(mistakes)
    return Batch(tuple(posts), tuple(findings))


def list_source_files(workspace: Workspace, source: Source) -> Iterable[SourceFile]:
    """The files of one source: its own folder, then what `collect` wrote for it. Collected posts of others are theirs."""
    own = SOURCES[source.kind].folder(source)
    collected = collected_folder(source.name)
    for folder in dict.fromkeys((own, collected)):
        for path in workspace.list_files(folder, without=COLLECTED):
            yield SourceFile(path, workspace.read(path))


def load_issue(workspace: Workspace, slug: str) -> IssueFile:
    """An issue.md, read; it must lie in the folder of its name."""
    path = issue_path(slug)
    file = read_issue(decode_text(workspace.read(path), path), path)
    if file.issue.slug != slug:
        raise InputError(
            Mistake(
                code="NL030",
                file=path,
                line=2,
                message=f"issue: says {file.issue.slug!r}, but the folder is {slug!r}; make them the same",
            )
        )
    return file


def load_phrases(workspace: Workspace, config: Config) -> Phrases:
    """The words of the publication's language; the workspace's own file wins."""
    path = "templates/phrases.toml"
    data = workspace.read(path) if workspace.exists(path) else resource(path).read_bytes()
    return read_phrases(decode_text(data, path), path, config.publication.language)


def read_template(workspace: Workspace, name: str) -> tuple[str, str] | None:
    """A template's text and its path for messages: the workspace's own wins over the packaged one."""
    path = f"templates/{name}"
    if workspace.exists(path):
        return decode_text(workspace.read(path), path), path
    packed = resource(path)
    return (packed.read_text(encoding="utf-8"), path) if packed.is_file() else None


def template_cache(workspace: Workspace) -> BytecodeCache:
    """Where compiled templates are kept between two builds: compiling them takes longer than filling them."""
    return FileSystemBytecodeCache(str(workspace.memory("templates")))
