"""Where each key of a TOML text stands. Python's tomllib reads values but forgets places; mistakes need them.

The text has already been read by tomllib, so it is valid TOML and this walk may be short.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

Key = tuple[str | int, ...]
Place = tuple[int, int]


def find_places(text: str) -> Mapping[Key, Place]:
    """Valid TOML → {key path: (line, column of the key, from 1)}; list items have their own place.

    >>> find_places('[smtp]\\nport = 25\\n')[("smtp", "port")]
    (2, 1)
    """
    walk = _Walk(text)
    walk.run()
    return walk.places


@dataclass
class _Walk:
    text: str
    at: int = 0
    places: dict[Key, Place] = field(default_factory=dict)
    counts: dict[Key, int] = field(default_factory=dict)

    def run(self) -> None:
        table: Key = ()
        while self._skip(newlines=True):
            if self.text.startswith("[[", self.at):
                start, self.at = self.at, self.at + 2
                path = self._resolve(self._key())
                self.at += 2
                number = self.counts[path] = self.counts.get(path, -1) + 1
                table = (*path, number)
                self.places.setdefault(path, self._place(start))
                self.places[table] = self._place(start)
            elif self.text[self.at] == "[":
                start, self.at = self.at, self.at + 1
                table = self._resolve(self._key())
                self.at += 1
                for length in range(1, len(table) + 1):  # [checks.ignore] alone makes [checks] too
                    self.places.setdefault(table[:length], self._place(start))
            else:
                self._pair(table)

    def _resolve(self, names: tuple[str, ...]) -> Key:
        """A header inside an array of tables belongs to its newest element."""
        path: Key = ()
        for name in names[:-1]:
            path = (*path, name)
            if path in self.counts:
                path = (*path, self.counts[path])
        return (*path, names[-1])

    def _pair(self, table: Key) -> None:
        start = self.at
        path = (*table, *self._key())
        for length in range(len(table) + 1, len(path) + 1):
            self.places.setdefault(path[:length], self._place(start))
        self._skip()
        self.at += 1  # the equals sign
        self._skip()
        self._value(path)

    def _key(self) -> tuple[str, ...]:
        names = []
        while True:
            self._skip()
            if self.text[self.at] in "\"'":
                names.append(self._string())
            else:
                start = self.at
                while self.text[self.at] not in " \t.=]\r\n":
                    self.at += 1
                names.append(self.text[start : self.at])
            self._skip()
            if self.text[self.at] != ".":
                return tuple(names)
            self.at += 1

    def _value(self, path: Key) -> None:
        character = self.text[self.at]
        if character in "\"'":
            self._string()
        elif character == "[":
            self.at += 1
            number = 0
            while self._skip(newlines=True) and self.text[self.at] != "]":
                self.places[(*path, number)] = self._place(self.at)
                self._value((*path, number))
                number += 1
                self._skip(newlines=True)
                self.at += self.text[self.at] == ","
            self.at += 1
        elif character == "{":
            self.at += 1
            while self._skip(newlines=True) and self.text[self.at] != "}":
                self._pair(path)
                self._skip(newlines=True)
                self.at += self.text[self.at] == ","
            self.at += 1
        else:
            while self.at < len(self.text) and self.text[self.at] not in ",]}#\r\n":
                self.at += 1

    def _string(self) -> str:
        quote = self.text[self.at]
        mark = quote * 3 if self.text.startswith(quote * 3, self.at) else quote
        start = self.at = self.at + len(mark)
        while not self.text.startswith(mark, self.at):
            self.at += 2 if quote == '"' and self.text[self.at] == "\\" else 1
        inside = self.text[start : self.at]
        self.at += len(mark)
        while len(mark) == 3 and self.text.startswith(quote, self.at):
            self.at += 1  # up to two quotes may stand right before the closing three
        return inside

    def _skip(self, *, newlines: bool = False) -> bool:
        """Over blanks and comments; with `newlines` over line ends too. False at the end of the text."""
        while self.at < len(self.text):
            character = self.text[self.at]
            if character == "#":
                while self.at < len(self.text) and self.text[self.at] != "\n":
                    self.at += 1
            elif character in " \t" or (newlines and character in "\r\n"):
                self.at += 1
            else:
                return True
        return False

    def _place(self, offset: int) -> Place:
        return self.text.count("\n", 0, offset) + 1, offset - (self.text.rfind("\n", 0, offset) + 1) + 1
