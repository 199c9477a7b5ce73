"""A file of subscribers from any tool → rows, one at a time. Encoding, delimiter, header and line ends are found out."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple

from newsletter.audience.addresses import AddressError, read_address
from newsletter.audience.cells import clean_line
from newsletter.audience.columns import ColumnError, Layout, recognise
from newsletter.audience.encodings import detect_encoding, make_decoder
from newsletter.audience.lines import FIELD_LIMIT, Batch, read_batches, read_lines
from newsletter.audience.rows import Rejected, RowReader
from newsletter.errors import InputError, Mistake
from newsletter.model import SubscriberRow

DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_BYTES, _HEAD_LINES = 65_536, 250
_ZIP = b"PK\x03\x04"
_HINT = "sep="  # the line that some spreadsheets write first


class _Head(NamedTuple):
    """What the first rows say. `line` is the last one that is no subscriber: the header's, or 0."""

    delimiter: str
    layout: Layout
    line: int


class SubscriberFile:
    """An open file of subscribers. Each iteration reads it from its beginning and gives a row or a `Rejected` at a time.

    Usage: `with open_subscribers(path, themes=slugs) as file: for row in file: …`
    """

    def __init__(self, file: BinaryIO, name: str, encoding: str, head: _Head, themes: frozenset[str]) -> None:
        self._file = file
        self._name = name
        self._header_line = head.line
        self._reader = RowReader(head.layout, themes)
        self.encoding = encoding
        self.delimiter = head.delimiter
        self.layout = head.layout

    def __enter__(self) -> "SubscriberFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[SubscriberRow | Rejected]:
        self._file.seek(0)
        return chain.from_iterable(map(self._reader.read_batch, self._batches()))

    def _batches(self) -> Iterator[Batch]:
        for batch in read_batches(self._file, self.encoding, self.delimiter, name=self._name):
            if batch.lines and batch.lines[0] <= self._header_line:
                start = sum(line <= self._header_line for line in batch.lines)
                yield batch._replace(rows=batch.rows[start:], lines=batch.lines[start:])
            else:
                yield batch


def open_subscribers(path: Path, *, themes: frozenset[str], given: Mapping[str, str] | None = None) -> SubscriberFile:
    """A file, opened and understood; `given` says which field is in which column. Raises InputError (NL081)."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise _refusal(path, f"cannot be read: {error.strerror}") from None
    try:
        sample = file.read(_SAMPLE_BYTES)
        encoding = _find_encoding(path, sample)
        text = _decode_sample(path, sample, encoding)
        return SubscriberFile(file, str(path), encoding, _read_head(path, text, given or {}), themes)
    except BaseException:
        file.close()
        raise


def _refusal(path: Path, message: str, help: str | None = None, line: int | None = None) -> InputError:
    return InputError(Mistake(code="NL081", file=str(path), line=line, message=message, help=help))


def _find_encoding(path: Path, sample: bytes) -> str:
    if sample.startswith(_ZIP):
        raise _refusal(
            path, "a workbook or ZIP archive, not a CSV file", "save the sheet as CSV, or unpack the archive"
        )
    encoding = detect_encoding(sample)
    if encoding is None:
        raise _refusal(path, "not a text file", "save the list as CSV in UTF-8")
    return encoding


def _decode_sample(path: Path, sample: bytes, encoding: str) -> str:
    try:
        return make_decoder(encoding).decode(sample)
    except UnicodeDecodeError:
        raise _refusal(path, f"not {encoding}, as its first bytes say", "save the list as CSV in UTF-8") from None


def _read_head(path: Path, text: str, given: Mapping[str, str]) -> _Head:
    """Find the first row and what it says. Of several delimiters, the one that makes most of it."""
    lines = list(islice(io.StringIO(text, newline=""), _HEAD_LINES))
    start = next((index for index, line in enumerate(lines) if line.strip()), None)
    if start is None:
        raise _refusal(path, "an empty file")
    delimiters: tuple[str, ...] = DELIMITERS
    hint = lines[start].strip("\r\n").lower()
    if hint.startswith(_HINT) and len(hint) == len(_HINT) + 1:
        start, delimiters = start + 1, (hint[-1],)
    rows = [row for delimiter in delimiters if (row := _first_row(path, lines, start, delimiter))]
    if not rows:
        raise _refusal(path, "an empty file")
    rows.sort(key=lambda row: -len(row.cells))
    if any(_is_address(cell) for row in rows for cell in row.cells):
        return _headless(path, rows, given)
    return _head(path, rows, given)


class _Row(NamedTuple):
    delimiter: str
    line: int
    cells: list[str]


def _first_row(path: Path, lines: list[str], start: int, delimiter: str) -> _Row | None:
    batch, _ = read_lines(lines[start:], start + 1, delimiter, at_end=True)
    for line, cells in zip(batch.lines, batch.rows, strict=True):
        if fault := batch.faults.get(line) or (
            "a line that is too long" if max(map(len, cells), default=0) > FIELD_LIMIT else ""
        ):
            raise _refusal(path, f"{fault}, and it should name the columns", line=line)
        if any(map(str.strip, cells)):
            return _Row(delimiter, line, [clean_line(cell) for cell in cells])
    return None


def _head(path: Path, rows: list[_Row], given: Mapping[str, str]) -> _Head:
    errors = []
    for row in rows:
        try:
            return _Head(row.delimiter, recognise(row.cells, given), row.line)
        except ColumnError as error:
            errors.append(error)
    raise _refusal(path, str(errors[0]), errors[0].help, line=rows[0].line)


def _headless(path: Path, rows: list[_Row], given: Mapping[str, str]) -> _Head:
    """A list without a header: addresses in its first column, and maybe more, which is kept."""
    row = next((row for row in rows if _is_address(row.cells[0])), None)
    if row is None:
        raise _refusal(
            path,
            "the first line holds an address and no names of columns",
            "write a first line that names the columns: email,name,…",
            line=rows[0].line,
        )
    header = ["email", *(f"column {number}" for number in range(2, len(row.cells) + 1))]
    try:
        layout = recognise(header, given)
    except ColumnError as error:
        raise _refusal(path, str(error), error.help, line=row.line) from None
    return _Head(row.delimiter, replace(layout, system="a list without a header"), row.line - 1)


def _is_address(cell: str) -> bool:
    try:
        return "@" in cell and bool(read_address(cell))
    except AddressError:
        return False
