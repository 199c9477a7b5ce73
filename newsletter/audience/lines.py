"""Bytes of a file → batches of rows with their line numbers. Memory stays flat, whatever the file holds (security T21).

Most files are plain: every line is a row. Their batches go through the csv module in one call. A batch that is anything
else (a field over several lines, a line that is long, a quote that is never closed) is read again, row by row.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import BinaryIO, NamedTuple

from newsletter.audience.encodings import make_decoder
from newsletter.errors import InputError, Mistake

FIELD_LIMIT = 1024
# Attack: a quote that is never closed would swallow the file. It is given up after so much, and costs its line only.
ROW_LIMIT, ROW_LINES = 65_536, 200

_READ_BYTES = 65_536
# Follows the last line that csv is given. If it comes back as a row of its own, the row before it was whole.
_END = "\0end"


class NumberedRows(NamedTuple):
    """Rows and the line where each begins. `faults` are lines that are no row. `plain`: every line is a short row."""

    rows: list[list[str]]
    lines: Sequence[int]
    faults: dict[int, str]
    plain: bool


def read_batches(file: BinaryIO, encoding: str, delimiter: str, *, name: str) -> Iterator[NumberedRows]:
    """All rows of a file from where it stands. Raises InputError when it cannot be decoded any further."""
    first = 1
    open_row: list[str] = []
    try:
        for text in _read_texts(file, encoding):
            lines = [*open_row, *io.StringIO(text, newline="")]
            batch, used = read_lines(lines, first, delimiter)
            yield batch
            first += used
            open_row = lines[used:]
    except UnicodeDecodeError:
        mistake = Mistake(code="NL081", file=name, line=first, message=f"from about here on it is not {encoding}")
        raise InputError(mistake) from None
    if open_row:
        yield read_lines(open_row, first, delimiter, at_end=True)[0]


def read_lines(lines: list[str], first: int, delimiter: str, *, at_end: bool = False) -> tuple[NumberedRows, int]:
    """Physical lines → (their rows, how many lines were used). A row that is open at the end waits for more lines."""
    rows = _read_plain(lines, delimiter)
    if rows is None:
        return _read_carefully(lines, first, delimiter, at_end=at_end)
    return NumberedRows(rows, range(first, first + len(rows)), {}, plain=True), len(lines)


# --- bytes → text that ends where a line ends -------------------------------------------------------------------------


def _read_texts(file: BinaryIO, encoding: str) -> Iterator[str]:
    decoder = make_decoder(encoding)
    rest = ""
    while data := file.read(_READ_BYTES):
        text = rest + decoder.decode(data)
        cut = _last_line_end(text)
        if cut:
            yield text[:cut]
        rest = text[cut:]
        if len(rest) > ROW_LIMIT:
            # No row can be that long, so the middle of it is let go. A CR at the end may be half of a line's end.
            rest = rest[: ROW_LIMIT + 1] + ("\r" if rest.endswith("\r") else "")
    rest += decoder.decode(b"", final=True)
    if rest:
        yield rest


def _last_line_end(text: str) -> int:
    """Where the last whole line ends. A CR at the very end is left: its LF may not have been read yet."""
    return max(text.rfind("\n"), text.rfind("\r", 0, len(text) - 1)) + 1


# --- lines → rows -----------------------------------------------------------------------------------------------------


def _read_plain(lines: list[str], delimiter: str) -> list[list[str]] | None:
    """The rows, if every line is short and a row of its own."""
    if not lines or max(map(len, lines)) > FIELD_LIMIT:
        return None
    try:
        rows = list(csv.reader(chain(lines, (_END,)), delimiter=delimiter, skipinitialspace=True))
    except csv.Error:
        return None
    if len(rows) != len(lines) + 1:
        return None
    rows.pop()
    return rows


class _CsvLines:
    """Lines for one csv reader, up to where a row gets too long; then the sign of the end. `row` is where the row began."""

    def __init__(self, lines: list[str], start: int) -> None:
        self.lines = lines
        self.row = self.next = start

    def __iter__(self) -> Iterator[str]:
        row, size = self.row, 0
        while self.next < len(self.lines):
            if row != self.row:
                row, size = self.row, 0
            line = self.lines[self.next]
            size += len(line)
            if size > ROW_LIMIT or self.next - row >= ROW_LINES:
                break
            self.next += 1
            yield line
        yield _END


def _read_carefully(lines: list[str], first: int, delimiter: str, *, at_end: bool) -> tuple[NumberedRows, int]:
    numbers: list[int] = []
    batch = NumberedRows([], numbers, {}, plain=False)
    start = 0
    while start < len(lines):
        feed = _CsvLines(lines, start)
        broken = _read_from(feed, batch.rows, numbers, first, delimiter)
        if feed.row == len(lines):
            break
        if feed.next == len(lines) and not at_end and not broken:
            return batch, feed.row
        too_long = len(lines[feed.row]) > ROW_LIMIT
        batch.rows.append([lines[feed.row][:FIELD_LIMIT].rstrip("\r\n")])
        numbers.append(first + feed.row)
        batch.faults[first + feed.row] = "a line that is too long" if too_long else "a quote that is not closed"
        start = feed.row + 1
    return batch, len(lines)


def _read_from(feed: _CsvLines, rows: list[list[str]], numbers: list[int], first: int, delimiter: str) -> bool:
    """Take whole rows until the feed ends; it then stands at the row that is not whole. True: csv itself gave up."""
    start = feed.row
    reader = csv.reader(iter(feed), delimiter=delimiter, skipinitialspace=True)
    try:
        for cells in reader:
            end = start + reader.line_num
            if end > feed.next:  # the sign of the end is in this row
                break
            rows.append(cells)
            numbers.append(first + feed.row)
            feed.row = end
    except csv.Error:
        return True
    return False
