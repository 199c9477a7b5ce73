"""Which lines of a Markdown text are structure, and which stand in a code fence or a comment (CommonMark 0.31 §4.5, 4.6, 5)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

_FENCE = re.compile(r"`{3,}(?=[^`]*$)|~{3,}")
_ITEM = re.compile(r"(?:[-+*]|(\d{1,9})[.)])(?= |$)")
_ATX = re.compile(r"#{1,6}(?= |$)")
# A quote or list item that is open: the columns by which an item's lines are indented. A quote's begin with >.
_QUOTE = 0
# Deeper than this the renderer reads nothing either; without a bound, one line of `- - - …` would cost each line below.
_DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Unclosed:
    """A code fence or HTML comment that runs to the end of a text because nothing closes it; `line` is where it begins."""

    what: Literal["code fence", "comment"]
    line: int
    closing: str


def structure_lines(text: str) -> Iterator[tuple[int, str, bool]]:
    """(line number, line with its ending, whether it is structure) of a Markdown text.

    Lines inside code fences and HTML comments are no structure: a `##` there is no heading.
    """
    reader = _BlockReader()
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        yield number, line, reader.is_structure(number, line)


def find_unclosed(text: str) -> Unclosed | None:
    """The fence or comment that swallows whatever is put below a text, if there is one.

    What is open inside a list item or a quote swallows nothing: the next heading ends the item, and it.
    """
    reader = _BlockReader()
    for number, line in enumerate(text.splitlines(), 1):
        reader.is_structure(number, line)
    return None if reader.containers else reader.inside


@dataclass
class _BlockReader:
    """What is open behind the lines read so far."""

    containers: list[int] = field(default_factory=list)
    inside: Unclosed | None = None
    paragraph: bool = False
    empty_item: bool = False

    def is_structure(self, number: int, line: str) -> bool:
        rest, held = self._enter(line.rstrip("\r\n").expandtabs(4))
        if self.inside and held == len(self.containers):
            if self._is_closed_by(rest):
                self.inside = None
            return False
        self.inside = None
        self._open(number, rest, held)
        return self.inside is None

    def _enter(self, line: str) -> tuple[str, int]:
        """What a line says inside the containers that go on in it, and how many these are."""
        rest = line
        for held, width in enumerate(self.containers):
            indent = _indent(rest)
            if width == _QUOTE:
                if indent > 3 or not rest.startswith(">", indent):
                    return rest, held
                rest = rest[indent + 1 :].removeprefix(" ")
            elif indent < width and rest.strip(" "):
                return rest, held
            else:
                rest = rest[width:]
        return rest, len(self.containers)

    def _is_closed_by(self, rest: str) -> bool:
        if self.inside is None or self.inside.what == "comment":
            return "-->" in rest
        bare = rest.strip(" ")
        return _indent(rest) <= 3 and bare.startswith(self.inside.closing) and not bare.strip(self.inside.closing[0])

    def _open(self, number: int, rest: str, held: int) -> None:
        """Read a line that stands in no fence or comment: the containers that it ends and begins, and what is in them."""
        kept = self.containers[:held]
        sibling = held < len(self.containers) and self.containers[held] != _QUOTE
        interrupts = self.paragraph and not sibling
        while len(kept) < _DEEPEST and (found := _read_mark(rest, interrupts=interrupts)):
            width, rest = found
            kept.append(width)
            interrupts = False
        opened, bare = len(kept) > held, rest.strip(" ")
        goes_on = self.paragraph and not opened and bool(bare)
        indented = _indent(rest) > 3
        fence = None if indented else _FENCE.match(bare)
        if fence:
            self.inside = Unclosed("code fence", number, fence[0])
        elif not indented and bare.startswith("<!--") and "-->" not in bare:
            self.inside = Unclosed("comment", number, "-->")
        ends = not indented and bool(self.inside or bare.startswith("<!--") or _ATX.match(bare) or _is_rule(bare))
        if goes_on and not ends:  # a paragraph needs no marks of its containers to go on
            self.paragraph = held < len(self.containers) or bare.strip("=") != ""
            return
        if not bare and self.empty_item and kept and not opened:
            kept.pop()
        self.containers = kept
        self.empty_item = opened and not bare and kept[-1] != _QUOTE
        self.paragraph = bool(bare) and not ends and not indented


def _read_mark(rest: str, *, interrupts: bool) -> tuple[int, str] | None:
    """The quote or list item that begins a line, and what follows its mark. `interrupts`: a paragraph stands above."""
    indent = _indent(rest)
    bare = rest[indent:]
    if indent > 3 or not bare:
        return None
    if bare[0] == ">":
        return _QUOTE, bare[1:].removeprefix(" ")
    match = None if _is_rule(bare.rstrip(" ")) else _ITEM.match(bare)
    if match is None:
        return None
    after = bare[match.end() :]
    blanks = _indent(after)
    empty = blanks == len(after)
    if interrupts and (empty or match[1] not in (None, "1")):
        return None
    width = indent + match.end() + (1 if empty or blanks > 4 else blanks)
    return width, rest[width:]


def _is_rule(bare: str) -> bool:
    marks = bare.replace(" ", "")
    return len(marks) >= 3 and marks[0] in "-*_" and not marks.strip(marks[0])


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
