"""The cases M1-M29 of docs/digests.md: what a paste goes through before it reaches us, and what must come of it."""

import re
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from newsletter.sources.digest import Digest, read_digest

FACEBOOK = "https://www.facebook.com/example.desk/posts/"


@pytest.fixture(scope="module")
def sample(root: Path) -> str:
    return (root / "posts" / "2025-07-05-collected.txt").read_text(encoding="utf-8")


def read(text: str) -> Digest:
    return read_digest(text, file="paste.txt", source="desk")


def shape(digest: Digest) -> list[tuple[str, str, str | None]]:
    return [(entry.post.title, entry.post.body, entry.post.url) for entry in digest.posts]


def titles(digest: Digest) -> list[str]:
    return [entry.post.title for entry in digest.posts]


def told(digest: Digest, words: str) -> bool:
    return any(words in finding.message for finding in digest.findings)


def wrap(text: str, columns: int) -> str:
    return "\n".join(
        line if line.startswith("http") else "\n".join(textwrap.wrap(line, columns) or [""])
        for line in text.split("\n")
    )


SAME: dict[str, Callable[[str], str]] = {
    "M1 CRLF": lambda text: text.replace("\n", "\r\n"),
    "M1 CR": lambda text: text.replace("\n", "\r"),
    "M2 BOM inside": lambda text: "\ufeff" + text,
    "M3 NBSP": lambda text: text.replace(" ", "\u00a0"),
    "M4 zero-width lines": lambda text: text.replace("\n\n", "\n\u200b\n"),
    "M5 no blank lines": lambda text: re.sub("\n+", "\n", text),
    "M6 triple blank lines": lambda text: text.replace("\n\n", "\n\n\n\n"),
    "M7 trailing spaces": lambda text: re.sub("$", "   ", text, flags=re.MULTILINE),
    "M8 hyphens": lambda text: text.replace("\n– ", "\n- "),
    "M8 dots": lambda text: text.replace("\n– ", "\n• "),
    "M8 em dashes": lambda text: text.replace("\n– ", "\n— "),
    "M9 angle brackets": lambda text: re.sub(r"^(http\S+)$", r"<\1>", text, flags=re.MULTILINE),
    "M10 wrapped at 72": lambda text: wrap(text, 72),
    "C1 quotes": lambda text: text.replace("’", "\x92").replace("“", "\x93").replace("”", "\x94").replace("–", "\x96"),
    "M27 marks around bullets and URLs": lambda text: text.replace("\n– ", "\n\u200e– ").replace(
        "\nhttp", "\n\u200ehttp"
    ),
    "text above nothing": lambda text: "\n\n" + text + "\n\n",
}


@pytest.mark.parametrize("mutate", SAME.values(), ids=SAME.keys())
def test_the_same_five_posts_come_out(sample: str, mutate: Callable[[str], str]) -> None:
    assert shape(read(mutate(sample))) == shape(read(sample))


def test_m11_mobile_addresses_become_www(sample: str) -> None:
    assert shape(read(sample.replace("https://www.facebook", "https://m.facebook"))) == shape(read(sample))


def test_m12_a_missing_last_address_is_told(sample: str) -> None:
    digest = read(sample[: sample.rindex("https://")])
    assert titles(digest) == titles(read(sample))
    assert digest.posts[-1].post.url is None
    assert told(digest, "no source address")


def test_m13_a_foreign_link_inside_a_body_is_one_more_block(sample: str) -> None:
    lines = sample.split("\n")
    plain = read(sample)
    for number in (3, 5, 7, 11, 21, 53, 55, 59, 61, 81, 83, 95, 97, 99):
        digest = read("\n".join([*lines[:number], "", "https://news.example.com/story", *lines[number:]]))
        assert titles(digest) == titles(plain), number
        assert sum(len(entry.blocks) for entry in digest.posts) >= sum(len(entry.blocks) for entry in plain.posts) + 1


def test_a_foreign_link_above_the_source_is_a_second_source(sample: str) -> None:
    cut = sample.index("\nhttps://")
    digest = read(sample[:cut] + "\nhttps://news.example.com/story\n" + sample[cut:])
    assert digest.posts[0].post.url == "https://news.example.com/story"
    assert digest.posts[0].post.extra_urls == (read(sample).posts[0].post.url,)


def test_m14_a_see_more_line_is_left_out_and_told(sample: str) -> None:
    digest = read(sample.replace("\n\nWhat Happened", "\n\nSee more\n\nWhat Happened"))
    assert shape(digest) == shape(read(sample))
    assert digest.noise == ("See more",)
    assert told(digest, "See more")


