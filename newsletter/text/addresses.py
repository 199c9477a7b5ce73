"""Addresses of web pages: whether a text is one, and how it is written so that every reader of it agrees (RFC 3986)."""

import re
from contextlib import suppress
from urllib.parse import quote, urlsplit

_NEVER = re.compile(r"[\s<>\x00-\x1f\x7f]")
_PARTS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?://([^/?#]*))?([^?#]*)(\?[^#]*)?(#.*)?\Z", re.DOTALL)
# RFC 3986 3.3, 3.4: what may stand in a path, and in a query or fragment, as it is; % begins an octet in hexadecimal.
_IN_PATH = "%/:@!$&'()*+,;=~"
_IN_QUERY = f"{_IN_PATH}?"
_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]*)(:\d*)?\Z")


def is_web_address(text: str) -> bool:
    """Whether a text is an absolute http(s) address of some host.

    Attack: `javascript:…` as the address of a post would be a link of ours in every mail and feed (security T2).

    >>> [is_web_address(text) for text in ("https://example.org/a", "javascript:alert(1)", "htp://x", "example.org", "/a")]
    [True, False, False, False, False]
    """
    try:
        parts = urlsplit(text)
        return parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and not _NEVER.search(text)
    except ValueError:  # `https://[half`
        return False


def tidy_address(url: str) -> str:
    """Writes an absolute address with the characters of RFC 3986 only; twice gives the same as once.

    Odd characters of path, query and fragment become %XX, a host beyond ASCII its A-label (RFC 5890). What stands before an
    @ of the host is left out: it is no part of where the address leads, and `https://bank.example@elsewhere.example/` is a
    trap. A backslash is read as browsers read it, as a slash.

    >>> tidy_address('https://example.org/a"b|c{d}?f[1]=x')
    'https://example.org/a%22b%7Cc%7Bd%7D?f%5B1%5D=x'
    """
    parts = _PARTS.match(url)
    if not parts:
        return url
    scheme, authority, path, query, fragment = parts.groups(default="")
    if scheme.lower() in ("http", "https") and "\\" in authority + path:
        return tidy_address(f"{scheme}://{authority}{path}".replace("\\", "/") + query + fragment)
    slashes = "//" if parts[2] is not None else ""
    return "".join(
        (
            f"{scheme.lower()}:{slashes}",
            _tidy_host(authority.rpartition("@")[2]),
            _quote(path, _IN_PATH),
            "?" + _quote(query[1:], _IN_QUERY) if query else "",
            "#" + _quote(fragment[1:], _IN_QUERY) if fragment else "",
        )
    )


def _quote(text: str, safe: str) -> str:
    return _BARE_PERCENT.sub("%25", quote(text, safe=safe, errors="replace"))


def _tidy_host(authority: str) -> str:
    match = _HOST.match(authority)
    if not match:
        return _quote(authority, ":%")
    host, port = match[1], match[2] or ""
    if host.startswith("["):
        return host + port
    if not host.isascii():
        import idna  # slow to load, and hardly any address needs it

        with suppress(idna.IDNAError):
            host = idna.encode(host, uts46=True).decode("ascii")
    return _quote(host, "%!$&'()*+,;=~") + port
