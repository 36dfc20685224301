"""Job that loads one file: attempts are counted here, the work is done in a child process."""

import logging

from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.errors import SettingsError, Unavailable
from openhours.ingestion import write
from openhours.ingestion.advice import DefaultZone
from openhours.ingestion.csv.reasons import FileRefused
from openhours.ingestion.ingest import ingest_file
from openhours.ingestion.machine import is_shared
from openhours.ingestion.queries import find_ended_upload, loading_seconds
from openhours.ingestion.uploads import remove_upload
from openhours.objects import StoreFailed
from openhours.process_pool import Processes, run_while
from openhours.settings import Settings

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 3


async def run_ingestion(
    engine: AsyncEngine, processes: Processes, url: str, settings: Settings, ingestion_pk: int
) -> None:
    """Load the file of an ingestion, in a child process; fail the ingestion of one that is refused.

    An ingestion that has ended is left alone; one that is cancelled meanwhile, or takes too long,
    is stopped, and nothing of it is loaded. Raise Unavailable while an upload cannot be fetched,
    and any other error of the child.

    processes: one of their children loads the file
    url: of the same database as `engine`, for the child
    """
    attempt = await write.begin_attempt(engine, ingestion_pk)
    if attempt is not None:
        try:
            if attempt.number > MAX_ATTEMPTS:
                raise FileRefused(
                    f"loading it was cut off {MAX_ATTEMPTS} times:"
                    " its process or the database ended"
                )
            await _load(engine, processes, url, settings, attempt)
        except FileRefused as error:
            await write.fail(engine, ingestion_pk, str(error))
        except Unavailable:
            # A table is locked: the file waits, and this attempt does not count.
            await write.postpone(engine, attempt)
            raise
        except (StoreFailed, SettingsError) as error:
            if not is_shared(attempt.path, uploaded=attempt.uploaded):
                await write.fail(engine, ingestion_pk, str(error))
                return
            # It was acknowledged: it waits until this worker, or another one, can have it.
            await write.postpone(engine, attempt)
            raise Unavailable(f"{attempt.name}: {error}") from error
    await _remove_upload(engine, ingestion_pk)


async def _load(
    engine: AsyncEngine, processes: Processes, url: str, settings: Settings, attempt: write.Attempt
) -> None:
    data_dir, max_unpacked = settings.data_dir.resolve(), settings.max_unpacked_mb << 20
    zone = DefaultZone(settings.default_timezone, "default_timezone" in settings.model_fields_set)

    async def is_wanted() -> bool:
        seconds = await loading_seconds(engine, attempt.ingestion_pk, attempt.number)
        if seconds is not None and seconds > settings.ingestion_timeout_seconds:
            raise FileRefused(
                f"it took longer than {settings.ingestion_timeout_seconds:g} seconds to load"
                " (OPENHOURS_INGESTION_TIMEOUT_SECONDS)"
            )
        return seconds is not None

    # Whatever the child does, computes or waits for the database: killed, it commits nothing.
    loading = processes.run(ingest_file, url, data_dir, max_unpacked, zone, attempt)
    if not await run_while(is_wanted, loading):
        log.info("ingestion %d was cancelled", attempt.ingestion_pk)


async def fail_ingestion(engine: AsyncEngine, ingestion_pk: int, reason: str) -> None:
    """End an ingestion that cannot be carried out, and remove what was uploaded for it."""
    await write.fail(engine, ingestion_pk, reason)
    await _remove_upload(engine, ingestion_pk)


async def _remove_upload(engine: AsyncEngine, ingestion_pk: int) -> None:
    """Remove the upload of an ingestion that has ended, also if a killed process ended it."""
    path = await find_ended_upload(engine, ingestion_pk)
    if path is not None:
        await remove_upload(path)
