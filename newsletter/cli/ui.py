"""How a command speaks: data to stdout, talk to stderr, one JSON document under --json. One place decides about colour."""

import io
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from newsletter.errors import Mistake, NewsletterError

SHOWN_MISTAKES = 20
STDOUT = "standard output"
SCHEMA = 1
T = TypeVar("T")


@dataclass(slots=True)
class Ui:
    """What the options --json, --quiet and the terminal allow."""

    json: bool = False
    quiet: bool = False
    debug: bool = False

    @property
    def on_terminal(self) -> bool:
        """Whether a person reads stdout."""
        return sys.stdout.isatty() and not self.json

    def answer(self, document: Mapping[str, Any], rows: Iterable[Sequence[object]]) -> None:
        """The command's data: the document under --json, else rows — aligned for a person, with tabs in a pipe."""
        if self.json:
            write_json({"schema": SCHEMA, **document})
            return
        lines = [[str(cell) for cell in row] for row in rows]
        if self.on_terminal:
            widths = [max(map(len, column)) for column in zip(*lines, strict=False)] if lines else []
            for line in lines:
                padded = [cell.ljust(width) for cell, width in zip(line, widths, strict=False)] + line[len(widths) :]
                sys.stdout.write("  ".join(padded).rstrip() + "\n")
        else:
            sys.stdout.writelines("\t".join(line) + "\n" for line in lines)

    def say(self, text: str, style: str = "") -> None:
        """Talk: to stderr, and not under --quiet or --json."""
        if not self.quiet and not self.json:
            sys.stderr.write(paint(printable(text), style) + "\n")

    def warn(self, findings: Iterable[object]) -> None:
        """Things worth a look, one a line."""
        shown = list(findings)
        for finding in shown[:SHOWN_MISTAKES]:
            self.say(f"note: {finding}", "yellow")
        if len(shown) > SHOWN_MISTAKES:
            self.say(f"note: and {len(shown) - SHOWN_MISTAKES} more; --json lists them all", "yellow")

    def tell_mistakes(self, mistakes: Sequence[Mistake]) -> None:
        """Files that were left out because they cannot be read; under --json the document says it. --quiet hides none."""
        if mistakes and not self.json:
            tell_mistakes(mistakes)

    @contextmanager
    def progress(self, label: str, total: int) -> Iterator["Progress"]:
        """A bar on a terminal, a line now and then elsewhere, nothing under --quiet or --json."""
        if self.quiet or self.json:
            yield Progress()
        elif sys.stderr.isatty():
            with _rich_bar(label, total) as bar:
                yield bar
        else:
            yield PlainProgress(label, total)

    def track(self, items: Sequence[T], label: str) -> Iterator[T]:
        """Items one by one, with progress shown when there are many."""
        if len(items) < 1000:
            yield from items
            return
        with self.progress(label, len(items)) as bar:
            for item in items:
                yield item
                bar.step()


class Progress:
    """Progress that nobody watches."""

    def step(self, what: str = "", count: int = 1) -> None:
        """So many more are done."""


class PlainProgress(Progress):
    """A line every two seconds."""

    def __init__(self, label: str, total: int) -> None:
        self._label, self._total, self._count = label, total, 0
        self._next = time.monotonic() + 2

    def step(self, what: str = "", count: int = 1) -> None:
        """So many more are done."""
        self._count += count
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + 2
            told = f", {what}" if what else ""
            sys.stderr.write(f"{self._label}: {self._count:,} of {self._total:,}{told}\n")


@contextmanager
def _rich_bar(label: str, total: int) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    console = Console(stderr=True, no_color=not use_colour(sys.stderr))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with RichProgress(*columns, console=console, transient=True) as bars:
        task = bars.add_task(label, total=total)

        class Bar(Progress):
            def step(self, what: str = "", count: int = 1) -> None:
                bars.update(task, advance=count, description=f"{label} {what}".rstrip())

        yield Bar()


