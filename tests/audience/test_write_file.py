"""Our own file: what is written is read back, and no spreadsheet runs it."""

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.audience.addresses import read_address
from newsletter.audience.cells import clean_line, read_tags
from newsletter.audience.formulas import guard, unguard
from newsletter.audience.read_file import open_subscribers
from newsletter.audience.rows import Rejected
from newsletter.audience.systems import AWAY
from newsletter.audience.write_file import HEADER, write_rejected, write_subscribers
from newsletter.model import SubscriberRow

THEMES = frozenset({"caucasus", "eu-china"})
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
LINE = st.one_of(
    TEXT,
    st.builds(
        lambda quotes, sign, rest: quotes + sign + rest,
        st.sampled_from(["", "'", "''"]),
        st.sampled_from("=+-@'"),
        TEXT,
    ),
).map(clean_line)
TIME = st.sampled_from(["", "2025-07-01T10:00:00Z", "1999-12-31T23:59:59Z"])
VALUE = st.recursive(
    st.one_of(TEXT, st.booleans(), st.none(), st.integers(), st.floats(allow_nan=False, allow_infinity=False)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
ATTRIBUTES = st.dictionaries(st.one_of(TEXT, st.just("frequency")), VALUE, max_size=3).map(
    lambda found: json.dumps(found, ensure_ascii=False, sort_keys=True, separators=(",", ":")) if found else ""
)
ADDRESS = st.sampled_from(
    [
        "reader@example.org",
        "=1+1@example.org",
        "'=x@example.org",
        "-a@example.org",
        "+A@EXAMPLE.org",
        "Jörg@bücher.example",
    ]
).map(read_address)
ROW = st.builds(
    lambda address, left, state, **rest: SubscriberRow(
        address.typed, address.canonical, state=state, unsubscribed_at=left if state in AWAY else "", **rest
    ),
    ADDRESS,
    name=LINE,
    themes=st.sampled_from(["", "caucasus", "caucasus eu-china"]),
    state=st.sampled_from(["active", "pending", "unsubscribed", "bounced", "complained"]),
    language=st.sampled_from(["", "en", "de-AT"]),
    timezone=st.sampled_from(["", "Europe/Berlin"]),
    consent=LINE,
    consent_at=TIME,
    consent_ip=st.sampled_from(["", "203.0.113.0/24", "2001:db8:1::/48"]),
    confirmed_at=TIME,
    left=TIME,
    tags=LINE.map(read_tags),
    attributes=ATTRIBUTES,
)


def written(rows: list[SubscriberRow], *, raw: bool = False) -> str:
    stream = io.StringIO(newline="")
    write_subscribers(stream, rows, raw=raw)
    return stream.getvalue()


@given(st.lists(ROW, max_size=5))
def test_our_own_file_is_read_back_the_same(
    tmp_path_factory: pytest.TempPathFactory, rows: list[SubscriberRow]
) -> None:
    path = tmp_path_factory.mktemp("export") / "ours.csv"
    path.write_bytes(written(rows).encode())
    with open_subscribers(path, themes=THEMES) as file:
        assert list(file) == rows


@given(ROW)
def test_t23_no_cell_of_an_export_is_a_formula(row: SubscriberRow) -> None:
    for cells in csv.reader(io.StringIO(written([row]), newline="")):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)


@given(st.text("'=+-@\t\rab", max_size=6))
def test_the_guard_is_taken_off_again(cell: str) -> None:
    assert unguard(guard(cell)) == cell


def test_a_raw_export_has_the_cells_as_they_are() -> None:
    row = SubscriberRow("reader@example.org", "reader@example.org", name="=1+1")
    assert ",=1+1," not in written([row])
    assert ",=1+1," in written([row], raw=True)


def test_the_header_is_ours() -> None:
    assert written([]) == ",".join(HEADER) + "\r\n"


def test_how_often_is_a_column_of_its_own() -> None:
    row = SubscriberRow("r@example.org", "r@example.org", attributes='{"frequency":"weekly","x":1}')
    line = next(csv.DictReader(io.StringIO(written([row]))))
    assert (line["frequency"], line["attributes"]) == ("weekly", '{"x":1}')


def test_rejected_rows_can_be_mended_and_read(tmp_path: Path) -> None:
    path = tmp_path / "rejected.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        write_rejected(
            stream, ("email", "name", "Note"), [Rejected(7, "no @ in it", ("reader.example.org", "=A", "two\nlines"))]
        )
    text = path.read_text(encoding="utf-8")
    assert text.startswith("line,reason,email,name,Note\n7,no @ in it,reader.example.org,'=A,")
    path.write_text(text.replace("reader.example.org", "reader@example.org"), encoding="utf-8")
    with open_subscribers(path, themes=THEMES) as file:
        (row,) = list(file)
    assert row == SubscriberRow(
        "reader@example.org", "reader@example.org", name="=A", attributes='{"Note":"two\\nlines"}'
    )


def test_the_sample_file_of_the_workspace_is_one_of_ours(root: Path) -> None:
    with open_subscribers(root / "subscribers.csv.example", themes=THEMES) as file:
        rows = list(file)
    assert file.layout.system == "ours"
    assert [row.state for row in rows if isinstance(row, SubscriberRow)] == ["active", "active", "unsubscribed"]
