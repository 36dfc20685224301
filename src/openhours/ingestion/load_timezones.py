"""Time zones of a file into the stores."""

from typing import Any

import asyncpg

from openhours.ingestion.csv.source import Source
from openhours.ingestion.csv.timezones import read_timezones
from openhours.ingestion.rejects import Counts, Progress, RejectWriter
from openhours.stores.write import replace_timezones


async def load_timezones(
    connection: "asyncpg.Connection[Any]", source: Source, rejects: RejectWriter, progress: Progress
) -> Counts:
    """Replace the time zone of each store that the file names; the later line wins."""
    counts = Counts()
    zone_of: dict[str, str] = {}
    for block in read_timezones(source):
        counts.rows += block.rows
        await rejects.write(block.rejects)
        for store, zone in zip(block.store.tolist(), block.zone.tolist(), strict=True):
            zone_of[block.store_ids[store]] = block.zones[zone]
        await progress(source.bytes_read / source.size)
    counts.loaded = await replace_timezones(connection, zone_of)
    counts.rejected = rejects.written
    return counts
