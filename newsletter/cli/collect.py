"""`newsletter collect`: feeds are fetched, pastes and files are taken in."""

import sys
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from newsletter.cli.common import Context, complete_names, in_workspace
from newsletter.cli.ui import describe_mistake, printable, program
from newsletter.errors import InputError, Mistake
from newsletter.flows.collect import (
    SourceReport,
    choose_source,
    collect_sources,
    no_such_source,
    read_named_file,
    take_in_posts,
)
from newsletter.model import Finding, Post
from newsletter.sources import SourceFile
from newsletter.sources.feed_account import EntryAccount
from newsletter.text.words import count_of
from newsletter.workspace.shown_notes import new_notes

PARTLY, NOTHING = 5, 6


@click.command("collect")
@click.argument("files", nargs=-1, metavar="[FILE|-]...", type=click.Path(allow_dash=True))
@click.option(
    "--source",
    "name",
    metavar="NAME",
    shell_complete=complete_names("sources"),
    help="Only this source; with FILE: whose posts they are.",
)
@click.option(
    "--all", "everything", is_flag=True, help="Also take entries of feeds that an earlier visit left (the older ones)."
)
@click.option(
    "--report",
    is_flag=True,
    help="Print what became of every entry of the feeds and all in it; with FILE: of every line.",
)
@click.option("--dry-run", is_flag=True, help="With FILE: only look, take nothing in.")
@click.option(
    "--encoding",
    metavar="NAME",
    help="With FILE: its encoding, if it is not UTF-8 (cp1252 for old Windows text).",
)
@in_workspace
def command(
    here: Context,
    files: tuple[str, ...],
    name: str | None,
    everything: bool,
    report: bool,
    dry_run: bool,
    encoding: str | None,
) -> int:
    """Fetch all feeds and look into all folders; or take in FILEs (a paste *.txt, a post *.md, - for standard input).

    Every new post of a feed or FILE becomes a file below posts/collected/. Nothing is taken in twice, and no file is
    written over.

    Example: newsletter collect week.txt --report
    """
    if files and everything:
        raise click.UsageError("--all is about feeds; it does not go with a FILE")
    if files:
        return _take_in(here, files, name, report=report, dry_run=dry_run, encoding=encoding)
    if dry_run or encoding:
        raise click.UsageError("--dry-run and --encoding go with a FILE")
    names = [source.name for source in here.config.sources]
    if name is not None and name not in names:
        raise no_such_source(here.config, name)
    with here.ui.progress("collecting", len(names)) as bar:
        reports = collect_sources(
            here.workspace,
            here.config,
            here.now,
            names=(name,) if name else (),
            everything=everything,
            whole=report,
            done=bar.step,
        )
    return _answer(here, reports, report=report)


def _answer(here: Context, reports: Iterable[SourceReport], *, report: bool) -> int:
    reports = tuple(reports)
    here.ui.tell_mistakes([mistake for one in reports for mistake in one.mistakes])
    for one in reports:
        here.ui.warn(new_notes(here.workspace, one.findings))
        if one.failed:
            here.ui.say(f"{one.name}{f' ({one.host})' if one.host else ''}: {one.failed}", "red")
        elif one.note:
            here.ui.say(f"{one.name}: {one.note}")
    new, failed = sum(one.new for one in reports), sum(bool(one.failed) for one in reports)
    unread = len({mistake.file for one in reports for mistake in one.mistakes})
    document = {
        "sources": [_describe(one) for one in reports],
        "posts": new,
        "files": [path for one in reports for path in one.paths],
    }
    rows: list[list[object]]
    rows = [[one.name, f"{one.new} new", f"{one.known} known", _write_state(one)] for one in reports]
    if report:
        accounts = [account for one in reports for account in one.entries]
        document["entries"] = [_describe_entry(account) for account in accounts]
        rows = [row for account in accounts for row in _account_rows(account)]
    here.ui.answer(document, rows)
    if unread:
        here.ui.say(f"{count_of(unread, 'file')} not read; the others are taken", "red")
    if failed or unread:
        return PARTLY if failed < len(reports) else 1
    here.ui.say(f"Next: {program()} draft" if new else "nothing new")
    return 0 if new else NOTHING


def _write_state(one: SourceReport) -> str:
    if one.failed:
        return "failed"
    unread = len({mistake.file for mistake in one.mistakes})
    return f"{count_of(unread, 'file')} not read" if unread else "ok"


