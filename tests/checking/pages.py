"""Small pages for the tests of single rules, and what a rule says about them."""

from collections.abc import Callable

from newsletter.checking import Page
from newsletter.checking.page import Problems

STYLE = "font-family: serif; color: #222222; background-color: #fdfcf9"


def make_page(body: str = "", *, css: str = "", direction: str = "ltr", **values: str | bytes) -> Page:
    """A mail of one body in a typeface and colours, with these kept styles."""
    html = (
        f'<!DOCTYPE html><html lang="en" dir="{direction}"><head><style>{css}</style></head>'
        f'<body style="{STYLE}">{body}</body></html>'
    )
    usual: dict[str, str | bytes] = {
        "html": html,
        "text": "",
        "subject": "Baku and Yerevan",
        "preheader": "",
        "language": "en",
        "url": "https://borderlines.example",
        "postal_address": "",
        "reason": "",
        "unsubscribe": "https://borderlines.example/u/__READER_TOKEN__",
    }
    return Page(**(usual | values))  # type: ignore[arg-type]


def said(rule: Callable[[Page], Problems], page: Page) -> list[str]:
    """The messages of one rule."""
    return [problem.message for problem in rule(page)]
