"""Acknowledgements that the database could not take, a full disk say: kept in a file that was made large enough before.

Without it a message that the relay has accepted would be in doubt, and sent twice (delivery D20).
"""

import os
import struct
import zlib
from collections.abc import Sequence
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
        records = []
        for outcome in accepted:
            record = _RECORD.pack(issue, outcome.subscriber_id, outcome.code)
            records.append((record + _CRC.pack(zlib.crc32(record))).ljust(_SIZE, b"\0"))
        handle = os.open(self._path, os.O_RDWR | getattr(os, "O_DSYNC", 0))
        try:
            place = len(self._read()) * _SIZE
            os.pwrite(handle, b"".join(records), place)
        finally:
            os.close(handle)

    def replay(self, ledger: Ledger, issue: int, now: datetime) -> int:
        """Write what was kept into the ledger, then empty the file → how many."""
        records = self._read()
        mine = [(subscriber, code) for number, subscriber, code in records if number == issue]
        ledger.replay(mine, now)
        if records:
            self._path.write_bytes(b"\0" * (_SIZE * _RECORDS))
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


class GuardedLedger:
    """Passes everything on; if the transaction fails, what was accepted goes into the journal before the failure does."""

    def __init__(self, journal: Journal, ledger: Ledger, issue: int) -> None:
        self._journal, self._ledger, self._issue = journal, ledger, issue

    def turn(self, outcomes: Sequence[Outcome], wanted: int, now: datetime) -> Turn:
        """Like the ledger's."""
        try:
            return self._ledger.turn(outcomes, wanted, now)
        except StoreError:
            if any(outcome.state == "accepted" for outcome in outcomes):
                self._journal.append(self._issue, outcomes)
            raise
