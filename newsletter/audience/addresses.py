"""An address as somebody typed it → what mail goes to, and the one spelling that is unique (security T46).

Two paths give the same verdict: a strict pattern for the plain ASCII addresses that lists are made of, and
email-validator for everything else. The library takes 28 µs for an address; the pattern takes less than half of one.
"""

import re
import unicodedata
from typing import NamedTuple

from newsletter.errors import InputError, Mistake
from newsletter.text.characters import DIRECTION_MARKS
from newsletter.text.mailbox import split_mailbox

ADDRESS_LIMIT, LOCAL_LIMIT = 254, 64  # RFC 5321 4.5.3.1, in octets

# Whole domains that no mail goes to (RFC 6761, 6762, 7686). `example` is not among them: it is for documents like ours.
NO_MAIL = ("arpa", "invalid", "local", "localhost", "onion", "test")

# Up to this length no part of an address can be over its own limit, so the pattern need not count.
_PLAIN_LENGTH = 64
# No possessive quantifiers: Python 3.11.2, Debian's, takes `(?:…)*+` for something else and lets `a.@b.example` through.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
# Two hyphens in a row are left to the library: `xn--` and its kind mean something else (RFC 5890 2.3.1).
_LABEL = r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*"
_MAILED = "(?<=[A-Za-z])" + "".join(rf"(?<!\.(?i:{top}))" for top in NO_MAIL)
# Attack: anything beyond this grammar could carry a command into the SMTP dialogue, `a@b.c> AUTH=<` (security T19).
_PLAIN = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})+{_MAILED}\Z")

# What a copy from a web page brings along inside of words, and what it brings along at their ends.
_INVISIBLE = dict.fromkeys((0x00AD, 0x200B, 0x2060, 0xFEFF))
_BLANKS = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
_EDGES = _BLANKS + DIRECTION_MARKS + "\u200c\u200d"
_SCHEME = "mailto:"


class Address(NamedTuple):
    """`typed` is what mail goes to, tidied but in its own spelling; `canonical` is equal for all spellings of one mailbox."""

    typed: str
    canonical: str


class AddressError(ValueError):
    """No mail can go to this text; the message is a short reason."""


def is_plain(text: str) -> bool:
    """Whether a text is an address of the plain ASCII kind, with nothing to tidy: its canonical form is its lower case."""
    return len(text) <= _PLAIN_LENGTH and _PLAIN.match(text) is not None


def read_address(text: str) -> Address:
    """A typed address → Address. Raises AddressError.

    >>> read_address(" mailto:A.Reader+news@EXAMPLE.org. ")
    Address(typed='A.Reader+news@EXAMPLE.org', canonical='a.reader+news@example.org')
    """
    if is_plain(text):
        # Past the constructor of a NamedTuple, which takes longer than the pattern.
        return tuple.__new__(Address, (text, text.lower()))
    typed = _tidy(text)
    return Address(typed, typed.lower()) if is_plain(typed) else _read_with_library(typed)


class AddressCell(NamedTuple):
    """What a cell of addresses holds: the first address, the name beside it, and what else stands there."""

    address: Address
    name: str = ""
    others: tuple[str, ...] = ()


def read_address_cell(cell: str) -> AddressCell:
    """A cell of an address book → AddressCell. Raises AddressError for a cell without an address.

    >>> read_address_cell('"Roe, Rick" <rick@example.org>').name
    'Roe, Rick'
    >>> read_address_cell("rick@example.org ::: rick2@example.org").others
    ('rick2@example.org',)
    """
    try:
        return AddressCell(read_address(cell))
    except AddressError:
        found = _take_apart(cell) if "@" in cell and len(cell) <= _CELL_LIMIT else None
        if found is None:
            raise
        name, first, *others = found
        return AddressCell(read_address(first), name, tuple(others))


