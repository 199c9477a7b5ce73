"""All rows of a file → which columns decide who gets mail, and which must be asked about. Nothing is taken in before.

The rule: of a column whose name or cells may speak of permission, either every cell is understood, and then the answer
that means less mail counts, or the import stops and asks. A column that is about something else is an attribute.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from newsletter.audience.cells import read_attributes
from newsletter.audience.permission import Meaning, Reading, judge_name, read_cell, read_note
from newsletter.audience.systems import AWAY, STATES, fold

Mode = Literal["column", "field", "state", "note", "tags"]
_SHOWN = 5  # cells in one question
_REMEMBERED = 10_000  # different cells of a column whose reading is kept


class CellPlace(NamedTuple):
    """Where cells stand: a column by its number from 0, or a key of the JSON object in it."""

    column: int
    name: str
    key: str = ""


@dataclass(slots=True)
class Tally:
    """What stands in the cells of a place: how often each kind, and a few cells with their lines, for a question."""

    place: CellPlace
    meaning: Meaning
    mode: Mode
    more: Mapping[str, str]
    kinds: Counter[str] = field(default_factory=Counter)
    shown: dict[str, int] = field(default_factory=dict)
    others: dict[str, int] = field(default_factory=dict)
    known: dict[str, Reading] = field(default_factory=dict)
    digits: int = 0  # cells that are 0 or 1: answers, or the numbers of something

    def add(self, cell: str, line: int) -> None:
        """Count a cell."""
        reading = self.read(cell)
        self.kinds[reading.kind] += 1
        if reading.kind in ("yes", "no") and cell.strip().isdigit():
            self.digits += 1
        if reading.kind in self._worth_showing() and len(self.shown) < _SHOWN:
            self.shown.setdefault(cell.strip()[:40], line)
        elif reading.kind != "nothing" and len(self.others) < _SHOWN:
            self.others.setdefault(cell.strip()[:40], line)

    def _worth_showing(self) -> tuple[str, ...]:
        # Most cells of a column that nobody knows are about something else.
        return ("doubtful", "state") if self.mode in ("note", "tags") else ("doubtful", "unknown")

    def read(self, cell: str) -> Reading:
        """What a cell says, by the mode of the place. The same cells come again and again."""
        reading = self.known.get(cell)
        if reading is None:
            reading = self._read(cell)
            if len(self.known) < _REMEMBERED:
                self.known[cell] = reading
        return reading

    def _read(self, cell: str) -> Reading:
        if self.mode == "tags":
            return _weakest(self._read_note(tag) for tag in cell.split(","))
        return self._read_note(cell) if self.mode == "note" else read_cell(cell, self.more)

    def _read_note(self, cell: str) -> Reading:
        state = self.more.get(fold(cell)) if self.more else None
        return Reading("state", state) if state else read_note(cell)


def _weakest(said: Iterable[Reading]) -> Reading:
    """Of several tags the one that means less mail."""
    kept = [one for one in said if one.kind == "doubtful" or one.state in AWAY]
    return max(kept, key=lambda one: (one.kind == "doubtful", STATES.index(one.state)), default=Reading("nothing"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionColumn:
    """A place whose cells decide who gets mail.

    `on_yes`, `on_no`, `on_text` and `on_nothing` are the states that a yes (a time, a number), a no, a text that is not
    understood and an empty cell mean; empty: it says nothing. `weak_nothing`: an empty cell counts only if no other
    column says yes. `says` tells in words what it means, for the report.
    """

    place: CellPlace
    says: str
    read: Callable[[str], Reading]
    on_yes: str = ""
    on_no: str = ""
    on_text: str = ""
    on_nothing: str = ""
    weak_nothing: bool = False
    strict: bool = False
    is_field: bool = False

    def without_nothing(self) -> "PermissionColumn":
        """The same, but an empty time says nothing."""
        return replace(self, on_nothing="", weak_nothing=False) if self.weak_nothing else self

    def state_of(self, cell: str) -> str:
        """The state that a cell means, or nothing."""
        kind, state = self.read(cell)
        if kind in ("state", "doubtful"):
            return state
        return {"nothing": self.on_nothing, "no": self.on_no, "unknown": self.on_text}.get(kind, self.on_yes)


class Question(NamedTuple):
    """A place that may be about permission and is not understood: some of its cells, each with a line."""

    place: CellPlace
    why: str
    cells: Mapping[str, int]


def find_key(cell: str, key: str) -> str:
    """The value of a key in a cell's JSON object, as a cell; empty if it has none."""
    found = read_attributes(cell) if key in cell else None
    return _as_cell(_flatten(found).get(key)) if found else ""


