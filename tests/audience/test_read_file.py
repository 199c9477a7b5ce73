"""Files from any tool and of any kind, good and hostile: every row is a subscriber or rejected with a reason, and memory stays flat."""

import csv
import io
import json
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.audience.cells import cut_network, read_tags, read_time
from newsletter.audience.columns import Answers
from newsletter.audience.lines import ROW_LINES
from newsletter.audience.read_file import SubscriberFile, open_subscribers
from newsletter.audience.rows import Rejected
from newsletter.errors import InputError
from newsletter.model import SubscriberRow

THEMES = frozenset({"caucasus", "eu-china"})
ANN = SubscriberRow("ann@example.org", "ann@example.org", name="Ann")
BEN = SubscriberRow("Ben@Example.org", "ben@example.org", name="Ben, B.")
PLAIN = 'email,name\nann@example.org,Ann\nBen@Example.org,"Ben, B."\n'


class Files:
    """Texts and bytes as files of subscribers."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "list.csv"

    def open(self, content: str | bytes, **given: str) -> SubscriberFile:
        self.path.write_bytes(content.encode() if isinstance(content, str) else content)
        return open_subscribers(self.path, themes=THEMES, answers=Answers(fields=given))

    def read(self, content: str | bytes, **given: str) -> list[SubscriberRow | Rejected]:
        with self.open(content, **given) as file:
            return list(file)

    def one(self, content: str | bytes, **given: str) -> SubscriberRow:
        (row,) = self.read(content, **given)
        assert isinstance(row, SubscriberRow), row
        return row

    def rejected(self, content: str | bytes, **given: str) -> list[tuple[int, str]]:
        return [(row.line, row.reason) for row in self.read(content, **given) if isinstance(row, Rejected)]

    def refusal(self, content: str | bytes, **given: str) -> str:
        with pytest.raises(InputError) as caught:
            self.read(content, **given)
        (mistake,) = caught.value.mistakes
        assert mistake.code == "NL081"
        assert mistake.file == str(self.path)
        return f"{mistake.line or ''}:{mistake.message} / {mistake.help or ''}"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


# --- encodings, delimiters, line ends ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "mark", "found"),
    [
        ("utf-8", b"", "utf-8"),
        ("utf-8", b"\xef\xbb\xbf", "utf-8-sig"),
        ("utf-16-le", b"\xff\xfe", "utf-16"),
        ("utf-16-be", b"\xfe\xff", "utf-16"),
        ("utf-16-le", b"", "utf-16-le"),
        ("utf-16-be", b"", "utf-16-be"),
        ("cp1252", b"", "cp1252"),
    ],
)
def test_the_encoding_is_found_out(files: Files, encoding: str, mark: bytes, found: str) -> None:
    text = 'email,name\nann@example.org,"Änne “A.” Müller"\n'
    with files.open(mark + text.encode(encoding)) as file:
        (row,) = list(file)
    assert file.encoding == found
    assert row == ANN._replace(name="Änne “A.” Müller")


def test_bytes_that_cp1252_does_not_have_are_latin_1(files: Files) -> None:
    with files.open("email,note\nann@example.org,ü\x81\n".encode("latin-1")) as file:
        assert file.encoding == "latin-1"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_and_line_ends_are_found_out(files: Files, delimiter: str, end: str) -> None:
    rows = [["email", "name"], ["ann@example.org", "Ann"], ["Ben@Example.org", "Ben, B."]]
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter, lineterminator=end).writerows(rows)
    with files.open(stream.getvalue()) as file:
        assert list(file) == [ANN, BEN]
        assert list(file) == [ANN, BEN]  # it can be read again
    assert file.delimiter == delimiter


def test_the_hint_of_a_spreadsheet_is_understood(files: Files) -> None:
    with files.open("sep=;\r\nemail;name\r\nann@example.org;Ann\r\n") as file:
        assert list(file) == [ANN]
    assert file.delimiter == ";"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_lines_are_counted_as_an_editor_does(files: Files, end: str) -> None:
    text = 'email,name\n\nann@example.org,"A\n\nN"\n\nnobody,N\n"no\nbody",N\nann@example.org,N\nnobody,N'
    assert [line for line, _ in files.rejected(text.replace("\n", end))] == [7, 8, 11]


def test_a_line_end_may_lie_between_two_reads(files: Files) -> None:
    for pad in range(65_536 - 30, 65_536 + 30):
        filler = "x" * 50 + "\r\n"
        head = "email\r\n" + filler * 1100
        text = head + "y" * (pad - len(head)) + "\r\nann@example.org\r\n\r\nben\r\n"
        rows = files.read(text)
        assert rows[1100:][-2:-1] == [ANN._replace(name="")]
        assert isinstance(rows[-1], Rejected)
        assert rows[-1].line == 1105


# --- rows -------------------------------------------------------------------------------------------------------------


def test_a_plain_file_is_read(files: Files) -> None:
    with files.open(PLAIN) as file:
        assert list(file) == [ANN, BEN]
    assert (file.encoding, file.delimiter, file.layout.system) == ("utf-8", ",", "other")


def test_a_list_without_a_header_is_read(files: Files) -> None:
    assert files.read("ann@example.org\nBen@Example.org\n") == [ANN._replace(name=""), BEN._replace(name="")]


def test_what_stands_beside_addresses_without_a_header_is_kept(files: Files) -> None:
    assert files.one("ann@example.org;Ann\n").attributes == '{"column 2":"Ann"}'


def test_blank_rows_are_no_rows(files: Files) -> None:
    assert files.read("\n\nemail,name\n\n,\n  ,\t\nann@example.org,Ann\n\n") == [ANN]


def test_duplicates_are_the_stores_affair(files: Files) -> None:
    assert files.read("email,name\nann@example.org,Ann\nann@example.org,Ann\n") == [ANN, ANN]


def test_missing_cells_are_empty_and_blank_ones_too_many_do_no_harm(files: Files) -> None:
    assert files.read("email,name,note\nann@example.org\nann@example.org,Ann,,,\n") == [ANN._replace(name=""), ANN]


def test_ragged_rows_are_rejected(files: Files) -> None:
    assert files.rejected("name,email\nAnn\nAnn,ann@example.org,x\n") == [
        (2, "no address"),
        (3, "3 cells in 2 columns"),
    ]


def test_a_rejected_row_has_its_cells(files: Files) -> None:
    assert files.read("email,name\nnobody, N \n") == [Rejected(2, "no @ in it", ("nobody", "N "))]


def test_every_field_of_our_own_file(files: Files) -> None:
    text = (
        "email,name,themes,frequency,timezone,language,status,source,consent_at,consent_ip,confirmed_at,unsubscribed_at,"
        "tags,attributes,Town\n"
        ' Ann@Example.org , Ann\tA. ,EU-China;caucasus,weekly,Europe/Berlin,de,active,"web, 2025",2025-07-01T12:00:00+02:00,'
        '203.0.113.77,2025-07-01,never,"Press, ""x""","{""b"":1,""a"":[true]}",Berlin\n'
    )
    assert files.one(text) == SubscriberRow(
        "Ann@Example.org",
        "ann@example.org",
        name="Ann A.",
        themes="caucasus eu-china",
        state="active",
        language="de",
        timezone="Europe/Berlin",
        consent="web, 2025",
        consent_at="2025-07-01T10:00:00Z",
        consent_ip="203.0.113.0/24",
        confirmed_at="2025-07-01T00:00:00Z",
        unsubscribed_at="",
        tags="Press,x",
        attributes='{"Town":"Berlin","a":[true],"b":1,"frequency":"weekly","unsubscribed_at":"never"}',
    )


