"""The bytes of a document become text. It is decoded as it declares; a bad byte is mended alone, never the whole text.

A declaration is doubted only where the bytes prove it wrong: text that is valid UTF-8 throughout is UTF-8.
"""

import codecs
import re
from dataclasses import dataclass

# Labels that mean more than they say (Encoding Standard of WHATWG, §4.2): what is labelled so is written in the wider set.
_WIDER = {
    "ascii": "cp1252", "us-ascii": "cp1252", "iso8859-1": "cp1252", "latin-1": "cp1252", "iso8859-9": "cp1254",
    "iso8859-11": "cp874", "tis-620": "cp874", "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932",
    "euc_kr": "cp949", "big5": "cp950",
}  # fmt: skip
_ALIASES = {"windows-874": "cp874", "iso-8859-8-i": "iso8859-8", "unicode-1-1-utf-8": "utf-8", "sjis": "cp932"}
# Python knows more codecs than there are encodings of documents: `rot13`, `unicode_escape`, and UTF-7, which hides tags.
_ENCODINGS = ("utf-8", "ascii", "cp", "iso", "koi8", "mac-", "gb", "big5", "euc", "shift", "tis-620", "johab", "kz1048")
_DECLARED = re.compile(rb"""\s*<\?xml\b[^>]*?\bencoding\s*=\s*["']\s*([A-Za-z0-9._:-]{1,40})\s*["']""")
_CHARSET = re.compile(r"""\bcharset\s*=\s*["']?\s*([A-Za-z0-9._:-]{1,40})""", re.IGNORECASE)
# Longest first: the mark of UTF-32 begins with that of UTF-16.
_MARKS = (
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xfe\xff", "utf-16-be"),
    (b"\xff\xfe", "utf-16-le"),
)
# Without a mark: where the NULs stand around the first character tells (XML 1.0, appendix F.1).
_PATTERNS = (
    (re.compile(rb"\0\0\0[<{\[]"), "utf-32-be"),
    (re.compile(rb"[<{\[]\0\0\0"), "utf-32-le"),
    (re.compile(rb"\0[<{\[\s]"), "utf-16-be"),
    (re.compile(rb"[<{\[\s]\0"), "utf-16-le"),
)
# UTF-8 read as Windows-1252: a lead byte, and what the bytes 80 to BF become there. `â€™` and `ðŸ˜€` are nothing else; two
# characters count inside a word only (`“AMANHÃ”` is Portuguese), and three only in a row of them (`ä¸­å›½`). ß is no lead byte
# here: `Spaß–` is German, and what begins with that byte is N'Ko.
_AFTER = re.escape(
    "".join(bytes([byte]).decode("cp1252", "ignore") for byte in range(0x80, 0xC0)) + "\x81\x8d\x8f\x90\x9d"
)
_MOJIBAKE = re.compile(
    rf"\u00e2\u20ac[{_AFTER}]|\u00f0\u0178[{_AFTER}]{{2}}|(?:[\u00e0-\u00ef][{_AFTER}]{{2}}){{2}}"
    rf"|(?<=[a-z])[\u00c2-\u00de][{_AFTER}]|[\u00c2-\u00de][{_AFTER}](?=[a-z])"
)
# What is left of a letter where a document is cut off: it ends with no letter but with `>` or `}`.
_HALF_LETTER = re.compile(rb"(?:[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2})\Z")
_BAD_BYTE = re.compile("[\udc80-\udcff]")
_NOT_ASCII = re.compile("[^\x00-\x7f]")
_MENDED = {0xDC00 + byte: bytes([byte]).decode("cp1252", "replace") for byte in range(0x80, 0x100)}


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text, the codec it was read with, and for each kind of guess a sentence for the editor."""

    text: str
    encoding: str
    notes: tuple[str, ...] = ()


def decode_document(data: bytes, content_type: str) -> Decoded:
    """The bytes of an XML or JSON document → its text, without a byte order mark.

    The order is that of RFC 7303 §3: byte order mark, `charset` of the Content-Type, XML declaration, UTF-8. Two things
    overrule a label: NULs where UTF-16 or UTF-32 have them, and bytes above 7F that are valid UTF-8 throughout. A byte
    that its encoding does not know becomes what it is in Windows-1252, or U+FFFD; nothing around it changes.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _decode(data[len(mark) :], name, ())
    for pattern, name in _PATTERNS:
        if pattern.match(data):
            return _decode(data, name, ())
    labels = [match[1] for match in (_CHARSET.search(content_type),) if match]
    labels += [match[1].decode("ascii") for match in (_DECLARED.match(data),) if match]
    codec = next((name for label in labels if (name := _find_codec(label))), "utf-8")
    notes = () if not labels or any(map(_find_codec, labels)) else (f"unknown encoding {labels[0]!r}; read as UTF-8",)
    if codec != "utf-8" and not data.isascii():
        try:
            text = _HALF_LETTER.sub(b"", data).decode("utf-8")
        except UnicodeDecodeError:
            return _decode(data, codec, notes)
        if not any(_find_codec(label) == "utf-8" for label in labels):
            notes = (*notes, f"labelled {labels[0]}, but the bytes are UTF-8; read as UTF-8")
        return Decoded(text, "utf-8", notes)
    return _decode(data, codec, notes)