def _take_apart(cell: str) -> list[str] | None:
    """A cell that is no single address → the name beside the first address, and all addresses; None if it is neither."""
    bracketed = _BRACKETED.findall(cell)
    if bracketed and ">" not in cell[: cell.index("<")]:
        name, _ = split_mailbox(cell[: cell.index(">") + 1])
        return [name.strip(_BETWEEN) if "@" not in name else "", *bracketed]
    if commented := _COMMENTED.match(cell.strip()):
        return [commented[2].strip(), commented[1]]
    pieces = [piece for piece in _BETWEEN_ADDRESSES.split(cell.strip()) if piece]
    return ["", *pieces] if len(pieces) > 1 and all("@" in piece for piece in pieces) else None


_BRACKETED = re.compile(r"<([^<>\s]*@[^<>\s]*)>")
_COMMENTED = re.compile(r"(\S+@\S+)\s*\(([^()]*)\)\Z")
_BETWEEN_ADDRESSES = re.compile(r"(?:[\s,;|]|:::|/(?=[^/]*@))+")
_BETWEEN = " \t\r\n:,;|/'"
_CELL_LIMIT = 4 * ADDRESS_LIMIT


def check_address(text: str) -> Address:
    """An address given by hand. Raises InputError that says what is wrong with it."""
    try:
        return read_address(text)
    except AddressError as error:
        raise InputError(Mistake(code="NL096", message=f"{text[:ADDRESS_LIMIT]!r}: {error}")) from None


def wire_address(typed: str) -> str:
    """The address for the envelope: the local part as typed (it may be beyond ASCII), the domain as an A-label.

    >>> wire_address("Jörg@Bücher.example")
    'Jörg@xn--bcher-kva.example'
    """
    local, _, domain = typed.rpartition("@")
    if domain.isascii():
        return f"{local}@{domain.lower()}"
    import idna

    return f"{local}@{idna.encode(domain, uts46=True).decode('ascii')}"


def domain_of(canonical: str) -> str:
    """The domain, as an A-label in lower case."""
    return canonical.rpartition("@")[2]


def _tidy(text: str) -> str:
    """Without what nobody typed on purpose: blanks and marks around, invisible characters, `mailto:`, the root's dot."""
    bare = unicodedata.normalize("NFC", text[: 4 * ADDRESS_LIMIT].translate(_INVISIBLE)).strip(_EDGES)
    if bare[: len(_SCHEME)].lower() == _SCHEME:
        bare = bare[len(_SCHEME) :].lstrip(_EDGES)
    return bare.removesuffix(".")


def _read_with_library(typed: str) -> Address:
    _check_shape(typed)
    from email_validator import validate_email

    try:
        checked = validate_email(
            typed,
            strict=True,
            allow_smtputf8=True,
            allow_empty_local=False,
            allow_quoted_local=False,
            allow_domain_literal=False,
            allow_display_name=False,
            globally_deliverable=True,
            test_environment=False,
            check_deliverability=False,
        )
    except ValueError as error:  # the library's own errors, and those of the encodings below it
        raise AddressError(_reason(typed, error)) from None
    local = typed.rpartition("@")[0]
    domain = checked.ascii_domain.lower()
    if len(local.encode()) > LOCAL_LIMIT:  # the library counts characters
        raise AddressError(f"more than {LOCAL_LIMIT} octets before the @")
    return Address(typed, f"{_fold(local)}@{domain}")


def _fold(local: str) -> str:
    # No rules of providers: dots and +tags are part of the name. Case folding can take composed letters apart.
    return unicodedata.normalize("NFC", local.casefold())


def _check_shape(typed: str) -> None:
    """The reasons that can be told in fewer words than the library's."""
    if not typed:
        raise AddressError("no address")
    if len(typed) > ADDRESS_LIMIT:
        raise AddressError(f"an address of more than {ADDRESS_LIMIT} characters")
    if typed.count("@") != 1:
        raise AddressError("no @ in it" if "@" not in typed else "more than one @")
    if any(character in _BLANKS for character in typed):
        raise AddressError("a blank inside the address")


def _reason(typed: str, error: ValueError) -> str:
    top = typed.rpartition("@")[2].lower().rpartition(".")[2]
    return f"no mail goes to .{top}" if top in NO_MAIL else str(error).rstrip(".")
