"""Makes docs/images/mail.png from the built sample issue: desktop, dark and phone side by side. Needs a Chromium.

Run: ./run newsletter build 2025-07-07-weekly && .venv/bin/python scripts/screenshots.py
"""

import base64
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
MAIL = ROOT / "build/2025-07-07-weekly/email.html"
TARGET = ROOT / "docs/images/mail.png"
VIEWS = ((660, "light"), (660, "dark"), (375, "light"))
HEIGHT = 860


def main() -> int:
    """Write the picture; 1 without a browser or a built issue."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None or not MAIL.is_file():
        print(__doc__, file=sys.stderr)
        return 1
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        pictures = [take(browser, width, scheme) for width, scheme in VIEWS]
        cells = "".join(f'<img src="data:image/png;base64,{base64.b64encode(one).decode()}">' for one in pictures)
        style = (
            "body{margin:0;padding:24px;display:flex;gap:24px;background:#d8d3c8;width:max-content}img{display:block}"
        )
        page = browser.new_page(viewport={"width": sum(width for width, _ in VIEWS) + 96, "height": HEIGHT + 48})
        page.set_content(f"<style>{style}</style>{cells}")
        TARGET.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=TARGET)
        browser.close()
    return 0


def take(browser: Browser, width: int, scheme: str) -> bytes:
    """The top of the mail at one width, light or dark."""
    context = browser.new_context(viewport={"width": width, "height": HEIGHT}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(MAIL.as_uri())
    picture: bytes = page.screenshot()
    context.close()
    return picture


if __name__ == "__main__":
    sys.exit(main())
