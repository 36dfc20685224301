"""Grown files: the part that was loaded before is recognized by its hash and not parsed again.

Hashing that part takes as long as loading what is new, so both are done at the same time; if the
file does not begin as it did, what was loaded is rolled back.
"""

import hashlib
import os
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from openhours.ingestion.csv.source import Position, open_regular
from openhours.ingestion.queries import find_newest_status

_CHUNK = 1 << 20
_MOST_PENDING = 16
# So many bytes are hashed before anything is loaded: an hour's file is often no shorter than that
# of the hour before.
_SHORT = 4 << 20


@dataclass(frozen=True)
class Prefix:
    """Part of a status file that an earlier ingestion loaded, whole lines.

    sha256: of the bytes up to the end
    """

    ingestion_pk: int
    rows: int
    end: Position
    sha256: str


class BeginsDifferently(Exception):
    """The file does not begin as the one that was loaded."""


class GrownDigest:
    """SHA-256 of a file that begins with a prefix: read here, on a thread; the rest is given."""

    def __init__(self, path: Path, prefix: Prefix) -> None:
        self._digest = hashlib.sha256()
        self._thread = ThreadPoolExecutor(1)
        self._prefix = self._thread.submit(self._read, path, prefix.end.offset)
        self._expected = prefix.sha256
        self._is_short = prefix.end.offset <= _SHORT
        self._pending: list[Future[None]] = []

    def _read(self, path: Path, left: int) -> str:
        with open_regular(path) as file:
            while left and (chunk := file.read(min(left, _CHUNK))):
                self._digest.update(chunk)
                left -= len(chunk)
        return self._digest.hexdigest()

    def update(self, data: bytes) -> None:
        """Add bytes behind the prefix. Raise BeginsDifferently as soon as that is known."""
        self.check_if_known()
        self._pending.append(self._thread.submit(self._digest.update, data))
        if len(self._pending) == _MOST_PENDING:
            self._wait()  # no more than this in memory

    def hexdigest(self) -> str:
        """Return the digest of all bytes so far."""
        self._wait()
        return self._digest.hexdigest()

    def _wait(self) -> None:
        self._prefix.result()
        for added in self._pending:
            added.result()
        self._pending.clear()

    def check_if_known(self) -> None:
        """Raise BeginsDifferently if that is known already; a short prefix is waited for."""
        if self._is_short or self._prefix.done():
            self.check()

    def check(self) -> None:
        """Raise BeginsDifferently if the prefix is not the one that was loaded."""
        if self._prefix.result() != self._expected:
            raise BeginsDifferently

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=True, cancel_futures=True)


async def find_prefix(connection: "asyncpg.Connection[Any]", path: Path) -> Prefix | None:
    """Return the part of this status file that may need no second reading, if there is one.

    Only the newest status ingestion can have loaded it: after any other, lines of the prefix might
    have to replace rows of that one. Call it under the lock of ingestions.
    """
    newest = await find_newest_status(connection)
    if newest is None or newest["next_line"] is None:
        return None
    with open_regular(path) as file:
        if os.fstat(file.fileno()).st_size < newest["size"]:
            return None
    return Prefix(
        ingestion_pk=newest["id"],
        rows=newest["rows"],
        end=Position(newest["size"], newest["next_line"]),
        sha256=newest["sha256"],
    )
