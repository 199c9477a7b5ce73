"""The header of a file → which column is what. Nothing is lost: a column without a meaning is an attribute."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from newsletter.audience.permission import Meaning, judge_name
from newsletter.audience.survey import CellPlace, Mode, PermissionColumn, Question, Survey, Tally, find_key, judge
from newsletter.audience.systems import (
    ANY,
    COLUMNS,
    FIELDS,
    FURTHER_ADDRESSES,
    STATES,
    SYSTEMS,
    WORDS,
    System,
    fold,
)

# The first columns of what `write_rejected` writes: a file of rejected rows can be mended and imported.
REJECTED = ("line", "reason")
# What `--map` takes beside the fields: a yes means mail; a yes means no mail; it says nothing about mail.
ANSWERS = ("subscribed", "unsubscribed", "attribute")
# Fields that can say something about permission beside what they hold.
_TELLING: Mapping[str, Meaning] = {
    "state": Meaning(kind="status"),
    "consent": Meaning(kind="wanted"),
    "consent_at": Meaning(kind="wanted"),
    "confirmed_at": Meaning(kind="confirmed"),
    "unsubscribed_at": Meaning(kind="left", reason=True),
    "tags": Meaning(),
}
_KINDS = {kind: Meaning(kind=kind) for kind in ("wanted", "confirmed", "status", "left")}
# Of a column that the user called so every text is a reason for leaving.
_TOLD_LEFT = Meaning(kind="left", reason=True)


class ColumnError(ValueError):
    """The header names no column of addresses, or `--map` names one that is not there. `help` says what to do."""

    def __init__(self, message: str, help: str) -> None:
        super().__init__(message)
        self.help = help


class PermissionUnclear(ValueError):
    """Columns that may be about permission and are not understood. Taking the file in could mail somebody who left."""

    def __init__(self, questions: Sequence[Question]) -> None:
        super().__init__(", ".join(question.place.name for question in questions))
        self.questions = questions


class UnknownState(ValueError):
    """A word in a state column that means nothing to us. Guessing could mail somebody who left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What the user said about a file.

    `fields`: field → column, an empty column for none. `wanted`, `left` and `nothing`: columns in which a yes means mail, in
    which it means no mail, and which say nothing about mail. `words`: what words in cells mean (folded → state).
    `everybody`: the state of all rows of which no column says less.
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    wanted: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    nothing: tuple[str, ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)
    everybody: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnLayout:
    """What stands where in the rows of a file.

    `columns` are the header's names, each once. `fields` says in which column a field stands; `names` are the columns
    that make up a name, `further` those with more addresses of the same person; `attributes` are those without a field.
    `permissions` are the places that decide who gets mail,
    known after a survey of the rows. `guarded`: we wrote the file, so a `'` before a formula is ours. `month_first`: 7/3 is
    in July.
    """

    system: str
    columns: tuple[str, ...]
    fields: Mapping[str, int]
    names: tuple[int, ...] = ()
    further: tuple[int, ...] = ()
    attributes: tuple[int, ...] = ()
    permissions: tuple[PermissionColumn, ...] = ()
    start: str = "active"
    guarded: bool = False
    month_first: bool = False
    tallies: tuple[Tally, ...] = field(default=(), repr=False)
    answers: Answers = field(default_factory=Answers, repr=False)

    @property
    def is_plain(self) -> bool:
        """Whether there is an address in each row, or an address and a name, and nothing else."""
        only = {"email", "name"} if len(self.columns) == 2 else {"email"}
        return (
            self.fields.keys() == only
            and len(self.columns) == len(only)
            and not (self.tallies or self.permissions or self.guarded)
            and self.start == "active"
        )

    def state_of(self, cells: Sequence[str]) -> str:
        """The state that a row's cells tell; where they disagree, the one that means less mail. Raises UnknownState."""
        told, silent = [self.start], False
        for column in self.permissions:
            place = column.place
            cell = find_key(cells[place.column], place.key) if place.key else cells[place.column]
            if column.strict and column.read(cell).kind not in ("nothing", "state", "doubtful"):
                raise UnknownState(f"unknown state {cell.strip()[:40]!r} in {place.name!r}")
            if column.weak_nothing and not cell.strip():
                silent = True
            elif state := column.state_of(cell):
                told.append(state)
        if silent and "active" not in told[1:]:
            told.append("pending")
        return max(told, key=STATES.index)

    def describe(self) -> dict[str, str]:
        """Each column and what it was taken for, in the order of the file."""
        taken = {index: name for name, index in self.fields.items()} | dict.fromkeys(self.names, "name")
        taken |= dict.fromkeys(self.further, "further addresses")
        decides = {column.place.column: column.says for column in self.permissions if not column.place.key}
        columns = {}
        for index, name in enumerate(self.columns):
            if self.guarded and name in REJECTED and index < len(REJECTED):
                continue
            is_field = index in taken and index not in self.further
            told = taken.get(index, "attribute")
            # Of a field of our own the words are known; how any other column decides is said.
            columns[name] = (
                f"{told}; decides who gets mail: {decides[index]}" if index in decides and not is_field else told
            )
        for column in self.permissions:
            if column.place.key:
                columns[column.place.key] = (
                    f"in {self.columns[column.place.column]}; decides who gets mail: {column.says}"
                )
        return columns

    def survey(self) -> Survey:
        """What counts the cells of all rows before any is taken in."""
        answers = self.answers
        # The attributes in a file of ours were asked about when they first came in.
        index = None if self.system == "ours" else self.fields.get("attributes")
        told = {
            fold(name): meaning
            for names, meaning in (
                (answers.wanted, _KINDS["wanted"]),
                (answers.left, _TOLD_LEFT),
                (answers.nothing, Meaning()),
            )
            for name in names
        }
        return Survey(self.tallies, json_column=index, told=told, words={**WORDS, **answers.words})

    def settle(self, survey: Survey) -> "ColumnLayout":
        """The layout with the places that decide who gets mail. Raises PermissionUnclear for those that must be asked about."""
        judged = [judge(tally) for tally in survey.tallies]
        # Where another column tells who gets mail, or the tool is known, a missing time of subscribing says nothing.
        if self.system != ANY.name or any(isinstance(one, PermissionColumn) and not one.weak_nothing for one in judged):
            judged = [
                one.without_nothing() if isinstance(one, PermissionColumn) and one.is_field else one for one in judged
            ]
        questions = [one for one in judged if isinstance(one, Question)]
        if questions:
            raise PermissionUnclear(questions)
        return replace(self, permissions=tuple(one for one in judged if isinstance(one, PermissionColumn)))