def test_names_are_joined_and_a_mailchimp_row_is_whole(files: Files) -> None:
    row = files.one(
        "Emailadresse,Vorname,Nachname,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,TAGS,UNSUB_TIME,UNSUB_REASON,STATE\n"
        'ann@example.org,Änne,Müller,2,2025-07-01 12:00:00,2001:db8:1:2::3,"""Press"",""Berlin""",2025-07-02 08:00:00,N/A,CA\n'
    )
    assert row == SubscriberRow(
        "ann@example.org",
        "ann@example.org",
        name="Änne Müller",
        state="unsubscribed",
        consent_at="2025-07-01T12:00:00Z",
        consent_ip="2001:db8:1::/48",
        unsubscribed_at="2025-07-02T08:00:00Z",
        tags="Press,Berlin",
        attributes='{"MEMBER_RATING":"2","STATE":"CA","UNSUB_REASON":"N/A"}',
    )


def test_a_buttondown_row_has_its_month_first(files: Files) -> None:
    row = files.one('email,subscriber_type,creation_date,metadata\nann@example.org,regular,7/3/2025,"{""x"":1}"\n')
    assert (row.consent_at, row.attributes) == ("2025-07-03T00:00:00Z", '{"x":1}')


def test_an_unknown_theme_or_state_rejects_the_row(files: Files) -> None:
    text = "email,themes,state\nann@example.org,caucasus mars,\nann@example.org,,away\nann@example.org,,active\n"
    assert files.rejected(text) == [(2, "no theme 'mars' in the settings"), (3, "unknown state 'away' in 'state'")]


