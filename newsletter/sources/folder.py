"""A folder of files: pasted digests (`*.txt`, many posts a file) and Markdown (`*.md`, one post a file)."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import tzinfo

from newsletter.errors import InputError, Mistake
from newsletter.model import Finding, Post, Source
from newsletter.sources.contract import Batch, SourceFile, SourceKind
from newsletter.sources.digest import Digest, read_digest
from newsletter.sources.markdown_file import read_markdown
from newsletter.text.characters import decode_text
from newsletter.text.dates import leading_day, parse_moment, start_of_day


def read_files(source: Source, files: Iterable[SourceFile], zone: tzinfo) -> Batch:
    """Files in the order given → posts. What is wrong with any file is told for all of them at once (InputError)."""
    posts: list[Post] = []
    findings: list[Finding] = []
    mistakes: list[Mistake] = []
    for file in files:
        try:
            more, told = read_file(source, file, zone)
        except InputError as error:
            mistakes += error.mistakes
            continue
        posts += more
        findings += told
    if mistakes:
        raise InputError.of(mistakes)
    return Batch(tuple(posts), tuple(findings))


def read_file(source: Source, file: SourceFile, zone: tzinfo) -> tuple[tuple[Post, ...], tuple[Finding, ...]]:
    """One file → its posts. Files of other kinds are named, not read."""
    suffix = file.path.rpartition(".")[2].lower()
    if suffix in ("md", "markdown"):
        text = decode_text(file.data, file.path, source.encoding)
        post, findings = read_markdown(text, file=file.path, source=source.name, zone=zone)
        return ((post,) if post else ()), findings
    if suffix == "txt":
        digest = read_paste(source, file, zone)
        return tuple(entry.post for entry in digest.posts), digest.findings
    return (), (Finding(rule="file-kind", where=file.path, message="not read; posts are *.txt pastes and *.md files"),)


def read_paste(source: Source, file: SourceFile, zone: tzinfo) -> Digest:
    """A pasted digest with the account of its lines. The day its file name begins with is the posts' date."""
    digest = read_digest(
        decode_text(file.data, file.path, source.encoding),
        file=file.path,
        source=source.name,
        keep_noise=source.keep_noise,
        read_date=lambda text: parse_moment(text, zone),
    )
    day = leading_day(file.path.rpartition("/")[2])
    if day is None:
        return digest
    date = start_of_day(day, zone)
    dated = tuple(replace(entry, post=replace(entry.post, date=entry.post.date or date)) for entry in digest.posts)
    return replace(digest, posts=dated)


KIND = SourceKind(wants="path", fetches=False, folder=lambda source: source.path, read=read_files)
