"""Subscribing: a form, a mail, a button. Nobody is subscribed by what somebody else typed (T24, T25)."""

from starlette.requests import Request
from starlette.responses import Response

from newsletter.audience.addresses import AddressError, read_address
from newsletter.model import SubscriberRow
from newsletter.store.mailed_links import read_link
from newsletter.store.self_service import USED_UP, Asked, ask_to_subscribe, confirm
from newsletter.web.forms import SameTime, chosen_themes, field, read_form
from newsletter.web.pages import public_of, show, tell
from newsletter.web.public import Public
from newsletter.web.quotas import come_later, may_ask, most_an_hour


async def form(request: Request) -> Response:
    """The form."""
    public = public_of(request)
    return show(public, "subscribe", stamp=public.stamps.make(), problem="", address="", chosen=())


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
            public, "subscribe", status=400, stamp=public.stamps.make(), problem=problem, address=address, chosen=chosen
        )
    stamp = field(sent, "stamp")
    worth = public.stamps.judge(stamp, who.canonical)
    if worth == "repeated":  # a double click: it was answered already, and nothing more is done
        return tell(public, "asked")
    if worth != "ready":
        # Also the form that other sites hold comes here: it has no stamp. Who was too fast keeps theirs, so that the next
        # press is late enough.
        again = stamp if worth == "early" else public.stamps.make()
        return show(public, "one_more_step", stamp=again, address=address, chosen=chosen)
    if not may_ask(request, public, "forms"):
        return come_later(request, public)
    public.stamps.use(stamp, who.canonical)
    asked = Asked(
        row=SubscriberRow(who.typed, who.canonical, themes=" ".join(sorted(chosen))),
        network=request.scope["network"],
        text_version=public.text_version,
    )
    async with SameTime():
        kind = await public.threads.write(
            ask_to_subscribe,
            public.store,
            asked,
            public.clock(),
            most_an_hour=most_an_hour(public),
            listeners=public.listeners,
        )
    if kind == USED_UP:
        public.stamps.take_back(stamp)
        return come_later(request, public, "forms")
    if kind:
        public.wake()
    return tell(public, "asked")


async def look_at_confirmation(request: Request) -> Response:
    """The mailed link: a button. A scanner that follows it subscribes nobody (T27)."""
    public, token = public_of(request), request.path_params["token"]
    link = await public.threads.read(read_link, public.store, token, "confirm", public.clock())
    if link is None:
        return _dead(public)
    return tell(public, "confirmed") if link.used else show(public, "confirm")


async def confirm_subscription(request: Request) -> Response:
    """The button."""
    public, token = public_of(request), request.path_params["token"]
    done = await public.threads.write(
        confirm,
        public.store,
        token,
        public.clock(),
        network=request.scope["network"],
        text_version=public.text_version,
        listeners=public.listeners,
    )
    if done:
        public.wake()
        return tell(public, "confirmed")
    link = await public.threads.read(read_link, public.store, token, "confirm", public.clock())
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
