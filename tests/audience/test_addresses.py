"""Typed addresses → one canonical form; the fast path and the library give the same verdict."""

import string

import email_validator
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.audience import addresses
from newsletter.audience.addresses import Address, AddressError, domain_of, is_plain, read_address, wire_address
from newsletter.delivery.dialogue import check_envelope

ATOMS = string.ascii_letters + string.digits + "!#$%&'*+/=?^_`{|}~-"
TOPS = st.sampled_from(
    [*addresses.NO_MAIL, "TEST", "example", "org", "c0m", "x1", "1x", "co.uk", "xn--p1ai", "a--b", "-x"]
)
# Near misses: most of them are addresses, or would be but for one character.
NEARLY = st.builds(
    lambda local, at, domain, dot, top, end: f"{local}{at}{domain}{dot}{top}{end}",
    st.text(f"{ATOMS}..", max_size=70),
    st.sampled_from(["@"] * 9 + ["", "@@", " @", "＠"]),
    st.text(string.ascii_letters + string.digits + "--..", max_size=70),
    st.sampled_from([*"...", "", ".."]),
    TOPS,
    st.sampled_from([""] * 9 + ["\n", ">", "\0", ">AUTH=<", ","]),
)


def library_accepts(text: str) -> bool:
    try:
        email_validator.validate_email(text, check_deliverability=False, strict=True)
    except email_validator.EmailNotValidError:
        return False
    return True


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("reader@example.org", "reader@example.org"),
        ("desk@borderlines.example", "desk@borderlines.example"),
        ("Reader@EXAMPLE.Org", "reader@example.org"),
        (" \t reader@example.org\r\n", "reader@example.org"),
        ("mailto:reader@example.org", "reader@example.org"),
        ("MAILTO: Reader@example.org", "reader@example.org"),
        ("rea\u200bder@exam\u00adple.org", "reader@example.org"),
        ("\ufeffreader@example.org\u200e", "reader@example.org"),
        ("reader@example.org.", "reader@example.org"),
        ("r.e.ader+news@example.org", "r.e.ader+news@example.org"),
        ("o'neil=x@example.org", "o'neil=x@example.org"),
        ("reader@Bücher.example", "reader@xn--bcher-kva.example"),
        ("reader@xn--bcher-kva.example", "reader@xn--bcher-kva.example"),
        ("reader@XN--BCHER-KVA.example", "reader@xn--bcher-kva.example"),
        ("reader@bu\u0308cher.example", "reader@xn--bcher-kva.example"),
        ("reader@bücher。example", "reader@xn--bcher-kva.example"),
        ("Jörg@example.org", "jörg@example.org"),
        ("jo\u0308rg@example.org", "jörg@example.org"),
        ("Straße@example.org", "strasse@example.org"),
        ("re\u0430der@example.org", "re\u0430der@example.org"),  # a Cyrillic а is another mailbox
        ("reader@ex\u0430mple.org", "reader@xn--exmple-4nf.org"),
        ("a" * 64 + "@example.org", "a" * 64 + "@example.org"),
        ("a@" + "b" * 63 + ".example", "a@" + "b" * 63 + ".example"),
    ],
)
def test_t46_each_spelling_has_one_canonical_form(text: str, canonical: str) -> None:
    assert read_address(text).canonical == canonical


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "reader",
        "reader@",
        "@example.org",
        "reader@example",
        "reader@localhost",
        "reader@x.test",
        "reader@x.invalid",
        "reader@printer.local",
        "reader@x.Localhost",
        "reader@x.onion",
        "reader@x.arpa",
        "reader@x.co1",
        "a@b.example> AUTH=<",
        "a@b.example,c@d.example",
        "a@b.example c@d.example",
        "a(comment)@b.example",
        "a\0@b.example",
        "a\n@b.example",
        "a@b\n.example",
        "Reader <a@b.example>",
        '"a b"@c.example',
        '"ab"@c.example',
        "a@[127.0.0.1]",
        "a@[IPv6:::1]",
        ".a@b.example",
        "a.@b.example",
        "a..b@c.example",
        "a@-b.example",
        "a@b-.example",
        "a@b..example",
        "a@.b.example",
        "a@b_c.example",
        "a@ab--c.example",
        "a@xn--a.example",
        "a＠b.example",
        "a\u202eb@c.example",
        "a\ud800@c.example",
        "a" * 65 + "@b.example",
        "ü" * 33 + "@b.example",
        "a@" + "b" * 64 + ".example",
        "a@" + "b." * 130 + "example",
        "a" * 100_000,
        "mailto:mailto:a@b.example",
    ],
)
def test_what_is_no_address_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(AddressError, match=r"\w") as caught:
        read_address(text)
    assert len(str(caught.value)) < 200


@given(NEARLY)
@example("a@b.TEST")
@example("a@a--b.example")
@example("a@b.x--y")
@example("a@b.c\n")
@example("a@" + "b" * 58 + ".com")
def test_the_fast_path_accepts_only_what_the_library_accepts(text: str) -> None:
    if is_plain(text):
        assert library_accepts(text)


@given(NEARLY)
def test_the_fast_path_leaves_to_the_library_only_what_is_rare(text: str) -> None:
    if library_accepts(text) and text.isascii() and len(text) <= 64 and "--" not in text.partition("@")[2]:
        assert is_plain(text)


@given(NEARLY)
def test_an_ascii_text_is_accepted_as_the_library_accepts_it_when_tidied(text: str) -> None:
    tidied = text.strip().removesuffix(".")
    try:
        typed = read_address(text).typed
    except AddressError:
        assert not library_accepts(tidied)
    else:
        assert typed == tidied
        assert library_accepts(tidied)


@given(NEARLY)
def test_both_paths_give_the_same_canonical_form(text: str) -> None:
    if is_plain(text):
        assert read_address(text) == addresses._read_with_library(text)


@given(st.one_of(NEARLY, st.emails(), st.text(max_size=40).map(lambda text: f"{text}@bücher.example")))
def test_an_accepted_address_may_stand_in_the_envelope_and_is_read_back_the_same(text: str) -> None:
    try:
        address = read_address(text)
    except AddressError:
        return
    wire = wire_address(address.typed)
    assert read_address(address.typed) == address
    assert read_address(wire).canonical == address.canonical
    assert wire.rpartition("@")[2] == domain_of(address.canonical)
    assert wire.rpartition("@")[0] == address.typed.rpartition("@")[0]
    assert len(wire.encode()) <= 254
    if wire.isascii():
        assert check_envelope(wire) == wire


def test_the_domains_without_mail_are_those_of_the_library() -> None:
    assert set(addresses.NO_MAIL) == set(email_validator.SPECIAL_USE_DOMAIN_NAMES)


def test_the_typed_address_keeps_its_own_spelling() -> None:
    assert read_address(" A.Reader@Bücher.Example ") == Address(
        "A.Reader@Bücher.Example", "a.reader@xn--bcher-kva.example"
    )
    assert wire_address("A.Reader@Bücher.Example") == "A.Reader@xn--bcher-kva.example"
    assert wire_address("A.Reader@EXAMPLE.org") == "A.Reader@example.org"
