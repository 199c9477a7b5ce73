"""Blocks as they come out of a tree, and the paragraph that is still open."""

import re
from dataclasses import dataclass, field

from newsletter.sources.blocks import Block, Blocks, Break, Inline, MarkedText, Marks, Picture, split_paragraphs
from newsletter.text.characters import clean_characters

LINE = re.compile("\r\n?|\n|\u2028|\u2029")
_SPACE = re.compile(r"[ \t\r\n\f\v]+")


@dataclass
class Flow:
    """Blocks as they come, and the run of pieces that is still open. `shown` counts what can be seen."""

    blocks: list[Block] = field(default_factory=list)
    run: list[Inline] = field(default_factory=list)
    shown: int = 0

    def add(self, piece: Inline) -> None:
        """A piece of the paragraph that is open."""
        self.run.append(piece)
        self.shown += isinstance(piece, Picture) or (isinstance(piece, MarkedText) and bool(piece.text.strip(" ")))

    def end(self) -> None:
        """The end of a paragraph."""
        if self.run:
            self.blocks += split_paragraphs(self.run)
            self.run = []

    def put(self, *blocks: Block) -> None:
        """Blocks of their own."""
        self.end()
        self.blocks += blocks
        self.shown += len(blocks)

    def close(self) -> Blocks:
        """All blocks."""
        self.end()
        return tuple(self.blocks)

    def add_text(self, text: str, marks: Marks, *, lines: bool) -> None:
        """Text with its white space collapsed. U+2028 is a line break, U+2029 the end of a paragraph."""
        if not text.isascii():
            text = text.replace("\u2029", "\u2028\u2028")
        if lines:
            text = LINE.sub("\u2028", text)
        for number, line in enumerate(text.split("\u2028")):
            if number:
                self.add(Break(outside_code(marks)))
            flat = _SPACE.sub(" ", line)
            if not (flat.isascii() and flat.isprintable()):
                flat = _SPACE.sub(" ", clean_characters(flat))
            if not flat:
                continue
            if marks and marks[-1].kind == "code":
                # Blanks at the edges of code stand outside of it.
                core = flat.strip(" ")
                edges = (flat[: len(flat) - len(flat.lstrip(" "))], flat[len(flat.rstrip(" ")) :] if core else "")
                self.add(MarkedText(edges[0], outside_code(marks)))
                self.add(MarkedText(core, marks))
                self.add(MarkedText(edges[1], outside_code(marks)))
            else:
                self.add(MarkedText(flat, marks))


def outside_code(marks: Marks) -> Marks:
    """The marks without that of code."""
    return tuple(mark for mark in marks if mark.kind != "code")
