"""Job that loads one file: attempts are counted here, the work is done in a child process."""

from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.ingestion import write
from openhours.ingestion.csv.reasons import FileRefused
from openhours.ingestion.ingest import ingest_file
from openhours.ingestion.queries import find_ended_upload
from openhours.process_pool import Processes
from openhours.settings import Settings

MAX_ATTEMPTS = 3


async def run_ingestion(
    engine: AsyncEngine, processes: Processes, url: str, settings: Settings, ingestion_pk: int
) -> None:
    """Load the file of an ingestion, in a child process; fail the ingestion of one that is refused.

    An ingestion that has ended is left alone. Raise any other error of the child.

    url: of the same database as `engine`, for the child
    """
    attempt = await write.begin_attempt(engine, ingestion_pk)
    if attempt is not None:
        try:
            if attempt.number > MAX_ATTEMPTS:
                raise FileRefused(f"the process loading it ended {MAX_ATTEMPTS} times unexpectedly")
            data_dir, max_unpacked = settings.data_dir.resolve(), settings.max_unpacked_mb << 20
            await processes.run(ingest_file, url, data_dir, max_unpacked, attempt)
        except FileRefused as error:
            await write.fail(engine, ingestion_pk, str(error))
    await _remove_upload(engine, ingestion_pk)


async def fail_ingestion(engine: AsyncEngine, ingestion_pk: int, reason: str) -> None:
    """End an ingestion that cannot be carried out, and remove what was uploaded for it."""
    await write.fail(engine, ingestion_pk, reason)
    await _remove_upload(engine, ingestion_pk)


async def _remove_upload(engine: AsyncEngine, ingestion_pk: int) -> None:
    """Remove the upload of an ingestion that has ended, also if a killed process ended it."""
    path = await find_ended_upload(engine, ingestion_pk)
    if path is not None:
        path.unlink(missing_ok=True)
