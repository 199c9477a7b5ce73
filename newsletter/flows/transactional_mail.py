"""The flow of single mails: confirmations, mailed links, drafts for the editor. One at a time, tried again for a day."""

import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter import links
from newsletter.config import Config
from newsletter.delivery.message import LetterEnvelope, letter_headers, write_message
from newsletter.delivery.relay import RelayUnavailable
from newsletter.delivery.retry import next_try
from newsletter.errors import NewsletterError
from newsletter.flows.send_one import SendFailed, send_single, send_test
from newsletter.rendering.letter import LetterText, render_letter
from newsletter.stopping import Arm, Interrupted, never_stopped
from newsletter.store.database import Store
from newsletter.store.mailed_links import make_link
from newsletter.store.self_service import find_address, is_unwelcome
from newsletter.store.transactional_mail import Letter, begin_letter, end_letter
from newsletter.text.mailbox import split_mailbox
from newsletter.workspace.files import Workspace
from newsletter.workspace.load import load_phrases
from newsletter.workspace.templates import open_templates

DRAFT_MARK = "[DRAFT]"
# A confirmation that comes a day late confuses more than none; its reader can ask again.
LIFETIME = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailResult:
    """What became of a letter: `sent`, `failed` or `waiting`; `reason` names no address."""

    letter: Letter
    state: str
    reason: str = ""
    relay_away: bool = False


def send_next_letter(
    workspace: Workspace, config: Config, store: Store, now: datetime, arm: Arm = never_stopped
) -> MailResult | None:
    """Send the next letter that is due. None if there is none. `arm` is given what interrupts the waiting for the relay."""
    letter = begin_letter(store, now)
    if letter is None:
        return None
    relay_away = False
    try:
        if letter.subscriber_id is not None and now - datetime.fromisoformat(letter.made_at) > LIFETIME:
            state, reason = "failed", "too late"
        else:
            state, reason = _send(_Sending(workspace, config, arm), store, letter, now)
    except Interrupted:
        end_letter(store, letter, "waiting", now)  # at once after the next start
        return MailResult(letter=letter, state="waiting", reason="the process ends", relay_away=True)
    except RelayUnavailable as error:
        state, reason, relay_away = "waiting", str(error), True
    except NewsletterError as error:
        state, reason = "waiting", str(error.mistakes[0].message) if error.mistakes else str(error)
    attempts = letter.attempt + 1
    if state == "waiting" and now - datetime.fromisoformat(letter.made_at) > LIFETIME:
        state = "failed"
    end_letter(store, letter, state, next_try(attempts, now, random.random()))  # noqa: S311 - no secret
    return MailResult(letter=letter, state=state, reason=reason, relay_away=relay_away)


@dataclass(frozen=True, slots=True)
class _Sending:
    """What every single mail needs; `arm` is given what interrupts the waiting for the relay."""

    workspace: Workspace
    config: Config
    arm: Arm


def _send(sending: _Sending, store: Store, letter: Letter, now: datetime) -> tuple[str, str]:
    if letter.subscriber_id is None:
        return _send_to_editor(sending, letter, now)
    found = find_address(store, letter.subscriber_id)
    if found is None:
        return "failed", "erased meanwhile"
    address, language, state = found
    if letter.kind == "confirm" and state == "active":
        return "failed", "confirmed meanwhile"
    if letter.kind != "confirm" and state != "active":
        return "failed", "left meanwhile"
    if is_unwelcome(store, letter.subscriber_id):
        return "failed", "complained or bounced meanwhile"
    text, language = _write(sending.workspace, sending.config, store, letter, language, now)
    return _send_text(sending, text, address, language, now)


def _write(
    workspace: Workspace, config: Config, store: Store, letter: Letter, language: str, now: datetime
) -> tuple[LetterText, str]:
    language = language or config.publication.language
    phrases = load_phrases(workspace, config, language)
    base, number = config.publication.url, letter.subscriber_id or 0

    def say(key: str) -> str:
        return str(phrases[key]).format(title=config.publication.title)

    buttons: dict[str, Callable[[], tuple[str, str]]] = {
        "confirm": lambda: (say("confirm"), links.confirm_url(base, make_link(store, number, "confirm", now))),
        "already": lambda: (say("preferences"), links.preferences_url(base)),
        "link": lambda: (say("preferences"), links.reader_url(base, make_link(store, number, "preferences", now))),
    }
    text = LetterText(
        subject=say(f"letter_{letter.kind}"),
        paragraphs=(say(f"letter_{letter.kind}_text"),),
        button=buttons[letter.kind](),
        why=say("letter_why"),
    )
    return text, language


def _send_to_editor(sending: _Sending, letter: Letter, now: datetime) -> tuple[str, str]:
    """What the calendar has to say; with a draft comes the mail as readers would get it."""
    workspace, config = sending.workspace, sending.config
    address = split_mailbox(config.publication.editor or config.publication.sender)[1]
    first, _, rest = letter.text.partition("\n")
    text = LetterText(
        subject=first[:150],
        paragraphs=tuple(part for part in rest.strip().split("\n\n") if part) or (first,),
        button=None,
        why=f"Sent to the editor of {config.publication.title} by newsletter serve.",
    )
    state, told = _send_text(sending, text, address, "en", now)
    if state == "sent" and letter.kind == "review":
        try:
            send_test(workspace, config, letter.about, address, now, mark=DRAFT_MARK, arm=sending.arm)
        except (SendFailed, Interrupted) as error:
            return "sent", f"but not the draft itself: {str(error) or 'the process ends'}"
    return state, told


def _send_text(sending: _Sending, text: LetterText, address: str, language: str, now: datetime) -> tuple[str, str]:
    workspace, config = sending.workspace, sending.config
    environment = open_templates(workspace)
    phrases = load_phrases(workspace, config, language)
    html, plain = render_letter(text, publication=config.publication, environment=environment, phrases=phrases)
    moment = now.replace(microsecond=0)
    envelope = LetterEnvelope(subject=text.subject, language=language, sender=config.publication.sender, moment=moment)
    headers = letter_headers(envelope, to=links.ADDRESS_SLOT, message_id=f"letter.{secrets.token_hex(12)}")
    result = send_single(workspace, config, write_message(headers, plain, html), address, moment, sending.arm)
    told = str(result.reply.code) if result.reply else str(result.phase)
    if result.status in ("accepted", "in_doubt"):
        # In doubt is as good as sent: better none, which can be asked for again, than two of them (T24).
        return "sent", told
    permanent = result.status == "refused" and result.reply is not None and result.reply.code >= 500
    return ("failed" if permanent else "waiting"), told