def _describe(one: SourceReport) -> dict[str, object]:
    return {
        "name": one.name,
        "kind": one.kind,
        "new": one.new,
        "duplicates": one.known,
        "left": one.left,
        "failed": int(bool(one.failed)),
        "reason": one.failed or None,
        "note": one.note or None,
        "warnings": [str(finding) for finding in one.findings],
        "mistakes": [describe_mistake(mistake) for mistake in one.mistakes],
    }


def _describe_entry(account: EntryAccount) -> dict[str, object]:
    return {
        "source": account.source,
        "title": account.title,
        "url": account.url or None,
        "state": _state_of(account),
        "notes": list(account.notes),
        "left_out": [one._asdict() for one in account.left_out],
    }


def _account_rows(account: EntryAccount) -> list[list[object]]:
    """A line for the entry, one for each guess and one for each thing of it that is not in its text as it stood."""
    facts = [*account.notes, *map(str, account.left_out)]
    first: list[object] = [account.source, _state_of(account), printable(account.title), account.url or "-"]
    rest: list[list[object]] = [[account.source, "", "", printable(fact)] for fact in facts]
    return [first, *rest]


def _state_of(account: EntryAccount) -> str:
    return "new" if account.new else "not new"


# --- files named on the command line --------------------------------------------------------------------------------


def _take_in(
    here: Context, files: tuple[str, ...], name: str | None, *, report: bool, dry_run: bool, encoding: str | None
) -> int:
    source = choose_source(here.config, name)
    source = replace(source, encoding=encoding) if encoding else source
    posts: list[Post] = []
    lines: list[dict[str, Any]] = []
    findings: list[Finding] = []
    mistakes: list[Mistake] = []
    for path in files:
        try:
            file = _read(here, path)
            if file.path.endswith(".txt"):
                more, told = _read_paste(here, source, file, lines)
            else:
                more, told = read_named_file(source, file, here.config)
        except InputError as error:
            mistakes += error.mistakes
            continue
        here.ui.warn(told)
        findings += told
        posts += more
    if mistakes:
        raise InputError.of(mistakes)
    taken = (
        SourceReport(name=source.name, kind=source.kind, known=0, new=len(posts))
        if dry_run
        else take_in_posts(here.workspace, here.config, source, posts, here.now)
    )
    document = {
        "sources": [_describe(replace(taken, findings=tuple(findings)))],
        "posts": taken.new,
        "files": list(taken.paths),
        "collected": [_describe_post(post) for post in posts],
        **({"lines": lines} if report else {}),
    }
    rows: list[list[object]]
    if report:
        rows = [
            [line["file"], line["line"], line["post"] or "-", line["field"], printable(line["text"])] for line in lines
        ]
    else:
        rows = [[post.key, printable(post.title), post.url or "-"] for post in posts]
    here.ui.answer(document, rows)
    what = "would be taken in" if dry_run else "taken in"
    here.ui.say(
        f"{count_of(len(posts), 'post')} read; {taken.new} {what} as {source.name!r}, {taken.known} known already"
    )
    return 0 if taken.new or report or dry_run else NOTHING


def _read(here: Context, path: str) -> SourceFile:
    if path == "-":
        return SourceFile("standard-input.txt", sys.stdin.buffer.read())
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(Mistake(code="NL024", file=path, message=f"cannot be read: {error.strerror}")) from None
    return SourceFile(here.workspace.relative(Path(path)), data)


def _read_paste(here: Context, source: Any, file: SourceFile, lines: list[dict[str, Any]]) -> Any:
    from newsletter.sources.paste import read_paste
    from newsletter.text.characters import decode_text

    digest = read_paste(source, file, here.config.zone)
    raw = decode_text(file.data, file.path, source.encoding).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    lines += [
        asdict(use) | {"file": file.path, "text": raw[use.line - 1].strip()[:60] if use.line <= len(raw) else ""}
        for use in digest.uses
    ]
    # Only the first notes are shown: guesses come before buttons that were left out.
    return [entry.post for entry in digest.posts], sorted(digest.findings, key=lambda finding: finding.rule != "digest")


def _describe_post(post: Post) -> dict[str, object]:
    return {
        "key": post.key,
        "title": post.title,
        "url": post.url,
        "line": post.line,
        "title_derived": post.title_derived,
    }
