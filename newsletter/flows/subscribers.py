"""The flows around the audience: a file of subscribers in, a file out, one person added, shown, gone."""

import gc
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TextIO

from newsletter.audience.addresses import check_address
from newsletter.audience.columns import Answers
from newsletter.audience.read_file import open_subscribers
from newsletter.audience.rows import Rejected
from newsletter.audience.survey import find_no
from newsletter.audience.write_file import add_rejected, write_rejected, write_subscribers
from newsletter.config import Config
from newsletter.errors import Mistake, UsageError, cannot_write
from newsletter.model import SubscriberRow
from newsletter.store import subscribers as audience
from newsletter.store.database import Store
from newsletter.text.words import suggest

_BATCH = 25_000  # sorted, so many rows touch each page of the index about once


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What a file was taken for, and what became of its rows.

    `columns` says what each column was taken for; `states` counts the rows by the state that the file tells;
    `several_addresses` are rows of which the first of several addresses was taken; `rejected_file` holds the rows that
    were not taken.
    """

    encoding: str
    delimiter: str
    system: str
    rows: int
    counts: Mapping[str, int]
    columns: Mapping[str, str]
    states: Mapping[str, int]
    several_addresses: int
    rejected: int
    rejected_file: Path | None


class _DryRun(Exception):
    """Ends a transaction without writing it."""


def import_file(
    store: Store | None,
    path: Path,
    config: Config,
    *,
    consent: str,
    answers: Answers,
    now: datetime,
    dry_run: bool = False,
) -> Imported:
    """Take in a file: all of it in one transaction, or nothing. Rows that are no subscribers go to FILE.rejected.csv.

    Raises InputError for a file that cannot be read, or that may say who must not be mailed and is not understood.
    """
    themes = frozenset(theme.slug for theme in config.themes)
    rejected_file = path.with_name(f"{path.name}.rejected.csv")
    with (
        open_subscribers(path, themes=themes, answers=answers) as file,
        _Rejects(rejected_file, file.layout.columns) as rejects,
    ):
        states: Counter[str] = Counter()
        rows = _counted(rejects.pass_on(iter(file)), states)
        # Without a database it is a dry run, and everybody is new.
        counts = _take_in(store, rows, consent, now, dry_run=dry_run) if store else Counter(added=sum(1 for _ in rows))
        return Imported(
            encoding=file.encoding,
            delimiter=file.delimiter,
            system=file.layout.system,
            rows=sum(counts.values()) + rejects.count,
            counts=counts,
            columns=file.layout.describe(),
            states=states,
            several_addresses=file.several_addresses,
            rejected=rejects.count,
            rejected_file=rejected_file if rejects.count else None,
        )


def _counted(rows: Iterator[SubscriberRow], states: Counter[str]) -> Iterator[SubscriberRow]:
    """The rows; how many of each state the file tells stands in `states` in the end."""
    for row in rows:
        states[row.state] += 1
        yield row


def _take_in(
    store: Store, rows: Iterator[SubscriberRow], consent: str, now: datetime, *, dry_run: bool
) -> Counter[str]:
    counts: Counter[str] = Counter()
    with suppress(_DryRun), store.writing() as connection:
        intake = audience.SubscriberIntake(store, connection, source=consent, event="imported", now=now)
        with _no_collection():
            while batch := list(islice(rows, _BATCH)):
                intake.take(batch)
        counts = intake.counts
        if dry_run:
            raise _DryRun
    return counts


@contextmanager
def _no_collection() -> Iterator[None]:
    """Millions of tuples come and go without a circle among them: looking for some would take a third of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class _Rejects:
    """Writes rejected rows aside as they come; no file is made if there are none."""

    def __init__(self, path: Path, columns: tuple[str, ...]) -> None:
        self._path, self._columns = path, columns
        self._stream: TextIO | None = None
        self.count = 0

    def __enter__(self) -> "_Rejects":
        return self

    def __exit__(self, kind: object, *error: object) -> None:
        if self._stream:
            with suppress(OSError):  # what was to be written was written, or has failed, in `pass_on`
                self._stream.close()
            if kind is not None:  # nothing was taken in, so nothing was left out
                self._path.unlink(missing_ok=True)

    def pass_on(self, rows: Iterator[SubscriberRow | Rejected]) -> Iterator[SubscriberRow]:
        """The good rows; the others are written."""
        for row in rows:
            if type(row) is SubscriberRow:
                yield row
            elif isinstance(row, Rejected):
                self._write(row)
        if self._stream:
            with self._telling():
                self._stream.flush()  # here, so that nothing is taken in if they cannot be written

    def _write(self, row: Rejected) -> None:
        self.count += 1
        with self._telling():
            if self._stream is None:
                self._stream = self._path.open("w", encoding="utf-8", newline="")
                write_rejected(self._stream, self._columns, [row])
            else:
                add_rejected(self._stream, [row])

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise cannot_write(str(self._path), error) from None


