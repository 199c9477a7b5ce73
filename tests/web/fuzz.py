"""Requests that nobody would make: every route, with what breaks programs in every place that a request has."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from starlette.routing import Route

from newsletter.web.app import ROUTES

NASTY = (
    "", " ", "0", "-1", "99999999999999999999", "null", "true", "[]", "{}", "../../etc/passwd", "%00", "\x00", "\r\n", "\r\nX: y",
    "'", '"', "<script>alert(1)</script>", "{{7*7}}", "{% raw %}", "${7*7}", "' OR 1=1 --", "; DROP TABLE subscriber", "%s%s%n", "\u202e",
    "\ufeff", "é", "日本", "𝕏" * 50, "a" * 300, "a" * 5000, "＜＞", "a@example.org", "a@b", "@", "a@" + "b" * 250 + ".org", "ü@ü.example",
    "a@xn--.example", '"a b"@example.org', "<a@example.org>", "a@example.org\r\nBcc: b@example.org", "caucasus", "eu-china", "save", "erase",
    "download", "keep", "52", "\ud7ff", "%c0%af", "%ff%fe", "\x1b[2J", "=?utf-8?q?=0a?=", "1e309", "٣", "⁹", "file:///etc/passwd",
)  # fmt: skip
FIELDS = ("address", "stamp", "website", "themes", "only", "action", "language", "pause", "q", "List-Unsubscribe", "x")
METHODS = ("GET", "GET", "POST", "POST", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "FOO")
TYPES = (
    "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "multipart/form-data", "application/json", "text/plain",
    "multipart/form-data; boundary=" + "b" * 200, "application/x-www-form-urlencoded; charset=utf-16", "", "x/y; charset=nonsense",
)  # fmt: skip
HEADERS = (
    "host", "x-forwarded-for", "x-forwarded-host", "if-none-match", "if-modified-since", "range", "accept", "accept-language",
    "accept-encoding", "cookie", "referer", "origin", "authorization", "content-encoding", "expect", "transfer-encoding-x",
)  # fmt: skip


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Fuzzer:
    """`tokens` are some that work, so that what lies behind them is met too."""

    def __init__(self, seed: int, tokens: Sequence[str]) -> None:
        self._dice = random.Random(seed)
        self._tokens = tokens
        self._paths = [route.path for route in ROUTES if isinstance(route, Route)]

    def request(self) -> Request:
        """The next one."""
        dice = self._dice
        method = dice.choice(METHODS)
        headers = {name: self._value() for name in dice.sample(HEADERS, dice.randrange(4))}
        headers["content-type"] = dice.choice(TYPES)
        printable = {name: "".join(c for c in value if 32 <= ord(c) < 127) for name, value in headers.items()}
        return Request(method, self._path(), printable, self._body(headers["content-type"]))

    def _value(self) -> str:
        value = self._dice.choice((*NASTY, *self._tokens))
        return self._dice.choice((value, value, value * 2, value[::-1]))

    def _path(self) -> str:
        dice = self._dice
        path = dice.choice(self._paths)
        path = path.replace("{token}", quote(self._value(), safe="")).replace(
            "{path:path}", quote(self._value(), safe="/")
        )
        if dice.random() < 0.2:
            path += "?" + urlencode({dice.choice(FIELDS): self._value()}, errors="replace")
        return path if dice.random() < 0.95 else f"/{path}"

    def _body(self, kind: str) -> bytes:
        dice = self._dice
        fields = [(dice.choice(FIELDS), self._value()) for _ in range(dice.randrange(8))]
        if "multipart" in kind and dice.random() < 0.8:
            parts = "".join(
                f'--b\r\nContent-Disposition: form-data; name="{name}"{dice.choice(("", "; filename=x"))}\r\n\r\n{value}\r\n'
                for name, value in fields
            )
            return (parts + dice.choice(("--b--\r\n", "", "--b", "\r\n"))).encode("utf-8", "replace")
        if dice.random() < 0.1:
            return dice.randbytes(dice.choice((1, 100, 70_000)))
        return urlencode(fields, errors="replace").encode()
