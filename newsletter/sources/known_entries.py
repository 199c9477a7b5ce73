"""Which entries of a feed were seen on an earlier visit. Pure.

An entry is known by its id. Its address decides only where there is no id, its words where there is neither. An id or an
address is believed as long as the feed does not show that it names nothing:

- an id that stands twice in a document, or one for all entries, names nothing;
- ids that stand on other entries than before (numbers by place in the feed) name nothing;
- a known id on an entry of another address, with other words and another date, was given away again: a new entry;
- a new id on the address and the words of a known entry is that entry under another id (ids made anew for each fetch);
- where no id of a document is known, but its addresses and titles are, all ids have changed: the addresses decide;
- where neither an id nor an address is known, the site may have moved: entries are known by their words, or by title and
  date.

Of two entries with the same address and other words, each with an id of its own, both are entries.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from newsletter.sources.feed_entry import Entry
from newsletter.sources.identity import content_hash, make_key

# So many entries that had no id, but an address and a title of their own, show that a feed has changed all its ids.
_FEWEST_CHANGED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenEntry:
    """An entry as the last visit saw it. `id`, `url`, `words` and `title` are hashes; empty: there was none.

    `taken`: it became a post; else it was left, as the older entries of a first visit are.
    """

    id: str = ""
    url: str = ""
    words: str = ""
    title: str = ""
    date: datetime | None = None
    taken: bool = True

    def keys_but(self, *keys: str) -> frozenset[str]:
        """Its id and its address, without these. Version 0.1 did not write down which was which."""
        return frozenset((self.id, self.url)) - {"", *keys}

    def write(self) -> str:
        """One line: id, address, words, title, date in seconds since 1970, whether it was taken."""
        date = str(int(self.date.timestamp())) if self.date else ""
        fields = (self.id, self.url, self.words, self.title, date, "taken" if self.taken else "left")
        return " ".join(field or "-" for field in fields)


def read_seen(line: str) -> SeenEntry:
    """What `SeenEntry.write` wrote. Raises ValueError."""
    name, url, words, title, date, state = ("" if field == "-" else field for field in line.split(" "))
    moment = datetime.fromtimestamp(int(date), UTC) if date else None
    return SeenEntry(id=name, url=url, words=words, title=title, date=moment, taken=state == "taken")


def read_seen_of_0_1(seen: dict[str, str]) -> tuple[SeenEntry, ...]:
    """The memory of version 0.1: every key of an entry → the hash of its words. Keys of the same words are one entry's."""
    by_words: dict[str, list[str]] = {}
    for key, words in seen.items():
        by_words.setdefault(words or key, []).append(key)
    entries = []
    for words, keys in by_words.items():
        if len(keys) == 2:
            entries.append(SeenEntry(id=keys[0], url=keys[1], words=words))
        else:
            entries += [SeenEntry(id=key, words=words) for key in keys]
    return tuple(entries)


@dataclass(frozen=True, slots=True)
class Named:
    """An entry with what may name it. `usable_id`, `usable_url`: empty if they name nothing in this document."""

    entry: Entry
    id: str
    url: str
    words: str
    title: str
    usable_id: str
    usable_url: str

    def is_like(self, seen: SeenEntry) -> bool:
        """Whether the address speaks for it: the same one, or one of the two has none."""
        return not self.url or not seen.url or self.url in (seen.id, seen.url)


def name_entries(source: str, entries: Iterable[Entry]) -> list[Named]:
    """The entries of a document with their hashes. What stands twice names nothing, and of true copies one is kept."""
    named, copies = [], set()
    for entry in entries:
        key = make_key(source, "id", entry.id) if entry.id else ""
        url = make_key(source, "url", entry.url) if entry.url else ""
        words = content_hash(entry.title, entry.body, title_derived=entry.title_derived)
        title = "" if entry.title_derived else content_hash(entry.title, "")[:8]
        if (key, url, words) not in copies:
            copies.add((key, url, words))
            named.append(Named(entry, key, url, words, title, key, url))
    ids, urls = Counter(one.id for one in named), Counter(one.url for one in named)
    return [
        replace(
            one,
            usable_id=one.id if ids[one.id] == 1 else "",
            usable_url=one.url if urls[one.url] == 1 else "",
        )
        for one in named
    ]


@dataclass(frozen=True, slots=True)
class EntryMatch:
    """An entry, and what it was on the last visit (None: it is new)."""

    named: Named
    seen: SeenEntry | None


@dataclass(frozen=True, slots=True)
class EntryMatches:
    """All entries of a document. `moved`: not one of them was known by id or address, though others were before."""

    entries: tuple[EntryMatch, ...]
    moved: bool
    absent: tuple[SeenEntry, ...]


