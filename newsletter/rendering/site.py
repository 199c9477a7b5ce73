"""Issues become the public archive: pages, feeds and a map, as a set of files (name → text). Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any
from xml.etree import ElementTree as ET

from jinja2 import Environment

from newsletter import links
from newsletter.model import UNSORTED, Edition, Publication, Theme
from newsletter.phrases import Phrases, write_date
from newsletter.rendering.content import ShownIssue, ShownPost, ShownSection, change_texts
from newsletter.rendering.feeds import FORMATS, Feed, FeedItem, write_feeds, write_opml
from newsletter.rendering.media_types import media_type
from newsletter.rendering.tables import frame_tables
from newsletter.rendering.templates import render

# A feed that nothing has come out in yet must have a date, too.
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_CELL_STYLE = re.compile(r'(<t[hd]\b[^>]*?) style="[^"]*"')


@dataclass(frozen=True, slots=True)
class Published:
    """An issue on the archive: what it shows, of which edition, since when."""

    shown: ShownIssue
    edition: Edition | None
    moment: datetime


@dataclass(frozen=True, slots=True)
class _Listed:
    """A post on a theme's page."""

    post: ShownPost
    issue: ShownIssue
    date: str


def render_site(
    issues: Iterable[Published],
    *,
    publication: Publication,
    themes: tuple[Theme, ...],
    environment: Environment,
    phrases: Phrases,
    served: bool = False,
) -> Iterator[tuple[str, str]]:
    """The name and text of each file of the archive, one after the other: ten years of them need not be in memory at once.

    Newest issues come first everywhere. `served`: with the ways to what only a running server has, the forms and the search.
    Raises UnknownFile for a kind of file that `serve` could not serve.
    """
    ordered = sorted(issues, key=lambda one: (one.moment, one.shown.issue.slug), reverse=True)
    site = _Site(publication, themes, environment, phrases, tuple(ordered), served)
    for name, text in site.files():
        media_type(name)
        yield name, text


