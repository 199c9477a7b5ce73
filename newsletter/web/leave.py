"""Leaving: one press, or one request of a mail provider (RFC 8058). Always answered, never asked why, never too late."""

import asyncio

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from newsletter.audience.tokens import Ids, read_unsubscribe
from newsletter.store.self_service import Leaving, leave, narrow
from newsletter.web.forms import chosen_themes, field, name_themes, read_form
from newsletter.web.pages import public_of, show, tell
from newsletter.web.public import Public

# In the body of a provider's request, in whatever form it is packed.
_ONE_CLICK = b"list-unsubscribe"
_TOGETHER = 500


class Leavers:
    """Those who leave at the same moment leave in one transaction: a provider may send a thousand a second."""

    def __init__(self, public: Public) -> None:
        self._public = public
        self._waiting: list[tuple[Leaving, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def leave(self, leaving: Leaving) -> None:
        """Returns when it is on the disk. Raises StoreError."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((leaving, done))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        await done

    async def _work(self) -> None:
        while self._waiting:
            some, self._waiting = self._waiting[:_TOGETHER], self._waiting[_TOGETHER:]
            public = self._public
            try:
                await public.threads.leave(
                    leave, public.store, [one for one, _ in some], public.clock(), listeners=public.listeners
                )
            except Exception as error:  # each of them is told, as if it had been alone
                for _, done in some:
                    if not done.done():
                        done.set_exception(error)
            else:
                for _, done in some:
                    if not done.done():
                        done.set_result(None)


async def look(request: Request) -> Response:
    """The page behind the link: a button, and fewer themes instead. Nothing is told of the reader (T30)."""
    public = public_of(request)
    if _read(request, public) is None:
        return _dead(public)
    return show(public, "unsubscribe", problem="")


async def go(request: Request) -> Response:
    """The button, or a provider's request: 200, however often it comes (T28).

    RFC 8058 section 3.2: the address alone says who leaves. Whatever the body is, the reader is unsubscribed, unless it is
    our own page's form that asks for fewer themes. A body that cannot be read asks for nothing else.
    """
    public = public_of(request)
    ids = _read(request, public)
    if ids is None:
        return _dead(public)
    is_one_click = _ONE_CLICK in (await request.body()).lower()
    source = f"one-click in issue {ids.issue}" if is_one_click else f"the link in issue {ids.issue}"
    form = FormData() if is_one_click else await _read_what_is_there(request)
    if field(form, "only"):
        chosen = chosen_themes(form, public)
        if not chosen or not await public.threads.write(
            narrow, public.store, ids.subscriber, chosen, source, public.clock()
        ):
            return show(public, "unsubscribe", problem=str(public.phrases["choose_one"]))
        return tell(public, "narrowed", themes=name_themes(public, chosen))
    leavers: Leavers = request.app.state.leavers
    await leavers.leave(Leaving(ids.subscriber, source))
    if is_one_click:  # no person sees it
        return PlainTextResponse("unsubscribed\n", headers={"Cache-Control": "no-store"})
    return tell(public, "left", action=(str(public.phrases["subscribe"]), f"{public.root}subscribe"))


async def _read_what_is_there(request: Request) -> FormData:
    try:
        return await read_form(request)
    except HTTPException:
        return FormData()


def _read(request: Request, public: Public) -> Ids | None:
    return read_unsubscribe(request.path_params["token"], public.keys)


def _dead(public: Public) -> Response:
    return tell(public, "dead_link", status=404)
