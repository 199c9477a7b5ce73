"""No word of a paste is missing from its posts, and none is invented, whatever the paste looks like (parsing D9)."""

import re
import textwrap
from pathlib import Path

import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st

from newsletter.sources.digest import Digest, read_digest
from tests.sources.digest.words import check_account

WORDS = st.sampled_from(
    "China EU Baku talks the of a Brussels six-month “six” Yerevan’s Don't snake_case *star* a_b 7nm G7 2025. 1) U.S. vs. "
    "e.g. Überlegung Ключевые события 中国 שלום مرحبا & &amp; <b> [x](y) # #tag ` \\ ~~gone~~ | — – - … ✅ Share Like 5 {#x}".split()
)
SENTENCE = st.lists(WORDS, min_size=1, max_size=30).map(" ".join)
URLS = st.sampled_from(
    [
        "https://www.facebook.com/desk/posts/pfbid01?cft[0]=AZ&tn=%2CO",
        "https://m.facebook.com/desk/posts/pfbid02?__cft__[0]=AZ&__tn__=x",
        "https://www.facebook.com/other/posts/9",
        "https://example.org/a_b/*c*?utm_source=x&q=1#top",
        "https://news.example.com/2025/07/04/story",
    ]
)
LINES = st.one_of(
    SENTENCE,
    SENTENCE.map(lambda text: f"– {text}"),
    SENTENCE.map(lambda text: f"  - {text}"),
    SENTENCE.map(lambda text: f"• {text}"),
    SENTENCE.map(lambda text: f"\t◦ {text}"),
    st.tuples(st.integers(1, 4), SENTENCE).map(lambda pair: f"{pair[0]}. {pair[1]}"),
    st.tuples(st.integers(1, 4), SENTENCE).map(lambda pair: f"({pair[0]}) {pair[1]}"),
    SENTENCE.map(lambda text: f"{text}:"),
    st.tuples(SENTENCE, SENTENCE).map(": ".join),
    st.tuples(SENTENCE, SENTENCE).map("：".join),
    SENTENCE.map(lambda text: f"## {text}"),
    SENTENCE.map(lambda text: f"> {text}"),
    st.tuples(SENTENCE, URLS).map(" ".join),
    st.tuples(SENTENCE, URLS, SENTENCE).map(" ".join),
    URLS,
    URLS.map(lambda url: f"<{url}>"),
    st.sampled_from(
        [
            "",
            "",
            "",
            "   ",
            "\u200b",
            "See more",
            "3 d",
            "Like · Comment · Share",
            "#Baku #Moscow",
            "---",
            "===",
            "1.2K views",
        ]
    ),
)
ENDS = st.sampled_from(["\n", "\n\n", "\r\n", "\r", "\n\n\n", "\u2028", "\u2029", "\n\u200f"])
PASTES = st.lists(st.tuples(LINES, ENDS), max_size=40).map(lambda pairs: "".join(line + end for line, end in pairs))


def check(text: str) -> Digest:
    digest = read_digest(text, file="paste.txt", source="desk")
    check_account(text, digest)
    return digest


@given(PASTES)
@example("---\n---\nA\n---")
@example("https://example.org/x")
@example("– a\n\n1. b\n2. c\n\n1. d\n2. e\n")
def test_no_word_of_any_paste_is_lost_or_invented(text: str) -> None:
    digest = check(text)
    event(f"posts: {min(len(digest.posts), 5)}")


@given(data=st.data())
def test_no_word_of_a_mutated_real_paste_is_lost(root: Path, data: st.DataObject) -> None:
    lines = (root / "posts" / "2025-07-05-collected.txt").read_text(encoding="utf-8").split("\n")
    for _ in range(data.draw(st.integers(1, 6))):
        position = data.draw(st.integers(0, len(lines) - 1))
        action = data.draw(st.sampled_from(["drop", "double", "join", "split", "insert", "swap", "case", "prefix"]))
        match action:
            case "drop":
                del lines[position]
            case "double":
                lines.insert(position, lines[position])
            case "join" if position + 1 < len(lines):
                lines[position] += " " + lines.pop(position + 1)
            case "split":
                cut = data.draw(st.integers(0, len(lines[position])))
                lines[position : position + 1] = [lines[position][:cut], lines[position][cut:]]
            case "insert":
                lines.insert(position, data.draw(LINES))
            case "swap":
                lines[position], lines[-1] = lines[-1], lines[position]
            case "case":
                lines[position] = lines[position].upper() if "http" not in lines[position] else lines[position]
            case "prefix":
                lines[position] = (
                    data.draw(st.sampled_from(["- ", "1. ", "   ", "\u200f", "> ", "✅ ", "# "])) + lines[position]
                )
        lines = lines or [""]
    check("\n".join(lines))


@pytest.mark.parametrize("columns", [50, 56, 60, 66, 72, 76, 78, 80, 90, 100, 110, 120])
@pytest.mark.parametrize("hyphens", [True, False])
def test_a_wrapped_paste_loses_nothing(root: Path, columns: int, hyphens: bool) -> None:
    text = (root / "posts" / "2025-07-05-collected.txt").read_text(encoding="utf-8")
    wrapped = "\n".join(
        line
        if re.match("https?://", line)
        else "\n".join(textwrap.wrap(line, columns, break_on_hyphens=hyphens) or [""])
        for line in text.split("\n")
    )
    digest = check(wrapped)
    plain = check(text)
    assert [entry.post.title for entry in digest.posts] == [entry.post.title for entry in plain.posts]
    assert [entry.post.key for entry in digest.posts] == [entry.post.key for entry in plain.posts]
