"""Tokens in mails: the same for every try, and believed only if they are ours (K1-K4, T29, T31)."""

import base64
import hmac
import re
import string
import struct
from collections.abc import Callable
from typing import NamedTuple

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from newsletter.audience.tokens import Ids, TokenKeys, make_tokens, make_verp, read_unsubscribe, read_verp

ISSUE = st.integers(0, 2**24 - 1)
SUBSCRIBER = st.integers(0, 2**32 - 1)
BASE = "https://news.example.org/weeks"
BASE64URL = set(string.ascii_letters + string.digits + "-_")


def derived(secret: bytes) -> Callable[[str], bytes]:
    """A key for each purpose, as the store gives them."""
    return lambda purpose: hmac.digest(secret, purpose.encode(), "sha256")


def keys(word: str = "ours", number: int = 0) -> TokenKeys:
    """A set of keys, told by a word."""
    return TokenKeys.derive(derived(word.encode()), number)


class Made(NamedTuple):
    """All that differs in one reader's mail and its envelope."""

    unsubscribe: str
    message_id: str
    verp: str


def make(one: TokenKeys, issue: int, subscriber: int) -> Made:
    """The tokens of a delivery."""
    return Made(*make_tokens(one, issue, subscriber), make_verp(one, issue, subscriber))


OURS = keys()


def raw(token: str) -> bytes:
    """What is in an unsubscribe token."""
    return base64.urlsafe_b64decode(token)


def write(data: bytes) -> str:
    """The other way."""
    return base64.urlsafe_b64encode(data).decode("ascii")


# --- the same again (K1, D16) -------------------------------------------------------------------------------------


@given(issue=ISSUE, subscriber=SUBSCRIBER)
@example(issue=0, subscriber=0)
@example(issue=2**24 - 1, subscriber=2**32 - 1)
def test_a_token_tells_its_issue_and_reader_and_is_the_same_again(issue: int, subscriber: int) -> None:
    made = make(OURS, issue, subscriber)
    assert made == make(keys(), issue, subscriber)
    assert read_unsubscribe(made.unsubscribe, [OURS]) == Ids(issue, subscriber)
    assert read_verp(made.verp, [OURS]) == Ids(issue, subscriber)


def test_the_tokens_of_today_are_the_tokens_of_tomorrow() -> None:
    """A mail lies in a mailbox for years: a change here would break its links."""
    assert make(OURS, 7, 123_456) == Made(
        unsubscribe="AQAABwAB4kAhN_UdVpQZeuRh_dDwd3v5",
        message_id="8a0ef755dbd4d6fea407054b8fd894c1",
        verp="020000070001e2401a0d510ffd",
    )


def test_the_hmac_is_the_one_of_rfc_2104() -> None:
    """It is put together by hand for its speed; the standard library must say the same."""
    made = make(OURS, 7, 123_456)
    ids, mac = raw(made.unsubscribe)[:8], raw(made.unsubscribe)[8:]
    assert mac == hmac.digest(derived(b"ours")("unsubscribe"), ids, "sha256")[:16]


@given(st.binary(min_size=1, max_size=64), st.binary(max_size=200))
def test_a_key_of_any_length_up_to_a_block_makes_the_standard_hmac(secret: bytes, message: bytes) -> None:
    made = TokenKeys.derive(lambda purpose: secret)
    assert made.unsubscribe.digest(message) == hmac.digest(secret, message, "sha256")


@given(st.lists(st.tuples(ISSUE, SUBSCRIBER), min_size=2, max_size=20, unique=True))
def test_no_two_deliveries_share_anything(deliveries: list[tuple[int, int]]) -> None:
    made = [make(OURS, *ids) for ids in deliveries]
    for column in zip(*made, strict=True):
        assert len(set(column)) == len(deliveries)


@pytest.mark.parametrize(("issue", "subscriber"), [(0, 2**32), (0, -1), (-1, 0), (2**24, 0)], ids=str)
def test_a_number_that_does_not_fit_makes_no_token(issue: int, subscriber: int) -> None:
    with pytest.raises((struct.error, OverflowError)):
        make(OURS, issue, subscriber)


# --- their form ---------------------------------------------------------------------------------------------------


