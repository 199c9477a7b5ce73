"""Packed bodies: all members, whatever the label says, and a limit that counts what arrives and what comes out (RFC 1952)."""

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.sources.unpack import NotUnpacked, TooLarge, Unpacker

LIMIT = 100_000
TEXT = b"<rss>" + b"words and more words " * 40 + b"</rss>"
JSON = b'{"version": "https://jsonfeed.org/version/1.1", "items": []}'


def bare(data: bytes) -> bytes:
    """A stream of RFC 1951 without any header."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def unpack(data: bytes, label: str = "", limit: int = LIMIT, piece: int = 1_000) -> Unpacker:
    unpacker = Unpacker(label, limit)
    for start in range(0, len(data), piece):
        unpacker.feed(data[start : start + piece])
    unpacker.finish()
    return unpacker


@pytest.mark.parametrize(
    ("label", "data"),
    [
        *((label, gzip.compress(TEXT, mtime=0)) for label in ("gzip", "x-gzip", "GZIP", "gzip, identity", "identity", "", "none", "utf-8", "deflate", "br", "gzip,")),
        *((label, TEXT) for label in ("", "identity", "none", "UTF-8", "gzip", "x-gzip", "deflate", "br", "zstd", "compress", "8bit", "chunked")),
        *((label, JSON) for label in ("gzip", "deflate", "br", "utf-8")),
        *((label, b"\xef\xbb\xbf" + TEXT) for label in ("gzip", "deflate", "br")),
        *((label, TEXT.decode().encode("utf-16")) for label in ("gzip", "deflate", "br")),
        *((label, zlib.compress(TEXT)) for label in ("deflate", "gzip")),
        ("deflate", bare(TEXT)),
        ("gzip", b""),
        ("", b"<"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value[:4]!r}",
)  # fmt: skip
def test_c12_a_wrong_label_is_tried_as_what_it_is(label: str, data: bytes) -> None:
    unpacker = unpack(data, label)
    plain = data if data[:1] in (b"<", b"{", b"\xef", b"\xff", b"") else JSON if JSON in data else TEXT
    assert (bytes(unpacker.body), unpacker.unfinished, unpacker.ignored) == (plain, False, 0)


@pytest.mark.parametrize(
    ("label", "data", "named"),
    [
        ("br", b"\x8b\x05\x80rest", "br"),
        ("gzip, br", b"\x8b\x05\x80rest", "br"),
        ("zstd", b"\x28\xb5\x2f\xfd\x04\x00", "zstd"),
        ("", b"\x28\xb5\x2f\xfd\x04\x00", "zstd"),
        ("compress", b"\x1f\x9d\x90abc", "compress"),
        ("gzip", gzip.compress(gzip.compress(TEXT, mtime=0), mtime=0), "gzip inside gzip"),
    ],
)
def test_c12_a_packing_that_was_not_asked_for_is_named(label: str, data: bytes, named: str) -> None:
    with pytest.raises(NotUnpacked, match=named):
        unpack(data, label)


@given(
    st.lists(st.binary(max_size=300), min_size=1, max_size=8),
    st.integers(1, 400),
    st.integers(0, 3),
    st.sampled_from([b"", b"\0" * 512]),
)
def test_c12_every_member_is_unpacked_however_the_bytes_arrive(
    parts: list[bytes], piece: int, empty: int, padding: bytes
) -> None:
    members = [gzip.compress(part) for part in parts] + [gzip.compress(b"")] * empty
    unpacker = (
        unpack(padding.join(members) + padding, "gzip", piece=piece) if not parts[0].startswith(b"\x1f\x8b") else None
    )
    if unpacker:
        assert bytes(unpacker.body) == b"".join(parts)
        assert (unpacker.unfinished, unpacker.ignored) == (False, 0)


def test_c12_what_stands_behind_the_members_is_counted() -> None:
    unpacker = unpack(gzip.compress(TEXT) + b"<!-- served in 3 ms -->", "gzip", piece=7)
    assert (bytes(unpacker.body), unpacker.ignored) == (TEXT, 23)


@pytest.mark.parametrize("members", [1, 2, 50])
def test_c12_a_bomb_in_many_members_is_as_large_as_all_of_them(members: int) -> None:
    packed = gzip.compress(bytes(LIMIT // members)) * members
    assert len(unpack(packed, "gzip").body) <= LIMIT
    with pytest.raises(TooLarge):
        unpack(packed + gzip.compress(bytes(LIMIT // members + members)), "gzip")


@pytest.mark.parametrize(
    "endless",
    [
        gzip.compress(b"", mtime=0) * 10_000,
        gzip.compress(b"x", mtime=0) + bytes(LIMIT),
        b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * LIMIT,
    ],
    ids=["empty members", "padding", "a name in the header"],
)
def test_c12_bytes_that_hold_nothing_count_too(endless: bytes) -> None:
    with pytest.raises(TooLarge):
        unpack(endless, "gzip")


def test_c12_a_bomb_takes_no_more_memory_than_the_limit() -> None:
    bomb = gzip.compress(bytes(50_000_000), 9) * 20
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            unpack(bomb, "gzip", limit=1_000_000, piece=16_384)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


@given(st.integers(1, 200))
def test_c11_packed_data_that_ends_too_early_gives_what_came(cut: int) -> None:
    packed = gzip.compress(TEXT)
    unpacker = unpack(packed[: -min(cut, len(packed) - 2)], "gzip")
    assert unpacker.unfinished
    assert TEXT.startswith(bytes(unpacker.body))
