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
        assert quick == _read_yaml(block, "x.md")


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
        ("---\ntitle: a: b\n---\n", "x.md:2:9: front matter: mapping values are not allowed"),
        ("---\ntitel: a\n---\n", 'x.md:2: titel: unknown key; did you mean "title"?'),
        ("---\nurl: a\nqwx: b\n---\n", "x.md:3: qwx: unknown key; known keys: title, url, date, tags, key"),
        ("---\nurl: a\nurl: b\n---\n", "x.md:3: front matter: url stands here and in line 2; keep one"),
        ("---\n- a\n---\n", "x.md:2: front matter: wants lines of the form `key: value`"),
        ("---\ntags: {a: b}\n---\n", "x.md:2: tags: wants a text or a list of texts"),
        ("---\ntitle: 'a\n---\n", "x.md:3:1: front matter: found unexpected end of stream"),
    ],
)
def test_mistakes_are_told_with_their_line(text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        read_front_matter(text, "x.md", KEYS)
    assert str(error.value.mistakes[0]).startswith(message)


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
