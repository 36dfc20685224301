"""Business hours of a file into their table."""

from typing import Any

import asyncpg
import numpy as np

from openhours.ingestion.csv.hours import HoursBlock, read_hours
from openhours.ingestion.csv.reasons import Reason, Reject
from openhours.ingestion.csv.source import Source
from openhours.ingestion.rejects import Counts, Progress, RejectWriter
from openhours.stores.write import Columns, ensure_stores, replace_hours


async def load_hours(
    connection: "asyncpg.Connection[Any]", source: Source, rejects: RejectWriter, progress: Progress
) -> Counts:
    """Replace the hours of each store that the file names, unless a row of it was rejected."""
    counts = Counts()
    rejected_stores: set[str] = set()
    blocks = []
    for block in read_hours(source):
        counts.rows += block.rows
        await rejects.write(block.rejects)
        rejected_stores |= block.rejected_stores
        blocks.append(block)
        await progress(0.5 * source.bytes_read / source.size)
    for block in blocks:
        await rejects.write(_rows_of(block, rejected_stores))
    good = {store_id for block in blocks for store_id in block.store_ids} - rejected_stores
    stores = await ensure_stores(connection, list(good))
    if stores:
        counts.loaded = await replace_hours(connection, _columns(blocks, stores))
    counts.rejected = rejects.written
    return counts


def _rows_of(block: HoursBlock, rejected_stores: set[str]) -> list[Reject]:
    """Return the good rows of stores that have rejected ones: such a store keeps its old hours."""
    rejected = np.array([store_id in rejected_stores for store_id in block.store_ids], np.bool_)
    if not rejected.any():
        return []
    return [
        Reject(int(block.line[row]), Reason.STORE_HAS_BAD_ROWS, block.raw[row])
        for row in np.flatnonzero(rejected[block.store]).tolist()
    ]


def _columns(blocks: list[HoursBlock], stores: dict[str, int]) -> Columns:
    """Return the rows of the stores that have an id here, as columns of the table."""
    parts: list[Columns] = []
    for block in blocks:
        ids = np.array([stores.get(store_id, -1) for store_id in block.store_ids], np.int64)
        store = ids[block.store] if len(ids) else np.empty(0, np.int64)
        kept = store >= 0
        columns = {"store": store, "day": block.day, "opens": block.opens, "closes": block.closes}
        parts.append({name: values[kept] for name, values in columns.items()})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
