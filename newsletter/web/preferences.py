"""A reader's own page: themes, language, a pause; their data, to take along or to erase. Only by a link that was mailed (T30)."""

import json
from datetime import datetime, timedelta
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from newsletter.audience.addresses import AddressError, read_address
from newsletter.flows.erase import delete_outboxes
from newsletter.phrases import write_date
from newsletter.store.database import stamp
from newsletter.store.mailed_links import read_link
from newsletter.store.self_service import (
    USED_UP,
    Leaving,
    Preferences,
    ask_for_link,
    change_preferences,
    erase_by_link,
    read_preferences,
)
from newsletter.store.subscribers import Person, find_person
from newsletter.web.forms import SameTime, chosen_themes, field, read_form
from newsletter.web.pages import public_of, show, tell, to_all_issues
from newsletter.web.public import Public
from newsletter.web.quotas import come_later, may_ask, most_an_hour

LANGUAGES = {"en": "English", "de": "Deutsch", "fr": "Français", "es": "Español", "ar": "العربية"}
PAUSES = (1, 2, 4, 8, 12)  # weeks


async def ask_form(request: Request) -> Response:
    """Where the link is asked for."""
    return show(public_of(request), "preferences", problem="")


async def ask(request: Request) -> Response:
    """The same answer, in the same time, whoever the address belongs to."""
    public = public_of(request)
    form = await read_form(request)
    if field(form, "website"):
        return tell(public, "asked")
    try:
        who = read_address(field(form, "address"))
    except AddressError:
        return show(public, "preferences", status=400, problem=str(public.phrases["bad_address"]))
    if not may_ask(request, public, "links"):
        return come_later(request, public)
    async with SameTime():
        queued = await public.threads.write(
            ask_for_link, public.store, who.canonical, public.clock(), most_an_hour=most_an_hour(public)
        )
    if queued == USED_UP:
        return come_later(request, public, "links")
    if queued:
        public.wake()
    title = str(public.phrases["asked"])
    return show(public, "message", title=title, text=str(public.phrases["link_text"]), action=to_all_issues(public))


async def look(request: Request) -> Response:
    """The page itself."""
    public = public_of(request)
    found = await public.threads.read(_find, public, request.path_params["token"])
    if found is None:
        return _dead(public)
    preferences, _ = found
    paused = preferences.paused_until if preferences.paused_until > stamp(public.clock()) else ""
    return show(
        public,
        "reader",
        chosen=preferences.themes.split(),
        language=preferences.language or public.config.publication.language,
        languages=LANGUAGES,
        pauses=PAUSES,
        paused_until=write_date(datetime.fromisoformat(paused).astimezone(public.config.zone), public.phrases)
        if paused
        else "",
    )


async def act(request: Request) -> Response:
    """Save, download or erase, by which button was pressed."""
    public, token = public_of(request), request.path_params["token"]
    form = await read_form(request)
    action = field(form, "action")
    found = await public.threads.read(_find, public, token)
    if found is None:
        return _dead(public)
    preferences, canonical = found
    if action == "download":
        person = await public.threads.read(find_person, public.store, canonical)
        return _download(person) if person else _dead(public)
    if action == "erase":
        return show(public, "erase")  # asked twice: it cannot be taken back
    if action == "erase-sure":
        done = await public.threads.write(erase_by_link, public.store, token, public.clock())
        await public.threads.write(delete_outboxes, public.workspace)
        return tell(public, "erased") if done else _dead(public)
    if action == "unsubscribe":
        link = await public.threads.read(read_link, public.store, token, "preferences", public.clock())
        if link:
            await request.app.state.leavers.leave(Leaving(link.subscriber_id, "the mailed link"))
        return tell(public, "left", action=(str(public.phrases["subscribe"]), f"{public.root}subscribe"))
    if action != "save":
        return tell(public, "no_page", status=400)
    wanted = _read_wanted(public, form, preferences)
    done = await public.threads.write(change_preferences, public.store, token, wanted, public.clock())
    return tell(public, "saved") if done else _dead(public)


def _find(public: Public, token: str) -> tuple[Preferences, str] | None:
    link = read_link(public.store, token, "preferences", public.clock())
    return read_preferences(public.store, link.subscriber_id) if link and not link.used else None


def _read_wanted(public: Public, form: FormData, before: Preferences) -> Preferences:
    chosen = chosen_themes(form, public)
    everything = len(chosen) == len(public.config.themes)
    language = field(form, "language")
    pause = field(form, "pause")
    until = before.paused_until if pause == "keep" else ""
    if pause.isdecimal() and int(pause) in PAUSES:
        until = stamp(public.clock() + timedelta(weeks=int(pause)))
    return Preferences(
        themes="" if everything else " ".join(sorted(chosen)),
        language=language if language in LANGUAGES else before.language,
        paused_until=until,
    )


def _download(person: Person) -> Response:
    """Everything that is kept about them (GDPR art. 15 and 20)."""
    document: dict[str, Any] = {
        "subscriber": {name: value for name, value in person.row._asdict().items() if value},
        "created_at": person.created_at,
        "consents": [{"at": at, "event": event, "source": source} for at, event, source in person.consents],
        "deliveries": [
            {"issue": issue, "state": state, "at": at, "reply": reply} for issue, state, at, reply in person.deliveries
        ],
    }
    return Response(
        json.dumps(document, ensure_ascii=False, indent=1) + "\n",
        media_type="application/json",
        headers={"Content-Disposition": 'attachment; filename="my-data.json"', "Cache-Control": "no-store"},
    )


def _dead(public: Public) -> Response:
    url = f"{public.root}preferences"
    return tell(public, "dead_link", status=404, action=(str(public.phrases["mail_link"]), url))
