"""Subscribing: a form, a mail, a button. Nobody is subscribed by what somebody else typed (T24, T25)."""

import time

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from newsletter.audience.addresses import AddressError, read_address
from newsletter.model import SubscriberRow
from newsletter.store.limits import read_limit
from newsletter.store.mailed_links import read_link
from newsletter.store.readers import Asked, ask_to_subscribe, confirm
from newsletter.web.forms import SameTime, chosen_themes, field, is_by_a_person, make_stamp, read_form
from newsletter.web.limits import network_of
from newsletter.web.pages import public_of, show, tell
from newsletter.web.public import Public


async def form(request: Request) -> Response:
    """The form."""
    public = public_of(request)
    return show(public, "subscribe", stamp=make_stamp(public), problem="", address="", chosen=())


async def ask(request: Request) -> Response:
    """Somebody sent the form; the answer is the same whoever the address belongs to."""
    public = public_of(request)
    sent = await read_form(request)
    address, chosen = field(sent, "address"), chosen_themes(sent, public)
    if field(sent, "website"):  # no person sees this field
        return tell(public, "asked")
    try:
        who = read_address(address)
    except AddressError:
        problem = str(public.phrases["bad_address"])
        return show(
            public, "subscribe", status=400, stamp=make_stamp(public), problem=problem, address=address, chosen=chosen
        )
    if not is_by_a_person(public, field(sent, "stamp")):
        # Also the form that other sites hold comes here: it has no stamp.
        return show(public, "one_more_step", stamp=make_stamp(public), address=address, chosen=chosen)
    if not may_ask(request, public):
        return tell(public, "too_many", status=429)
    asked = Asked(
        row=SubscriberRow(who.typed, who.canonical, themes=" ".join(sorted(chosen))),
        network=network_of(request.scope["client_address"]),
        text_version=public.text_version,
    )
    async with SameTime():
        kind = await run_in_threadpool(
            ask_to_subscribe,
            public.store,
            asked,
            public.clock(),
            most_an_hour=most_an_hour(public),
            listeners=public.listeners,
        )
    if kind:
        public.wake()
    return tell(public, "asked")


def may_ask(request: Request, public: Public) -> bool:
    """Whether this network has not asked too often."""
    buckets = request.app.state.buckets
    return bool(buckets.take(network_of(request.scope["client_address"]), time.monotonic()))


def most_an_hour(public: Public) -> float:
    """How many letters the forms may cause in an hour, whoever asks."""
    limit = read_limit("forms", public.config.web.confirmations)
    return limit.count * 3600 / limit.seconds if limit else 0.0


async def look_at_confirmation(request: Request) -> Response:
    """The mailed link: a button. A scanner that follows it subscribes nobody (T27)."""
    public, token = public_of(request), request.path_params["token"]
    link = await run_in_threadpool(read_link, public.store, token, "confirm", public.clock())
    if link is None:
        return _dead(public)
    return tell(public, "confirmed") if link.used else show(public, "confirm")


async def confirm_subscription(request: Request) -> Response:
    """The button."""
    public, token = public_of(request), request.path_params["token"]
    done = await run_in_threadpool(
        confirm,
        public.store,
        token,
        public.clock(),
        network=network_of(request.scope["client_address"]),
        text_version=public.text_version,
        listeners=public.listeners,
    )
    if done:
        public.wake()
        return tell(public, "confirmed")
    link = await run_in_threadpool(read_link, public.store, token, "confirm", public.clock())
    return tell(public, "confirmed") if link and link.used else _dead(public)


def _dead(public: Public) -> Response:
    return tell(
        public,
        "dead_link",
        status=404,
        action=(str(public.phrases["subscribe"]), f"{public.root}subscribe"),
    )


async def embed(request: Request) -> Response:
    """The form for other sites, to copy."""
    public = public_of(request)
    return show(public, "embed")