def match_entries(named: Sequence[Named], seen: Sequence[SeenEntry]) -> EntryMatches:
    """Every entry of a document with the one that it was before. `absent`: those that this document does not hold."""
    matcher = _Matcher(named, seen)
    matcher.match()
    entries = tuple(
        EntryMatch(one, seen[matcher.found[number]] if number in matcher.found else None)
        for number, one in enumerate(matcher.named)
    )
    claimed = set(matcher.found.values())
    return EntryMatches(entries, matcher.moved, tuple(one for number, one in enumerate(seen) if number not in claimed))


class _Matcher:
    """Finds for entries (by number in the document) what they were (by number in the memory), surest signs first."""

    def __init__(self, named: Sequence[Named], seen: Sequence[SeenEntry]) -> None:
        self._seen = seen
        self._by_key: dict[str, list[int]] = {}
        self._by_words: dict[str, list[int]] = {}
        for number, one in enumerate(seen):
            for key in one.keys_but():
                self._by_key.setdefault(key, []).append(number)
            if one.words:
                self._by_words.setdefault(one.words, []).append(number)
        wander = any(map(self._is_wandering, named))
        self.named = tuple(replace(one, usable_id="") for one in named) if wander else tuple(named)
        self.found: dict[int, int] = {}
        self._claimed: set[int] = set()
        self.moved = False

    def match(self) -> None:
        """Fill `found`."""
        self._match_by_id()
        by_id = len(self.found)
        self._match_by_words(anywhere=False)
        self._match_by_address(all_changed=not by_id and self._all_ids_changed())
        if self._seen and self.named and not self.found:
            self.moved = True
            self._match_by_words(anywhere=True)
            self._match_by_title_and_date()

    def _claim(self, number: int, candidates: Iterable[int]) -> None:
        free = next((one for one in candidates if one not in self._claimed), None)
        if free is not None:
            self.found[number] = free
            self._claimed.add(free)

    def _open(self) -> list[tuple[int, Named]]:
        return [(number, one) for number, one in enumerate(self.named) if number not in self.found]

    def _match_by_id(self) -> None:
        for number, one in self._open():
            known = self._by_key.get(one.usable_id, ())
            self._claim(number, (at for at in known if not _was_given_away(one, self._seen[at])))

    def _match_by_words(self, *, anywhere: bool) -> None:
        """The same words at the same address; `anywhere`: wherever they stood."""
        for number, one in self._open():
            known = self._by_words.get(one.words, ())
            self._claim(number, (at for at in known if anywhere or one.is_like(self._seen[at])))

    def _match_by_address(self, *, all_changed: bool) -> None:
        for number, one in self._open():
            known = self._by_key.get(one.usable_url, ())
            if len(known) == 1 and (all_changed or not one.usable_id or not self._seen[known[0]].keys_but(one.url)):
                self._claim(number, known)

    def _match_by_title_and_date(self) -> None:
        """After a move, when the new system writes the same entries in other words."""
        by_both: dict[tuple[str, datetime | None], int] = {
            (one.title, one.date): number for number, one in enumerate(self._seen) if one.title and one.date
        }
        for number, one in self._open():
            at = by_both.get((one.title, one.entry.date and one.entry.date.replace(microsecond=0)))
            self._claim(number, () if at is None else (at,))

    def _is_wandering(self, one: Named) -> bool:
        """Whether known words stand under a known id that was another entry's."""
        by_id, by_words = self._by_key.get(one.usable_id, ()), self._by_words.get(one.words, ())
        return bool(by_id and by_words) and set(by_id).isdisjoint(by_words)

    def _all_ids_changed(self) -> bool:
        """Whether entries are recognised without their ids, though they had ids then and have some now."""
        if any(one.usable_id and self._had_other_id(one, at) for one, at in self._pairs()):
            return True
        titled = 0
        for _, one in self._open():
            known = self._by_key.get(one.usable_url, ())
            if one.usable_id and len(known) == 1 and one.title and one.title == self._seen[known[0]].title:
                titled += self._had_other_id(one, known[0])
        return titled >= _FEWEST_CHANGED

    def _pairs(self) -> list[tuple[Named, int]]:
        return [(self.named[number], at) for number, at in self.found.items()]

    def _had_other_id(self, one: Named, at: int) -> bool:
        return bool(self._seen[at].keys_but(one.url, one.usable_id))


def _was_given_away(one: Named, seen: SeenEntry) -> bool:
    """Whether a known id now names another entry: another address, other words and another date."""
    urls = seen.keys_but(one.id)
    moved = bool(one.url and urls) and one.url not in urls
    redated = not (one.entry.date and seen.date) or int(one.entry.date.timestamp()) != int(seen.date.timestamp())
    return moved and redated and one.words != seen.words
