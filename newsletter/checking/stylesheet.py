"""The styles that stay in a mail's head: their rules, and the elements that each of them is for. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

# What is left open ends with the line, or with the text (CSS Syntax 3, 4.3.5): nothing is ever read twice.
_PIECE = re.compile(r"/\*.*?(?:\*/|\Z)|\"(?:[^\"\\\n]|\\.)*\"?|'(?:[^'\\\n]|\\.)*'?|[{};]|[^\"'{};/]+|.", re.DOTALL)
_DECLARATION = re.compile(r"(?<![a-zA-Z-])([a-zA-Z-]+)\s*:\s*((?:[^;\"']|\"[^\"]*\"|'[^']*')*)")
_PUNCTUATION = re.compile(r"([,()\[\]])")
_ONE = r"(?:[a-z][\w-]*(?:[.#][\w-]+)*|(?:[.#][\w-]+)+)"
_PLAIN = re.compile(rf"{_ONE}(?:(?: ?> ?| ){_ONE})*\Z")
_KEY = re.compile(r"[.#]?[\w-]+")
# What is true for a moment only, boxes that are no elements, and what Outlook.com puts into mails when it shows them.
_NEVER = re.compile(r":(?:hover|active|focus|visited|target)|::|:before|:after|\[data-ogs[cb]\]")
_ONLY_DARK = re.compile(r"@media\s+(?:(?:all|screen)\s+and\s+)?\(\s*prefers-color-scheme\s*:\s*dark\s*\)\Z")


class Declaration(NamedTuple):
    """What a rule says of one property."""

    value: str
    important: bool


class StyleRule(NamedTuple):
    """One selector of a rule. `media` is the @media around it, empty if there is none."""

    selector: str
    media: str
    declarations: Mapping[str, Declaration]

    @property
    def is_plain(self) -> bool:
        """Whether it names only tags, classes and ids, below each other."""
        return _PLAIN.match(self.selector) is not None

    @property
    def weight(self) -> tuple[int, int, int]:
        """By this the stronger of two rules is known (CSS: specificity)."""
        ids = len(re.findall(r"#[\w-]+", self.selector))
        classes = len(re.findall(r"\.[\w-]+|\[[^\[\]]*\]|:[\w-]+", self.selector))
        return ids, classes, len(re.findall(r"(?:^|[\s>+~])[a-zA-Z]", self.selector))


@lru_cache(maxsize=4096)
def read_declarations(style: str) -> Mapping[str, Declaration]:
    """`color: #112233; margin: 0 !important` by name. The same few styles stand on most elements of a mail."""
    found = {}
    for name, value in _DECLARATION.findall(style):
        bare = value.replace("!important", "").strip()
        found[name.lower()] = Declaration(bare, bare != value.strip())
    return found


def read_rules(css: str, media: str = "") -> Iterator[StyleRule]:
    """The rules outside of at-rules and inside of @media; what other at-rules hold is left out."""
    for prelude, body in _blocks(css):
        if prelude.startswith("@media") and not media:
            yield from read_rules(body, prelude)
        elif not prelude.startswith("@"):
            declarations = read_declarations(body)
            for selector in _split_selectors(prelude):
                yield StyleRule(" ".join(selector.split()), media, declarations)


def _split_selectors(prelude: str) -> list[str]:
    """At commas that stand in no brackets."""
    found, depth = [""], 0
    for piece in _PUNCTUATION.split(prelude):
        if piece == "," and not depth:
            found.append("")
        else:
            depth = max(0, depth + (piece in ("(", "[")) - (piece in (")", "]")))
            found[-1] += piece
    return found


def _blocks(css: str) -> Iterator[tuple[str, str]]:
    """What stands before each outer { and what stands in it."""
    prelude, body, depth = "", "", 0
    for piece in _PIECE.findall(css):
        if piece.startswith("/*"):
            continue
        if piece == "}":
            depth = max(depth - 1, 0)
            if not depth:
                yield prelude.strip(), body
                prelude = body = ""
                continue
        if depth:
            body += piece
        elif piece not in "{;":
            prelude += piece
        elif piece == ";":  # @import and @charset end so
            prelude = ""
        depth += piece == "{"
    if depth:  # what is open at the end is closed there (CSS Syntax 3, 5.4)
        yield prelude.strip(), body


class _SelectorPart(NamedTuple):
    """One part of a selector, and whether it must be the very parent of what follows it."""

    keys: frozenset[str]
    is_parent: bool


@dataclass
class Sheet:
    """All kept styles of a page, and its elements."""

    styles: Iterable[str]
    tree: Any

    @cached_property
    def rules(self) -> tuple[StyleRule, ...]:
        """All rules, in their order."""
        return tuple(rule for style in self.styles for rule in read_rules(style))

    def find(self, rule: StyleRule) -> list[Any]:
        """The elements that a rule is for; none for a selector that is not understood."""
        if _NEVER.search(rule.selector):
            return []
        if not rule.is_plain:
            return self._find_odd(rule.selector)
        steps = _steps(rule.selector)
        rarest = min((self._by_key.get(key, []) for key in steps[-1].keys), key=len)
        return [element for element in rarest if self._fits(element, steps)]

    def apply(self, names: tuple[str, ...], *, dark: bool) -> dict[Any, dict[str, Declaration]]:
        """What the kept rules make of these properties, by element: in the light, or in the dark."""
        said: list[tuple[tuple[bool, tuple[int, int, int], int], str, Declaration, list[Any]]] = []
        for number, rule in enumerate(self.rules):
            own = [name for name in names if name in rule.declarations]
            if own and (not rule.media or (dark and _ONLY_DARK.match(rule.media))):
                elements = self.find(rule)
                for name in own:
                    one = rule.declarations[name]
                    said.append(((one.important, rule.weight, number), name, one, elements))
        found: dict[Any, dict[str, Declaration]] = {}
        for _, name, declaration, elements in sorted(said, key=lambda one: one[0]):
            for element in elements:
                found.setdefault(element, {})[name] = declaration
        return found

    @cached_property
    def has_dark(self) -> bool:
        """Whether there are rules for the dark."""
        return any(_ONLY_DARK.match(rule.media) for rule in self.rules if rule.media)

    @cached_property
    def _keys(self) -> dict[Any, set[str]]:
        found = {}
        for element in self.tree.iter():
            if isinstance(element.tag, str):
                keys = {element.tag, *(f".{name}" for name in (element.get("class") or "").split())}
                found[element] = keys | {f"#{name}" for name in (element.get("id") or "").split()}
        return found

    @cached_property
    def _by_key(self) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        for element, keys in self._keys.items():
            for key in keys:
                found.setdefault(key, []).append(element)
        return found

    def _fits(self, element: Any, steps: tuple[_SelectorPart, ...]) -> bool:
        if not steps[-1].keys <= self._keys[element]:
            return False
        above = steps[:-1]
        if not above:
            return True
        if above[-1].is_parent:
            parent = element.getparent()
            return parent is not None and self._fits(parent, above)
        return any(self._fits(one, above) for one in element.iterancestors())

    def _find_odd(self, selector: str) -> list[Any]:
        try:
            return list(self.tree.cssselect(selector, translator="html"))
        except (SyntaxError, RuntimeError):  # of cssselect
            return []


def _steps(selector: str) -> tuple[_SelectorPart, ...]:
    found: list[_SelectorPart] = []
    for part in selector.replace(">", " > ").split():
        if part == ">":
            found[-1] = found[-1]._replace(is_parent=True)
        else:
            found.append(_SelectorPart(frozenset(_KEY.findall(part)), False))
    return tuple(found)
