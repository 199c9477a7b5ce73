"""How it goes, for machines: alive, ready, and numbers for Prometheus (text format 0.0.4)."""

import hmac
import time
from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from newsletter.calendar import slots_from
from newsletter.errors import NewsletterError
from newsletter.store import issues
from newsletter.store.subscribers import count_by_state
from newsletter.store.transactional_mail import count_waiting
from newsletter.store.webhooks import count_hooks
from newsletter.web.pages import public_of
from newsletter.web.public import Public

_KEEP_S = 15.0  # counting a million rows takes a while; who asks more often gets the same numbers
_ISSUES = 5
_NO_STORE = {"Cache-Control": "no-store"}


async def alive(request: Request) -> Response:
    """The process answers."""
    return PlainTextResponse("ok\n", headers=_NO_STORE)


async def ready(request: Request) -> Response:
    """The database answers, and the calendar is kept: 200, else 503."""
    public = public_of(request)
    try:
        await public.threads.read(count_waiting, public.store)
        good = public.is_ready()
    except NewsletterError:
        good = False
    return PlainTextResponse("ready\n" if good else "not ready\n", 200 if good else 503, headers=_NO_STORE)


async def metrics(request: Request) -> Response:
    """Numbers, for who asks on this machine without a proxy, or shows the token: they are nobody else's business."""
    numbers: Numbers = request.app.state.numbers
    if not request.scope["is_direct"] and not _shows_token(request):
        return PlainTextResponse("not found\n", 404, headers=_NO_STORE)
    text = await public_of(request).threads.read(numbers.write)
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8", headers=_NO_STORE)


def _shows_token(request: Request) -> bool:
    public, sent = public_of(request), request.headers.get("authorization", "")
    path = public.config.web.metrics_token_file
    if not path or not sent.lower().startswith("bearer "):
        return False
    token = public.workspace.read_secret(path).strip()
    return bool(token) and hmac.compare_digest(sent[len("bearer ") :].strip().encode(), token)


class Numbers:
    """All numbers. What is in the database is counted there, so that they hold for many processes and after restarts."""

    def __init__(self, public: Public) -> None:
        self._public = public
        self._registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        self._requests = Counter(
            "newsletter_requests", "HTTP requests by route and status", ["route", "status"], registry=self._registry
        )
        self._registry.register(self)
        self._text, self._written = b"", 0.0

    def note(self, route: str, status: int) -> None:
        """One more request."""
        self._requests.labels(route, str(status)).inc()

    def write(self) -> bytes:
        """The text format."""
        now = time.monotonic()
        if not self._text or now - self._written > _KEEP_S:
            self._text, self._written = generate_latest(self._registry), now
        return self._text

    def collect(self) -> Iterator[Any]:
        """What was refused, and gauges out of the database."""
        public = self._public
        store = public.store
        refused = CounterMetricFamily(
            "newsletter_refused", "Visitors who were refused, by the limit that was reached", labels=["limit"]
        )
        for limit, times in public.refusals.counts():
            refused.add_metric([limit], times)
        yield refused
        people = GaugeMetricFamily("newsletter_subscribers", "Subscribers by state", labels=["state"])
        for state, count in count_by_state(store).items():
            people.add_metric([state], count)
        yield people
        rows = GaugeMetricFamily("newsletter_deliveries", "Deliveries of the last issues", labels=["issue", "state"])
        for frozen in issues.frozen_issues(store)[-_ISSUES:]:
            for state, count in issues.read_books(store, frozen).counts.items():
                rows.add_metric([frozen.slug, state], count)
        yield rows
        yield GaugeMetricFamily("newsletter_letters_waiting", "Single mails to be sent", value=count_waiting(store))
        hooks = GaugeMetricFamily("newsletter_hooks", "Calls of other programs by state", labels=["state"])
        for state, count in count_hooks(store).items():
            hooks.add_metric([state], count)
        yield hooks
        coming = GaugeMetricFamily(
            "newsletter_next_slot_timestamp_seconds", "When the next issue goes out", labels=["edition"]
        )
        now, zone = public.clock(), public.config.zone
        for edition in public.config.editions:
            for slot in slots_from(edition, now.astimezone(zone).date(), zone):
                if slot.at > now:
                    coming.add_metric([edition.slug], slot.at.timestamp())
                    break
        yield coming
