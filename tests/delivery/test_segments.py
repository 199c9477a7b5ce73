"""Messages filled from segments are the messages that the writer would have written, reader by reader."""

import email
import email.policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.message import SLOT, Header, text_header, token_header, write_message
from newsletter.delivery.segments import address_value, compile_message, token_value
from newsletter.errors import InputError

TO, TOKEN = "__READER_TO__", "__READER_TOKEN__"
SLOTS = {"tokens": frozenset((TOKEN,)), "addresses": frozenset((TO,))}
URL = f"https://desk.example/u/{TOKEN}"
LINES = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029\x85"), max_size=90
)
PIECES = (
    st.sampled_from(
        ["\n", ".", "\n.\n", "..", " ", "=", "\n\n", URL, TOKEN, f'<a href="{URL}">x</a>', f"{TOKEN}{TOKEN}"]
    )
    | LINES
)
# What looks like a slot of another name is refused before (rendering/email.py).
BODIES = st.lists(PIECES, max_size=12).map("".join).filter(lambda body: not SLOT.search(body.replace(TOKEN, "")))
TOKENS = st.from_regex(r"[a-z0-9]{1,75}", fullmatch=True)


def headers() -> list[Header]:
    return [
        token_header("To", TO),
        text_header("Subject", "Žluť"),
        token_header("List-Unsubscribe", f"<{URL}>, <mailto:unsub+{TOKEN}@desk.example>"),
    ]


def filled(text: str, html: str, token: str, to: str = "reader@example.org") -> bytes:
    segments = compile_message(write_message(headers(), text, html), **SLOTS)
    return segments.fill({TO: address_value(to), TOKEN: token_value(token)})


def read(wire: bytes) -> EmailMessage:
    lines = wire.split(b"\r\n")
    assert b"." not in lines, "the end of the message stands in it"
    plain = b"\r\n".join(line.removeprefix(b".") for line in lines)
    message = email.message_from_bytes(plain, policy=email.policy.default.clone(max_line_length=None))
    assert isinstance(message, EmailMessage)
    return message


@given(text=BODIES, html=BODIES, token=TOKENS)
def test_each_reader_gets_the_same_words_and_their_own_token(text: str, html: str, token: str) -> None:
    wire = filled(text, html, token)
    message = read(wire)
    for part, body in zip(message.iter_parts(), (text, html), strict=True):
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        assert payload.decode().replace("\r\n", "\n").removesuffix("\n") == body.replace(TOKEN, token).removesuffix(
            "\n"
        )
    assert message["To"] == "reader@example.org"
    assert str(message["List-Unsubscribe"]) == (
        f"<https://desk.example/u/{token}>, <mailto:unsub+{token}@desk.example>"
    )


@given(text=BODIES, html=BODIES, token=TOKENS)
def test_no_line_is_too_long_and_nothing_but_ascii_is_on_the_wire(text: str, html: str, token: str) -> None:
    head, _, body = filled(text, html, token).partition(b"\r\n\r\n")
    assert max(map(len, body.split(b"\r\n"))) <= 77  # 76, and a stuffed dot
    assert (head + body).isascii()
    assert (head + body).count(b"\n") == (head + body).count(b"\r\n")


def test_a_reader_differs_in_nothing_but_their_slots() -> None:
    one, two = (
        filled("Hello\n" + URL + "\n", "<p>Hello</p>", "aaaa"),
        filled("Hello\n" + URL + "\n", "<p>Hello</p>", "bbbb"),
    )
    assert one.replace(b"aaaa", b"bbbb") == two


@pytest.mark.parametrize(
    "value",
    [
        "",
        "a b",
        "a\r\nBcc: x@y.z",
        "a\n",
        ".",
        ".a",
        "a=3D",
        "a<b",
        'a"b',
        "ä",
        "a&b",
        "a\0",
        "x" * 255,
        "a;b",
        "a,b@c.d",
        "a@b.c",
    ],
)
def test_a_value_that_could_change_the_message_is_refused(value: str) -> None:
    with pytest.raises(InputError):
        token_value(value)


def test_a_slot_that_nothing_fills_is_refused() -> None:
    with pytest.raises(InputError, match="__READER_NAME__"):
        compile_message(write_message([], "Hello __READER_NAME__\n", "x"), **SLOTS)


def test_an_address_is_for_headers_only() -> None:
    with pytest.raises(InputError, match="__READER_TO__, which nothing fills there"):
        compile_message(write_message(headers(), f"Hello {TO}\n", "x"), **SLOTS)
    with pytest.raises(InputError):
        address_value("=?utf-8?q?a?=@b.example")
    assert address_value("o'neil@b.example") == b"o'neil@b.example"


def test_a_local_part_beyond_ascii_goes_into_the_header_as_utf_8() -> None:
    assert address_value("jörg@b.example") == "jörg@b.example".encode()
    with pytest.raises(InputError):
        address_value("jö rg@b.example")
