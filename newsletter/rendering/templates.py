"""Jinja2 over templates that are handed in: strict about names, and a mistake is told with the template's line."""

import traceback
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import (
    BytecodeCache,
    Environment,
    FunctionLoader,
    StrictUndefined,
    TemplateError,
    TemplateSyntaxError,
)
from jinja2.exceptions import TemplateNotFound
from markupsafe import Markup

from newsletter.errors import InputError, Mistake
from newsletter.rendering.plain_text import underline, wrap

# A template's name (email/layout.html.j2) → its text and the path for messages; None if there is none of that name.
ReadTemplate = Callable[[str], tuple[str, str] | None]


def make_environment(read: ReadTemplate, compiled: BytecodeCache | None = None) -> Environment:
    """An environment whose templates come from `read`. HTML is escaped by name; content marked safe was sanitised.

    `compiled` keeps compiled templates between runs; it is keyed by their text, so a change is never missed.
    """

    def load(name: str) -> tuple[str, str, Callable[[], bool]] | None:
        found = read(name)
        return (found[0], found[1], lambda: True) if found else None

    environment = Environment(
        loader=FunctionLoader(load),
        undefined=StrictUndefined,
        autoescape=lambda name: bool(name) and ".html" in str(name),  # noqa: S701 - mail has a text part too
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        bytecode_cache=compiled,
    )
    # The one place where content becomes trusted: everything that reaches it went through nh3 (parsing K11).
    environment.filters["sanitised"] = Markup
    environment.filters["underline"] = underline
    environment.filters["wrap"] = wrap
    return environment


def render(environment: Environment, name: str, values: Mapping[str, Any]) -> str:
    """A template with values → text. Raises InputError that names the template and the line."""
    try:
        return environment.get_template(name).render(values)
    except TemplateSyntaxError as error:
        raise _broken(
            error.filename or f"templates/{error.name or name}",
            error.lineno,
            error.message or "is not readable",
        ) from None
    except TemplateNotFound as error:
        raise _broken(f"templates/{name}", None, f"needs the template {error.name}, which does not exist") from None
    except TemplateError as error:
        raise _broken(*_where(error, name), str(error.message)) from None
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        place = _where(error, name)
        if place[1] is None:
            raise  # not the template's fault
        raise _broken(*place, f"{type(error).__name__}: {error}") from None


def _where(error: Exception, name: str) -> tuple[str, int | None]:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith((".j2", ".css"))]
    return (frames[-1].filename, frames[-1].lineno) if frames else (f"templates/{name}", None)


def _broken(file: str, line: int | None, message: str) -> InputError:
    return InputError(
        Mistake(
            code="NL040",
            file=file,
            line=line,
            message=message,
            help="names a template may use: docs/templates.md",
        )
    )
