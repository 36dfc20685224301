"""`GET /health`: whether this server can take work, and whether anybody does it."""

import asyncio
import time
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.api.dependencies import HealthEngine, Resource, StartedAt
from openhours.db.machine import machine_id
from openhours.db.queue import QueueState, lacks_worker, queue_state
from openhours.settings import Settings
from openhours.times import Instant, now

router = APIRouter(tags=["service"])

_TIMEOUT = 3.0
_POLL_INTERVAL = 2.0
# A worker that died is replaced in less.
_WITHOUT_WORKER = 10.0


class WorkerWatch:
    """Notice that jobs wait and no worker that can take them is connected.

    It polls by itself, so that the first request after an hour is answered right, too.
    """

    def __init__(self, engine: AsyncEngine, settings: Settings) -> None:
        self._engine = engine
        self._settings = settings
        self._lacking_since: float | None = None

    async def run(self) -> None:
        """Poll until cancelled."""
        while True:
            await asyncio.sleep(_POLL_INTERVAL)
            if not await self._lacks_worker():
                self._lacking_since = None
            elif self._lacking_since is None:
                self._lacking_since = time.monotonic()

    async def _lacks_worker(self) -> bool:
        try:
            async with asyncio.timeout(_TIMEOUT), self._engine.connect() as connection:
                return await lacks_worker(connection, machine_id(self._settings.data_dir))
        except Exception:  # the database cannot be used: that is said in its own words
            return False

    @property
    def no_worker(self) -> bool:
        """Return whether jobs have been waiting without a worker for 10 seconds."""
        since = self._lacking_since
        return since is not None and time.monotonic() - since >= _WITHOUT_WORKER


WORKER_WATCH: Resource[WorkerWatch] = Resource("worker_watch")
Watch = Annotated[WorkerWatch, Depends(WORKER_WATCH)]


class Health(BaseModel):
    """The state of this server."""

    status: Annotated[
        Literal["healthy", "unhealthy", "no worker"],
        Field(
            description="`unhealthy`: the database is down. `no worker`: for 10 seconds jobs have "
            "been waiting that no connected worker can take; they are kept until one is started.",
            examples=["healthy"],
        ),
    ]
    timestamp: Instant
    uptime_seconds: Annotated[float, Field(examples=[3600.5])]
    database: Annotated[Literal["ok", "away"], Field(examples=["ok"])]
    workers: Annotated[
        int | None,
        Field(
            description="Workers connected to the queue; null while the database is down.",
            examples=[1],
        ),
    ]
    jobs_waiting: Annotated[
        int | None, Field(description="Reports and ingestions in the queue.", examples=[0])
    ]


@router.get(
    "/health",
    response_model=Health,
    responses={
        503: {"model": Health, "description": "The database is down, or jobs wait for a worker."}
    },
)
async def get_health(engine: HealthEngine, started_at: StartedAt, watch: Watch) -> JSONResponse:
    """Tell whether this server can take work: 503 while the database is down or no worker runs."""
    queue: QueueState | None
    try:
        async with asyncio.timeout(_TIMEOUT), engine.connect() as connection:
            queue = await queue_state(connection)
    except Exception:  # whatever it is: the database cannot be used
        queue = None
    present = now()
    answer = Health(
        status="unhealthy" if queue is None else "no worker" if watch.no_worker else "healthy",
        timestamp=present,
        uptime_seconds=(present - started_at).total_seconds(),
        database="away" if queue is None else "ok",
        workers=None if queue is None else queue.workers,
        jobs_waiting=None if queue is None else sum(queue.queued.values()),
    )
    code = 200 if answer.status == "healthy" else 503
    return JSONResponse(answer.model_dump(mode="json"), code)
