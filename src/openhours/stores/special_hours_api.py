"""Special hours over HTTP: list them, set and remove those of a store and date."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from openhours.api.cursors import Cursor, link_header
from openhours.api.dependencies import Engine
from openhours.api.fields import Text
from openhours.api.json_answers import json_list_answer
from openhours.api.json_body import json_body, read_json
from openhours.errors import located
from openhours.stores import special_hours
from openhours.stores.schemas import NewSpecialHours, SpecialHoursInfo
from openhours.times import LocalDate

router = APIRouter(prefix="/special_hours", tags=["hours"])

_EXAMPLE = {"hours": ["09:00-12:00"]}


@router.get("", response_model=list[SpecialHoursInfo])
async def get_special_hours(
    request: Request,
    engine: Engine,
    store_id: Annotated[
        Text | None, Query(description="Only of this store, or of `*`, every polled store.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Cursor = None,
) -> Response:
    """List special hours, the last date first; the next page is in `Link`."""
    async with engine.connect() as connection:
        store = None
        if store_id is not None:
            with located("query"):
                store = await special_hours.find_store_or_every(connection, store_id)
        page = await special_hours.list_special_hours(connection, store, limit=limit, cursor=cursor)
    return await json_list_answer(
        page.rows, special_hours.special_hours_info, link_header(request, page)
    )


@router.put(
    "/{store_id:text}/{date}",
    openapi_extra=json_body(NewSpecialHours.model_json_schema(), _EXAMPLE),
)
async def put_special_hours(
    request: Request, engine: Engine, store_id: Text, date: LocalDate
) -> SpecialHoursInfo:
    """Set when a store opens on a date, instead of its hours of the week; `[]`: it is closed.

    `*` stands for every polled store that has no special hours of its own for the date. Reports
    that run from now on keep to it.
    """
    new = await read_json(request, NewSpecialHours)
    with located("body"):
        spans = special_hours.parse_spans(new.hours)
    with located("path"):
        return await special_hours.set_special_hours(engine, store_id, date, spans)


@router.delete("/{store_id:text}/{date}", status_code=204)
async def delete_special_hours(engine: Engine, store_id: Text, date: LocalDate) -> None:
    """Remove the special hours of a date: the store opens by those of the week again."""
    with located("path"):
        await special_hours.remove_special_hours(engine, store_id, date)
