"""The README's picture of the default design: the sample issue on a desktop, in the dark and on a phone.

`./run test tests/rendering/test_picture.py --update-golden` makes it anew. It holds the hash of what it was made from, so that
a stale one is told by any machine, whatever its fonts and its browser.
"""

import hashlib
import re
import struct
import zlib
from collections.abc import Iterator
from html import escape
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from newsletter.flows.preview import Preview, PreviewState, in_the
from newsletter.workspace.files import Workspace

ROOT = Path(__file__).resolve().parents[2]
SLUG = "2025-07-07-weekly"
PICTURE = ROOT / "docs/images/mail.png"
# Twice as wide as a README shows it, for fine screens; the heavier the picture, the later it is there.
WIDTH, HEIGHT = 1800, 1010
HEAVIEST_BYTES = 400_000
STAMP = b"made-from"
STYLE = """
* { box-sizing: border-box; margin: 0; }
body { width: 1800px; height: 1010px; padding: 56px 48px 0; display: flex; gap: 32px; align-items: flex-start;
  overflow: hidden; background: #ddd6c8; font: 15px/20px "Helvetica Neue", Helvetica, Arial, sans-serif; }
figure { flex: none; height: 1000px; overflow: hidden; border-radius: 12px 12px 0 0; background: #ffffff;
  box-shadow: 0 1px 3px rgb(60 50 30 / 30%), 0 14px 44px rgb(60 50 30 / 28%); }
figcaption { height: 60px; padding: 0 20px; display: flex; gap: 12px; align-items: center; white-space: nowrap;
  color: #6b665d; border-bottom: 1px solid #e6e1d6; }
i { flex: none; width: 32px; height: 32px; border-radius: 50%; background: #8c2f1d; color: #ffffff;
  font: 600 15px/32px Helvetica, Arial, sans-serif; text-align: center; }
b { color: #23201b; }
span { overflow: hidden; text-overflow: ellipsis; }
iframe { display: block; width: 100%; height: 940px; border: 0; }
.desktop, .dark { width: 640px; }
.phone { width: 360px; margin-top: 34px; padding: 0 10px; border-radius: 40px 40px 0 0; background: #23201b; }
.phone > div { margin-top: 12px; overflow: hidden; border-radius: 30px 30px 0 0; background: #ffffff; }
.dark { background: #211f1b; }
.dark figcaption { color: #aaa398; border-color: #3a372f; }
.dark b { color: #f2eee6; }
.dark i { background: #f0a58c; color: #211f1b; }
"""


@pytest.fixture(scope="module")
def sheet() -> str:
    preview = Preview(Workspace(ROOT), SLUG)
    preview.refresh()
    assert preview.shown
    return make_sheet(preview.shown)


def make_sheet(shown: PreviewState) -> str:
    """The page that the picture is of: three readers' mail, each under the line that their inbox shows."""
    line = f"<figcaption><i>{escape(shown.sender[0])}</i><span><b>{escape(shown.sender)}</b> &nbsp;{escape(shown.preheader)}</span></figcaption>"
    figures = ""
    for kind, dark in (("desktop", False), ("dark", True), ("phone", False)):
        mail = in_the(shown.html, dark=dark)
        figures += f'<figure class="{kind}"><div>{line}<iframe srcdoc="{escape(mail)}"></iframe></div></figure>'
    return f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><style>{STYLE}</style></head><body>{figures}</body></html>'


def stamp_of(sheet: str) -> bytes:
    return hashlib.sha256(sheet.encode()).hexdigest().encode()


def take(browser: Browser, sheet: str) -> bytes:
    """A PNG of a sheet, with its stamp."""
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    page.route("**/*", lambda route: route.abort())
    page.set_content(sheet)
    assert len(page.frames) == 4
    for frame in page.frames[1:]:
        frame.locator("h1").wait_for()
    picture = page.screenshot()
    page.close()
    return add_text(picture, STAMP, stamp_of(sheet))


def chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The kinds and contents of a PNG's parts."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    place = 8
    while place < len(png):
        (size,) = struct.unpack(">I", png[place : place + 4])
        yield png[place + 4 : place + 8], png[place + 8 : place + 8 + size]
        place += 12 + size


def add_text(png: bytes, name: bytes, text: bytes) -> bytes:
    """The PNG with a note behind its head (PNG 1.2, 4.2.3.1)."""
    body = b"tEXt" + name + b"\0" + text
    head = 8 + 12 + 13
    return png[:head] + struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body)) + png[head:]


def read_stamp(png: bytes) -> bytes:
    notes = (body.partition(b"\0") for kind, body in chunks(png) if kind == b"tEXt")
    return next((text for name, _, text in notes if name == STAMP), b"")


def size_of(png: bytes) -> tuple[int, ...]:
    head = dict(chunks(png))[b"IHDR"]
    return struct.unpack(">II", head[:8])


def test_the_picture_of_the_readme_shows_the_design_of_today(
    browser: Browser, sheet: str, request: pytest.FixtureRequest
) -> None:
    picture = take(browser, sheet)
    if request.config.getoption("--update-golden"):
        PICTURE.write_bytes(picture)
    assert size_of(picture) == size_of(PICTURE.read_bytes()) == (WIDTH, HEIGHT)
    assert max(len(picture), PICTURE.stat().st_size) <= HEAVIEST_BYTES


def test_a_stale_picture_is_told_without_a_browser(sheet: str) -> None:
    renew = f"./run test {Path(__file__).relative_to(ROOT)} --update-golden"
    assert read_stamp(PICTURE.read_bytes()) == stamp_of(sheet), f"the design has changed since: {renew}"
    assert stamp_of(sheet.replace("#8c2f1d", "#8c2f1e", 1)) != stamp_of(sheet)


def test_the_readme_shows_the_picture_and_says_what_is_on_it() -> None:
    shown = re.search(r"!\[([^\]]+)\]\(docs/images/mail\.png\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert shown
    assert all(word in shown[1] for word in ("desktop", "dark", "phone"))