def _flatten(document: Mapping[str, Any]) -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in document.items():
        if isinstance(value, dict):
            flat.update({f"{key}.{inner}": one for inner, one in value.items()})
        else:
            flat[key] = value
    return flat


def _as_cell(value: object) -> str:
    return "" if value is None or isinstance(value, (list, dict)) else str(value)


class Survey:
    """Counts what stands in the columns of a file that may be about permission, row by row."""

    def __init__(
        self,
        tallies: Sequence[Tally],
        *,
        json_column: int | None = None,
        told: Mapping[str, Meaning] | None = None,
        words: Mapping[str, str] | None = None,
    ) -> None:
        """`told` is what the user said that keys of the JSON in `json_column` (folded) mean, `words` that words do."""
        self._tallies = list(tallies)
        self._json_column = json_column
        self._told, self._words = told or {}, words or {}
        self._keys: dict[str, Tally] = {}

    def add(self, cells: Sequence[str], line: int) -> None:
        """Count a row."""
        width = len(cells)
        for tally in self._tallies:
            index = tally.place.column
            tally.add(cells[index] if index < width else "", line)
        if self._json_column is not None and self._json_column < width and cells[self._json_column].strip():
            self._add_keys(cells[self._json_column], line)

    def _add_keys(self, cell: str, line: int) -> None:
        for key, value in _flatten(read_attributes(cell) or {}).items():
            tally = self._keys.get(key)
            if tally is None and len(self._keys) < _REMEMBERED:
                meaning = self._told.get(fold(key), judge_name(key))
                tally = Tally(CellPlace(self._json_column or 0, key, key), meaning, "column", self._words)
                self._keys[key] = tally
            if tally is not None and tally.meaning.kind:
                tally.add(_as_cell(value), line)

    @property
    def tallies(self) -> Iterator[Tally]:
        """All places with what stands in them."""
        yield from self._tallies
        yield from (tally for tally in self._keys.values() if tally.meaning.kind)


def find_no(attributes: str) -> tuple[str, str] | None:
    """What is kept of a subscriber → the first column or key whose cell says that no mail is wanted, and the cell."""
    for name, value in _flatten(read_attributes(attributes) or {}).items():
        meaning, cell = judge_name(name), _as_cell(value)
        kind, state = read_cell(cell) if meaning.kind else read_note(cell)
        is_left = meaning.kind == "left" and (
            kind in ("yes", "number", "time") or (kind == "unknown" and meaning.reason and not meaning.about)
        )
        is_no = meaning.kind in ("wanted", "confirmed") and kind == "no" and not meaning.about
        if is_left or is_no or (kind == "state" and state in AWAY and not (meaning.other or meaning.region)):
            return name, cell
    return None


# --- what a place with its cells comes to -----------------------------------------------------------------------------


def judge(tally: Tally) -> PermissionColumn | Question | None:
    """A place → it decides, or it must be asked about, or None: it says nothing about permission."""
    if tally.mode == "state":
        return _judge_state(tally)
    if tally.mode == "tags":
        return _judge_tags(tally)
    if tally.mode == "note":
        return _judge_note(tally)
    return _JUDGES[tally.meaning.kind](tally)


def _decide(tally: Tally, says: str, **states: Any) -> PermissionColumn:
    return PermissionColumn(place=tally.place, says=says, read=tally.read, is_field=tally.mode == "field", **states)


def _ask(tally: Tally, why: str) -> Question:
    return Question(tally.place, why, tally.shown or tally.others)


def _judge_state(tally: Tally) -> PermissionColumn | Question:
    kinds = tally.kinds
    if (kinds["unknown"] or kinds["yes"] or kinds["no"] or kinds["number"]) and not kinds["state"] + kinds["doubtful"]:
        return _ask(tally, "none of its cells is a state that is known")
    return _decide(tally, "its words are states", strict=True)


