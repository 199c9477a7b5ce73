"""The bytes of a mail: what is written is what is parsed, and what must not stand in a header is refused (message §2, §3, §8)."""

import email
import email.policy
import quopri
import re
import unicodedata
from datetime import datetime
from email.header import decode_header, make_header
from email.message import EmailMessage
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.delivery.message import (
    Envelope,
    Header,
    HeaderError,
    issue_headers,
    mailbox_header,
    make_boundary,
    quoted_printable,
    text_header,
    token_header,
    write_message,
)
from newsletter.errors import InputError
from newsletter.text.characters import DIRECTION_MARKS

CONTROLS = st.characters(categories=["Cc", "Zl", "Zp", "Cs"])
PRINTABLE = st.text(
    alphabet=st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Cn", "Co"]), min_size=1, max_size=120
)


def parse(data: bytes) -> EmailMessage:
    message = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def wire(header: Header) -> bytes:
    return f"{header.name}: {header.value}\r\n\r\n".encode("ascii")


@given(PRINTABLE)
@example("A" * 60 + " é " + "B" * 60)
@example("“six months” timeframe – a clock")
@example("=?utf-8?q?no?=")
@example("a" + "\u0301" * 30)
@example("中文" * 40)
@example("word " * 30)
@example("  leading and   double spaces ")
def test_a_subject_parses_back_as_it_was(subject: str) -> None:
    clean = "".join(c for c in unicodedata.normalize("NFC", subject) if c not in DIRECTION_MARKS)
    header = text_header("Subject", subject)
    for line in f"Subject: {header.value}".split("\r\n"):
        assert len(line) <= 78 or " " not in line.strip()
        assert line.isascii()
    for word in re.findall(r"=\?utf-8\?[qb]\?[^?]*\?=", header.value):
        assert len(word) <= 75
    assert " ".join(str(parse(wire(header))["Subject"]).split()) == " ".join(clean.split())


@given(st.text(max_size=20), CONTROLS, st.text(max_size=20))
def test_t16_control_characters_are_refused(before: str, control: str, after: str) -> None:
    value = before + control + after
    for make in (text_header, token_header):
        with pytest.raises(HeaderError):
            make("Subject", value)
    with pytest.raises(HeaderError):
        mailbox_header("From", value, "a@b.example")


@pytest.mark.parametrize(
    "attack",
    [
        "=?utf-8?q?a=0aBcc:_evil@x?=",
        "=?utf-8?b?YQ0KQmNjOiBldmlsQHg=?=",
        "a =?utf-8?q?=00?= b",
        "x\r\nBcc: evil@x",
        "x\u2028Bcc: evil@x",
    ],
)
def test_t16_a_hidden_line_end_is_found_after_decoding(attack: str) -> None:
    with pytest.raises(HeaderError, match="must not stand in a header"):
        text_header("Subject", attack)


@pytest.mark.parametrize(
    ("phrase", "written"),
    [
        ("Borderlines", "Borderlines <a@b.example>"),
        ("Borderlines, Berlin", '"Borderlines, Berlin" <a@b.example>'),
        ('Say "hi" \\o/', '"Say \\"hi\\" \\\\o/" <a@b.example>'),
        ("", "a@b.example"),
    ],
)
def test_a_mailbox_is_quoted_where_it_must_be(phrase: str, written: str) -> None:
    header = mailbox_header("From", phrase, "a@b.example")
    assert header.value == written
    assert parse(wire(header))["From"].addresses[0].display_name == phrase


def test_a_name_beyond_ascii_is_encoded_and_direction_marks_go() -> None:
    header = mailbox_header(
        "From", "Grenz\u202eblätter – Ausgabe für Deutschland, Österreich und die Schweiz", "a@b.example"
    )
    # Not by email.policy.default: its phrase parser puts a space between two encoded-words (RFC 2047 6.2 says none).
    decoded = str(make_header(decode_header(header.value.replace("\r\n", ""))))
    assert decoded == "Grenzblätter – Ausgabe für Deutschland, Österreich und die Schweiz <a@b.example>"
    assert parse(wire(header))["From"].addresses[0].addr_spec == "a@b.example"


def test_t17_an_address_in_the_name_is_refused() -> None:
    with pytest.raises(HeaderError, match="must not hold an @"):
        mailbox_header("From", "bank@bank.example", "a@b.example")


ENVELOPE = Envelope(
    issue="2025-07-07-weekly",
    edition="weekly",
    edition_title="Borderlines Weekly",
    subject="A “six-month” clock",
    language="en",
    sender="Borderlines <desk@Borderlines.example>",
    base="https://borderlines.example",
    moment=datetime(2025, 7, 7, 7, tzinfo=ZoneInfo("Europe/Berlin")),
)


def message(text: str = "Hällo\n.\nFrom here\n", html: str = "<p>Hällo</p>\n" * 40) -> bytes:
    headers = issue_headers(ENVELOPE, to="reader@example.invalid", token="T" * 43, message_id="abc")
    return write_message(headers, text, html)


def test_c69_no_mail_program_is_told_to_write_to_an_address_that_nobody_reads() -> None:
    """Thunderbird and others choose mailto where both are offered: whoever pressed Unsubscribe stayed subscribed."""
    parsed = parse(message())
    assert str(parsed["List-Unsubscribe"]) == f"<https://borderlines.example/u/{'T' * 43}>"
    assert "unsub+" not in message().decode("ascii")


