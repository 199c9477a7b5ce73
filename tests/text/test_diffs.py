"""Two texts become a diff that people can read, in time and lines that have an end."""

import random
import time

import pytest

from newsletter.text.diffs import LINES_LIMIT, diff_lines, shorten_diff

PARAGRAPH = "A quarrel that began in the sky has reached the courts, the culture ministries and the labour market; " * 4


def test_the_same_lines_differ_in_nothing() -> None:
    assert diff_lines(["a", "b"], ("a", "b")) == []


def test_a_diff_shows_what_went_and_what_came_with_two_lines_around() -> None:
    old = ["1", "2", "3", "4", "5", "6", "7"]
    assert diff_lines(old, [*old[:3], "four", *old[4:]]) == ["@@ -2,5 +2,5 @@", " 2", " 3", "-4", "+four", " 5", " 6"]


def test_lines_that_begin_like_a_diff_stay_what_they_are() -> None:
    assert diff_lines(["--- a", "x"], ["+++ a", "x"]) == ["@@ -1,2 +1,2 @@", "---- a", "++++ a", " x"]


def test_of_a_long_paragraph_only_the_words_around_a_change_are_shown() -> None:
    shown = shorten_diff(diff_lines([f"{PARAGRAPH}in Baku {PARAGRAPH}"], [f"{PARAGRAPH}in Yerevan {PARAGRAPH}"]))
    assert "in Baku A quarrel" in shown[1]
    assert "in Yerevan A quarrel" in shown[2]
    assert all(line[1] == "…" == line[-1] and len(line) < 120 for line in shown[1:])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (f"{PARAGRAPH}a", PARAGRAPH),
        (PARAGRAPH, f"a{PARAGRAPH}"),
        (PARAGRAPH, ""),
        ("ab" * 200, "ab" * 201),
        ("a" * 400, "b" * 400),
        (f"one {PARAGRAPH} two", f"eins {PARAGRAPH} zwei"),
    ],
    ids=["end", "start", "all", "repeats", "nothing alike", "both ends"],
)
def test_two_long_lines_are_never_shown_alike(old: str, new: str) -> None:
    gone, come = shorten_diff([f"-{old}", f"+{new}"])
    assert gone.startswith("-")
    assert come.startswith("+")
    assert gone[1:] != come[1:]
    assert max(len(gone), len(come)) < 330


def test_lines_without_a_partner_are_cut_and_stay_in_order() -> None:
    lines = [f"-{PARAGRAPH}", "-gone", "+new", f" {PARAGRAPH}", f"+{PARAGRAPH}"]
    shown = shorten_diff(lines)
    assert [line[0] for line in shown] == ["-", "-", "+", " ", "+"]
    assert shown[1] == "-gone"
    assert all(len(line) < 330 for line in shown)


def test_more_lines_than_wanted_are_counted() -> None:
    assert shorten_diff(["-one", "+two", "+three"], most=2) == ["-one", "+two", "… and 1 more line"]
    assert shorten_diff(["-one", "+two", "+three"], most=1)[-1] == "… and 2 more lines"
    assert shorten_diff(["-one", "+two", "+three"], most=3) == ["-one", "+two", "+three"]


def test_a_text_of_too_many_lines_is_only_counted() -> None:
    many = [""] * (LINES_LIMIT + 1)
    assert diff_lines(many, many) == []
    assert diff_lines(many, [*many, ""]) == ["5,001 lines then, 5,002 now"]


def test_lines_that_come_again_and_again_take_no_long_time() -> None:
    dice = random.Random(1)
    old, new = ([dice.choice("abcdefgh") for _ in range(LINES_LIMIT)] for _ in range(2))
    before = time.process_time()
    assert shorten_diff(diff_lines(old, new), most=40)[-1].startswith("… and ")
    assert time.process_time() - before < 5
