"""The sample in the database: loaded for a first look, and taken out again."""

import hashlib
import tempfile
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.cli import commands
from openhours.db import database
from openhours.errors import OpenhoursError
from openhours.ingestion import sample_data
from openhours.ingestion.inbox import has_files
from openhours.ingestion.ingest import LOCK
from openhours.ingestion.sample import STORES
from openhours.ingestion.uploads import folder_of
from openhours.settings import Settings

# Whoever names one of these has data of their own.
_NAMED = {
    "database_url": "DATABASE_URL or DB_URL",
    "data_dir": "OPENHOURS_DATA_DIR",
    "inbox": "OPENHOURS_INBOX",
}


class CannotRemove(OpenhoursError):
    """The sample cannot be removed now; the message says why and what to do."""


async def load(settings: Settings) -> None:
    """Load the sample into a new database, unless there may be data of the user's own."""
    reason = _own_data(settings) or await _has_had_stores(settings)
    if reason:
        print(f"the sample is not loaded: {reason}")
        return
    # They lie where uploads lie, and like these are removed when they are loaded.
    files = sample_data.write(folder_of(settings), STORES)
    if await commands.ingest(settings, files, uploaded=True):
        print(f"the sample is loaded: {STORES} stores; `openhours sample-data --remove` removes it")


def _own_data(settings: Settings) -> str | None:
    for field, name in _NAMED.items():
        if field in settings.model_fields_set:
            return f"{name} is set"
    if has_files(settings.inbox):
        return f"{settings.inbox} has files of your own"
    return None


async def _has_had_stores(settings: Settings) -> str | None:
    # Not whether it has stores: who removed the sample does not want it again.
    query = text("SELECT pg_sequence_last_value(pg_get_serial_sequence('stores', 'id'))")
    async with database.opened(settings) as (engine, _), engine.connect() as connection:
        if await connection.scalar(query) is None:
            return None
    return "the database is not new"


class Removed(NamedTuple):
    """Counts of removed rows."""

    stores: int
    observations: int
    business_hours: int
    ingestions: int
    reports: int

    def __str__(self) -> str:
        return ", ".join(
            f"{name.replace('_', ' ')} {count:,}" for name, count in self._asdict().items()
        )


async def remove(settings: Settings) -> Removed:
    """Remove the sample's stores with all that is known of them, and its files' ingestions.

    Reports of nothing but these stores go, too. In a report that holds other stores as well
    nothing changes: there the sample's stores keep their rows, and their ids. Raises CannotRemove.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = [path.read_bytes() for path in sample_data.write(Path(folder), STORES)]
    hashes = [hashlib.sha256(content).hexdigest() for content in files]
    async with database.opened(settings) as (engine, _), engine.begin() as connection:
        # No file is loaded meanwhile: the newest observation would not be found.
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        await _refuse_if_in_use(connection)
        return await _remove(connection, sample_data.store_ids(STORES), hashes)


async def _refuse_if_in_use(connection: AsyncConnection) -> None:
    busy = text("""
        SELECT EXISTS (SELECT FROM ingestions WHERE state IN ('queued', 'running'))
            OR EXISTS (SELECT FROM reports WHERE state IN ('queued', 'running'))
    """)
    if await connection.scalar(busy):
        raise CannotRemove("a file or report waits or runs: try again when it is complete")


_FIND = "CREATE TEMP TABLE gone ON COMMIT DROP AS SELECT id FROM stores WHERE store_id = ANY(:ids)"
# Not those that an earlier removal left for a report's sake.
_COUNT = "SELECT count(*) FROM gone JOIN stores USING (id) WHERE feed IS NOT NULL"
_REPORTS = """
WITH of_the_sample AS (
    DELETE FROM reports r
    WHERE EXISTS (SELECT FROM report_rows o WHERE o.report = r.id)
      AND NOT EXISTS (SELECT FROM report_rows o WHERE o.report = r.id
                      AND o.store NOT IN (SELECT id FROM gone))
    RETURNING id
), rows AS (DELETE FROM report_rows WHERE report IN (SELECT id FROM of_the_sample)
), outages AS (DELETE FROM report_outages WHERE report IN (SELECT id FROM of_the_sample)
), groups AS (DELETE FROM report_groups WHERE report IN (SELECT id FROM of_the_sample))
SELECT count(*) FROM of_the_sample
"""
_OBSERVATIONS = "DELETE FROM observations WHERE store IN (SELECT id FROM gone)"
_HOURS = "DELETE FROM business_hours WHERE store IN (SELECT id FROM gone)"
_SPECIAL_HOURS = "DELETE FROM special_hours WHERE store IN (SELECT id FROM gone)"
_LABELS = "DELETE FROM labels WHERE store IN (SELECT id FROM gone)"
_INGESTIONS = "DELETE FROM ingestions WHERE sha256 = ANY(:hashes)"
# Stores that a report or a correction still names keep their id, and nothing else.
_KEPT = """
UPDATE stores SET feed = NULL, timezone = NULL, first_observed_at = NULL
WHERE id IN (SELECT id FROM gone)
"""
_STORES = """
DELETE FROM stores WHERE id IN (
    SELECT id FROM gone
    EXCEPT SELECT store FROM report_rows
    EXCEPT SELECT unnest(stores) FROM corrections)
"""
_FORGET_NEWEST = """
DELETE FROM feed_clocks WHERE feed = 'polled' AND NOT EXISTS (SELECT FROM observations)
"""
_FIND_NEWEST = """
UPDATE feed_clocks SET newest_at = (SELECT max(observed_at) FROM observations)
WHERE feed = 'polled'
"""


async def _remove(connection: AsyncConnection, ids: list[str], hashes: list[str]) -> Removed:
    await connection.execute(text(_FIND), {"ids": ids})
    stores = await connection.scalar(text(_COUNT))
    reports = await connection.scalar(text(_REPORTS))
    observations = await connection.execute(text(_OBSERVATIONS))
    hours = await connection.execute(text(_HOURS))
    files = await connection.execute(text(_INGESTIONS), {"hashes": hashes})
    for statement in (_SPECIAL_HOURS, _LABELS, _KEPT, _STORES, _FORGET_NEWEST, _FIND_NEWEST):
        await connection.execute(text(statement))
    return Removed(stores or 0, observations.rowcount, hours.rowcount, files.rowcount, reports or 0)
