"""Cells → a subscriber or the reason why not. The rows that lists are made of take a short way; all others the whole one."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from newsletter.audience.addresses import AddressError, is_plain, read_address_cell
from newsletter.audience.cells import (
    UnknownTheme,
    clean_line,
    cut_network,
    read_attributes,
    read_tags,
    read_themes,
    read_time,
    write_attributes,
)
from newsletter.audience.columns import ColumnLayout, UnknownState
from newsletter.audience.formulas import unguard
from newsletter.audience.lines import FIELD_LIMIT, NumberedRows
from newsletter.audience.permission import speaks_of_leaving
from newsletter.audience.systems import FIELDS
from newsletter.model import SubscriberRow

# The attribute that keeps the further addresses of a cell.
OTHER_ADDRESSES = "other addresses"
ATTRIBUTE_LIMIT = 16 * FIELD_LIMIT
_WITHOUT_NAME, _UNTOLD = SubscriberRow("", "")[2:], SubscriberRow("", "")[3:]
# Bytes that are not in the file's encoding come as lone surrogates.
_UNDECODED = re.compile("[\ud800-\udfff]")


class Rejected(NamedTuple):
    """A row that is no subscriber: the line where it begins, a short reason, and its cells as they were read."""

    line: int
    reason: str
    cells: tuple[str, ...]


class RowFault(ValueError):
    """The reason for which a row is rejected."""


class DepartureHeading(ValueError):
    """A line between rows that is no row and speaks of leaving: those below it may have left."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


def _reject(line: int, reason: ValueError, cells: Sequence[str]) -> Rejected:
    return Rejected(line, str(reason), tuple(_UNDECODED.sub("\ufffd", cell) for cell in cells))