def test_a_column_for_attributes_that_is_no_json_is_kept_as_it_is(files: Files) -> None:
    for cell in ("not json", "[1]", "1", "NaN", "[" * 9000, '{"a":1e999}', '{"a":"\\ud800"}'):
        row = files.one('email,name,attributes\nann@example.org,Ann,"' + cell.replace('"', '""') + '"\n')
        assert json.loads(row.attributes) == {"attributes": cell}


def test_a_column_never_overwrites_an_attribute(files: Files) -> None:
    row = files.one('email,attributes,a,a\nann@example.org,"{""a"":1}",2,3\n')
    assert json.loads(row.attributes) == {"a": 1, "a (column)": "2", "a (column 4)": "3"}


def test_what_the_user_says_about_columns_counts(files: Files) -> None:
    text = "Ident,Lists,Status\nann@example.org,caucasus,VIP\n"
    row = files.one(text, email="ident", themes="lists", state="")
    assert (row.canonical, row.themes, row.state, row.attributes) == (
        "ann@example.org",
        "caucasus",
        "active",
        '{"Status":"VIP"}',
    )


def test_a_name_is_one_line_without_control_characters(files: Files) -> None:
    """Attack: a name goes into the To header."""
    row = files.one('email,name\nann@example.org,"Ann\r\nBcc: all@example.org\x1b[2J\u2028x"\n')
    assert row.name == "Ann Bcc: all@example.org [2J x"


def test_a_quote_inside_of_a_cell_is_a_character(files: Files) -> None:
    assert files.one('email,name\nann@example.org,Ann 5" B\n').name == 'Ann 5" B'
    assert files.one('email,name\nann@example.org, "Ann, B"\n').name == "Ann, B"


# --- single cells -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("2025-07-01T10:00:00Z", "2025-07-01T10:00:00Z"),
        ("2025-07-01T10:00:00.123456+00:00", "2025-07-01T10:00:00Z"),
        ("2025-07-01 10:00:00", "2025-07-01T10:00:00Z"),
        ("2025-07-01 10:00:00 UTC", "2025-07-01T10:00:00Z"),
        ("2025-07-01 10:00", "2025-07-01T10:00:00Z"),
        (" 2025-07-01 ", "2025-07-01T00:00:00Z"),
        ("2025-07-01T00:30:00+02:00", "2025-06-30T22:30:00Z"),
        ("7/3/2025", None),
        ("2025-13-01", None),
        ("2025-02-30T10:00:00Z", None),
        ("0000-00-00 00:00:00", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
    ],
)
def test_times_are_made_even(cell: str, expected: str | None) -> None:
    assert read_time(cell) == expected


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("7/3/2025", "2025-07-03T00:00:00Z"),
        ("12/31/2025 23:59", "2025-12-31T23:59:00Z"),
        ("2025-07-03", "2025-07-03T00:00:00Z"),
        ("31/12/2025", None),
        ("7/3/25", None),
    ],
)
def test_times_with_the_month_first(cell: str, expected: str | None) -> None:
    assert read_time(cell, month_first=True) == expected


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("203.0.113.0/24", "203.0.113.0/24"),
        ("203.0.0.0/16", "203.0.0.0/16"),
        ("203.0.113.77/32", "203.0.113.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("256.0.0.1", None),
        ("localhost", None),
    ],
)
def test_only_the_network_of_an_ip_is_kept(cell: str, expected: str | None) -> None:
    assert cut_network(cell) == expected