def test_every_header_of_the_list_is_there_once() -> None:
    parsed = parse(message())
    assert {name: str(value) for name, value in parsed.items()} == {
        "From": "Borderlines <desk@borderlines.example>",
        "To": "reader@example.invalid",
        "Subject": "A “six-month” clock",
        "Date": "Mon, 07 Jul 2025 07:00:00 +0200",
        "Message-ID": "<2025-07-07-weekly.abc@borderlines.example>",
        "List-Id": "Borderlines Weekly <weekly.borderlines.example>",
        "List-Unsubscribe": f"<https://borderlines.example/u/{'T' * 43}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Help": "<https://borderlines.example/follow/>",
        "List-Owner": "<mailto:desk@borderlines.example>",
        "List-Subscribe": "<https://borderlines.example/subscribe>",
        "List-Archive": "<https://borderlines.example/>",
        "List-Post": "NO",
        "Archived-At": "<https://borderlines.example/2025-07-07-weekly/>",
        "Content-Language": "en",
        "Auto-Submitted": "auto-generated",
        "Precedence": "bulk",
        "MIME-Version": "1.0",
        "Content-Type": parsed["Content-Type"],
    }
    assert len(parsed.items()) == len({name.lower() for name in parsed})
    assert not parsed.defects


def test_x3_a_long_unsubscribe_address_stays_on_its_line() -> None:
    lines = message().split(b"\r\n")
    line = next(line for line in lines if line.startswith(b"List-Unsubscribe:"))
    assert len(line) > 78
    assert b"=?" not in line


def test_the_wire_is_ascii_with_crlf_and_short_body_lines() -> None:
    data = message(text="x" * 2000 + "\n" + "é" * 500 + "\n\n.\n")
    assert data.isascii()
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert b"\r" not in data.replace(b"\r\n", b"")
    head, _, body = data.partition(b"\r\n\r\n")
    assert all(len(line) <= 998 for line in head.split(b"\r\n"))
    assert all(len(line) <= 78 for line in body.split(b"\r\n"))


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), max_size=400))
@example("a \n\t\n. \n..\nend ")
def test_both_bodies_come_back_as_they_were(body: str) -> None:
    parsed = parse(message(text=body + "\n", html=f"<p>{body}</p>\n"))
    parts = [part for part in parsed.walk() if not part.is_multipart()]
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    assert [part.get_content_charset() for part in parts] == ["utf-8", "utf-8"]
    texts = [part.get_payload(decode=True).decode().replace("\r\n", "\n") for part in parts]  # type: ignore[union-attr]
    assert texts == [body + "\n", f"<p>{body}</p>\n"]
    assert not parsed.defects


def test_the_boundary_is_the_same_for_the_same_issue_and_cannot_occur_in_it() -> None:
    assert message() == message()
    boundary = make_boundary("text", "html")
    assert boundary != make_boundary("text", "other")
    assert boundary not in quoted_printable(f"--{boundary}--\n")


def test_a_header_given_twice_is_refused() -> None:
    with pytest.raises(InputError, match="stands twice"):
        write_message([Header("Subject", "a"), Header("subject", "b")], "", "")
    with pytest.raises(InputError):
        write_message([Header("Sub ject", "a")], "", "")


def test_a_sender_domain_beyond_ascii_goes_out_as_a_label() -> None:
    from dataclasses import replace

    envelope = replace(ENVELOPE, sender="Bücher <post@Bücher.example>")
    headers = {
        header.name: header.value for header in issue_headers(envelope, to="a@b.example", token="t", message_id="m")
    }
    assert headers["From"].endswith("<post@xn--bcher-kva.example>")
    assert headers["Message-ID"] == "<2025-07-07-weekly.m@xn--bcher-kva.example>"


def test_too_long_a_subject_is_refused() -> None:
    with pytest.raises(HeaderError, match="longer than 200"):
        text_header("Subject", "x" * 201)
    with pytest.raises(HeaderError, match="longer than 998"):
        token_header("X", "x" * 1000)


@given(
    st.lists(
        st.sampled_from(
            ["From ", "From", "\n", " ", "x" * 70, "x" * 75, "=", "ü", ">", "__READER_TOKEN__", "a From b", "\t", "."]
        ),
        max_size=12,
    ).map("".join)
)
def test_c37_no_line_of_a_mail_begins_with_from(body: str) -> None:
    """A relay may write `>From ` instead (RFC 4155), and then the signature does not verify."""
    encoded = quoted_printable(body)
    lines = encoded.split("\r\n")
    assert not [line for line in lines if line.startswith("From ")]
    assert all(len(line) <= 76 for line in lines)
    # White space at the end of a line is encoded, and nothing else is changed.
    assert quopri.decodestring(encoded).decode().replace("\r\n", "\n") == body.replace("\r\n", "\n")


def test_c37_a_post_that_begins_with_from_is_sent_as_it_is_signed() -> None:
    message = write_message([], "From here on\nFrom there\n", "<p>a\nFrom b</p>\n")
    assert b"\r\n=46rom here on\r\n=46rom there\r\n" in message
    assert b"\r\nFrom " not in message
