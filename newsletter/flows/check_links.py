"""The links of an issue, visited: which lead nowhere, which have moved. Only on request; everything else asks nobody."""

import re
from collections.abc import Callable, Iterator

from lxml.html import document_fromstring

from newsletter.config import Config
from newsletter.flows.build import Rendered
from newsletter.model import Finding
from newsletter.sources.fetch import fetch_all
from newsletter.sources.http_types import Request, Response, hosts
from newsletter.sources.session import UNKNOWN_HOST
from newsletter.workspace.files import issue_path

# Answers by which a site keeps programs out; a reader with a browser may well get in.
_NOT_FOR_PROGRAMS = (401, 402, 403, 405, 406, 429, 451, 999)
_GONE = (404, 410)


def list_links(rendered: Rendered, config: Config) -> dict[str, str]:
    """The addresses of the mail that lead to other sites → where in issue.md each stands."""
    issue, own = rendered.issue, f"{config.publication.url}/"
    path = issue_path(issue.slug)
    places = {}
    for link in document_fromstring(rendered.mail.html).iter("a"):
        url = link.get("href") or ""
        if url.startswith(("http://", "https://")) and not f"{url}/".startswith(own):
            whole = re.compile(rf"{re.escape(url)}(?![\w/?#&=%~-])")
            posts = (
                post for post in issue.posts if whole.search(post.body) or url in [one.url for one in post.sources]
            )
            places[url] = f"{path}:{next((post.line for post in posts), 1)}"
    return places


def check_links(
    rendered: Rendered, config: Config, done: Callable[[str], None] = lambda url: None
) -> tuple[Finding, ...]:
    """Visit each link once, eight at a time (`sources/fetch`: no private addresses, 20 s)."""
    places = list_links(rendered, config)
    agent = config.fetch.agent or f"newsletter-desk (+{config.publication.url})"
    allowed = hosts(config.fetch.allow_hosts)
    wanted = {
        url: Request(url=url, accept="text/html, */*;q=0.5", allow_hosts=allowed, agent=agent, bodiless=True)
        for url in places
    }
    answers = dict(fetch_all(wanted, done=done))
    found = [one for url in places for one in _judge(url, places[url], answers[url])]
    return tuple(sorted(found, key=lambda one: one.level != "error"))


def _judge(url: str, where: str, answer: Response) -> Iterator[Finding]:
    """What an answer says of a link. A site that keeps programs out, or is ill today, is only worth a look."""
    shown = url if len(url) <= 90 else f"{url[:89]}…"
    if answer.outcome in ("content", "unchanged"):
        if answer.moved_to and answer.moved_to.rstrip("/") != url.rstrip("/"):
            yield Finding(rule="link-moved", where=where, message=f"{shown} has moved for good to {answer.moved_to}")
    elif answer.status in _GONE or answer.reason == UNKNOWN_HOST:
        yield Finding(rule="link-dead", where=where, level="error", message=f"{shown}: {answer.reason}")
    else:
        hint = "; it may be that it lets no programs in" if answer.status in _NOT_FOR_PROGRAMS else ""
        yield Finding(rule="link-trouble", where=where, message=f"{shown}: {answer.reason}{hint}")