@given(st.text(max_size=30))
def test_making_even_twice_changes_nothing(cell: str) -> None:
    assert read_tags(read_tags(cell)) == read_tags(cell)


# --- hostile files ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file"),
        (b"\xef\xbb\xbf", "an empty file"),
        (b"\n \n\t\n", "an empty file"),
        (b"a,b\n1,2\n", 'no column of e-mail addresses among "a", "b"'),
        (b"Ann,ann@example.org\n", "write a first line that names the columns"),
        (b"PK\x03\x04" + b"x" * 100, "workbook or ZIP"),
        (zlib.compress(bytes(range(256)) * 40) * 20 + bytes(range(32)) * 30, "not a text file"),
        (b"\0" * 5000, "not a text file"),
        (b'"email,name\nann@example.org,Ann\n', "a quote that is not closed"),
        (b"email," + b"x" * 2000 + b"\n", "too long"),
        (b"\xff\xfe" + b"\0\xd8" * 50, "not utf-16"),
    ],
)
def test_a_file_that_is_no_list_is_refused(files: Files, content: bytes, words: str) -> None:
    assert words in files.refusal(content)


def test_a_refusal_says_how_to_name_the_column(files: Files) -> None:
    assert "--map email=" in files.refusal("a,b\n1,2\n")


def test_c2_a_column_of_answers_about_mail_is_not_taken_for_addresses(files: Files) -> None:
    text = "Email,Contact\nyes,ann@example.org\nno,ben@example.org\nyes,eve@example.org\n"
    assert '--map email="Contact"' in files.refusal(text)
    assert len(files.read(text, email="contact")) == 3


def test_c2_the_delimiter_is_the_one_that_parts_the_whole_header(files: Files) -> None:
    """An address book: two columns of addresses, and cells that hold other delimiters."""
    text = (
        "First Name,Last Name,Labels,E-mail 1 - Label,E-mail 1 - Value,E-mail 2 - Label,E-mail 2 - Value\n"
        "Ann,A,* mine,Home,ann@example.org,Work,ann.a@example.org\n"
        "Ben,B,* mine,,ben@example.org ::: b.b@example.org,,\n"
        "Eve,E,* mine,,,Work,eve@example.org\n"
    )
    with files.open(text) as file:
        rows = [row for row in file if isinstance(row, SubscriberRow)]
        assert (file.delimiter, file.several_addresses) == (",", 1)
    assert [(row.address, row.name) for row in rows] == [
        ("ann@example.org", "Ann A"),
        ("ben@example.org", "Ben B"),
        ("eve@example.org", "Eve E"),
    ]
    assert json.loads(rows[0].attributes)["E-mail 2 - Value"] == "ann.a@example.org"
    assert json.loads(rows[1].attributes)["other addresses"] == "b.b@example.org"


@pytest.mark.parametrize(
    "header",
    [
        "First Name,Last Name,E-mail Address,E-mail 2 Address,E-mail 3 Address",  # Outlook
        "First Name,Last Name,Display Name,Nickname,Primary Email,Secondary Email,Screen Name",  # Thunderbird
        "First,Middle,Last,Nickname,Email,Category,Alternate Email 1",  # Yahoo
        "First Name,Last Name,Labels,E-mail 1 - Label,E-mail 1 - Value,E-mail 2 - Value",  # Google
        "Given Name,Family Name,Group Membership,E-mail 1 - Type,E-mail 1 - Value",  # Google, as it was before
        "First Name,Last Name,URL,Email Address,Company,Position,Connected On",  # LinkedIn
    ],
)
def test_c2_headers_of_address_books_are_known(files: Files, header: str) -> None:
    names = header.split(",")
    cells = [
        "ann@example.org" if "mail" in name.lower() and "Type" not in name and "Label" not in name else ""
        for name in names
    ]
    assert files.one(f"{header}\n{','.join(cells)}\n").canonical == "ann@example.org"