def export_file(store: Store, stream: TextIO, *, raw: bool, state: str | None) -> int:
    """All subscribers as a CSV file that `import` reads back the same → how many."""
    count = Counter[str]()

    def counted() -> Iterator[SubscriberRow]:
        for row in audience.export_rows(store, state):
            count["rows"] += 1
            yield row

    write_subscribers(stream, counted(), raw=raw)
    return count["rows"]


@dataclass(frozen=True, slots=True)
class KeptRefusal:
    """An active subscriber of whom something is kept that says no: the column of their file and its cell."""

    row: SubscriberRow
    column: str
    cell: str


def find_doubts(store: Store) -> Iterator[KeptRefusal]:
    """Active subscribers whom an import may have taken in although their file said that they left.

    Version 0.1 kept columns that it did not know as attributes, those about permission too.
    """
    for row in audience.export_rows(store, "active"):
        if row.unsubscribed_at:
            yield KeptRefusal(row, "unsubscribed_at", row.unsubscribed_at)
        elif row.attributes and (found := find_no(row.attributes)):
            yield KeptRefusal(row, *found)


def take_off_doubts(store: Store, now: datetime) -> list[KeptRefusal]:
    """Unsubscribe everybody whom `find_doubts` finds → who they were."""
    doubts = list(find_doubts(store))
    for doubt in doubts:
        source = f"the file that they came in by: {doubt.column} = {doubt.cell}"
        audience.unsubscribe(store, doubt.row.canonical, source=source, now=now)
    return doubts


def add_one(
    store: Store,
    config: Config,
    address: str,
    *,
    name: str,
    themes: tuple[str, ...],
    consent: str,
    again: bool,
    now: datetime,
) -> str:
    """Add one person → added, updated or unchanged. Raises UsageError for one who left, unless they asked `again`."""
    known = [theme.slug for theme in config.themes]
    for theme in themes:
        if theme not in known:
            raise UsageError(
                Mistake(code="NL023", message=f"no theme {theme!r} in the settings{suggest(theme, known)}")
            )
    if not consent.strip():
        raise UsageError(
            Mistake(code="NL096", message="say where they said yes: --consent TEXT", help="the law asks for it")
        )
    who = check_address(address)
    row = SubscriberRow(who.typed, who.canonical, name=name, themes=" ".join(sorted(set(themes))))
    with store.writing() as connection:
        reason = audience.suppression_reason(store, connection, who.canonical)
        if reason and (not again or reason == "complained"):
            fix = "a complaint is not lifted here" if reason == "complained" else "if they asked for it anew: --again"
            raise UsageError(Mistake(code="NL096", message=f"{who.typed} is suppressed ({reason})", help=fix))
        if reason:
            audience.lift(store, connection, who.canonical, consent, now)
        intake = audience.SubscriberIntake(store, connection, source=consent, event="added", now=now)
        intake.take([row])
    return "added" if reason else next(iter(+intake.counts))
