"""Labels of a file into their table."""

from typing import Any

import asyncpg

from openhours.ingestion.csv.labels import read_labels
from openhours.ingestion.csv.source import Source
from openhours.ingestion.rejects import Counts, Progress, RejectWriter
from openhours.ingestion.staging import Staging
from openhours.stores.write import replace_labels


async def load_labels(
    connection: "asyncpg.Connection[Any]", source: Source, rejects: RejectWriter, progress: Progress
) -> Counts:
    """Replace the labels of each store and key that the file names; the later line wins."""
    counts = Counts(reasons=rejects.reasons)
    keys, blocks = read_labels(source)
    staging = Staging(connection, {"values": "text[]"})
    await staging.create()
    for block in blocks:
        counts.rows += block.rows
        await rejects.write(block.rejects)
        await staging.add(block.store_ids, block.store, block.line, {"values": block.values})
        await progress(0.5 * source.bytes_read / source.size)
    of_ids = await staging.formula_warning()
    of_labels = await staging.formula_warning("unnest(values)", "label")
    counts.warning = ". ".join(filter(None, (of_ids, of_labels))) or None
    counts.loaded = await replace_labels(connection, keys)
    return counts
