"""The archive's icon: a picture that every program can read."""

import struct
import zlib
from typing import Any

import pytest

from newsletter.rendering.icon import BACKGROUND, FOREGROUND, SIZE, SMALL_SIZE, draw_icons


def read_png(data: bytes) -> tuple[int, bytes, list[bytes]]:
    """Side, palette and rows of a PNG, whose sums are right."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, place = {}, 8
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        name, body = data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        assert struct.unpack(">I", data[place + 8 + length : place + 12 + length]) == (zlib.crc32(name + body),)
        chunks[name], place = body, place + 12 + length
    assert list(chunks) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    assert width == height
    raw, step = zlib.decompress(chunks[b"IDAT"]), width // 8 + 1
    return width, chunks[b"PLTE"], [raw[line * step : (line + 1) * step] for line in range(height)]


def test_c68_the_icon_is_a_picture_of_two_colours() -> None:
    icons = draw_icons()
    for png, size in ((icons["icon.png"], SIZE), (icons["favicon.ico"][22:], SMALL_SIZE)):
        side, palette, rows = read_png(png)
        assert (side, palette) == (size, bytes(BACKGROUND + FOREGROUND))
        assert {row[0] for row in rows} == {0}
        lit = sum(int.from_bytes(row[1:], "big").bit_count() for row in rows)
        assert 0.1 < lit / size**2 < 0.4
    kind, count, place = (
        *struct.unpack("<HH", icons["favicon.ico"][2:6]),
        struct.unpack("<I", icons["favicon.ico"][18:22])[0],
    )
    assert (kind, count, place) == (1, 1, 22)


@pytest.mark.parametrize(
    ("name", "kind", "side"), [("icon.png", "image/png", SIZE), ("favicon.ico", "image/x-icon", SMALL_SIZE)]
)
def test_c68_a_browser_shows_the_icon(browser: Any, name: str, kind: str, side: int) -> None:
    from base64 import b64encode

    page = browser.new_page()
    page.set_content(f'<img src="data:{kind};base64,{b64encode(draw_icons()[name]).decode()}">')
    assert page.evaluate("document.images[0].decode().then(() => document.images[0].naturalWidth)") == side
    page.close()