@pytest.mark.parametrize(
    ("cell", "address", "name"),
    [
        ("Jane Roe <jane@example.org>", "jane@example.org", "Jane Roe"),
        ('"Roe, Jane" <jane@example.org>', "jane@example.org", "Roe, Jane"),
        ("<jane@example.org>", "jane@example.org", ""),
        ("jane@example.org <jane@example.org>", "jane@example.org", ""),
        ("jane@example.org (Jane Roe)", "jane@example.org", "Jane Roe"),
        ("'Jane' <jane@example.org>", "jane@example.org", "Jane"),
    ],
)
def test_c2_an_address_with_a_name_gives_both(files: Files, cell: str, address: str, name: str) -> None:
    quoted = '"' + cell.replace('"', '""') + '"'
    for text in (f"E-Mail\n{quoted}\n", f"{quoted}\nplain@example.org\n", f"{cell}\nplain@example.org\n"):
        (row, *_) = files.read(text)
        assert isinstance(row, SubscriberRow)
        assert (row.address, row.name) == (address, name)


@pytest.mark.parametrize("between", ["; ", ", ", " ::: ", " ", "/", " | ", "\n"])
def test_c2_of_two_addresses_in_a_cell_the_first_one_is_taken_and_the_other_is_kept(files: Files, between: str) -> None:
    with files.open(f'E-Mail;Name\n"ann@example.org{between}ben@example.org";Ann\n') as file:
        (row,) = file
        assert isinstance(row, SubscriberRow)
        assert file.several_addresses == 1
    assert row.canonical == "ann@example.org"
    assert json.loads(row.attributes) == {"other addresses": "ben@example.org"}


@pytest.mark.parametrize(
    "cell", ["a@example.org > AUTH=<", "a@example.org> AUTH=<b@example.org>", "a@b@c.example", "ann@", "Jane Roe jane"]
)
def test_what_only_looks_like_several_addresses_is_rejected(files: Files, cell: str) -> None:
    assert len(files.rejected(f"email,name\n{cell},x\n")) == 1


def test_a_title_above_the_names_of_the_columns_is_passed_over(files: Files) -> None:
    assert files.read("Members of our club\n\nName;E-Mail\nAnn;ann@example.org\n") == [ANN]


def test_a_column_of_addresses_with_another_name_is_found_by_its_cells(files: Files) -> None:
    assert files.one("Who,Reach\nAnn,ann@example.org\n").canonical == "ann@example.org"


def test_a_file_that_is_not_there_is_refused(files: Files) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        open_subscribers(files.path, themes=THEMES)


def test_a_header_alone_has_no_rows(files: Files) -> None:
    assert files.read("email,name") == []


def test_t21_nul_and_undecodable_bytes_cost_their_row_only(files: Files) -> None:
    content = (
        b"email,name\n"
        + b"ann@example.org,Ann\n" * 5000
        + b"x@example.org,A\0\ny@example.org,\xe4\nann@example.org,Ann\n"
    )
    rows = files.read(content)
    assert rows[5000:] == [
        Rejected(5002, "a NUL in 'name'", ("x@example.org", "A\0")),
        Rejected(5003, "bytes in 'name' that are not in the encoding of the file", ("y@example.org", "\ufffd")),
        ANN,
    ]


def test_utf_16_that_breaks_off_is_refused_with_the_line(files: Files) -> None:
    content = ("email,name\n" + "ann@example.org,Ann\n" * 5000).encode("utf-16") + b"x"
    assert files.refusal(content).startswith("5002:from about here on it is not utf-16")


def test_a_long_field_costs_its_row_only(files: Files) -> None:
    text = f"email,name,note\nann@example.org,{'x' * 1025},\nann@example.org,,{'x' * 16385}\nann@example.org,Ann,\n"
    assert files.rejected(text) == [
        (2, "more than 1024 characters in 'name'"),
        (3, "more than 16384 characters in 'note'"),
    ]
    assert len(files.one(f"email,note\nann@example.org,{'x' * 16384}\n").attributes) > 16384


def test_t21_a_field_of_two_megabytes_and_a_line_of_ten_cost_their_row_only(files: Files) -> None:
    field, line = "x" * 2_000_000, "y" * 10_000_000
    text = f'email,name\nann@example.org,"{field}"\nann@example.org,Ann\n{line}\rann@example.org,Ann\n{line}'
    rows = files.read(text)
    assert [row if isinstance(row, SubscriberRow) else (row.line, row.reason) for row in rows] == [
        (2, "a line that is too long"),
        ANN,
        (4, "a line that is too long"),
        ANN,
        (6, "a line that is too long"),
    ]


