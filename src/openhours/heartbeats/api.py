"""Heartbeats over HTTP: one, many, and the list of them."""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter
from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.datastructures import State

from openhours.agent.names import LONGEST, NO_CONTROL, PREFIX
from openhours.api.examples import NOW
from openhours.api.http import Engine, SafeJSONResponse, next_page
from openhours.api.json_body import json_body, parse_json, read_body
from openhours.db.group_commit import GroupCommit
from openhours.heartbeats.tables import Heartbeat
from openhours.heartbeats.write import Beat, Recorded, Writer
from openhours.stores.tables import Store
from openhours.times import Instant, from_us, is_ahead, iso, now, to_us

router = APIRouter(tags=["heartbeats"])

REQUEST = "POST /track"
DEFAULT_PC = "default"
MOST_IN_BATCH = 1000
_PAGE = 10_000


def _not_ahead(instant: datetime) -> datetime:
    if is_ahead(instant):
        raise ValueError("more than 5 minutes ahead of the server's clock")
    return instant


PcName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=LONGEST,
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
        description="The client's own name for this beat: repeated (by the same PC), it is one.",
        examples=["5f0c9a7e1d2b4c3e"],
    ),
]
EventTime = Annotated[
    Instant,
    AfterValidator(_not_ahead),
    Field(description="When the PC was on: since 2000, and at most 5 minutes ahead."),
]


class Track(BaseModel):
    """A heartbeat; nothing is needed. Without a time it is now."""

    model_config = ConfigDict(extra="forbid")

    pc: PcName | None = None
    event_time: EventTime | None = None
    beat_id: BeatId | None = None


class QueuedTrack(BaseModel):
    """A heartbeat that waited at the PC: with a time and an id of its own."""

    model_config = ConfigDict(extra="forbid")

    pc: PcName | None = None
    event_time: EventTime
    beat_id: BeatId


class Tracked(BaseModel):
    """A heartbeat that is stored; of a repeated one, what was stored the first time."""

    id: Annotated[int, Field(examples=[1])]
    event_time: Instant
    request: Annotated[str, Field(examples=[REQUEST])]
    pc: Annotated[str, Field(examples=["joe-pc"])]


_batch = TypeAdapter(Annotated[list[QueuedTrack], Field(max_length=MOST_IN_BATCH)])
_NOTHING = Track()


_BATCH_SCHEMA = {
    "type": "array",
    "maxItems": MOST_IN_BATCH,
    "items": QueuedTrack.model_json_schema(),
}
# What one may press Execute on, in /docs: a beat of `pc:default`, now.
_EXAMPLE: dict[str, Any] = {}
_BATCH_EXAMPLE = [{"event_time": NOW, "beat_id": NOW}]


def prepare(state: State, engine: AsyncEngine) -> None:
    """Give the application what this room keeps while it runs."""
    state.heartbeats = GroupCommit(Writer(engine).write)


@router.post(
    "/track",
    status_code=201,
    response_model=Tracked,
    openapi_extra=json_body(Track.model_json_schema(), _EXAMPLE, required=False),
)
async def track(request: Request) -> Response:
    """A PC is on. The heartbeat is durable before this answers. The body may be empty."""
    body = await read_body(request)
    sent = parse_json(request, body, Track.model_validate_json) if body else _NOTHING
    beat = Beat(sent.pc or DEFAULT_PC, sent.event_time or now(), sent.beat_id)
    commit: GroupCommit[Beat, Recorded] = request.app.state.heartbeats
    return _answer(_json(await commit.add(beat), beat.pc))


@router.post(
    "/track/batch",
    status_code=201,
    response_model=list[Tracked],
    openapi_extra=json_body(_BATCH_SCHEMA, _BATCH_EXAMPLE),
)
async def track_batch(request: Request) -> Response:
    """Heartbeats that waited at a PC, 1,000 at most; the answers are in the same order.

    All are durable before this answers. After any failure the same batch may be sent again.
    """
    sent = parse_json(request, await read_body(request), _batch.validate_json)
    beats = [Beat(one.pc or DEFAULT_PC, one.event_time, one.beat_id) for one in sent]
    commit: GroupCommit[Beat, Recorded] = request.app.state.heartbeats
    done = await asyncio.gather(*map(commit.add, beats))
    texts = [_json(one, beat.pc) for one, beat in zip(done, beats, strict=True)]
    return _answer(f"[{','.join(texts)}]")


@router.get("/track/events", response_model=list[Tracked])
async def events(
    request: Request,
    engine: Engine,
    pc: Annotated[str | None, Query(max_length=64, description="Only this PC's.")] = None,
    since: Annotated[
        Instant | None, Query(alias="from", description="Not before this instant.")
    ] = None,
    until: Annotated[Instant | None, Query(alias="to", description="Before this instant.")] = None,
    limit: Annotated[int, Query(ge=1, le=100_000)] = _PAGE,
    cursor: Annotated[
        str | None,
        Query(
            pattern=r"^[0-9]{1,17}-[0-9]{1,18}$",
            description="From the `Link` header of the page before.",
        ),
    ] = None,
) -> Response:
    """Heartbeats, newest first; the next page is in the `Link` header."""
    query = (
        select(Heartbeat.id, Heartbeat.event_time, Store.store_id)
        .join(Store, Store.id == Heartbeat.store)
        .order_by(Heartbeat.event_time.desc(), Heartbeat.id.desc())
        .limit(limit + 1)
    )
    if pc is not None:
        # No PC has a name with NUL, and PostgreSQL would refuse the question.
        store_id = PREFIX + pc.replace("\0", "\n")
        number = select(Store.id).where(Store.store_id == store_id).scalar_subquery()
        query = query.where(Heartbeat.store == number)
    if since is not None:
        query = query.where(Heartbeat.event_time >= since)
    if until is not None:
        query = query.where(Heartbeat.event_time < until)
    if cursor is not None:
        at, number_before = map(int, cursor.split("-"))
        before = tuple_(from_us(at), number_before)
        query = query.where(tuple_(Heartbeat.event_time, Heartbeat.id) < before)
    async with engine.connect() as connection:
        rows: Sequence[Any] = (await connection.execute(query)).all()
    headers = {}
    if len(rows) > limit:
        last = rows[limit - 1]
        headers = next_page(request, f"{to_us(last.event_time)}-{last.id}")
    return SafeJSONResponse(
        [
            {
                "id": row.id,
                "event_time": iso(row.event_time),
                "request": REQUEST,
                "pc": row.store_id.removeprefix(PREFIX),
            }
            for row in rows[:limit]
        ],
        headers=headers,
    )


def _json(recorded: Recorded, pc: str) -> str:
    return (
        f'{{"id":{recorded.id},"event_time":"{iso(recorded.event_time)}",'
        f'"request":"{REQUEST}","pc":{json.dumps(pc)}}}'
    )


def _answer(text: str) -> Response:
    return Response(text, 201, media_type="application/json")
