"""The main job over HTTP: trigger a report, get it, list all of them."""

import re
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.accounts.access_control import CurrentCaller
from openhours.api.changes import Changes, WatchedChanges
from openhours.api.cursors import Cursor, link_header
from openhours.api.dependencies import Engine, ServerSettings, public_path
from openhours.api.fields import Text
from openhours.api.idempotency_key import Key
from openhours.api.json_answers import json_list_answer
from openhours.api.json_body import json_body, parse_json
from openhours.api.negotiation import accepted, prefers_async, seconds_to_wait
from openhours.api.repeated import once
from openhours.db.deliveries import Delivery, deliveries_of
from openhours.db.queue import UNFINISHED
from openhours.errors import invalid, located
from openhours.reports.answers import (
    GET_ANSWERS,
    MAX_WAIT,
    PREFER,
    PREFER_ASYNC,
    TRIGGER_ANSWERS,
)
from openhours.reports.download_answers import Download, download_answer
from openhours.reports.downloads import file_name, report_table
from openhours.reports.formats import Format
from openhours.reports.group_tables import check_key, group_table
from openhours.reports.layouts import Layout
from openhours.reports.notify import ENDED
from openhours.reports.queries import find_report, list_reports
from openhours.reports.schemas import (
    ReportInfo,
    ReportOptions,
    Triggered,
    report_info,
)
from openhours.reports.tables import Report
from openhours.reports.tabular import Table
from openhours.reports.trigger import trigger
from openhours.stores.labels import MAX_LENGTH

router = APIRouter(tags=["reports"])

Detail = Literal["basic", "full"]

# Enough for the most store_ids there may be, even if they are UUIDs.
_MAX_BODY_BYTES = 4 << 20
# A body that /docs can send as it is.
_EXAMPLE = {"interpolation": "nearest"}


@router.post(
    "/trigger_report",
    max_body_size=_MAX_BODY_BYTES,
    responses=TRIGGER_ANSWERS,
    openapi_extra=json_body(ReportOptions.model_json_schema(), _EXAMPLE, required=False)
    | {"parameters": [PREFER_ASYNC]},
)
async def trigger_report(
    request: Request,
    response: Response,
    engine: Engine,
    settings: ServerSettings,
    caller: CurrentCaller,
    key: Key = None,
) -> Triggered:
    """Start a report in the background. It is durable before this answers: poll `/get_report`.

    200, or 202 to `Prefer: respond-async` (RFC 7240).
    """
    body = await request.body()
    options = (
        parse_json(request, body, ReportOptions.model_validate_json) if body else ReportOptions()
    )
    async with engine.begin() as connection:

        async def make() -> str:
            with located("body"):
                return await trigger(connection, settings, **dict(options))

        asked = options.model_dump(mode="json")
        report_id = await once(connection, Report.report_id, caller.name, key, asked, make)
    response.status_code, headers = _unfinished(request)
    response.headers.update(headers | {"Location": f"/get_report/{report_id}"})
    return Triggered(report_id=report_id)


def _unfinished(request: Request) -> tuple[int, dict[str, str]]:
    """Return the status and headers of an answer to which the report is not complete yet.

    Clients written for this API look for 200; 202 is for those who say that they know it.
    """
    if prefers_async(request.headers):
        return 202, {"Preference-Applied": "respond-async", "Vary": "Prefer"}
    return 200, {"Vary": "Prefer"}


_FormatQuery = Annotated[
    Format | None,
    Query(
        description="Format of the rows; default csv. xlsx is a workbook for spreadsheets, in "
        "which ids are text; it holds 1,048,575 rows."
    ),
]
_DetailQuery = Annotated[
    Detail,
    Query(
        description="full adds coverage, corrected time, and uptime_expected, uptime_p05 and "
        "uptime_p95 of each window; the last three are empty if the report has no intervals. If it "
        "has verdicts, full adds target and verdict_…, and to groups how many stores met theirs."
    ),
]
_LayoutQuery = Annotated[
    Layout,
    Query(
        description="long: a line a store and window, with where the window begins and ends for "
        "the store, its open time, and uptime in percent of it."
    ),
]


_GroupQuery = Annotated[
    Text | None,
    Query(
        description="A label key: a line for each of its values, with sums over the stores that "
        "have it; those without one come last, under an empty value.",
        max_length=MAX_LENGTH,
        examples=["region"],
    ),
]


