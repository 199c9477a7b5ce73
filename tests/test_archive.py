"""The archive that `serve` shows, at three sizes: no issue, one, and what ten years bring."""

import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

import pytest

from newsletter.config import Config
from newsletter.flows.archive import Archive, render_archive
from newsletter.rendering.media_types import UnknownFile, media_type
from newsletter.workspace.files import Workspace
from newsletter.workspace.load import read_config
from tests.serving import Desk

FIRST = date(2014, 1, 6)
LINK = re.compile(
    r'<(?:atom:)?link rel="prev-archive" href="https://borderlines\.example(/[^"]+)"|"next_url": "[^"]*example(/[^"]+)"'
)
TYPES = {
    "feed.xml": "application/rss+xml; charset=utf-8",
    "atom.xml": "application/atom+xml; charset=utf-8",
    "feed.json": "application/feed+json; charset=utf-8",
}


def write_issues(workspace: Workspace, count: int) -> list[str]:
    """Weekly issues of one post each, oldest first."""
    slugs = []
    for number in range(count):
        day = FIRST + timedelta(weeks=number)
        slug = f"{day}-weekly"
        workspace.write(
            f"issues/{slug}/issue.md",
            f"---\nissue: {slug}\nedition: weekly\ndate: {day}\nsubject: Number {number}\npreheader: Short\n---\n\n"
            f"## Caucasus {{#caucasus}}\n\n### Post {number} {{#p-{number:012x}}}\n\nWords.\n",
        )
        slugs.append(slug)
    return slugs


@pytest.fixture
def workspace(tmp_path: Path, root: Path) -> Workspace:
    (tmp_path / "newsletter.toml").write_bytes((root / "newsletter.toml").read_bytes())
    return Workspace(tmp_path)


@pytest.fixture
def config(workspace: Workspace) -> Config:
    return read_config(workspace)


@pytest.mark.parametrize("feed", ["posts", "issues"])
@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 100, 600])
@pytest.mark.usefixtures("untraced")
def test_c9_serve_shows_the_archive_however_many_issues_there_are(
    workspace: Workspace, config: Config, count: int, feed: Literal["posts", "issues"]
) -> None:
    config = replace(config, publication=replace(config.publication, feed=feed))
    archive = render_archive(workspace, config, write_issues(workspace, count))
    assert len([path for path in archive.pages if re.fullmatch(r"\d{4}-[\w-]+/index\.html", path)]) == count
    for folder in ("", "themes/caucasus/"):
        for name, kind in TYPES.items():
            walked = walk_feed(archive, f"{folder}{name}")
            assert {archive.pages[path].kind for path in walked} == {kind}
            documents = count // 50 if count > 50 else 0
            assert len(walked) == 1 + documents, "every archive document can be reached from the feed"


def walk_feed(archive: Archive, path: str) -> list[str]:
    """The feed and the archive documents behind it, in the order in which a feed reader asks for them."""
    walked = []
    while path:
        walked.append(path)
        found = LINK.search(archive.pages[path].data.decode())
        path = (found[1] or found[2]).lstrip("/") if found else ""
    return walked


def test_c9_a_running_serve_goes_on_when_the_feeds_page(desk: Desk) -> None:
    slug = "2025-07-07-weekly"
    posts = "\n".join(f"### Post {n} {{#p-{n:012x}}}\n\nWords.\n" for n in range(51))
    desk.workspace.write(
        f"issues/{slug}/issue.md",
        f"---\nissue: {slug}\nedition: weekly\ndate: 2025-07-07\nsubject: Many\npreheader: Short\n---\n\n"
        f"## Caucasus {{#caucasus}}\n\n{posts}",
    )
    desk.tick(to="2025-07-06 05:00")
    desk.tick(to="2025-07-07 05:00")
    desk.restart()
    desk.tick()  # as at any start
    pages = desk.pages()
    for path in ("/feed-1.xml", "/atom-1.xml", "/feed-1.json", "/themes/caucasus/feed-1.xml"):
        answer = pages.get(path)
        assert (answer.status, answer.headers["content-type"]) == (200, media_type(path)), path
    assert not [note for note in desk.notes if note["event"] in ("failed", "fault")]


def test_c9_a_kind_of_file_without_a_media_type_is_refused_when_it_is_made() -> None:
    for path in ("feed.yaml", "robots", "feed-0x.xml", "themes/x/other.xml"):
        with pytest.raises(UnknownFile, match="no media type"):
            media_type(path)
