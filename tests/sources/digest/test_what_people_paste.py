"""Pastes as people make them: lists of links, wrapped paragraphs, buttons. Each was read wrongly once."""

import pytest

from newsletter.sources.digest import Digest, read_digest
from newsletter.sources.digest.noise import find_noise, is_noise


def read(text: str) -> Digest:
    return read_digest(text, file="week.txt", source="desk")


def test_numbered_links_are_a_list_and_no_posts() -> None:
    links = "\n".join(f"{n}. Story number {n} https://example.com/{n}" for n in (1, 2, 3))
    digest = read(f"Further reading\n\nThree stories worth an hour:\n{links}\n\nhttps://example.com/all\n")
    assert [entry.post.title for entry in digest.posts] == ["Further reading"]
    assert digest.posts[0].post.body.count("<https://example.com/") == 3


def test_lines_of_like_length_are_not_run_together() -> None:
    lines = [
        "Assam second flush, four thousand kilos, bright and brisk today",
        "Darjeeling first flush, ninety kilos, flowery with a long finish",
        "Nilgiri winter frost, six hundred kilos, clean and rather light",
    ]
    body = read("Tea prices\n\n" + "\n".join(lines) + "\n\nhttps://tea.example/1\n").posts[0].post.body
    assert body.rstrip("\n").split("\n\n") == lines


def test_a_title_is_not_run_into_the_label_below_it() -> None:
    title = "The harbour authority of Hull publishes its plans for the pier"
    post = read(f"{title}\nSummary: the pier will be closed.\n\nhttps://hull.example/1\n").posts[0].post
    assert post.title == title


def test_a_line_that_ends_in_an_address_is_not_continued() -> None:
    first = "The whole of the report can be read here https://hull.example/report"
    post = read(f"Pier\n\n{first}\nand the summary there.\n\nhttps://hull.example/1\n").posts
    assert "report>\n\nand the summary" in post[0].post.body or len(post) == 2


def test_a_wrapped_paragraph_is_joined_in_a_file_that_is_not() -> None:
    text = (
        "The port has been closed since the storm of last week, and the\n"
        "Authority says that it will not be opened before the pier has\n"
        "been looked at."
    )
    body = read(f"Pier\n\n{text}\n\nhttps://hull.example/1\n").posts[0].post.body
    assert body == " ".join(text.split()) + "\n"


def test_a_number_is_continued_by_an_indented_line_and_letters_are_nested() -> None:
    text = "1. First point\n   that goes on\n2. Second point\n   a) with one part\n   b) and another\n3. Third point\n"
    body = read(f"Plan\n\n{text}\nhttps://hull.example/1\n").posts[0].post.body
    assert body == (
        "1. First point that goes on\n2. Second point\n   - a) with one part\n   - b) and another\n3. Third point\n"
    )


@pytest.mark.parametrize("mark", ["→ ", "⁃ ", "-- ", "•"])
def test_these_are_bullets_too(mark: str) -> None:
    body = read(f"Plan\n\n{mark}one thing\n{mark}another\n\nhttps://hull.example/1\n").posts[0].post.body
    assert body == "- one thing\n- another\n"


def test_a_title_after_an_address_at_a_line_end_is_pointed_at() -> None:
    grid = "The grid operator has published its outlook. Read more: https://grid.example/outlook"
    text = f"Grid\n\n{grid}\n\nA second story\n\nWords of it.\n\nhttps://www.linkedin.com/posts/2\n"
    digest = read(text)
    assert any(finding.where == "week.txt:3" and "looks like a title" in finding.message for finding in digest.findings)


def test_mentions_among_hashtags_are_tags() -> None:
    post = read("Pier\n\nWords.\n\n#Hull #Harbour @PortOfHull\n\nhttps://hull.example/1\n").posts[0].post
    assert (post.tags, post.body) == (("Hull", "Harbour", "PortOfHull"), "Words.\n")


def test_what_only_looks_like_an_address_is_text() -> None:
    post = read("Pier\n\nWords.\n\nhttps://[half\n").posts[0].post
    assert post.url is None
    assert "half" in post.body


@pytest.mark.parametrize(
    "text",
    [
        "12 июля в 14:05",
        "Shared with Public",
        "… See more",
        "…more",
        "👍 23",
        "1w • Edited •",
        "Repost",
        "112 · 14 comments",
        "·",
        "Show this thread",
        "1.2K",
        "👉",
        "Weiterlesen",
    ],
)
def test_buttons_and_counters_are_noise(text: str) -> None:
    assert is_noise(text)


@pytest.mark.parametrize("text", ["…", "Jul 9", "23", "More on this", "Public opinion", "A quote", "👉 Read this"])
def test_words_are_not(text: str) -> None:
    assert not is_noise(text)


def test_a_number_or_day_beside_a_button_is_noise() -> None:
    assert find_noise(["Jul 9", "Show this thread", "Words.", "23", "More words."]) == [True, True, False, False, False]


@pytest.mark.parametrize("line", ["1. a\n", "1. a\n- b\n", "(1) a\n2. b\n", "a)\n", "👍 a\n", "- a\n  - b\n"])
@pytest.mark.usefixtures("untraced")
def test_a_long_paste_of_one_kind_of_line_is_read_at_once(line: str) -> None:
    """20,000 lines took hours when every count was looked at from each of its lines again."""
    assert read("A title of the post\n\n" + line * 5_000).posts
