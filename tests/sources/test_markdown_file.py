"""One Markdown file ⇄ one post."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.errors import InputError
from newsletter.model import Post, Source
from newsletter.sources.contract import SourceFile
from newsletter.sources.markdown_file import read_markdown, write_markdown
from newsletter.sources.post_files import read_files
from newsletter.text.structure import find_unclosed

BERLIN = ZoneInfo("Europe/Berlin")


def read(text: str, file: str = "posts/a.md") -> Post:
    post, _ = read_markdown(text, file=file, source="desk", zone=BERLIN)
    assert post is not None
    return post


def test_front_matter_and_body() -> None:
    post = read(
        '---\ntitle: "A: b"\nurl: https://e.org/a?utm_source=x\ndate: 2025-07-04\ntheme: caucasus\ntags: [a, b]\nkeep: yes\nkey: abcd\n---\n\n# Not the title\n\nText.\n\n\n'
    )
    assert (post.title, post.url, post.raw_urls) == ("A: b", "https://e.org/a", ("https://e.org/a?utm_source=x",))
    assert post.date == datetime(2025, 7, 3, 22, tzinfo=UTC)
    assert (post.theme, post.tags, post.keep, post.key) == ("caucasus", ("a", "b"), True, "abcd")
    assert post.body == "# Not the title\n\nText.\n"


def test_without_front_matter_the_first_heading_is_the_title() -> None:
    post = read("\n# The *title* [here](https://e.org) #\n\nText.\n")
    assert (post.title, post.body) == ("The title here", "Text.\n")


def test_without_a_title_one_is_made_and_told() -> None:
    post, findings = read_markdown("**First** sentence. Second.\n", file="a.md", source="s", zone=BERLIN)
    assert post is not None
    assert (post.title, post.title_derived, post.body) == ("First sentence.", True, "**First** sentence. Second.\n")
    assert "made one: 'First sentence.'" in findings[0].message


def test_an_empty_file_is_named_and_left_out() -> None:
    post, findings = read_markdown("\n\n", file="a.md", source="s", zone=BERLIN)
    assert post is None
    assert str(findings[0]) == "a.md: nothing in it; left out"


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2025-07-04", datetime(2025, 7, 3, 22, tzinfo=UTC)),
        ("2025-07-04 10:00", datetime(2025, 7, 4, 8, tzinfo=UTC)),
        ("2025-07-04T10:00:00Z", datetime(2025, 7, 4, 10, tzinfo=UTC)),
        ("2025-07-04T10:00:00-05:00", datetime(2025, 7, 4, 15, tzinfo=UTC)),
    ],
)
def test_dates_in_the_publications_zone(value: str, moment: datetime) -> None:
    assert read(f"---\ntitle: x\ndate: {value}\n---\n").date == moment


def test_the_day_of_a_file_name_dates_its_post() -> None:
    assert read("# x\n", "posts/2025-07-04-x.md").date == datetime(2025, 7, 3, 22, tzinfo=UTC)
    assert read("# x\n", "posts/2025-99-99-x.md").date is None


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("date: 4 July", "a.md:3: date: '4 July': write a date as 2025-07-04 or 2025-07-04 10:00"),
        ("keep: maybe", "a.md:3: keep: 'maybe': write true or false"),
        ("key: A B", "a.md:3: key: 'A B': a key is 4 to 64 lower-case letters, digits and hyphens"),
        ("ttle: x", 'a.md:3: ttle: unknown key; did you mean "title"?'),
    ],
)
def test_wrong_values_are_told_with_their_line(line: str, told: str) -> None:
    with pytest.raises(InputError) as error:
        read_markdown(f"---\ntitle: x\n{line}\n---\n", file="a.md", source="s", zone=BERLIN)
    assert str(error.value.mistakes[0]) == told


TEXTS = st.text(
    alphabet=st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp", "Zs"], include_characters=" "),
    min_size=1,
    max_size=30,
).filter(lambda text: text.strip() == text and "  " not in text)


@given(
    TEXTS,
    TEXTS,
    st.lists(TEXTS, max_size=2),
    st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2100, 1, 1)),
)
def test_what_is_written_reads_back(title: str, author: str, tags: list[str], moment: datetime) -> None:
    post = Post(
        key="abcdef012345",
        title=title,
        body="Text.\n",
        source="wire",
        url="https://e.org/a",
        raw_urls=("https://e.org/a?utm_source=x",),
        date=moment.replace(microsecond=0, tzinfo=UTC),
        author=author,
        tags=tuple(tags),
    )
    again = read(write_markdown(post, BERLIN))
    assert (again.title, again.author, again.tags, again.date, again.key, again.source) == (
        post.title,
        post.author,
        post.tags,
        post.date,
        post.key,
        "wire",
    )
    assert (again.url, again.raw_urls, again.body) == (post.url, post.raw_urls, post.body)


def test_the_key_of_a_file_without_one_follows_its_words() -> None:
    assert read("# A\n\nSome words.\n").key == read("# a\n\n*Some* words!\n").key
    assert read("# A\n\nSome words.\n").key != read("# A\n\nOther words.\n").key


def test_files_of_other_kinds_are_named_and_mistakes_of_all_files_are_told() -> None:
    source = Source(name="desk", kind="folder", path="posts")
    batch = read_files(
        source, [SourceFile("posts/a.docx", b"x"), SourceFile("posts/b.md", b"# T\r\n\r\nText\r\n")], BERLIN
    )
    assert [post.title for post in batch.posts] == ["T"]
    assert str(batch.findings[0]) == "posts/a.docx: not read; posts are *.txt pastes and *.md files"


def test_c25_a_file_with_mistakes_is_left_out_and_the_others_are_read() -> None:
    """Each with all its mistakes, in the order of its lines, and with what to do."""
    wrong = (
        b"---\ntitle: a: b\nulr: x\nurl: e.org\nextra_urls: [e.org, f.org]\ndate: yesterday\nkeep: maybe\n---\nText.\n"
    )
    files = [
        SourceFile("posts/a.md", wrong),
        SourceFile("posts/b.txt", b"\xff\xff"),
        SourceFile("posts/c.md", b"# T\n\nText.\n"),
        SourceFile("posts/d.md", b"---\ntitle: D\n"),
        SourceFile("posts/e.txt", b"T\n\nText.\n"),
        SourceFile("posts/f.txt", b"---\ndate: soon\ntheme: [a, b]\nnoise: x: y\n---\nT\n\nText.\n"),
    ]
    batch = read_files(Source(name="desk", kind="folder", path="posts"), files, BERLIN)
    assert [post.origin for post in batch.posts] == ["posts/c.md", "posts/e.txt"]
    places = [(mistake.file, mistake.line) for mistake in batch.mistakes]
    assert places == [
        *(("posts/a.md", line) for line in (2, 3, 4, 5, 5, 6, 7)),
        ("posts/b.txt", 1),
        ("posts/d.md", 1),
        *(("posts/f.txt", line) for line in (2, 3, 4)),
    ]
    assert batch.mistakes[0].help == 'put text with a colon or a quote in it between double quotes: title: "A: b"'


def test_utf_16_with_its_mark_is_read() -> None:
    source = Source(name="desk", kind="folder", path="posts")
    batch = read_files(source, [SourceFile("posts/a.txt", "Tïtle\n\nText.\n".encode("utf-16"))], BERLIN)
    assert batch.posts[0].title == "Tïtle"


@pytest.mark.parametrize("address", ["javascript:alert(1)", "htp://e.org", "e.org/foo", "/foo"])
@pytest.mark.parametrize("key", ["url", "extra_urls"])
def test_an_address_must_lead_to_the_web(address: str, key: str) -> None:
    with pytest.raises(InputError, match=r"a\.md:3: .*no web address; write it as https://"):
        read_markdown(f"---\ntitle: A\n{key}: {address}\n---\nText.\n", file="a.md", source="desk", zone=UTC)


@pytest.mark.parametrize("opening", ["```python", "~~~~", "<!-- note"])
def test_what_is_left_open_ends_with_its_post(opening: str) -> None:
    post, findings = read_markdown(
        f"---\ntitle: A\n---\nText.\n\n{opening}\nmore\n", file="a.md", source="desk", zone=UTC
    )
    assert post is not None
    assert find_unclosed(post.body) is None
    assert [finding.where for finding in findings] == ["a.md:6"]


def test_a_code_block_in_a_list_gets_no_second_end() -> None:
    text = "- ```\n  pip install x\n  ```\n"
    post, findings = read_markdown(f"---\ntitle: A\n---\n{text}", file="a.md", source="desk", zone=UTC)
    assert post is not None
    assert (post.body, findings) == (text, ())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("---\ntitle: A\nWords.\n", r"a\.md:1: front matter has no end"),
        ("\n---\ntitle: A\n---\n", r"a\.md:2: front matter must begin"),
    ],
)
def test_half_a_front_matter_is_a_mistake(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        read_markdown(text, file="a.md", source="desk", zone=UTC)