def label_with(content_type: str, encoding: str) -> str:
    """A Content-Type that names the encoding which the settings give for a source; `utf-8` there means none."""
    return content_type if encoding.lower() == "utf-8" else f"{content_type.partition(';')[0]}; charset={encoding}"


def find_mojibake(text: str) -> str:
    """The first piece of a text that looks like UTF-8 decoded as Windows-1252 (`FÃ¼nf`), with the word around it, or "".

    It is only looked for, never mended: a text may write about it.
    """
    match = _MOJIBAKE.search(text)
    if not match:
        return ""
    start = max(text.rfind(" ", 0, match.start()) + 1, match.start() - 20)
    end = text.find(" ", match.end())
    return " ".join(text[start : min(end if end >= 0 else len(text), match.end() + 20)].split())


def _find_codec(label: str) -> str:
    """A label → the codec to use; empty for one that nobody knows.

    UTF-16 and UTF-32 would have been seen by their NULs: what is labelled so and has none is UTF-8.
    """
    try:
        name = codecs.lookup(_ALIASES.get(label.lower(), label.lower().removeprefix("x-"))).name
    except (LookupError, ValueError):
        return ""
    if name.startswith(("utf-16", "utf-32", "utf-8")):
        return "utf-8"
    return _WIDER.get(name, name) if name.startswith(_ENCODINGS) else ""


def _decode(data: bytes, codec: str, notes: tuple[str, ...]) -> Decoded:
    if codec.startswith(("utf-16", "utf-32")):
        text = data.decode(codec, "replace")
        return Decoded(text, codec, notes)
    if codec == "utf-8":
        data = _HALF_LETTER.sub(b"", data)
    # A byte that the codec does not know comes out as a lone surrogate, so that each is mended by itself.
    escaped = data.decode(codec, "surrogateescape")
    bad = _BAD_BYTE.findall(escaped)
    if not bad:
        return Decoded(escaped, codec, notes)
    line = escaped.count("\n", 0, _BAD_BYTE.search(escaped).start()) + 1  # type: ignore[union-attr]
    text = escaped.translate(_MENDED)
    what = "1 byte is" if len(bad) == 1 else f"{len(bad)} bytes are"
    first = f"0x{ord(bad[0]) - 0xDC00:02x} in line {line}"
    others = len(_NOT_ASCII.findall(text)) - len(bad)
    note = f"{what} not {codec} ({first}); read as Windows-1252, and nothing else was changed"
    if others < len(bad):
        note = (
            f"labelled or taken as {codec}, which it is not ({what} wrong, {first}); read as Windows-1252; "
            "if letters are wrong, set encoding for this source"
        )
    return Decoded(text, codec, (*notes, note))