class RowReader:
    """Rows of one file, read by its layout."""

    def __init__(self, layout: ColumnLayout, themes: frozenset[str]) -> None:
        self._layout = layout
        self.several = 0  # rows with more than one address, of which the first was taken
        self._themes = {slug.casefold(): slug for slug in themes}
        self._width = len(layout.columns)
        # A row gets one empty cell more, and that is where a field stands that has no column.
        self._at = {field: layout.fields.get(field, self._width) for field in FIELDS}
        wide = {*layout.attributes, self._at["attributes"]}
        self._limits = [ATTRIBUTE_LIMIT if index in wide else FIELD_LIMIT for index in range(self._width)]

    def read_batch(self, batch: NumberedRows) -> Iterator[SubscriberRow | Rejected]:
        """All rows of a batch that are not blank, in their order."""
        if batch.plain and self._layout.is_plain:
            return self._read_plain(batch)
        return self._read_each(batch)

    def _read_each(self, batch: NumberedRows) -> Iterator[SubscriberRow | Rejected]:
        for line, cells in zip(batch.lines, batch.rows, strict=True):
            if row := self._read(line, cells, batch.faults.get(line, "")):
                yield row

    def _read_plain(self, batch: NumberedRows) -> Iterator[SubscriberRow | Rejected]:
        """Rows of an address, or an address and a name, as fast as it goes; what is not quite plain goes the long way.

        No function of ours is called but `is_plain`, and the tuple is made without SubscriberRow's own constructor.
        """
        width, at, name_at = self._width, self._at["email"], self._at["name"]
        make = tuple.__new__
        for line, cells in zip(batch.lines, batch.rows, strict=True):
            if len(cells) == width and is_plain(address := cells[at]):
                if width == 1:
                    yield make(SubscriberRow, (address, address.lower(), *_WITHOUT_NAME))
                    continue
                if (name := cells[name_at]).isprintable():
                    yield make(SubscriberRow, (address, address.lower(), name.strip(), *_UNTOLD))
                    continue
            if row := self._read(line, cells):
                yield row

    def _read(self, line: int, cells: list[str], fault: str = "") -> SubscriberRow | Rejected | None:
        """A row; None for a blank one. Raises Heading."""
        try:
            if fault:
                raise RowFault(fault)
            fitted = self._fit(cells)
            return self._compose(fitted) if fitted else None
        except AddressError as reason:
            texts = [cell.strip() for cell in cells if cell.strip()]
            unasked = not self._layout.answers.everybody
            if unasked and len(texts) == 1 and "@" not in texts[0] and speaks_of_leaving(texts[0][:FIELD_LIMIT]):
                raise DepartureHeading(line, texts[0]) from None
            return _reject(line, reason, cells)
        except (RowFault, UnknownTheme, UnknownState) as reason:
            return _reject(line, reason, cells)

    def _fit(self, cells: list[str]) -> list[str]:
        """As many cells as there are columns, each within its limit, and an empty one; none for a blank row. Raises RowFault."""
        whole = "".join(cells)
        if not whole or whole.isspace():
            return []
        fitted = cells
        if len(cells) != self._width:
            if any(map(str.strip, cells[self._width :])):
                raise RowFault(f"{len(cells)} cells in {self._width} columns")
            fitted = [*cells[: self._width], *[""] * (self._width - len(cells))]
        if len(whole) > FIELD_LIMIT or "\0" in whole or not whole.isascii():
            self._check_cells(fitted)
        if self._layout.guarded and "'" in whole:
            fitted = list(map(unguard, fitted))
        return [*fitted, ""]

    def _check_cells(self, cells: list[str]) -> None:
        for name, cell, limit in zip(self._layout.columns, cells, self._limits, strict=True):
            if len(cell) > limit:
                raise RowFault(f"more than {limit} characters in {name!r}")
            if "\0" in cell:
                raise RowFault(f"a NUL in {name!r}")
            if _UNDECODED.search(cell):
                raise RowFault(f"bytes in {name!r} that are not in the encoding of the file")

    def _compose(self, cells: Sequence[str]) -> SubscriberRow:
        layout, at = self._layout, self._at
        told = next((cells[index] for index in (at["email"], *layout.further) if cells[index].strip()), "")
        address, beside, others = read_address_cell(told)
        attributes = self._attributes(cells)
        if others:
            self.several += 1
            attributes.setdefault(OTHER_ADDRESSES, ", ".join(others))
        return SubscriberRow(
            address.typed,
            address.canonical,
            name=clean_line(" ".join([cells[index].strip() for index in layout.names])) or clean_line(beside),
            themes=read_themes(cells[at["themes"]], self._themes),
            state=layout.state_of(cells),
            language=clean_line(cells[at["language"]]),
            timezone=clean_line(cells[at["timezone"]]),
            consent=clean_line(cells[at["consent"]]),
            consent_at=self._even(self._time, cells, at["consent_at"], attributes),
            consent_ip=self._even(cut_network, cells, at["consent_ip"], attributes),
            confirmed_at=self._even(self._time, cells, at["confirmed_at"], attributes),
            unsubscribed_at=self._even(self._time, cells, at["unsubscribed_at"], attributes),
            tags=read_tags(cells[at["tags"]]),
            attributes=write_attributes(attributes),
        )

    def _time(self, cell: str) -> str | None:
        return read_time(cell, month_first=self._layout.month_first)

    def _even(
        self, read: Callable[[str], str | None], cells: Sequence[str], index: int, attributes: dict[str, object]
    ) -> str:
        """A cell in its even form; one that cannot be read is kept as an attribute."""
        if not cells[index].strip():
            return ""
        even = read(cells[index])
        if even is None:
            self._keep(attributes, index, cells[index])
        return even or ""

    def _attributes(self, cells: Sequence[str]) -> dict[str, object]:
        """The JSON of the column for it, and every column that has no field, under its name."""
        index = self._at["attributes"]
        attributes: dict[str, object] = {}
        if text := cells[index].strip():
            read = read_attributes(text)
            attributes = {self._layout.columns[index]: text} if read is None else read
        for column in self._layout.attributes:
            self._keep(attributes, column, cells[column])
        return attributes

    def _keep(self, attributes: dict[str, object], column: int, cell: str) -> None:
        if text := cell.strip():
            name = self._layout.columns[column]
            while name in attributes and attributes[name] != text:
                name += " (column)"
            attributes[name] = text
