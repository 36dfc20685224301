"""One report over HTTP: its description, its events while it is computed, its removal."""

import json
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from openhours.accounts.access_control import CurrentCaller
from openhours.api.dependencies import ClientAddress, Engine, public_path
from openhours.api.fields import Text
from openhours.errors import NotFound
from openhours.reports.changes import ReportChanges
from openhours.reports.queries import find_report
from openhours.reports.retention import remove_report
from openhours.reports.schemas import ReportInfo, report_info

router = APIRouter(tags=["reports"])

# Proxies close connections on which nothing comes for a minute.
_AT_LEAST_EVERY = 15.0  # seconds
_EXAMPLE = """event: progress
data: {"status": "Running", "progress": 0.5, "row_count": null, "error": null}

event: end
data: {"status": "Complete", "progress": 1.0, "row_count": 13584, "error": null}

"""


@router.get("/reports/{report_id}")
async def get_report_info(request: Request, engine: Engine, report_id: Text) -> ReportInfo:
    """Return the description of a report: its state, its options and its size."""
    return report_info(await find_report(engine, report_id), public_path(request))


_EVENT = {
    "type": "object",
    "properties": {"event": {"enum": ["progress", "end"]}, "data": {"type": "string"}},
    "required": ["event", "data"],
}


@router.get(
    "/reports/{report_id}/events",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Server-sent events: `progress`, and `end` at last.",
            "content": {"text/event-stream": {"schema": _EVENT, "example": _EXAMPLE}},
        }
    },
)
async def follow_report(
    request: Request, engine: Engine, changes: ReportChanges, report_id: Text
) -> Response:
    """Follow a report by server-sent events, until it is complete, has failed or is removed.

    The data of each is JSON with `status`, `progress`, `row_count` and `error`.
    """
    await find_report(engine, report_id)  # a 404 can only be told before the stream begins
    root = public_path(request)

    async def events() -> AsyncIterator[str]:
        try:
            async for report in changes.follow(engine, report_id, _AT_LEAST_EVERY):
                info = report_info(report, root)
                told = {"status", "progress", "row_count", "error"}
                name = "progress" if info.status == "Running" else "end"
                yield _event(name, info.model_dump(mode="json", include=told))
        except NotFound:
            removed = {"status": "Removed", "progress": 0, "row_count": None, "error": None}
            yield _event("end", removed)

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events(), 200, headers, "text/event-stream")


def _event(name: str, data: object) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


@router.delete("/reports/{report_id}", status_code=204, response_class=Response)
async def delete_report(
    engine: Engine, caller: CurrentCaller, address: ClientAddress, report_id: Text
) -> None:
    """Cancel a report that is queued or running, or remove one that has ended: it is a 404 then."""
    await remove_report(engine, report_id, who=caller.name, where=address)
