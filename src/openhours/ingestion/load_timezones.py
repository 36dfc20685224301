"""Time zones of a file into the stores."""

from typing import Any

import asyncpg

from openhours.ingestion.csv.source import Source
from openhours.ingestion.csv.timezones import read_timezones
from openhours.ingestion.rejects import Counts, Progress, RejectWriter
from openhours.ingestion.staging import Staging
from openhours.stores.write import replace_timezones


async def load_timezones(
    connection: "asyncpg.Connection[Any]", source: Source, rejects: RejectWriter, progress: Progress
) -> Counts:
    """Replace the time zone of each store that the file names; the later line wins."""
    counts = Counts(reasons=rejects.reasons)
    staging = Staging(connection, {"zone": "text"})
    await staging.create()
    for block in read_timezones(source):
        counts.rows += block.rows
        await rejects.write(block.rejects)
        zone = [block.zones[position] for position in block.zone.tolist()]
        await staging.add(block.store_ids, block.store, block.line, {"zone": zone})
        await progress(0.5 * source.bytes_read / source.size)
    counts.warning = await staging.formula_warning()
    counts.loaded = await replace_timezones(connection)
    return counts
