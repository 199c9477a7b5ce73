"""What the forms of the public pages share: reading fields, taking the same time for everybody, telling people from machines."""

import asyncio
import time
from collections.abc import Sequence

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request

from newsletter.text.characters import DIRECTION_MARKS
from newsletter.web.public import Public

FIELDS_LIMIT = 100
_VALUE_LIMIT = 400
# An answer never comes sooner, so its time does not tell whether the address is known (T25).
SAME_TIME_S = 0.2


async def read_form(request: Request) -> FormData:
    """The fields of a form, urlencoded or multipart. Raises HTTPException for one that no page of ours makes."""
    try:
        form = await request.form(max_files=0, max_fields=FIELDS_LIMIT, max_part_size=4096)
    except HTTPException:
        raise
    except (ValueError, UnicodeError):
        raise HTTPException(400) from None
    if len(form.multi_items()) > FIELDS_LIMIT:
        raise HTTPException(400)
    return form


def field(form: FormData, name: str) -> str:
    """One value, without what cannot be seen."""
    value = form.get(name)
    text = value if isinstance(value, str) else ""
    return "".join(c for c in text[:_VALUE_LIMIT] if c.isprintable() and c not in DIRECTION_MARKS).strip()


def chosen_themes(form: FormData, public: Public) -> list[str]:
    """The themes that were ticked, in the order of the settings. Others are nobody's."""
    wanted = {value for value in form.getlist("themes") if isinstance(value, str)}
    return [theme.slug for theme in public.config.themes if theme.slug in wanted]


class SameTime:
    """`async with SameTime():` takes SAME_TIME_S, whatever is done inside."""

    async def __aenter__(self) -> None:
        self._until = time.monotonic() + SAME_TIME_S

    async def __aexit__(self, *error: object) -> None:
        await asyncio.sleep(max(0.0, self._until - time.monotonic()))


def name_themes(public: Public, slugs: Sequence[str]) -> str:
    """Titles of themes, for people."""
    titles = {theme.slug: theme.title for theme in public.config.themes}
    return ", ".join(titles[slug] for slug in slugs if slug in titles)
