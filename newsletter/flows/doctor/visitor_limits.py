"""Names what visitors of the public pages may be refused for. The web counts by these names, `doctor` explains them."""

from typing import NamedTuple

_ONE_NETWORK = "if all visitors seem to come from one network, name your proxy in trusted_proxies of [web]"
_PROXY = "put a proxy in front that takes whole requests only (docs/operate.md)"


class VisitorLimit(NamedTuple):
    """What happened when it was applied, and what the operator can do; nothing to do means that nobody else noticed."""

    told: str
    fix: str = ""


VISITOR_LIMITS = {
    "connections": VisitorLimit("there was no room for more connections; the longest silent ones were closed", _PROXY),
    "held-bytes": VisitorLimit("half-sent requests filled their memory; the slowest were closed", _PROXY),
    "network-connections": VisitorLimit("one network opened more connections than its share", _ONE_NETWORK),
    "network-requests": VisitorLimit(
        "one network asked for more pages than its share; its answers were delayed, or refused", _ONE_NETWORK
    ),
    "forms": VisitorLimit(
        "the form's mails of an hour were used up; readers were told to come back later",
        "raise confirmations in [web], or find the networks in the log and keep them out",
    ),
    "network-forms": VisitorLimit("one network used up its share of the form", _ONE_NETWORK),
    "links": VisitorLimit(
        "the links to preferences of an hour were used up; readers were told to come back later",
        "raise confirmations in [web], or find the networks in the log and keep them out",
    ),
    "network-links": VisitorLimit("one network used up its share of links to preferences", _ONE_NETWORK),
    "head-size": VisitorLimit("an address or headers of more than 16 KB"),
    "body-size": VisitorLimit("a form of more than 64 KB"),
    "request-time": VisitorLimit("a request that was not whole after 30 seconds"),
    "requests-at-once": VisitorLimit("requests sent on one connection without waiting for answers"),
    "answer-not-taken": VisitorLimit("an answer of which nothing was taken for 60 seconds"),
}