def test_m15_an_address_at_the_end_of_a_text_line_ends_the_post(sample: str) -> None:
    digest = read(sample.replace("trade balance were the agenda.\n\nhttps", "trade balance were the agenda. https"))
    assert shape(digest) == shape(read(sample))


def test_m16_another_accounts_post_inside_a_body_is_a_link(sample: str) -> None:
    other = "https://www.facebook.com/another.account/posts/1"
    digest = read(sample.replace("\n\nWhat Happened", f"\n\n{other}\n\nWhat Happened"))
    assert titles(digest) == titles(read(sample))
    assert f"<{other}>" in digest.posts[0].post.body
    assert told(digest, "another account")


def test_m17_a_source_from_another_site_ends_its_post(sample: str) -> None:
    facebook = re.findall(r"https://www\.facebook\S+", sample)
    for url in facebook:
        digest = read(sample.replace(url, "https://news.example.com/story"))
        assert titles(digest) == titles(read(sample))
        assert "https://news.example.com/story" in [entry.post.url for entry in digest.posts]


def test_m18_an_indented_second_line_joins_its_bullet() -> None:
    digest = read("Title\n\n- one goes\n  on here\n- two\n")
    assert digest.posts[0].post.body == "- one goes on here\n- two\n"


@pytest.mark.parametrize("inner", ["  - ", "\t- ", "◦ ", "o "[:0] + "* "], ids=["indent", "tab", "ring", "star"])
def test_m19_nested_bullets_keep_two_levels(inner: str) -> None:
    digest = read(f"Title\n\n- one\n{inner}inner\n- two\n")
    assert digest.posts[0].post.body == "- one\n  - inner\n- two\n"


def test_m19_a_third_level_is_flattened_and_told() -> None:
    digest = read("Title\n\n- one\n  - inner\n    - deep\n- two\n")
    assert digest.posts[0].post.body == "- one\n  - inner\n  - deep\n- two\n"
    assert told(digest, "three deep")


@pytest.mark.parametrize("form", ["{}. ", "{}) ", "({}) "])
def test_m20_numbers_that_count_up_are_a_list(form: str) -> None:
    digest = read(f"Title\n\n{form.format(3)}three\n\n{form.format(4)}four\n")
    assert digest.posts[0].post.body == "3. three\n4. four\n"


def test_m20_a_year_at_the_start_of_a_line_is_text() -> None:
    assert read("Title\n\n2025. A year.\n").posts[0].post.body == "2025\\. A year.\n"
    body = read("Title\n\n1. one\n2. two\n- under two\n3. three\n").posts[0].post.body
    assert body == "1. one\n2. two\n   - under two\n3. three\n"


def test_m21_the_same_picture_twice_is_a_bullet_and_stays() -> None:
    assert read("Title\n\n✅ one\n✅ two\n").posts[0].post.body == "- ✅ one\n- ✅ two\n"
    assert read("Title\n\n✅ only one\n").posts[0].post.body == "✅ only one\n"


def test_m22_hashtags_are_tags_and_no_text() -> None:
    post = read("Title\n\nText.\n\n#Armenia #South_Caucasus\n").posts[0].post
    assert post.tags == ("Armenia", "South_Caucasus")
    assert post.body == "Text.\n"


@pytest.mark.parametrize(
    ("line", "markdown"),
    [
        ("He said: it is over.", "He said: it is over."),
        ("Smith told Reuters: “It is over.”", "Smith told Reuters: “It is over.”"),
        ("Q: Is it over?", "**Q:** Is it over?"),
        ("At 10:30 it began.", "At 10:30 it began."),
        (
            "“Months Behind” vs. “Years Behind”: we shall see.",
            "**“Months Behind” vs. “Years Behind”:** we shall see.",
        ),
        ("背景：谈判", "<strong>背景：</strong>谈判"),
    ],
)
def test_m23_labels_and_what_only_looks_like_one(line: str, markdown: str) -> None:
    assert read(f"Title\n\n{line}\n").posts[0].post.body == f"{markdown}\n"


def test_m24_a_title_may_end_in_a_colon_and_a_long_one_is_derived() -> None:
    assert titles(read("What Happened Today:\n\nText here.\n")) == ["What Happened Today:"]
    long = "A first sentence that goes on and on. " + "More words follow here. " * 8
    digest = read(long)
    assert titles(digest) == ["A first sentence that goes on and on."]
    assert digest.posts[0].post.title_derived
    assert digest.posts[0].post.body.strip() == long.strip()
    assert told(digest, "no title")


