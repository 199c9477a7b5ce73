"""A reader's own page: behind a link that was mailed to them, for one hour, once."""

import json

import pytest

from newsletter.store.subscribers import find_person
from newsletter.web import forms
from tests.serving import Desk
from tests.web.conftest import READER


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "SAME_TIME_S", 0.0)


def mailed_link(desk: Desk) -> str:
    desk.clock.advance(minutes=11)
    assert desk.pages().post("/preferences", {"address": READER}).status == 200
    desk.server.send_letters()
    return desk.link("/p/", READER)


def test_themes_language_and_a_pause(sent: Desk) -> None:
    pages, link = sent.pages(), mailed_link(sent)
    assert 'name="themes"' in pages.get(link).text
    fields = [("action", "save"), ("themes", "us-china"), ("language", "fr"), ("pause", "2")]
    assert "Your preferences are saved" in pages.post(link, fields).text
    row = find_person(sent.store, READER).row  # type: ignore[union-attr]
    assert (row.themes, row.language) == ("us-china", "fr")
    # The link is used up.
    assert pages.get(link).status == 404
    assert pages.post(link, fields).status == 404
    page = pages.get(mailed_link(sent)).text
    assert 'value="us-china" checked' in page
    assert "Paused until 21 July 2025" in page


def test_who_pauses_gets_nothing_until_then(sent: Desk) -> None:
    sent.subscribe("other@example.org")
    assert sent.pages().post(mailed_link(sent), [("action", "save"), ("pause", "1")]).status == 200
    posts = sent.workspace.root / "posts"
    for week, count in (("14", 1), ("21", 2)):
        (posts / f"{week}.md").write_text(f"# News of the {week}th from Baku\n\nAzerbaijan and so on, {week}.\n")
        sent.tick(to=f"2025-07-{int(week) - 1} 05:00")
        sent.tick(to=f"2025-07-{week} 05:00")
        mine = [m for m in sent.mails if READER in str(m["To"]) and "weekly" in str(m["Message-ID"])]
        assert len(mine) == count


def test_the_data_can_be_taken_along(sent: Desk) -> None:
    link = mailed_link(sent)
    answer = sent.pages().post(link, {"action": "download"})
    assert answer.headers["content-disposition"] == 'attachment; filename="my-data.json"'
    document = json.loads(answer.text)
    assert document["subscriber"]["address"] == READER
    assert [one["event"] for one in document["consents"]] == ["asked", "confirmed"]
    assert document["deliveries"][0]["issue"] == "2025-07-07-weekly"
    assert sent.pages().get(link).status == 200  # reading uses nothing up


def test_erasing_is_asked_twice_and_leaves_nothing(sent: Desk) -> None:
    pages, link = sent.pages(), mailed_link(sent)
    assert "Yes, erase everything" in pages.post(link, {"action": "erase"}).text
    assert find_person(sent.store, READER)
    assert "Your data is erased" in pages.post(link, {"action": "erase-sure"}).text
    assert find_person(sent.store, READER) is None
    assert pages.get(link).status == 404
    assert sent.store.path
    for name in ("", "-wal"):
        file = sent.store.path.with_name(sent.store.path.name + name)
        assert not file.exists() or READER.encode() not in file.read_bytes()


def test_a_link_works_for_an_hour(sent: Desk) -> None:
    link = mailed_link(sent)
    sent.clock.advance(minutes=59)
    assert sent.pages().get(link).status == 200
    sent.clock.advance(minutes=2)
    assert sent.pages().get(link).status == 404
    assert sent.pages().post(link, {"action": "erase-sure"}).status == 404


def test_a_stranger_causes_no_flood_of_links(sent: Desk) -> None:
    before = len(sent.mails)
    for _ in range(8):
        sent.pages().post("/preferences", {"address": READER})
        sent.clock.advance(minutes=1)
    sent.pages().post("/preferences", {"address": "nobody@example.org"})
    sent.server.send_letters()
    assert len(sent.mails) == before + 1


@pytest.mark.parametrize("fields", [{}, {"action": "nonsense"}, {"action": "save", "pause": "9999", "language": "<x>"}])
def test_what_no_page_of_ours_sends_does_no_harm(sent: Desk, fields: dict[str, str]) -> None:
    answer = sent.pages().post(mailed_link(sent), fields)
    assert answer.status in (200, 400)
    row = find_person(sent.store, READER).row  # type: ignore[union-attr]
    assert (row.state, row.language, row.themes) == ("active", "", "")
