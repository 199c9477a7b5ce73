"""The flow that tells other programs what happened: one call at a time, signed, tried again for two days.

The signature is that of the Standard Webhooks specification, so receivers have a library that checks it.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter.config import Config
from newsletter.errors import InputError, Mistake
from newsletter.sources.http_types import PostRequest, PostResult, hosts
from newsletter.store.database import Store
from newsletter.store.self_service import find_address
from newsletter.store.webhooks import HookCall, Listeners, begin_hook, end_hook
from newsletter.workspace.files import Workspace

# After the last one it is given up: who was away for two days has to ask for a list anyway.
WAITS_MIN = (1, 5, 30, 2 * 60, 5 * 60, 10 * 60, 24 * 60)
SECRET_PREFIX = "whsec_"  # noqa: S105 - the mark of a secret, not one
SECRET_BYTES = range(24, 65)


def listeners(config: Config) -> Listeners:
    """Which addresses want to hear of an event."""
    events = dict.fromkeys(event for hook in config.hooks for event in hook.events)
    return {event: tuple(dict.fromkeys(one.url for one in config.hooks if event in one.events)) for event in events}


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookResult:
    """What became of a call: `sent`, `failed` or `waiting`. Its address is not named: it may hold a secret."""

    event: str
    state: str
    reason: str = ""


def tell_next(
    workspace: Workspace,
    config: Config,
    store: Store,
    now: datetime,
    ask: Callable[[PostRequest], PostResult] | None = None,
) -> WebhookResult | None:
    """Make the next call that is due. None if none is. Raises InputError for a secret that cannot be used.

    No call is begun then: a secret that is put back later finds them all, with no try spent.
    """
    secrets = _read_secrets(workspace, config)
    call = begin_hook(store, now)
    if call is None:
        return None
    if call.url not in secrets:
        end_hook(store, call, "failed", now)
        return WebhookResult(event=call.event, state="failed", reason="its address is no longer in the settings")
    body = json.dumps(_write_document(store, call), ensure_ascii=False).encode()
    request = PostRequest(
        url=call.url,
        body=body,
        headers=sign(secrets[call.url], _name(call), body, now),
        allow_hosts=hosts(config.fetch.allow_hosts),
        agent=config.fetch.agent or f"newsletter-desk (+{config.publication.url})",
    )
    posted = (ask or _ask)(request)
    state, next_at = after(posted, call.attempt + 1, now)
    end_hook(store, call, state, next_at)
    return WebhookResult(event=call.event, state=state, reason=posted.reason)


def _ask(request: PostRequest) -> PostResult:
    # The network's libraries are slow to load, and a send needs only `listeners`.
    from newsletter.sources.fetch import post

    return post(request)


def after(posted: PostResult, tries: int, now: datetime) -> tuple[str, datetime]:
    """The state of a call after so many tries, and when it is due again. Pure."""
    if posted.outcome == "done":
        return "sent", now
    if posted.outcome == "gone" or tries > len(WAITS_MIN):
        return "failed", now
    asked = timedelta(seconds=posted.retry_after_s or 0)
    return "waiting", now + max(timedelta(minutes=WAITS_MIN[tries - 1]), asked)


def sign(secrets: tuple[bytes, ...], name: str, body: bytes, now: datetime) -> dict[str, str]:
    """The headers by which a receiver knows who sent a body, and when: one signature for each secret."""
    moment = str(int(now.timestamp()))
    signed = f"{name}.{moment}.".encode() + body
    digests = (hmac.digest(secret, signed, hashlib.sha256) for secret in secrets)
    return {
        "webhook-id": name,
        "webhook-timestamp": moment,
        "webhook-signature": " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests),
    }


def _name(call: HookCall) -> str:
    """The same at each try, so that a receiver can tell a repetition. After a restored backup numbers come again."""
    return f"{call.made_at}-{call.id}".replace(":", "")


def _write_document(store: Store, call: HookCall) -> dict[str, object]:
    """What is told. An address is looked up now: a row that waits holds none, and one who was erased is not named."""
    told: Mapping[str, object] = json.loads(call.body)
    document: dict[str, object] = {"id": _name(call), "event": call.event, "at": call.made_at, **told}
    number = told.get("subscriber")
    if isinstance(number, int):
        found = find_address(store, number)
        address, state = (found[0], found[2]) if found else (None, "erased")
        document["subscriber"] = {"id": number, "address": address, "state": state}
    return document


def _read_secrets(workspace: Workspace, config: Config) -> dict[str, tuple[bytes, ...]]:
    """Address → its secrets; two while one takes over from the other."""
    secrets: dict[str, tuple[bytes, ...]] = {}
    for hook in config.hooks:
        secrets[hook.url] = (*secrets.get(hook.url, ()), _read_secret(workspace, hook.secret_file))
    return secrets


def _read_secret(workspace: Workspace, file: str) -> bytes:
    text = workspace.read_secret(file).decode("ascii", "replace").strip()
    try:
        secret = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) not in SECRET_BYTES:
        message = f"is no secret for a hook: {SECRET_PREFIX} and 24 to 64 bytes in Base64"
        help_ = f'make one: echo "{SECRET_PREFIX}$(openssl rand -base64 32)" > {file}'
        raise InputError(Mistake(code="NL024", file=file, message=message, help=help_))
    return secret
