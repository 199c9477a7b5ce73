"""A published mail template → the page that its readers get: what it inherits and includes, and plain words for placeholders.

Understands as much of Django, Jinja, Liquid, Handlebars, Mustache, EJS and merge tags as mails use. Of two branches the first
is kept, and what is written for each of many is written once.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_TOKEN = re.compile(
    r"\{#.*?#\}|\{\{!--.*?--\}\}|\{%-?\s*(?P<tag>.*?)\s*-?%\}|<%(?P<ejs>[=-]?)\s*(?P<script>.*?)\s*[-_]?%>"
    r"|\{\{\{?[~-]?\s*(?P<name>.*?)\s*[~-]?\}?\}\}|\*\|(?P<merge>[\w:]+)\|\*|%%\{(?P<sent>\w+)\}%%",
    re.DOTALL,
)
_OPENING = frozenset(("if", "for", "unless", "with", "case", "ifchanged", "filter", "call"))
_UNSHOWN = frozenset(("comment", "macro", "definevar", "capture"))
# What tells of letters from right to left is the second branch: the first is for the fewer readers.
_RARE = re.compile(r"rtl|bidi|preview|debug", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:href|src|action|background)\s*=\s*[\"']?\s*\Z|url\([\"']?\Z", re.IGNORECASE)
_IN_ADDRESS = re.compile(r"(?:href|src|action)\s*=\s*[\"'][^\"'<>]*\Z", re.IGNORECASE)
# A placeholder for attributes: of a link it holds the address.
_IN_TAG = re.compile(r"<(\w+)(?:\s+[\w:-]+(?:=(?:\"[^\"]*\"|'[^']*'|[^\s\"'<>]+))?)*\s+\Z")
_COLOUR = re.compile(r"(?:color|background|bgcolor|border[\w-]*:[^;]*)\s*[:=]?\s*[\"']?\s*\Z", re.IGNORECASE)
_NUMBER = re.compile(r"(?:width|height|size|padding|margin|span|radius)\s*[:=]\s*[\"']?\s*\Z", re.IGNORECASE)
_NAMED = ((re.compile(r"\blang\s*=\s*[\"']?\Z"), "en"), (re.compile(r"\bdir\s*=\s*[\"']?\Z"), "ltr"))
_DEEPEST = 8


@dataclass
class _Branch:
    """An opened condition, loop or comment: whether its contents are written, and whether a branch was."""

    name: str
    shown: bool
    was_shown: bool


@dataclass
class _Writer:
    """What was written so far; tokens in branches that are left out change nothing."""

    out: list[str] = field(default_factory=list)
    branches: list[_Branch] = field(default_factory=list)

    @property
    def shown(self) -> bool:
        return all(one.shown for one in self.branches)

    @property
    def before(self) -> str:
        return "".join(self.out[-8:])[-400:]

    def write(self, text: str) -> None:
        if self.shown:
            self.out.append(text)

    def open(self, name: str, shown: bool) -> None:
        self.branches.append(_Branch(name, shown, shown))

    def turn(self) -> None:
        """An `else` or `elif`: shown if none before it was."""
        if self.branches:
            one = self.branches[-1]
            one.shown = not one.was_shown
            one.was_shown = True

    def close(self) -> None:
        if self.branches:
            self.branches.pop()


def fill_template(path: Path, root: Path) -> str:
    """The page of a template; the files that it extends and includes are searched for below `root`."""
    return _resolve(path.read_text(encoding="utf-8", errors="replace"), {}, root, path, 0)


def _resolve(text: str, blocks: Mapping[str, str], root: Path, path: Path, depth: int) -> str:
    own = {**dict(_blocks(text)), **blocks}
    parent = re.search(r"\{%-?\s*(?:extends|layout)\s+[\"']([^\"']+)[\"']", text)
    found = _find(root, path, parent[1]) if parent else None
    if found is not None and depth < _DEEPEST:
        return _resolve(found.read_text(encoding="utf-8", errors="replace"), own, root, found, depth + 1)
    return _write(text, own, root, path, depth)


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Name and contents of each block, inner ones too."""
    opened: list[tuple[str, int]] = []
    for match in _TOKEN.finditer(text):
        words = (match["tag"] or "").split()
        if words[:1] == ["block"] and len(words) > 1:
            opened.append((words[1], match.end()))
        elif words[:1] == ["endblock"] and opened:
            name, start = opened.pop()
            yield name, text[start : match.start()]