@given(issue=ISSUE, subscriber=SUBSCRIBER)
def test_a_token_fits_into_headers_addresses_and_links(issue: int, subscriber: int) -> None:
    made = make(OURS, issue, subscriber)
    assert len(made.unsubscribe) == 32
    assert set(made.unsubscribe) <= BASE64URL
    # X3: a longer List-Unsubscribe is rewritten by Python's own writer, and by others.
    assert len(f"{BASE}/u/{made.unsubscribe}") <= 70
    assert re.fullmatch(r"[0-9a-f]{26}", made.verp)
    assert re.fullmatch(r"[0-9a-f]{32}", made.message_id)
    # RFC 5321 4.5.3.1.1: what stands before the @ has 64 octets.
    assert len(f"bounces+{made.verp}") <= 64


@given(issue=ISSUE, subscriber=SUBSCRIBER)
def test_a_bounce_is_matched_although_mail_servers_change_letters(issue: int, subscriber: int) -> None:
    made = make(OURS, issue, subscriber).verp
    for changed in (made.upper(), made.capitalize(), made.swapcase()):
        assert read_verp(changed, [OURS]) == Ids(issue, subscriber)


def test_nothing_readable_is_in_a_token() -> None:
    """K4: numbers only. Whoever knows one token learns no address, and the Message-ID does not give the token away."""
    made = make(OURS, 7, 123_456)
    assert raw(made.unsubscribe)[:8] == bytes.fromhex("010000070001e240")
    assert bytes.fromhex(made.verp)[:8] == bytes.fromhex("020000070001e240")
    for one in made:
        for other in made:
            assert one == other or one[-10:] not in other
    assert made.message_id not in raw(made.unsubscribe).hex()


def test_a_set_of_keys_does_not_show_itself() -> None:
    assert "ours" not in repr(OURS)
    assert repr(OURS) == "TokenKeys(number=0)"


# --- forgeries (T29) ----------------------------------------------------------------------------------------------


