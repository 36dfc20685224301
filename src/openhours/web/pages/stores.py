"""`/stores`: search, filter, sort and page through all stores, and take them away as a file."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.api.dependencies import Engine, ServerSettings
from openhours.reports.formats import MEDIA, written
from openhours.reports.queries import find_complete_report, latest_report
from openhours.reports.tables import Report
from openhours.settings import Settings
from openhours.stores.labels import NAME, list_labels
from openhours.web import formatting, queries
from openhours.web.comparison import asked
from openhours.web.render import page
from openhours.web.store_export import StoreExport
from openhours.web.store_figures import BINS, PAGE, Search, count_stores, find_stores, time_zones
from openhours.web.store_filter import StoreFilter
from openhours.web.windows import DEFAULTS, PageWindow, first_shown, page_windows

router = APIRouter(include_in_schema=False)

_MAX_VALUES = 20  # of a label that the form proposes
_MAX_REPORTS = 20  # that it offers


@router.get("/stores")
async def stores(
    request: Request,
    engine: Engine,
    settings: ServerSettings,
    filters: Annotated[StoreFilter, Query()],
) -> Response:
    """Show a page of stores with their figures in a report: the latest one, if none is chosen.

    With a verdict it is the latest one that has verdicts. With a format: all of them, as a file.
    """
    chosen = None
    if filters.report_id:
        chosen = await find_complete_report(engine, filters.report_id)
    async with engine.connect() as connection:
        report = chosen or await _latest(connection, bool(filters.verdict))
        windows = page_windows(report)
        window = next((one for one in windows if one.name == filters.window), first_shown(report))
        search = await filters.search(connection, window, settings.default_timezone)
        known = await list_labels(connection, _MAX_VALUES)
        shown = windows if windows == DEFAULTS else (window,)
        if filters.format:
            total = await count_stores(connection, report, search)
            export = StoreExport(report, search, shown, list(known), filters.format)
        else:
            zone = formatting.zone_of(request)
            values = await _of_page(connection, filters, report, search, shown, zone)
    if filters.format:
        return await _file(engine, settings, export, total)
    return page(
        request,
        "stores.html",
        filters=filters,
        report=report,
        windows=windows,
        window=window,
        shown=shown,
        bins=BINS,
        labels=[
            f"{key}={value}"
            for key, values_of in known.items()
            for value in values_of
            if key != NAME  # `Search` finds names
        ],
        first=(filters.page - 1) * PAGE + 1,
        **values,
    )


async def _of_page(
    connection: AsyncConnection,
    filters: StoreFilter,
    report: Report | None,
    search: Search,
    shown: Sequence[PageWindow],
    zone: str,
) -> dict[str, Any]:
    """Return what a page shows, but no file: one page of stores, and what its form offers."""
    reports = await queries.complete_reports(connection, _MAX_REPORTS, [filters.report_id])
    found = await find_stores(connection, report, search, filters.page - 1, shown)
    return {
        "total": found.total,
        "rows": found.rows,
        "last": max(1, -(-found.total // PAGE)),
        "reports": _choices(reports, zone),
        "zones": await time_zones(connection, search.default_timezone),
        "has_verdicts": await latest_report(connection, Report.verdicts) is not None,
    }


async def _latest(connection: AsyncConnection, with_verdicts: bool) -> Report | None:
    report = None
    if with_verdicts:
        report = await latest_report(connection, Report.verdicts)
    return report or await latest_report(connection)


def _choices(rows: Sequence[Row[Any]], zone: str) -> list[tuple[str, str]]:
    """Return the reports that can be chosen, by their ids: as of when, and what they are of."""
    return [
        (
            row.report_id,
            f"{formatting.when(row.as_of_polled or row.as_of_beating, zone, bare=True).striptags()}"
            f": {asked(row)}",
        )
        for row in rows
    ]


async def _file(
    engine: AsyncEngine, settings: Settings, export: StoreExport, total: int
) -> Response:
    """Return all stores as a file."""
    report, form = export.report, export.form
    as_of = report and (report.as_of_polled or report.as_of_beating)
    name = f"stores-{as_of:%Y%m%dT%H%M%SZ}.{form}" if as_of else f"stores.{form}"
    return StreamingResponse(
        await written(export.table(engine, total), form, settings.data_dir, {}),
        media_type=MEDIA[form],
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        },
    )
