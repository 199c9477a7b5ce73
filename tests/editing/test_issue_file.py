"""issue.md: reading and writing give the same bytes, hand edits survive to the byte, mistakes are told with their line."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.editing.issue_file import insert_posts, read_issue, write_issue
from newsletter.errors import InputError
from newsletter.model import Issue, IssuePost, Link, Section
from newsletter.text.markdown import escape_block, escape_heading

FRONT = '---\nissue: 2025-07-07-weekly\nedition: weekly\ndate: 2025-07-07\nsubject: "A subject"\npreheader: "A preheader"\n---\n'
FILE = (
    FRONT
    + """
An introduction.

## Caucasus {#caucasus}

### Moscow and Baku drift apart {#p-3f2a9c41}

Body in *Markdown*…

```
## no heading
### nor this {#p-x}
```

[Source](https://www.example.org/posts/123)

### Only a title {#p-aaaa}

## EU–China {#eu-china}

Words of the section.

### By hand

Text.

[Source](https://e.org/a_(b)) · [Source 2](<https://e.org/odd(>) · <https://e.org/c>
"""
)
TEXTS = st.text(alphabet=st.sampled_from(list("ab #{}[]()*_-.:`<>&!\\1é中|~=+\"'")), min_size=1, max_size=20).filter(
    lambda text: text.strip()
)


def read(text: str) -> Issue:
    return read_issue(text, "issues/x/issue.md").issue


def test_the_contract_is_read() -> None:
    issue = read(FILE)
    assert (issue.slug, issue.edition, issue.date, issue.subject, issue.preheader) == (
        "2025-07-07-weekly",
        "weekly",
        date(2025, 7, 7),
        "A subject",
        "A preheader",
    )
    assert issue.intro == "An introduction.\n"
    caucasus, china = issue.sections
    assert [(post.title, post.key) for post in caucasus.posts] == [
        ("Moscow and Baku drift apart", "3f2a9c41"),
        ("Only a title", "aaaa"),
    ]
    assert caucasus.posts[0].sources == (Link(text="Source", url="https://www.example.org/posts/123"),)
    assert "### nor this {#p-x}" in caucasus.posts[0].body
    assert china.intro == "Words of the section.\n"
    assert china.posts[0].key is None
    assert [link.url for link in china.posts[0].sources] == [
        "https://e.org/a_(b)",
        "https://e.org/odd(",
        "https://e.org/c",
    ]
    assert [post.line for post in issue.posts] == [13, 24, 30]


def test_reading_and_writing_an_unedited_file_gives_the_same_bytes() -> None:
    assert write_issue(read(FILE)) == FILE


POSTS = st.builds(
    IssuePost,
    title=TEXTS.map(escape_heading).filter(bool),
    body=st.lists(TEXTS.map(escape_block), max_size=3).map(lambda lines: "\n\n".join(lines) + "\n" if lines else ""),
    key=st.none(),
    sources=st.lists(
        st.sampled_from(["https://e.org/1", "https://e.org/a(b", "https://e.org/c_d"]),
        max_size=2,
        unique=True,
    ).map(lambda urls: tuple(Link(text="Source", url=url) for url in urls)),
)


@given(st.lists(POSTS, min_size=1, max_size=4), TEXTS, TEXTS)
def test_whatever_an_author_writes_reads_back(posts: list[IssuePost], subject: str, preheader: str) -> None:
    keyed = tuple(IssuePost(title=p.title, body=p.body, key=f"k{n}", sources=p.sources) for n, p in enumerate(posts))
    issue = Issue(
        slug="2025-07-07-weekly",
        edition="weekly",
        date=date(2025, 7, 7),
        subject=" ".join(subject.split()),
        preheader=" ".join(preheader.split()),
        sections=(Section(slug="caucasus", title="Caucasus", posts=keyed),),
    )
    text = write_issue(issue)
    again = read(text)
    assert write_issue(again) == text
    assert (again.subject, again.preheader) == (issue.subject, issue.preheader)
    assert [(p.title, p.body, p.key, p.sources) for p in again.posts] == [
        (p.title, p.body, p.key, p.sources) for p in keyed
    ]


ADDED = (
    Section(slug="caucasus", title="Caucasus", posts=(IssuePost(title="New one", body="Words.\n", key="n1"),)),
    Section(slug="asia", title="Asia", posts=(IssuePost(title="New two", key="n2"),)),
    Section(slug="unsorted", title="More", posts=(IssuePost(title="New three", key="n3"),)),
)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("tail", ["", "\n", "\n\n\n", "no newline at the end"])
def test_new_posts_go_to_the_end_of_their_section_and_nothing_else_changes(newline: str, tail: str) -> None:
    edited = (FILE.replace("Body in *Markdown*…", "Edited   text  ") + tail).replace("\n", newline)
    text = insert_posts(read_issue(edited, "i.md"), ADDED)
    for line in edited.split(newline):
        assert line in text
    kept = text
    for addition in (
        "### New one {#p-n1}",
        "Words.",
        "## Asia {#asia}",
        "### New two {#p-n2}",
        "## More {#unsorted}",
        "### New three {#p-n3}",
    ):
        kept = kept.replace(addition + newline, "", 1)
    assert kept.replace(newline, "") == edited.replace(newline, "")
    assert ("\r\n" in text) is (newline == "\r\n")
    issue = read(text)
    assert [section.slug for section in issue.sections] == ["caucasus", "eu-china", "asia", "unsorted"]
    assert [post.key for post in issue.posts] == ["3f2a9c41", "aaaa", "n1", None, "n2", "n3"]
    again = insert_posts(
        read_issue(text, "i.md"),
        (Section(slug="asia", title="Asia", posts=(IssuePost(title="Four", key="n4"),)),),
    )
    assert [section.slug for section in read(again).sections] == ["caucasus", "eu-china", "asia", "unsorted"]


def test_nothing_to_add_changes_nothing() -> None:
    assert insert_posts(read_issue(FILE, "i.md"), ()) == FILE
    assert insert_posts(read_issue(FILE, "i.md"), (Section(slug="x", title="X"),)) == FILE


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        (
            "no front matter",
            ["i.md:1: no front matter; start the file with a line ---"],
        ),
        (FRONT.replace("2025-07-07\n", "7 July\n"), ["i.md:4: date: '7 July': write a date as 2025-07-04"]),
        (FRONT + "### Lost\n", ["i.md:8: a post before the first section"]),
        (FRONT + "## A {#a}\n## B {#a}\n", ["i.md:9: a second section {#a}"]),
        (
            FRONT + "## A {#a}\n### One {#p-x}\n### Two {#p-x}\n",
            ["i.md:10: the post p-x stands here and in line 9; keep one"],
        ),
        (FRONT + "## A {#a}\n###\n", ["i.md:9: a post without a title"]),
        (
            FRONT + "## A {#a}\n### One {#caucasus}\n",
            ["i.md:9: {#caucasus}: the id of a post begins with p-"],
        ),
        (FRONT + "### Lost\n## A {#a}\n###\n", ["i.md:8: a post before", "i.md:10: a post without"]),
        (FRONT.replace("subject:", "subjekt:"), ['i.md:5: subjekt: unknown key; did you mean "subject"?']),
    ],
)
def test_mistakes_are_told_with_their_line_all_at_once(text: str, mistakes: list[str]) -> None:
    with pytest.raises(InputError) as error:
        read_issue(text, "i.md")
    told = [str(mistake) for mistake in error.value.mistakes]
    assert len(told) == len(mistakes)
    for one, expected in zip(told, mistakes, strict=True):
        assert one.startswith(expected)


def test_a_section_by_hand_finds_its_theme_by_its_title() -> None:
    issue = read(FRONT + "## EU–China\n\n### One ##\n\n#### no post\n")
    assert issue.sections[0].slug == "eu-china"
    assert issue.sections[0].posts[0].title == "One"
    assert issue.sections[0].posts[0].body == "#### no post\n"


@pytest.mark.parametrize(
    ("last", "is_source"),
    [
        ("[A](https://e.org/1), [B](https://e.org/2) and <https://e.org/3>", True),
        ("https://e.org/1", True),
        ("See [A](https://e.org/1)", False),
        ("- [A](https://e.org/1)", False),
        ("Words.", False),
    ],
)
def test_only_links_make_a_source_line(last: str, is_source: bool) -> None:
    post = read(FRONT + f"## A {{#a}}\n\n### One\n\nText.\n\n{last}\n").posts[0]
    assert bool(post.sources) is is_source
    assert (post.body == "Text.\n") is is_source


@pytest.mark.parametrize(
    ("opening", "told"),
    [
        ("<!-- a note", "i.md:12: a comment begins here and nothing closes it"),
        ("```", "i.md:12: a code fence begins here and nothing closes it"),
    ],
)
def test_what_would_hide_all_that_follows_is_a_mistake(opening: str, told: str) -> None:
    text = FRONT + f"## A {{#a}}\n\n### One\n\n{opening}\n\n### Two\n\nWords.\n"
    with pytest.raises(InputError) as caught:
        read_issue(text, "i.md")
    line = text[: text.index(opening)].count("\n") + 1
    assert str(caught.value).startswith(told.replace(":12:", f":{line}:"))


@pytest.mark.parametrize("mark", ["- ", "1. ", "> ", "- - ", "> 1. "])
def test_a_code_block_in_a_list_hides_no_post_and_is_no_mistake(mark: str) -> None:
    below = "".join(one if one == ">" else " " for one in mark)
    block = f"{mark}```\n{below}pip install x\n{below}```\n"
    issue = read(
        FRONT + f"## A {{#a}}\n\n### One {{#p-1}}\n\n{block}\n### Two {{#p-2}}\n\n{block}\n### Three\n\nWords.\n"
    )
    assert [(post.title, post.body) for post in issue.posts] == [("One", block), ("Two", block), ("Three", "Words.\n")]


def test_a_code_block_that_a_list_item_ends_hides_no_post() -> None:
    issue = read(FRONT + "## A {#a}\n\n### One\n\n- ```\n  never closed\n\n### Two\n\nWords.\n")
    assert [post.title for post in issue.posts] == ["One", "Two"]


@pytest.mark.parametrize("address", ["javascript:alert(1)", "htp://e.org", "e.org/foo", "/foo", ""])
def test_a_source_must_lead_to_the_web(address: str) -> None:
    with pytest.raises(InputError, match="is no web address; write it as https://"):
        read_issue(FRONT + f"## A {{#a}}\n\n### One\n\nText.\n\n[Source]({address})\n", "i.md")


@pytest.mark.parametrize(
    ("slip", "told"),
    [
        ("# A title", "a single # is a heading inside the post above"),
        ("### Two {#p-7c86", "an unfinished {#id}"),
        ("[Source](https://e.org/1", "a link that is not closed"),
        ("![](images/pier.png)", "'images/pier.png' is no web address"),
        ("[there](javascript:x)", "'javascript:x' is no web address"),
    ],
)
def test_slips_are_told_with_their_line(slip: str, told: str) -> None:
    text = FRONT + f"## A {{#a}}\n\n### One\n\nText.\n\n{slip}\n\nMore text.\n"
    findings = read_issue(text, "i.md").findings
    line = text[: text.index(slip)].count("\n") + 1
    assert [finding.where for finding in findings] == [f"i.md:{line}"]
    assert told in findings[0].message


@pytest.mark.parametrize(
    ("slip", "told", "level"),
    [
        ("###Moscow and Baku {#p-b56c49874e67}", "### without a blank", "error"),
        ("##China {#china}", "## without a blank", "error"),
        ("###Moscow and Baku", "### without a blank", "warning"),
        ("#### Moscow and Baku {#p-b56c49874e67}", "is shown as text", "error"),
        ("#### China {#china}", "is shown as text", "error"),
        ("    ### Moscow {#p-b56c}", "is shown as text", "error"),
        ("Moscow {#p-b56c}\n---", "is shown as text", "error"),
    ],
)
def test_half_a_heading_whose_id_would_be_in_the_mail_is_told(slip: str, told: str, level: str) -> None:
    findings = read_issue(FRONT + f"## A {{#a}}\n\n### One\n\n{slip}\n\nMore text.\n", "i.md").findings
    assert [(finding.where, finding.level) for finding in findings] == [("i.md:12", level)]
    assert told in findings[0].message


def test_clean_files_have_no_slips() -> None:
    text = "# A heading of the introduction\n\n## A {#a}\n\n### One\n\n#### Two \\{#p-1a}\n\n`[a](b)` {#x} #no (https://e.org\n\n<https://e.org/1>\n"
    assert read_issue(FRONT + text, "i.md").findings == ()
