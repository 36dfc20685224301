"""What triggering and getting a report answer, and the `Prefer` they read: for OpenAPI."""

from typing import Any

from openhours.api.downloads import FILE_ANSWERS
from openhours.api.openapi import header, header_parameter
from openhours.reports.download_answers import TABLE_HEADERS
from openhours.reports.formats import MEDIA
from openhours.reports.layouts import Wide
from openhours.reports.schemas import (
    ReportFailed,
    ReportInfo,
    ReportRows,
    ReportRunning,
    Triggered,
)
from openhours.uptime.windows import DEFAULT_WINDOWS

MAX_WAIT = 60  # seconds

PREFER_ASYNC = header_parameter("Prefer", "`respond-async`: 202 instead of 200.")
PREFER = header_parameter(
    "Prefer",
    f"`wait=N`: answer when the report has ended, after N seconds at the latest, {MAX_WAIT} at "
    "most. `respond-async`: 202 while it runs.",
)

_LOCATION = {"Location": header("Where the report will be.")}
TRIGGER_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"headers": _LOCATION},
    202: {
        "model": Triggered,
        "description": "As 200, to `Prefer: respond-async`.",
        "headers": _LOCATION,
    },
}

_RUNNING = {"report_id": "2fLRb9xhT0mrwV6sX3n8cQ", "status": "Running", "progress": 0.5}
_FAILED = {"report_id": "2fLRb9xhT0mrwV6sX3n8cQ", "status": "Failed", "error": "…"}
_STATUS_HEADER = {"X-Report-Status": header("`Running`, `Complete` or `Failed`.")}
GET_ANSWERS: dict[int | str, dict[str, Any]] = FILE_ANSWERS | {
    200: {
        "headers": TABLE_HEADERS | _STATUS_HEADER,
        "model": ReportRunning | ReportInfo | ReportRows,
        "description": "`X-Report-Status: Complete`: the CSV, or what was asked for. "
        "`X-Report-Status: Running`: JSON; ask again.",
        "content": {
            "text/csv": {
                "example": ",".join(
                    heading.title for heading in Wide(DEFAULT_WINDOWS, False).headings
                )
                + "\n8139926242460185114,60.00,11.50,74.82,0.00,0.50,5.18\n"
            },
            "application/json": {"example": _RUNNING},
            MEDIA["parquet"]: {},
            MEDIA["xlsx"]: {},
        },
    },
    202: {
        "model": ReportRunning,
        "description": "Running, to `Prefer: respond-async`: ask again.",
        "headers": _STATUS_HEADER,
        "content": {"application/json": {"example": _RUNNING}},
    },
    404: {"description": "No such report."},
    500: {
        "model": ReportFailed,
        "description": "The report failed; `error` says why.",
        "headers": _STATUS_HEADER,
        "content": {"application/json": {"example": _FAILED}},
    },
}
