"""`/hours/special`: the special hours of all stores or of one, and a form that sets them."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.api.cursors import Cursor
from openhours.api.dependencies import Engine
from openhours.api.fields import Text
from openhours.errors import Invalid, invalid, located
from openhours.stores.schemas import SpecialHoursInfo
from openhours.stores.search import names_of
from openhours.stores.special_hours import (
    find_store_or_every,
    list_special_hours,
    parse_spans,
    remove_special_hours,
    set_special_hours,
    special_hours_info,
    written_spans,
)
from openhours.stores.store_ids import EVERY, MAX_LENGTH
from openhours.times import LocalDate
from openhours.web.forms import validated, wrong_fields
from openhours.web.render import page

router = APIRouter(prefix="/hours/special", include_in_schema=False)

_PAGE = 50


class SpecialHoursForm(BaseModel):
    """The form's fields as they were sent; the model of special hours checks them."""

    store_id: str = ""
    date: str = ""
    hours: str = ""

    def special_hours(self) -> SpecialHoursInfo:
        """Return what the form says; raise Invalid, which names the form's fields."""
        words = self.hours.replace(",", " ").split()
        if not words:
            raise invalid("write times, such as 09:00-12:00, or closed", "hours")
        values = {"store_id": self.store_id.strip(), "date": self.date, "hours": words}
        return validated(SpecialHoursInfo, values)


@router.get("")
async def special_hours(
    request: Request,
    engine: Engine,
    store_id: Annotated[Text, Query(max_length=MAX_LENGTH)] = "",
    cursor: Cursor = None,
) -> Response:
    """Show special hours, the last date first; of one store if the link names it."""
    form = SpecialHoursForm(store_id=store_id)
    return await _page(request, engine, form, store_id=store_id, cursor=cursor)


@router.post("")
async def set_hours(
    request: Request, engine: Engine, form: Annotated[SpecialHoursForm, Form()]
) -> Response:
    """Set the special hours of a date; or say what is wrong, and keep what was written."""
    try:
        new = form.special_hours()
        await set_special_hours(engine, new.store_id, new.date, parse_spans(new.hours))
    except Invalid as error:
        return await _page(request, engine, form, error)
    return _to_list(new.store_id)


@router.post("/remove")
async def remove(
    engine: Engine, store_id: Annotated[Text, Form()], date: Annotated[LocalDate, Form()]
) -> Response:
    """Remove the special hours of a date, and go back to the list."""
    with located("body"):
        await remove_special_hours(engine, store_id, date)
    return _to_list(store_id)


def _to_list(store_id: str) -> Response:
    """Redirect to where the change can be seen."""
    return RedirectResponse(f"{router.prefix}?{urlencode({'store_id': store_id})}", 303)


async def _page(
    request: Request,
    engine: AsyncEngine,
    form: SpecialHoursForm,
    refusal: Invalid | None = None,
    *,
    store_id: str = "",
    cursor: str | None = None,
) -> Response:
    async with engine.connect() as connection:
        with located("query"):
            store = await find_store_or_every(connection, store_id) if store_id else None
        found = await list_special_hours(connection, store, limit=_PAGE, cursor=cursor)
        rows = [special_hours_info(row) for row in found.rows]
        names = await names_of(connection, {store_id, *(row.store_id for row in rows)})
    return page(
        request,
        "special_hours.html",
        422 if refusal else 200,
        form=form,
        wrong=wrong_fields(refusal),
        of=store_id,
        every=EVERY,
        names=names,
        rows=[(one, written_spans(one)) for one in rows],
        following=found.next_cursor,
        cursor=cursor,
    )
