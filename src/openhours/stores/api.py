"""Corrections over HTTP: make one, list and get them, revoke one."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from openhours.accounts.access_control import CurrentCaller
from openhours.api.cursors import Cursor, link_header
from openhours.api.dependencies import ClientAddress, Engine
from openhours.api.fields import Text
from openhours.api.json_answers import json_list_answer
from openhours.api.json_body import json_body, read_json
from openhours.api.openapi import HOUR_AGO, NOW
from openhours.errors import located
from openhours.stores import queries
from openhours.stores.corrections import make_correction, revoke_correction
from openhours.stores.schemas import CorrectionInfo, NewCorrection

router = APIRouter(prefix="/corrections", tags=["corrections"])

# What one may press Execute on, in /docs.
_EXAMPLE = {
    "all": True,
    "from": HOUR_AGO,
    "to": NOW,
    "treat_as": "excluded",
    "category": "maintenance",
    "reason": "the point of sale was updated",
}


@router.post(
    "",
    status_code=201,
    openapi_extra=json_body(NewCorrection.model_json_schema(), _EXAMPLE),
)
async def add_correction(
    request: Request,
    response: Response,
    engine: Engine,
    caller: CurrentCaller,
    address: ClientAddress,
) -> CorrectionInfo:
    """Say that a stretch of time is not counted, or is known to have been up or down.

    Reports that run from now on keep to it; where several corrections meet, the one made last
    decides. The stretch may lie ahead: planned maintenance.
    """
    new = await read_json(request, NewCorrection)
    with located("body"):
        made = await make_correction(engine, new, who=caller.name, where=address)
    response.headers["Location"] = f"{router.prefix}/{made.correction_id}"
    return made


@router.get("", response_model=list[CorrectionInfo])
async def get_corrections(
    request: Request,
    engine: Engine,
    limit: Annotated[int, Query(ge=1, le=100)] = 100,
    cursor: Cursor = None,
) -> Response:
    """List corrections, the last made first, revoked ones, too; the next page is in `Link`."""
    async with engine.connect() as connection:
        page = await queries.list_corrections(connection, limit=limit, cursor=cursor)
    return await json_list_answer(page.rows, queries.correction_info, link_header(request, page))


@router.get("/{correction_id}")
async def get_correction(engine: Engine, correction_id: Text) -> CorrectionInfo:
    """Return a correction, revoked or not."""
    async with engine.connect() as connection:
        return await queries.find_correction(connection, correction_id)


@router.delete("/{correction_id}", status_code=204)
async def delete_correction(
    engine: Engine, caller: CurrentCaller, address: ClientAddress, correction_id: Text
) -> None:
    """Revoke a correction: the next report is as if it had never been made. Repeatable.

    It stays listed, with who revoked it; reports that are complete do not change.
    """
    await revoke_correction(engine, correction_id, who=caller.name, where=address)
