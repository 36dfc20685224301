"""Deliveries over HTTP: all of them, and sending one again."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from sqlalchemy import Row

from openhours.accounts.access_control import CurrentCaller
from openhours.api.cursors import Cursor, link_header
from openhours.api.deliveries import DeliveryInfo, delivery_info
from openhours.api.dependencies import ClientAddress, Engine
from openhours.api.fields import Text
from openhours.api.json_answers import json_list_answer
from openhours.delivery.queries import list_deliveries
from openhours.delivery.tries import send_again

router = APIRouter(tags=["deliveries"])


class ListedDelivery(DeliveryInfo):
    """A delivery, and the report or ingestion that it tells of."""

    report_id: Annotated[str | None, Field(description="Null if it tells of an ingestion.")]
    ingestion_id: Annotated[str | None, Field(description="Null if it tells of a report.")]


def _listed(row: Row[Any]) -> ListedDelivery:
    return ListedDelivery(
        **dict(delivery_info(row)), report_id=row.report_id, ingestion_id=row.ingestion_id
    )


@router.get("/deliveries", response_model=list[ListedDelivery])
async def get_deliveries(
    request: Request,
    engine: Engine,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Cursor = None,
) -> Response:
    """List deliveries to the webhook and the outbox, newest first.

    The next page is in the `Link` header. A delivery goes with its report or ingestion.
    """
    async with engine.connect() as connection:
        page = await list_deliveries(connection, limit=limit, cursor=cursor)
    return await json_list_answer(page.rows, _listed, link_header(request, page))


@router.post("/deliveries/{delivery_id}/resend", status_code=202, response_class=Response)
async def resend_delivery(
    engine: Engine, caller: CurrentCaller, address: ClientAddress, delivery_id: Text
) -> None:
    """Send a delivery again, under the same id, whether it has arrived or not.

    A worker does so within seconds, and tries again for a day, as for a new one.
    """
    await send_again(engine, delivery_id, who=caller.name, where=address)
