"""The default templates and phrases, as the program ships them."""

import pytest
from jinja2 import Environment

from newsletter.phrases import Phrases, read_phrases
from newsletter.rendering.templates import make_environment
from newsletter.resources import resource


def read_packaged(name: str) -> tuple[str, str] | None:
    path = resource(f"templates/{name}")
    return (path.read_text(encoding="utf-8"), f"templates/{name}") if path.is_file() else None


@pytest.fixture(scope="session")
def environment() -> Environment:
    return make_environment(read_packaged)


@pytest.fixture(scope="session")
def phrases() -> Phrases:
    return read_phrases([resource("templates/phrases.toml").read_text(encoding="utf-8")], "phrases.toml", "en")
