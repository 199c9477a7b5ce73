"""Whether a text is the address of a web page: what may stand behind a link that we mail or publish."""

import re
from urllib.parse import urlsplit

_NEVER = re.compile(r"[\s<>\x00-\x1f\x7f]")


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