@router.head("/get_report", include_in_schema=False)
@router.get(
    "/get_report",
    responses=GET_ANSWERS,
    response_class=Response,
    openapi_extra={"parameters": [PREFER]},
)
async def get_report(
    request: Request,
    engine: Engine,
    changes: WatchedChanges,
    report_id: Annotated[Text, Query(description="The id that `/trigger_report` returned.")],
    format: _FormatQuery = None,
    detail: _DetailQuery = "basic",
    layout: _LayoutQuery = "wide",
    group_by: _GroupQuery = None,
) -> Response:
    """Return the report's CSV when it is complete, until then its progress.

    `X-Report-Status` says which. While the report is queued or running, the answer is JSON with
    `status` and `progress`: 200, or 202 to `Prefer: respond-async` (RFC 7240). With
    `Prefer: wait=N` the answer waits for the end of the report, up to N seconds, 60 at most.

    A row has the uptime and downtime of a store in the last hour (in minutes), day and week (in
    hours), or in the windows that were asked for, rounded half to even to 2 decimals. They are
    empty if no observation of the lookback counts. With an `Accept` of `application/json` alone the
    answer is the report's description.
    """
    return await _answer(request, engine, changes, report_id, format, detail, layout, group_by)


@router.head("/get_report/{report_id}", include_in_schema=False)
@router.get(
    "/get_report/{report_id}",
    responses=GET_ANSWERS,
    response_class=Response,
    openapi_extra={"parameters": [PREFER]},
)
async def get_report_by_path(
    request: Request,
    engine: Engine,
    changes: WatchedChanges,
    report_id: Text,
    format: _FormatQuery = None,
    detail: _DetailQuery = "basic",
    layout: _LayoutQuery = "wide",
    group_by: _GroupQuery = None,
) -> Response:
    """Return the same as `/get_report?report_id=…`."""
    return await _answer(request, engine, changes, report_id, format, detail, layout, group_by)


async def _answer(
    request: Request,
    engine: AsyncEngine,
    changes: Changes,
    report_id: Text,
    format: Format | None,
    detail: Detail,
    layout: Layout,
    group_by: str | None,
) -> Response:
    if group_by is not None and layout == "long":
        raise invalid("groups have no layout=long", "query", "group_by")
    seconds = seconds_to_wait(request.headers, MAX_WAIT)
    report = await changes.wait(find_report, engine, report_id, [ENDED], seconds)
    if report.state in UNFINISHED:
        running = {"report_id": report_id, "status": "Running", "progress": report.progress}
        code, headers = _unfinished(request)
        headers |= {"X-Report-Status": "Running", "Retry-After": "1", "Cache-Control": "no-store"}
        return JSONResponse(running, code, headers)
    if report.state == "failed":
        failed = {"report_id": report_id, "status": "Failed", "error": report.error}
        return JSONResponse(failed, 500, {"X-Report-Status": "Failed"})
    headers = {"X-Report-Status": "Complete", "Vary": "Accept, Prefer"}
    metadata = report_info(report, public_path(request)).model_dump(mode="json")
    if format is None and _wants_description(request):
        return JSONResponse(metadata, headers=headers)
    if group_by is not None:
        with located("query", "group_by"):
            check_key(report.groups, group_by)

    def table() -> Table:
        if group_by is not None:
            return group_table(engine, report, group_by, detail == "full")
        return report_table(engine, report, layout, detail == "full")

    suffix = "-long" if layout == "long" else ""
    if group_by is not None:
        suffix = f"-by-{re.sub('[^0-9A-Za-z]+', '-', group_by)}"
    file = Download(
        table,
        format or "csv",
        key=f"{detail} {layout} {group_by!r}",
        name=f"{file_name(report)}{suffix}",
    )
    return await download_answer(request, report, file, metadata, headers)


def _wants_description(request: Request) -> bool:
    named = {media for media, weight in accepted(request.headers).items() if weight > 0}
    return "application/json" in named and named.isdisjoint(("text/csv", "*/*"))


@router.get("/reports", response_model=list[ReportInfo])
async def get_reports(
    request: Request,
    engine: Engine,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Cursor = None,
) -> Response:
    """List reports, newest first. The next page is in the `Link` header."""
    async with engine.connect() as connection:
        page = await list_reports(connection, limit=limit, cursor=cursor)
        sent = await deliveries_of(connection, Delivery.report, [row.id for row in page.rows])
    root = public_path(request)
    return await json_list_answer(
        page.rows,
        lambda report: report_info(report, root, sent[report.id]),
        link_header(request, page),
    )
