"""Names and addresses taken apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.text.mailbox import is_address, mailbox_key, split_mailbox


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("desk@x.example", ("", "desk@x.example")),
        ("Desk <desk@x.example>", ("Desk", "desk@x.example")),
        ("Desk, Berlin <desk@x.example>", ("Desk, Berlin", "desk@x.example")),
        ('"Desk \\"B\\"" <desk@x.example>', ('Desk "B"', "desk@x.example")),
        ("bank@x.example <desk@x.example>", ("bank@x.example", "desk@x.example")),
        ("<desk@x.example>", ("", "desk@x.example")),
    ],
)
def test_a_mailbox_is_split(text: str, parts: tuple[str, str]) -> None:
    assert split_mailbox(text) == parts


@pytest.mark.parametrize("address", ["a@b.example", "a.b+c@d-e.example", "x@bücher.example", "o'neil@x.example"])
def test_addresses(address: str) -> None:
    assert is_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a",
        "a@b",
        "a b@c.example",
        "a@b.example, c@d.example",
        "a@b.example>",
        ".a@b.example",
        "a..b@c.example",
        "a@-b.example",
        '"a b"@c.example',
        "a@[127.0.0.1]",
        "a\n@b.example",
        "a" * 65 + "@b.example",
    ],
)
def test_no_addresses(address: str) -> None:
    assert not is_address(address)


@pytest.mark.parametrize(
    ("canonical", "key"),
    [
        ("jane.doe@gmail.com", "janedoe@gmail.com"),
        ("janedoe+a+b@googlemail.com", "janedoe@gmail.com"),
        ("jane.doe+a@example.org", "jane.doe@example.org"),
        ("jane-doe_x+a@pm.me", "janedoex@proton.me"),
        ("base-shop@yahoo.com", "base@yahoo.com"),
        ("base-shop@example.org", "base-shop@example.org"),
        ("+tag@example.org", "+tag@example.org"),
        ("...@gmail.com", "...@gmail.com"),
        ("jane@mac.com", "jane@icloud.com"),
    ],
)
def test_c43_the_key_by_which_a_mailbox_is_counted(canonical: str, key: str) -> None:
    assert mailbox_key(canonical) == key


@given(
    local=st.from_regex(r"[a-z0-9]([a-z0-9.+_-]{0,20}[a-z0-9])?", fullmatch=True),
    domain=st.sampled_from(["gmail.com", "example.org", "pm.me", "yahoo.com"]),
)
def test_the_key_of_a_key_is_itself_and_keeps_a_name(local: str, domain: str) -> None:
    key = mailbox_key(f"{local}@{domain}")
    assert mailbox_key(key) == key
    assert key.rpartition("@")[0]
