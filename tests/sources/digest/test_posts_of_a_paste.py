"""What people saw: separators, days and names as titles, an address on the wrong post, two posts as one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.sources.digest import Digest, read_digest


def read(text: str) -> Digest:
    return read_digest(text, file="week.txt", source="desk")


def titles(digest: Digest) -> list[str]:
    return [entry.post.title for entry in digest.posts]


def urls(digest: Digest) -> list[str | None]:
    return [entry.post.url for entry in digest.posts]


def told(digest: Digest, line: int, words: str) -> bool:
    return any(finding.where == f"week.txt:{line}" and words in finding.message for finding in digest.findings)


FERRY = "Forty lorries went aboard on Thursday, and the first of them carried nothing but peaches."
TUNNEL = "The ministry says that the new rates will not start before October, and perhaps not even then."


# --- C23 --------------------------------------------------------------------------------------------------------------


def test_c23_an_address_below_its_title_is_that_titles() -> None:
    digest = read(f"Ferry sails\n\nhttps://a.example/1\n\n{FERRY}\n\nNo toll\n\nhttps://a.example/2\n\n{TUNNEL}\n")
    assert titles(digest) == ["Ferry sails", "No toll"]
    assert urls(digest) == ["https://a.example/1", "https://a.example/2"]
    assert [entry.post.body for entry in digest.posts] == [f"{FERRY}\n", f"{TUNNEL}\n"]
    assert told(digest, 3, "between titles and texts")


def test_c23_one_title_one_address_and_a_text_are_one_post() -> None:
    digest = read(f"Ferry sails\nhttps://a.example/1\n{FERRY}\n")
    assert (titles(digest), urls(digest)) == (["Ferry sails"], ["https://a.example/1"])


def test_c23_addresses_at_the_ends_of_titles_are_their_posts() -> None:
    digest = read(f"Ferry sails https://a.example/1\n\n{FERRY}\n\nNo toll https://b.example/2\n\n{TUNNEL}\n")
    assert titles(digest) == ["Ferry sails", "No toll"]
    assert urls(digest) == ["https://a.example/1", "https://b.example/2"]


@pytest.mark.parametrize(
    "rule", ["***", "* * *", "_____", "~~~~", "———", "• • •", "◆◇◆", "➖➖➖➖", "═════", "#####", "+ + +"]
)
def test_c23_a_drawn_line_between_posts_is_no_title(rule: str) -> None:
    text = f"Ferry sails\n\n{FERRY}\n\nhttps://a.example/1\n\n{rule}\n\nNo toll\n\n{TUNNEL}\n\nhttps://a.example/2\n"
    digest = read(text)
    assert titles(digest) == ["Ferry sails", "No toll"]
    assert [entry.post.body for entry in digest.posts] == [f"{FERRY}\n", f"{TUNNEL}\n"]
    assert told(digest, 7, "divide the posts")


def test_c23_a_drawn_line_within_a_post_stays_there() -> None:
    digest = read(f"Ferry sails\n\n{FERRY}\n\n***\n\n{TUNNEL}\n\nhttps://a.example/1\n")
    assert titles(digest) == ["Ferry sails"]
    assert "\\*\\*\\*" in digest.posts[0].post.body
    assert told(digest, 5, "within a post")


def test_c23_marks_of_a_quoted_mail_come_off() -> None:
    lines = [
        "Ferry sails",
        "",
        "Forty lorries went aboard on Thursday, and the first of them",
        "carried nothing but peaches.",
    ]
    lines += ["", "https://a.example/1", "", "No toll", "", "So it is.", "", "https://a.example/2"]
    for mark in ("> ", ">", ">> ", "> > "):
        head = "On Sat, 5 Jul 2025 at 10:12, Ana Example <ana@example.org> wrote:\n\n"
        digest = read(head + "\n".join((mark + line).rstrip() for line in lines) + "\n")
        assert titles(digest) == ["Ferry sails", "No toll"], mark
        assert digest.posts[0].post.body == f"{FERRY}\n"
        assert urls(digest) == ["https://a.example/1", "https://a.example/2"]
        assert {entry.post.author for entry in digest.posts} == {"Ana Example"}
        assert told(digest, 3, "quoting marks taken off")
        assert told(digest, 1, "who wrote what follows")


def test_c23_a_greater_than_sign_is_no_quoting_mark() -> None:
    digest = read("Turnout\n\n> 50 % of the voters came.\n\nhttps://a.example/1\n")
    assert digest.posts[0].post.body == "\\> 50 % of the voters came.\n"


@pytest.mark.parametrize(
    ("heading", "body"),
    [
        ("მთავარი სიახლე:", "მთავარი სიახლე"),
        ("NATO და საქართველო:", "NATO და საქართველო"),
        ("主要事件：", "主要事件"),
        ("मुख्य बातें:", "मुख्य बातें"),
        ("עיקרי הדברים:", "עיקרי הדברים"),
    ],
)
def test_c23_a_heading_in_a_script_without_capitals_is_one(heading: str, body: str) -> None:
    digest = read(f"ბორანი დადის\n\nბორანი დადის.\n\n{heading}\n\n– ერთი: ორი\n– სამი\n\nhttps://a.example/1\n")
    assert f"## {body}\n" in digest.posts[0].post.body


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("1 July 2025", "2 July 2025"),
        ("July 1, 2025", "July 2, 2025"),
        ("Dienstag, 1. Juli 2025", "Mittwoch, 2. Juli 2025"),
        ("1 июля 2025 г.", "2 июля 2025 г."),
        ("1 ივლისი 2025", "2 ივლისი 2025"),
        ("2025年7月1日", "2025年7月2日"),
        ("2025-07-01", "2025-07-02"),
        ("01.07.2025", "02.07.2025"),
        ("📅 1 July 2025", "📅 2 July 2025"),
    ],
)
def test_c23_a_day_above_a_post_is_its_date_and_no_title(first: str, second: str) -> None:
    text = f"{first}\n\nFerry sails\n\n{FERRY}\n\nhttps://a.example/1\n\n{second}\n\nNo toll\n\n{TUNNEL}\n\nhttps://a.example/2\n"
    digest = read(text)
    assert titles(digest) == ["Ferry sails", "No toll"]
    assert [entry.post.date.date().isoformat() for entry in digest.posts if entry.post.date] == [
        "2025-07-01",
        "2025-07-02",
    ]
    assert told(digest, 1, "date of the post")


def test_c23_days_divide_posts_that_have_no_addresses() -> None:
    digest = read(f"1 July 2025\n\nFerry sails\n\n{FERRY}\n\n2 July 2025\n\nNo toll\n\n{TUNNEL}\n")
    assert titles(digest) == ["Ferry sails", "No toll"]
    assert told(digest, 1, "the days divide them")


def test_c23_days_within_one_post_stay_its_text() -> None:
    digest = read(f"A chronicle\n\n1 July 2025\n\n{FERRY}\n\n2 July 2025\n\n{TUNNEL}\n\nhttps://a.example/1\n")
    assert titles(digest) == ["A chronicle"]
    assert "1 July 2025" in digest.posts[0].post.body


def test_c23_a_day_holds_for_the_posts_below_it() -> None:
    digest = read(
        f"1 July 2025\n\nFerry\n\n{FERRY}\n\nhttps://a.example/1\n\nNo toll\n\n{TUNNEL}\n\nhttps://a.example/2\n"
    )
    assert [str(entry.post.date)[:10] for entry in digest.posts] == ["2025-07-01", "2025-07-01"]
    assert told(digest, 9, "that of an earlier one is taken")


SIGNS = [
    "***",
    "🔥🔥🔥",
    "→",
    "…",
    "---",
    "«»",
    "> ",
    ">>",
    "- - -",
    "_____",
    "\u200f",
    "1 July 2025",
    "•",
    "👍 👍",
    "(!)",
    "::",
]


@given(
    st.lists(
        st.one_of(
            st.sampled_from(SIGNS),
            st.sampled_from(
                ["", "", "https://a.example/1", "Ferry sails", FERRY, "ბორანი", "渡轮", "3 d", "Like", "12"]
            ),
        ),
        max_size=15,
    )
)
def test_c23_no_title_is_without_a_letter_or_digit(lines: list[str]) -> None:
    for entry in read("\n".join(lines)).posts:
        assert any(character.isalnum() for character in entry.post.title)
        assert entry.post.title not in SIGNS or not entry.post.url


# --- C24 --------------------------------------------------------------------------------------------------------------


def test_c24_two_posts_copied_from_facebook_are_two_with_their_author() -> None:
    one = "Ana Example\n3 d · Shared with Public\n{}\nAll reactions:\n345\nLike\nComment\nShare\n"
    digest = read(one.format("The ferry sails again") + one.format("No toll until autumn"))
    assert titles(digest) == ["The ferry sails again", "No toll until autumn"]
    assert [entry.post.author for entry in digest.posts] == ["Ana Example", "Ana Example"]
    assert [entry.post.body for entry in digest.posts] == ["", ""]
    assert {"All reactions:", "345", "Like", "Comment", "Share"} <= set(digest.noise)
    assert told(digest, 1, "author")
    assert told(digest, 2, "no day can be known")


def test_c24_an_age_is_counted_back_from_the_day_of_the_file() -> None:
    from datetime import UTC, date

    text = "Ana Example\n3 d · Shared with Public\nThe ferry sails again\nAll reactions:\n345\nLike\nComment\n"
    digest = read_digest(text, file="week.txt", source="desk", zone=UTC, copied=date(2025, 7, 5))
    assert str(digest.posts[0].post.date)[:10] == "2025-07-02"
    assert told(digest, 2, "counted back")


@pytest.mark.parametrize(
    "footer",
    ["12 comments • 3 reposts", "12 Kommentare\n3 Mal geteilt", "Like · Comment · Share", "345\n12 комментариев"],
)
def test_c24_counters_of_every_form_end_a_post(footer: str) -> None:
    digest = read(f"The ferry sails\n{FERRY}\n{footer}\nNo toll\n{TUNNEL}\n{footer}\n")
    assert titles(digest) == ["The ferry sails", "No toll"]


def test_c24_a_single_button_within_a_post_ends_nothing() -> None:
    digest = read(f"The ferry sails\n\nShare\n\n{FERRY}\n\nSee more\n\n{TUNNEL}\n\nhttps://a.example/1\n")
    assert titles(digest) == ["The ferry sails"]
    assert digest.noise == ("Share", "See more")


def test_c24_a_title_above_an_age_stays_a_title() -> None:
    digest = read(f"The ferry to Batumi sails again\n3 hours ago\n{FERRY}\n\nhttps://a.example/1\n")
    assert titles(digest) == ["The ferry to Batumi sails again"]
    assert digest.posts[0].post.author == ""


def test_c24_an_address_below_the_buttons_is_the_posts() -> None:
    one = "Ana Example\n3 d · Shared with Public\n{}\nAll reactions:\n345\nLike\nComment\nShare\nhttps://a.example/{}\n"
    digest = read(one.format("The ferry sails again", 1) + "\n" + one.format("No toll until autumn", 2))
    assert urls(digest) == ["https://a.example/1", "https://a.example/2"]


def test_c24_buttons_of_a_language_that_is_not_known_are_found_by_repetition() -> None:
    one = "Zimbo Dawati\n3 d · Hadharani\n{}\n345\n12 maoni\nPenda\nToa maoni\nShiriki\n"
    digest = read(one.format("Kivuko kimerudi tena") + one.format("Hakuna ushuru"))
    assert titles(digest) == ["Kivuko kimerudi tena", "Hakuna ushuru"]
    assert told(digest, 6, "button")


def test_c24_a_comment_is_a_post_of_its_own_and_pointed_at() -> None:
    post = "Ana Example\n3 d · Shared with Public\nThe ferry sails again\nAll reactions:\n345\nLike\nComment\nShare\n"
    digest = read(f"{post}Ben Example\nAt last. My lorry will be grateful.\n2d\nLike\nReply\n")
    assert titles(digest) == ["The ferry sails again", "At last. My lorry will be grateful."]
    assert digest.posts[1].post.author == "Ben Example"
    assert told(digest, 9, "comment")


def test_c24_noise_keep_leaves_everything_in() -> None:
    text = (
        "---\nnoise: keep\n---\nAna Example\n3 d · Shared with Public\nThe ferry\nAll reactions:\n345\nLike\nComment\n"
    )
    digest = read(text)
    assert titles(digest) == ["Ana Example"]
    assert digest.noise == ()
    assert "All reactions:" in digest.posts[0].post.body
