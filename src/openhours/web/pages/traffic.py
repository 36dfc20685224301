"""`/traffic`: visits per hour, top pages and referrers, people and bots apart."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from openhours.api.dependencies import Engine
from openhours.times import local_time
from openhours.visits import statistics
from openhours.visits.statistics import HourCount
from openhours.web import formatting
from openhours.web.render import page

router = APIRouter(include_in_schema=False)

_MAX_ROWS = 15


@router.get("/traffic")
async def traffic(
    request: Request, engine: Engine, hours: Annotated[int, Query(ge=1, le=168)] = 24
) -> Response:
    """Show the visits of the last hours."""
    window = timedelta(hours=hours)
    totals = await statistics.totals(engine, window)
    found = await statistics.pages(engine, window, _MAX_ROWS)
    zone = formatting.zone_of(request)
    columns = [_column(count, zone) for count in found.hours]
    return page(request, "traffic.html", window=hours, totals=totals, found=found, columns=columns)


def _column(count: HourCount, zone: str) -> tuple[str, int, int, str]:
    hour = local_time(count.hour, zone)
    people = count.visits - count.bots
    title = f"{hour:%a %d %b %H:%M} {zone}: {people} by people, {count.bots} by bots"
    return f"{formatting.short_date(hour)} {hour:%H:%M}", count.visits, count.bots, title
