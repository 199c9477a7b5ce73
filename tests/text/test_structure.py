"""Where fences and comments begin and end, also in lists and quotes: as the renderer has it."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from newsletter.text.structure import Unclosed, find_unclosed, structure_lines

MARKS = st.lists(st.sampled_from(["- ", "* ", "1. ", "2. ", "10) ", "> ", ">", "-   ", " ", "  ", "   "]), max_size=3)
LEAVES = st.sampled_from(
    ["```", "````", "~~~", "``` python", "``` a`b", "``", "words", "", "", "---", "- - -", "===", "# h", "code", "-"]
)
HEADING = st.just("## h")
LINES = st.lists(st.one_of(st.builds(lambda marks, leaf: "".join(marks) + leaf, MARKS, LEAVES), HEADING), max_size=12)


def headings_of_ours(text: str) -> list[int]:
    """Lines at whose very start a heading of an issue would be read."""
    return [number for number, line, structure in structure_lines(text) if structure and line.startswith("## ")]


def headings_shown(text: str) -> list[int]:
    """The lines where the renderer shows such a heading, at top level."""
    tokens = MarkdownIt("commonmark").parse(text)
    lines = text.split("\n")
    found = [token.map[0] for token in tokens if token.type == "heading_open" and token.level == 0 and token.map]
    return [number + 1 for number in found if lines[number].startswith("## ")]


@settings(max_examples=400)
@given(LINES)
@example(["- ```", "  code", "  ```", "## h", "- ```", "  code", "  ```"])
@example(["> ```", "code", "## h"])
@example(["- words", "lazy", "  ```", "  code", "## h"])
@example(["- ```", "", "  code", "  ```", "", "## h"])
@example(["1. a", "   > ~~~", "   > code", "## h", "~~~", "## h", "~~~", "## h"])
@example(["-", "", "  ```", "## h", "  ```", "## h"])
def test_a_heading_of_an_issue_is_where_the_renderer_shows_one(lines: list[str]) -> None:
    text = "\n".join(lines)
    assert headings_of_ours(text) == headings_shown(text)


@given(LINES)
def test_what_is_said_to_be_closed_swallows_no_heading_below(lines: list[str]) -> None:
    text = "\n".join(lines)
    below = f"{text}\n\n## h\n"
    shown = headings_shown(below)[-1:] == [below.count("\n")]
    assert (find_unclosed(text) is None) == shown


@pytest.mark.parametrize(
    "text",
    [
        "- ```\n  code\n  ```\n",
        "1. ```\n   code\n   ```\n",
        "> ```\n> code\n> ```\n",
        "- > ```\n  > code\n  > ```\n",
        "- ```\n  never closed, and yet ended by what follows\n\nwords\n",
        "- words\n\n  ```\n  code\n  ```\n",
        "-\t```\n\tcode\n\t```\n",
        "- <!-- a comment\n  of two lines -->\n",
    ],
)
def test_a_fence_in_a_list_or_a_quote_is_closed(text: str) -> None:
    assert find_unclosed(text) is None


@pytest.mark.parametrize(
    ("text", "line"), [("```\ncode\n", 1), ("- ```\n  ```\n\n~~~\n", 4), ("- ```\n```\n", 2), ("> ```\n```\n", 2)]
)
def test_a_fence_outside_of_lists_and_quotes_is_found(text: str, line: int) -> None:
    found = find_unclosed(text)
    assert isinstance(found, Unclosed)
    assert found.line == line


def test_a_shorter_fence_closes_nothing() -> None:
    """A block of Markdown about Markdown."""
    assert [structure for _, _, structure in structure_lines("- ````\n  ```\n  ````\n## h\n")] == [False] * 3 + [True]
