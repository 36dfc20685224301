"""Business hours of a file into their table."""

from typing import Any

import asyncpg

from openhours.ingestion.csv.hours import read_hours
from openhours.ingestion.csv.source import Source
from openhours.ingestion.rejects import Counts, Progress, RejectWriter
from openhours.ingestion.staging import Staging, dates
from openhours.stores.write import replace_hours

_COLUMNS = {"day": "int2", "opens": "int8", "closes": "int8", "valid_from": "date"}


async def load_hours(
    connection: "asyncpg.Connection[Any]", source: Source, rejects: RejectWriter, progress: Progress
) -> Counts:
    """Replace the versions of hours that the file names, unless a row of the store was rejected."""
    counts = Counts(reasons=rejects.reasons)
    staging = Staging(connection, _COLUMNS)
    await staging.create()
    for block in read_hours(source):
        counts.rows += block.rows
        await rejects.write(block.rejects)
        await staging.note_bad_stores(block.rejected_stores)
        values = {
            "day": block.day.tolist(),
            "opens": block.opens.tolist(),
            "closes": block.closes.tolist(),
            "valid_from": dates(block.valid_from),
        }
        await staging.add(block.store_ids, block.store, block.line, values, block.raw)
        await progress(0.5 * source.bytes_read / source.size)
    await staging.reject_bad_stores(rejects)
    counts.warning = await staging.formula_warning()
    counts.loaded = await replace_hours(connection)
    return counts
