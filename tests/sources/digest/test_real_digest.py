"""A real week of posts, as it was pasted: the first thing this program has to get right."""

import re

import pytest

from newsletter.sources.digest import Digest, read_digest
from newsletter.sources.digest.blocks import HeadingBlock, ListBlock, ParagraphBlock
from tests.sources.digest.words import paste_urls, paste_words, post_urls, post_words


@pytest.fixture(scope="module")
def digest(real_text: str) -> Digest:
    return read_digest(real_text, file="real.txt", source="desk")


def test_five_posts_in_order_with_their_lines(digest: Digest) -> None:
    assert [entry.post.title for entry in digest.posts] == [
        "Relations between Russia and Azerbaijan",
        "China EU Summit",
        "No Airbus plane deal between EU and China.",
        "“six months” timeframe",
        "Albanese’s approach to China",
    ]
    assert [(entry.first_line, entry.last_line) for entry in digest.posts] == [
        (1, 39),
        (41, 45),
        (47, 49),
        (51, 77),
        (79, 103),
    ]
    assert [len(entry.blocks) for entry in digest.posts] == [10, 1, 0, 9, 8]


def test_each_has_its_own_address_of_scheme_host_and_path(digest: Digest, real_text: str) -> None:
    raw = re.findall(r"https://\S+", real_text)
    assert [entry.post.url for entry in digest.posts] == [url.partition("?")[0] for url in raw]
    assert [entry.post.raw_urls for entry in digest.posts] == [(url,) for url in raw]


def test_the_title_only_post_is_kept_with_its_full_stop(digest: Digest) -> None:
    assert digest.posts[2].post.body == ""
    assert not digest.posts[2].post.title_derived


def test_no_word_is_lost_and_none_is_invented(digest: Digest, real_text: str) -> None:
    assert post_words(digest) == paste_words(real_text, digest)
    assert post_urls(digest) == paste_urls(real_text, digest)
    assert digest.noise == ()


def test_headings_labels_and_the_bullet_that_lost_its_dash(digest: Digest) -> None:
    first, *_, fourth, fifth = (entry.blocks for entry in digest.posts)
    assert [block.text for block in first if isinstance(block, HeadingBlock)] == [
        "Key Events and Tensions",
        "Retaliatory Actions by Azerbaijan",
        "Underlying Factors and Broader Context",
    ]
    assert [len(block.items) for block in first if isinstance(block, ListBlock)] == [2, 4, 5]
    assert [block.label for block in fourth if isinstance(block, ParagraphBlock) and block.label] == [
        "Provisional Agreement:",
        "Urgency for Diversification:",
    ]
    assert [block.text for block in fifth if isinstance(block, HeadingBlock)] == ["G7 Summit and Meeting with Trump"]


def test_the_authors_spelling_stands(digest: Digest, real_text: str) -> None:
    assert sum(entry.post.body.count("USeless") for entry in digest.posts) == real_text.count("USeless")
