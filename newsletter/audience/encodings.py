"""The first bytes of a file → its encoding. A guess that is wrong is seen later: a byte that does not fit spoils its row only."""

import codecs

# cp1252 leaves these five bytes undefined; a file that has them is Latin-1.
_NOT_CP1252 = b"\x81\x8d\x8f\x90\x9d"
_TEXT_CONTROLS = frozenset(b"\t\n\v\f\r\x1a\x1b")
# Compressed and binary files hold control characters as often as any other byte, one in nine.
_BINARY_SHARE = 0.03


def detect_encoding(sample: bytes) -> str | None:
    """A file's first bytes → the name of its encoding; None: it is no text."""
    if sample.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if wide := _wide_encoding(sample):
        return wide
    controls = sum(sample.count(code) for code in range(0x20) if code not in _TEXT_CONTROLS and code)
    if controls > len(sample) * _BINARY_SHARE or sample.count(0) > len(sample) // 2:
        return None
    if _fits(sample, "utf-8"):
        return "utf-8"
    return "latin-1" if any(code in sample for code in _NOT_CP1252) else "cp1252"


def make_decoder(encoding: str) -> codecs.IncrementalDecoder:
    """A decoder that lets bytes which do not fit pass as lone surrogates; for UTF-16, where one shifts all, it raises."""
    errors = "strict" if encoding.startswith("utf-16") else "surrogateescape"
    return codecs.getincrementaldecoder(encoding)(errors)


def _wide_encoding(sample: bytes) -> str | None:
    """UTF-16 without a mark: of each two bytes of ASCII one is NUL, and always the same one."""
    pairs = len(sample) // 2
    first, second = sample[0::2].count(0), sample[1::2].count(0)
    if second > pairs * 0.4 and first < pairs * 0.1:
        return "utf-16-le"
    if first > pairs * 0.4 and second < pairs * 0.1:
        return "utf-16-be"
    return None


def _fits(sample: bytes, encoding: str) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)("strict").decode(sample, final=False)
    except UnicodeDecodeError:
        return False
    return True
