"""`/reports`: all reports, one report, and its comparison with the one before."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.agent.names import PREFIX
from openhours.api.cursors import Cursor
from openhours.api.dependencies import Engine, ServerSettings, public_path
from openhours.api.fields import Text
from openhours.errors import invalid
from openhours.reports.calibration import MAX_ERROR, bins_of, error_of, is_reliable
from openhours.reports.queries import count_ongoing, find_report, list_outages, list_reports
from openhours.reports.schemas import report_info
from openhours.reports.tables import Report
from openhours.reports.trigger import trigger
from openhours.reports.windows import windows_of
from openhours.stores.labels import written
from openhours.times import to_us
from openhours.web import formatting, queries
from openhours.web.groups import GroupBy, find_groups
from openhours.web.outages import outage_row
from openhours.web.page_route import PageRoute
from openhours.web.render import page

_PAGE = 50
_MAX_GROUPS = 50
_MAX_STORES = 20
_MAX_OUTAGES = 20

router = APIRouter(include_in_schema=False)
# `GET /reports` and `GET /reports/{report_id}` are endpoints, too.
list_router = APIRouter(include_in_schema=False, route_class=PageRoute)
report_router = APIRouter(include_in_schema=False, route_class=PageRoute)


@list_router.get("/reports")
async def reports(request: Request, engine: Engine, cursor: Cursor = None) -> Response:
    """Show all reports, newest first."""
    async with engine.connect() as connection:
        found = await list_reports(connection, limit=_PAGE, cursor=cursor)
        total = await queries.count_reports(connection)
    return page(
        request,
        "reports.html",
        reports=[report_info(report, public_path(request)) for report in found.rows],
        total=total,
        following=found.next_cursor,
    )


@router.post("/reports/new")
async def generate(
    engine: Engine, settings: ServerSettings, outages: Annotated[bool, Form()] = False
) -> Response:
    """Trigger a report, and redirect to its page."""
    async with engine.begin() as connection:
        report_id = await trigger(connection, settings, intervals=True, outages=outages)
    return RedirectResponse(f"/reports/{report_id}", 303)


@report_router.get("/reports/{report_id}")
async def report(
    request: Request,
    engine: Engine,
    report_id: Text,
    window: Annotated[Text | None, Query(max_length=64)] = None,
    group_by: GroupBy = None,
    cursor: Cursor = None,
) -> Response:
    """Show one report: its figures, the distribution of uptime, groups, stores that got worse.

    `cursor` is that of its outages.
    """
    found = await find_report(engine, report_id)
    window, position = _choose_window(found, window)
    info = report_info(found, public_path(request))
    values: dict[str, Any] = {
        "report": found,
        "info": info,
        "window": window,
        "position": position,
        "groups": None,
        "labels": written(found.labels or {}),
    }
    if found.state == "complete":
        async with engine.connect() as connection:
            values["counts"] = await queries.counts(connection, found)
            values["groups"] = await find_groups(connection, found, group_by, position, _MAX_GROUPS)
            if queries.has_default_windows(found):
                values |= await _last_week(connection, found, position)
            if found.intervals:
                values |= _how_sure(found)
            if found.outages:
                zone = formatting.zone_of(request)
                values |= await _outages(connection, found, zone, cursor)
    return page(request, "report.html", **values)


def _choose_window(report: Report, name: str | None) -> tuple[str, int]:
    """Return the window that the page shows, as its address names it, and its position.

    Raise Invalid for an unknown name.
    """
    if queries.has_default_windows(report):
        names: list[str] = list(queries.POSITIONS)
        chosen = name or "week"
    else:
        names = [window.name for window in windows_of(report)]
        chosen = name or names[0]
    if chosen not in names:
        raise invalid(f"unknown window: {chosen}", "query", "window")
    return chosen, names.index(chosen)


def _how_sure(report: Report) -> dict[str, Any]:
    """Return what the page shows of whether the intervals can be trusted."""
    said = bins_of(report.calibration or [])
    return {
        "said": said,
        "polls_tried": sum(one.polls for one in said),
        "error": error_of(said),
        "max_error": MAX_ERROR,
        "reliable": is_reliable(said),
    }


async def _outages(
    connection: AsyncConnection, report: Report, zone: str, cursor: str | None
) -> dict[str, Any]:
    """Return what the page shows of outages: the longest, or those that follow the cursor."""
    found = await list_outages(connection, report.id, limit=_MAX_OUTAGES, cursor=cursor)
    return {
        "ongoing": await count_ongoing(connection, report.id),
        "cursor": cursor,
        "following": found.next_cursor,
        "outages": [
            outage_row(
                row.store_id,
                row.name,
                began_at=to_us(row.began_at),
                ended_at=None if row.ongoing else to_us(row.ended_at),
                downtime=row.downtime,
                observations=row.observations,
                as_of=_as_of(report, row.store_id),
                zone=zone,
                report=report,
            )
            for row in found.rows
        ],
    }


def _as_of(report: Report, store_id: str) -> int:
    """Return T of a store's feed, µs UTC."""
    polled = None if store_id.startswith(PREFIX) else report.as_of_polled
    return to_us(polled or report.as_of_beating)


async def _last_week(connection: AsyncConnection, report: Report, window: int) -> dict[str, Any]:
    """Return what the page shows of the default windows alone."""
    before = None
    if report.stores is None and report.labels is None:
        before = await queries.latest_report(connection, Report.id < report.id)
    rows = []
    if before is not None:
        rows = await queries.compare(connection, report.id, before.id, _MAX_STORES)
    return {
        "bins": await queries.distribution(connection, report.id, window),
        "worst": await queries.worst(connection, report.id, _MAX_STORES),
        "before": before,
        "compared": rows[0] if rows else None,
        "worse": [row for row in rows if row.share < row.share_before],
    }
