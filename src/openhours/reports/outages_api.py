"""The outages of a report over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from openhours.api.dependencies import Engine, public_path
from openhours.api.downloads import FILE_ANSWERS
from openhours.api.fields import Text
from openhours.errors import Conflict
from openhours.reports.download_answers import TABLE_HEADERS, Download, download_answer
from openhours.reports.downloads import file_name, outage_table
from openhours.reports.formats import MEDIA, Format
from openhours.reports.outages import OUTAGE_HEADINGS
from openhours.reports.queries import find_complete_report
from openhours.reports.schemas import ReportRows, report_info

router = APIRouter(tags=["reports"])

_EXAMPLE = (
    ",".join(heading.title for heading in OUTAGE_HEADINGS)
    + "\n8139926242460185114,2023-01-24T17:30:00.000000Z,2023-01-24T19:02:30.000000Z,"
    "2023-01-24T17:00:00.000000Z,2023-01-24T19:35:00.000000Z,92.50,2,false\n"
)


@router.head("/reports/{report_id}/outages", include_in_schema=False)
@router.get(
    "/reports/{report_id}/outages",
    response_class=Response,
    responses=FILE_ANSWERS
    | {
        200: {
            "headers": TABLE_HEADERS,
            "model": ReportRows,
            "description": "The outages.",
            "content": {
                "text/csv": {"example": _EXAMPLE},
                MEDIA["parquet"]: {},
                MEDIA["xlsx"]: {},
            },
        },
        404: {"description": "No such report."},
        409: {"description": "It is not complete, or was not asked for outages."},
    },
)
async def get_outages(
    request: Request,
    engine: Engine,
    report_id: Text,
    format: Annotated[
        Format, Query(description="Format of the rows. xlsx holds 1,048,575 of them.")
    ] = "csv",
) -> Response:
    """Return the outages of a report that was triggered with `"outages": true`.

    An outage is a stretch of downtime of a store with no uptime in between; closed time does not
    end it, and does not count in its length. Those that have downtime in one of the report's
    windows are listed whole, sorted by store_id and began_at. `ended_at` is empty while no uptime
    has followed: then it is `ongoing`. `began_earliest` and `ended_latest` are the active
    observations around it, empty where there is none; `observations` counts the inactive ones
    in it. `downtime` is in minutes of open time.
    """
    report = await find_complete_report(engine, report_id)
    if not report.outages:
        raise Conflict('the report was not asked for outages: trigger one with {"outages": true}')
    file = Download(
        lambda: outage_table(engine, report),
        format,
        key="outages",
        name=f"{file_name(report)}-outages",
    )
    metadata = report_info(report, public_path(request)).model_dump(mode="json")
    return await download_answer(request, report, file, metadata, {})
