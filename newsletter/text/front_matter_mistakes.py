"""What is wrong with front matter that is no YAML, in plain words: for each key by itself, so that all is said at once. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

HELP = 'put text with a colon or a quote in it between double quotes: title: "A: b"'
_KEY = re.compile(r"([A-Za-z_][\w-]*)[ \t]*:")
_DOUBLE = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SINGLE = re.compile(r"'(?:[^']|'')*'", re.DOTALL)
_CONTROL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|\ufeff")
# A text may not begin with these unless it stands between quotes (YAML 1.2 §5.3).
_INDICATORS = "@`%&*!|>?,]}#-"


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of one key: where the first of them stands in the block (from 0), and their text."""

    start: int
    text: str

    @property
    def key(self) -> str:
        """The name before the colon; empty if there is none."""
        match = _KEY.match(self.text)
        return match[1] if match else ""


def split_keys(block: str) -> Iterator[Lines]:
    """A block → the lines of each key. What is indented, blank or an item of a list belongs to the key above; other lines
    without a key are one piece, however many there are.
    """
    start, kept = 0, list[str]()
    for number, line in enumerate(block.removesuffix("\n").split("\n")):
        begins = line and not line.startswith((" ", "\t", "-", "#", "\r"))
        if kept and begins and (_KEY.match(line) or _KEY.match(kept[0])):
            yield Lines(start, "\n".join(kept))
            start, kept = number, []
        kept.append(line)
    if "".join(kept).strip():
        yield Lines(start, "\n".join(kept))


def explain(lines: Lines) -> tuple[str, int]:
    """What hinders the lines of a key from being read, and in which of them (from 0)."""
    for number, line in enumerate(lines.text.split("\n")):
        if found := _CONTROL.search(line):
            return f"holds the control character U+{ord(found[0]):04X}; delete it", number
        if line.startswith("\t"):
            return "begins with a tab; indent with blanks", number
    match = _KEY.match(lines.text)
    if not match:
        return "wants lines of the form `key: value`", 0
    value = lines.text[match.end() :]
    if value.strip() and not value[0].isspace():
        return f"{match[1]}: wants a blank after the colon", 0
    return f"{match[1]}: {_explain_value(value.strip())}", 0


def _explain_value(value: str) -> str:
    for mark, name, pattern in (('"', "double", _DOUBLE), ("'", "single", _SINGLE)):
        if value.startswith(mark):
            whole = pattern.match(value)
            if not whole:
                return f"the {name} quote at its beginning is not closed"
            if value[whole.end() :].strip():
                return f"text stands after the closing {name} quote; put all of it between the quotes"
            return "a backslash in double quotes means something else; write it twice"
    if value.startswith("["):
        return "the list is not closed by ], or a text in it needs double quotes"
    if value.startswith("{"):
        return "begins with {; put the text between double quotes"
    if value[:1] and value[0] in _INDICATORS:
        return f"begins with {value[0]}; put the text between double quotes"
    if re.search(r":(?:\s|\Z)", value):
        return "there is a colon in the text; put the text between double quotes"
    return "cannot be read; put the text between double quotes"
