"""C1: who opted out in another tool never becomes active here. Each exporter of docs/subscribers, with a fixture."""

from pathlib import Path

import pytest

from newsletter.audience.columns import Answers
from newsletter.audience.read_file import open_subscribers
from newsletter.errors import InputError
from newsletter.model import SubscriberRow
from tests.audience.exports import EXPORTS, STATES, Export


def read(folder: Path, export: Export, answers: Answers | None = None) -> dict[str, str]:
    """Local part → the state that comes out."""
    path = folder / export.name
    path.write_text(export.text, encoding="utf-8")
    with open_subscribers(path, themes=frozenset(), answers=answers) as file:
        rows = [row for row in file if isinstance(row, SubscriberRow)]
    return {row.canonical.partition("@")[0]: row.state for row in rows}


def answers_of(export: Export) -> Answers:
    if export.questions == ("everybody",):
        return Answers(everybody="unsubscribed")
    return Answers(nothing=export.questions)


@pytest.mark.parametrize("export", EXPORTS, ids=lambda export: export.tool)
def test_c1_who_opted_out_in_another_tool_is_not_active_here(tmp_path: Path, export: Export) -> None:
    if export.questions:
        with pytest.raises(InputError) as asked:
            read(tmp_path, export)
        assert {mistake.code for mistake in asked.value.mistakes} == {"NL104"}
        assert len(asked.value.mistakes) == len(export.questions)
    found = read(tmp_path, export, answers_of(export))
    assert found == {name: STATES[name.rstrip("23")] for name in found}
    assert {name.rstrip("23") for name in found} == set(export.states)


def test_every_exporter_has_a_name_of_its_own() -> None:
    assert len({export.tool for export in EXPORTS}) == len(EXPORTS) >= 40
