"""What the flow of the checks brings together: past issues, the themes, rules left out for one post."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from newsletter.config import Config
from newsletter.flows.build import render_issue
from newsletter.flows.check import check_issue
from newsletter.flows.check_links import check_links
from newsletter.model import Finding
from newsletter.workspace.files import Workspace, issue_path
from newsletter.workspace.load import read_config
from tests.web_server import WebServer, serve

ROOT = Path(__file__).resolve().parents[2]
SLUG = "2025-07-07-weekly"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    shutil.copy(ROOT / "newsletter.toml", tmp_path)
    shutil.copytree(ROOT / "issues", tmp_path / "issues")
    return Workspace(tmp_path)


def change(workspace: Workspace, old: str, new: str) -> None:
    text = workspace.read(issue_path(SLUG)).decode()
    assert old in text
    workspace.write(issue_path(SLUG), text.replace(old, new, 1))


def check(workspace: Workspace, **ignore: str) -> list[str]:
    config = read_config(workspace)
    ignored = {name.replace("_", " "): reason for name, reason in ignore.items()}
    config = replace(config, checks=replace(config.checks, ignore=ignored))
    return [one.rule for one in check_issue(workspace, config, render_issue(workspace, config, SLUG))]


def test_stories_of_past_issues_are_found_by_key_address_and_words(workspace: Workspace) -> None:
    past = workspace.read(issue_path(SLUG)).decode().replace("2025-07-07", "2025-06-30")
    workspace.write(issue_path("2025-06-30-weekly"), past)
    assert check(workspace).count("repeated") == 5  # the same posts
    text = workspace.read(issue_path(SLUG)).decode()
    for key in ("b56c49874e67", "6f5bf62cab86", "330818362d6d", "4b0a5ae38b20", "da0f6ad66378"):
        text = text.replace(f" {{#p-{key}}}", "")
    workspace.write(issue_path(SLUG), text)
    assert check(workspace).count("repeated") == 5  # the same addresses
    workspace.write(issue_path("2025-06-30-weekly"), past.replace("facebook.com/example", "facebook.com/other"))
    assert check(workspace).count("repeated") >= 3  # the same words, where there are enough


def test_a_paragraph_of_another_theme_is_pointed_at_and_may_be_left_out_for_one_post(workspace: Workspace) -> None:
    assert check(workspace) == ["off-theme"]
    assert check(workspace, **{"off-theme_p-b56c49874e67": "told on purpose"}) == []
    assert check(workspace, **{"off-theme_p-6f5bf62cab86": "another post"}) == ["off-theme"]
    assert check(workspace, **{"off-theme": "for all"}) == []


def visit(workspace: Workspace, config: Config, server: WebServer) -> list[Finding]:
    config = replace(config, fetch=replace(config.fetch, allow_hosts=("127.0.0.1",)))
    found = check_links(render_issue(workspace, config, SLUG), config)
    return [one for one in found if str(server.port) in one.message]


def test_links_are_visited_on_request(workspace: Workspace) -> None:
    with serve() as server:
        there, big = server.give("/there", b"words"), server.give("/big", b"x" * 6_000_000)
        gone, shut = server.give("/gone", status=410), server.give("/shut", status=403)
        moved = server.give("/moved", status=301, Location=there)
        for_now = server.give("/for-now", status=302, Location=there)
        urls = (there, big, gone, shut, moved, for_now, server.url("/none"))
        change(
            workspace, "drift apart faster", f"drift {' '.join(f'[a{n}]({url})' for n, url in enumerate(urls))} apart"
        )
        found = visit(workspace, read_config(workspace), server)
    told = {(one.rule, one.level, one.message.split(": ")[0].split(" ")[0].rpartition("/")[2]) for one in found}
    assert told == {
        ("link-dead", "error", "gone"),
        ("link-dead", "error", "none"),
        ("link-trouble", "warning", "shut"),
        ("link-moved", "warning", "moved"),
    }
    assert {one.where for one in found} == {f"{issue_path(SLUG)}:11"}
    assert next(one for one in found if one.rule == "link-trouble").message.endswith("lets no programs in")
    assert len([path for path, _ in server.hits if path == "/big"]) == 1


def test_private_addresses_are_not_visited(workspace: Workspace) -> None:
    with serve() as server:
        change(workspace, "drift apart faster", f"drift [apart]({server.give('/there', b'x')}) faster")
        config = read_config(workspace)
        found = check_links(render_issue(workspace, config, SLUG), config)
        assert server.hits == []
    assert any(one.rule == "link-trouble" and str(server.port) in one.message for one in found)


def test_c68_what_is_found_a_hundred_times_is_said_once(workspace: Workspace) -> None:
    links = " ".join(f"[word {number}](http://site{number}.example/)" for number in range(108))
    change(workspace, "drift apart faster", f"drift {links} apart")
    config = read_config(workspace)
    found = [
        one
        for one in check_issue(workspace, config, render_issue(workspace, config, SLUG))
        if "an http address" in one.message
    ]
    [one] = found
    assert one.where == "<a> http://site0.example/"
    assert one.message == (
        "an http address; most sites have https (108 times; also <a> http://site1.example/, <a> http://site2.example/ and 105 more)"
    )


def test_c68_what_is_found_at_a_few_places_is_said_at_each(workspace: Workspace) -> None:
    text = (
        workspace.read(issue_path(SLUG))
        .decode()
        .replace("[Source](https://www.facebook.com/example", "[Source](https://f.example", 3)
    )
    workspace.write(issue_path(SLUG), text.replace("drift apart faster", "drift TK apart", 1))
    config = read_config(workspace)
    found = check_issue(workspace, config, render_issue(workspace, config, SLUG))
    assert [one.message for one in found].count("'TK' was left over") == 1
    assert not [one for one in found if "times; also" in one.message]


def test_c33_marks_that_readers_see_are_told_with_their_line(workspace: Workspace) -> None:
    change(
        workspace, "drift apart faster", "drift **apart ** faster ![a picture](https://s.example/pic with space.jpg)"
    )
    config = read_config(workspace)
    found = [
        one for one in check_issue(workspace, config, render_issue(workspace, config, SLUG)) if one.rule == "marks"
    ]
    line = next(
        number
        for number, words in enumerate(workspace.read(issue_path(SLUG)).decode().splitlines(), 1)
        if "drift **apart" in words
    )
    assert {one.where for one in found} == {f"{issue_path(SLUG)}:{line}"}
    assert {one.level for one in found} == {"warning"}
    assert any("pic with space" in one.message and "goes between < and >" in one.message for one in found)
