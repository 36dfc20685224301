"""Uploading a file to be ingested over HTTP."""

from dataclasses import dataclass
from pathlib import PurePath
from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from openhours.accounts.access_control import CurrentCaller
from openhours.api.dependencies import Engine, ServerSettings
from openhours.api.fields import Text
from openhours.api.idempotency_key import Key
from openhours.api.repeated import once
from openhours.ingestion.csv.kinds import Kind
from openhours.ingestion.names import printable
from openhours.ingestion.tables import Ingestion
from openhours.ingestion.uploads import (
    Upload,
    folder_of,
    receive,
    remove_upload,
    sha256_of,
    share,
)
from openhours.ingestion.write import add_ingestion

router = APIRouter(tags=["ingestion"])

# `receive` counts the bytes against a setting, which is not known where routes are declared.
_UNBOUNDED_HERE = 1 << 62

_DESCRIPTION = (
    "A CSV file with a header, plain, gzipped or zipped; or, for polls, a Parquet file with the "
    "same columns. Rows of each kind:\n"
    "- status: `8139926242460185114,2023-01-22 12:09:39.388884 UTC,active`\n"
    "- hours: `8139926242460185114,0,09:00:00,17:30:00` (0 is Monday)\n"
    "- special_hours: `8139926242460185114,2024-12-25,,` (closed; `*` for all polled stores)\n"
    "- timezones: `8139926242460185114,America/Denver`\n"
    "- labels: `8139926242460185114,Elm Street,west` (the columns beside `store_id` are the "
    "labels; an empty value takes one away)"
)
# Headers alone: a row would be taken for a store, and stay in all reports.
_TOLD_BY_HEADER = {
    "status": {"value": "store_id,timestamp_utc,status\n"},
    "hours": {"value": "store_id,day,start_time_local,end_time_local\n"},
    "special_hours": {"value": "store_id,date,start_time_local,end_time_local\n"},
    "timezones": {"value": "store_id,timezone_str\n"},
}
_LABELS = {"labels": {"value": "store_id,name,region\n"}}


def _body(examples: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Return how a file is described, with these examples."""
    return {
        "requestBody": {
            "required": True,
            "description": _DESCRIPTION,
            "content": {
                "text/csv": {"schema": {"type": "string"}, "examples": examples},
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


_NameQuery = Annotated[
    Text | None,
    Query(max_length=255, description="Name of the file; default that of the form's file."),
]


@dataclass(frozen=True)
class _Sending:
    """A request that brings a file."""

    request: Request
    response: Response
    engine: Engine
    settings: ServerSettings
    caller: CurrentCaller
    key: Key = None
    name: _NameQuery = None


Sending = Annotated[_Sending, Depends()]


class Accepted(BaseModel):
    """File that is stored on the server and queued to be loaded."""

    ingestion_id: Annotated[str, Field(examples=["k9xYpBq2nQZ1rT4a"])]


@router.post(
    "/ingest",
    status_code=202,
    openapi_extra=_body(_TOLD_BY_HEADER),
    max_body_size=_UNBOUNDED_HERE,
)
async def ingest_any(sending: Sending) -> Accepted:
    """Upload a file without naming its kind, which its header tells.

    A labels file needs a name that begins with `labels`. All else is as for `/ingest/{kind}`.
    """
    return await _ingest(sending, None)


@router.post(
    "/ingest/{kind}",
    status_code=202,
    openapi_extra=_body(_TOLD_BY_HEADER | _LABELS),
    max_body_size=_UNBOUNDED_HERE,
)
async def ingest(sending: Sending, kind: Kind) -> Accepted:
    """Upload a CSV file, as the raw body or in a multipart form; it is loaded in the background.

    The file is durable before the answer is sent. Loading the same file again changes nothing. With
    an `Idempotency-Key` the upload can be sent again: it is the same ingestion.
    """
    return await _ingest(sending, kind)


async def _ingest(sending: _Sending, kind: Kind | None) -> Accepted:
    settings, key = sending.settings, sending.key
    upload = await receive(sending.request, folder_of(settings), settings.max_upload_mb << 20)
    path, awaited = str(upload.path), False
    try:
        name = _name_of(sending.name or upload.name, kind)
        asked = [kind, name, await _digest(upload) if key else None]
        path = await share(upload.path, settings)
        async with sending.engine.begin() as connection:

            async def make() -> str:
                nonlocal awaited
                added = await add_ingestion(
                    connection, settings, path, name=name, kind=kind, uploaded=True
                )
                # Where the connection breaks during the commit, an ingestion may await the file.
                awaited = True
                return added.ingestion_id

            ingestion_id = await once(
                connection, Ingestion.ingestion_id, sending.caller.name, key, asked, make
            )
    finally:
        if not awaited:
            await remove_upload(path)
    sending.response.headers["Location"] = f"/ingestions/{ingestion_id}"
    return Accepted(ingestion_id=ingestion_id)


async def _digest(upload: Upload) -> str:
    return await anyio.to_thread.run_sync(sha256_of, upload.path)


def _name_of(name: str | None, kind: Kind | None) -> str:
    """Return a name for the list, without folders; a form's may hold anything."""
    text = (name or "").replace("\0", "").encode(errors="replace").decode()
    return printable(PurePath(text).name[:255]) or f"{kind or 'upload'}.csv"
