"""The sample, queued for a service that has no data yet."""

import anyio.to_thread
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.errors import Conflict
from openhours.ingestion import sample_data
from openhours.ingestion.tables import Ingestion
from openhours.ingestion.uploads import folder_of, share
from openhours.ingestion.write import add_ingestion
from openhours.settings import Settings
from openhours.stores.tables import Store

STORES = 60
_LOCK = 0x73616D70  # "samp": of two requests the second finds the files of the first


async def queue_sample(engine: AsyncEngine, settings: Settings) -> None:
    """Queue the files of the sample. Raise Conflict if there is a store or a file already.

    They lie where uploads lie, and like these are removed when they are loaded.
    """
    folder = folder_of(settings)
    async with engine.begin() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        for table in (Store, Ingestion):
            if await connection.scalar(select(table.id).limit(1)) is not None:
                raise Conflict("there is data already: the sample is for an empty service")
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for file in await anyio.to_thread.run_sync(sample_data.write, folder, STORES):
            path = await share(file, settings)
            await add_ingestion(connection, settings, path, name=file.name, uploaded=True)
