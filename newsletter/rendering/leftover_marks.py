"""Marks of Markdown that a text shows instead of meaning them: `**` that makes nothing bold, `](` of a link that is none."""

import re
from collections.abc import Iterator

from markdown_it.token import Token

from newsletter.rendering.markdown import make_parser

# What is shown → what to do. A single * or _ is left alone: it is too often meant.
_REMEDIES = (
    (
        re.compile(r"!?\[[^\[\]]{0,300}\]\([^()\s]{0,300}\s[^()]{0,300}\)"),
        "is no {kind}: an address with a blank goes between < and >, as in [words](<https://…>)",
    ),
    (
        re.compile(r"!?\[[^\[\]]{0,300}\](?:\([^()]{0,300}\)| \(https?://[^()]{0,300}\))"),
        "is no {kind}: write [words](https://…), without a blank between ] and (",
    ),
    (
        re.compile(r"(?<![\d*])\*\*+(?!\d)|~~+"),
        "is shown as it stands: put the marks at the words, without a blank inside (**so**), or a \\ before each",
    ),
)
# Stands for what is no plain text: code, escapes, links.
_OTHER = "\0"


def find_marks(text: str) -> Iterator[tuple[int, str]]:
    """(line, message) for each mark of a Markdown text that readers would see. Code and what is escaped are left out."""
    for token in make_parser(keep_escapes=True).parse(text):
        if token.type == "inline" and token.map:
            for number, words in enumerate(_plain_lines(token.children or []), token.map[0] + 1):
                yield from ((number, message) for message in _judge(words))


def _plain_lines(children: list[Token]) -> list[str]:
    """The plain words of each line. An address that was made a link by itself is plain: no mark says that it is one."""
    lines = [""]
    for token in children:
        if token.type in ("softbreak", "hardbreak"):
            lines.append("")
        elif token.type == "text":
            lines[-1] += token.content
        elif token.info != "auto" or token.markup != "linkify":
            lines[-1] += _OTHER
    return lines


def _judge(words: str) -> Iterator[str]:
    for pattern, remedy in _REMEDIES:
        for match in pattern.finditer(words):
            if _OTHER not in match[0]:
                kind = "picture" if match[0].startswith("!") else "link"
                yield f"{match[0][:60]!r} {remedy.format(kind=kind)}"
        words = pattern.sub(_OTHER, words)
