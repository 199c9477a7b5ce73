"""The header of a file → which column is what (peers §5). Nothing is lost: a column without a meaning is an attribute."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from newsletter.audience.systems import ANY, COLUMNS, FIELDS, STATES, SYSTEMS, WORDS, System, fold

# The first columns of what `write_rejected` writes: a file of rejected rows can be mended and imported.
REJECTED = ("line", "reason")


class ColumnError(ValueError):
    """The header names no column of addresses, or `--map` names one that is not there. `help` says what to do."""

    def __init__(self, message: str, help: str) -> None:
        super().__init__(message)
        self.help = help


class UnknownState(ValueError):
    """A word in a state column that means nothing to us. Guessing could mail somebody who left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What stands where in the rows of a file.

    `columns` are the header's names, each once. `fields` says in which column a field stands; `names` are the columns
    that make up a name; `attributes` are those without a field. `guarded`: we wrote the file, so a `'` before a formula
    is ours. `month_first`: 7/3 is in July.
    """

    system: str
    columns: tuple[str, ...]
    fields: Mapping[str, int]
    names: tuple[int, ...] = ()
    attributes: tuple[int, ...] = ()
    states: tuple[tuple[int, Mapping[str, str]], ...] = ()
    start: str = "active"
    guarded: bool = False
    month_first: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether there is an address in each row, or an address and a name, and nothing else."""
        only = {"email", "name"} if len(self.columns) == 2 else {"email"}
        return (
            self.fields.keys() == only
            and len(self.columns) == len(only)
            and not (self.states or self.guarded)
            and self.start == "active"
        )

    def state_of(self, cells: Sequence[str]) -> str:
        """The state that a row's cells tell; where they disagree, the one that means less mail. Raises UnknownState.

        An empty state beside a time of leaving means that they left.
        """
        told = []
        for index, words in self.states:
            if word := fold(cells[index]):
                if word not in words:
                    raise UnknownState(f"unknown state {cells[index].strip()[:40]!r} in {self.columns[index]!r}")
                told.append(words[word])
        left = self.fields.get("unsubscribed_at")
        if not told and left is not None and cells[left].strip():
            told.append("unsubscribed")
        return max((self.start, *told), key=STATES.index)


def recognise(header: Sequence[str], given: Mapping[str, str]) -> Layout:
    """A header, and what the user said about it (field → column) → Layout. Raises ColumnError.

    A field given with an empty column is in no column: `--map state=` leaves a column `status` to the attributes.
    """
    folded = [fold(name) for name in header]
    own = len(REJECTED) if tuple(folded[: len(REJECTED)]) == REJECTED else 0
    system = _find_system(frozenset(folded[own:]))
    fields = _given_fields(header, folded, given)
    taken = {*range(own), *fields.values()}
    flags = []
    for index, name in enumerate(folded):
        if index in taken:
            continue
        field = system.columns.get(name, COLUMNS.get(name, ""))
        if name in system.flags and "state" not in given:
            flags.append((index, system.flags[name]))
            taken.add(index)
        elif field and field not in fields and field not in given:
            fields[field] = index
            taken.add(index)
    if "email" not in fields:
        fields["email"] = _look_for_address(header, folded, taken)
        taken.add(fields["email"])
    return _layout(header, system, fields, flags, taken, guarded=bool(own) or system.name == "ours")


def _layout(
    header: Sequence[str],
    system: System,
    fields: dict[str, int],
    flags: list[tuple[int, Mapping[str, str]]],
    taken: set[int],
    *,
    guarded: bool,
) -> Layout:
    parts = [fields.pop(part) for part in ("first_name", "last_name") if part in fields]
    if "name" in fields:
        taken.difference_update(parts)
        parts = [fields["name"]]
    elif parts:
        fields["name"] = parts[0]
    states = [(fields["state"], {**WORDS, **system.words})] if "state" in fields else []
    return Layout(
        system=system.name,
        columns=_unique(header),
        fields=fields,
        names=tuple(parts),
        attributes=tuple(index for index in range(len(header)) if index not in taken),
        states=(*states, *flags),
        start=system.start,
        guarded=guarded,
        month_first=system.month_first,
    )


def _find_system(names: frozenset[str]) -> System:
    return next(
        (one for one in SYSTEMS if any(names.issuperset(sign.split(", ")) for sign in one.signs)),
        ANY,
    )


def _given_fields(header: Sequence[str], folded: Sequence[str], given: Mapping[str, str]) -> dict[str, int]:
    """What `--map` says, checked: field → index."""
    fields: dict[str, int] = {}
    for field, column in given.items():
        if field not in FIELDS:
            raise ColumnError(f"--map {field}=…: there is no such field", f"the fields are {', '.join(FIELDS)}")
        if not column.strip():
            continue
        if fold(column) not in folded:
            raise ColumnError(f"--map {field}={column}: there is no such column", f"the columns are {_list(header)}")
        fields[field] = folded.index(fold(column))
    return fields


def _look_for_address(header: Sequence[str], folded: Sequence[str], taken: set[int]) -> int:
    """The one column whose name has to do with mail. Raises ColumnError when there is none, or two."""
    likely = [index for index, name in enumerate(folded) if index not in taken and "mail" in name]
    if len(likely) == 1:
        return likely[0]
    raise ColumnError(
        f"no column of e-mail addresses among {_list(header)}",
        'name the column: --map email="…"; the first line of the file must name the columns',
    )


def _list(header: Sequence[str]) -> str:
    shown = ", ".join(f'"{name.strip()[:40]}"' for name in header[:20])
    return f"{shown}, …" if len(header) > 20 else shown


def _unique(header: Sequence[str]) -> tuple[str, ...]:
    """Each column's name, trimmed, made different from those before it: attributes must not overwrite each other."""
    names: list[str] = []
    for number, column in enumerate(header, 1):
        name = column.replace("\ufeff", "").strip() or f"column {number}"
        names.append(name if name not in names else f"{name} (column {number})")
    return tuple(names)
