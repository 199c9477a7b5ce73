"""The tables of languages: complete, with no key that nobody reads, and no word that says two things."""

import tomllib
from pathlib import Path

import pytest

from newsletter.sources.digest.noise import is_noise, read_sign
from newsletter.sources.digest.vocabulary import KEYS, LANGUAGES, Role, vocabulary

TABLES = {path.stem: path for path in sorted(LANGUAGES.glob("*.toml"))}
NEEDED = {
    "months",
    "weekdays",
    "day",
    "hour",
    "social",
    "actions",
    "expand",
    "audience",
    "counters",
    "media",
    "notices",
    "wrote",
}


@pytest.mark.parametrize("language", TABLES)
def test_a_table_has_the_keys_that_are_read(language: str) -> None:
    table = tomllib.loads(TABLES[language].read_text(encoding="utf-8"))
    assert set(table) <= KEYS
    assert set(table) >= NEEDED
    assert (len(table["months"]), len(table["weekdays"])) == (12, 7)
    assert all(isinstance(word, str) and word == word.strip() for words in table.values() for word in words)


def test_no_name_of_a_month_means_two_months() -> None:
    doubtful = {
        word: months
        for word, roles in vocabulary().words.items()
        if len(months := {number for key, number in roles if key == "months"}) > 1
    }
    assert doubtful == {}


@pytest.mark.parametrize("language", TABLES)
def test_every_counter_of_every_language_is_noise_with_any_number(language: str) -> None:
    table = tomllib.loads(TABLES[language].read_text(encoding="utf-8"))
    for phrase in (*table["counters"], *table.get("counts", ())):
        if "#" in phrase:
            for number in ("3", "345", "1.204", "1,2"):
                assert is_noise(phrase.replace("#", number)), phrase


@pytest.mark.parametrize("language", TABLES)
def test_every_button_of_every_language_is_known(language: str) -> None:
    table = tomllib.loads(TABLES[language].read_text(encoding="utf-8"))
    for key in ("social", "actions", "expand", "audience"):
        for phrase in table[key]:
            sign = read_sign(phrase.replace("#", "5").capitalize())
            assert sign is not None, phrase
            assert Role(key) in sign.kinds or sign.when is not None, phrase


@pytest.mark.parametrize(
    "text",
    [
        "12 comments • 3 reposts", "1.2K", "1,2 тыс. просмотров", "3 Kommentare", "12 Kommentare · 3 Mal geteilt", "1 204 vues",
        "12 commentaires", "8 comentarios • 2 veces compartido", "12 комментариев", "1,2 mil reproducciones", "12 კომენტარი",
        "١٢ تعليقًا", "12 תגובות", "12条评论", "コメント12件", "댓글 12개", "12 σχόλια", "12 մեկնաբանություն", "12 कमेंट", "All reactions: 345",
        "Alle Reaktionen:", "You and 344 others", "Du und 86 weitere Personen", "❤ 12 🔥 5", "👍 23", "1.23K views10:12", "2 replies",
        "Last reply 2 days ago", "Like · Comment · Share", "Like Comment Share", "3 d · Shared with Public", "1w • Edited •",
        "Mit „Öffentlich“ geteilt", "— 2 —", "Page 3 of 4",
    ],
)  # fmt: skip
def test_counters_and_buttons_are_noise_in_all_their_forms(text: str) -> None:
    assert is_noise(text)


@pytest.mark.parametrize(
    "text",
    [
        "Public opinion", "Comment on this", "Like a rolling stone", "Share of the market", "3 comments on the treaty", "Send in the clowns",
        "May", "A quote", "12 angry men", "Five views of the tunnel", "Reply of the ministry", "Photo of the week", "რეაქცია", "Комментарий дня",
        "Video: the ferry", "G7", "News", "1. a", "Views from the bridge", "Save the ferry",
    ],
)  # fmt: skip
def test_titles_that_begin_like_buttons_are_none(text: str) -> None:
    assert not is_noise(text)


def test_the_tables_are_where_the_docs_say() -> None:
    page = (Path(__file__).parents[3] / "docs" / "digests.md").read_text(encoding="utf-8")
    assert "newsletter/sources/digest/languages/" in page
