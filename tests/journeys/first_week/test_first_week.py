"""From nothing to the first issue in an inbox: the calendar drafts and sends, a reader comes and goes."""

from pathlib import Path

import pytest

from newsletter.store import issues
from newsletter.store.slots import find_slot
from tests.serving import Desk, running_desk, text_of

READER = "reader@example.org"
EDITOR = "desk@borderlines.example"
SLUG = "2025-07-07-weekly"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:  # type: ignore[misc]
    with running_desk(tmp_path) as one:
        yield one


def test_a_week_from_subscribing_to_leaving(desk: Desk) -> None:
    desk.tick()
    assert find_slot(desk.store, "weekly/2025-07-07").state == "planned"  # type: ignore[union-attr]
    assert desk.mails == []

    desk.subscribe(READER)
    assert desk.subjects(READER) == ["Please confirm: Borderlines"]

    # A day before, the draft is written and shown to the editor.
    desk.tick(to="2025-07-06 05:01")
    assert (desk.workspace.root / f"issues/{SLUG}/issue.md").is_file()
    told = desk.subjects(EDITOR)
    assert told[0] == f"{SLUG} is drafted: 5 posts"
    assert told[1].startswith("[DRAFT] ")
    assert f"newsletter cancel {SLUG}" in text_of(desk.mails[-2])
    assert desk.pages().get(f"/{SLUG}/").status == 404

    # At seven in Berlin it goes out, once, and the archive and the feed show it.
    desk.tick(to="2025-07-07 05:00")
    desk.tick()
    desk.restart()
    desk.tick(to="2025-07-07 05:10")
    assert len(desk.subjects(READER)) == 2
    frozen = issues.find_issue(desk.store, SLUG)
    assert frozen
    assert frozen.state == "done"
    assert find_slot(desk.store, "weekly/2025-07-07").state == "sent"  # type: ignore[union-attr]
    pages = desk.pages()
    assert pages.get(f"/{SLUG}/").status == 200
    assert "Moscow" in pages.get("/feed.xml").text

    # One press, and the next issue does not come.
    token = desk.link("/u/", READER)
    assert pages.get(token).status == 200
    assert pages.ask("POST", token, body=b"List-Unsubscribe=One-Click").status == 200
    desk.subscribe("other@example.org")
    (desk.workspace.root / "posts/new.md").write_text("# Something new in Baku\n\nAzerbaijan said so.\n")
    desk.tick(to="2025-07-13 12:00")
    desk.tick(to="2025-07-14 05:00")
    assert len(desk.subjects("other@example.org")) == 2
    assert len(desk.subjects(READER)) == 2
