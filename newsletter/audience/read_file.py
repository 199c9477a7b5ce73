"""A file of subscribers from any tool → rows, one at a time. Encoding, delimiter, header and line ends are found out."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple

from newsletter.audience.addresses import AddressError, read_address_cell
from newsletter.audience.cells import clean_line
from newsletter.audience.columns import Answers, ColumnError, ColumnLayout, PermissionUnclear, recognise
from newsletter.audience.encodings import detect_encoding, make_decoder
from newsletter.audience.lines import FIELD_LIMIT, NumberedRows, read_batches, read_lines
from newsletter.audience.permission import speaks_of_leaving
from newsletter.audience.rows import DepartureHeading, Rejected, RowReader
from newsletter.audience.survey import Question
from newsletter.audience.systems import COLUMNS, fold
from newsletter.errors import InputError, Mistake
from newsletter.model import SubscriberRow

DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_BYTES, _HEAD_LINES = 65_536, 250
_MOST_QUESTIONS = 20
_ZIP = b"PK\x03\x04"
_HINT = "sep="  # the line that some spreadsheets write first


class _FileHead(NamedTuple):
    """What the first rows say. `line` is the last one that is no subscriber: the header's, or 0."""

    delimiter: str
    layout: ColumnLayout
    line: int


class SubscriberFile:
    """An open file of subscribers. Each iteration reads it from its beginning and gives a row or a `Rejected` at a time.

    Usage: `with open_subscribers(path, themes=slugs) as file: for row in file: …`
    """

    def __init__(self, file: BinaryIO, path: Path, encoding: str, head: _FileHead, themes: frozenset[str]) -> None:
        self._file = file
        self._path = path
        self._header_line = head.line
        self.encoding = encoding
        self.delimiter = head.delimiter
        self.layout = self._survey(head.layout)
        self._reader = RowReader(self.layout, themes)

    @property
    def several_addresses(self) -> int:
        """Rows with more than one address so far; the first was taken."""
        return self._reader.several

    def _survey(self, layout: ColumnLayout) -> ColumnLayout:
        """Read all rows once and find out which columns decide who gets mail. Raises InputError (NL104)."""
        answers = layout.answers
        if layout.tallies:
            survey = layout.survey()
            for batch in self._batches():
                for line, cells in zip(batch.lines, batch.rows, strict=True):
                    survey.add(cells, line)
            try:
                layout = layout.settle(survey)
            except PermissionUnclear as unclear:
                raise _unclear(self._path, unclear.questions) from None
        silent = not layout.permissions and layout.start == "active" and not answers.everybody
        if silent and speaks_of_leaving(self._path.stem):
            raise _unclear_list(self._path, None, "the name of the file speaks of readers who left")
        return layout

    def __enter__(self) -> "SubscriberFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[SubscriberRow | Rejected]:
        try:
            yield from chain.from_iterable(map(self._reader.read_batch, self._batches()))
        except DepartureHeading as heading:
            what = f"the heading “{str(heading)[:40]}” speaks of readers who left"
            raise _unclear_list(self._path, heading.line, what) from None

    def _batches(self) -> Iterator[NumberedRows]:
        self._file.seek(0)
        for batch in read_batches(self._file, self.encoding, self.delimiter, name=str(self._path)):
            if batch.lines and batch.lines[0] <= self._header_line:
                start = sum(line <= self._header_line for line in batch.lines)
                yield batch._replace(rows=batch.rows[start:], lines=batch.lines[start:])
            else:
                yield batch


