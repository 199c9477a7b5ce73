"""How many mails visitors may cause with the forms: in all, and each network its share of it."""

from time import monotonic
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from newsletter.store.limits import read_limit
from newsletter.web.pages import tell
from newsletter.web.public import Public

# Confirmations, and links to preferences: who uses up the one leaves the other.
Quota = Literal["forms", "links"]


def most_an_hour(public: Public) -> float:
    """How many mails each of the two may cause in an hour, whoever asks."""
    limit = read_limit("forms", public.config.web.confirmations)
    return limit.count * 3600 / limit.seconds if limit else 0.0


def may_ask(request: Request, public: Public, quota: Quota) -> bool:
    """Whether this network has something of its share left; it is taken."""
    network = request.scope["network"]
    if request.app.state.shares[quota].take(network, monotonic()):
        return True
    public.refusals(f"network-{quota}", network)
    return False


def come_later(request: Request, public: Public, quota: Quota | None = None) -> Response:
    """The answer to who must wait: the same whoever the address belongs to. `quota` is what is used up in all."""
    if quota is not None:
        public.refusals(quota, request.scope["network"])
    return tell(public, "too_many", status=429)
