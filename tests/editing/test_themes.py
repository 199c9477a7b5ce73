"""Verdicts: the right theme, a clear margin, and unsorted where nothing wins (docs/themes.md)."""

from pathlib import Path
from typing import Any

import pytest

from newsletter.editing.gazetteer import GROUPS, country_names
from newsletter.editing.themes import Sorter, ThemeVerdict, sort_posts
from newsletter.errors import InputError
from newsletter.model import Post, Sorting, Source, Theme
from newsletter.sources.digest import read_digest

CAUCASUS = Theme(slug="caucasus", title="Caucasus", countries=("AZ", "AM", "GE"), any=("South Caucasus",))
EU_CHINA = Theme(slug="eu-china", title="EU–China", all=(("country:EU", "Airbus"), ("country:CN", "Xi")))
US_CHINA = Theme(
    slug="us-china",
    title="US–China",
    all=(("country:US", "Trump", "USeless"), ("country:CN", "Xi", "rare earth*")),
)
AUSTRALIA = Theme(
    slug="australia-china", title="Australia–China", all=(("country:AU", "Albanese"), ("country:CN", "Xi"))
)
ALL = (CAUCASUS, EU_CHINA, US_CHINA, AUSTRALIA)


def post(title: str, body: str = "", **changes: Any) -> Post:
    return Post(**({"key": "k", "title": title, "body": body, "source": "desk"} | changes))


def sort(title: str, body: str = "", *themes: Theme, **changes: Any) -> ThemeVerdict:
    return Sorter(themes or ALL).sort(post(title, body, **changes))


def test_the_real_week_is_sorted_as_its_editor_would(real_text: str) -> None:
    posts = [entry.post for entry in read_digest(real_text, file="real.txt", source="desk").posts]
    verdicts = sort_posts(posts, Sorter(ALL))
    assert [verdict.theme for verdict in verdicts] == [
        "caucasus",
        "eu-china",
        "eu-china",
        "us-china",
        "australia-china",
    ]
    without = sort_posts(posts, Sorter((CAUCASUS, EU_CHINA, AUSTRALIA)))
    assert [verdict.theme for verdict in without] == [
        "caucasus",
        "eu-china",
        "eu-china",
        None,
        "australia-china",
    ]


def test_the_real_post_that_names_brussels_and_china_stays_in_the_caucasus_and_its_stray_bullet_is_pointed_at(
    real_text: str,
) -> None:
    first = read_digest(real_text, file="real.txt", source="desk").posts[0].post
    sorter = Sorter(ALL)
    verdict = sorter.sort(first)
    by_theme = {score.theme: score for score in verdict.scores}
    assert by_theme["eu-china"].points > 0
    assert {match.word for match in by_theme["eu-china"].matches} >= {"Brussels", "China"}
    assert verdict.theme == "caucasus"
    assert verdict.margin > 0.8
    off = sorter.find_off_theme(verdict.post.body, verdict.theme)
    assert len(off) == 1
    assert "Democracy" in off[0].text
    assert set(off[0].words) == {"China", "Chinese"}


def test_the_sample_week_is_sorted(root: Path) -> None:
    text = (root / "posts" / "2025-07-05-collected.txt").read_text(encoding="utf-8")
    themes = (
        *ALL[:2],
        Theme(slug="us-china", title="US", all=(("country:US", "Untied States"), ("country:CN",))),
        AUSTRALIA,
    )
    posts = [entry.post for entry in read_digest(text, file="s.txt", source="desk").posts]
    assert [v.theme for v in sort_posts(posts, Sorter(themes))] == [
        "caucasus",
        "eu-china",
        "eu-china",
        "us-china",
        "australia-china",
    ]
    assert sort_posts(posts, Sorter(ALL[:2] + ALL[3:]))[3].theme is None


@pytest.mark.parametrize(
    ("text", "word", "hit"),
    [
        ("Talks in Baku", "Baku", True),
        ("BAKU AND YEREVAN TALK", "Baku", True),
        ("bakunin", "Baku", False),
        ("China’s exports", "China", True),
        ("fine china plates", "China", False),
        ("let us go", "US", False),
        ("the US, again", "US", True),
        ("the U.S. again", "U.S.", True),
        ("G7-summit", "G7", True),
        ("EU–China summit", "EU", True),
        ("EU-China summit", "EU", True),
        ("Rare Earths matter", "rare earth*", True),
        ("rare\nearth magnets", "rare earth*", True),
        ("Azerbaijani gas", "Azerbaijan*", True),
        ("Azerbaijani gas", "Azerbaijan", False),
        ("Zürich", "Zürich", True),
        ("Zu\u0308rich", "Zürich", True),
        ("d’Ivoire", "d'Ivoire", True),
        ("在中国的投资", "中国", True),
        ("ประเทศไทยวันนี้", "ไทย", True),
        ("новости Баку сегодня", "Баку", True),
        ("Бакунин", "Баку", False),
        ("भारत की", "भारत", True),
        ("भारतीय", "भारत", False),
        ("see https://china.example/China", "China", False),
        ("XI is eleven", "Xi", False),
        ("Xi said", "Xi", True),
        ("South Caucasus", "South Caucasus", True),
        ("SOUTH  CAUCASUS", "South Caucasus", True),
    ],
)
def test_whole_words_in_any_script(text: str, word: str, hit: bool) -> None:
    verdict = sort(text, "", Theme(slug="t", title="T", any=(word,)))
    assert bool(verdict.scores[0].matches) is hit


