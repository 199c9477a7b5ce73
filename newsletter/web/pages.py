"""A page of the forms: a template of templates/web with the publication's words → a response."""

from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse

from newsletter.rendering.content import RTL_LANGUAGES
from newsletter.rendering.templates import render
from newsletter.web.public import Public


def public_of(request: Request) -> Public:
    """What the page works with."""
    public: Public = request.app.state.public
    return public


def show(public: Public, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A page. What stands in it is nobody else's business: it is kept by no cache."""
    config = public.config
    language = config.publication.language.partition("-")[0]
    shared = {
        "publication": config.publication,
        "phrases": public.phrases,
        "direction": "rtl" if language in RTL_LANGUAGES else "ltr",
        # On whatever host they were asked for, links stay there; the path is of the settings (T40).
        "root": public.root,
        "served": True,
        "themes": config.themes,
        "feeds_of_page": (),
        "say": lambda key, **slots: str(public.phrases[key]).format(title=config.publication.title, **slots),
    }
    text = render(public.environment, f"web/{template}.html.j2", shared | values)
    return HTMLResponse(text, status, headers={"Cache-Control": "no-store"})


def to_all_issues(public: Public) -> tuple[str, str]:
    """A way on: no page is an end."""
    return str(public.phrases["archive"]), public.root


def tell(
    public: Public, key: str, *, status: int = 200, action: tuple[str, str] | None = None, **slots: Any
) -> HTMLResponse:
    """A page that only says something: the phrases `key` and `key_text`.

    `action` is a link's label and address: to all issues, if nothing is better.
    """
    title = str(public.phrases[key])
    text = str(public.phrases[f"{key}_text"]).format(title=public.config.publication.title, **slots)
    return show(public, "message", status=status, title=title, text=text, action=action or to_all_issues(public))