def recognise(header: Sequence[str], answers: Answers) -> ColumnLayout:
    """A header, and what the user said about it → Layout. Raises ColumnError.

    A field given with an empty column is in no column: `--map state=` leaves a column `status` to the attributes.
    """
    folded = [fold(name) for name in header]
    own = len(REJECTED) if tuple(folded[: len(REJECTED)]) == REJECTED else 0
    system = _find_system(frozenset(folded[own:]))
    given = answers.fields
    fields = _given_fields(header, folded, given)
    taken = {*range(own), *fields.values()}
    has_json = any(system.columns.get(name, COLUMNS.get(name)) == "attributes" for name in folded)
    told = _told_columns(header, folded, answers, has_json)
    for index, name in enumerate(folded):
        column = system.columns.get(name, COLUMNS.get(name, ""))
        if (
            index not in taken
            and index not in told
            and name not in system.flags
            and column not in ("", *fields, *given)
        ):
            fields[column] = index
            taken.add(index)
    if "email" not in fields:
        fields["email"] = _look_for_address(header, folded, taken)
        taken.add(fields["email"])
    return _layout(header, system, fields, taken, told, own, answers)


def _layout(
    header: Sequence[str],
    system: System,
    fields: dict[str, int],
    taken: set[int],
    told: Mapping[int, Meaning | None],
    own: int,
    answers: Answers,
) -> ColumnLayout:
    parts = [fields.pop(part) for part in ("first_name", "last_name") if part in fields]
    if "name" in fields:
        taken.difference_update(parts)
        parts = [fields["name"]]
    elif parts:
        fields["name"] = parts[0]
    columns = _unique(header)
    attributes = tuple(index for index in range(len(header)) if index not in taken)
    tallies = [
        *_tally_fields(columns, system, fields, told, answers),
        *_tally_attributes(header, columns, system, attributes, told, answers),
    ]
    return ColumnLayout(
        system=system.name,
        columns=columns,
        fields=fields,
        names=tuple(parts),
        further=tuple(index for index in attributes if fold(header[index]) in FURTHER_ADDRESSES),
        attributes=attributes,
        start=answers.everybody or system.start,
        guarded=bool(own) or system.name == "ours",
        month_first=system.month_first,
        tallies=tuple(tallies),
        answers=answers,
    )


