"""Bytes become clean text. Words stay as their author wrote them; only what nobody can see is removed."""

import re
import unicodedata
from bisect import bisect_right

from newsletter.errors import InputError, Mistake

# Bytes 80-9F are cp1252 punctuation that lost its label on the way: U+0092 was typed as ’. Undefined ones go.
_C1 = {code: bytes([code]).decode("cp1252", "ignore") or None for code in range(0x80, 0xA0)}
_C0 = dict.fromkeys(code for code in range(0x20) if code not in (0x09, 0x0A)) | {0x7F: None}
_SPACES = dict.fromkeys((0xA0, 0x2007, 0x202F), " ")
_INVISIBLE = dict.fromkeys((0x200B, 0x2060, 0xFEFF))
_BREAKS = dict.fromkeys((0x0B, 0x0C, 0x2028), "\n") | {0x2029: "\n\n"}
_NO_CHARACTERS = dict.fromkeys((*range(0xD800, 0xE000), 0xFFFE, 0xFFFF))
_UNPRINTABLE = _C0 | _C1 | _NO_CHARACTERS | _BREAKS
_CLEAN = _C0 | _C1 | _SPACES | _INVISIBLE

DIRECTION_MARKS = "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
LRM, RLM = "\u200e", "\u200f"  # invisible letters of a direction
_NEWLINE = re.compile(r"\r\n|\r|\n")
_BREAK_IN_LINE = re.compile("[\u2028\v\f]")


def decode_text(data: bytes, name: str, encoding: str = "utf-8", *, advice: str | None = None) -> str:
    """Bytes of a file → text, without a BOM. Raises InputError that names the first bad byte's line, with `advice`."""
    codec = "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        codec = "utf-16"
    try:
        return data.decode(codec)
    except LookupError:
        raise InputError(Mistake(code="NL020", file=name, message=f"unknown encoding {encoding!r}")) from None
    except UnicodeDecodeError as error:
        byte = data[error.start]
        raise InputError(
            Mistake(
                code="NL020",
                file=name,
                line=data.count(b"\n", 0, error.start) + 1,
                message=f"not {encoding} (byte 0x{byte:02x}); save the file as UTF-8",
                help=advice,
            )
        ) from None


def split_lines(text: str) -> list[tuple[int, str]]:
    """Text → (line number as an editor counts it, clean line) pairs; U+2028 breaks a line, U+2029 a paragraph."""
    lines: list[tuple[int, str]] = []
    for number, raw in enumerate(_NEWLINE.split(text), 1):
        for paragraph_number, paragraph in enumerate(raw.split("\u2029")):
            if paragraph_number:
                lines.append((number, ""))
            lines += [(number, clean_characters(piece).rstrip()) for piece in _BREAK_IN_LINE.split(paragraph)]
    return lines


def clean_characters(text: str) -> str:
    """Odd spaces → space, invisible and control characters out, C1 → what cp1252 meant, NFC. Tabs stay."""
    return unicodedata.normalize("NFC", text.translate(_CLEAN))


def drop_controls(text: str) -> str:
    """Removes control characters and lone surrogates; C1 becomes what cp1252 meant, what breaks a line a line feed.

    All else stays. Gmail cuts a mail that holds a control character, and XML 1.0 has no place for one.
    """
    return _NEWLINE.sub("\n", text).translate(_UNPRINTABLE)


def strip_marks(text: str) -> str:
    """The text without directional marks at its ends; those inside belong to the words."""
    return text.strip(DIRECTION_MARKS + " ")


def is_rtl(text: str) -> bool:
    """Whether the first letter with a direction reads from right to left (Unicode UAX 9, P2-P3)."""
    return find_direction(text) == "rtl"


def find_direction(text: str) -> str:
    """The direction of the first letter that has one, ltr or rtl; empty if none has."""
    for character in text:
        direction = unicodedata.bidirectional(character)
        if direction in ("R", "AL"):
            return "rtl"
        if direction == "L":
            return "ltr"
    return ""


def has_rtl(text: str) -> bool:
    """Whether any letter reads from right to left."""
    return not text.isascii() and any(unicodedata.bidirectional(character) in ("R", "AL") for character in text)


def has_case(text: str) -> bool:
    """Whether the text is written in a script that begins words with capital letters.

    Georgian has capitals since Unicode 11, for whole lines only: a Georgian letter's title case is itself.
    """
    return any(character.lower() != character.title() for character in text)


def is_small(character: str) -> bool:
    """Whether a letter could be a capital and is none: `a`, but not `A`, `中` or the Georgian `ა`."""
    return character.islower() and character != character.title()


# Blocks of scripts that put no spaces between words, where "whole word" means nothing: Thai and Lao, Burmese, Khmer, the
# Tai scripts, Chinese and Japanese with their compatibility forms. Korean puts spaces.
UNSPACED = (
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x1950, 0x19FF),
    (0x1A20, 0x1AAF),
    (0x2E80, 0x9FFF),
    (0xA9E0, 0xA9FF),
    (0xAA60, 0xAADF),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),
    (0x20000, 0x3FFFF),
)
_UNSPACED_STARTS = tuple(start for start, _ in UNSPACED)
_UNSPACED_ENDS = tuple(end for _, end in UNSPACED)


def is_unspaced(character: str) -> bool:
    """Whether the character's script puts no spaces between words."""
    code = ord(character)
    block = bisect_right(_UNSPACED_STARTS, code) - 1
    return block >= 0 and code <= _UNSPACED_ENDS[block]
