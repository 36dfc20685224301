"""Files in over HTTP: upload, follow, and fetch what was rejected."""

import csv
import io
from collections.abc import AsyncIterator
from pathlib import PurePath
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.api.dependencies import Engine, ServerSettings
from openhours.api.fields import Text
from openhours.api.pagination import Cursor, link_header
from openhours.ingestion.inbox import add_ingestion
from openhours.ingestion.queries import find_ingestion, list_ingestions
from openhours.ingestion.uploads import folder_of, receive
from openhours.stores.tables import Ingestion, RejectedRow
from openhours.times import Instant

router = APIRouter(tags=["ingestion"])

Kind = Literal["status", "hours", "timezones"]
State = Literal["queued", "running", "complete", "failed"]
_PAGE = 10_000

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A CSV file with a header, plain, gzipped or zipped. Rows of each kind:\n"
        "- status: `8139926242460185114,2023-01-22 12:09:39.388884 UTC,active`\n"
        "- hours: `8139926242460185114,0,09:00:00,17:30:00` (0 is Monday)\n"
        "- timezones: `8139926242460185114,America/Denver`",
        "content": {
            "text/csv": {
                "schema": {"type": "string"},
                # Headers alone: a row would be taken for a store, and stay in all reports.
                "examples": {
                    "status": {"value": "store_id,timestamp_utc,status\n"},
                    "hours": {"value": "store_id,day,start_time_local,end_time_local\n"},
                    "timezones": {"value": "store_id,timezone_str\n"},
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
    """A file that is on the server's disk and queued."""

    ingestion_id: Annotated[str, Field(examples=["k9xYpBq2nQZ1rT4a"])]


class IngestionInfo(BaseModel):
    """What became of a file. When complete, rows = loaded + unchanged + rejected."""

    ingestion_id: Annotated[str, Field(examples=["k9xYpBq2nQZ1rT4a"])]
    name: Annotated[str, Field(description="The file's name.", examples=["store_status.csv"])]
    kind: Annotated[Kind | None, Field(description="Null until its header was read.")]
    state: State
    progress: Annotated[float, Field(ge=0, le=1, description="Share of the file that was read.")]
    sha256: Annotated[str | None, Field(description="Of the file's bytes as they were read.")]
    size: Annotated[int | None, Field(description="Bytes.")]
    rows: Annotated[int | None, Field(examples=[9999])]
    loaded: Annotated[int | None, Field(description="New or changed.", examples=[9990])]
    unchanged: Annotated[int | None, Field(description="Known before.", examples=[7])]
    rejected: Annotated[int | None, Field(description="Set aside: rejects.csv", examples=[2])]
    error: Annotated[str | None, Field(description="Why the file was refused whole.")]
    received_at: Instant
    duration_seconds: float | None


def ingestion_info(row: Ingestion) -> IngestionInfo:
    """An ingestion's description of itself."""
    duration = None
    if row.started_at is not None and row.finished_at is not None:
        duration = (row.finished_at - row.started_at).total_seconds()
    fields = {name: getattr(row, name) for name in IngestionInfo.model_fields if hasattr(row, name)}
    return IngestionInfo(**fields, received_at=row.created_at, duration_seconds=duration)


@router.post("/ingest/{kind}", status_code=202, openapi_extra=_BODY)
async def ingest(
    request: Request,
    response: Response,
    engine: Engine,
    settings: ServerSettings,
    kind: Kind,
    name: Annotated[
        Text | None, Query(max_length=255, description="The file's name, for the list.")
    ] = None,
) -> Accepted:
    """Take a CSV file as the raw body or as a multipart form; it is loaded in the background.

    The file is safe on the disk before this answers. Loading the same file again changes nothing.
    """
    upload = await receive(request, folder_of(settings), settings.max_upload_mb << 20)
    shown = (name or upload.name or f"{kind}.csv").replace("\0", "")
    shown = PurePath(shown.encode(errors="replace").decode()).name[:255] or f"{kind}.csv"
    try:
        async with engine.begin() as connection:
            ingestion_id = await add_ingestion(
                connection, settings, upload.path, name=shown, kind=kind, uploaded=True
            )
    except BaseException:
        upload.path.unlink(missing_ok=True)
        raise
    response.headers["Location"] = f"/ingestions/{ingestion_id}"
    return Accepted(ingestion_id=ingestion_id)


@router.get("/ingestions")
async def get_ingestions(
    request: Request,
    response: Response,
    engine: Engine,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Cursor = None,
) -> list[IngestionInfo]:
    """All ingestions, newest first; the next page is in the `Link` header."""
    async with engine.connect() as connection:
        page = await list_ingestions(connection, limit=limit, cursor=cursor)
    response.headers.update(link_header(request, page))
    return [ingestion_info(row) for row in page.rows]


@router.get("/ingestions/{ingestion_id}")
async def get_ingestion(engine: Engine, ingestion_id: Text) -> IngestionInfo:
    """What became of a file."""
    return ingestion_info(await find_ingestion(engine, ingestion_id))


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
    """The rows that were set aside, with their lines in the file and the reasons."""
    ingestion = await find_ingestion(engine, ingestion_id)
    return StreamingResponse(
        _rejects(engine, ingestion.id),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="rejects-{ingestion_id}.csv"'},
    )


async def _rejects(engine: AsyncEngine, ingestion: int) -> AsyncIterator[str]:
    line = 0
    yield "line,reason,row\n"
    while True:
        query = (
            select(RejectedRow.line, RejectedRow.reason, RejectedRow.raw)
            .where(RejectedRow.ingestion == ingestion, RejectedRow.line > line)
            .order_by(RejectedRow.line)
            .limit(_PAGE)
        )
        async with engine.connect() as connection:
            rows = (await connection.execute(query)).all()
        if not rows:
            return
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        for row in rows:
            # Bytes that are no UTF-8 are shown as \xff, the way a person can read and search them.
            writer.writerow((row.line, row.reason, row.raw.decode(errors="backslashreplace")))
        line = rows[-1].line
        yield out.getvalue()
