"""The archive, its feeds and its search: what is in memory, with 304 for who has it already (RFC 9110 13.1.2)."""

import re
from email.utils import format_datetime, parsedate_to_datetime

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from newsletter.flows.archive import ArchivePage
from newsletter.web.archive_watch import ArchiveWatch, may_be_an_issue
from newsletter.web.pages import public_of, show, tell
from newsletter.web.public import Public

# Readers ask for a feed every few minutes; a proxy in front of us may answer some of them.
_FRESH = "public, max-age=300"
_QUERY_LIMIT = 200


async def page(request: Request) -> Response:
    """A page or feed of the archive by its path."""
    public = public_of(request)
    path = request.url.path.lstrip("/")
    found = _find(public, path)
    if found is None and may_be_an_issue(path):
        # "Read on the web" in a mail that has just left: the calendar shows the issue within 20 s, this at once.
        watch: ArchiveWatch = request.app.state.watch
        await watch.look()
        found = _find(public, path)
    if found is None:
        return tell(public, "no_page", status=404)
    if path and not path.endswith("/") and path not in public.archive.pages:
        # Links inside a page are relative to its folder. Its host is the browser's own (T40).
        return RedirectResponse(f"{public.root}{path}/", 308)
    return _answer(request, found)


def _find(public: Public, path: str) -> ArchivePage | None:
    pages = public.archive.pages
    return pages.get(path or "index.html") or pages.get(f"{path.rstrip('/')}/index.html")


def _answer(request: Request, found: ArchivePage) -> Response:
    packed = found.is_packed and _takes_gzip(request.headers.get("accept-encoding", ""))
    headers = {
        # Two forms of one file have two strong tags (RFC 9110 8.8.3.3).
        "ETag": f'{found.etag[:-1]}-gzip"' if packed else found.etag,
        "Cache-Control": _FRESH,
        "Vary": "Accept-Encoding",
    }
    if found.changed:
        headers["Last-Modified"] = format_datetime(found.changed, usegmt=True)
    if _has_it(request, found):
        return Response(status_code=304, headers=headers)
    if packed:
        headers["Content-Encoding"] = "gzip"
    return Response(found.stored if packed else found.data, headers=headers | {"Content-Type": found.kind})


def _has_it(request: Request, page: ArchivePage) -> bool:
    """Whether the client has this file already. If-None-Match comes before If-Modified-Since (RFC 9110 13.2.2)."""
    asked = request.headers.get("if-none-match")
    if asked is not None:
        known = {tag.strip().removeprefix("W/").replace('-gzip"', '"') for tag in asked.split(",")}
        return page.etag in known or asked.strip() == "*"
    try:
        since = parsedate_to_datetime(request.headers.get("if-modified-since", ""))
    except ValueError:
        return False
    return since.tzinfo is not None and page.changed is not None and page.changed <= since


def _takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding takes gzip (RFC 9110 12.5.3).

    >>> _takes_gzip("br;q=1.0, gzip;q=0.8"), _takes_gzip("gzip;q=0, *"), _takes_gzip("identity")
    (True, False, False)
    """
    weights = {}
    for part in accepted.lower().split(","):
        name, _, weight = part.partition(";")
        weights[name.strip()] = weight.replace(" ", "").removeprefix("q=")
    weight = weights.get("gzip", weights.get("x-gzip", weights.get("*", "0")))
    return not re.fullmatch(r"0(\.0{0,3})?", weight)


async def search(request: Request) -> Response:
    """Posts of past issues that hold all the words of `q`."""
    public = public_of(request)
    query = " ".join(request.query_params.get("q", "").split())[:_QUERY_LIMIT]
    found = await public.threads.search(public.archive.search, query) if query else []
    return show(public, "search", query=query, found=found)
