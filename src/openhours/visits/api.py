"""Visits over HTTP: log one, and read how many there were."""

from datetime import timedelta
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.api.dependencies import Engine, Resource, ServerSettings, StartedAt
from openhours.api.fields import Text, check_text
from openhours.api.json_answers import json_answer
from openhours.api.json_body import json_body, read_json
from openhours.db.group_commit import GroupCommit
from openhours.times import Instant, now
from openhours.visits import statistics
from openhours.visits.addresses import shortened
from openhours.visits.bots import is_bot
from openhours.visits.write import NewVisit, write_visits

router = APIRouter(tags=["visits"])

_MAX_AGENT = 1000

VISITS: Resource[GroupCommit[NewVisit, int]] = Resource("visits")
Visits = Annotated[GroupCommit[NewVisit, int], Depends(VISITS)]

Hours = Annotated[
    float,
    Query(ge=0.1, le=168, allow_inf_nan=False, description="How far to look back.", examples=[1.0]),
]


def _digits(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class VisitIn(BaseModel):
    """A visit to log. A missing or empty address or agent is taken from the request."""

    user_id: Annotated[
        str,
        BeforeValidator(_digits, json_schema_input_type=str | int),
        AfterValidator(check_text),
        Field(
            min_length=1, max_length=255, description="Text; a whole number is taken as its digits."
        ),
    ]
    page_url: Annotated[Text, Field(min_length=1, max_length=2048)]
    user_agent: Annotated[Text, Field(max_length=_MAX_AGENT)] | None = None
    ip_address: (
        Annotated[
            Text,
            Field(
                max_length=100,
                description="Any text: IPv4, IPv6, with a port, `unknown`. Of an address the "
                "network is stored: 203.0.113.0 (unless the service keeps full addresses).",
            ),
        ]
        | None
    ) = None
    referrer: Annotated[Text, Field(max_length=2048)] | None = None


class VisitLogged(BaseModel):
    """Visit that was stored, and its number among all visits."""

    success: Annotated[bool, Field(examples=[True])]
    visit_count: Annotated[int, Field(ge=1, examples=[42])]
    message: Annotated[str, Field(examples=["Visit logged successfully. Total visits: 42"])]


class Statistics(BaseModel):
    """Server uptime and visit counts. Visits of bots are included."""

    uptime_seconds: Annotated[float, Field(examples=[3600.5])]
    uptime_formatted: Annotated[str, Field(examples=["1h 0m 0s"])]
    total_visits: int
    current_time: Instant
    server_status: Annotated[str, Field(examples=["running"])]
    recent_visits: Annotated[int, Field(description="In the last `timeframe_hours`.")]
    timeframe_hours: float
    bots: Annotated[int, Field(description="How many of `total_visits` known bots made.")]
    recent_bots: Annotated[int, Field(description="How many of `recent_visits` known bots made.")]


class PageCount(BaseModel):
    """Visits of a page, those of bots included."""

    page_url: str
    visits: int
    bots: int


class ReferrerCount(BaseModel):
    """Visits from a referrer; null for visits without one."""

    referrer: str | None
    visits: int
    bots: int


class HourCount(BaseModel):
    """Visits of an hour, or of its part in the timeframe."""

    hour: Instant
    visits: int
    bots: int


class PageStatistics(BaseModel):
    """Visits in [since, until): most visited pages and referrers first, hours in order."""

    since: Instant
    until: Instant
    pages: list[PageCount]
    referrers: list[ReferrerCount]
    hours: list[HourCount]


_EXAMPLE = {
    "user_id": "u-17",
    "page_url": "https://example.org/shop",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "ip_address": "203.0.113.7",
    "referrer": "https://example.org/",
}


def prepare(app: FastAPI, engine: AsyncEngine) -> None:
    """Give the application its one group commit of visits."""
    VISITS.set(app, GroupCommit(partial(write_visits, engine)))


@router.post(
    "/visit",
    response_model=VisitLogged,
    openapi_extra=json_body(VisitIn.model_json_schema(), _EXAMPLE),
)
async def record_visit(request: Request, settings: ServerSettings, visits: Visits) -> Response:
    """Log a visit. It is stored durably before the answer is sent.

    `visit_count` is its number among all visits: exact, without gaps. After a 503 the visit may or
    may not have been stored.
    """
    body = await read_json(request, VisitIn)
    agent = body.user_agent or request.headers.get("user-agent", "")[:_MAX_AGENT] or None
    address = body.ip_address or (request.client.host if request.client else None)
    if address is not None and not settings.full_addresses:
        address = shortened(address)
    bot = agent is not None and await is_bot(agent)
    number = await visits.add(
        NewVisit(body.user_id, body.page_url, agent, bot, address, body.referrer or None)
    )
    message = f"Visit logged successfully. Total visits: {number}"
    return json_answer({"success": True, "visit_count": number, "message": message})


@router.get("/stats")
async def get_visit_stats(
    engine: Engine, started_at: StartedAt, timeframe_hours: Hours = 1.0
) -> Statistics:
    """Return exact visit counts, in all and of the last hours; fast at any number of visits."""
    found = await statistics.totals(engine, timedelta(hours=timeframe_hours))
    uptime = (now() - started_at).total_seconds()
    return Statistics(
        uptime_seconds=uptime,
        uptime_formatted=_duration(int(uptime)),
        total_visits=found.total,
        current_time=found.now,
        server_status="running",
        recent_visits=found.recent,
        timeframe_hours=timeframe_hours,
        bots=found.bots,
        recent_bots=found.recent_bots,
    )


@router.get("/stats/pages")
async def get_page_stats(
    engine: Engine,
    timeframe_hours: Hours = 1.0,
    limit: Annotated[
        int, Query(ge=1, le=1000, description="How many pages and referrers to return at most.")
    ] = 20,
) -> PageStatistics:
    """Return the most visited pages, the top referrers, and visits per hour."""
    found = await statistics.pages(engine, timedelta(hours=timeframe_hours), limit)
    return PageStatistics.model_validate(
        {
            "since": found.since,
            "until": found.until,
            "pages": [
                {"page_url": one.name, "visits": one.visits, "bots": one.bots}
                for one in found.pages
            ],
            "referrers": [
                {"referrer": one.name, "visits": one.visits, "bots": one.bots}
                for one in found.referrers
            ],
            "hours": [one._asdict() for one in found.hours],
        }
    )


def _duration(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes}m {seconds}s"
