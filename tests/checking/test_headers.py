"""The headers of a mail, and the places for a reader's data: what is told, and what is not."""

import pytest

from newsletter.checking import PAGE_RULES, Page
from newsletter.checking.placeholders import slots
from tests.checking.pages import make_page, said

GOOD = {
    "From": "Borderlines <desk@borderlines.example>",
    "To": "__READER_ADDRESS__",
    "Subject": "Baku and Yerevan",
    "Date": "Mon, 07 Jul 2025 07:00:00 +0200",
    "Message-ID": "<2025-07-07-weekly.__READER_ID__@borderlines.example>",
    "List-Id": "Borderlines Weekly <weekly.borderlines.example>",
    "List-Unsubscribe": "<https://borderlines.example/u/__READER_TOKEN__>, <mailto:u+__READER_TOKEN__@borderlines.example>",
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    "List-Post": "NO",
    "Auto-Submitted": "auto-generated",
    "MIME-Version": "1.0",
    "Content-Type": 'multipart/alternative; boundary="=_1"',
}
HEADER_RULES = {name: rule.check for name, rule in PAGE_RULES.items() if name.startswith("header-")}


def with_headers(changes: dict[str, str | None], **values: str) -> Page:
    """The good headers with some changed, or left out."""
    pairs = (GOOD | changes).items()
    lines = [f"{name}: {value}" for name, value in pairs if value is not None]
    return make_page(headers="\r\n".join(lines).encode("utf-8"), **values)


def broken(page: Page) -> set[str]:
    return {name for name, check in HEADER_RULES.items() if said(check, page)}


def test_good_headers_are_silent_and_so_are_none() -> None:
    assert broken(with_headers({})) == set()
    assert broken(make_page()) == set()


@pytest.mark.parametrize(
    ("changes", "rules"),
    [
        ({"Date": None}, {"header-once"}),
        ({"MIME-Version": None}, {"header-once"}),
        ({"from": "desk@borderlines.example"}, {"header-once"}),
        ({"List-Help": f"<https://e.org/{'a' * 990}>"}, {"header-lines"}),
        ({"Content-Language": f"=?utf-8?q?{'a' * 80}?="}, {"header-lines"}),
        ({"Content-Language": "en\nBcc: x@example.org"}, {"header-lines", "header-characters"}),
        ({"Content-Language": "en\r\nno colon"}, {"header-lines"}),
        ({"Content-Language": "e\x00n"}, {"header-characters"}),
        ({"Content-Language": "é"}, {"header-characters"}),
        ({"Content-Language": "=?utf-8?q?a=0aBcc:_evil=40x?="}, {"header-characters"}),
        ({"From": "Borderlines <desk@borderlines.example>, x@borderlines.example"}, {"header-from"}),
        ({"From": '"desk@bank.example" <desk@borderlines.example>'}, {"header-from"}),
        ({"From": "=?utf-8?q?desk=40bank=2Eexample?= <desk@borderlines.example>"}, {"header-from"}),
        ({"From": "desk@gmail.com", "Message-ID": "<1@gmail.com>"}, {"header-domain"}),
        ({"From": "desk@example.org", "Message-ID": "<1@example.org>"}, {"header-domain"}),
        ({"Subject": ""}, {"header-subject"}),
        ({"Subject": "Something else"}, {"header-subject"}),
        ({"Date": "tomorrow"}, {"header-date"}),
        ({"Date": "Mon, 07 Jul 2025 07:00:00 GMT"}, {"header-date"}),
        ({"Message-ID": "1@borderlines.example"}, {"header-message-id"}),
        ({"Message-ID": "<1@example.org>"}, {"header-message-id"}),
        ({"List-Unsubscribe": None}, {"header-unsubscribe"}),
        ({"List-Unsubscribe": "<mailto:u@borderlines.example>"}, {"header-unsubscribe"}),
        ({"List-Unsubscribe": "=?utf-8?q?=3Chttps=3A//borderlines?="}, {"header-unsubscribe"}),
        ({"List-Unsubscribe": "<https://borderlines.example/u/__READER_TOKEN__>,\r\n <mailto:u@e.org>"}, {"header-unsubscribe"}),
        ({"List-Unsubscribe-Post": None}, {"header-unsubscribe"}),
        ({"List-Unsubscribe-Post": "One-Click"}, {"header-unsubscribe"}),
        ({"List-Id": None}, {"header-list"}),
        ({"List-Id": "weekly.borderlines.example"}, {"header-list"}),
        ({"List-Archive": "https://borderlines.example/"}, {"header-list"}),
        ({"List-Post": "no"}, {"header-list"}),
        ({"MIME-Version": "1.1"}, {"header-mime"}),
        ({"Content-Type": "multipart/alternative; boundary=x"}, {"header-mime"}),
        ({"Bcc": "x@example.org"}, {"header-forbidden"}),
        ({"X-Priority": "1"}, {"header-forbidden"}),
        ({"In-Reply-To": "<1@example.org>"}, {"header-forbidden"}),
        ({"Auto-Submitted": "no"}, {"header-automatic"}),
    ],
)  # fmt: skip
def test_headers_that_are_wrong(changes: dict[str, str | None], rules: set[str]) -> None:
    assert broken(with_headers(changes)) == rules


