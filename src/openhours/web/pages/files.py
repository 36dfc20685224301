"""`/files/<id>`: what became of a file, advice, and its rejected rows with their reasons."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from openhours.api.dependencies import ClientAddress, Engine, ServerSettings
from openhours.api.fields import Text
from openhours.db.deliveries import Delivery, deliveries_of
from openhours.ingestion.advice import advice_of
from openhours.ingestion.queries import find_ingestion
from openhours.ingestion.sample import queue_sample
from openhours.ingestion.write import cancel
from openhours.web import queries
from openhours.web.file_words import KINDS, REASONS
from openhours.web.render import page

router = APIRouter(include_in_schema=False)

_MAX_REJECTS = 100


@router.get("/files/{ingestion_id}")
async def file(request: Request, engine: Engine, ingestion_id: Text) -> Response:
    """Show how far a file is, or how many of its rows were loaded and rejected."""
    ingestion = await find_ingestion(engine, ingestion_id)
    reasons = ingestion.rejected_by_reason or {}
    async with engine.connect() as connection:
        sent = await deliveries_of(connection, Delivery.ingestion, [ingestion.id])
        return page(
            request,
            "file.html",
            file=ingestion,
            deliveries=sent[ingestion.id],
            advice=advice_of(ingestion),
            kinds=KINDS,
            words=REASONS,
            reasons=sorted(reasons.items(), key=lambda reason: (-reason[1], reason[0])),
            kept=await queries.count_rejects(connection, ingestion.id),
            rejects=[
                (row.line, row.reason, row.raw.decode(errors="backslashreplace"))
                for row in await queries.first_rejects(connection, ingestion.id, _MAX_REJECTS)
            ],
        )


@router.post("/files/{ingestion_id}/cancel")
async def cancel_loading(engine: Engine, address: ClientAddress, ingestion_id: Text) -> Response:
    """Cancel the ingestion of a file, and redirect to its page."""
    await cancel(engine, ingestion_id, f"a request from {address}")
    return RedirectResponse(f"/files/{ingestion_id}", 303)


@router.post("/files/sample")
async def load_sample(engine: Engine, settings: ServerSettings) -> Response:
    """Queue the files of the sample, and redirect to the overview, which shows how far they are."""
    await queue_sample(engine, settings)
    return RedirectResponse("/", 303)
