"""What build/site holds: issues that are out, by what was mailed or by their date; the preview shows the others too."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from newsletter.errors import InputError
from newsletter.flows.build import SITE, Build, build_issue
from newsletter.flows.preview import Preview
from newsletter.flows.published import find_published
from newsletter.store import issues
from newsletter.store.database import Store
from newsletter.workspace.database import mailed_issues
from newsletter.workspace.files import Workspace, issue_path
from newsletter.workspace.load import read_config
from tests.sending import ISSUE, Desk, make_desk

# Mondays; the edition is sent at 07:00 in Berlin, which is 05:00 UTC in summer.
OLD, NEXT = "2025-06-30-weekly", "2025-07-14-weekly"
AT = datetime(2025, 7, 14, 5, tzinfo=UTC)


@pytest.fixture
def files_only(tmp_path: Path, root: Path) -> Workspace:
    """A workspace without a database, with the issues of three Mondays."""
    workspace = Workspace(tmp_path)
    workspace.write("newsletter.toml", (root / "newsletter.toml").read_bytes())
    add_issues(workspace, (root / issue_path(ISSUE)).read_text(encoding="utf-8"))
    return workspace


def add_issues(workspace: Workspace, text: str) -> None:
    for slug in (OLD, ISSUE, NEXT):
        # Other keys: a post that stood in two issues is one entry of a feed.
        workspace.write(issue_path(slug), text.replace(ISSUE[:10], slug[:10]).replace("{#p-", f"{{#p-{slug[5:10]}"))


def build(workspace: Workspace, now: datetime, slug: str = NEXT) -> Build:
    return build_issue(workspace, read_config(workspace), slug, now=now)


def shown(workspace: Workspace) -> set[str]:
    """The issues of build/site, the same in pages, feeds and map."""
    pages = {path.parent.name for path in workspace.path(SITE).glob("20*/index.html")}
    for name in ("feed.xml", "atom.xml", "sitemap.xml", "index.html", "themes/caucasus/feed.json"):
        text = workspace.read(f"{SITE}/{name}").decode()
        assert {slug for slug in (OLD, ISSUE, NEXT) if f"{slug}/" in text} == pages, name
    return pages


def test_c36_next_mondays_issue_is_not_in_the_feed_before_monday(files_only: Workspace) -> None:
    built = build(files_only, AT - timedelta(seconds=1))
    assert shown(files_only) == {OLD, ISSUE}
    assert built.issue.slug == NEXT
    assert files_only.exists(f"build/{NEXT}/email.html")
    [told] = [one for one in built.findings if one.rule == "archive"]
    assert "it comes out on Monday 14 July 2025, 07:00 (Europe/Berlin)" in told.message
    assert not [one for one in build(files_only, AT).findings if one.rule == "archive"]
    assert shown(files_only) == {OLD, ISSUE, NEXT}


def test_c36_the_preview_shows_the_issue_that_is_not_out(files_only: Workspace) -> None:
    build(files_only, AT - timedelta(days=3))
    preview = Preview(files_only, NEXT)
    preview.refresh()
    assert f"/{NEXT}/" in preview.feed()
    assert "<article>" in preview.web_page()


def test_c36_building_an_old_issue_takes_no_newer_one_off_the_site(files_only: Workspace) -> None:
    build(files_only, AT, OLD)
    assert shown(files_only) == {OLD, ISSUE, NEXT}


def test_c36_a_page_that_was_there_too_early_goes(files_only: Workspace) -> None:
    build(files_only, AT)
    build(files_only, AT - timedelta(days=1))
    assert shown(files_only) == {OLD, ISSUE}


def test_c36_nothing_is_out_yet_and_the_feed_is_empty(files_only: Workspace) -> None:
    build(files_only, AT - timedelta(days=60))
    assert shown(files_only) == set()
    assert json.loads(files_only.read(f"{SITE}/feed.json"))["items"] == []


def test_c36_an_issue_that_must_be_approved_is_out_when_it_is(files_only: Workspace) -> None:
    settings = files_only.read("newsletter.toml").decode()
    files_only.write(
        "newsletter.toml", settings.replace('unsorted = "include"', 'unsorted = "include"\nmode = "approve"')
    )
    build(files_only, AT)
    assert shown(files_only) == set()
    files_only.write(f"issues/{OLD}/approval.json", "{}")
    build(files_only, AT)
    assert shown(files_only) == {OLD}


@pytest.fixture
def desk(tmp_path: Path, store: Store) -> Desk:
    made = make_desk(tmp_path, store)
    if not store.is_sqlite:
        url = store.engine.url.render_as_string(hide_password=False)
        made.config = replace(made.config, database=replace(made.config.database, url=url))
    add_issues(made.workspace, made.workspace.read(issue_path(ISSUE)).decode())
    return made


def out(desk: Desk) -> set[str]:
    found = find_published(desk.workspace, desk.config, desk.clock())
    assert not found.findings
    assert set(found.out) | set(found.waiting) == {OLD, ISSUE, NEXT}
    return set(found.out)


def test_c36_an_edition_that_is_mailed_is_out_by_what_was_mailed(desk: Desk) -> None:
    desk.clock.now = AT + timedelta(days=3)
    assert out(desk) == {OLD, ISSUE, NEXT}, "nothing was ever mailed from here: by their dates"
    frozen = desk.freeze()
    assert out(desk) == {OLD, ISSUE}, "from the first that was mailed on, its day alone says nothing"
    assert find_published(desk.workspace, desk.config, desk.clock()).waiting == {NEXT: "it was not sent yet"}
    assert mailed_issues(desk.store, desk.clock()) == [ISSUE]
    issues.cancel(desk.store, frozen, desk.clock())
    assert out(desk) == {OLD}, "nobody got it"


def test_c36_an_issue_is_out_when_its_first_mail_may_leave(desk: Desk) -> None:
    from newsletter.flows.build import render_issue
    from newsletter.flows.freeze import freeze_issue

    desk.clock.now = AT - timedelta(hours=5)
    rendered = render_issue(desk.workspace, desk.config, NEXT)
    freeze_issue(rendered, desk.config, desk.store, desk.clock(), starts_at=AT)
    assert out(desk) == {OLD, ISSUE}
    desk.clock.now = AT
    assert out(desk) == {OLD, ISSUE, NEXT}


def test_c36_a_database_that_cannot_be_read_is_reported_and_dates_decide(desk: Desk) -> None:
    desk.freeze()
    if desk.store.is_sqlite:
        desk.workspace.path("newsletter.db").unlink()
    else:
        broken = desk.store.engine.url.set(database="gone").render_as_string(hide_password=False)
        desk.config = replace(desk.config, database=replace(desk.config.database, url=broken))
    desk.clock.now = AT
    found = find_published(desk.workspace, desk.config, desk.clock())
    assert set(found.out) == {OLD, ISSUE, NEXT}
    [told] = found.findings
    assert "what was sent is not known" in told.message


HAND_WRITTEN = """---
issue: 2025-07-07-weekly
edition: weekly
date: 2025-07-07
subject: "A subject of the week"
preheader: "Some words that are long enough for an inbox to be shown."
---

