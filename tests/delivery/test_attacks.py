"""Attacks on headers, envelopes and bodies (security T16-T19): each is refused, or comes out as harmless text."""

import email
import email.policy
import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter import links
from newsletter.delivery.envelope import Outgoing, make_wire
from newsletter.delivery.loop import send_one
from newsletter.delivery.message import Envelope, issue_headers, write_message
from newsletter.delivery.relay import Relay
from newsletter.delivery.segments import address_value, compile_message
from newsletter.errors import InputError
from newsletter.text.characters import DIRECTION_MARKS
from tests.sending import QUICK, in_thread
from tests.smtp_server import EHLO, LOCK_STEP, SmtpServer

MOMENT = datetime(2026, 11, 23, 7, tzinfo=UTC)
PIECES = st.sampled_from(
    ["A week", "\r\n", "\n", "\r", "\0", "Bcc: evil@x.example", "=?utf-8?q?a=0aBcc:_evil@x?=", "=?utf-8?b?DQpCY2M6IGV2aWxAeA==?=",
     '"', "\\", ",", "<evil@x.example>", "evil@x.example", "\u2028", "\u202e", "é", "東京", " ", "\t", ":", ";", "=?", "?=", "x" * 70,
     "\ud800", "\x85", "Дом", "e\u0301"]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=8).map("".join)
NAMES = [
    "from", "to", "subject", "date", "message-id", "list-id", "list-unsubscribe", "list-unsubscribe-post", "list-help",
    "list-owner", "list-subscribe", "list-archive", "list-post", "archived-at", "content-language", "auto-submitted", "precedence",
    "mime-version", "content-type",
]  # fmt: skip


def written(subject: str, title: str, phrase: str, address: str) -> bytes:
    """A reader's whole message, or InputError."""
    envelope = Envelope(
        issue="2026-11-23-weekly",
        edition="weekly",
        edition_title=title,
        subject=subject,
        language="en",
        sender=f"{phrase} <desk@desk.example>",
        base="https://a-rather-long-name-of-a-publication.desk.example/and/a/path/that/makes/it/longer",
        moment=MOMENT,
    )
    headers = issue_headers(envelope, to=links.ADDRESS_SLOT, token=links.TOKEN_SLOT, message_id=links.ID_SLOT)
    message = write_message(headers, "Text.\n", "<p>Text.</p>\n")
    slots = compile_message(
        message, tokens=frozenset({links.TOKEN_SLOT, links.ID_SLOT}), addresses=frozenset({links.ADDRESS_SLOT})
    )
    values = {links.TOKEN_SLOT: b"A" * 32, links.ID_SLOT: b"b" * 30, links.ADDRESS_SLOT: address_value(address)}
    return slots.fill(values)


@given(subject=TEXTS, title=TEXTS, phrase=TEXTS)
def test_the_headers_that_are_read_are_those_that_were_written(subject: str, title: str, phrase: str) -> None:
    try:
        message = written(subject, title, phrase, "reader@example.org")
    except InputError:
        return
    parsed = email.message_from_bytes(message, policy=email.policy.default)
    assert [name.lower() for name in parsed] == NAMES
    clean = "".join(c for c in unicodedata.normalize("NFC", subject) if c not in DIRECTION_MARKS)
    assert str(parsed["Subject"]).split() == clean.split()
    assert [one.addr_spec for one in parsed["From"].addresses] == ["desk@desk.example"]
    assert [one.addr_spec for one in parsed["To"].addresses] == ["reader@example.org"]


@pytest.mark.parametrize(
    "address",
    [
        "a@b.example> AUTH=<", "a@b.example,evil@x.example", "a@b.example\r\nBcc: evil@x.example", "a@b.example\0", '"a b"@b.example',
        "a@b.example (evil@x.example)", "<a@b.example>", "a@b.example\nRCPT TO:<evil@x.example>", "=?utf-8?q?a?=@b.example", "a b@b.example",
        "a@b.example SIZE=1", "a\u2028@b.example", "＜a＞@b.example",
    ],
)  # fmt: skip
def test_t19_an_address_with_more_than_an_address_in_it_is_refused(address: str) -> None:
    with pytest.raises(InputError):
        written("s", "t", "p", address)


def test_x3_a_long_unsubscribe_address_is_on_one_line_and_as_it_was() -> None:
    message = written("s", "t", "p", "reader@example.org").decode()
    line = next(line for line in message.split("\r\n") if line.startswith("List-Unsubscribe: "))
    assert len(line) > 100
    assert line.startswith("List-Unsubscribe: <https://a-rather-long-name")
    assert "=?" not in line


SMUGGLED = "MAIL FROM:<evil@x.example>\r\nRCPT TO:<victim@example.org>\r\nDATA\r\nSubject: x\r\n\r\nsmuggled\r\n.\r\n"


@pytest.mark.parametrize("end", ["\n.\n", "\r\n.\r\n", "\r.\r", "\r\n.\n", "\n.\r\n", "\r\n.\r"], ids=repr)
@pytest.mark.parametrize(
    "ehlo",
    [EHLO, LOCK_STEP, b"250-x\r\n250-PIPELINING\r\n250 CHUNKING\r\n"],
    ids=["pipelining", "lock-step", "chunking"],
)
def test_t18_a_body_that_pretends_to_end_is_one_message(end: str, ehlo: bytes) -> None:
    message = write_message([], f"Before{end}{SMUGGLED}", f"<p>Before</p>{end}{SMUGGLED}")
    data = make_wire(message)
    with in_thread(SmtpServer(ehlo=ehlo)) as server:
        result = send_one(
            Relay("127.0.0.1", server.port, "none", timeouts=QUICK),
            Outgoing(1, "desk@desk.example", "reader@example.org", data, "", data != message),
        )
    assert result.status == "accepted"
    assert [(mail.recipient, mail.data) for mail in server.mails] == [("reader@example.org", message)]


@pytest.mark.parametrize("raw", [b"a\n.\nb\r\n", b"a\r.\rb\r\n", b"a\r\n.\rb\r\n", b"no end"])
def test_t18_octets_that_are_no_message_of_ours_never_reach_the_wire(raw: bytes) -> None:
    with pytest.raises(InputError):
        make_wire(b"Subject: x\r\n\r\n" + raw)
