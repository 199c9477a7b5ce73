"""Where keys stand in a TOML file: every shape that TOML knows."""

import tomllib
from pathlib import Path

import pytest

from newsletter.config.places import find_places

TEXT = '''# comment [not] = a table
top = 1
"quoted key" = 'a'
a.b . c = true   # dotted

[table] # comment
x = """
[no.table]
y = 2
"""
list = [ "one", # comment
  "t]wo",
  { inner = 1, "k" = [1, 2] },
]
lit = \'\'\'it's [here]\'\'\'\'

[[rows]]
name = "a"
  [rows.sub]
  z = 1979-05-27T07:32:00Z
[[rows]]
name = "b\\"]"
[[rows.deep]]
v = -1.5e3
[[rows.deep]]
v = 2
[ table . "other" ]
last = {}
'''


def test_every_key_has_its_place() -> None:
    tomllib.loads(TEXT)
    places = find_places(TEXT)
    lines = TEXT.split("\n")
    expected = {
        ("top",): "top",
        ("quoted key",): '"quoted key"',
        ("a", "b", "c"): "a.b . c",
        ("table", "x"): "x =",
        ("table", "list"): "list",
        ("table", "list", 0): '"one"',
        ("table", "list", 1): '"t]wo"',
        ("table", "list", 2, "inner"): "inner",
        ("table", "list", 2, "k", 1): "2]",
        ("table", "lit"): "lit",
        ("rows", 0): "[[rows]]",
        ("rows", 0, "name"): 'name = "a"',
        ("rows", 0, "sub"): "[rows.sub]",
        ("rows", 0, "sub", "z"): "z =",
        ("rows", 1, "name"): 'name = "b',
        ("rows", 1, "deep", 0, "v"): "v = -1",
        ("rows", 1, "deep", 1, "v"): "v = 2",
        ("table", "other"): "[ table",
        ("table", "other", "last"): "last",
    }
    for key, start in expected.items():
        line, column = places[key]
        assert lines[line - 1][column - 1 :].startswith(start), key
    assert ("no", "table") not in places


def walk(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    keys = [path] if path else []
    if isinstance(value, dict):
        for name, inner in value.items():
            keys += walk(inner, (*path, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            keys += walk(inner, (*path, number))
    return keys


@pytest.mark.parametrize("text", [TEXT, "", "a=1", "a = [[1,2],[3]]\r\n[b]\r\nc='x'\r\n", "x = 1 # no newline"])
def test_all_that_tomllib_reads_is_placed(text: str) -> None:
    assert set(walk(tomllib.loads(text))) <= set(find_places(text))


def test_the_sample_settings_are_placed(root: Path) -> None:
    text = (root / "newsletter.toml").read_text(encoding="utf-8")
    assert set(walk(tomllib.loads(text))) <= set(find_places(text))
