"""The `---` block at the top of files: strict, with lines, and the quick way reads what YAML reads."""

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.errors import InputError
from newsletter.text.front_matter import (
    SIZE_LIMIT,
    _read_plain,
    _read_yaml,
    open_front_matter,
    read_front_matter,
    write_front_matter,
)

KEYS = ("title", "url", "date", "tags", "key")
VALUES = st.one_of(
    st.text(alphabet=st.sampled_from(list("ab1 :#-,.;()/+_'\"’\\[]{}&*!|>%@`?~é中")), max_size=20),
    st.sampled_from(
        [
            "yes",
            "null",
            "~",
            "012",
            "12:30",
            "2025-07-04",
            "https://e.org/a?b=1#c",
            "a: b",
            "a #b",
            "- x",
            "Xi’s",
            '"q"',
        ]
    ),
)


@given(st.lists(st.tuples(st.sampled_from(KEYS), VALUES), min_size=1, max_size=4, unique_by=lambda pair: pair[0]))
@example([("title", "a:b")])
@example([("title", "a, b; c (d)")])
@example([("title", "a  b")])
def test_the_quick_way_reads_what_yaml_reads(pairs: list[tuple[str, str]]) -> None:
    block = "".join(f"{key}: {value}\n" for key, value in pairs)
    quick = _read_plain(block)
    if quick is not None:
        assert quick == _read_yaml(block, "x.md", [])


@given(
    st.dictionaries(
        st.sampled_from(KEYS),
        st.one_of(VALUES, st.lists(VALUES, min_size=1, max_size=3).map(tuple)),
        max_size=4,
    )
)
def test_what_is_written_reads_back(values: dict[str, str | tuple[str, ...]]) -> None:
    text = write_front_matter(values) + "body"
    front = read_front_matter(text, "x.md", KEYS)
    assert dict(front.values) == {key: value for key, value in values.items() if value}
    assert text[front.end :] == "body"


