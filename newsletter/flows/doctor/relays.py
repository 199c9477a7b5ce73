"""The relays: whether they let us in, and take the biggest mail we have. Nothing is mailed."""

from collections.abc import Iterator
from dataclasses import replace

from newsletter.delivery.relay import LoginRefused, Relay, RelayUnavailable, Timeouts
from newsletter.errors import InputError
from newsletter.flows.doctor.database import biggest_frozen
from newsletter.flows.doctor.installation import Check, Installation, tell
from newsletter.flows.relays import make_relays
from newsletter.workspace.files import SETTINGS

# A relay that lets everybody wait a while for its greeting is met with patience; nobody waits five minutes for a doctor.
LOOK = Timeouts(connect=10, greeting=30, command=30, data=30, reply_to_dot=30)
# What signatures and a reader's own address and links add to the message that was built or frozen.
ADDED_BYTES = 4_000


def check_secrets(case: Installation) -> Iterator[Check]:
    """Whether the relays' passwords are there."""
    try:
        relays = _relays(case)
    except InputError as error:
        yield from tell(error, "password")
        return
    for relay in relays:
        if relay.username and not relay.password and not relay.token:
            fix = "set NEWSLETTER_SMTP__PASSWORD, or password_file" if relay is relays[0] else "set its password_file"
            yield Check("password", "error", f"{relay.host}: a username and no password", fix)


def check_relays(case: Installation) -> Iterator[Check]:
    """Whether each relay lets us in, and takes the biggest mail we have. Nothing is mailed."""
    try:
        relays = _relays(case)
    except InputError:
        return  # check_secrets tells it
    biggest = _biggest_mail(case)
    for relay in relays:
        yield _check_relay(relay, biggest)


def _check_relay(relay: Relay, biggest: int) -> Check:
    from newsletter.delivery.loop import look_at

    where = f"{relay.host}:{relay.port}"
    try:
        offer = look_at(relay)
    except LoginRefused as error:
        return Check(
            "relay", "error", error.mistakes[0].message, "correct username and password of [smtp] or [[relays]]"
        )
    except RelayUnavailable as error:
        return Check("relay", "error", error.mistakes[0].message, f"correct [smtp] or [[relays]] in {SETTINGS}")
    if offer.size_bytes and biggest > offer.size_bytes:
        told = f"{where} takes mails of {offer.size_bytes:,} bytes, and there is one of {biggest:,}"
        return Check("relay", "error", told, "make the issue shorter, or raise the relay's limit (SIZE)")
    parts = [offer.tls or "no TLS", "logged in" if relay.username or relay.token else "no login"]
    parts.append(f"mails up to {offer.size_bytes:,} bytes" if offer.size_bytes else "no limit of size")
    parts += [name for name, offered in (("PIPELINING", offer.pipelining), ("CHUNKING", offer.chunking)) if offered]
    return Check("relay", "ok", f"{where}: {', '.join(parts)}")


def _relays(case: Installation) -> list[Relay]:
    """Raises InputError for a secret that cannot be read."""
    return [replace(relay, timeouts=LOOK) for relay, _ in make_relays(case.workspace, case.config)]


def _biggest_mail(case: Installation) -> int:
    built = [path.stat().st_size for path in (case.workspace.root / "build").glob("*/message.eml")]
    return max([*built, biggest_frozen(case)]) + ADDED_BYTES
