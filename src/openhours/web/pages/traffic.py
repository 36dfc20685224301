"""`/traffic`: visits per hour, top pages and referrers, bots apart."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from openhours.api.dependencies import Engine
from openhours.visits import statistics
from openhours.web import formatting
from openhours.web.render import page

router = APIRouter(include_in_schema=False)

_TOP = 15


@router.get("/traffic")
async def traffic(
    request: Request, engine: Engine, hours: Annotated[int, Query(ge=1, le=168)] = 24
) -> Response:
    """What was visited in the last hours."""
    window = timedelta(hours=hours)
    totals = await statistics.totals(engine, window)
    found = await statistics.pages(engine, window, _TOP)
    zone = formatting.zone_of(request)
    columns = [
        (
            f"{formatting.in_zone(count.of, zone):%a %H:%M}",
            count.visits,
            count.bots,
            f"{formatting.in_zone(count.of, zone):%a %d %b %H:%M} {zone}: "
            f"{count.visits - count.bots} by people, {count.bots} by bots",
        )
        for count in found.hours
        if not isinstance(count.of, str | None)
    ]
    return page(request, "traffic.html", window=hours, totals=totals, found=found, columns=columns)
