"""The archive: every page says where its feeds are, every link inside it leads to a page that is there."""

import posixpath
import re
from zoneinfo import ZoneInfo

import pytest
from jinja2 import Environment

from newsletter.calendar import publication_moment
from newsletter.phrases import Phrases
from newsletter.rendering.content import show_issue
from newsletter.rendering.site import Published, render_site
from tests.rendering.issues import EDITION, PUBLICATION, THEMES, make_issue


def published(slug: str) -> Published:
    issue = make_issue(slug)
    return Published(
        show_issue(issue, "en"), EDITION, publication_moment(EDITION, issue.date, ZoneInfo("Europe/Berlin"))
    )


@pytest.fixture(scope="module")
def site(environment: Environment, phrases: Phrases) -> dict[str, str]:
    issues = [published(slug) for slug in ("2025-07-14-weekly", "2025-06-30-weekly", "2025-07-07-weekly")]
    return dict(render_site(issues, publication=PUBLICATION, themes=THEMES, environment=environment, phrases=phrases))


def pages(site: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in site.items() if name.endswith(".html")}


def test_the_files_of_the_contract_are_there(site: dict[str, str]) -> None:
    assert {
        "index.html",
        "2025-07-07-weekly/index.html",
        "themes/caucasus/index.html",
        "feed.xml",
        "atom.xml",
        "feed.json",
        "sitemap.xml",
    } <= set(site)
    assert {f"themes/{theme.slug}/{name}" for theme in THEMES for name in ("feed.xml", "atom.xml", "feed.json")} <= set(
        site
    )


def test_every_link_inside_the_archive_leads_to_a_file(site: dict[str, str]) -> None:
    for name, text in pages(site).items():
        ids = {page: set(re.findall(r'\bid="([^"]+)"', html)) for page, html in pages(site).items()}
        for href in re.findall(r'<a [^>]*href="([^"]+)"', text):
            href = (
                href.removeprefix("https://borderlines.example/")
                if href.startswith("https://borderlines.example/")
                else href
            )
            if "://" in href:
                continue
            path, _, anchor = href.partition("#")
            target = (
                posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
                if not href.endswith((".xml", ".json", ".opml")) or path.startswith("..")
                else path
            )
            target = name if not path else target
            target = "index.html" if target == "." else target
            page = target if target in site else f"{target}/index.html"
            assert page in site, f"{name}: {href}"
            assert not anchor or anchor in ids[page], f"{name}: {href}"


def test_every_page_names_its_feeds_and_itself(site: dict[str, str]) -> None:
    for name, text in pages(site).items():
        kinds = re.findall(r'<link rel="alternate" type="([^"]+)" title="[^"]+" href="(https://[^"]+)">', text)
        assert [kind for kind, _ in kinds] == [
            "application/rss+xml",
            "application/atom+xml",
            "application/feed+json",
        ], name
        assert all(url.removeprefix("https://borderlines.example/") in site for _, url in kinds), name
        folder = name.removesuffix("index.html")
        assert f'<link rel="canonical" href="https://borderlines.example/{folder}">' in text


def test_pages_hold_nothing_of_a_reader_and_no_script(site: dict[str, str]) -> None:
    for text in pages(site).values():
        assert "__READER_" not in text
        assert "<script" not in text
        assert "Content-Security-Policy" in text
        assert text.startswith("<!DOCTYPE html>\n")
        assert len(re.findall(r"<h1\b", text)) == 1


def test_issues_stand_newest_first_and_know_their_neighbours(site: dict[str, str]) -> None:
    assert re.findall(r'<time datetime="([\d-]+)">', site["index.html"]) == [
        "2025-07-14",
        "2025-07-07",
        "2025-06-30",
    ]
    middle = site["2025-07-07-weekly/index.html"]
    assert 'rel="prev" href="../2025-06-30-weekly/"' in middle
    assert 'rel="next" href="../2025-07-14-weekly/"' in middle
    assert 'rel="next"' not in site["2025-07-14-weekly/index.html"]


def test_the_map_lists_all_pages(site: dict[str, str]) -> None:
    found = re.findall("<loc>https://borderlines.example/([^<]*)</loc>", site["sitemap.xml"])
    assert sorted(found) == sorted(name.removesuffix("index.html") for name in pages(site))
    assert "<lastmod>2025-07-14</lastmod>" in site["sitemap.xml"]
