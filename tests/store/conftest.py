"""A store that is used for many examples: made once, emptied before each, not waiting for the disk."""

from collections.abc import Iterator

import pytest

from newsletter.store import database
from newsletter.store.database import Store
from tests.databases import make_quick, new_store


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def quick_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Its contents belong to the example that runs; `make_empty` first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "BUSY_S", 5)
        opened = new_store(request.param, tmp_path_factory.mktemp(request.param))
        make_quick(opened)
        opened.engine.pool._pre_ping = False
        yield opened
        opened.close()
