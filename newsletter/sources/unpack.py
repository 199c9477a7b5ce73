"""Unpacks the body of an HTTP answer while it arrives. The label (Content-Encoding) is a hint; the first bytes decide.

Servers label plain text as gzip, gzip as nothing, and name character sets where a packing belongs. Pure: takes bytes,
gives bytes.
"""

import re
import zlib

_GZIP = b"\x1f\x8b"
_OTHERS = {b"\x28\xb5\x2f\xfd": "zstd", b"\x1f\x9d": "compress"}
# What a feed or page begins with, after a byte order mark and white space: then nothing is packed, whatever the label says.
_PLAIN = re.compile(rb"(?:\xef\xbb\xbf|\xfe\xff|\xff\xfe)?[\x00\s]*[<{\[]")
_LOOK = 64  # bytes that are looked at before it is decided
_GZIP_OR_ZLIB, _RAW = 47, -15  # `wbits` of zlib


class TooLarge(Exception):
    """The body is larger than the limit, packed or unpacked."""


class NotUnpacked(Exception):
    """The bytes are packed in a way that was not asked for; the message names it."""


class Unpacker:
    """Takes the bytes of one answer piece by piece; `body` is what they hold.

    `limit` is in bytes and counts twice: what arrives, and what comes out of all gzip members together (RFC 1952 §2.2
    lets a file have several). A gzip bomb of 20 kB can hold 20 MB, and a megabyte of empty members holds nothing at all.
    """

    def __init__(self, label: str, limit: int) -> None:
        self.body = bytearray()
        self.unfinished = False
        self.ignored = 0  # bytes behind the last gzip member that are no member
        self._label = label.strip().lower()
        self._limit = limit
        self._arrived = 0
        self._head = self._behind = b""
        self._decided = False
        self._inflate: zlib._Decompress | None = None

    def feed(self, piece: bytes) -> None:
        """Take the next bytes. Raises TooLarge, NotUnpacked, or zlib.error for gzip that is damaged."""
        self._arrived += len(piece)
        if self._arrived > self._limit:
            raise TooLarge
        if not self._decided:
            self._head += piece
            if len(self._head) < _LOOK:
                return
            piece, self._head = self._head, b""
            self._decide(piece)
        self._take(piece)

    def finish(self) -> bytes:
        """The whole body. `unfinished` is true if packed data ended too early: then it is what came out until there.

        Raises NotUnpacked for a packing inside the packing.
        """
        if not self._decided:
            self._decide(self._head)
            self._take(self._head)
        if self._inflate and not self._inflate.eof:
            self.body += self._inflate.flush()
            self.unfinished = True
        if self._inflate and self.body.startswith(_GZIP):
            raise NotUnpacked("gzip inside gzip")
        return bytes(self.body)

    def _decide(self, head: bytes) -> None:
        self._decided = True
        if head.startswith(_GZIP):
            self._inflate = zlib.decompressobj(_GZIP_OR_ZLIB)
        elif _PLAIN.match(head):
            return
        elif other := next((name for mark, name in _OTHERS.items() if head.startswith(mark)), ""):
            raise NotUnpacked(other)
        elif _is_zlib(head) and ("deflate" in self._label or "gzip" in self._label):
            self._inflate = zlib.decompressobj(_GZIP_OR_ZLIB)
        elif "deflate" in self._label:
            # RFC 9110 §8.4.1.2 means zlib; some servers send the bare stream of RFC 1951.
            self._inflate = zlib.decompressobj(_RAW)
        elif "br" in re.split(r"[,\s]+", self._label):
            raise NotUnpacked("br")  # a brotli stream begins with no mark of its own

    def _take(self, piece: bytes) -> None:
        if self._inflate is None:
            self.body += piece
        while self._inflate and piece:
            if self._inflate.eof:
                piece = (self._behind + piece).lstrip(b"\0")  # padding between members
                self._behind = b""
                if piece in (b"", _GZIP[:1]):
                    self._behind = piece
                    return
                if self.ignored or not piece.startswith(_GZIP):
                    self.ignored += len(piece)  # gzip(1) leaves such bytes out too
                    return
                self._inflate = zlib.decompressobj(_GZIP_OR_ZLIB)
            self.body += self._inflate.decompress(piece, self._limit + 1 - len(self.body))
            if len(self.body) > self._limit or self._inflate.unconsumed_tail:
                raise TooLarge
            piece = self._inflate.unused_data
        if len(self.body) > self._limit:
            raise TooLarge


def _is_zlib(head: bytes) -> bool:
    """Whether bytes begin as zlib data does (RFC 1950 §2.2)."""
    return len(head) > 1 and head[0] & 15 == 8 and (head[0] << 8 | head[1]) % 31 == 0
