"""Unsorted posts that speak of the same thing are proposed as a theme; others are left alone."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.editing.clusters import propose_themes
from newsletter.editing.themes import Sorter
from newsletter.model import Post, Theme

TEA = (
    ("The kettle of Lindenhall", "A new kettle came to Lindenhall this week. The tasters there praised the oolong."),
    ("Tasters meet", "In spring the tasters of Lindenhall pour oolong for all who come, and the kettle sings."),
    ("What the hills grow", "Slopes above Lindenhall give a fine oolong. The kettle there is never cold."),
)
OTHER = (
    ("A bridge opens", "Cars may cross the river again after two years of work on its pillars."),
    ("Chess in the park", "Forty boards stood under the trees, and a girl of nine won the cup."),
    ("Rain", "It will rain on Sunday, and on Monday too, says the office for weather."),
    ("The library moves", "Boxes of books went over the street to the new house by hand."),
)


def post(key: str, title: str, body: str) -> Post:
    return Post(key=key, title=title, body=body, source="desk", origin=f"posts/{key}.md")


def posts(*texts: tuple[str, str], start: int = 0) -> list[Post]:
    return [post(f"k{start + number}", *text) for number, text in enumerate(texts)]


def test_three_posts_on_one_thing_are_proposed_with_what_they_share() -> None:
    unsorted = posts(TEA[0], OTHER[0], TEA[1], OTHER[1], TEA[2], OTHER[2])
    (proposal,) = propose_themes(unsorted, posts(OTHER[3], start=50), ())
    assert [one.key for one in proposal.posts] == ["k0", "k2", "k4"]
    assert proposal.words[0] == "Lindenhall", "a name weighs more, and is written as it stands"
    assert "oolong" in proposal.words
    assert proposal.slug == "lindenhall"


def test_the_block_is_a_theme_that_claims_the_posts() -> None:
    (proposal,) = propose_themes(posts(*TEA, *OTHER), (), ())
    (table,) = tomllib.loads(proposal.toml)["themes"]
    theme = Theme(slug=table["slug"], title=table["title"], any=tuple(table["any"]))
    assert [Sorter((theme,)).sort(one).theme for one in proposal.posts] == ["lindenhall"] * 3


@pytest.mark.parametrize(
    "unsorted",
    [(), TEA[:2], OTHER, (TEA[0], TEA[0], TEA[0], *OTHER)],
    ids=["nothing", "two posts", "nothing in common", "one story three times"],
)
def test_nothing_is_made_of_little(unsorted: tuple[tuple[str, str], ...]) -> None:
    assert propose_themes(posts(*unsorted), (), ()) == ()


def test_words_that_a_theme_has_already_are_not_proposed() -> None:
    tea = Theme(slug="lindenhall", title="L", any=("Lindenhall",))
    (proposal,) = propose_themes(posts(*TEA, *OTHER), (), (tea,))
    assert "Lindenhall" not in proposal.words


def test_words_that_stand_everywhere_make_no_theme() -> None:
    everywhere = posts(*((f"Note {one}", f"Lindenhall kettle tasters oolong {one}") for one in range(9)), start=50)
    assert propose_themes(posts(*TEA), everywhere, ()) == ()


texts = st.lists(st.sampled_from(("Ann", "tea", "kettle", "Baltic sea", "rope.", "of", "石油", "x\n")), max_size=8)


@given(st.lists(st.tuples(texts, texts), max_size=12))
def test_proposals_are_sound_whatever_the_posts(made: list[tuple[list[str], list[str]]]) -> None:
    unsorted = posts(*((" ".join(title), " ".join(body)) for title, body in made))
    proposals = propose_themes(unsorted, (), ())
    assert proposals == propose_themes(unsorted, (), ())
    keys = [one.key for proposal in proposals for one in proposal.posts]
    assert len(keys) == len(set(keys))
    assert len({proposal.slug for proposal in proposals}) == len(proposals)
    for proposal in proposals:
        assert len(proposal.posts) >= 3
        assert tomllib.loads(proposal.toml)["themes"][0]["any"] == list(proposal.words)
