"""What comes into a draft: posts of one feed with one link, old posts of feeds, one feed that fills an issue."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest

from newsletter.errors import InputError, NothingToDo
from newsletter.flows import draft as flow
from newsletter.flows.draft import draft_issue, refresh_issue
from newsletter.workspace.files import Workspace
from newsletter.workspace.load import read_config, read_sources
from tests.cli.conftest import Call
from tests.web_server import WebServer, serve

DAY = ("--date", "2025-07-07")
SLUG = "2025-07-07-weekly"


@pytest.fixture
def server() -> Iterator[WebServer]:
    with serve() as one:
        yield one


def add_feed(sample: Path, url: str, *, more: str = "", name: str = "wire") -> None:
    settings = (sample / "newsletter.toml").read_text(encoding="utf-8")
    fetch = "" if "[fetch]" in settings else '\n[fetch]\nallow_hosts = ["127.0.0.1"]\n'
    settings += f'{fetch}\n[[sources]]\nname = "{name}"\nkind = "feed"\nurl = "{url}"\n{more}\n'
    (sample / "newsletter.toml").write_text(settings, encoding="utf-8")


def write_feed(*items: tuple[str, str, str, str]) -> bytes:
    """Items of (id, link, title, date as 2025-07-04)."""
    entries = ""
    for name, link, title, day in items:
        date = format_datetime(datetime.fromisoformat(day).replace(hour=10, tzinfo=UTC)) if day else ""
        entries += f'<item><guid isPermaLink="false">{name}</guid><link>{link}</link><title>{title}</title>'
        entries += f"<description>{title} is about Baku, and so are the words of {name}.</description>"
        entries += f"<pubDate>{date}</pubDate></item>" if date else "</item>"
    return f'<rss version="2.0"><channel><title>W</title>{entries}</channel></rss>'.encode()


def write_post(sample: Path, feed: str, name: str, day: str, **front: str) -> None:
    """A post as `collect` writes it."""
    folder = sample / f"posts/collected/{feed}"
    folder.mkdir(parents=True, exist_ok=True)
    keys = "".join(f"{key}: {value}\n" for key, value in front.items())
    date = f"date: {day}\n" if day else ""
    text = f"---\ntitle: {name} in Baku\n{date}source: {feed}\nkey: {name.lower()}0000\n{keys}---\n\nAbout {name}.\n"
    (folder / f"{name.lower()}.md").write_text(text, encoding="utf-8")


def headings(sample: Path, slug: str = SLUG) -> list[str]:
    text = (sample / f"issues/{slug}/issue.md").read_text(encoding="utf-8")
    return [line[4:].partition(" {#")[0] for line in text.splitlines() if line.startswith("### ")]


# --- one source, one link -------------------------------------------------------------------------------------------


def test_c13_each_release_of_a_feed_with_one_link_comes_into_its_issue(
    call: Call, sample: Path, server: WebServer
) -> None:
    (sample / "posts/2025-07-05-collected.txt").unlink()
    link = "https://e.org/support"
    add_feed(sample, server.give("/f", write_feed(("g1", link, "Release 1.0", "2025-07-01"))))
    assert call("collect", "--json").json["posts"] == 1
    assert call("draft", "--date", "2025-07-02", "--json").json["posts"] == 1
    server.give("/f", write_feed(("g2", link, "Release 2.0", "2025-07-04")))
    assert call("collect", "--json").json["posts"] == 1
    server.give("/f", write_feed(("g3", link, "Release 3.0", "2025-07-05"), ("g2", link, "Release 2.0", "2025-07-04")))
    assert call("collect", "--json").json["posts"] == 1
    drafted = call("draft", *DAY, "--json").json
    assert (drafted["posts"], drafted["duplicates"]) == (2, [])
    assert headings(sample) == ["Release 2.0", "Release 3.0"]
    assert not [one for one in call("check", SLUG, "--json").json["findings"] if one["rule"] == "repeated"]


def test_c13_parts_of_one_page_are_posts_of_their_own(call: Call, sample: Path, server: WebServer) -> None:
    (sample / "posts/2025-07-05-collected.txt").unlink()
    one = ("v1", "https://e.org/log#v1", "Version one", "2025-07-01")
    add_feed(sample, server.give("/f", write_feed(one)))
    call("collect")
    server.give("/f", write_feed(("v2", "https://e.org/log#v2", "Version two", "2025-07-02"), one))
    assert call("collect", "--json").json["posts"] == 1
    assert call("draft", *DAY, "--json").json["duplicates"] == []
    assert headings(sample) == ["Version one", "Version two"]


# --- old posts of feeds ---------------------------------------------------------------------------------------------


@pytest.fixture
def old_posts(sample: Path) -> Path:
    """A feed with posts of 1 July, 6 June (31 days before the issue), 5 June and of last year, and one without a date."""
    add_feed(sample, "https://wire.example/feed")
    for name, day in (
        ("New", "2025-07-01"),
        ("Last", "2025-06-06"),
        ("Old", "2025-06-05"),
        ("Older", "2024-01-01"),
        ("Undated", ""),
    ):
        write_post(sample, "wire", name, day)
    (sample / "posts/2024-01-01-mine.md").write_text("# By hand about Baku\n\nMy own old words.\n", encoding="utf-8")
    (sample / "posts/2024-01-01-paste.txt").write_text(
        "Pasted about Baku\n\nOld words.\n\nhttps://f.org/1\n", encoding="utf-8"
    )
    return sample


def test_c14_old_posts_of_feeds_are_held_back_and_reported(call: Call, old_posts: Path) -> None:
    drafted = call("draft", *DAY)
    there = headings(old_posts)
    assert {"New in Baku", "Last in Baku", "Undated in Baku", "By hand about Baku", "Pasted about Baku"} <= set(there)
    assert not {"Old in Baku", "Older in Baku"} & set(there)
    assert "held back: 2 posts of feeds older than max_age_days (wire 2); to take them in: " in drafted.err
    assert "newsletter draft --refresh --older --edition weekly --date 2025-07-07" in drafted.err


def test_what_is_held_back_is_reported_once(call: Call, old_posts: Path) -> None:
    call("draft", *DAY)
    (old_posts / "posts/new.md").write_text("# Tbilisi and Baku\n\nNew words.\n", encoding="utf-8")
    write_post(old_posts, "wire", "Late", "2025-05-01")
    drafted = call("draft", "--date", "2025-07-14")
    assert "held back: 1 post of feeds older than max_age_days (wire 1); to take them in: " in drafted.err
    (old_posts / "posts/newer.md").write_text("# Yerevan and Baku\n\nNewer words.\n", encoding="utf-8")
    assert "held back" not in call("draft", "--date", "2025-07-21").err
    assert call("draft", "--refresh", "--older", "--date", "2025-07-21", "--json").json["posts"] == 3


def test_c14_the_command_that_is_named_takes_them_in(call: Call, old_posts: Path) -> None:
    assert call("draft", *DAY, "--json").json["older"] == ["old0000", "older0000"]
    added = call("draft", "--refresh", "--older", "--edition", "weekly", *DAY, "--json").json
    assert (added["posts"], added["older"]) == (2, [])
    assert {"Old in Baku", "Older in Baku"} <= set(headings(old_posts))


def test_c14_one_post_comes_in_by_keep(call: Call, old_posts: Path) -> None:
    write_post(old_posts, "wire", "Older", "2024-01-01", keep="true")
    assert call("draft", *DAY, "--json").json["older"] == ["old0000"]


@pytest.mark.parametrize(
    ("edition", "source", "older"),
    [
        ("max_age_days = 0", "", []),
        ("max_age_days = 32", "", ["older0000"]),
        ("", "max_age_days = 0", []),
        ("", "max_age_days = 5", ["last0000", "new0000", "old0000", "older0000"]),
        ("max_age_days = 5", "max_age_days = 1000", []),
    ],
)
def test_the_edition_and_the_feed_say_how_old(
    call: Call, old_posts: Path, edition: str, source: str, older: list[str]
) -> None:
    path = old_posts / "newsletter.toml"
    text = path.read_text(encoding="utf-8")
    text = text.replace('url = "https://wire.example/feed"\n', f'url = "https://wire.example/feed"\n{source}\n')
    path.write_text(text.replace('slug = "weekly"\n', f'slug = "weekly"\n{edition}\n'), encoding="utf-8")
    assert sorted(call("draft", *DAY, "--json").json["older"]) == older


def test_max_age_days_is_for_feeds(call: Call, sample: Path) -> None:
    path = sample / "newsletter.toml"
    text = path.read_text(encoding="utf-8").replace('path = "posts"\n', 'path = "posts"\nmax_age_days = 3\n')
    path.write_text(text, encoding="utf-8")
    told = call("draft", *DAY)
    assert told.code == 3
    assert told.err.startswith("newsletter.toml:52:1: sources")
    assert "max_age_days: is for feeds; posts of a folder are never held back" in told.err


def test_nothing_but_old_posts_says_how_to_take_them_in(call: Call, sample: Path) -> None:
    (sample / "posts/2025-07-05-collected.txt").unlink()
    add_feed(sample, "https://wire.example/feed")
    write_post(sample, "wire", "Older", "2024-01-01")
    told = call("draft", *DAY)
    assert told.code == 6
    assert "1 of feeds are too old (max_age_days)" in told.err
    assert "newsletter draft --older --edition weekly --date 2025-07-07" in told.err
    assert call("draft", "--older", *DAY).code == 0


# --- one feed -------------------------------------------------------------------------------------------------------


def test_c14_a_feed_that_fills_an_issue_is_reported(call: Call, sample: Path) -> None:
    add_feed(sample, "https://wire.example/feed")
    for number in range(9):
        write_post(sample, "wire", f"Story{number}", "2025-07-01")
    assert "note: wire: 9 of the 14 posts that were put in are from this feed" in call("draft", *DAY).err


# --- two at once ----------------------------------------------------------------------------------------------------


def test_c16_two_drafts_at_once_write_one_issue(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one waits, and finds that the issue stands."""
    workspace = Workspace(sample)
    config = read_config(workspace)
    edition, day = config.editions[0], datetime(2025, 7, 7, tzinfo=UTC).date()
    inside, go_on = threading.Event(), threading.Event()

    def slow(*arguments):  # type: ignore[no-untyped-def]
        inside.set()
        assert go_on.wait(30)
        return read_sources(*arguments)

    monkeypatch.setattr(flow, "read_sources", slow)
    results: list[object] = []

    def make() -> None:
        try:
            results.append(draft_issue(workspace, config, edition, day))
        except NothingToDo as error:
            results.append(str(error))

    threads = [threading.Thread(target=make) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert inside.wait(30)
    go_on.set()
    for thread in threads:
        thread.join(30)
    assert sum(isinstance(one, str) and "stands already" in one for one in results) == 1
    assert len(results) == 2


def test_c16_a_refresh_writes_nothing_over_what_was_saved_meanwhile(
    call: Call, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("draft", *DAY)
    path = sample / f"issues/{SLUG}/issue.md"
    add_feed(sample, "https://wire.example/feed")
    write_post(sample, "wire", "New", "2025-07-01")
    saved = path.read_text(encoding="utf-8") + "\n### By hand\n\nSaved in the middle.\n"

    def and_save(*arguments):  # type: ignore[no-untyped-def]
        path.write_text(saved, encoding="utf-8")
        return read_sources(*arguments)

    monkeypatch.setattr(flow, "read_sources", and_save)
    workspace = Workspace(sample)
    config = read_config(workspace)
    with pytest.raises(InputError, match="was saved by somebody meanwhile"):
        refresh_issue(workspace, config, config.editions[0], datetime(2025, 7, 7, tzinfo=UTC).date())
    assert path.read_text(encoding="utf-8") == saved
    monkeypatch.setattr(flow, "read_sources", read_sources)
    assert call("draft", "--refresh", *DAY, "--json").json["posts"] == 1, "the post is not lost"
