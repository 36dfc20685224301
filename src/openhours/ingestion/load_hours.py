"""Business hours and time zones of a file into their tables."""

from typing import Any

import asyncpg
import numpy as np

from openhours.db import bulk
from openhours.ingestion.csv.reader import (
    HoursBlock,
    Reason,
    Reject,
    Source,
    read_hours,
    read_timezones,
)
from openhours.ingestion.rejects import Counts, Progress, RejectWriter
from openhours.stores.store_ids import numbers_of

_HOURS = {"store": "int4", "day": "int2", "opens": "int8", "closes": "int8"}


async def load_hours(
    connection: "asyncpg.Connection[Any]", source: Source, rejects: RejectWriter, tell: Progress
) -> Counts:
    """Replace the hours of each store that the file names, unless a row of it was rejected."""
    counts = Counts()
    spoilt: set[str] = set()
    await connection.execute(
        "CREATE TEMP TABLE staged_hours (store int4, day int2, opens int8, closes int8)"
        " ON COMMIT DROP"
    )
    blocks = []
    for block in read_hours(source):
        counts.rows += block.rows
        await rejects.write(block.rejects)
        spoilt |= block.spoilt
        blocks.append(block)
        await tell(0.5 * source.bytes_read / source.size)
    for block in blocks:
        await rejects.write(_rows_of(block, spoilt))
        await _stage(connection, block, spoilt)
    counts.rejected = rejects.written
    # A row that stands twice in the file, or in the table already, is unchanged.
    await connection.execute(
        """
        DELETE FROM business_hours b
        WHERE store IN (SELECT store FROM staged_hours) AND NOT EXISTS (
            SELECT FROM staged_hours s WHERE (s.store, s.day, s.opens, s.closes)
                                           = (b.store, b.day, b.opens, b.closes))
        """
    )
    done = await connection.execute(
        """
        INSERT INTO business_hours (store, day, opens, closes)
        SELECT DISTINCT store, day, opens, closes FROM staged_hours ON CONFLICT DO NOTHING
        """
    )
    counts.loaded = int(done.split()[-1])
    return counts


def _rows_of(block: HoursBlock, spoilt: set[str]) -> list[Reject]:
    """The good rows of stores that have bad ones: such a store keeps its old hours."""
    bad = np.array([store_id in spoilt for store_id in block.store_ids], np.bool_)
    if not bad.any():
        return []
    return [
        Reject(int(block.line[row]), Reason.STORE_HAS_BAD_ROWS, block.raw[row])
        for row in np.flatnonzero(bad[block.store]).tolist()
    ]


async def _stage(
    connection: "asyncpg.Connection[Any]", block: HoursBlock, spoilt: set[str]
) -> None:
    good = [store_id for store_id in block.store_ids if store_id not in spoilt]
    numbers = await numbers_of(connection, good)
    number = np.array([numbers.get(store_id, -1) for store_id in block.store_ids], np.int64)
    store = number[block.store]
    kept = store >= 0
    columns = {
        "store": store[kept],
        "day": block.day[kept],
        "opens": block.opens[kept],
        "closes": block.closes[kept],
    }
    await bulk.copy_in(connection, "staged_hours", _HOURS, columns)


async def load_timezones(
    connection: "asyncpg.Connection[Any]", source: Source, rejects: RejectWriter, tell: Progress
) -> Counts:
    """Replace the time zone of each store that the file names; the later line wins."""
    counts = Counts()
    zone_of: dict[str, str] = {}
    for block in read_timezones(source):
        counts.rows += block.rows
        await rejects.write(block.rejects)
        for store, zone in zip(block.store.tolist(), block.zone.tolist(), strict=True):
            zone_of[block.store_ids[store]] = block.zones[zone]
        await tell(source.bytes_read / source.size)
    await numbers_of(connection, list(zone_of))
    done = await connection.execute(
        """
        UPDATE stores s SET timezone = f.zone
        FROM unnest($1::text[], $2::text[]) AS f (store_id, zone)
        WHERE s.store_id = f.store_id AND s.timezone IS DISTINCT FROM f.zone
        """,
        list(zone_of),
        list(zone_of.values()),
    )
    counts.loaded = int(done.split()[-1])
    counts.rejected = rejects.written
    return counts
