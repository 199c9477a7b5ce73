"""Plain text made safe as Markdown, and Markdown source read line by line."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.rendering.markdown import inline_to_text, parse_inline, parse_markdown
from newsletter.text.html import html_words
from newsletter.text.markdown import (
    HEADING_ID,
    escape_block,
    escape_heading,
    escape_inline,
    find_blocks,
    format_link,
    map_text,
    shift_headings,
    trim_url,
    without_code,
)

PIECES = st.one_of(
    st.sampled_from(list("*_`~[]()<>!#&;:|\\-+=.\"'{} 1a é.")),
    st.sampled_from(
        ["https://e.org/a_b?c=*d*&amp=1", "&amp;", "<b>", "</b>", "](", "](x)", "~~", "{#p-1}", "www.e.org"]
    ),
    st.characters(categories=["L", "N", "P", "S"]),
)
NASTY = st.lists(PIECES, max_size=14).map("".join)


def shown(markdown: str) -> str:
    """What a reader sees of a body that is one paragraph."""
    tokens = parse_markdown(markdown)
    assert [token.type for token in tokens if token.nesting != -1] in (["paragraph_open", "inline"], [])
    return inline_to_text(tokens[1].children or []) if tokens else ""


@given(NASTY)
@example("1. not a list")
@example("---")
@example("- - -")
@example("+ x")
@example("# x")
@example("a\\")
@example("[a]: https://e.org")
@example("![x](y)")
@example("*https://e.org/*")
@example("<https://e.org>")
@example("(see https://e.org/a_(b).)")
def test_escaped_text_shows_its_own_characters(text: str) -> None:
    flat = " ".join(text.split())
    assert " ".join(shown(escape_block(flat)).split()) == flat


@given(NASTY)
@example("C# ##")
@example("a {#caucasus}")
def test_an_escaped_title_shows_its_own_characters(text: str) -> None:
    flat = " ".join(text.split())
    heading = escape_heading(flat)
    tokens = parse_markdown(f"### {heading}\n")
    assert tokens[0].type == "heading_open"
    assert " ".join(inline_to_text(tokens[1].children or []).split()) == flat
    match = HEADING_ID.search(heading)
    assert match is None or heading[match.start() - 1] == "\\"


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("2 * 3", "2 * 3"),
        ("*x*", "\\*x\\*"),
        ("snake_case", "snake_case"),
        ("_x_", "\\_x\\_"),
        ("a < b", "a < b"),
        ("a <b>", "a \\<b>"),
        ("[1] and [x]", "[1] and [x]"),
        ("AT&T; R&D", "AT\\&T; R&D"),
        ("see https://e.org/a_b.", "see <https://e.org/a_b>."),
    ],
)
def test_only_what_would_be_read_as_markup_is_escaped(text: str, markdown: str) -> None:
    assert escape_inline(text) == markdown


@pytest.mark.parametrize(
    ("found", "url"),
    [
        ("https://e.org/a.", "https://e.org/a"),
        ("https://e.org/a_(b)", "https://e.org/a_(b)"),
        ("https://e.org/a),", "https://e.org/a"),
        ("https://e.org/”", "https://e.org/"),
    ],
)
def test_an_address_ends_before_the_sentence_does(found: str, url: str) -> None:
    assert trim_url(found) == url


def test_a_link_with_odd_characters_goes_into_angle_brackets() -> None:
    assert format_link("Source", "https://e.org/a(b") == "[Source](<https://e.org/a(b>)"
    assert format_link("Source", "https://e.org/a(b)") == "[Source](https://e.org/a(b))"
    assert "href" in str(parse_markdown(format_link("x", "https://e.org/a b<c>"))[1].children)


def test_headings_move_together_and_fences_stay() -> None:
    body = "# A\n\n```\n# no heading\n```\n\n### B\n\n<!--\n# nor this\n-->\n"
    assert shift_headings(body, 4) == "#### A\n\n```\n# no heading\n```\n\n###### B\n\n<!--\n# nor this\n-->\n"
    assert shift_headings("plain", 4) == "plain"


def test_blocks_are_found_with_their_lines() -> None:
    body = "Intro\ngoes on.\n\n- one\n- two\n  more\n\n## Head\n\n```\ncode\n```\nlast\n"
    found = [(block.kind, block.text, block.line) for block in find_blocks(body)]
    assert found == [
        ("paragraph", "Intro\ngoes on.", 1),
        ("item", "one", 4),
        ("item", "two\nmore", 5),
        ("heading", "Head", 8),
        ("code", "```\ncode\n```", 10),
        ("paragraph", "last", 13),
    ]


def test_a_title_loses_its_links_but_keeps_its_emphasis() -> None:
    tokens = parse_inline("A [linked](https://e.org) *word*")
    assert inline_to_text(tokens) == "A linked word"


def test_words_of_raw_html_are_read_a_line_a_block() -> None:
    assert html_words("<p>a <b>b</b></p><table><tr><td>c</td><td>d</td></tr></table>") == "a b\nc | d"


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("a `a` a", "A `a` A"),
        (r"\``a` a", r"\``a` A"),  # the first is a character, the second begins code
        (r"\\`a` a", r"\\`a` A"),  # the first backslash escapes the second
        (r"\`a\` a", r"\`A\` A"),
        (r"`a\` a", r"`a\` A"),  # in code it escapes nothing
        ("`a `` a", "`A `` A"),
    ],
)
def test_c18_a_backslash_takes_a_backtick_out_of_the_beginning_of_code(line: str, changed: str) -> None:
    assert map_text(line, str.upper) == changed


@given(st.text(alphabet="\\`a ", max_size=20).map(lambda text: f"x{text}x"))
def test_c18_code_ends_where_the_renderer_ends_it(line: str) -> None:
    text = "".join(token.content for token in parse_inline(line) if token.type == "text")
    assert without_code(line).count("a") == text.count("a")
