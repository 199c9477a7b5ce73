"""What all tests share: where the repository is, and the real text that stays outside of it."""

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from newsletter.store.database import Store
from tests.databases import new_store, stop

ROOT = Path(__file__).resolve().parent.parent
REAL_TEXT = Path(os.environ.get("REAL_DIGEST", ROOT.parent / "shared" / "input" / "collected-posts-2025-07.txt"))

settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("deep", parent=settings.get_profile("suite"), max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Octets are no name: what is packed may hold the second in which it was, and two workers would find other tests."""
    return argname if isinstance(val, bytes) and len(val) > 30 else None


# What a first run leaves out: real processes, real mail servers, browsers, thousands of random orders. Below `tests/`.
SLOW = (
    "faults/",
    "journeys/",
    "audience/test_read_file.py",
    "rendering/test_axe.py",
    "rendering/test_foreign_content.py",
    "rendering/test_in_chromium.py",
    "rendering/test_vnu.py",
    "rendering/test_webmails.py",
    "sources/test_feed_words.py",
    "store/test_interleavings.py",
    "store/test_state_machine.py",
    "test_calendar.py",
    "test_reload.py",
    "test_visits.py",
    "web/test_in_chromium.py",
    "web/test_siege.py",
    "web/test_subscribe.py",
)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what `./run test --quick` leaves out."""
    if item.path.relative_to(ROOT / "tests").as_posix().startswith(SLOW):
        item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def real_text() -> str:
    """The real week of collected posts. It is test input only and never part of the repository."""
    if not REAL_TEXT.is_file():
        pytest.skip(f"the real digest is not on this machine ({REAL_TEXT.name}; set REAL_DIGEST to its path)")
    return REAL_TEXT.read_text(encoding="utf-8")


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store: the same tests hold for both kinds."""
    opened = new_store(request.param, tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Any]:
    """`serve` in a workspace of its own, with one reader, on SQLite (`tests.serving`)."""
    from tests.serving import running_desk

    with running_desk(tmp_path) as one:
        one.add("reader@example.org")
        yield one


@pytest.fixture
def desk_of(tmp_path: Path, store: Store) -> Iterator[Any]:
    """The same on both databases."""
    from tests.serving import running_desk

    with running_desk(tmp_path, store=store) as one:
        one.add("reader@example.org")
        yield one


@pytest.fixture
def untraced() -> Iterator[None]:
    """For tests that do thousands of times what others do once: tracing them for coverage takes longer than they do."""
    mine, of_threads = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    yield
    sys.settrace(mine)
    threading.settrace(of_threads)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that are slow or ask for time of their own come first: one that takes a minute must not be the last."""
    items.sort(key=lambda item: not any(item.get_closest_marker(name) for name in ("slow", "timeout")))


def pytest_sessionfinish() -> None:
    """The PostgreSQL server that tests have started ends with them."""
    stop()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-golden` writes what the program makes today as what is expected from now on."""
    parser.addoption("--update-golden", action="store_true", help="renew the expected files of the journeys")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium, one a module: as long as it runs, its event loop is that of the thread."""
    from tests.browser import open_browser  # playwright takes a while to load

    with open_browser() as one:
        yield one
