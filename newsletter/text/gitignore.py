"""Whether git would take a file along: the lines of a .gitignore and a path → yes or no (gitignore(5))."""

import re
from collections.abc import Sequence
from typing import NamedTuple


def is_ignored(lines: str, path: str) -> bool:
    """Whether one .gitignore leaves a file out; `path` is relative to its folder, with `/`. The last line that fits decides.

    What lies in a folder that is left out is left out, whatever other lines say of it.

    >>> is_ignored("/*.csv", "people.csv"), is_ignored("/*.csv", "posts/people.csv")
    (True, False)
    """
    rules = [_IgnoreRule.read(line) for line in map(_strip, lines.splitlines()) if line and not line.startswith("#")]
    parts = path.split("/")
    folders = ("/".join(parts[:count]) for count in range(1, len(parts)))
    return any(_decide(rules, folder, is_folder=True) for folder in folders) or _decide(rules, path, is_folder=False)


class _IgnoreRule(NamedTuple):
    negated: bool
    folders_only: bool
    pattern: re.Pattern[str]

    @classmethod
    def read(cls, line: str) -> "_IgnoreRule":
        negated, line = line.startswith("!"), line.removeprefix("!")
        return cls(negated, line.endswith("/"), re.compile(_translate(line.rstrip("/"))))


def _decide(rules: Sequence[_IgnoreRule], path: str, *, is_folder: bool) -> bool:
    fitting = (one for one in reversed(rules) if (is_folder or not one.folders_only) and one.pattern.fullmatch(path))
    last = next(fitting, None)
    return last is not None and not last.negated


def _strip(line: str) -> str:
    return re.sub(r"(?<!\\)\s+\Z", "", line)


def _translate(pattern: str) -> str:
    """A pattern as a regular expression: with a `/` in it, it begins at the folder; without one it fits anywhere below."""
    parts = re.split(r"(\*\*/|/\*\*|\*|\?|\[[^\]]*\])", pattern.lstrip("/"))
    spelled = {"**/": "(?:.*/)?", "/**": "/.*", "*": "[^/]*", "?": "[^/]"}
    body = "".join(
        spelled.get(part) or (part.replace("[!", "[^") if part.startswith("[") else re.escape(part)) for part in parts
    )
    return body if "/" in pattern else f"(?:.*/)?{body}"
