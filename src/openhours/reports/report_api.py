"""One report over HTTP: its description, its events while it is computed, its removal."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from openhours.accounts.access_control import CurrentCaller
from openhours.api.changes import WatchedChanges, event_responses
from openhours.api.dependencies import ClientAddress, Engine, public_path
from openhours.api.fields import Text
from openhours.db.deliveries import Delivery, deliveries_of
from openhours.reports.notify import ENDED, PROGRESS
from openhours.reports.queries import find_report
from openhours.reports.retention import remove_report
from openhours.reports.schemas import ReportInfo, report_info
from openhours.reports.tables import Report

router = APIRouter(tags=["reports"])

_RUNNING = {"status": "Running", "progress": 0.5, "row_count": None, "error": None}
_COMPLETE = {"status": "Complete", "progress": 1.0, "row_count": 13584, "error": None}
_REMOVED = {"status": "Removed", "progress": 0, "row_count": None, "error": None}


@router.get("/reports/{report_id}")
async def get_report_info(request: Request, engine: Engine, report_id: Text) -> ReportInfo:
    """Return the description of a report: its state, its options, its size, its deliveries."""
    report = await find_report(engine, report_id)
    async with engine.connect() as connection:
        sent = await deliveries_of(connection, Delivery.report, [report.id])
    return report_info(report, public_path(request), sent[report.id])


@router.get(
    "/reports/{report_id}/events",
    response_class=StreamingResponse,
    responses=event_responses([("progress", _RUNNING), ("end", _COMPLETE)]),
)
async def follow_report(
    request: Request, engine: Engine, changes: WatchedChanges, report_id: Text
) -> Response:
    """Follow a report by server-sent events, until it is complete, has failed or is removed.

    The data of each is JSON with `status`, `progress`, `row_count` and `error`.
    """
    root = public_path(request)

    def told(report: Report) -> dict[str, Any]:
        return report_info(report, root).model_dump(mode="json", include=set(_RUNNING))

    return await changes.events(find_report, engine, report_id, [ENDED, PROGRESS], told, _REMOVED)


@router.delete("/reports/{report_id}", status_code=204, response_class=Response)
async def delete_report(
    engine: Engine, caller: CurrentCaller, address: ClientAddress, report_id: Text
) -> None:
    """Cancel a report that is queued or running, or remove one that has ended: it is a 404 then."""
    await remove_report(engine, report_id, who=caller.name, where=address)
