"""The `---` block at the top of a file: read strictly, every value as text, every mistake with its line."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from newsletter.errors import InputError, Mistake
from newsletter.text.front_matter_mistakes import HELP, Lines, explain, split_keys
from newsletter.text.words import suggest

# A block larger than this is no front matter but a file that begins with a rule.
SIZE_LIMIT = 64_000
# No value is nested at all; ten thousand open brackets would overflow the stack of the parser, and end the process.
_DEEPEST = 20
_BLOCK = re.compile(r"---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)

Value = str | tuple[str, ...]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The keys of one block. `end` is the offset of the text below it, `lines` the number of lines it takes.

    `mistakes` are those of the block itself; the keys that they are about have no value.
    """

    values: Mapping[str, Value] = field(default_factory=dict)
    key_lines: Mapping[str, int] = field(default_factory=dict)
    end: int = 0
    lines: int = 0
    file: str = ""
    mistakes: tuple[Mistake, ...] = ()

    def read_all(self, readers: Mapping[str, Callable[["FrontMatter"], Any]]) -> dict[str, Any]:
        """What the readers make of the block. Raises InputError with its own mistakes and those of all readers at once."""
        values: dict[str, Any] = {}
        mistakes = list(self.mistakes)
        for name, read in readers.items():
            try:
                values[name] = read(self)
            except InputError as error:
                mistakes += error.mistakes
        if mistakes:
            raise InputError.of(sorted(mistakes, key=lambda mistake: mistake.line or 0))
        return values

    def text(self, key: str, default: str = "") -> str:
        """A value that must be one text."""
        value = self.values.get(key, default)
        if isinstance(value, tuple):
            raise self.mistake(key, "wants one value, not a list")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A value that may be a list or a single text."""
        value = self.values.get(key, ())
        return (value,) if isinstance(value, str) and value else tuple(value)

    def parse(self, key: str, read: Callable[[str], T]) -> T | None:
        """A value read by `read`, or None when it is missing or empty. A ValueError becomes a mistake at its line."""
        raw = self.text(key)
        return self._parse(key, raw, read) if raw else None

    def parse_each(self, key: str, read: Callable[[str], T]) -> tuple[T, ...]:
        """Every text of a list read by `read`, as `parse` does; the mistakes of all of them at once."""
        found: list[T] = []
        mistakes: list[Mistake] = []
        for raw in self.texts(key):
            try:
                found.append(self._parse(key, raw, read))
            except InputError as error:
                mistakes += error.mistakes
        if mistakes:
            raise InputError.of(mistakes)
        return tuple(found)

    def _parse(self, key: str, raw: str, read: Callable[[str], T]) -> T:
        try:
            return read(raw)
        except ValueError as error:
            raise self.mistake(key, f"{raw!r}: {error}") from None

    def mistake(self, key: str, what: str) -> InputError:
        """The error for a value of this block."""
        return InputError(
            Mistake(code="NL023", file=self.file, line=self.key_lines.get(key, 1), message=f"{key}: {what}")
        )


def read_front_matter(text: str, file: str, known: Iterable[str], families: Iterable[str] = ()) -> FrontMatter:
    """The block at the very start of `text`; an empty one if there is none.

    `families` are the names in front of a dot: with `subject` in them `subject.caucasus` is known, too. Raises InputError
    with all mistakes of the block: what is no YAML, nesting, a key given twice, keys that are not known.
    """
    front = open_front_matter(text, file, known, families)
    front.read_all({})
    return front


def open_front_matter(text: str, file: str, known: Iterable[str], families: Iterable[str] = ()) -> FrontMatter:
    """As `read_front_matter`, but the mistakes are kept in it, to be raised together with those of its values (`read_all`)."""
    match = _BLOCK.match(text, 0, SIZE_LIMIT) if text.startswith("---") else None
    if not match:
        return FrontMatter(file=file, mistakes=tuple(_find_half(text, file, tuple(known))))
    mistakes: list[Mistake] = []
    values, key_lines = _read_plain(match[1]) or _read_yaml(match[1], file, mistakes)
    begins = tuple(f"{name}." for name in families)
    others = {key: line for key, line in key_lines.items() if not key.startswith(begins)}
    mistakes += _find_unknown(others, tuple(known), file)
    return FrontMatter(values, key_lines, match.end(), text.count("\n", 0, match.end()), file, tuple(mistakes))


# `key: value` lines whose values are plain text without any mark that YAML could read, or JSON strings: nearly all
# front matter there is. Reading them here saves YAML's start and is ten times as fast; the rest is YAML's.
_PLAIN_LINE = re.compile(
    r"""([a-z][a-z_]*(?:\.[a-z0-9+-]+)?):\ +
        (?: ([A-Za-z0-9][\w./+-]*(?:[ :]?[\w./+,;()’-]+)*)
          | ("(?:[^"\\\x00-\x1f\x7f-\x9f\u2028\u2029] | \\["\\/])*") )\r?""",
    re.VERBOSE,
)


def _read_plain(block: str) -> tuple[dict[str, Value], dict[str, int]] | None:
    values: dict[str, Value] = {}
    key_lines: dict[str, int] = {}
    for number, line in enumerate(block.removesuffix("\n").split("\n"), 2):
        match = _PLAIN_LINE.fullmatch(line)
        if not match or match[1] in values:
            return None
        value = json.loads(match[3]) if match[3] else match[2]
        values[match[1]] = "" if value == "null" and not match[3] else value
        key_lines[match[1]] = number
    return values, key_lines


def _read_yaml(block: str, file: str, mistakes: list[Mistake]) -> tuple[dict[str, Value], dict[str, int]]:
    """What can be read of a block; what cannot is added to the mistakes."""
    values: dict[str, Value] = {}
    key_lines: dict[str, int] = {}
    try:
        pieces = [(0, _compose(block))]
    except ValueError:
        pieces = _compose_each(block, file, mistakes)
    for start, root in pieces:
        for key_node, value_node in root:
            key, line = str(key_node.value), start + key_node.start_mark.line + 2
            if key in values:
                message = f"front matter: {key} stands here and in line {key_lines[key]}; keep one"
                mistakes.append(Mistake(code="NL021", file=file, line=line, message=message))
                continue
            key_lines[key] = line
            try:
                values[key] = _read_value(value_node, key, block, start)
            except ValueError as error:
                mistakes.append(Mistake(code="NL023", file=file, line=line, message=f"{key}: {error}", help=HELP))
    return values, key_lines


def _compose(text: str) -> list[tuple[Any, Any]]:
    """The keys and values of a text that is a mapping. Raises ValueError."""
    import yaml

    # BaseLoader resolves nothing: `no`, `012` and `2025-07-04` stay the text that was typed.
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        depth = 0
        for event in yaml.parse(text, Loader=loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                raise ValueError("nested too deeply")
        root = yaml.compose(text, Loader=loader)
    except yaml.YAMLError:
        raise ValueError("no YAML") from None
    if root is None:
        return []
    if not isinstance(root, yaml.MappingNode):
        raise ValueError("no mapping")
    return list(root.value)


def _compose_each(block: str, file: str, mistakes: list[Mistake]) -> list[tuple[int, list[tuple[Any, Any]]]]:
    """The same for each key by itself: what is wrong with one hides nothing of the others."""
    pieces = []
    wrong = False
    for lines in split_keys(block):
        try:
            pieces.append((lines.start, _compose(lines.text)))
        except ValueError:
            wrong = True
            mistakes.append(_explain(lines, file))
    if not wrong:
        message = "front matter: its lines do not go together; write lines of the form `key: value`"
        mistakes.append(Mistake(code="NL021", file=file, line=2, message=message, help=HELP))
    return pieces


def _explain(lines: Lines, file: str) -> Mistake:
    message, number = explain(lines)
    line = lines.start + number + 2
    return Mistake(code="NL021", file=file, line=line, message=f"front matter: {message}", help=HELP)


def _read_value(node: Any, key: str, block: str, start: int) -> Value:
    """A text or a list of texts. Raises ValueError."""
    import yaml

    items = node.value if isinstance(node, yaml.SequenceNode) else [node]
    for item in items:
        if not isinstance(item, yaml.ScalarNode):
            raise ValueError("wants a text or a list of texts")
        first = block.splitlines()[start + item.start_mark.line : start + item.start_mark.line + 1]
        mark = "".join(first)[item.start_mark.column :][:1]
        if mark in ("!", "&"):  # to YAML that is a name of its own, and would be gone
            raise ValueError(f"begins with {mark}; put the text between double quotes")
    if isinstance(node, yaml.SequenceNode):
        return tuple(str(item.value) for item in items)
    return "" if not node.style and node.value in ("~", "null") else str(node.value)


def find_value(block: str, key: str) -> tuple[int, int] | None:
    """Where a key of front matter begins in its block, and where its value ends; None if it is not there."""
    import yaml

    match = _BLOCK.match(block)
    root = yaml.compose(match[1], Loader=yaml.BaseLoader) if match else None
    if match and isinstance(root, yaml.MappingNode):
        for name, value in root.value:
            if name.value == key:
                return match.start(1) + name.start_mark.index, match.start(1) + value.end_mark.index
    return None


_HALF_BLOCK = re.compile(r"(\s*)---[ \t]*\r?\n\s*([A-Za-z_]+)[ \t]*:[ \t]")


def _find_half(text: str, file: str, known: tuple[str, ...]) -> Iterator[Mistake]:
    """What was meant as front matter must not become the text of a post: it lacks its end, or its start is not line 1."""
    match = _HALF_BLOCK.match(text)
    if match and match[2] in known:
        late = "must begin in the first line; take out what stands above it"
        message = late if match[1] else "has no end; close it with a line of ---"
        line = match[1].count("\n") + 1
        yield Mistake(code="NL021", file=file, line=line, message=f"front matter {message}")


def _find_unknown(key_lines: Mapping[str, int], known: tuple[str, ...], file: str) -> Iterator[Mistake]:
    for key, line in key_lines.items():
        if key not in known:
            hint = suggest(key, known) or f"; known keys: {', '.join(known)}"
            yield Mistake(code="NL022", file=file, line=line, message=f"{key}: unknown key{hint}")


def write_front_matter(values: Mapping[str, Value | None]) -> str:
    """Keys → a block that reads back the same; keys without a value are left out."""
    lines = ["---"]
    for key, value in values.items():
        if isinstance(value, tuple):
            if value:
                lines.append(f"{key}: [{', '.join(quote_value(item) for item in value)}]")
        elif value:
            lines.append(f"{key}: {value if _is_plain(value) else quote_value(value)}")
    return "\n".join([*lines, "---", ""])


def _is_plain(value: str) -> bool:
    return value != "null" and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_./+-]*(?::[A-Za-z0-9_./+-]+)*", value) is not None


def quote_value(value: str) -> str:
    """A text between double quotes, as YAML and JSON both read it."""
    # A JSON string is a YAML double-quoted scalar; U+0085 and U+2028/9 would be folded, so they go in as escapes.
    quoted = json.dumps(value, ensure_ascii=False)
    return re.sub("[\x7f-\x9f\u2028\u2029\ufeff]", lambda m: f"\\u{ord(m.group()):04x}", quoted)