@pytest.mark.parametrize("rows", [3, ROW_LINES - 1, ROW_LINES + 5, 20_000])
def test_a_quote_that_is_not_closed_costs_its_line_only(files: Files, rows: int) -> None:
    text = 'email,name\nben@example.org,"Ben\n' + "ann@example.org,Ann\n" * rows
    found = files.read(text)
    assert found[0] == Rejected(2, "a quote that is not closed", ('ben@example.org,"Ben',))
    assert found[1:] == [ANN] * rows


def test_a_note_of_several_lines_is_one_field(files: Files) -> None:
    note = "\n".join(f"line {number}" for number in range(50))
    text = "email,name,note\n" + f'ann@example.org,Ann,"{note}"\n' * 2000
    rows = files.read(text)
    assert rows == [ANN._replace(attributes=json.dumps({"note": note}, separators=(",", ":")))] * 2000


@pytest.mark.usefixtures("untraced")
def test_opening_quotes_on_every_line_take_no_long_time(files: Files) -> None:
    """Attack: each line reopens the quote, so that each is read as the start of a long row."""
    assert len(files.read("email,name\n" + 'a","b\n' * 20_000)) == 20_000


def big_file(path: Path, rows: int) -> Path:
    with path.open("w", encoding="utf-8") as stream:
        stream.write("email,name\n")
        stream.writelines(f"reader{number}@example.org,Reader {number}\n" for number in range(rows))
    return path


def peak_of(rows: Iterator[object]) -> int:
    tracemalloc.start()
    try:
        for _ in rows:
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.usefixtures("untraced")
def test_t21_memory_stays_flat_over_many_rows(tmp_path: Path) -> None:
    path = big_file(tmp_path / "big.csv", 200_000)
    assert path.stat().st_size > 7_000_000
    with open_subscribers(path, themes=THEMES) as file:
        assert peak_of(iter(file)) < 4_000_000


@pytest.mark.parametrize("content", ["x" * 10_000_000, '"' + "x\n" * 50_000], ids=["one line", "one quote"])
@pytest.mark.usefixtures("untraced")
def test_memory_stays_flat_over_what_is_no_row(files: Files, content: str) -> None:
    with files.open(f"email,name\n{content}") as file:
        assert peak_of(iter(file)) < 12_000_000


# --- properties -------------------------------------------------------------------------------------------------------


@given(st.binary(max_size=400), st.sampled_from([b"", b"email,name\n", b"\xff\xfe", b"email;a;b\r\n"]))
def test_no_bytes_crash_the_reader(tmp_path_factory: pytest.TempPathFactory, content: bytes, head: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "list.csv"
    path.write_bytes(head + content)
    codes = {"NL081"}
    try:
        with open_subscribers(path, themes=THEMES) as file:
            for row in file:
                assert isinstance(row, (SubscriberRow, Rejected))
    except InputError as error:
        codes = {mistake.code for mistake in error.mistakes}
    assert codes == {"NL081"}


CELL = st.text(
    st.characters(codec="utf-8", exclude_characters="".join(set(map(chr, range(0x20))) - set("\t\n\v\f\r"))),
    max_size=12,
)


@given(
    st.lists(st.tuples(CELL, CELL), max_size=8), st.sampled_from([",", ";", "\t", "|"]), st.sampled_from(["\n", "\r\n"])
)
def test_no_cell_is_lost(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[str, str]], delimiter: str, end: str
) -> None:
    path = tmp_path_factory.mktemp("cells") / "list.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        out = csv.writer(stream, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
        out.writerow(["email", "one", "two"])
        out.writerows([f"r{number}@example.org", *pair] for number, pair in enumerate(cells))
    with open_subscribers(path, themes=THEMES, answers=Answers(nothing=("one", "two"))) as file:
        rows = list(file)
    expected = [
        {name: cell.strip() for name, cell in zip(("one", "two"), pair, strict=True) if cell.strip()} for pair in cells
    ]
    assert [json.loads(row.attributes or "{}") for row in rows if isinstance(row, SubscriberRow)] == expected
