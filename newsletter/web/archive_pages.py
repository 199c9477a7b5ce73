"""The archive, its feeds and its search: what is in memory, with 304 for who has it already (RFC 9110 13.1.2)."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from newsletter.archive import Page
from newsletter.web.pages import public_of, show, tell

# Readers ask for a feed every few minutes; a proxy in front of us may answer some of them.
_FRESH = "public, max-age=300"
_QUERY_LIMIT = 200


async def page(request: Request) -> Response:
    """A page or feed of the archive by its path."""
    public = public_of(request)
    path = request.url.path.lstrip("/")
    pages = public.archive.pages
    found = pages.get(path or "index.html") or pages.get(f"{path.rstrip('/')}/index.html")
    if found is None:
        return tell(public, "no_page", status=404, action=(str(public.phrases["archive"]), public.root))
    if path and not path.endswith("/") and path not in pages:
        # Links inside a page are relative to its folder. Its host is the browser's own (T40).
        return RedirectResponse(f"{public.root}{path}/", 308)
    return _answer(request, found)


def _answer(request: Request, found: Page) -> Response:
    headers = {"ETag": found.etag, "Cache-Control": _FRESH}
    asked = request.headers.get("if-none-match", "")
    known = {tag.strip().removeprefix("W/") for tag in asked.split(",")}
    if found.etag in known or asked.strip() == "*":
        return Response(status_code=304, headers=headers)
    return Response(found.data, headers=headers | {"Content-Type": found.kind})


async def search(request: Request) -> Response:
    """Posts of past issues that hold all the words of `q`."""
    public = public_of(request)
    query = " ".join(request.query_params.get("q", "").split())[:_QUERY_LIMIT]
    found = await public.threads.search(public.archive.search, query) if query else []
    return show(public, "search", query=query, found=found)
