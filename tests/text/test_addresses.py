"""Addresses as RFC 3986 writes them, whatever was typed."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.sources.urls import clean_url
from newsletter.text.addresses import is_web_address, tidy_address
from newsletter.text.markdown import map_addresses

# RFC 3986, appendix A: scheme, authority with a host of any kind, path, query, fragment.
_PCHAR = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"
RFC_3986 = re.compile(
    rf"https?://(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{{2}})*)(?::\d*)?"
    rf"(?:/{_PCHAR}*)*(?:\?(?:{_PCHAR}|[/?])*)?(?:#(?:{_PCHAR}|[/?])*)?\Z"
)


@pytest.mark.parametrize(
    ("typed", "tidy"),
    [
        ('https://example.org/a"b|c{d}?f[1]=x', "https://example.org/a%22b%7Cc%7Bd%7D?f%5B1%5D=x"),
        ("https://example.org/a b/ü?q=ü#ü", "https://example.org/a%20b/%C3%BC?q=%C3%BC#%C3%BC"),
        ("https://example.org/%41%zz%", "https://example.org/%41%25zz%25"),
        ("https://bücher.example:8080/", "https://xn--bcher-kva.example:8080/"),
        ("https://[2001:db8::1]:8/x[0]", "https://[2001:db8::1]:8/x%5B0%5D"),
        ("HTTPS://Example.org/A", "https://Example.org/A"),
        ("https://example.org#a#b", "https://example.org#a%23b"),
        ("https://bank.example@elsewhere.example/", "https://elsewhere.example/"),
        ("https://user:secret@example.org/x@y", "https://example.org/x@y"),
        ("https://good.example\\@elsewhere.example/", "https://good.example/@elsewhere.example/"),
        ("mailto:a@example.org?subject=x y", "mailto:a@example.org?subject=x%20y"),
        ("https://example.org/?a=1&b=2,3;c='d'(e)", "https://example.org/?a=1&b=2,3;c='d'(e)"),
    ],
)
def test_c34_an_address_is_written_with_the_characters_of_a_uri(typed: str, tidy: str) -> None:
    assert tidy_address(typed) == tidy


@given(st.text(max_size=60))
def test_c34_any_web_address_becomes_a_uri_and_stays_it(rest: str) -> None:
    typed = f"https://example.org/{rest}"
    tidy = tidy_address(typed)
    assert RFC_3986.match(tidy), tidy
    assert tidy_address(tidy) == tidy
    assert is_web_address(tidy)


@given(st.text(max_size=30).filter(lambda host: not set(host) & set("/?#\\")))
def test_c34_no_host_raises(host: str) -> None:
    tidy = tidy_address(f"https://{host}/")
    assert tidy.isascii()
    assert not re.search(r"[\s<>\"{}|^`\\]", tidy)


@pytest.mark.parametrize(
    ("written", "cleaned"),
    [
        ("(https://a.example/?utm_source=a)", "(https://a.example/)"),
        ('"https://a.example/?utm_source=a", he said', '"https://a.example/", he said'),
        ("https://a.example/x[1]?utm_source=a](", "https://a.example/x[1]]("),
        ("|https://a.example/?utm_source=a|c|", "|https://a.example/|c|"),
        ("（https://a.example/?utm_source=a）后", "（https://a.example/）后"),
        ("看https://a.example/?utm_source=a，好", "看https://a.example/，好"),
        ("[a](https://a.example/?utm_source=a)", "[a](https://a.example/)"),
        ("https://a.example/x(1)?utm_source=a.", "https://a.example/x(1)."),
        ('<img src="https://a.example/?utm_source=a">', '<img src="https://a.example/?utm_source=a">'),
    ],
)
def test_c31_what_follows_readers_is_taken_out_wherever_an_address_is_written(written: str, cleaned: str) -> None:
    """And nothing beside it: words after the address of a table's cell, or of a bracket, were lost with it."""
    assert map_addresses(written + "\n", clean_url) == cleaned + "\n"