## Caucasus {#caucasus}

### The clock runs

A truce of six months, and nobody asks for more.

### Grain by rail

Forty wagons of wheat from the north.

## Letters {#unsorted}

### A reader asks

Whether trains run on Sundays.
"""


def entries(workspace: Workspace) -> dict[str, tuple[str, str]]:
    """Title → id and address, the same in all three formats."""
    items = json.loads(workspace.read(f"{SITE}/feed.json"))["items"]
    found = {one["title"]: (one["id"], one["url"]) for one in items}
    for name in ("feed.xml", "atom.xml"):
        text = workspace.read(f"{SITE}/{name}").decode()
        assert all(identity in text and address in text for identity, address in found.values())
    return found


def test_c65_a_correction_announces_the_new_post_and_no_other(tmp_path: Path, root: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.write("newsletter.toml", (root / "newsletter.toml").read_bytes())
    workspace.write(issue_path(ISSUE), HAND_WRITTEN)
    build(workspace, AT, ISSUE)
    before = entries(workspace)
    assert before["The clock runs"][0] == "tag:borderlines.example,2025-07-07:post/2025-07-07-weekly/1"
    moved = HAND_WRITTEN.replace("### A reader asks\n\nWhether trains run on Sundays.\n", "")
    corrected = moved.replace("Forty wagons", "Fifty wagons").replace(
        "### The clock runs",
        "### Late news\n\nThe minister resigned.\n\n### A reader asks\n\nWhether trains run on Sundays.\n\n### The clock runs",
    )
    workspace.write(issue_path(ISSUE), corrected)
    build(workspace, AT, ISSUE)
    after = entries(workspace)
    assert set(after) - set(before) == {"Late news"}
    assert {title: after[title] for title in before} == before
    assert after["Late news"][0] not in {identity for identity, _ in before.values()}
    for identity, address in after.values():
        page = workspace.read(f"{SITE}/{ISSUE}/index.html").decode()
        assert f'id="{address.partition("#")[2]}"' in page, identity


def test_c65_the_mail_leads_to_its_posts_after_a_correction_too(desk: Desk) -> None:
    """The mail that is out names places of the page; the page that is corrected still has them."""
    from newsletter.flows.build import render_issue
    from newsletter.workspace.load import keep_numbers

    desk.workspace.write(issue_path(ISSUE), HAND_WRITTEN)
    mailed = render_issue(desk.workspace, desk.config, ISSUE)
    keep_numbers(desk.workspace, [mailed.issue])
    assert f"/{ISSUE}/#post-2" in mailed.mail.html
    anchors = {post.title_text: post.anchor for post in mailed.shown.posts}
    text = HAND_WRITTEN.replace("### The clock runs", "### Late news\n\nThe minister resigned.\n\n### The clock runs")
    desk.workspace.write(issue_path(ISSUE), text)
    later = {post.title_text: post.anchor for post in render_issue(desk.workspace, desk.config, ISSUE).shown.posts}
    assert {title: later[title] for title in anchors} == anchors


def test_c65_numbers_that_cannot_be_read_or_written_are_reported(tmp_path: Path, root: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.write("newsletter.toml", (root / "newsletter.toml").read_bytes())
    workspace.write(issue_path(ISSUE), HAND_WRITTEN)
    workspace.path(f"issues/{ISSUE}/numbers.json").mkdir()
    with pytest.raises(InputError, match=r"numbers\.json"):
        build(workspace, AT, ISSUE)
    workspace.path(f"issues/{ISSUE}/numbers.json").rmdir()
    workspace.write(f"issues/{ISSUE}/numbers.json", "{")
    with pytest.raises(InputError, match="restore it from git, or delete it"):
        build(workspace, AT, ISSUE)


def test_c65_serve_remembers_the_names_of_what_is_public(desk: Desk) -> None:
    from newsletter.web import Public

    desk.workspace.write(issue_path(ISSUE), HAND_WRITTEN)
    public = Public(desk.workspace, desk.config, desk.store, desk.clock)
    public.refresh()
    assert not desk.workspace.exists(f"issues/{ISSUE}/numbers.json")
    desk.freeze()
    assert public.refresh()
    assert desk.workspace.exists(f"issues/{ISSUE}/numbers.json")


def test_c65_numbers_that_are_lost_take_no_page_from_serve(desk: Desk) -> None:
    """The archive stands as it was, and says why, as for an issue.md that cannot be read."""
    from newsletter.web import Public

    desk.workspace.write(issue_path(ISSUE), HAND_WRITTEN)
    desk.freeze()
    public = Public(desk.workspace, desk.config, desk.store, desk.clock)
    assert public.refresh()
    before = public.archive.pages[f"{ISSUE}/index.html"].data
    desk.workspace.write(f"issues/{ISSUE}/numbers.json", "{")
    desk.workspace.write(issue_path(ISSUE), HAND_WRITTEN.replace("six months", "a year and a day"))
    assert public.refresh()
    assert public.archive.pages[f"{ISSUE}/index.html"].data == before
    assert any("numbers.json" in problem for problem in public.archive.problems)