@given(st.text(max_size=30))
def test_any_text_survives_as_a_value(value: str) -> None:
    if any("\ud800" <= character <= "\udfff" for character in value):
        return
    front = read_front_matter(write_front_matter({"title": value}), "x.md", KEYS)
    assert front.text("title") == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("---\ntitle: a: b\n---\n", "x.md:2: front matter: title: there is a colon in the text; put the text between"),
        ("---\ntitel: a\n---\n", 'x.md:2: titel: unknown key; did you mean "title"?'),
        ("---\nurl: a\nqwx: b\n---\n", "x.md:3: qwx: unknown key; known keys: title, url, date, tags, key"),
        ("---\nurl: a\nurl: b\n---\n", "x.md:3: front matter: url stands here and in line 2; keep one"),
        ("---\n- a\n---\n", "x.md:2: front matter: wants lines of the form `key: value`"),
        ("---\ntags: {a: b}\n---\n", "x.md:2: tags: wants a text or a list of texts"),
        ("---\ntitle: 'a\n---\n", "x.md:2: front matter: title: the single quote at its beginning is not closed"),
        ('---\ntitle: "a\n---\n', "x.md:2: front matter: title: the double quote at its beginning is not closed"),
        ('---\ntitle: "A" and B\n---\n', "x.md:2: front matter: title: text stands after the closing double quote"),
        ('---\ntitle: "C:\\Users"\n---\n', "x.md:2: front matter: title: a backslash in double quotes"),
        ("---\ntitle: @home\n---\n", "x.md:2: front matter: title: begins with @; put the text between double quotes"),
        ("---\ntitle: !News of today\n---\n", "x.md:2: title: begins with !; put the text between double quotes"),
        ("---\ntitle: *Stars*\n---\n", "x.md:2: front matter: title: begins with *; put the text between"),
        ("---\ntags: [a, b\n---\n", "x.md:2: front matter: tags: the list is not closed by ]"),
        ("---\ntitle: {a\n---\n", "x.md:2: front matter: title: begins with {"),
        ("---\nurl: a\n\ttitle: b\n---\n", "x.md:3: front matter: begins with a tab; indent with blanks"),
        ("---\nurl: a\ntitle:b\n---\n", "x.md:3: front matter: title: wants a blank after the colon"),
        ("---\ntitle: a\x07b\n---\n", "x.md:2: front matter: holds the control character U+0007; delete it"),
        ("---\nurl: a\nWords.\nMore words.\n---\n", "x.md:3: front matter: wants lines of the form `key: value`"),
    ],
)
def test_mistakes_are_told_with_their_line(text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        read_front_matter(text, "x.md", KEYS)
    assert str(error.value.mistakes[0]).startswith(message)
    assert len(error.value.mistakes) == 1


def test_c25_all_mistakes_of_a_block_are_said_at_once() -> None:
    text = '---\ntitle: a: b\nurl: "x\ntags:\n- a\n- b: c\nkee: 1\ndate: @5\nkey: ok\nkey: twice\n---\n'
    with pytest.raises(InputError) as error:
        read_front_matter(text, "x.md", KEYS)
    told = error.value.mistakes
    assert [mistake.line for mistake in told] == [2, 3, 4, 7, 8, 10]
    assert all(mistake.help for mistake in told if mistake.code == "NL021" and "keep one" not in mistake.message)


@pytest.mark.parametrize("value", ["[" * 30_000, "{a: " * 15_000, "[" * 30_000 + "]" * 30_000, "\n" + "- " * 30_000])
def test_brackets_without_end_are_a_mistake_and_end_no_process(value: str) -> None:
    """The parser recurses in C: ten thousand of them overflowed its stack."""
    with pytest.raises(InputError):
        read_front_matter(f"---\ntitle: {value}\n---\n", "x.md", KEYS)


RAW_WORDS = ("mapping", "scalar", "token", "stream", "block end", "flow", "anchor", "alias", "indicator", "node")
PIECES = st.lists(
    st.sampled_from(
        [
            '"',
            "'",
            ": ",
            ":",
            "[",
            "]",
            "{",
            "}",
            "- ",
            "#",
            " #",
            "&a",
            "*a",
            "!",
            "|",
            ">",
            "@",
            "`",
            "%",
            "\\",
            "\t",
            "word",
            "é",
            "，",
        ]
    ),
    max_size=6,
).map("".join)


@given(
    st.lists(st.tuples(st.sampled_from((*KEYS, "strange", "")), st.sampled_from([": ", ":", ""]), PIECES), max_size=5)
)
def test_c25_no_mistake_speaks_the_words_of_yaml(lines: list[tuple[str, str, str]]) -> None:
    """Whatever is typed is read, or each line that is not has a mistake that says what to do. A value that is read stands
    in its line.
    """
    text = "---\n" + "".join(f"{key}{colon}{value}\n" for key, colon, value in lines) + "---\n"
    front = open_front_matter(text, "x.md", KEYS)
    for mistake in front.mistakes:
        assert not any(word in mistake.message for word in RAW_WORDS), mistake
        assert mistake.line is not None
        assert 2 <= mistake.line <= len(lines) + 1
    assert len({str(mistake) for mistake in front.mistakes}) == len(front.mistakes)
    assert front.mistakes or set(front.values) <= set(KEYS)


def test_yaml_resolves_nothing() -> None:
    front = read_front_matter("---\ntitle: no\nkey: 012\ndate: 2025-07-04\nurl: 12:30\n---\n", "x.md", KEYS)
    assert dict(front.values) == {"title": "no", "key": "012", "date": "2025-07-04", "url": "12:30"}


def test_a_list_where_one_text_is_wanted_is_a_mistake() -> None:
    front = read_front_matter("---\ntitle: [a, b]\n---\n", "x.md", KEYS)
    with pytest.raises(InputError, match="wants one value"):
        front.text("title")


def test_a_rule_at_the_top_is_no_front_matter() -> None:
    assert read_front_matter("--- \ntext", "x.md", KEYS).end == 0
    assert read_front_matter("x\n---\ntitle: a\n---\n", "x.md", KEYS).end == 0
    assert read_front_matter("---\n" + "a" * SIZE_LIMIT + "\n---\n", "x.md", KEYS).end == 0


def test_an_empty_block_is_one() -> None:
    assert read_front_matter("---\n---\nx", "x.md", KEYS).end == 8
    assert yaml.compose("") is None
