"""Signatures that another implementation verifies, and that break where they must (message §4)."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import dkim  # type: ignore[import-untyped]
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter.delivery.dkim import DkimKey, compile_signer, read_key, relax_body
from newsletter.delivery.message import Header, mailbox_header, text_header, token_header, write_message
from newsletter.errors import InputError

MOMENT = datetime(2026, 1, 5, 7, tzinfo=UTC)  # dkimpy refuses a moment that is still to come
PEM = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(params=["rsa", "ed25519"])
def key(request: pytest.FixtureRequest, rsa_key: rsa.RSAPrivateKey, tmp_path: Path) -> DkimKey:
    private = rsa_key if request.param == "rsa" else ed25519.Ed25519PrivateKey.generate()
    path = tmp_path / "key.pem"
    path.write_bytes(private.private_bytes(*PEM))
    path.chmod(0o600)
    return read_key(path, "desk.example", "s1")


def record(key: DkimKey) -> Callable[..., bytes]:
    public = key.private.public_key()
    if isinstance(public, ed25519.Ed25519PublicKey):
        import base64

        raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        text = b"v=DKIM1; k=ed25519; p=" + base64.b64encode(raw)
    else:
        import base64

        der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        text = b"v=DKIM1; k=rsa; p=" + base64.b64encode(der)
    return lambda name, timeout=5: text if name == b"s1._domainkey.desk.example." else b""


def headers(subject: str = "A six-month clock") -> list[Header]:
    return [
        mailbox_header("From", "Borderlines", "desk@desk.example"),
        token_header("To", "reader@example.org"),
        text_header("Subject", subject),
        token_header("Date", "Mon, 23 Nov 2026 07:00:00 +0000"),
        token_header("Message-ID", "<x.abc@desk.example>"),
        token_header(
            "List-Unsubscribe", "<https://desk.example/u/abc>, <mailto:unsub+abc@desk.example?subject=unsubscribe>"
        ),
        token_header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        mailbox_header("List-Id", "Weekly", "weekly.desk.example"),
    ]


def signed(key: DkimKey, subject: str = "A six-month clock", text: str = "Words.\n") -> bytes:
    message = write_message(headers(subject), text, "<p>Words.</p>\n")
    return compile_signer(key, message, MOMENT).sign({}) + message


def verifies(key: DkimKey, message: bytes) -> bool:
    try:
        return bool(dkim.verify(message, dnsfunc=record(key)))
    except dkim.DKIMException:
        return False


def test_another_implementation_verifies(key: DkimKey) -> None:
    assert verifies(key, signed(key))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.lists(st.sampled_from([" ", "\t", "a", ".", "\n", "é", "  b ", "\n\n"]), max_size=20).map("".join))
def test_whatever_the_words_are(key: DkimKey, text: str) -> None:
    assert verifies(key, signed(key, text=text))


def test_a_long_subject_in_encoded_words_is_covered(key: DkimKey) -> None:
    assert verifies(key, signed(key, subject="Žluťoučký kůň úpěl ďábelské ódy, a pak ještě jednou a naposledy"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"u/abc>", b"u/xyz>"),
        (b"One-Click", b"Two-Click"),
        (b"six-month", b"ten-month"),
        (b"Words.", b"Lies.."),
        (b"To: reader", b"To: another"),
        (b"MIME-Version", b"Subject: Another\r\nMIME-Version"),
        (b"MIME-Version", b"Cc: evil@x.example\r\nMIME-Version"),
        (b"MIME-Version", b"Reply-To: evil@x.example\r\nMIME-Version"),
        (b"MIME-Version", b"From: evil@x.example\r\nMIME-Version"),
    ],
)
def test_m22_what_is_changed_or_added_on_the_way_breaks_it(key: DkimKey, old: bytes, new: bytes) -> None:
    message = signed(key)
    head, mark, rest = message.partition(b"From: ")
    assert old in rest
    assert not verifies(key, head + mark + rest.replace(old, new, 1))


def test_what_relays_do_to_blanks_does_not(key: DkimKey) -> None:
    message = signed(key)
    assert verifies(key, message.replace(b"Subject: A six", b"Subject:   A  six") + b"\r\n\r\n")


def test_the_same_message_has_the_same_signature(key: DkimKey) -> None:
    assert signed(key) == signed(key)


def test_each_reader_has_a_signature_of_their_own(key: DkimKey) -> None:
    slots = [
        *headers()[:1],
        token_header("To", "__READER_ADDRESS__"),
        *headers()[2:5],
        token_header("List-Unsubscribe", "<https://desk.example/u/__READER_TOKEN__>"),
        *headers()[6:],
    ]
    template = write_message(slots, "Leave: https://x.example/u/__READER_TOKEN__\n", "<p>__READER_TOKEN__</p>\n")
    signer = compile_signer(key, template, MOMENT)
    for number in range(3):
        values = {"__READER_ADDRESS__": b"r%d@example.org" % number, "__READER_TOKEN__": b"abc%d" % number}
        message = template
        for slot, value in values.items():
            message = message.replace(slot.encode(), value)
        assert verifies(key, signer.sign(values) + message)
        assert not verifies(key, signer.sign(values) + message.replace(b"abc%d" % number, b"xyz"))


def test_an_empty_body_has_its_own_form() -> None:
    assert (relax_body(b""), relax_body(b"\r\n\r\n"), relax_body(b"a \t b \r\n\r\n")) == (b"", b"", b"a b\r\n")


@pytest.mark.parametrize(
    ("content", "mode", "told"),
    [
        (b"no key", 0o600, "is no private key in PEM"),
        (None, 0o600, "cannot be read"),
        ("weak", 0o600, "has 1024 bits; mail providers want 2048"),
        ("good", 0o644, "others can read this key"),
    ],
)
def test_a_key_that_is_not_fit_is_told(tmp_path: Path, content: bytes | str | None, mode: int, told: str) -> None:
    path = tmp_path / "key.pem"
    if isinstance(content, str):
        private = rsa.generate_private_key(65537, 1024 if content == "weak" else 2048)
        content = private.private_bytes(*PEM)
    if content is not None:
        path.write_bytes(content)
        path.chmod(mode)
    with pytest.raises(InputError, match=told):
        read_key(path, "desk.example", "s1")


def test_a_key_does_not_show_itself(key: DkimKey) -> None:
    assert "private" not in repr(key)
