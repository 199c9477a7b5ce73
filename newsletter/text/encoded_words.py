"""Encoded words (RFC 2047) → the text that a mail client shows for them. Anything else stays as it is; nothing raises."""

import base64
import binascii
import quopri
import re

# More than RFC 2047 2 allows, because other decoders read it too: blanks and question marks inside.
_WORD = re.compile(r"=\?([^?\s]{1,40})\?([bq])\?(.{0,500}?)\?=", re.IGNORECASE | re.DOTALL)
# White space between two encoded words is not shown (RFC 2047 6.2).
_BETWEEN = re.compile(r"(\?=)[ \t\r\n]+(?==\?)")


def decode_words(text: str) -> str:
    """Replaces each encoded word by its text; one that cannot be decoded stays, and those beside it are still decoded.

    Attack: `=?x?b?y?=` raises in the standard library's decoder, and a second word behind it was then never looked at.

    >>> decode_words("=?utf-8?q?a=20b?= =?utf-8?b?Yw==?= =?x?b?y?=")
    'a bc=?x?b?y?='
    """
    if "=?" not in text:
        return text
    return _WORD.sub(_decode, _BETWEEN.sub(r"\1", text))


def _decode(word: re.Match[str]) -> str:
    charset, kind, content = word[1].partition("*")[0], word[2].lower(), word[3]  # RFC 2231 5: charset*language
    try:
        raw = content.encode("ascii")
        padded = raw + b"=" * (-len(raw) % 4)
        data = quopri.decodestring(raw, header=True) if kind == "q" else base64.b64decode(padded)
        return data.decode(charset, "replace")
    except (LookupError, UnicodeError, binascii.Error, ValueError):
        return word[0]
