"""What tomllib says of a text that is no TOML → where it is wrong, and what to write instead."""

import re
import tomllib
import unicodedata
from typing import NamedTuple

# What word processors make of straight quotes; the straight one that belongs there.
_QUOTES = dict.fromkeys("“”„‟«»", '"') | dict.fromkeys("‘’‚‛‹›", "'")
_USUAL = 'the file is TOML: key = "text"'


class TomlFault(NamedTuple):
    """One mistake. `line` and `column` count from 1."""

    line: int
    column: int
    message: str
    help: str


def explain_toml(error: tomllib.TOMLDecodeError, source: str) -> TomlFault:
    """Where a text stops being TOML, by what tomllib says: `… (at line 3, column 7)` or `… (at end of document)`."""
    what, _, where = str(error).rpartition(" (at ")
    numbers = [int(part) for part in re.findall(r"\d+", where)]
    line, column = numbers if len(numbers) == 2 else (source.count("\n") + 1, 1)
    what = what or str(error)
    lines = source.split("\n")
    text = lines[line - 1] if line <= len(lines) else ""
    at, character = _find_strange(text, column)
    if not character:
        return TomlFault(line, column, what[:1].lower() + what[1:], _USUAL)
    straight = _QUOTES.get(character)
    name = unicodedata.name(character, f"U+{ord(character):04X}").lower()
    told = f"curly quote {character}" if straight else f"character {character!r} ({name})"
    fix = f"write it straight: {straight}" if straight else "take it out, or put the value between straight quotes"
    return TomlFault(line, at, f"a {told} cannot stand here", fix)


def _find_strange(text: str, column: int) -> tuple[int, str]:
    """The first character beyond ASCII outside of quotes and comments: a keyboard's or a word processor's, not TOML's."""
    quote, last = "", ""
    for at, character in enumerate(text, 1):
        if quote:
            if character == quote and last != "\\":
                quote = ""
            last = "" if last == "\\" else character
        elif character in "\"'":
            quote, last = character, ""
        elif character == "#":
            break
        elif not character.isascii():
            return at, character
    return column, ""
