"""The desk's edits: the text after each is the one that a person would leave, and nothing that was not meant is touched."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.editing.issue_file import IssueFile, read_issue
from newsletter.editing.rearrange import add_source, drop_post, move_post, put_post, set_line
from newsletter.model import Link

FRONT = """---
issue: 2025-07-07-weekly
edition: weekly
date: 2025-07-07
subject: "A subject"
preheader: "A preheader"
---
"""
FILE = f"""{FRONT}
Hello.

## Caucasus {{#caucasus}}

### One {{#p-1}}

First.

[Source](https://e.org/1)

### Two {{#p-2}}

Second.

## EU–China {{#eu-china}}

Words of the section.

### Three

```
## no heading
```

## More {{#unsorted}}

### Four {{#p-4}}

Fourth.
"""


def read(text: str = FILE) -> IssueFile:
    return read_issue(text, "issue.md")


def line_of(words: str, text: str = FILE) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if line.startswith(words))


def titles(text: str) -> list[str]:
    return [
        part.strip("# ").split(" {")[0] for part in re.findall(r"^#{2,3} .*", text, re.MULTILINE) if "no " not in part
    ]


ONE = "### One {#p-1}\n\nFirst.\n\n[Source](https://e.org/1)\n\n"
TWO = "### Two {#p-2}\n\nSecond.\n\n"
FOUR = "### Four {#p-4}\n\nFourth.\n"


def test_a_post_goes_in_front_of_another() -> None:
    moved = move_post(read(), line_of("### Two"), "caucasus", before=line_of("### One"))
    assert moved == FILE.replace(ONE + TWO, TWO + ONE)


def test_a_post_goes_to_the_end_of_its_section() -> None:
    assert move_post(read(), line_of("### One"), "caucasus") == FILE.replace(ONE + TWO, TWO + ONE)


def test_a_post_goes_to_the_end_of_the_file() -> None:
    moved = move_post(read(), line_of("### One"), "unsorted")
    assert moved == FILE.replace(ONE, "") + "\n" + ONE.rstrip("\n") + "\n"


def test_the_last_post_goes_up() -> None:
    moved = move_post(read(), line_of("### Four"), "caucasus", before=line_of("### One"))
    assert moved == FILE.replace("\n" + FOUR, "").replace(ONE, FOUR + "\n" + ONE)


def test_into_a_section_behind_its_last_post() -> None:
    moved = move_post(read(), line_of("### One"), "eu-china")
    assert moved == FILE.replace(ONE, "").replace("## More", ONE + "## More")


def test_a_section_that_is_not_there_is_made_before_the_unsorted_posts() -> None:
    moved = move_post(read(), line_of("### Four"), "us-china", title="US–China")
    assert moved == FILE.replace("\n" + FOUR, "").replace(
        "## More {#unsorted}\n", f"## US–China {{#us-china}}\n\n{FOUR}\n## More {{#unsorted}}\n"
    )
    assert titles(move_post(read(), line_of("### Three"), "us-china", title="US–China")) == [
        "Caucasus", "One", "Two", "EU–China", "US–China", "Three", "More", "Four",
    ]  # fmt: skip


def test_a_first_unsorted_section_comes_last() -> None:
    text = FILE.partition("\n## More")[0]
    moved = move_post(read(text), line_of("### One"), "unsorted", title="More this week")
    assert moved == text.replace(ONE, "") + "\n## More this week {#unsorted}\n\n" + ONE.rstrip("\n") + "\n"
    last = move_post(read(text), line_of("### Three"), "unsorted", title="More this week")
    assert titles(last) == ["Caucasus", "One", "Two", "EU–China", "More this week", "Three"]


@pytest.mark.parametrize(
    ("line", "section", "before"),
    [("### One", "caucasus", "### One"), ("### One", "caucasus", "### Two"), ("### Two", "caucasus", None),
     ("### Four", "unsorted", None)],
)  # fmt: skip
def test_where_it_stands_already_nothing_changes(line: str, section: str, before: str | None) -> None:
    assert move_post(read(), line_of(line), section, before=line_of(before) if before else None) == FILE


def test_a_post_is_left_out() -> None:
    assert drop_post(read(), line_of("### One")) == FILE.replace(ONE, "")
    assert drop_post(read(), line_of("### Four")) == FILE.replace("\n" + FOUR, "")


def test_a_line_without_a_post_is_refused() -> None:
    with pytest.raises(KeyError):
        drop_post(read(), 2)
    with pytest.raises(KeyError):
        move_post(read(), 2, "caucasus")


def test_another_source() -> None:
    link = Link(text="also reported by b.org", url="https://b.org/x")
    written = "[also reported by b.org](https://b.org/x)"
    assert add_source(read(), line_of("### One"), link) == FILE.replace("e.org/1)", f"e.org/1) · {written}")
    assert add_source(read(), line_of("### Two"), link) == FILE.replace("Second.\n", f"Second.\n\n{written}\n")
    assert add_source(read(), line_of("### Four"), link) == FILE.replace("Fourth.\n", f"Fourth.\n\n{written}\n")
    cut = FILE.rstrip("\n")
    assert add_source(read(cut), line_of("### Four"), link) == f"{cut}\n\n{written}\n"
    for text in (FILE, cut):
        for words in ("### One", "### Two", "### Three", "### Four"):
            line = line_of(words)
            after = next(post for post in read(add_source(read(text), line, link)).issue.posts if post.line == line)
            assert after.sources[-1] == link


def test_the_subject_and_the_preheader() -> None:
    assert set_line(read(), "subject", 'A "new"  one: now') == FILE.replace('"A subject"', '"A \\"new\\" one: now"')
    without = FILE.replace('preheader: "A preheader"\n', "")
    assert set_line(read(without), "preheader", "A preheader") == FILE
    folded = FILE.replace('"A preheader"', ">\n  A longer\n  preheader")
    assert read(folded).issue.preheader == "A longer preheader"
    assert set_line(read(folded), "preheader", "A preheader") == FILE
    assert set_line(read(), "preheader", "") == FILE.replace('"A preheader"', '""')


def test_comments_and_texts_in_several_lines_stay_whole() -> None:
    noted = FILE.replace('"A subject"', '"A subject" # ask first').replace("preheader:", "# and this\npreheader:")
    assert set_line(read(noted), "subject", "New") == noted.replace('"A subject"', '"New"')
    for value in (
        ">\n  A longer\n\n  subject",
        "|\n  A longer\n  subject\n",
        "\n  A longer subject",
        '"A longer\n  subject"',
    ):
        several = FILE.replace('"A subject"', value).replace('preheader: "A preheader"\n', "")
        assert set_line(read(several), "subject", "A subject") == FILE.replace('preheader: "A preheader"\n', "")
        added = read(set_line(read(several), "preheader", "A preheader")).issue
        assert (added.preheader, added.subject.split()) == ("A preheader", ["A", "longer", "subject"])
    assert read(set_line(read(), "subject", "a\x00b\nedition: x")).issue.subject == "a b edition: x"


def test_a_file_of_mixed_line_ends_keeps_all_of_its_own() -> None:
    mixed = FILE.replace("---\nissue", "---\r\nissue", 1)
    moved = move_post(read(mixed), line_of("### Four"), "us-china", title="US–China")
    assert "\r\r" not in moved
    assert moved == move_post(read(), line_of("### Four"), "us-china", title="US–China").replace(
        "---\nissue", "---\r\nissue", 1
    )


def test_a_post_comes_back_where_it_is_wanted() -> None:
    without = drop_post(read(), line_of("### One"))
    assert put_post(read(without), ONE, "caucasus", before=line_of("### Two", without)) == FILE
    assert put_post(read(without), ONE, "us-china", title="US–China") == without.replace(
        "## More {#unsorted}", f"## US–China {{#us-china}}\n\n{ONE}## More {{#unsorted}}"
    )


def test_a_stop_behind_a_link_makes_room_and_one_in_an_address_stays() -> None:
    link = Link(text="b.org", url="https://b.org/x")
    stopped = FILE.replace("(https://e.org/1)", "(https://e.org/1).")
    assert add_source(read(stopped), line_of("### One"), link) == FILE.replace(
        "e.org/1)", "e.org/1) · [b.org](https://b.org/x)."
    )
    bare = FILE.replace("[Source](https://e.org/1)", "https://e.org/a.")
    assert "https://e.org/a. · [b.org]" in add_source(read(bare), line_of("### One"), link)


def test_line_ends_stay_those_of_the_file() -> None:
    crlf = FILE.replace("\n", "\r\n")
    moved = move_post(read(crlf), line_of("### One"), "unsorted")
    assert moved == move_post(read(), line_of("### One"), "unsorted").replace("\n", "\r\n")
    made = move_post(read(crlf), line_of("### Four"), "us-china", title="US–China")
    assert made == move_post(read(), line_of("### Four"), "us-china", title="US–China").replace("\n", "\r\n")
    assert set_line(read(crlf), "subject", "New").count("\n") == crlf.count("\r\n")


BODIES = st.lists(st.sampled_from(["", "Words.", "- an item\n- another", "[S](https://e.org/x)", "```\n### not one\n```", "\n\n"]), max_size=3)  # fmt: skip
POSTS = st.lists(st.tuples(st.sampled_from(["a", "b", "unsorted"]), BODIES, st.integers(1, 3)), min_size=1, max_size=6)


def make(posts: list[tuple[str, list[str], int]], ending: str) -> str:
    text = FRONT
    for slug in ("a", "b", "unsorted"):
        mine = [(number, body, blank) for number, (where, body, blank) in enumerate(posts) if where == slug]
        if mine:
            text += f"\n## {slug} {{#{slug}}}\n\n"
        for number, body, blank in mine:
            text += f"### Title {number} {{#p-{number}}}\n\n" + "\n\n".join(body) + "\n" * blank
    return text.rstrip("\n") + ending


@given(POSTS, st.sampled_from(["", "\n", "\n\n\n"]), st.data())
def test_moving_loses_no_word_and_changes_no_other_post(
    posts: list[tuple[str, list[str], int]], ending: str, data: st.DataObject
) -> None:
    file = read(make(posts, ending))
    post = data.draw(st.sampled_from(file.issue.posts))
    section = data.draw(st.sampled_from(["a", "b", "c", "unsorted"]))
    stands = [one for part in file.issue.sections if part.slug == section for one in part.posts]
    before = data.draw(st.sampled_from([None, *(one.line for one in stands)]))
    after = read(move_post(file, post.line, section, title=section, before=before)).issue
    found = {one.key: one for one in after.posts}
    assert len(after.posts) == len(found) == len(file.issue.posts)
    for one in file.issue.posts:
        assert (found[one.key].title, found[one.key].body, found[one.key].sources) == (one.title, one.body, one.sources)
    mine = [one.key for part in after.sections if part.slug == section for one in part.posts]
    others = [one.key for one in stands if one.key != post.key]
    at = next((place for place, one in enumerate(s for s in stands if s.key != post.key) if one.line == before), None)
    if before != post.line:
        at = len(others) if at is None else at
        assert mine == [*others[:at], post.key, *others[at:]]
    dropped = read(drop_post(file, post.line)).issue
    assert [one.key for one in dropped.posts] == [one.key for one in file.issue.posts if one.key != post.key]
