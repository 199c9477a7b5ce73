"""A desk with an issue that went out to one reader, and its pages."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.store.database import Store
from tests.databases import new_folder
from tests.serving import Desk, Kept, Pages, keep_desk, running_desk

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


@pytest.fixture(scope="session")
def kept_sent() -> Kept:
    with running_desk(new_folder("sent")) as desk:
        desk.tick()
        desk.subscribe(READER)
        desk.tick(to="2025-07-06 05:00")
        desk.tick(to="2025-07-07 05:00")
        return keep_desk(desk)


@pytest.fixture
def sent(tmp_path: Path, kept_sent: Kept) -> Iterator[Desk]:
    """A reader has subscribed and got an issue."""
    with running_desk(tmp_path, like=kept_sent) as one:
        one.server.keep_calendar()  # as at any start
        yield one
