"""The routes of the public pages, in one table. GET and HEAD change nothing anywhere (T27)."""

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from newsletter.errors import NewsletterError
from newsletter.web import archive_pages, health, leave, preferences, subscribe
from newsletter.web.archive_watch import ArchiveWatch
from newsletter.web.guard import Guard
from newsletter.web.limits import Buckets
from newsletter.web.pages import public_of, tell
from newsletter.web.public import Public
from newsletter.web.quotas import most_an_hour

ROUTES = (
    Route("/healthz", health.alive),
    Route("/readyz", health.ready),
    Route("/metrics", health.metrics),
    Route("/subscribe", subscribe.form),
    Route("/subscribe", subscribe.ask, methods=["POST"]),
    Route("/embed", subscribe.embed),
    Route("/confirm/{token}", subscribe.look_at_confirmation),
    Route("/confirm/{token}", subscribe.confirm_subscription, methods=["POST"]),
    Route("/u/{token}", leave.look),
    Route("/u/{token}", leave.go, methods=["POST"]),
    Route("/preferences", preferences.ask_form),
    Route("/preferences", preferences.ask, methods=["POST"]),
    Route("/p/{token}", preferences.look),
    Route("/p/{token}", preferences.act, methods=["POST"]),
    Route("/search", archive_pages.search),
    Route("/{path:path}", archive_pages.page),
)
_REFUSED = {413: "body-size", 408: "request-time", 429: "network-requests"}


def make_app(public: Public, note: Callable[..., None] = lambda event, **fields: None) -> Guard:
    """The public pages as an ASGI application. `note` gets what is logged of each request."""
    numbers = health.Numbers(public)

    def count(event: str, **fields: Any) -> None:
        if event == "request":
            numbers.note(fields["route"], fields["status"])
        note(event, **fields)

    app = Starlette(
        routes=list(ROUTES),
        exception_handlers={HTTPException: _refuse, NewsletterError: _fail, Exception: _fail},
    )
    app.router.redirect_slashes = False
    app.state.public = public
    app.state.numbers = numbers
    app.state.watch = ArchiveWatch(public.refresh, public.threads)
    app.state.leavers = leave.Leavers(public)
    app.state.shares = {quota: Buckets.shares(most_an_hour(public)) for quota in ("forms", "links")}

    def refuse(status: int, network: str) -> Response:
        public.refusals(_REFUSED[status], network)
        return tell(public, "too_many" if status == 429 else "too_large", status=status)

    return Guard(
        app,
        base=public.config.publication.url,
        trusted=public.config.web.trusted_proxies,
        refuse=refuse,
        note=count,
        limited=public.refusals,
    )


async def _refuse(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 400
    key = "no_page" if status in (404, 405) else "too_large"
    response = tell(public_of(request), key, status=status)
    response.headers.update(getattr(error, "headers", None) or {})
    return response


async def _fail(request: Request, error: Exception) -> Response:
    """The database could not be used, or a template is broken: nothing was done."""
    return tell(public_of(request), "broken", status=503 if isinstance(error, NewsletterError) else 500)
