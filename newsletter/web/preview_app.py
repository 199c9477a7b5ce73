"""The preview in the browser: a page of tabs around frames that may run nothing, told by events when a file has changed."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable, Mapping

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from newsletter.flows.desk import Desk
from newsletter.flows.preview import Preview, PreviewState, in_the, without_styles
from newsletter.rendering.templates import render
from newsletter.web.desk_app import desk_routes
from newsletter.workspace.templates import open_templates, read_template

LOOK_S = 0.05
_BESIDE = 40  # looks at the issue to one at the collected posts, which may be thousands of files
_HOSTS = ("127.0.0.1", "localhost", "[::1]")
_PAGE_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# What is shown may run nothing, send nothing, and load pictures only where the tab says so.
_FRAME_CSP = (
    "sandbox allow-same-origin; default-src 'none'; img-src {images}; style-src 'unsafe-inline'; frame-ancestors 'self'"
)
TABS = ("desktop", "phone", "dark", "images", "styles", "text", "source", "headers", "web", "feed", "checks")


class _OnlyHere:
    """Attack: a page of a stranger's name that resolves to this machine would read the draft (DNS rebinding)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
            name = host.rpartition(":")[0] if host.count(":") == 1 or (host.startswith("[") and "]:" in host) else host
            if name not in _HOSTS:
                await PlainTextResponse("not here\n", 403)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def make_preview_app(preview: Preview) -> ASGIApp:
    """The preview as an ASGI application, with the desk in it."""
    token = secrets.token_urlsafe(24)
    desk = Desk(preview.workspace, preview.slug)
    environment = open_templates(preview.workspace)

    async def page(request: Request) -> Response:
        shown = preview.shown
        sections = shown.sections if shown else ()
        values = {"tabs": TABS, "issue": preview.slug, "sections": sections, "token": token}
        text = render(environment, "web/preview.html.j2", values)
        return HTMLResponse(text, headers={"Content-Security-Policy": _PAGE_CSP, "Cache-Control": "no-store"})

    async def asset(request: Request) -> Response:
        name = request.path_params["name"]
        kinds = {"preview.js": "text/javascript", "desk.js": "text/javascript", "preview.css": "text/css"}
        found = read_template(preview.workspace, f"web/{name}") if name in kinds else None
        if found is None:
            raise HTTPException(404)
        return Response(found[0], media_type=kinds[name], headers={"Cache-Control": "no-store"})

    async def nothing(request: Request) -> Response:
        return Response(status_code=204)

    async def state(request: Request) -> Response:
        summary = preview.summary(_read_themes(preview.shown, request.query_params))
        return JSONResponse(summary, headers={"Cache-Control": "no-store"})

    async def frame(request: Request) -> Response:
        tab = request.path_params["tab"]
        if tab not in TABS or preview.shown is None:
            raise HTTPException(404)
        if tab == "checks":
            found = render(environment, "web/findings.html.j2", {"findings": preview.shown.findings})
            return HTMLResponse(found, headers=_frame_headers("'none'"))
        return await run_in_threadpool(_show, preview, preview.shown, tab, request.query_params)

    async def events(request: Request) -> Response:
        return StreamingResponse(
            _tell(preview, desk), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )

    routes = [
        Route("/", page),
        Route("/state.json", state),
        Route("/events", events),
        Route("/show/{tab}", frame),
        Route("/favicon.ico", nothing),
        *desk_routes(desk, token),
        Route("/{name}", asset),
    ]
    return _OnlyHere(Starlette(routes=routes))


async def _tell(preview: Preview, desk: Desk) -> AsyncIterator[str]:
    """An event whenever what can be seen has changed; a comment now and then, so that a closed page is noticed."""
    told, beside, quiet = "", "", 0
    while True:
        await run_in_threadpool(preview.refresh)
        if quiet % _BESIDE == 0:
            beside = await run_in_threadpool(lambda: desk.version)
        if preview.version + beside != told:
            told, quiet = preview.version + beside, 0
            yield f"data: {json.dumps(told)}\n\n"
        elif (quiet := quiet + 1) % 200 == 0:
            yield ": still here\n\n"
        await asyncio.sleep(LOOK_S)


def _frame_headers(images: str) -> dict[str, str]:
    return {"Content-Security-Policy": _FRAME_CSP.format(images=images), "Cache-Control": "no-store"}


def _read_themes(shown: PreviewState | None, query: Mapping[str, str]) -> list[str]:
    """The sections that are asked for, in the order of the issue."""
    wanted = query.get("themes", "").split()
    return [slug for slug, _ in shown.sections if slug in wanted] if shown else []


def _show(preview: Preview, shown: PreviewState, tab: str, query: Mapping[str, str]) -> Response:
    themes = _read_themes(shown, query)
    headers = _frame_headers("'none'" if tab == "images" else "https: http:")
    if tab in ("desktop", "phone", "dark", "images", "styles"):
        html = shown.mail(themes)
        return HTMLResponse(
            without_styles(html) if tab == "styles" else in_the(html, dark=tab == "dark"), headers=headers
        )
    if tab == "web":
        return HTMLResponse(preview.web_page(), headers=headers)
    texts: dict[str, Callable[[], str]] = {
        "text": lambda: shown.plain(themes),
        "source": lambda: shown.mail(themes),
        "headers": lambda: shown.head_lines(themes),
        "feed": preview.feed,
    }
    return PlainTextResponse(texts[tab](), headers=headers)
