"""Logging in to a relay: PLAIN, LOGIN, XOAUTH2, and only where nobody can listen (RFC 4954)."""

import base64
from collections.abc import Awaitable, Callable

from newsletter.delivery.relay import LoginRefused, Relay, RelayUnavailable, unavailable
from newsletter.delivery.replies import Capabilities, Reply

Ask = Callable[[str], Awaitable[Reply]]


async def log_in(relay: Relay, offered: Capabilities, ask: Ask, *, secured: bool) -> None:
    """Log in with what the relay offers and we have. Raises LoginRefused, or RelayUnavailable for a 4xx."""
    if not secured:
        raise unavailable(relay, "would get the password in the clear; use starttls or tls", LoginRefused)
    # NUL and ^A part the fields of PLAIN and XOAUTH2: one within a name would make another name of it.
    if any(ord(char) < 0x20 or char == "\x7f" for char in relay.username + relay.password + relay.token):
        raise unavailable(relay, "cannot be given a name or password with control characters", LoginRefused)
    if relay.token:
        reply = await _use_token(relay, offered, ask)
    elif "PLAIN" in offered.auth:
        # RFC 4616
        reply = await ask(f"AUTH PLAIN {_base64(f'{chr(0)}{relay.username}{chr(0)}{relay.password}')}")
    elif "LOGIN" in offered.auth:
        reply = await ask("AUTH LOGIN")
        for secret in (relay.username, relay.password):
            if reply.code == 334:
                reply = await ask(_base64(secret))
    else:
        raise unavailable(relay, "offers no way to log in that we know (PLAIN, LOGIN)", LoginRefused)
    if reply.code != 235:
        kind = RelayUnavailable if 400 <= reply.code < 500 else LoginRefused
        raise unavailable(relay, f"refuses the login: {reply.code} {reply.enhanced}".rstrip(), kind)


async def _use_token(relay: Relay, offered: Capabilities, ask: Ask) -> Reply:
    if "XOAUTH2" not in offered.auth:
        raise unavailable(relay, "offers no login with a token (XOAUTH2)", LoginRefused)
    fields = (f"user={relay.username}", f"auth=Bearer {relay.token}", "", "")
    reply = await ask(f"AUTH XOAUTH2 {_base64(chr(1).join(fields))}")
    # A 334 carries what is wrong with the token, and wants an empty line before it says 535.
    return await ask("") if reply.code == 334 else reply


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")
