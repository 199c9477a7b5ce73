"""The program's own words: every language has all of them, and fills in the same."""

import re
import tomllib
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from newsletter.phrases import read_phrases
from newsletter.web.preferences import LANGUAGES

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
TEXT = (TEMPLATES / "phrases.toml").read_text(encoding="utf-8")
TABLES: dict[str, dict[str, Any]] = tomllib.loads(TEXT)


def slots(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", TABLES)
def test_every_language_has_every_phrase(language: str) -> None:
    assert set(TABLES[language]) == set(TABLES["en"])


@pytest.mark.parametrize("language", TABLES)
def test_every_phrase_fills_in_what_the_english_one_does(language: str) -> None:
    words = {key: value for key, value in TABLES[language].items() if key != "months"}
    assert {key: slots(value) for key, value in words.items()} == {key: slots(TABLES["en"][key]) for key in words}


@pytest.mark.parametrize("language", TABLES)
def test_every_phrase_says_something(language: str) -> None:
    words = dict(TABLES[language])
    assert len(set(words.pop("months"))) == 12
    assert [key for key, value in words.items() if not value or value != value.strip()] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_that_readers_may_choose_is_not_english_underneath(language: str) -> None:
    assert read_phrases([TEXT], "phrases.toml", language) == TABLES[language]


def test_every_language_with_phrases_may_be_chosen() -> None:
    assert set(LANGUAGES) == set(TABLES)


def test_every_phrase_that_a_template_shows_is_there() -> None:
    for path in TEMPLATES.rglob("*.j2"):
        text = path.read_text(encoding="utf-8")
        shown = set(re.findall(r"\bphrases\.(\w+)", text)) | set(re.findall(r'\bsay\("(\w+)"', text))
        assert shown <= set(TABLES["en"]), path
