"""axe-core over a page that a browser has open: what it finds, a line each."""

from importlib.resources import files
from typing import Any

from playwright.sync_api import Page

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
# A mail has no landmarks of its own: it stands inside of a client's page, which has them (email-html L2).
MAIL_RULES = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
    "rules": {"region": {"enabled": False}, "landmark-one-main": {"enabled": False}},
}


def violations(page: Page, options: dict[str, Any] | None = None) -> list[str]:
    """All of them, with the beginning of each element."""
    if not page.evaluate("'axe' in window"):  # a context may bring it along to every page
        page.evaluate(AXE)
    found: dict[str, Any] = page.evaluate(
        "(options) => axe.run(options).then(({violations}) => ({violations}))",
        {"resultTypes": ["violations"], **(options or {})},
    )
    return [f"{one['id']}: {node['html'][:120]}" for one in found["violations"] for node in one["nodes"]]
