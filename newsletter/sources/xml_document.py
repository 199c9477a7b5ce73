"""The text of an XML feed before it is parsed: where it breaks off, and small repairs without which no strict parser reads it.

One pass from `<` to `<`, linear in the length whatever the text is: what never ends is looked for once.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.entities import html5

# Possessive (*+): four million letters after a `<` are tried once, not once for each.
_TAG = re.compile(r"""<(/?)([A-Za-z_][\w.:-]*+)(?:[^<>"']|"[^"<]*+"|'[^'<]*+')*+>""")
_SPANS = {"!": (("<!--", "-->"), ("<![CDATA[", "]]>")), "?": (("<?", "?>"),)}
_ENTRIES = ("item", "entry")
_DECLARATION = re.compile(r"\s*<\?xml\b[^>]*>")
# XML 1.0 §2.2: everything else may not even be written as a reference.
_ILLEGAL = re.compile("[\x00-\x08\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_BLANK = re.compile("[\x0b\x0c]")
_REFERENCE = re.compile(r"&(?:#(?:[xX]([0-9A-Fa-f]{1,8})|([0-9]{1,10}));|([A-Za-z][A-Za-z0-9]*);)?")
_KNOWN = frozenset(("lt", "gt", "amp", "quot", "apos"))


@dataclass(slots=True)
class XmlShape:
    """What one pass over a document found. Offsets are those of its text.

    `whole`: the root element is closed. `last_end`: just past the last entry that is closed. `verbatim`: comments and
    CDATA sections, in which nothing is a reference.
    """

    root: str = ""
    whole: bool = False
    channel: str = ""
    entries: int = 0
    open_at: int | None = None
    last_end: int = 0
    verbatim: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PreparedXml:
    """A document that is closed, and whether it was so."""

    text: str
    unfinished: bool


def prepare(text: str) -> PreparedXml:
    """The text of a feed → the same, readable by a strict parser where small repairs are enough.

    Control characters that XML forbids go, HTML's named references become characters, a lone `&` becomes `&amp;`. A
    document that breaks off ends behind its last whole entry: one that was open at its end is half a text.
    """
    text = _DECLARATION.sub("", _ILLEGAL.sub("", _BLANK.sub(" ", text)), count=1).lstrip()
    shape = examine(text)
    end = len(text)
    closing = ""
    if shape.root and not shape.whole:
        end = shape.last_end if shape.entries else shape.open_at if shape.open_at is not None else len(text)
        closing = (f"</{shape.channel}>" if shape.channel else "") + f"</{shape.root}>"
        if not shape.entries and shape.open_at is None:
            end = text.rfind(">") + 1
    return PreparedXml("".join(_repair(text, shape.verbatim, end)) + closing, bool(shape.root and not shape.whole))


def examine(text: str) -> XmlShape:
    """Where a feed's root, channel and entries begin and end."""
    shape = XmlShape()
    position = 0
    while (position := text.find("<", position)) >= 0:
        if span := _SPANS.get(text[position + 1 : position + 2]):
            mark, end_mark = next(((mark, end) for mark, end in span if text.startswith(mark, position)), ("", ">"))
            end = text.find(end_mark, position + len(mark))
            if end < 0:
                break  # in the middle of a comment or CDATA section
            if mark in ("<!--", "<![CDATA["):
                shape.verbatim.append((position, end + len(end_mark)))
            position = end + len(end_mark)
        elif tag := _TAG.match(text, position):
            _note(shape, tag)
            position = tag.end()
            if shape.whole:
                break
        else:
            position += 1
    return shape


def _note(shape: XmlShape, tag: "re.Match[str]") -> None:
    name, local = tag[2], tag[2].rpartition(":")[2].lower()
    closes, empty = bool(tag[1]), tag[0].endswith("/>")
    if not shape.root:
        shape.root, shape.whole = name, empty
    elif closes and name.lower() == shape.root.lower():
        shape.whole = True
    elif local == "channel" and shape.open_at is None:
        shape.channel = "" if closes or empty else name
    elif local in _ENTRIES and shape.open_at is None and not closes:
        shape.open_at = None if empty else tag.start()
        if empty:
            shape.entries, shape.last_end = shape.entries + 1, tag.end()
    elif local in _ENTRIES and closes and shape.open_at is not None:
        shape.open_at = None
        shape.entries, shape.last_end = shape.entries + 1, tag.end()


def _repair(text: str, verbatim: list[tuple[int, int]], end: int) -> Iterator[str]:
    """The text up to an offset, its references repaired wherever they are references."""
    position = 0
    for start, stop in verbatim:
        if start >= end:
            break
        yield _REFERENCE.sub(_repair_reference, text[position:start])
        yield text[start : min(stop, end)]
        position = stop
    yield _REFERENCE.sub(_repair_reference, text[position:end])


def _repair_reference(match: "re.Match[str]") -> str:
    hexadecimal, decimal, name = match.groups()
    if name:
        if name in _KNOWN:
            return match[0]
        character = html5.get(f"{name};")
        return character if character and character not in "<&" else f"&amp;{name};"
    if not hexadecimal and not decimal:
        return "&amp;"
    code = int(hexadecimal, 16) if hexadecimal else int(decimal)
    legal = code in (9, 10, 13) or (
        0x20 <= code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF and code not in (0xFFFE, 0xFFFF)
    )
    return match[0] if legal else "\ufffd"
