"""Ingestions that wait in a database which came from another machine, as by a restore."""

from pathlib import Path
from typing import NamedTuple

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.db.queue import enqueue
from openhours.ingestion.machine import ingest_job
from openhours.ingestion.tables import Ingestion
from openhours.ingestion.uploads import folder_of
from openhours.objects import SCHEME
from openhours.settings import Settings

_LOST = "its file was not in the backup that was restored: load it again"


class Relocated(NamedTuple):
    """Counts of ingestions that this machine's workers load, and of those without their file."""

    waiting: int
    lost: int


async def relocate(connection: AsyncConnection, settings: Settings, uploads: Path) -> Relocated:
    """Give the uploads of another machine, whose folder was `uploads`, to this one's workers.

    Their files, those of an object store too, lie in this machine's folder, under the same names.
    An ingestion without its file ends as failed; a file of this machine's inbox is found again.
    """
    await connection.execute(text("DELETE FROM pgqueuer WHERE entrypoint LIKE 'ingest%'"))
    await connection.execute(text("DELETE FROM pgqueuer_schedules WHERE entrypoint LIKE 'inbox@%'"))
    query = (
        select(Ingestion.id, Ingestion.path, Ingestion.uploaded)
        .where(Ingestion.state.in_(("queued", "running")))
        .order_by(Ingestion.id)
    )
    waiting = lost = 0
    for row in (await connection.execute(query)).all():
        path = _path_here(row.path, settings, uploads) if row.uploaded else None
        this = update(Ingestion).where(Ingestion.id == row.id)
        if path is not None:
            await connection.execute(this.values(path=path, state="queued", progress=0))
            await enqueue(connection, ingest_job(settings, path, uploaded=True), str(row.id))
            waiting += 1
        else:
            # The scan of an inbox knows a file by what was read of it: of this one, nothing.
            unread = {"size": None, "modified_ns": None}
            ended = {"state": "failed", "error": _LOST, "finished_at": func.clock_timestamp()}
            await connection.execute(this.values(**ended, **unread))
            lost += 1
    return Relocated(waiting, lost)


def _path_here(path: str, settings: Settings, uploads: Path) -> str | None:
    """Return where an upload lies now; None if it was not in the backup."""
    file = folder_of(settings) / Path(path).name
    was_in_it = path.startswith(SCHEME) or Path(path).parent == uploads
    return str(file) if was_in_it and file.is_file() else None
