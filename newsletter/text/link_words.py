"""The words of a link that are an address themselves: whether the link leads there, or elsewhere."""

import re
from contextlib import suppress
from urllib.parse import urlsplit

# The same site under two names, and keepers of copies: what they show is not where they lead, and no trap.
_TWINS = {"twitter.com": "x.com", "youtu.be": "youtube.com", "fb.com": "facebook.com", "fb.me": "facebook.com"}
_COPIES = frozenset("web.archive.org archive.org archive.ph archive.is archive.today perma.cc".split())
_SHOWN = re.compile(r"(?:(?P<scheme>https?://|www\.)|(?:[^\s/@]+@))?(?P<host>[\w-]+(?:\.[\w-]+)+)(?:[/?#:]\S*)?\Z")
# With nothing before it only these are surely hosts: `report.pdf`, `node.js` and `ASP.NET` are none.
_HOST_ENDS = frozenset("com org net edu gov int info eu".split())


def find_trap(words: str, href: str) -> tuple[str, str] | None:
    """(the host that the words name, the host that the link leads to) where these are different sites; else None.

    >>> find_trap("www.bank.example", "https://elsewhere.example/")
    ('bank.example', 'elsewhere.example')
    >>> find_trap("the bank", "https://elsewhere.example/")
    """
    shown = _SHOWN.match(words.strip(" .,;:()<>«»“”\"'"))
    host = _target(href) if shown else ""
    if shown and host and host not in _COPIES and _misleads(shown["host"], host, sure=bool(shown["scheme"])):
        return shown["host"], host
    return None


def _target(href: str) -> str:
    try:
        parts = urlsplit(href)
    except ValueError:  # H29 tells
        return ""
    return (parts.path.rpartition("@")[2] if parts.scheme == "mailto" else parts.hostname) or ""


def _misleads(claimed: str, host: str, *, sure: bool) -> bool:
    """Whether words that are an address name another site. `sure`: they begin as addresses do."""
    if not sure and (claimed != claimed.lower() or claimed.rpartition(".")[2] not in _HOST_ENDS):
        return False
    mine, theirs = _site(_ascii(claimed)), _site(_ascii(host))
    # `bbc.com` in words may well lead to bbc.co.uk; a whole address that is not the link's is another thing.
    return mine != theirs and (sure or mine.partition(".")[0] != theirs.partition(".")[0])


def _ascii(host: str) -> str:
    bare = host.lower().removeprefix("www.")
    with suppress(UnicodeError):
        bare = bare.encode("idna").decode("ascii")
    return _TWINS.get(bare, bare)


def _site(host: str) -> str:
    """The name that somebody owns: two parts of a host, three below the likes of co.uk."""
    labels = host.split(".")
    deep = len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3
    return ".".join(labels[-3 if deep else -2 :])
