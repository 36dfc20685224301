"""A grown file: what of it was loaded before is recognised by its hash, not read again."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from openhours.ingestion.csv.reader import Position

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Prefix:
    """The part of a status file that an earlier ingestion loaded, whole lines."""

    ingestion: int
    rows: int
    end: Position
    digest: Any  # hashlib's, of the bytes up to the end


async def loaded_prefix(connection: "asyncpg.Connection[Any]", path: Path) -> Prefix | None:
    """The prefix of this status file that needs no second reading, if there is one.

    Only the newest status ingestion can have loaded it: after any other, lines of the prefix might
    have to replace what that one brought. To be called under the lock of ingestions.
    """
    newest = await connection.fetchrow(
        """
        SELECT id, size, sha256, rows, next_line FROM ingestions
        WHERE kind = 'status' AND state = 'complete' ORDER BY finished_at DESC, id DESC LIMIT 1
        """
    )
    if newest is None or newest["next_line"] is None or path.stat().st_size < newest["size"]:
        return None
    digest = hashlib.sha256()
    left = newest["size"]
    with path.open("rb") as file:
        while left and (chunk := file.read(min(left, _CHUNK))):
            digest.update(chunk)
            left -= len(chunk)
    if left or digest.hexdigest() != newest["sha256"]:
        return None
    return Prefix(
        ingestion=newest["id"],
        rows=newest["rows"],
        end=Position(newest["size"], newest["next_line"]),
        digest=digest,
    )