def _write(text: str, blocks: Mapping[str, str], root: Path, path: Path, depth: int) -> str:
    writer, place, skip = _Writer(), 0, 0
    for match in _TOKEN.finditer(text):
        if match.start() < skip:
            continue
        writer.write(text[place : match.start()])
        place = match.end()
        words = (match["tag"] or "").split()
        if words[:1] == ["block"] and len(words) > 1:
            end = _end_of_block(text, match.end())
            inner = blocks.get(words[1], text[match.end() : end])
            if depth < _DEEPEST and writer.shown:
                others = {name: value for name, value in blocks.items() if name != words[1]}
                writer.write(_write(inner.replace("{{ block.super }}", ""), others, root, path, depth + 1))
            place = skip = end
        elif match["tag"] is not None:
            _take_tag(writer, match["tag"], root, path, depth)
        elif match["script"] is not None:
            writer.write(_value(writer.before) if match["ejs"] else "")
        elif match["name"] is not None:
            _take_name(writer, match["name"], root, path, depth)
        elif match["merge"] or match["sent"]:
            writer.write(_value(writer.before))
    writer.write(text[place:])
    return "".join(writer.out)


def _end_of_block(text: str, start: int) -> int:
    deep = 1
    for match in _TOKEN.finditer(text, start):
        word = (match["tag"] or "").partition(" ")[0]
        deep += (word == "block") - (word == "endblock")
        if deep == 0:
            return match.start()
    return len(text)


def _take_tag(writer: _Writer, tag: str, root: Path, path: Path, depth: int) -> None:
    """A tag of Django, Jinja or Liquid."""
    word, _, rest = tag.partition(" ")
    quoted = re.search(r"[\"']([^\"']+)[\"']", rest)
    if word in _UNSHOWN:
        writer.open(word, False)
    elif word in _OPENING:
        writer.open(word, not _RARE.search(rest))
    elif word in ("elif", "elsif", "elseif", "when", "else", "empty"):
        writer.turn()
    elif word.startswith("end") and word[3:] in _OPENING | _UNSHOWN:
        writer.close()
    elif word in ("include", "render") and quoted and depth < _DEEPEST:
        found = _find(root, path, quoted[1])
        writer.write(_resolve(found.read_text(encoding="utf-8"), {}, root, found, depth + 1) if found else "")
    elif word in ("trans", "translate") and quoted:
        writer.write(quoted[1])
    elif _ADDRESS.search(writer.before) and word not in ("load", "set", "assign"):
        writer.write(_value(writer.before))  # whatever the tag is called, an address comes out of it


def _take_name(writer: _Writer, name: str, root: Path, path: Path, depth: int) -> None:
    """A name in double braces, or a tag of Handlebars."""
    if name.startswith("#"):
        writer.open(name.split()[0], not _RARE.search(name))
    elif name.startswith("^") and len(name) > 1:
        writer.open(name, False)
    elif name in ("else", "^") or name.startswith("else "):
        writer.turn()
    elif name.startswith("/"):
        writer.close()
    elif name.startswith(">") and depth < _DEEPEST:
        found = _find(root, path, name[1:].split()[0].strip("\"'"))
        writer.write(_resolve(found.read_text(encoding="utf-8"), {}, root, found, depth + 1) if found else "")
    elif not name.startswith("!"):
        writer.write(_value(writer.before))


def _value(before: str) -> str:
    """What stands for a placeholder, by what stands before it."""
    if _ADDRESS.search(before):
        return "https://example.org/page"
    if before.endswith("://"):
        return "example.org"
    if tag := _IN_TAG.search(before):
        return 'href="https://example.org/page"' if tag[1] == "a" and "href" not in tag[0] else ""
    if _IN_ADDRESS.search(before):
        return "page"
    if _COLOUR.search(before):
        return "#336699"
    if _NUMBER.search(before):
        return "100"
    return next((value for pattern, value in _NAMED if pattern.search(before)), "Words")


def _find(root: Path, path: Path, name: str) -> Path | None:
    """The template of that name: beside the one that asks, or anywhere below the root, the nearest first."""
    wanted = Path(name.lstrip("./"))
    beside = [path.parent / wanted, *(path.parent / f"{wanted}{path.suffix}",)]
    found = next((one for one in beside if one.is_file()), None)
    if found:
        return found
    anywhere = [
        one for one in root.rglob(f"{wanted.name}*") if one.is_file() and one.stem in (wanted.name, wanted.stem)
    ]
    fitting = [one for one in anywhere if one.as_posix().endswith(wanted.as_posix())] or [
        one for one in anywhere if one.suffix == path.suffix
    ]
    return min(fitting, key=lambda one: len(one.parts), default=None)
