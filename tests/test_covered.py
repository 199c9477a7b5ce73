"""An approval covers every key of the settings, but for those that are named with the reason why not."""

import json
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from typing import Any, get_args

import pytest

from newsletter.config import Config
from newsletter.flows.approval_scope import NOT_COVERED, is_covered, list_decided, read_covered
from newsletter.flows.approve import content_hash
from newsletter.flows.build import render_issue
from newsletter.model import Edition
from tests.test_approve import SLUG, Desk, shown
from tests.test_approve import desk as desk  # the fixture


def settings_keys() -> list[str]:
    """`section.key` for every key that newsletter.toml may have."""
    found = []
    for section in fields(Config):
        noun = next(one for one in (section.type, *get_args(section.type)) if is_dataclass(one))
        found += [f"{section.name}.{key.name}" for key in fields(noun)]
    return found


KEYS = settings_keys()


def test_c5_each_key_that_is_not_covered_is_named_with_a_reason() -> None:
    named = {rule for rule in KEYS if not is_covered(rule)}
    for rule in named:
        section = rule.partition(".")[0]
        assert NOT_COVERED.get(rule) or NOT_COVERED.get(f"{section}.*"), rule
    for rule in NOT_COVERED:
        section, _, key = rule.partition(".")
        assert any(one.startswith(f"{section}.") if key == "*" else one == rule for one in KEYS), f"{rule} is no key"


def test_c5_the_keys_that_choose_readers_or_reach_a_mail_are_covered() -> None:
    """No wildcard has swallowed one of these; whoever adds a key to one of the nouns has it covered without a word here."""
    for section in ("publication", "themes", "editions"):
        assert f"{section}.*" not in NOT_COVERED
    for rule in (
        "publication.title", "publication.url", "publication.sender", "publication.postal_address", "publication.reason",
        "publication.language", "publication.timezone", "themes.slug", "themes.title", "editions.slug", "editions.title",
        "editions.themes", "editions.schedule", "editions.local_time", "smtp.feedback_id", "smtp.bounces",
    ):  # fmt: skip
        assert rule in KEYS
        assert is_covered(rule)


def another(value: Any) -> Any:
    """Some other value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return f"{value}x"
    return (*value, "x") if isinstance(value, tuple) else value + 1


def change(config: Config, rule: str) -> Config:
    """Settings of which one key is another one, in the first item of a list."""
    section, _, key = rule.partition(".")
    value = getattr(config, section)
    item = value[0] if isinstance(value, tuple) else value
    # Without the checks of load_config: that a value must make sense is not what is looked at here.
    changed = replace(item, **{key: another(getattr(item, key))})
    new: Any = (changed, *value[1:]) if isinstance(value, tuple) else changed
    return replace(config, **{section: new})


@pytest.mark.parametrize(
    "rule", [one for one in KEYS if one.partition(".")[0] in ("publication", "themes", "editions", "smtp")]
)
def test_c5_a_change_of_a_key_takes_an_approval_away_unless_it_is_named_as_not_covered(desk: Desk, rule: str) -> None:
    before = list_decided(desk.config, desk.config.editions[0])
    config = change(desk.config, rule)
    # A theme that has got another slug is no theme of the edition any more: that is seen too.
    after = list_decided(config, config.editions[0])
    assert (json.dumps(before, default=str) != json.dumps(after, default=str)) is is_covered(rule)


def test_c5_a_covered_setting_that_changes_no_octet_of_the_mail_takes_the_approval_away_and_is_shown(
    desk: Desk,
) -> None:
    desk.approve()
    themes = (replace(desk.config.themes[0], title="The South Caucasus"), *desk.config.themes[1:])
    before = render_issue(desk.workspace, desk.config, SLUG).mail
    desk.config = replace(desk.config, themes=themes)
    assert render_issue(desk.workspace, desk.config, SLUG).mail == before
    assert shown(desk.standing()) == {"settings": "themes.caucasus.title: Caucasus → The South Caucasus"}


def test_c5_words_that_sort_posts_and_times_of_the_calendar_take_no_approval_away(desk: Desk) -> None:
    desk.approve()
    desk.config = replace(desk.config, themes=(replace(desk.config.themes[0], any=("Ganja",)), *desk.config.themes[1:]))
    desk.edition(mode="approve", late="ask", draft="sun 10:00")
    assert desk.standing().state == "good"


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionOfTomorrow(Edition):
    """With a key that chooses readers, as a later version may have it."""

    audience: str = "everybody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A section that this version does not know."""

    slug: str
    where: str = ""
    api_token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigOfTomorrow(Config):
    """With a section more."""

    segments: tuple[Segment, ...] = ()


def make(kind: type[Any], like: Any, **more: Any) -> Any:
    return kind(**{key.name: getattr(like, key.name) for key in fields(like)} | more)


def test_c5_a_new_key_that_chooses_readers_is_covered_without_being_listed(desk: Desk) -> None:
    """An approval of today holds when the program learns the key, and not when somebody sets it."""
    approved = desk.approve()
    edition = make(EditionOfTomorrow, desk.config.editions[0])
    desk.config = replace(desk.config, editions=(edition,))
    assert content_hash(render_issue(desk.workspace, desk.config, SLUG), desk.config) == approved.sha256
    desk.approve()
    desk.edition(audience="donors")
    assert str(desk.standing()) == "was changed after it was approved: audience (audience)"
    assert shown(desk.standing()) == {"audience": "audience: everybody → donors"}


def test_c5_a_new_section_is_covered_too_and_no_secret_of_it_is_written_down(desk: Desk) -> None:
    donors = Segment(slug="donors", where='tag = "donor"', api_token="hunter22")
    desk.config = make(ConfigOfTomorrow, desk.config, segments=(donors,))
    desk.approve()
    assert "hunter22" not in desk.file.read_text()
    desk.config = replace(desk.config, segments=(replace(donors, where="joined < 2026-01-01"),))  # type: ignore[call-arg]
    assert shown(desk.standing()) == {"audience": 'segments.donors.where: tag = "donor" → joined < 2026-01-01'}
    desk.config = replace(desk.config, segments=())  # type: ignore[call-arg]
    assert "segments.donors.where" in shown(desk.standing())["audience"]
    desk.config = replace(desk.config, segments=(replace(donors, api_token="other"),))  # type: ignore[call-arg]
    assert desk.standing().state == "good"


def test_a_key_at_its_default_is_not_hashed_and_one_without_a_default_is(desk: Desk) -> None:
    decided = list_decided(desk.config, desk.config.editions[0])
    assert "editions.local_time" not in decided
    assert decided["publication.title"] == "Borderlines"
    required = [one for one in read_covered(desk.config, desk.config.editions[0]) if not one.is_default]
    assert {one.name for one in required} == set(decided)
    assert [key.name for key in fields(Edition) if key.default is MISSING] == ["slug", "title", "themes"]


def test_another_edition_and_its_themes_take_no_approval_away(desk: Desk) -> None:
    desk.approve()
    other = Edition(slug="daily", title="Daily", themes=("asia",))
    theme = replace(desk.config.themes[0], slug="asia", title="Asia")
    desk.config = replace(desk.config, editions=(*desk.config.editions, other), themes=(*desk.config.themes, theme))
    assert desk.standing().state == "good"
