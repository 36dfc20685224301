"""Special hours of a file into their table."""

from typing import Any

import asyncpg

from openhours.ingestion.csv.source import Source
from openhours.ingestion.csv.special_hours import read_special_hours
from openhours.ingestion.rejects import Counts, Progress, RejectWriter
from openhours.ingestion.staging import Staging, dates
from openhours.stores.write import replace_special_hours


async def load_special_hours(
    connection: "asyncpg.Connection[Any]", source: Source, rejects: RejectWriter, progress: Progress
) -> Counts:
    """Replace the special hours of each store and date that the file names."""
    counts = Counts(reasons=rejects.reasons)
    staging = Staging(connection, {"date": "date", "opens": "int8", "closes": "int8"})
    await staging.create()
    for block in read_special_hours(source):
        counts.rows += block.rows
        await rejects.write(block.rejects)
        values = {
            "date": dates(block.date),
            "opens": block.opens.tolist(),
            "closes": block.closes.tolist(),
        }
        await staging.add(block.store_ids, block.store, block.line, values)
        await progress(0.5 * source.bytes_read / source.size)
    counts.warning = await staging.formula_warning()
    counts.loaded = await replace_special_hours(connection)
    return counts
