"""Names and addresses taken apart."""

import pytest

from newsletter.text.mailbox import is_address, split_mailbox


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
