"""Encoded words of RFC 2047 are decoded word by word, and nothing that somebody writes raises."""

import unicodedata
from email.header import decode_header, make_header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.message import HeaderError, text_header
from newsletter.text.encoded_words import decode_words
from newsletter.text.subjects import fit_line, fit_subject

PIECES = st.sampled_from(
    ["=?x?b?y?=", "=?utf-8?q?a=0aBcc:_evil@x?=", "=?utf-8?b?4pyT?=", "=?", "?=", "?", "=", " ", "Re:", "words", "\r\n", "\0", "\u202e", "é",
     "=?iso-8859-1?q?=e9?=", "=?utf-8*de?q?x?=", "=?utf-8?x?y?=", "=?utf-8?b?=?=", "__READER_TOKEN__", "\ud800", "\u2028"]
)  # fmt: skip
TEXTS = st.one_of(st.lists(PIECES, max_size=8).map("".join), st.text(max_size=40))


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        ("=?x?b?y?=", "=?x?b?y?="),
        ("=?utf-8?b?4pyT?= done", "✓ done"),
        ("=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
        ("=?x?b?y?= =?utf-8?q?a=0ab?=", "=?x?b?y?=a\nb"),
        ("no words = ? at all", "no words = ? at all"),
        ("=?utf-8?b?4pyT", "=?utf-8?b?4pyT"),
    ],
)
def test_c30_a_word_that_cannot_be_decoded_stays_and_its_neighbours_do_not(text: str, decoded: str) -> None:
    assert decode_words(text) == decoded


@given(TEXTS)
def test_c30_nothing_that_a_title_may_hold_raises(text: str) -> None:
    decode_words(text)
    for ours in (fit_subject(text), fit_line(text)):
        assert not any(ord(character) < 0x20 or 0x7F <= ord(character) <= 0x9F for character in ours)
    try:
        header = text_header("Subject", fit_subject(text) or "Weekly")
    except HeaderError as error:
        raise AssertionError(text) from error
    read = str(make_header(decode_header(header.value.replace("\r\n", ""))))
    assert read.split() == unicodedata.normalize("NFC", fit_subject(text) or "Weekly").split()


@pytest.mark.parametrize(
    ("title", "subject"),
    [
        ("Re: [list] zoning law of the old town", "[list] zoning law of the old town"),
        ("RE[2]: AW: Fwd: zoning", "zoning"),
        ("Sv: x", "x"),
        ("Re:", ""),
        ("Regarding: x", "Regarding: x"),
        ("Area: x", "Area: x"),
        ("\u202eabc", "abc"),
        ("\u200b\u0301", ""),
        ("a\x07b\x92c\u2028d", "ab’c d"),
        ("=?x?b?y?= and words", "=?x?b?y?= and words"),
        ("=?utf-8?q?a=0aBcc:_evil@x?=", "= ?utf-8?q?a=0aBcc:_evil@x?="),
        ("می\u200cخواهم", "می\u200cخواهم"),
    ],
)
def test_c31_what_a_title_gives_to_a_subject(title: str, subject: str) -> None:
    assert fit_subject(title) == subject
