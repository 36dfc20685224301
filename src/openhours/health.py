"""`GET /health`: whether this server can take work."""

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from openhours.db.queue import QueueState, queue_state
from openhours.http import Engine
from openhours.times import Instant, now

router = APIRouter(tags=["service"])

_PATIENCE = 3.0


class Health(BaseModel):
    """What `/health` says."""

    status: Annotated[Literal["healthy", "unhealthy"], Field(examples=["healthy"])]
    timestamp: Instant
    uptime_seconds: Annotated[float, Field(examples=[3600.5])]
    database: Annotated[Literal["ok", "away"], Field(examples=["ok"])]
    workers: Annotated[
        int | None,
        Field(description="Workers connected to the queue. Without any, jobs are kept and wait."),
    ]
    jobs_waiting: Annotated[int | None, Field(description="Reports and ingestions in the queue.")]


@router.get("/health", responses={503: {"model": Health, "description": "The database is away."}})
async def health(request: Request, engine: Engine) -> JSONResponse:
    """Whether this server can take work: 200, or 503 while the database is away."""
    queue: QueueState | None
    try:
        async with asyncio.timeout(_PATIENCE), engine.connect() as connection:
            queue = await queue_state(connection)
    except Exception:  # whatever it is: the database cannot be used
        queue = None
    present = now()
    answer = Health(
        status="unhealthy" if queue is None else "healthy",
        timestamp=present,
        uptime_seconds=(present - request.app.state.started_at).total_seconds(),
        database="away" if queue is None else "ok",
        workers=None if queue is None else queue.workers,
        jobs_waiting=None if queue is None else sum(queue.queued.values()),
    )
    return JSONResponse(answer.model_dump(mode="json"), 503 if queue is None else 200)
