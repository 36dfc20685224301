"""Grown files: the part that was loaded before is recognized by its hash and not parsed again."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from openhours.ingestion.csv.source import Position, open_regular
from openhours.ingestion.queries import find_newest_status

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Prefix:
    """Part of a status file that an earlier ingestion loaded, whole lines.

    digest: hashlib's, of the bytes up to the end
    """

    ingestion_pk: int
    rows: int
    end: Position
    digest: Any


async def find_prefix(connection: "asyncpg.Connection[Any]", path: Path) -> Prefix | None:
    """Return the part of this status file that needs no second reading, if there is one.

    Only the newest status ingestion can have loaded it: after any other, lines of the prefix might
    have to replace rows of that one. Call it under the lock of ingestions.
    """
    newest = await find_newest_status(connection)
    if newest is None or newest["next_line"] is None:
        return None
    digest = hashlib.sha256()
    left = newest["size"]
    with open_regular(path) as file:
        if os.fstat(file.fileno()).st_size < left:
            return None
        while left and (chunk := file.read(min(left, _CHUNK))):
            digest.update(chunk)
            left -= len(chunk)
    if left or digest.hexdigest() != newest["sha256"]:
        return None
    return Prefix(
        ingestion_pk=newest["id"],
        rows=newest["rows"],
        end=Position(newest["size"], newest["next_line"]),
        digest=digest,
    )