@dataclass(frozen=True, slots=True)
class _Site:
    """What every page of one archive shares."""

    publication: Publication
    themes: tuple[Theme, ...]
    environment: Environment
    phrases: Phrases
    issues: tuple[Published, ...]
    served: bool

    def files(self) -> Iterator[tuple[str, str]]:
        """Everything, page by page and feed by feed."""
        yield "index.html", self.page("web/index.html.j2", "", issues=self.listed_issues())
        for number, published in enumerate(self.issues):
            yield f"{published.shown.issue.slug}/index.html", self.issue_page(number)
        for theme in self.themes:
            yield f"themes/{theme.slug}/index.html", self.theme_page(theme)
            for name, text in self.feeds(theme).items():
                yield f"themes/{theme.slug}/{name}", text
        yield "follow/index.html", self.page("web/follow.html.j2", "../", feeds=list(self.feed_list()))
        yield from self.feeds(None).items()
        outlines = ((title, url, home) for title, url, home, _ in self.feed_list())
        yield "feeds.opml", write_opml(self.publication.title, outlines)
        yield "sitemap.xml", _write_map(self.publication.url, self.issues, self.themes)

    def page(self, template: str, root: str, **values: Any) -> str:
        """A page. `root` is the way back to the archive's folder; links between pages are relative, so it works anywhere."""
        shared = {
            "publication": self.publication,
            "phrases": self.phrases,
            "direction": self.issues[0].shown.direction if self.issues else "ltr",
            "root": root,
            "served": self.served,
            "themes": self.themes,
            "feeds_of_page": [
                (self.publication.title, links.feed_url(self.publication.url, name), kind)
                for name, (_, kind) in FORMATS.items()
            ],
        }
        return render(self.environment, template, shared | values)

    def listed_issues(self) -> list[Mapping[str, Any]]:
        """Issues for lists: newest first."""
        return [
            {
                "slug": one.shown.issue.slug,
                "subject": one.shown.issue.subject,
                "preheader": one.shown.issue.preheader,
                "date": write_date(one.moment, self.phrases),
                "day": one.shown.issue.date.isoformat(),
                "edition": one.edition.title if one.edition else self.publication.title,
                "sections": one.shown.sections,
            }
            for one in self.issues
        ]

    def issue_page(self, number: int) -> str:
        """The web version of an issue, with the way to its neighbours."""
        one = self.issues[number]
        issue, shown = one.shown.issue, change_texts(one.shown, frame_tables)
        return self.page(
            "web/issue.html.j2",
            "../",
            issue=issue,
            intro=shown.intro,
            sections=shown.sections,
            theme_slugs={theme.slug for theme in self.themes},
            edition_title=one.edition.title if one.edition else self.publication.title,
            date=write_date(one.moment, self.phrases),
            canonical=links.issue_url(self.publication.url, issue.slug),
            older=self.issues[number + 1].shown.issue if number + 1 < len(self.issues) else None,
            newer=self.issues[number - 1].shown.issue if number else None,
        )

    def theme_page(self, theme: Theme) -> str:
        """All posts of a theme, newest issue first."""
        listed = [
            _Listed(post, one.shown, write_date(one.moment, self.phrases))
            for one in self.issues
            for section in one.shown.sections
            if section.slug == theme.slug
            for post in section.posts
        ]
        url = self.publication.url
        feeds = [
            (f"{self.publication.title}: {theme.title}", links.feed_url(url, name, theme.slug), kind)
            for name, (_, kind) in FORMATS.items()
        ]
        return self.page(
            "web/theme.html.j2",
            "../../",
            theme=theme,
            posts=listed,
            feeds_of_page=feeds,
            canonical=links.theme_url(url, theme.slug),
        )

    def feed_list(self) -> Iterator[tuple[str, str, str, tuple[tuple[str, str], ...]]]:
        """(title, RSS address, page, all formats) of the publication's feed and of each theme's."""
        url = self.publication.url
        for slug, title, home in (
            (None, self.publication.title, f"{url}/"),
            *(
                (theme.slug, f"{self.publication.title}: {theme.title}", links.theme_url(url, theme.slug))
                for theme in self.themes
            ),
        ):
            formats = tuple((name, links.feed_url(url, name, slug)) for name in FORMATS)
            yield title, formats[0][1], home, formats

    def feeds(self, theme: Theme | None) -> dict[str, str]:
        """The files of one feed in all formats."""
        url = self.publication.url
        if self.publication.feed == "issues" and theme is None:
            entries = [self._issue_entry(one) for one in self.issues]
        else:
            entries = [entry for one in self.issues for entry in self._post_entries(one, theme)]
        entries = list({entry.id: entry for entry in reversed(entries)}.values())
        home = links.theme_url(url, theme.slug) if theme else f"{url}/"
        moments = [one.moment for one in self.issues] or [_NEVER]
        newest = max((entry.updated for entry in entries), default=max(moments))
        feed = Feed(
            id=links.feed_id(
                url,
                min((one.shown.issue.date for one in self.issues), default=_NEVER.date()).isoformat(),
                theme.slug if theme else None,
            ),
            title=f"{self.publication.title}: {theme.title}" if theme else self.publication.title,
            description=self.publication.description or self.publication.title,
            home=home,
            url=home,
            language=self.publication.language,
            sender=self.publication.sender,
            rights=f"© {self.publication.title}",
            updated=newest,
            icon=links.icon_url(url, "icon.png"),
            favicon=links.icon_url(url, "favicon.ico"),
        )
        return write_feeds(feed, entries, home)

    def _post_entries(self, one: Published, theme: Theme | None) -> Iterator[FeedItem]:
        issue = one.shown.issue
        day = issue.date.isoformat()
        position = 0
        for section in one.shown.sections:
            for post in section.posts:
                position += 1
                # Readers sort by date: a second apart, the first post newest, they come in the order of the issue.
                moment = one.moment - timedelta(seconds=position - 1)
                if theme is None or section.slug == theme.slug:
                    yield FeedItem(
                        id=links.entry_id(self.publication.url, day, post.key or f"{issue.slug}/{post.number}"),
                        url=f"{links.issue_url(self.publication.url, issue.slug)}#{post.anchor}",
                        title=post.title_text,
                        html=_without_style(post.body.html) + _sources_html(post, self.phrases),
                        text=post.body.plain,
                        summary=post.summary,
                        published=moment,
                        updated=moment,
                        position=position,
                        sources=tuple(source.url for source in post.sources),
                        tags=((section.slug, section.title_text),) if section.slug != UNSORTED else (),
                    )

    def _issue_entry(self, one: Published) -> FeedItem:
        issue = one.shown.issue
        return FeedItem(
            id=links.issue_entry_id(self.publication.url, issue.date.isoformat(), issue.slug),
            url=links.issue_url(self.publication.url, issue.slug),
            title=issue.subject,
            html=_without_style(one.shown.intro.html)
            + "".join(_section_html(section, self.phrases) for section in one.shown.sections),
            text="\n\n".join(post.title_text + "\n\n" + post.body.plain for post in one.shown.posts),
            summary=issue.preheader,
            published=one.moment,
            updated=one.moment,
            tags=tuple(
                (section.slug, section.title_text) for section in one.shown.sections if section.slug != UNSORTED
            ),
        )


def _section_html(section: ShownSection, phrases: Phrases) -> str:
    posts = "".join(
        f"<h3>{post.title}</h3>\n{_without_style(post.body.html)}{_sources_html(post, phrases)}"
        for post in section.posts
    )
    return f"<h2>{section.title}</h2>\n{_without_style(section.intro.html)}{posts}"


def _without_style(html: str) -> str:
    """Sanitised HTML without the alignment of table cells: a feed brings no styles (feeds C2)."""
    return _CELL_STYLE.sub(r"\1", html)


def _sources_html(post: ShownPost, phrases: Phrases) -> str:
    """The source line of a post, as it ends its entry in a feed."""
    if not post.sources:
        return ""
    name = phrases["source"] if len(post.sources) == 1 else phrases["sources"]
    made = ", ".join(f'<a href="{escape(source.url)}">{escape(source.site)}</a>' for source in post.sources)
    return f"<p>{escape(str(name))}: {made}</p>\n"


def _write_map(base: str, issues: Iterable[Published], themes: Iterable[Theme]) -> str:
    """sitemap.xml (sitemaps.org 0.9): dates are the issues' days."""
    root = ET.Element("urlset", {"xmlns": "http://www.sitemaps.org/schemas/sitemap/0.9"})
    days = [(links.issue_url(base, one.shown.issue.slug), one.shown.issue.date.isoformat()) for one in issues]
    newest = max((day for _, day in days), default="")
    addresses = [(f"{base}/", newest), *days]
    addresses += [(links.theme_url(base, theme.slug), newest) for theme in themes] + [(links.follow_url(base), "")]
    for url, day in addresses:
        element = ET.SubElement(root, "url")
        ET.SubElement(element, "loc").text = url
        if day:
            ET.SubElement(element, "lastmod").text = day
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"
