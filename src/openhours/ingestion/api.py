"""Ingestions over HTTP: list and follow them, and fetch advice and rejected rows."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.api.changes import WatchedChanges, event_responses
from openhours.api.csv_cells import inert_cell
from openhours.api.cursors import Cursor, link_header
from openhours.api.dependencies import ClientAddress, Engine
from openhours.api.fields import Text
from openhours.api.json_answers import json_list_answer
from openhours.api.off_loop import off_loop
from openhours.db.deliveries import Delivery, deliveries_of
from openhours.ingestion.advice import Advice, advice_of
from openhours.ingestion.notify import CHANGED
from openhours.ingestion.queries import find_ingestion, list_ingestions, list_rejected_rows
from openhours.ingestion.schemas import IngestionInfo, ingestion_info
from openhours.ingestion.tables import Ingestion
from openhours.ingestion.write import cancel

router = APIRouter(tags=["ingestion"])

_PAGE = 1_000


@router.get("/ingestions", response_model=list[IngestionInfo])
async def get_ingestions(
    request: Request,
    engine: Engine,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Cursor = None,
) -> Response:
    """List ingestions, newest first; the `Link` header leads to the next page."""
    async with engine.connect() as connection:
        page = await list_ingestions(connection, limit=limit, cursor=cursor)
        sent = await deliveries_of(connection, Delivery.ingestion, [row.id for row in page.rows])
    return await json_list_answer(
        page.rows, lambda row: ingestion_info(row, sent[row.id]), link_header(request, page)
    )


@router.get("/ingestions/{ingestion_id}")
async def get_ingestion(engine: Engine, ingestion_id: Text) -> IngestionInfo:
    """Return the state of an ingestion: its progress, its counts of rows, or its error."""
    found = await find_ingestion(engine, ingestion_id)
    async with engine.connect() as connection:
        sent = await deliveries_of(connection, Delivery.ingestion, [found.id])
    return ingestion_info(found, sent[found.id])


_QUEUED = {"state": "queued", "progress": 0.0, "name": "store_status.csv", "…": "…"}
_COMPLETE = {"state": "complete", "progress": 1.0, "name": "store_status.csv", "…": "…"}


@router.get(
    "/ingestions/{ingestion_id}/events",
    response_class=StreamingResponse,
    responses=event_responses([("progress", _QUEUED), ("end", _COMPLETE)]),
)
async def follow_ingestion(
    engine: Engine, changes: WatchedChanges, ingestion_id: Text
) -> StreamingResponse:
    """Follow an ingestion by server-sent events, until it is complete or has failed.

    The data of each is the ingestion as `/ingestions/{ingestion_id}` returns it, but for its
    deliveries.
    """
    return await changes.events(
        find_ingestion,
        engine,
        ingestion_id,
        [CHANGED],
        lambda row: ingestion_info(row).model_dump(mode="json", exclude={"deliveries"}),
        removed={"state": "removed", "progress": 0},
    )


@router.delete(
    "/ingestions/{ingestion_id}",
    status_code=204,
    responses={409: {"description": "The file is loaded already."}},
)
async def cancel_ingestion(engine: Engine, address: ClientAddress, ingestion_id: Text) -> None:
    """Cancel an ingestion that is queued or running: it fails, and no row of its file is loaded.

    One that has failed stays as it is.
    """
    await cancel(engine, ingestion_id, f"a request from {address}")


@router.get("/ingestions/{ingestion_id}/advice")
async def get_advice(engine: Engine, ingestion_id: Text) -> list[Advice]:
    """Return what is probably wrong, as it was when the file was loaded, and what to do about it.

    Of polls, hours and time zones: repeated rows, hours that overlap, stores without hours or a
    time zone, and those whose active polls are at other hours than they are open. An empty list
    means that nothing was found.
    """
    return advice_of(await find_ingestion(engine, ingestion_id))


@router.get(
    "/ingestions/{ingestion_id}/rejects.csv",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {
                "text/csv": {
                    "example": "line,reason,row\n17,mangled_store_id,"
                    '"8.13992E+018,2023-01-22 12:09:39 UTC,active"\n'
                }
            }
        }
    },
)
async def get_rejects(engine: Engine, ingestion_id: Text) -> StreamingResponse:
    """Return the rejected rows as CSV: line number, reason, and the row as it was written.

    A row that a spreadsheet would take for a formula has an apostrophe before it. Of a file the
    first 10,000 are kept, 4 KiB of each; a last row, `not_kept`, says how many more there were.
    """
    ingestion = await find_ingestion(engine, ingestion_id)
    return StreamingResponse(
        _rejects_csv(engine, ingestion),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="rejects-{ingestion_id}.csv"'},
    )


async def _rejects_csv(engine: AsyncEngine, ingestion: Ingestion) -> AsyncIterator[str]:
    line = kept = 0
    yield "line,reason,row\n"
    while True:
        async with engine.connect() as connection:
            rows = await list_rejected_rows(connection, ingestion.id, after_line=line, limit=_PAGE)
        if not rows:
            break
        kept += len(rows)
        line = rows[-1].line
        yield await off_loop(_csv_lines, rows)
    more = (ingestion.rejected or 0) - kept
    if more > 0:
        yield f',not_kept,"{more:,} more rows were rejected and are not kept"\n'


def _csv_lines(rows: Sequence[Row[int, str, bytes]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for row in rows:
        # Bytes that are not UTF-8 become \xff, which a person can read and search for.
        text = row.raw.decode(errors="backslashreplace")
        writer.writerow((row.line, row.reason, inert_cell(text)))
    return out.getvalue()
