"""A list of words and phrases that are looked for in folded text, hundreds at once and for every cell of a file."""

from collections.abc import Iterable

from newsletter.audience.systems import fold


class Phrases:
    """Entries as permission_words.py writes them. `find` says where the first of them stands in a text.

    A word of the text is compared only with the entries that begin with its first two letters: a regular expression of all
    entries tries each of them at each letter, and took a millisecond a cell.
    """

    def __init__(self, entries: Iterable[str]) -> None:
        self._starts: dict[str, list[tuple[str, bool]]] = {}
        inside = set()
        for entry in entries:
            text = entry.strip()
            phrase = fold(text.strip("~."))
            if phrase and text.startswith("~"):
                inside.add(phrase)
            elif phrase:
                self._starts.setdefault(phrase[:2], []).append((phrase, text.endswith(".")))
        self._inside = tuple(sorted(inside))
        self._ascii_inside = tuple(phrase for phrase in self._inside if phrase.isascii())

    def find(self, text: str) -> int | None:
        """The place of the first entry in a folded text, from 0; None if it has none."""
        found = [place for phrase in self._possible(text) if (place := text.find(phrase)) >= 0]
        start = 0
        while True:
            if self.stands_at(text, start):
                found.append(start)
                break
            start = text.find(" ", start) + 1
            if not start:
                break
        return min(found, default=None)

    def stands_at(self, text: str, start: int = 0) -> bool:
        """Whether an entry begins at the word that begins at `start`."""
        for phrase, is_whole in self._starts.get(text[start : start + 2], ()):
            end = start + len(phrase)
            if text.startswith(phrase, start) and not (is_whole and text[end : end + 1].strip()):
                return True
        return False

    def begins(self, text: str) -> bool:
        """Whether a text begins with an entry."""
        return self.stands_at(text) or text.startswith(self._possible(text))

    def _possible(self, text: str) -> tuple[str, ...]:
        return self._ascii_inside if text.isascii() else self._inside
