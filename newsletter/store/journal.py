"""Acknowledgements that the database could not take, a full disk say: kept in a file that was made large enough before.

Without it a message that the relay has accepted would be in doubt, and sent twice (delivery D20).
"""

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from newsletter.model import Outcome, Turn
from newsletter.store.database import StoreError
from newsletter.store.ledger import Ledger

_RECORD = struct.Struct(">QQH")
_CRC = struct.Struct(">L")
_SIZE = 64
# More than can be under way at once: connections times their window.
_RECORDS = 4096


class Journal:
    """One file beside the database, or in the workspace when the database is elsewhere."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def prepare(self) -> None:
        """Take the room on the disk now. Raises OSError when there is none; then nothing is sent."""
        handle = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            if os.fstat(handle).st_size < _SIZE * _RECORDS:
                os.posix_fallocate(handle, 0, _SIZE * _RECORDS)
                os.fsync(handle)
        finally:
            os.close(handle)

    def guard(self, ledger: Ledger, issue: int) -> "GuardedLedger":
        """A ledger whose acknowledgements come here when it fails."""
        return GuardedLedger(self, ledger, issue)

    def append(self, issue: int, outcomes: Sequence[Outcome]) -> None:
        """Keep what was accepted. O_DSYNC: it is on the disk when this returns."""
        accepted = [outcome for outcome in outcomes if outcome.state == "accepted"]
        records = [_pack(issue, outcome.subscriber_id, outcome.code) for outcome in accepted]
        handle = os.open(self._path, os.O_RDWR | getattr(os, "O_DSYNC", 0))
        try:
            place = len(self._read()) * _SIZE
            os.pwrite(handle, b"".join(records), place)
        finally:
            os.close(handle)

    def replay(self, ledger: Ledger, issue: int, now: datetime) -> int:
        """Write what was kept of this issue into the ledger, then take it out of the file → how many."""
        records = self._read()
        mine = [(subscriber, code) for number, subscriber, code in records if number == issue]
        ledger.replay(mine, now)
        if mine:
            others = b"".join(_pack(*record) for record in records if record[0] != issue)
            # In its place: a file made anew would need room on the disk that may not be there.
            with self._path.open("r+b") as file:
                file.write(others.ljust(_SIZE * len(records), b"\0"))
                file.flush()
                os.fsync(file.fileno())
        return len(mine)

    def _read(self) -> list[tuple[int, int, int]]:
        data = self._path.read_bytes() if self._path.exists() else b""
        found = []
        for start in range(0, len(data) - _SIZE + 1, _SIZE):
            record = data[start : start + _RECORD.size]
            (crc,) = _CRC.unpack_from(data, start + _RECORD.size)
            if not any(record) or zlib.crc32(record) != crc:
                break
            found.append(_RECORD.unpack(record))
        return found


def _pack(issue: int, subscriber: int, code: int) -> bytes:
    record = _RECORD.pack(issue, subscriber, code)
    return (record + _CRC.pack(zlib.crc32(record))).ljust(_SIZE, b"\0")


class GuardedLedger:
    """Passes everything on; if the transaction fails, what was accepted goes into the journal before the failure does."""

    def __init__(self, journal: Journal, ledger: Ledger, issue: int) -> None:
        self._journal, self._ledger, self._issue = journal, ledger, issue
        self._under_way: Sequence[Outcome] = ()

    def turn(self, outcomes: Sequence[Outcome], wanted: int, now: datetime) -> Turn:
        """Like the ledger's."""
        with self._keeping(outcomes):
            return self._ledger.turn(outcomes, wanted, now)

    def try_turn(self, outcomes: Sequence[Outcome], wanted: int, now: datetime) -> Turn | None:
        """Like the ledger's."""
        self._under_way = outcomes
        with self._keeping(outcomes):
            return self._ledger.try_turn(outcomes, wanted, now)

    def commit(self) -> None:
        """Like the ledger's."""
        with self._keeping(self._under_way):
            self._ledger.commit()

    @contextmanager
    def _keeping(self, outcomes: Sequence[Outcome]) -> Iterator[None]:
        try:
            yield
        except StoreError:
            if any(outcome.state == "accepted" for outcome in outcomes):
                # Where this fails too, what was accepted is in doubt, and is listed as such.
                with suppress(OSError):
                    self._journal.append(self._issue, outcomes)
            raise
