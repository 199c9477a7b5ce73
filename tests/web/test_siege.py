"""The siege in its short form: `newsletter serve` with few files sends an issue while strangers attack it.

It counts and it bounds. How fast pages are is measured by `./run bench siege`; here a page must come at all.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.attacks import ATTACKS
from bench.siege import MEMORY_MB, Server, attack, besieged
from tests.databases import new_folder

SECONDS = 2.0


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with besieged(new_folder("siege") / "desk", seconds=len(ATTACKS) * 40) as running:
        yield running


@pytest.mark.parametrize("name", ATTACKS)
def test_t42_c40_c41_strangers_stop_neither_the_pages_nor_the_mail(server: Server, name: str) -> None:
    visit = attack(server, name, SECONDS)
    assert set(visit.statuses) == {200}, visit.statuses
    assert sum(visit.statuses.values()) >= 3, "the reader of another network got pages all the time"
    assert visit.megabytes < MEMORY_MB
    assert visit.mails > 0


def test_c42_after_the_siege_a_reader_can_subscribe(server: Server) -> None:
    attack(server, "stamp", 0)
    assert server.subscribe("somebody@example.net")


def test_c41_the_program_asks_for_more_files_where_it_may(tmp_path: Path) -> None:
    import resource
    import subprocess
    import sys

    script = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (256, 1000));"
        "from newsletter.web.server import claim_descriptors; print(claim_descriptors())"
    )
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 1_000:
        pytest.skip("fewer files are allowed here than the test sets")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "1000\n"