def open_subscribers(path: Path, *, themes: frozenset[str], answers: Answers | None = None) -> SubscriberFile:
    """Open a file and find out what its columns are.

    Raises InputError: NL081 if it is no list of subscribers, NL104 if a column may be about permission and is not
    understood; `answers` is what the user says about it.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise _refusal(path, f"cannot be read: {error.strerror}") from None
    try:
        sample = file.read(_SAMPLE_BYTES)
        encoding = _find_encoding(path, sample)
        text = _decode_sample(path, sample, encoding)
        return SubscriberFile(file, path, encoding, _read_head(path, text, answers or Answers()), themes)
    except BaseException:
        file.close()
        raise


def _refusal(path: Path, message: str, help: str | None = None, line: int | None = None) -> InputError:
    return InputError(Mistake(code="NL081", file=str(path), line=line, message=message, help=help))


def _unclear(path: Path, questions: Iterable[Question]) -> InputError:
    """Every column that must be asked about, with some of its cells and what can be answered."""
    mistakes = []
    for question in questions:
        name, why, cells = question.place.name, question.why, question.cells
        shown = ", ".join(f"“{cell}” (line {line})" for cell, line in cells.items())
        word = next(iter(cells), "WORD")
        mistakes.append(
            Mistake(
                code="NL104",
                file=str(path),
                message=f"the column “{name}” may tell who must not be mailed: {why}: {shown}",
                help=f'say what it means: --map subscribed="{name}" (a yes: mail), --map unsubscribed="{name}" (a yes: no mail), '
                f'--word "{word}=active" (or =unsubscribed), or --map attribute="{name}" (it is not about mail)',
            )
        )
    return InputError(*mistakes[:_MOST_QUESTIONS])


def _unclear_list(path: Path, line: int | None, what: str) -> InputError:
    return InputError(
        Mistake(
            code="NL104",
            file=str(path),
            line=line,
            message=f"{what}, and no column says who they are",
            help="say what all rows are: --everybody unsubscribed (or bounced, complained, active); else split the file",
        )
    )


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


def _read_head(path: Path, text: str, answers: Answers) -> _FileHead:
    """Find the first row and what it says. Of several delimiters, the one by which most names of columns are known."""
    lines = list(islice(io.StringIO(text, newline=""), _HEAD_LINES))
    start = next((index for index, line in enumerate(lines) if line.strip()), None)
    if start is None:
        raise _refusal(path, "an empty file")
    delimiters: tuple[str, ...] = DELIMITERS
    hint = lines[start].strip("\r\n").lower()
    if hint.startswith(_HINT) and len(hint) == len(_HINT) + 1:
        start, delimiters = start + 1, (hint[-1],)
    rows = _first_rows(path, lines, start, delimiters)
    if all(len(row.cells) == 1 and not _is_address(row.cells[0]) for row in rows):
        rows = _below_a_title(path, lines, rows, delimiters)
    if any(_is_address(cell) for row in rows for cell in row.cells):
        return _headless(path, rows, answers)
    head = _head(path, lines, rows, answers)
    _check_addresses(path, lines, head)
    return head


def _first_rows(path: Path, lines: list[str], start: int, delimiters: tuple[str, ...]) -> list["_RawRow"]:
    """The first row that is not blank by each delimiter, the one with most names of columns that are known first."""
    rows = [row for delimiter in delimiters if (row := _first_row(path, lines, start, delimiter))]
    if not rows:
        raise _refusal(path, "an empty file")
    return sorted(rows, key=lambda row: (-row.known, -len(row.cells)))


def _below_a_title(path: Path, lines: list[str], rows: list["_RawRow"], delimiters: tuple[str, ...]) -> list["_RawRow"]:
    """Some tools write a title above the names of the columns: the next rows, if they are such names, else the same."""
    if rows[0].known or not any(line.strip() for line in lines[rows[0].line :]):
        return rows
    below = _first_rows(path, lines, rows[0].line, delimiters)
    return below if below[0].known and len(below[0].cells) > 1 else rows


class _RawRow(NamedTuple):
    delimiter: str
    line: int
    cells: list[str]

    @property
    def known(self) -> int:
        """How many of its cells are names of columns that are known."""
        return sum(fold(cell) in COLUMNS for cell in self.cells)


def _first_row(path: Path, lines: list[str], start: int, delimiter: str) -> _RawRow | None:
    batch, _ = read_lines(lines[start:], start + 1, delimiter, at_end=True)
    for line, cells in zip(batch.lines, batch.rows, strict=True):
        if fault := batch.faults.get(line) or (
            "a line that is too long" if max(map(len, cells), default=0) > FIELD_LIMIT else ""
        ):
            raise _refusal(path, f"{fault}, and it should name the columns", line=line)
        if any(map(str.strip, cells)):
            return _RawRow(delimiter, line, [clean_line(cell) for cell in cells])
    return None


def _head(path: Path, lines: list[str], rows: list[_RawRow], answers: Answers) -> _FileHead:
    """The header by its delimiter. Another delimiter is tried only if the first one does not part the line at all."""
    error = None
    for row in rows:
        if error is not None and len(rows[0].cells) > 1:
            break
        try:
            return _FileHead(row.delimiter, recognise(row.cells, _with_addresses(lines, row, answers)), row.line)
        except ColumnError as one:
            error = error or one
    if error is None:
        raise _refusal(path, "an empty file")
    raise _refusal(path, str(error), error.help, line=rows[0].line)


def _with_addresses(lines: list[str], row: "_RawRow", answers: Answers) -> Answers:
    """The answers, and that the one column in which every cell is an address holds the addresses, if no name says so."""
    if "email" in answers.fields or any(COLUMNS.get(fold(cell)) == "email" for cell in row.cells):
        return answers
    columns = _columns_of_addresses(lines, row.line, row.delimiter, len(row.cells))
    if len(columns) != 1 or not row.cells[columns[0]]:
        return answers
    return replace(answers, fields={**answers.fields, "email": row.cells[columns[0]]})


def _columns_of_addresses(lines: list[str], start: int, delimiter: str, width: int) -> list[int]:
    """The columns whose cells, as far as they are not empty, are addresses in the first lines of the file."""
    batch, _ = read_lines(lines[start:], start + 1, delimiter, at_end=True)
    found = []
    for number in range(width):
        cells = [row[number] for row in batch.rows if len(row) > number and row[number].strip()]
        if cells and all(map(_is_address, cells)):
            found.append(number)
    return found


def _check_addresses(path: Path, lines: list[str], head: _FileHead) -> None:
    """Raises InputError if the column of addresses holds answers or names, and another column the addresses."""
    columns, index = head.layout.columns, head.layout.fields["email"]
    batch, _ = read_lines(lines[head.line :], head.line + 1, head.delimiter, at_end=True)
    better = _columns_of_addresses(lines, head.line, head.delimiter, len(columns))
    if better and not any("@" in cells[index] for cells in batch.rows if len(cells) > index):
        message = f"the column “{columns[index]}” holds no addresses"
        raise _refusal(path, message, f'name the column: --map email="{columns[better[0]]}"', line=head.line)


def _headless(path: Path, rows: list[_RawRow], answers: Answers) -> _FileHead:
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
        layout = recognise(header, answers)
    except ColumnError as error:
        raise _refusal(path, str(error), error.help, line=row.line) from None
    return _FileHead(row.delimiter, replace(layout, system="a list without a header"), row.line - 1)


def _is_address(cell: str) -> bool:
    try:
        return "@" in cell and bool(read_address_cell(cell))
    except AddressError:
        return False
