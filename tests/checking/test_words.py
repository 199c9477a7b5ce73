"""Rules about an issue's own words."""

from dataclasses import replace
from datetime import date

import pytest

from newsletter.checking import WORD_RULES, IssueText, check_draft
from newsletter.model import Issue, IssuePost, Link, Section


def draft(
    *bodies: str,
    title: str = "A title",
    flag: tuple[str, ...] = (),
    repeats: tuple[tuple[int, str], ...] = (),
    off_theme: tuple[tuple[int, str], ...] = (),
    marks: tuple[tuple[int, str], ...] = (),
    urls: tuple[str, ...] = (),
) -> IssueText:
    links: list[tuple[Link, ...]] = [(Link(text="Source", url=url),) for url in urls] or [()] * len(bodies)
    posts = tuple(
        IssuePost(title=title if not number else f"{title} {number}", body=body, sources=sources, line=10 + number)
        for number, (body, sources) in enumerate(zip(bodies, links, strict=True))
    )
    issue = Issue(
        slug="2025-07-07-weekly",
        edition="weekly",
        date=date(2025, 7, 7),
        subject="S",
        preheader="P",
        sections=(Section(slug="caucasus", title="Caucasus", posts=posts),),
    )
    return IssueText(issue=issue, path="issue.md", flag=flag, repeats=repeats, off_theme=off_theme, marks=marks)


def found(one: IssueText) -> list[tuple[str, str]]:
    return [(finding.rule, finding.where) for finding in check_draft(one)]


@pytest.mark.parametrize(
    "text",
    ["The number is TK.", "TODO: look it up", "Lorem ipsum dolor", "Hello {{ name }}", "See [link]", "FIXME", "XXX"],
)
def test_what_was_left_over(text: str) -> None:
    assert found(draft(text)) == [("leftover", "issue.md:10")]


@pytest.mark.parametrize(
    "text",
    [
        "TK Maxx shuts ten shops.",
        "A list of TODO apps",
        "Write {{ user.name }}",
        "`{{ x }} TK`",
        "XXX files",
        "`{#p-0123abcd}`",
    ],
)
def test_c31_words_that_others_write_in_earnest_stop_no_issue(text: str) -> None:
    one = draft(text, title=text)
    one = replace(one, issue=replace(one.issue, subject=text, preheader=text))
    assert {(finding.rule, finding.level) for finding in check_draft(one)} == {("leftover", "warning")}


def test_c31_an_id_in_code_and_the_same_one_escaped_stop_no_issue() -> None:
    told = check_draft(draft("```\n{#p-0123abcd}\n```\n\n\\{#p-0123abcd}\n"))
    assert {(one.rule, one.level) for one in told} == {("leftover", "warning")}


@pytest.mark.parametrize("text", ["###Moscow {#p-b56c49874e67}", "#### Moscow {#p-b56c49874e67}\n\nWords."])
def test_the_id_of_a_post_that_is_shown_is_an_error(text: str) -> None:
    assert [(one.rule, one.level) for one in check_draft(draft(text))] == [("leftover", "error")]


@pytest.mark.parametrize(
    "text", ["Todo el mundo", "a xxx rating", "See [link](https://example.org/)", "TKO in the third round", "ipsum"]
)
def test_what_only_looks_like_it(text: str) -> None:
    assert found(draft(text)) == []


def test_words_of_the_house_style_are_pointed_at() -> None:
    assert found(draft("The USeless plan", flag=("USeless",))) == [("flag", "issue.md:10")]
    assert found(draft("A useless plan, and USelessness", flag=("USeless",))) == []


def test_one_site_behind_most_of_it() -> None:
    urls = tuple(f"https://www.example.org/{number}" for number in range(4))
    assert found(draft(*"abcd", urls=urls)) == [("one-source", "issue.md:1")]
    assert found(draft(*"abc", urls=urls[:3])) == []
    assert found(draft(*"abcd", urls=(*urls[:2], "https://a.example/", "https://b.example/"))) == []
    assert found(draft(*"abcd", urls=tuple(f"https://www.facebook.com/{number}" for number in range(4)))) == []


def test_what_others_found_is_told_at_its_line() -> None:
    one = draft("x", repeats=((10, "the same address as 'Baku'"),), off_theme=((10, "names China"),))
    assert found(one) == [("repeated", "issue.md:10"), ("off-theme", "issue.md:10")]
    assert found(draft("x")) == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("They will meet on 3 July.", True),
        ("They will meet on 7 July.", False),
        ("They will meet on 9 July 2025.", False),
        ("They will meet on July 3, 2024.", True),
        ("They will meet on 3 January.", False),
        ("They met on 20 July.", True),
        ("They met on 20 June.", False),
        ("They met on 20 December.", False),
        ("They met. Talks will go on until 9 July.", False),
        ("He said that they will meet on 20 July.", False),
        ("The clock runs until 3 July.", False),
        ("A summit is due on 30 June in Brussels.", True),
        ("They will meet on 31 June.", False),
    ],
)
def test_a_day_that_contradicts_the_issues(text: str, wrong: bool) -> None:
    assert found(draft(text)) == ([("date", "issue.md:10")] if wrong else [])


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("on Monday 7 July 2025", False),
        ("on Tuesday 7 July 2025", True),
        ("on Monday, July 7", False),
        ("on Friday, July 7th, 2025", True),
        ("on Wednesday the 31st of December", False),
        ("on Thursday 1 January", False),
        ("on Monday 30 February 2025", False),
        ("Monday in July 2025", False),
    ],
)
def test_a_weekday_that_is_not_that_days(text: str, wrong: bool) -> None:
    assert found(draft(f"They meet {text}.")) == ([("weekday", "issue.md:10")] if wrong else [])


@pytest.mark.parametrize("rule", WORD_RULES)
def test_rules_can_be_left_out(rule: str) -> None:
    text = "TK on Tuesday 7 July 2025 USeless. They will meet on 1 July 2025."
    urls = tuple(f"https://www.example.org/{number}" for number in range(4))
    one = draft(
        *[text] * 4, flag=("USeless",), urls=urls, repeats=((10, "x"),), off_theme=((10, "y"),), marks=((10, "z"),)
    )
    assert {finding.rule for finding in check_draft(one)} == set(WORD_RULES)
    assert rule not in {finding.rule for finding in check_draft(one, ignore={rule: "because"})}
