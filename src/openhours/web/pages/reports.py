"""`/reports`: all reports, one report, and its comparison with the one before."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.agent.names import PREFIX
from openhours.api.cursors import Cursor
from openhours.api.dependencies import Engine, ServerSettings, public_path
from openhours.api.fields import Text
from openhours.db.deliveries import Delivery, deliveries_of
from openhours.delivery.schedule import next_report_at
from openhours.reports.calibration import MAX_ERROR, bins_of, error_of, is_reliable
from openhours.reports.queries import (
    count_ongoing,
    find_report,
    has_default_windows,
    latest_report,
    list_outages,
    list_reports,
)
from openhours.reports.schemas import report_info
from openhours.reports.tables import Report
from openhours.reports.trigger import trigger
from openhours.stores.labels import written
from openhours.stores.search import names_of
from openhours.stores.tables import BEATING, POLLED
from openhours.times import to_us
from openhours.web import formatting, queries
from openhours.web.groups import GroupBy, find_groups
from openhours.web.kept import Kept, KeptResults
from openhours.web.outages import outage_row
from openhours.web.page_route import PageRoute
from openhours.web.render import page
from openhours.web.store_figures import BINS, check_rows, counts, distribution, with_figures, worst
from openhours.web.weekly_changes import weekly_changes
from openhours.web.windows import DEFAULTS, choose_window

_PAGE = 50
_MAX_GROUPS = 50
_MAX_STORES = 20
_MAX_OUTAGES = 20

router = APIRouter(include_in_schema=False)
# `GET /reports` and `GET /reports/{report_id}` are endpoints, too.
list_router = APIRouter(include_in_schema=False, route_class=PageRoute)
report_router = APIRouter(include_in_schema=False, route_class=PageRoute)


@list_router.get("/reports")
async def reports(
    request: Request, engine: Engine, settings: ServerSettings, cursor: Cursor = None
) -> Response:
    """Show all reports, newest first."""
    async with engine.connect() as connection:
        found = await list_reports(connection, limit=_PAGE, cursor=cursor)
        total = await queries.count_reports(connection)
    return page(
        request,
        "reports.html",
        reports=[report_info(report, public_path(request)) for report in found.rows],
        total=total,
        next_at=next_report_at(settings),
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
    kept: KeptResults,
    report_id: Text,
    window: Annotated[Text | None, Query(max_length=64)] = None,
    group_by: GroupBy = None,
    cursor: Cursor = None,
) -> Response:
    """Show one report: its figures, the distribution of uptime, groups, stores that got worse.

    `cursor` is that of its outages.
    """
    found = await find_report(engine, report_id)
    shown = choose_window(found, window)
    async with engine.connect() as connection:
        sent = await deliveries_of(connection, Delivery.report, [found.id])
    info = report_info(found, public_path(request), sent[found.id])
    values: dict[str, Any] = {
        "report": found,
        "info": info,
        "window": shown.name,
        "position": shown.position,
        "groups": None,
        "labels": written(found.labels or {}),
    }
    if found.state == "complete":
        async with engine.connect() as connection:
            await check_rows(connection, found)
            by_feed = counts(found, range(len(found.windows)))
            feed = next(iter(by_feed), POLLED)
            values |= {"counts": by_feed, "feed": feed}
            values["groups"] = await find_groups(
                connection, found, group_by, shown.position, _MAX_GROUPS
            )
            if has_default_windows(found):
                values |= await _last_week(connection, kept, found, shown.position, feed)
            if found.intervals:
                values |= _how_sure(found)
            if found.outages:
                zone = formatting.zone_of(request)
                values |= await _outages(connection, kept, found, zone, cursor)
    return page(request, "report.html", **values)


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
    connection: AsyncConnection, kept: Kept, report: Report, zone: str, cursor: str | None
) -> dict[str, Any]:
    """Return what the page shows of outages: the longest, or those that follow the cursor."""
    listing = partial(list_outages, connection, report.id, limit=_MAX_OUTAGES, cursor=cursor)
    # There are as many others as pages.
    found = await (listing() if cursor else kept.get(("outages", report.report_id), listing))
    counting = partial(count_ongoing, connection, report.id)
    names = await names_of(connection, {row.store_id for row in found.rows})
    return {
        "ongoing": await kept.get(("ongoing", report.report_id), counting),
        "cursor": cursor,
        "following": found.next_cursor,
        "outages": [
            outage_row(
                row.store_id,
                names.get(row.store_id),
                began_at=to_us(row.began_at),
                ended_at=None if row.ongoing else to_us(row.ended_at),
                downtime=row.downtime,
                observations=row.observations,
                as_of=_as_of(report, row.store_id),
                zone=zone,
                query={"report_id": report.report_id},
            )
            for row in found.rows
        ],
    }


def _as_of(report: Report, store_id: str) -> int:
    """Return T of a store's feed, µs UTC."""
    feed = BEATING if store_id.startswith(PREFIX) else POLLED
    return to_us(report.as_of(feed) or report.as_of_beating)


async def _last_week(
    connection: AsyncConnection, kept: Kept, report: Report, window: int, feed: str
) -> dict[str, Any]:
    """Return what the page shows of the default windows alone."""
    previous = before = changes = None
    if report.stores is None and report.labels is None:
        previous = await latest_report(connection, Report.id < report.id)
        before = await queries.report_a_week_earlier(connection, report)
    if before is not None:
        making = partial(weekly_changes, connection, report.id, before.id, _MAX_STORES)
        changes = await kept.get(("changes", report.report_id, before.report_id), making)
    changed = [*changes.fell, *changes.rose] if changes else []
    finding = partial(worst, connection, report, _MAX_STORES)
    store_pks = await kept.get(("worst", report.report_id, _MAX_STORES), finding)
    return {
        "windows": DEFAULTS,
        "bin_names": BINS,
        "bins": distribution(report, window, feed),
        "worst": await with_figures(connection, report, store_pks),
        "previous": previous,
        "before": before,
        "changes": changes,
        "names": await names_of(connection, [row.store_id for row in changed]),
    }
