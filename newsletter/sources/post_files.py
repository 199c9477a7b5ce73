"""Reads files of posts: pasted digests (`*.txt`, many posts a file) and Markdown (`*.md`, one post a file)."""

from collections.abc import Iterable
from datetime import tzinfo

from newsletter.errors import InputError, Mistake
from newsletter.model import Finding, Post, Source
from newsletter.sources.contract import ENCODING_ADVICE, Batch, SourceFile
from newsletter.sources.markdown_file import read_markdown
from newsletter.text.characters import decode_text


def read_files(source: Source, files: Iterable[SourceFile], zone: tzinfo) -> Batch:
    """Files in the order given → posts. A file with mistakes is left out, with all that is wrong with it; the others are read."""
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
    return Batch(tuple(posts), tuple(findings), tuple(mistakes))


def read_file(source: Source, file: SourceFile, zone: tzinfo) -> tuple[tuple[Post, ...], tuple[Finding, ...]]:
    """One file → its posts. Files of other kinds are named, not read. Raises InputError with all its mistakes."""
    suffix = file.path.rpartition(".")[2].lower()
    if suffix in ("md", "markdown"):
        text = decode_text(file.data, file.path, source.encoding, advice=ENCODING_ADVICE)
        post, findings = read_markdown(text, file=file.path, source=source.name, zone=zone)
        return ((post,) if post else ()), findings
    if suffix == "txt":
        from newsletter.sources.paste import read_paste  # only a paste needs its rules

        digest = read_paste(source, file, zone)
        return tuple(entry.post for entry in digest.posts), digest.findings
    return (), (Finding(rule="file-kind", where=file.path, message="not read; posts are *.txt pastes and *.md files"),)
