"""What is wrong with a SQLite database's files: its pages, its tables, and the log beside it. Reads; changes nothing."""

import sqlite3
import struct
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, NamedTuple

from newsletter.store import schema
from newsletter.store.failures import first_line

MOST = 5
_WAIT_S = 120


def find_damage(path: Path, version: str) -> list[str]:
    """What is wrong with the database in a file; empty if nothing is. Takes 2 s for a million readers.

    An index that does not agree with its table is found too (PRAGMA quick_check would miss it): through it somebody who
    left could be taken for a new reader. `version` is the one of the tables in `schema`; in a database of another version
    only pages and indexes are examined.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=_WAIT_S)) as connection:
            rows = connection.execute(f"PRAGMA integrity_check({MOST})").fetchall()
            # Several findings may be lines of one row, below one that names the database (always main).
            lines = (line for (text,) in rows if text != "ok" for line in str(text).splitlines())
            found = [line for line in lines if not line.startswith("***")][:MOST]
            return found or list(_missing_parts(connection, version))
    except sqlite3.Error as error:
        return [first_line(error)]


def _missing_parts(connection: sqlite3.Connection, version: str) -> Iterator[str]:
    """Tables, columns and indexes whose names a flipped octet has changed: for SQLite itself that is no damage."""
    if connection.execute("SELECT version_num FROM alembic_version").fetchall() != [(version,)]:
        return
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    for table in schema.metadata.sorted_tables:
        if table.name not in names:
            yield f"there is no table {table.name}"
            continue
        columns = {row[1] for row in connection.execute(f'PRAGMA table_info("{table.name}")')}
        yield from (f"there is no column {table.name}.{one.name}" for one in table.columns if one.name not in columns)
        yield from (f"there is no index {one.name}" for one in table.indexes if one.name not in names)


# --- the log ------------------------------------------------------------------------------------------------------
#
# SQLite reads its write-ahead log up to the first frame whose checksum is wrong and takes that for its end, as after a
# power loss. So an octet that flips in the middle of it takes back, silently, what was written after: somebody who left
# would be a reader again. The format: https://www.sqlite.org/fileformat2.html, section 4.

_HEADER, _FRAME = struct.Struct(">8L"), struct.Struct(">6L")
_MAGIC = 0x377F0682  # the last bit: checksums are of big-endian words
# One transaction at the end may be half on the disk when the power fails; the one before it was synced before it began.
TORN = 1


_Salts = tuple[int, int]


class _LogHead(NamedTuple):
    """The head of a log. `salts` are those of its frames; None if the head is not what was written there."""

    order: str
    page_size: int
    salts: _Salts | None
    sums: tuple[int, int]


class _LogFrame(NamedTuple):
    """`is_whole`: it is what was written there, and so is everything before it. `follows`: it is, after the frame before."""

    is_commit: bool
    salts: _Salts
    is_whole: bool
    follows: bool


def count_unreadable(database: Path) -> int:
    """How many transactions of a database's log cannot be read, and are lost for SQLite.

    TORN of them may be what a power loss leaves behind: it was never promised to anybody. More are damage.
    0 while a process has the database open: the log then changes while it is read.
    """
    log = database.with_name(f"{database.name}-wal")
    try:
        if log.stat().st_size <= _HEADER.size or _is_open(database):
            return 0
        with log.open("rb") as file:
            return _count(file)
    except OSError:
        return 0


def _count(file: BinaryIO) -> int:
    head = _read_head(file)
    frames = list(_read_frames(file, head))
    if head.salts is None and not any(frame.follows for frame in frames):
        file.seek(_HEADER.size)
        frames = list(_read_frames(file, head._replace(order={"<": ">", ">": "<"}[head.order])))
    # Frames of older logs may follow, with other salts.
    salts = head.salts or next((one for one, _ in Counter(frame.salts for frame in frames[:3]).most_common(1)), None)
    readable = next((number for number, frame in enumerate(frames) if not frame.is_whole), len(frames))
    rest = [frame for frame in frames[readable:] if frame.salts == salts]
    lost = sum(frame.is_commit for frame in rest)
    # Octets at random may look like frames, but none of them follows upon another.
    return lost if any(frame.follows for frame in rest) else min(lost, TORN)


def _read_head(file: BinaryIO) -> _LogHead:
    data = file.read(_HEADER.size)
    magic, _, size, _, salt_1, salt_2, *wanted = _HEADER.unpack(data)
    order = ">" if magic & 1 else "<"
    sums = _add_up(data[:24], order, (0, 0))
    if magic & ~1 == _MAGIC and list(sums) == wanted:
        return _LogHead(order, size, (salt_1, salt_2), sums)
    return _LogHead(order, _find_page_size(file), None, sums)


def _read_frames(file: BinaryIO, head: _LogHead) -> Iterator[_LogFrame]:
    before, whole, length = head.sums, head.salts is not None, _FRAME.size + head.page_size
    while head.page_size and len(data := file.read(length)) == length:
        _, after, salt_1, salt_2, sum_1, sum_2 = _FRAME.unpack_from(data)
        sums = _add_up(data[_FRAME.size :], head.order, _add_up(data[:8], head.order, before))
        follows = sums == (sum_1, sum_2)
        whole = whole and follows and (salt_1, salt_2) == head.salts
        before = (sum_1, sum_2)
        yield _LogFrame(bool(after), (salt_1, salt_2), whole, follows)


def _find_page_size(file: BinaryIO) -> int:
    """The size of pages in a log whose header is unreadable: the one by which the first two frames have the same salts."""
    begin = file.tell()
    data = file.read(_FRAME.size + 65_536 + _FRAME.size)
    file.seek(begin)
    for size in (1 << bit for bit in range(9, 17)):
        second = data[_FRAME.size + size :][: _FRAME.size]
        if len(second) == _FRAME.size and second[8:16] == data[8:16]:
            return size
    return 0


def _add_up(data: bytes, order: str, sums: tuple[int, int]) -> tuple[int, int]:
    """SQLite's checksum of pairs of 32-bit words, carried on."""
    words = iter(struct.unpack(f"{order}{len(data) // 4}L", data))
    one, two = sums
    for first, second in zip(words, words, strict=True):
        one = (one + first + two) & 0xFFFFFFFF
        two = (two + second + one) & 0xFFFFFFFF
    return one, two


def _is_open(database: Path) -> bool:
    """Whether a process has the database open: each holds a lock on the index of the log. Told by Linux only.

    It is read from the system's list: to open the file and close it again would end this process's own locks on it.
    """
    try:
        inode = database.with_name(f"{database.name}-shm").stat().st_ino
        locks = Path("/proc/locks").read_text(encoding="ascii")
    except OSError:
        return False
    return any(line.split()[5].endswith(f":{inode}") for line in locks.splitlines() if len(line.split()) > 5)