def _tally_fields(
    columns: Sequence[str],
    system: System,
    fields: Mapping[str, int],
    told: Mapping[int, Meaning | None],
    answers: Answers,
) -> list[Tally]:
    tallies = []
    words = {**WORDS, **system.words, **answers.words}
    for name, meaning in _TELLING.items():
        index = fields.get(name)
        # In a whole file of ours `source` is the consent in words and `tags` are the editor's: `status` says who left.
        ours = system.name == "ours" and (name == "tags" or (index is not None and fold(columns[index]) == "source"))
        if index is None or ours or (index in told and told[index] is None):
            continue
        mode: Mode = {"state": "state", "tags": "tags"}.get(name, "field")  # type: ignore[assignment]
        more = {**system.words, **answers.words} if mode == "tags" else words
        tallies.append(Tally(CellPlace(index, columns[index]), told.get(index) or meaning, mode, more))
    return tallies


def _tally_attributes(
    header: Sequence[str],
    columns: Sequence[str],
    system: System,
    attributes: Sequence[int],
    told: Mapping[int, Meaning | None],
    answers: Answers,
) -> list[Tally]:
    """Every other column, but those of which the user or the tool's description says that they are about something else."""
    tallies = []
    words = {**WORDS, **system.words, **answers.words}
    left_alone = "state" in answers.fields and not answers.fields["state"].strip()
    for index in attributes:
        name = fold(header[index])
        if name in system.flags:
            meaning: Meaning | None = _KINDS[system.flags[name]]
        elif system.columns.get(name) == "" or (left_alone and COLUMNS.get(name) == "state"):
            meaning = None
        else:
            meaning = judge_name(header[index])
        meaning = told.get(index, meaning)
        if meaning is not None:
            mode: Mode = "column" if meaning.kind else "note"
            more = words if meaning.kind else {**system.words, **answers.words}
            tallies.append(Tally(CellPlace(index, columns[index]), meaning, mode, more))
    return tallies


def _find_system(names: frozenset[str]) -> System:
    return next(
        (one for one in SYSTEMS if any(names.issuperset(sign.split(", ")) for sign in one.signs)),
        ANY,
    )


def _given_fields(header: Sequence[str], folded: Sequence[str], given: Mapping[str, str]) -> dict[str, int]:
    """What `--map` says, checked: field → index."""
    fields: dict[str, int] = {}
    for name, column in given.items():
        if name not in FIELDS:
            known = ", ".join((*FIELDS, *ANSWERS))
            raise ColumnError(f"--map {name}=…: there is no such field", f"the fields are {known}")
        if not column.strip():
            continue
        if fold(column) not in folded:
            raise _no_such_column(name, column, header)
        fields[name] = folded.index(fold(column))
    return fields


def _told_columns(
    header: Sequence[str], folded: Sequence[str], answers: Answers, has_json: bool
) -> dict[int, Meaning | None]:
    """What the user said that columns mean; None: nothing about permission. `has_json`: a name may be a key of the JSON."""
    told: dict[int, Meaning | None] = {}
    for columns, meaning in (
        (answers.wanted, _KINDS["wanted"]),
        (answers.left, _TOLD_LEFT),
        (answers.nothing, None),
    ):
        for column in columns:
            if fold(column) in folded:
                told[folded.index(fold(column))] = meaning
            elif not has_json:
                raise _no_such_column("…", column, header)
    return told


def _no_such_column(name: str, column: str, header: Sequence[str]) -> ColumnError:
    return ColumnError(f"--map {name}={column}: there is no such column", f"the columns are {_list(header)}")


def _look_for_address(header: Sequence[str], folded: Sequence[str], taken: set[int]) -> int:
    """The one column whose name has to do with mail, and not with permission. Raises ColumnError for none, or two."""
    likely = [
        index
        for index, name in enumerate(folded)
        if index not in taken and "mail" in name and not judge_name(header[index]).kind
    ]
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
