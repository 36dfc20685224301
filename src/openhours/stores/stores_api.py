"""The stores over HTTP: a list, searched and filtered."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from openhours.api.cursors import Cursor, link_header
from openhours.api.dependencies import Engine
from openhours.api.fields import Text
from openhours.api.json_answers import json_list_answer
from openhours.stores.label_query import LabelQuery
from openhours.stores.search import StoreSearch, labels_of_query, list_stores
from openhours.times import Instant

router = APIRouter(prefix="/api/stores", tags=["stores"])


class StoreSummary(BaseModel):
    """A store or PC that a file or a heartbeat has named."""

    store_id: Annotated[str, Field(examples=["8139926242460185114"])]
    feed: Annotated[
        Literal["polled", "beating"] | None, Field(description="null: no observation yet.")
    ]
    timezone: Annotated[
        str | None,
        Field(description="null: the service's default zone.", examples=["America/Denver"]),
    ]
    first_observed_at: Instant | None
    labels: Annotated[
        dict[str, str], Field(examples=[{"name": "Blue Door Elm Street", "region": "west"}])
    ]


@router.get("", response_model=list[StoreSummary])
async def get_stores(
    request: Request,
    engine: Engine,
    q: Annotated[Text, Query(max_length=64, description="A part of the id or the name.")] = "",
    feed: Literal["polled", "beating"] | None = None,
    label: LabelQuery = [],  # noqa: B006  FastAPI copies it
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Cursor = None,
) -> Response:
    """List stores and PCs with their labels, by id; the next page is in `Link`.

    A label or value that no store has is an error.
    """
    async with engine.connect() as connection:
        search = StoreSearch(q.strip(), feed or "", await labels_of_query(connection, label))
        page = await list_stores(connection, search, limit=limit, cursor=cursor)
    return await json_list_answer(
        page.rows,
        lambda row: StoreSummary.model_validate(row._asdict()),
        link_header(request, page),
    )
