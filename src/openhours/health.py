"""`GET /health`: whether this server can take work."""

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy import text

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


@router.get("/health", responses={503: {"model": Health, "description": "The database is away."}})
async def health(request: Request, engine: Engine) -> JSONResponse:
    """Whether this server can take work: 200, or 503 while the database is away."""
    try:
        async with asyncio.timeout(_PATIENCE), engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
        reached = True
    except Exception:  # whatever it is: the database cannot be used
        reached = False
    present = now()
    answer = Health(
        status="healthy" if reached else "unhealthy",
        timestamp=present,
        uptime_seconds=(present - request.app.state.started_at).total_seconds(),
        database="ok" if reached else "away",
    )
    return JSONResponse(answer.model_dump(mode="json"), 200 if reached else 503)
