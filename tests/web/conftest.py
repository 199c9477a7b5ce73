"""A desk with an issue that went out to one reader, and its pages."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.store.database import Store
from tests.serving import Desk, Pages, running_desk

READER = "reader@example.org"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with running_desk(tmp_path) as one:
        yield one


@pytest.fixture
def desk_of(tmp_path: Path, store: Store) -> Iterator[Desk]:
    """On both databases."""
    with running_desk(tmp_path, store=store) as one:
        yield one


@pytest.fixture
def pages(desk: Desk) -> Pages:
    return desk.pages()


@pytest.fixture
def sent(desk: Desk) -> Desk:
    """A reader has subscribed and got an issue."""
    desk.tick()
    desk.subscribe(READER)
    desk.tick(to="2025-07-06 05:00")
    desk.tick(to="2025-07-07 05:00")
    return desk