def test_a_word_of_every_side_is_needed() -> None:
    assert sort("China and its plans").theme is None
    assert sort("China meets the EU").theme == "eu-china"
    score = next(score for score in sort("China and its plans").scores if score.theme == "eu-china")
    assert (score.points, score.note) == (0, "no word of every side")


def test_many_words_of_one_side_do_not_outweigh_a_balanced_theme() -> None:
    body = "Beijing. China. Chinese. Xi.\n\nChina and China again. Brussels once.\n\nAzerbaijan, Armenia and Georgia; Baku, Yerevan, Tbilisi."
    assert sort("A summer", body).theme == "caucasus"


def test_the_title_weighs_more_than_the_lead_and_the_lead_more_than_the_body() -> None:
    themes = (Theme(slug="a", title="A", any=("alpha",)), Theme(slug="b", title="B", any=("beta",)))
    assert sort("alpha", "beta\n\nbeta", *themes).theme == "a"
    assert sort("x", "beta\n\nalpha", *themes).theme == "b"


def test_a_title_made_from_the_text_does_not_count_twice() -> None:
    assert sort("Baku", "Baku", title_derived=True).scores[0].points == 2.0
    assert sort("Baku", "Baku").scores[0].points == 6.0


def test_a_forbidden_word_rules_a_theme_out() -> None:
    georgia = Theme(slug="g", title="G", countries=("GE",), never=("Atlanta",))
    assert sort("Georgia votes", "In Tbilisi.", georgia).theme == "g"
    verdict = sort("Georgia votes", "In Atlanta.", georgia)
    assert verdict.theme is None
    assert verdict.scores[0].note == "ruled out by 'Atlanta'"


def test_no_clear_winner_is_unsorted() -> None:
    themes = (Theme(slug="a", title="A", any=("alpha",)), Theme(slug="b", title="B", any=("beta",)))
    verdict = sort("alpha beta", "", *themes)
    assert (verdict.theme, verdict.by, verdict.margin) == (None, "nobody", 0.0)
    assert sort("x", "one word: \n\nalpha", *themes).theme is None  # below the minimum


def test_a_prior_helps_but_does_not_decide() -> None:
    sources = (Source(name="wire", kind="feed", url="https://e.org", themes=("a",)),)
    themes = (Theme(slug="a", title="A", any=("alpha",)), Theme(slug="b", title="B", any=("beta",)))
    sorter = Sorter(themes, sources)
    assert sorter.sort(post("nothing here", source="wire")).theme is None
    assert sorter.sort(post("x", "y\n\nalpha", source="wire")).theme == "a"
    assert sorter.sort(post("x", "y\n\nalpha")).theme is None
    assert sorter.sort(post("beta", "beta", source="wire")).theme == "b"


def test_the_editor_always_wins() -> None:
    assert sort("Baku, Baku, Baku", theme="eu-china").theme == "eu-china"
    assert sort("Baku, Baku, Baku", theme="unsorted").theme is None
    assert sort("Baku", theme="eu-china").by == "editor"


def test_a_theme_that_does_not_exist_is_told_for_all_posts_at_once() -> None:
    posts = [post("x", theme="eu-chine", origin="posts/a.md"), post("y", theme="nope", origin="posts/b.md")]
    with pytest.raises(InputError) as error:
        sort_posts(posts, Sorter(ALL))
    assert [mistake.file for mistake in error.value.mistakes] == ["posts/a.md", "posts/b.md"]
    assert 'did you mean "eu-china"?' in error.value.mistakes[0].message


def test_weights_are_settings() -> None:
    verdict = Sorter(ALL, sorting=Sorting(minimum=100)).sort(post("Baku"))
    assert verdict.theme is None


def test_countries_bring_names_demonyms_and_capitals() -> None:
    assert {"Azerbaijan", "Azerbaijani", "Azerbaijanis", "Baku"} <= set(country_names("AZ"))
    assert {"United States", "American", "US", "USA", "U.S.", "Washington"} <= set(country_names("US"))
    assert "AZE" not in country_names("AZ")
    assert "Kosovo" in country_names("XK")
    with pytest.raises(KeyError):
        country_names("ZZ")


def test_every_code_that_the_settings_allow_has_names() -> None:
    from newsletter.config.rules import COUNTRY_CODES

    missing = []
    for code in sorted(COUNTRY_CODES):
        try:
            assert country_names(code)
        except KeyError:
            missing.append(code)
    assert missing == []
    assert set(GROUPS) <= COUNTRY_CODES