def test_m25_capitals_alone_make_no_heading() -> None:
    body = read(f"Title\n\nSHORT ONE:\n\n- a\n\n{'LONG ' * 10}ONE:\n\n- b\n").posts[0].post.body
    assert body.startswith("## SHORT ONE\n")
    assert "\n## LONG" not in body


@pytest.mark.parametrize("line", ["Why it matters to us:", "Here’s a summary of its relevance:"])
def test_m26_a_possible_heading_is_told(line: str) -> None:
    digest = read(f"Title\n\n{line}\n\n- a\n")
    assert digest.posts[0].post.body.startswith(line)
    assert told(digest, "possible heading")


def test_m27_right_to_left_text_keeps_its_bullets_and_marks() -> None:
    digest = read("עדכון שבועי\n\n\u200f• ראשון\n\u200f• שני: עוד\u200f מילה\n\nhttps://www.facebook.com/a/posts/1\n")
    assert titles(digest) == ["עדכון שבועי"]
    assert digest.posts[0].post.body == "- ראשון\n- **שני:** עוד\u200f מילה\n"


def test_m28_both_spellings_of_the_tracking_names_go() -> None:
    for query in ("?cft[0]=AZ&tn=%2CO", "?__cft__[0]=AZ&__tn__=%2CO", "?__cft__%5B0%5D=AZ"):
        assert read(f"Title\n\n{FACEBOOK}1{query}\n").posts[0].post.url == f"{FACEBOOK}1"


def test_m29_the_same_post_twice_has_the_same_key(sample: str) -> None:
    digest = read(f"Same\n\nWords here.\n\n{FACEBOOK}1\n\nSame\n\nWords here.\n\n{FACEBOOK}2\n")
    assert digest.posts[0].post.key == digest.posts[1].post.key


def test_two_sources_for_one_post() -> None:
    digest = read(f"One\n\nText.\n\n{FACEBOOK}1\n\n{FACEBOOK}2\n\nTwo\n\nText.\n\n{FACEBOOK}3\n")
    assert titles(digest) == ["One", "Two"]
    assert digest.posts[0].post.extra_urls == (f"{FACEBOOK}2",)
    assert told(digest, "second address")


def test_a_different_site_after_every_post() -> None:
    text = "".join(f"Story {n}\n\nSome words about it.\n\nhttps://site{n}.example/{n}\n\n" for n in range(4))
    assert titles(read(text)) == ["Story 0", "Story 1", "Story 2", "Story 3"]


def test_addresses_above_their_posts() -> None:
    text = "".join(f"https://site.example/{n}\n\nStory {n}\n\nSome words about it.\n\n" for n in range(3))
    digest = read(text)
    assert titles(digest) == ["Story 0", "Story 1", "Story 2"]
    assert [entry.post.url for entry in digest.posts] == [f"https://site.example/{n}" for n in range(3)]


def test_separator_lines_alone_decide() -> None:
    digest = read("One\n\nhttps://a.example/1\n\nStill the first\n\n---\n\nTwo\n\nText.\n\nhttps://b.example/2\n")
    assert titles(digest) == ["One", "Two"]
    assert digest.posts[0].post.body == "<https://a.example/1>\n\nStill the first\n"
    assert digest.posts[1].post.url == "https://b.example/2"


def test_front_matter_forces_the_separator() -> None:
    digest = read("---\nseparator: '***'\nauthor: A Desk\n---\nOne\n\nText.\n***\nTwo\n\n---\n\nText.\n")
    assert titles(digest) == ["One", "Two"]
    assert {entry.post.author for entry in digest.posts} == {"A Desk"}
    assert digest.posts[0].first_line == 5


def test_front_matter_forces_the_terminator() -> None:
    text = "One\n\nhttps://b.example/1\n\nGo on\n\nhttps://a.example/1\n\nTwo\n\nText.\n\nhttps://b.example/2\n"
    assert len(read(text).posts) == 3
    forced = read(f"---\nterminator: a.example\n---\n{text}")
    assert titles(forced) == ["One", "Two"]
    assert forced.posts[0].post.url == "https://a.example/1"


def test_noise_can_be_kept() -> None:
    assert read("---\nnoise: keep\n---\nTitle\n\nSee more\n").posts[0].post.body == "See more\n"


def test_an_empty_paste_has_no_posts() -> None:
    assert read(" \n\u200b\n").posts == ()
    assert read("").posts == ()