def _judge_note(tally: Tally) -> PermissionColumn | Question | None:
    """A column whose name says nothing that is known."""
    kinds, meaning = tally.kinds, tally.meaning
    if meaning.other or meaning.region:
        return None
    away = any(one.kind == "state" and one.state in AWAY for one in tally.known.values())
    if kinds["doubtful"] or (away and kinds["unknown"]):
        return _ask(tally, "some of its cells may mean that a reader left")
    if away:
        return _decide(tally, "its words are states")
    answers = kinds["yes"] + kinds["no"] + (kinds["time"] if kinds["nothing"] else 0)
    if answers and not meaning.readable and not (kinds["unknown"] or kinds["number"]):
        return _ask(tally, "its name is not understood, and its cells are answers")
    return None


def _judge_tags(tally: Tally) -> PermissionColumn | Question | None:
    if tally.kinds["doubtful"]:
        return _ask(tally, "some of its tags may mean that a reader left")
    return _decide(tally, "some of its tags say who left") if tally.kinds["state"] else None


def _judge_wanted(tally: Tally) -> PermissionColumn | Question | None:
    kinds, is_field = tally.kinds, tally.mode == "field"
    answers = kinds["yes"] + kinds["no"]
    if tally.meaning.about and not is_field:
        if answers - (tally.digits if kinds["number"] else 0):
            return _ask(tally, "its name speaks of permission and of something else")
        return _decide(tally, "some of its cells say who left") if kinds["state"] + kinds["doubtful"] else None
    if kinds["unknown"] and not is_field:
        return _ask(tally, "its name speaks of permission")
    if not any(kinds[kind] for kind in ("yes", "no", "number", "time", "state", "doubtful")):
        return None
    no = "pending" if tally.meaning.kind == "confirmed" else "unsubscribed"
    is_answer = bool(answers or kinds["number"])
    # A consent in words stands beside empty cells that say nothing: the consent of the import counts for them.
    silent = bool(kinds["unknown"]) or (is_field and not is_answer and not kinds["time"])
    return _decide(
        tally,
        f"a yes or a time means mail, a no {no}",
        on_yes="active",
        on_no=no,
        on_nothing="" if silent else "pending",
        weak_nothing=not is_answer,
    )


def _judge_left(tally: Tally) -> PermissionColumn | Question | None:
    kinds, meaning = tally.kinds, tally.meaning
    if kinds["unknown"] and not meaning.reason:
        return _ask(tally, "its name says that readers left")
    said = sum(kinds[kind] for kind in ("yes", "number", "time", "state", "doubtful", "unknown"))
    if said and meaning.elsewhere and not kinds["state"]:
        return _ask(tally, "its name speaks of leaving, and maybe of something else")
    away = meaning.away
    return _decide(tally, f"a yes or a time means {away}", on_yes=away, on_text=away if meaning.reason else "")


def _judge_status(tally: Tally) -> PermissionColumn | Question | None:
    kinds, meaning = tally.kinds, tally.meaning
    understood = kinds["state"]
    if not understood and (meaning.elsewhere or meaning.region):
        return None
    if kinds["unknown"] or kinds["yes"] or kinds["no"] or kinds["number"] or (kinds["doubtful"] and meaning.elsewhere):
        return _ask(tally, "its name says that it holds states")
    return _decide(tally, "its words are states") if understood or kinds["doubtful"] else None


def _judge_either(tally: Tally) -> PermissionColumn | Question | None:
    kinds = tally.kinds
    if any(kinds[kind] for kind in ("yes", "no", "number", "time", "unknown")):
        return _ask(tally, "its name can be read in two ways")
    return _decide(tally, "its words are states") if kinds["state"] + kinds["doubtful"] else None


def _judge_doubtful(tally: Tally) -> PermissionColumn | Question | None:
    kinds = tally.kinds
    if any(kinds[kind] for kind in ("yes", "number", "time", "unknown", "doubtful")):
        return _ask(tally, "its name may say that readers left")
    return _decide(tally, "its words are states") if kinds["state"] else None


def _judge_name_without_permission(tally: Tally) -> PermissionColumn | Question | None:
    return None


_JUDGES: Mapping[str, Callable[[Tally], PermissionColumn | Question | None]] = {
    "": _judge_name_without_permission,
    "wanted": _judge_wanted,
    "confirmed": _judge_wanted,
    "left": _judge_left,
    "status": _judge_status,
    "either": _judge_either,
    "doubtful": _judge_doubtful,
}
