"""The archive's icon: lines of text on the colour of the headings, as PNG and as favicon.ico. Pure.

Drawn here, and stored without compression: the same bytes on every machine, whatever its zlib makes of them.
"""

import struct
import zlib

BACKGROUND, FOREGROUND = (0x8C, 0x2F, 0x1D), (0xFD, 0xFC, 0xF9)  # --accent and --paper of templates/web/site.css
SIZE, SMALL_SIZE = 256, 64
# (left, top, right, bottom) in sixteenths of the side: a headline and three lines.
_BARS = ((3, 3, 13, 5), (3, 7, 13, 8), (3, 10, 13, 11), (3, 13, 9, 14))


def draw_icons() -> dict[str, bytes]:
    """File name → bytes, for the folder of the archive."""
    return {"icon.png": _write_png(SIZE), "favicon.ico": _write_ico(SMALL_SIZE)}


def _write_png(size: int) -> bytes:
    """PNG of two colours, a bit a pixel (PNG 3rd edition, sections 5 and 11)."""
    header = struct.pack(">IIBBBBB", size, size, 1, 3, 0, 0, 0)
    rows = b"".join(b"\0" + _draw_row(line, size) for line in range(size))  # each row begins with its filter: none
    chunks = ((b"IHDR", header), (b"PLTE", bytes(BACKGROUND + FOREGROUND)), (b"IDAT", zlib.compress(rows, 0)))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in (*chunks, (b"IEND", b"")))


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _draw_row(line: int, size: int) -> bytes:
    place = line * 16 / size
    bars = [bar for bar in _BARS if bar[1] <= place < bar[3]]
    bits = 0
    for pixel in range(size):
        across = pixel * 16 / size
        bits = bits << 1 | any(bar[0] <= across < bar[2] for bar in bars)
    return bits.to_bytes(size // 8, "big")


def _write_ico(size: int) -> bytes:
    """One picture in the container that browsers ask for by name; it may be a PNG."""
    png = _write_png(size)
    entry = struct.pack("<BBBBHHII", size, size, 0, 0, 1, 1, len(png), 6 + 16)
    return struct.pack("<HHH", 0, 1, 1) + entry + png
