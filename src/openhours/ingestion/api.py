"""Ingestion over HTTP: upload a file, follow it, and fetch its rejected rows."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from pathlib import PurePath
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.api.csv_cells import inert_cell
from openhours.api.cursors import Cursor, link_header
from openhours.api.dependencies import ClientAddress, Engine, ServerSettings
from openhours.api.fields import Text
from openhours.api.json_answers import json_list_answer
from openhours.api.off_loop import off_loop
from openhours.ingestion.advice import Advice, advice_of
from openhours.ingestion.csv.kinds import Kind
from openhours.ingestion.names import printable
from openhours.ingestion.queries import find_ingestion, list_ingestions, list_rejected_rows
from openhours.ingestion.tables import Ingestion
from openhours.ingestion.uploads import folder_of, receive
from openhours.ingestion.write import add_ingestion, cancel
from openhours.times import Instant

router = APIRouter(tags=["ingestion"])

State = Literal["queued", "running", "complete", "failed"]
_PAGE = 1_000
# `receive` counts the bytes against a setting, which is not known where routes are declared.
_UNBOUNDED_HERE = 1 << 62

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A CSV file with a header, plain, gzipped or zipped. Rows of each kind:\n"
        "- status: `8139926242460185114,2023-01-22 12:09:39.388884 UTC,active`\n"
        "- hours: `8139926242460185114,0,09:00:00,17:30:00` (0 is Monday)\n"
        "- special_hours: `8139926242460185114,2024-12-25,,` (closed; `*` for all polled stores)\n"
        "- timezones: `8139926242460185114,America/Denver`\n"
        "- labels: `8139926242460185114,Elm Street,west` (the columns beside `store_id` are the "
        "labels; an empty value takes one away)",
        "content": {
            "text/csv": {
                "schema": {"type": "string"},
                # Headers alone: a row would be taken for a store, and stay in all reports.
                "examples": {
                    "status": {"value": "store_id,timestamp_utc,status\n"},
                    "hours": {"value": "store_id,day,start_time_local,end_time_local\n"},
                    "special_hours": {"value": "store_id,date,start_time_local,end_time_local\n"},
                    "timezones": {"value": "store_id,timezone_str\n"},
                    "labels": {"value": "store_id,name,region\n"},
                },
            },
            "application/gzip": {"schema": {"type": "string", "format": "binary"}},
            "application/zip": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "format": "binary"}},
                    "required": ["file"],
                }
            },
        },
    }
}


class Accepted(BaseModel):
    """File that is stored on the server and queued to be loaded."""

    ingestion_id: Annotated[str, Field(examples=["k9xYpBq2nQZ1rT4a"])]


class IngestionInfo(BaseModel):
    """State of an ingestion. When it is complete, rows = loaded + unchanged + rejected."""

    ingestion_id: Annotated[str, Field(examples=["k9xYpBq2nQZ1rT4a"])]
    name: Annotated[str, Field(description="Name of the file.", examples=["store_status.csv"])]
    kind: Annotated[
        Kind | None, Field(description="Null until the header of an inbox file is read.")
    ]
    state: State
    progress: Annotated[float, Field(ge=0, le=1, description="Share of the work that is done.")]
    sha256: Annotated[
        str | None, Field(description="SHA-256 of the file, in hex; null until it is loaded.")
    ]
    size: Annotated[int | None, Field(description="Size of the file in bytes.")]
    rows: Annotated[
        int | None, Field(description="Rows of the file, without blank lines.", examples=[9999])
    ]
    loaded: Annotated[
        int | None, Field(description="Rows that are new or changed.", examples=[9990])
    ]
    unchanged: Annotated[
        int | None, Field(description="Rows that were known before.", examples=[7])
    ]
    rejected: Annotated[
        int | None, Field(description="Rows that were rejected: see `rejects.csv`.", examples=[2])
    ]
    rejected_by_reason: Annotated[
        dict[str, int] | None,
        Field(description="Rejected rows by reason.", examples=[{"bad_status": 2}]),
    ]
    warning: Annotated[
        str | None,
        Field(description="Store ids that a spreadsheet would take for formulas, if there are."),
    ]
    advice: Annotated[
        int | None, Field(description="How much advice there is: see `advice`.", examples=[0])
    ]
    error: Annotated[str | None, Field(description="Why no row of the file was loaded.")]
    received_at: Instant
    duration_seconds: float | None


def ingestion_info(row: Ingestion | Row[Any]) -> IngestionInfo:
    """Return an ingestion as the API describes it."""
    duration = None
    if row.started_at is not None and row.finished_at is not None:
        duration = (row.finished_at - row.started_at).total_seconds()
    fields = {name: getattr(row, name) for name in IngestionInfo.model_fields if hasattr(row, name)}
    fields |= {
        "advice": None if row.advice is None else len(row.advice),
        "received_at": row.created_at,
        "duration_seconds": duration,
    }
    return IngestionInfo(**fields)


@router.post("/ingest/{kind}", status_code=202, openapi_extra=_BODY, max_body_size=_UNBOUNDED_HERE)
async def ingest(
    request: Request,
    response: Response,
    engine: Engine,
    settings: ServerSettings,
    kind: Kind,
    name: Annotated[
        Text | None,
        Query(max_length=255, description="Name of the file; default that of the form's file."),
    ] = None,
) -> Accepted:
    """Upload a CSV file, as the raw body or in a multipart form; it is loaded in the background.

    The file is durable before the answer is sent. Loading the same file again changes nothing.
    """
    upload = await receive(request, folder_of(settings), settings.max_upload_mb << 20)
    committing = False
    try:
        async with engine.begin() as connection:
            _, ingestion_id = await add_ingestion(
                connection,
                settings,
                upload.path,
                name=_name_of(name or upload.name, kind),
                kind=kind,
                uploaded=True,
            )
            committing = True
    except BaseException:
        # Where the connection broke during the commit, an ingestion may await the file.
        if not committing:
            upload.path.unlink(missing_ok=True)
        raise
    response.headers["Location"] = f"/ingestions/{ingestion_id}"
    return Accepted(ingestion_id=ingestion_id)


def _name_of(name: str | None, kind: Kind) -> str:
    """Return a name for the list, without folders; a form's may hold anything."""
    text = (name or "").replace("\0", "").encode(errors="replace").decode()
    return printable(PurePath(text).name[:255]) or f"{kind}.csv"


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
    return await json_list_answer(page.rows, ingestion_info, link_header(request, page))


@router.get("/ingestions/{ingestion_id}")
async def get_ingestion(engine: Engine, ingestion_id: Text) -> IngestionInfo:
    """Return the state of an ingestion: its progress, its counts of rows, or its error."""
    return ingestion_info(await find_ingestion(engine, ingestion_id))


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