@pytest.mark.parametrize(
    "changes",
    [
        {"From": "desk@news.borderlines.example", "Message-ID": "<1@news.borderlines.example>"},
        {"From": '"Borderlines, Ltd." <desk@borderlines.example>'},
        {"List-Id": '"A, b" <weekly.borderlines.example>', "List-Help": "<https://e.org/>, <mailto:x@e.org>"},
        {"Subject": "Baku\r\n and Yerevan"},
        {"Subject": "=?utf-8?q?Baku_and_?=\r\n =?utf-8?b?WWVyZXZhbg==?="},
    ],
)
def test_headers_that_are_right(changes: dict[str, str | None]) -> None:
    assert broken(with_headers(changes)) == set()


def test_a_subject_is_measured_in_columns() -> None:
    for subject, wide in (("x" * 78, False), ("x" * 79, True), ("中" * 39, False), ("中" * 40, True)):
        page = with_headers({"Subject": subject if subject.isascii() else _encoded(subject)}, subject=subject)
        assert ("header-subject" in broken(page)) is wide


def _encoded(text: str) -> str:
    return "\r\n ".join(f"=?utf-8?q?{''.join(f'={byte:02X}' for byte in letter.encode())}?=" for letter in text)


def test_an_unsubscribe_address_needs_https_but_on_this_machine() -> None:
    for base, wrong in (("http://borderlines.example", True), ("http://127.0.0.1:8000", False)):
        address = f"{base}/u/__READER_TOKEN__"
        page = with_headers({"List-Unsubscribe": f"<{address}>"}, unsubscribe=address)
        assert ("header-unsubscribe" in broken(page)) is wrong


TOKEN = "__READER_TOKEN__"


@pytest.mark.parametrize(
    ("html", "text", "headers", "count"),
    [
        (TOKEN, TOKEN, b"", 0),
        (TOKEN, f"{TOKEN} __READER_ID__", b"X: __READER_TOKEN__ __READER_ADDRESS__", 0),
        (f"{TOKEN} a set {{1}}", TOKEN, b"", 0),
        ("", TOKEN, b"", 1),
        (TOKEN, "", b"", 1),
        (TOKEN, TOKEN, b"X: y", 1),
        (f"{TOKEN} __READER_NAME__", TOKEN, b"", 1),
        (f"{TOKEN} __READER_ADDRESS__", TOKEN, b"", 1),
        (f"{TOKEN} <!--__READER_SECTION_caucasus__-->", TOKEN, b"", 1),
        (f"{TOKEN} __reader_token__ __READER_TOKEN_", TOKEN, b"", 1),
        (f"{TOKEN} Dear {{{{ name }}}}", TOKEN, b"", 1),
        (TOKEN, f"{TOKEN} {{% if x %}}", b"", 1),
        (f'{TOKEN} <a href="https://e.org/%7B%7Bx%7D%7D">', TOKEN, b"", 1),
    ],
)
def test_slots(html: str, text: str, headers: bytes, count: int) -> None:
    assert len(said(slots, make_page(html, text=text, headers=headers))) == count