@given(issue=ISSUE, subscriber=SUBSCRIBER, bit=st.integers(0, 24 * 8 - 1))
def test_a_token_with_one_bit_flipped_is_nobody_s(issue: int, subscriber: int, bit: int) -> None:
    data = bytearray(raw(make(OURS, issue, subscriber).unsubscribe))
    data[bit // 8] ^= 1 << bit % 8
    assert read_unsubscribe(write(bytes(data)), [OURS]) is None


@given(issue=ISSUE, subscriber=SUBSCRIBER, bit=st.integers(0, 13 * 8 - 1))
def test_a_bounce_with_one_bit_flipped_is_nobody_s(issue: int, subscriber: int, bit: int) -> None:
    data = bytearray(bytes.fromhex(make(OURS, issue, subscriber).verp))
    data[bit // 8] ^= 1 << bit % 8
    assert read_verp(data.hex(), [OURS]) is None


@given(issue=ISSUE, subscriber=SUBSCRIBER, length=st.integers(0, 31))
def test_a_token_that_was_cut_is_nobody_s(issue: int, subscriber: int, length: int) -> None:
    made = make(OURS, issue, subscriber)
    assert read_unsubscribe(made.unsubscribe[:length], [OURS]) is None
    assert read_unsubscribe(made.unsubscribe[32 - length :], [OURS]) is None
    if length < 26:
        assert read_verp(made.verp[:length], [OURS]) is None


@given(issue=ISSUE, subscriber=SUBSCRIBER, more=st.text(BASE64URL, min_size=1, max_size=8))
def test_a_token_with_something_behind_it_is_nobody_s(issue: int, subscriber: int, more: str) -> None:
    made = make(OURS, issue, subscriber)
    assert read_unsubscribe(made.unsubscribe + more, [OURS]) is None
    assert read_unsubscribe(more + made.unsubscribe, [OURS]) is None
    assert read_verp(made.verp + "ab", [OURS]) is None


@given(st.one_of(st.text(max_size=40), st.text(BASE64URL, min_size=32, max_size=32)))
def test_no_text_that_is_not_ours_is_believed(text: str) -> None:
    assert read_unsubscribe(text, [OURS]) is None
    assert read_verp(text, [OURS]) is None


@given(one=st.tuples(ISSUE, SUBSCRIBER), other=st.tuples(ISSUE, SUBSCRIBER))
def test_the_numbers_of_one_with_the_seal_of_another_are_nobody_s(one: tuple[int, int], other: tuple[int, int]) -> None:
    assume(one != other)
    mine, theirs = (raw(make(OURS, *ids).unsubscribe) for ids in (one, other))
    assert read_unsubscribe(write(mine[:8] + theirs[8:]), [OURS]) is None


@given(issue=ISSUE, subscriber=SUBSCRIBER)
def test_a_token_of_another_purpose_opens_nothing(issue: int, subscriber: int) -> None:
    made = make(OURS, issue, subscriber)
    assert read_verp(raw(made.unsubscribe).hex(), [OURS]) is None
    assert read_verp(raw(made.unsubscribe)[:13].hex(), [OURS]) is None
    assert read_unsubscribe(made.verp, [OURS]) is None
    assert read_unsubscribe(write(bytes.fromhex(made.verp).ljust(24, b"\0")), [OURS]) is None
    assert read_unsubscribe(made.message_id, [OURS]) is None


def test_each_purpose_has_a_key_of_its_own() -> None:
    """K2: with one key for both, what reports a bounce could be made into what unsubscribes."""
    asked: list[str] = []

    def derive(purpose: str) -> bytes:
        asked.append(purpose)
        return derived(b"ours")(purpose)

    TokenKeys.derive(derive)
    assert len(set(asked)) == len(asked) == 2


@given(issue=ISSUE, subscriber=SUBSCRIBER)
def test_a_token_of_another_newsletter_is_nobody_s(issue: int, subscriber: int) -> None:
    made = make(keys("theirs"), issue, subscriber)
    assert read_unsubscribe(made.unsubscribe, [OURS]) is None
    assert read_verp(made.verp, [OURS]) is None


def test_the_zeros_of_a_test_mail_open_nothing() -> None:
    assert read_unsubscribe("0" * 32, [OURS]) is None
    assert read_unsubscribe("A" * 32, [OURS]) is None


def test_without_keys_nothing_is_believed() -> None:
    made = make(OURS, 1, 1)
    assert read_unsubscribe(made.unsubscribe, []) is None
    assert read_verp(made.verp, []) is None


def test_a_wrong_token_costs_the_same_work_as_a_right_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """K3: how long it takes does not tell how near it was. Counted, not timed."""
    compared: list[int] = []
    real = hmac.compare_digest

    def count(one: bytes, other: bytes) -> bool:
        compared.append(len(one))
        assert len(one) == len(other)
        return real(one, other)

    monkeypatch.setattr(hmac, "compare_digest", count)
    made = make(OURS, 1, 1).unsubscribe
    sets = [OURS, keys("older", 1)]
    for token in (made, "", "é", made[:-1], made + "AAAA", "A" * 32, "!" * 32):
        compared.clear()
        read_unsubscribe(token, sets)
        assert compared == [16, 16], token


# --- rotation (T31) -----------------------------------------------------------------------------------------------


@given(issue=ISSUE, subscriber=SUBSCRIBER)
def test_after_two_rotations_the_links_of_old_mails_still_work(issue: int, subscriber: int) -> None:
    sets = [keys("newest", 2), keys("newer", 1), keys("first", 0)]
    for one in sets:
        made = make(one, issue, subscriber)
        assert read_unsubscribe(made.unsubscribe, sets) == Ids(issue, subscriber)
        assert read_verp(made.verp, sets) == Ids(issue, subscriber)
        others = [other for other in sets if other is not one]
        assert read_unsubscribe(made.unsubscribe, others) is None
        assert read_verp(made.verp, others) is None


@pytest.mark.parametrize("number", [0, 1, 15])
def test_a_token_names_the_set_of_keys_it_was_made_with(number: int) -> None:
    made = make(keys(number=number), 7, 9)
    assert read_unsubscribe(made.unsubscribe, [keys(number=number)]) == Ids(7, 9)
    # The same secret under another number would mean that a key was taken out and put back: not believed.
    assert read_unsubscribe(made.unsubscribe, [keys(number=(number + 1) % 16)]) is None
