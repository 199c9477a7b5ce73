"""The desk's part of the preview: its state as JSON, why a post is where it is, and the edits, each from our own page only."""

import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any, get_args

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from newsletter.errors import NewsletterError
from newsletter.flows.desk import Desk, Edit, Meanwhile

BODY_LIMIT = 65_536
TOKEN_HEADER = "x-desk"  # noqa: S105 - a header's name
_KINDS = {"do": str, "sha": str, "line": int, "section": str, "before": int, "key": str, "value": str}
_DONE = get_args(Edit.__annotations__["do"])


def desk_routes(desk: Desk, token: str) -> list[Route]:
    """Routes around a desk. `token` stands in our page; only who can read that may edit."""

    async def look(request: Request) -> Response:
        return await _answer(desk.look)

    async def why(request: Request) -> Response:
        line, key = request.query_params.get("line", ""), request.query_params.get("key", "")
        number = int(line) if line.isdecimal() and len(line) < 10 else 0
        return await _answer(lambda: desk.explain(line=number, key=key))

    async def edit(request: Request) -> Response:
        # Attack: a page of somebody else posts to this address. It cannot read the token, and a body of this type, with
        # a header of its own, it may not send here without asking first; nobody answers that question.
        sent = request.headers.get(TOKEN_HEADER, "")
        own = request.headers.get("content-type", "").partition(";")[0] == "application/json"
        if not own or not secrets.compare_digest(sent.encode(), token.encode()):
            return _tell("not from the desk's own page; load it again", 403)
        body = await _read(request)
        wanted = _parse(body) if body is not None else None
        if wanted is None:
            return _tell("no edit that the desk knows", 422)

        def act() -> dict[str, Any]:
            desk.edit(wanted)
            return desk.look()

        return await _answer(act)

    return [Route("/desk.json", look), Route("/why.json", why), Route("/desk", edit, methods=["POST"])]


async def _answer(ask: Callable[[], Mapping[str, Any]]) -> Response:
    try:
        return JSONResponse(await run_in_threadpool(ask), headers={"Cache-Control": "no-store"})
    except Meanwhile as error:
        return _tell(str(error), 409)
    except NewsletterError as error:
        return _tell(str(error), 422)
    except KeyError:
        return _tell("that post is not there any more", 409)


def _tell(message: str, status: int) -> Response:
    return JSONResponse({"message": message}, status, headers={"Cache-Control": "no-store"})


async def _read(request: Request) -> bytes | None:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            return None
    return body


def _parse(body: bytes) -> Edit | None:
    """JSON → an edit; None for anything else."""
    try:
        found = json.loads(body)
        json.dumps(found, ensure_ascii=False).encode()  # half a surrogate is no text
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not {"do", "sha"} <= set(found) <= set(_KINDS) or found["do"] not in _DONE:
        return None
    if found.get("before") is None:
        found.pop("before", None)
    wrong = [name for name, value in found.items() if type(value) is not _KINDS[name]]
    return None if wrong else Edit(**found)
