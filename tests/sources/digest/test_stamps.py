"""The forms in which chat programs put name and time before a message, in many locales."""

import pytest

from newsletter.sources.digest.lines import Line
from newsletter.sources.digest.stamps import find_stamps, make_byline, read_stamp


@pytest.mark.parametrize(
    "line",
    [
        "[05/07/2025, 10:12:33] Ana: Words: more",
        "\u200e[05.07.25, 10:12:33] Ana: Words: more",
        "[7/5/25, 10:12:33\u202fAM] Ana: Words: more",
        "[2025-07-05, 10:12] Ana: Words: more",
        "[10:12, 05/07/2025] Ana: Words: more",
        "[2025/07/05 10:12:33] Ana: Words: more",
        "05/07/2025, 10:12 - Ana: Words: more",
        "7/5/25, 10:12 AM - Ana: Words: more",
        "05.07.25, 10:12 - Ana: Words: more",
        "05/07/2025 10:12 - Ana: Words: more",
        "05-07-2025 10:12 - Ana: Words: more",
        "2025-07-05 10:12 - Ana: Words: more",
        "2025. 07. 05. 10:12 - Ana: Words: more",
        "5.7.2025 klo 10.12 - Ana: Words: more",
        "2025/7/5 上午10:12 - Ana: Words: more",
        "\u200f٥\u200f/٧\u200f/٢٠٢٥، ١٠:١٢ ص - Ana: Words: more",
        "2025. 7. 5. 오전 10:12, Ana : Words: more",
        "۱۴۰۴/۴/۱۴،‏ ۱۰:۱۲ - Ana: Words: more",
        "Ana, [05.07.2025 10:12] Words: more",
        "Ana, [5 Jul 2025 at 10:12:33]: Words: more",
        "[ 5 July 2025 10:12 ] Ana: Words: more",
        "[Ana] [오전 10:12] Words: more",
        "10:12\tAna\tWords: more",
    ],
)
def test_name_and_text_come_out_of_every_form(line: str) -> None:
    stamp = read_stamp(line)
    assert stamp is not None
    byline = make_byline(Line(1, line), stamp)
    assert (byline.author, stamp.text) == ("Ana", "Words: more")


@pytest.mark.parametrize(
    "line", ["Ana — 05/07/2025 10:12", "Ana  10:12 AM", "Ana, [05.07.2025 10:12]", "Ana 2025-07-05 10:12:33"]
)
def test_a_stamp_may_be_a_line_of_its_own(line: str) -> None:
    stamp = read_stamp(line)
    assert stamp is not None
    assert (stamp.name, stamp.text) == ("Ana", "")


@pytest.mark.parametrize(
    "line",
    [
        "[1] A footnote: see below", "[2025] The year: a review", "On 5 July - a day: nothing happened", "10:12 it began: nobody came",
        "https://example.org/2025-07-05 10:12", "5 - 3: the final score", "At 10:12 - said Ana: it began",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_stamp_is_text(line: str) -> None:
    assert read_stamp(line) is None


def test_a_clock_time_alone_counts_only_where_it_comes_twice() -> None:
    once = [Line(1, "[10:12] Ana: the gate opens")]
    assert find_stamps(once) == {}
    assert len(find_stamps([*once, Line(2, "[10:20] Ben: it closes")])) == 2


def test_a_telephone_number_is_nobodys_name() -> None:
    line = Line(1, "05.07.25, 10:12 - +49 30 5550100: Words")
    stamp = read_stamp(line.text)
    assert stamp is not None
    byline = make_byline(line, stamp)
    assert (byline.author, byline.pieces[0].text) == ("", "05.07.25, 10:12 - +49 30 5550100: ")