def write_json(document: Mapping[str, Any]) -> None:
    """Write one JSON document to stdout; what stdout's encoding does not have (a file name of odd bytes, too) is escaped."""
    text = json.dumps(document, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(document)
    sys.stdout.write(text + "\n")


def make_streams_forgiving() -> None:
    """Let no character of a file name or a title stop the program: what the terminal's encoding lacks is shown escaped."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, io.TextIOWrapper):
            continue
        is_utf8 = stream.encoding.lower().replace("-", "") == "utf8"
        # Names of odd bytes go into a pipe as they are, so that another program finds the file.
        errors = "surrogateescape" if is_utf8 and name == "stdout" else "backslashreplace"
        if name == "stderr":
            stream.reconfigure(errors=errors)
            continue
        encoding, lines, through = stream.encoding, stream.line_buffering, stream.write_through
        sys.stdout = _Output(
            stream.detach(), encoding=encoding, errors=errors, line_buffering=lines, write_through=through
        )


class _Output(io.TextIOWrapper):
    """Standard output, whose failures say where they happened: the system names no file for what is open already."""

    def write(self, text: str, /) -> int:
        with _naming_stdout():
            return super().write(text)

    def flush(self) -> None:
        with _naming_stdout():
            super().flush()


@contextmanager
def _naming_stdout() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        error.filename = STDOUT
        raise


# --- errors -------------------------------------------------------------------------------------------------------


def tell_error(error: NewsletterError, *, as_json: bool) -> None:
    """An error as people and programs read it: each mistake on a line of its own, and what to do next."""
    if as_json:
        first = error.mistakes[0] if error.mistakes else Mistake(code="NL001", message=str(error))
        document = {
            "schema": SCHEMA,
            "error": describe_mistake(first),
            "errors": [describe_mistake(one) for one in error.mistakes],
        }
        write_json(document)
        return
    tell_mistakes(error.mistakes)


def tell_mistakes(mistakes: Sequence[Mistake]) -> None:
    """Mistakes to stderr, each on a line of its own, and below them what to do."""
    for mistake in mistakes[:SHOWN_MISTAKES]:
        sys.stderr.write(f"{paint(printable(str(mistake)), 'red')}  [{mistake.code}]\n")
        shown = mistake.diff.split("\n") if mistake.diff else ()
        sys.stderr.writelines(f"{paint_diff(line, sys.stderr)}\n" for line in shown)
    if len(mistakes) > SHOWN_MISTAKES:
        sys.stderr.write(f"and {len(mistakes) - SHOWN_MISTAKES} more; --json lists them all\n")
    for help_line in dict.fromkeys(mistake.help for mistake in mistakes[:SHOWN_MISTAKES] if mistake.help):
        sys.stderr.write(f"help: {printable(help_line)}\n")


def describe_mistake(mistake: Mistake) -> dict[str, Any]:
    """A mistake as JSON."""
    return {
        "code": mistake.code,
        "message": mistake.message,
        "file": mistake.file,
        "line": mistake.line,
        "column": mistake.column,
        "help": mistake.help,
        **({"diff": mistake.diff} if mistake.diff else {}),
    }


_COLOURS = {"red": "31", "yellow": "33", "green": "32", "bold": "1"}


def use_colour(stream: Any) -> bool:
    """NO_COLOR and FORCE_COLOR, else only on a terminal (no-color.org)."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (stream.isatty() and os.environ.get("TERM") != "dumb")


def paint(text: str, style: str, stream: Any = None) -> str:
    """Text in a colour, if the stream (stderr by default) shows colours."""
    return f"\033[{_COLOURS[style]}m{text}\033[0m" if style and use_colour(stream or sys.stderr) else text


def paint_diff(line: str, stream: Any) -> str:
    """A line of a diff in its colour."""
    style = {"+": "green", "-": "red"}.get(line[:1], "")
    return paint(printable(line.expandtabs(4)), style, stream)


def printable(text: str) -> str:
    """Text without control characters: what comes from a feed must not steer the terminal (security T53)."""
    return "".join(character if character.isprintable() or character == "\n" else "�" for character in text)


def program() -> str:
    """What to type to call this program: `newsletter`, or the path of `run newsletter` when it was called by that."""
    return os.environ.get("NEWSLETTER_PROGRAM") or "newsletter"


def size(count: int) -> str:
    """Bytes for people: `28.6 kB`."""
    return f"{count / 1000:.1f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"
