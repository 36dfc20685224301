"""Heartbeats over HTTP: record one or many, list them."""

import asyncio
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.agent.names import MAX_LENGTH, NO_CONTROL, PREFIX
from openhours.api.cursors import Cursor, link_header
from openhours.api.dependencies import Engine, Resource
from openhours.api.fields import Text
from openhours.api.json_answers import json_answer, json_items
from openhours.api.json_body import json_body, parse_json
from openhours.api.off_loop import off_loop
from openhours.api.openapi import NOW
from openhours.db.group_commit import GroupCommit
from openhours.heartbeats.queries import list_heartbeats
from openhours.heartbeats.write import Beat, Recorded, Writer
from openhours.times import Instant, PastInstant, iso, now

router = APIRouter(tags=["heartbeats"])

REQUEST = "POST /track"
DEFAULT_PC = "default"
MAX_BATCH = 1000
_PAGE = 10_000
# How many are read and written at a time: others take their turn in between.
_STEP = 2_500

HEARTBEATS: Resource[GroupCommit[Beat, Recorded]] = Resource("heartbeats")
Heartbeats = Annotated[GroupCommit[Beat, Recorded], Depends(HEARTBEATS)]


PcName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_LENGTH,
        pattern=NO_CONTROL,
        description="The PC's name; in reports it is the store `pc:<name>`.",
        examples=["joe-pc"],
    ),
]
BeatId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=64,
        pattern=NO_CONTROL,
        description="Your own id for the heartbeat: a PC that sends it again changes nothing.",
        examples=["5f0c9a7e1d2b4c3e"],
    ),
]
EventTime = Annotated[
    PastInstant,
    Field(description="When the PC was on: since 2000, and at most 5 minutes ahead."),
]


class Track(BaseModel):
    """Heartbeat. Every field may be left out: `event_time` is now then, `pc` is `default`."""

    model_config = ConfigDict(extra="forbid")

    pc: PcName | None = None
    event_time: EventTime | None = None
    beat_id: BeatId | None = None


class QueuedTrack(BaseModel):
    """Heartbeat that waited on the PC: with its time and an id."""

    model_config = ConfigDict(extra="forbid")

    pc: PcName | None = None
    event_time: EventTime
    beat_id: BeatId


class Tracked(BaseModel):
    """Stored heartbeat. If it was sent before, this is what was stored the first time."""

    id: Annotated[int, Field(examples=[1])]
    event_time: Instant
    request: Annotated[str, Field(examples=[REQUEST])]
    pc: Annotated[str, Field(examples=["joe-pc"])]


_batch = TypeAdapter(Annotated[list[QueuedTrack], Field(max_length=MAX_BATCH)])
_NOTHING = Track()


_BATCH_SCHEMA = {
    "type": "array",
    "maxItems": MAX_BATCH,
    "items": QueuedTrack.model_json_schema(),
}
# What one may press Execute on, in /docs: a beat of `pc:default`, now.
_EXAMPLE: dict[str, Any] = {}
_BATCH_EXAMPLE = [{"event_time": NOW, "beat_id": NOW}]


def prepare(app: FastAPI, engine: AsyncEngine) -> None:
    """Give the application its one group commit of heartbeats."""
    HEARTBEATS.set(app, GroupCommit(Writer(engine).write))


@router.post(
    "/track",
    status_code=201,
    response_model=Tracked,
    openapi_extra=json_body(Track.model_json_schema(), _EXAMPLE, required=False),
)
async def track(request: Request, commit: Heartbeats) -> Response:
    """Record that a PC is on. It is stored durably before the answer is sent.

    The body may be empty.
    """
    body = await request.body()
    sent = parse_json(request, body, Track.model_validate_json) if body else _NOTHING
    beat = Beat(sent.pc or DEFAULT_PC, sent.event_time or now(), sent.beat_id)
    recorded = await commit.add(beat)
    return json_answer(_tracked(recorded.id, recorded.event_time, beat.pc), 201)


@router.post(
    "/track/batch",
    status_code=201,
    response_model=list[Tracked],
    openapi_extra=json_body(_BATCH_SCHEMA, _BATCH_EXAMPLE),
)
async def track_batch(request: Request, commit: Heartbeats) -> Response:
    """Record heartbeats that waited on a PC, 1,000 at most; answers have the same order.

    All are stored durably before the answer is sent. After a failure, send the same batch again.
    """
    sent = parse_json(request, await request.body(), _batch.validate_json)
    beats = [Beat(one.pc or DEFAULT_PC, one.event_time, one.beat_id) for one in sent]
    done = await asyncio.gather(*map(commit.add, beats))
    return json_answer(
        [_tracked(one.id, one.event_time, beat.pc) for one, beat in zip(done, beats, strict=True)],
        201,
    )


@router.get("/track/events", response_model=list[Tracked])
async def get_heartbeats(
    request: Request,
    engine: Engine,
    pc: Annotated[Text | None, Query(max_length=64, description="Only this PC's.")] = None,
    since: Annotated[
        Instant | None, Query(alias="from", description="At this instant or later.")
    ] = None,
    until: Annotated[Instant | None, Query(alias="to", description="Before this instant.")] = None,
    limit: Annotated[int, Query(ge=1, le=100_000)] = _PAGE,
    cursor: Cursor = None,
) -> Response:
    """Return heartbeats, newest first; the next page is in the `Link` header."""
    parts: list[bytes] = []
    while True:
        async with engine.connect() as connection:
            page = await list_heartbeats(
                connection, pc=pc, since=since, until=until, limit=min(limit, _STEP), cursor=cursor
            )
        parts.append(await off_loop(json_items, page.rows, _listed))
        limit, cursor = limit - len(page.rows), page.next_cursor
        if cursor is None or limit == 0:
            break
    content = b"[" + b",".join(parts) + b"]"
    return Response(content, 200, link_header(request, page), "application/json")


def _listed(row: Row[int, datetime, str]) -> dict[str, Any]:
    return _tracked(row.id, row.event_time, row.store_id.removeprefix(PREFIX))


def _tracked(heartbeat_id: int, event_time: datetime, pc: str) -> dict[str, Any]:
    return {"id": heartbeat_id, "event_time": iso(event_time), "request": REQUEST, "pc": pc}
