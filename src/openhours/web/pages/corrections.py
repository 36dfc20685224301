"""`/corrections`: all of them, with who made each and why; and a form that makes one."""

from typing import Annotated, Any, Literal, get_args

import pytz
from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.accounts.access_control import CurrentCaller
from openhours.api.cursors import Cursor
from openhours.api.dependencies import ClientAddress, Engine
from openhours.api.fields import Text
from openhours.errors import Invalid, invalid
from openhours.stores.corrections import MAX_NAMED, make_correction, revoke_correction, whose
from openhours.stores.label_texts import parse_labels
from openhours.stores.labels import list_labels
from openhours.stores.queries import correction_info, list_corrections
from openhours.stores.schemas import MAX_REASON, NewCorrection
from openhours.stores.search import names_of
from openhours.stores.tables import Category, TreatAs
from openhours.web.forms import validated, wrong_fields
from openhours.web.local_time import QueryZone, from_input, named_zone
from openhours.web.page_route import PageRoute
from openhours.web.render import page
from openhours.web.store_figures import Found, Search, find_stores

# `GET /corrections` is an endpoint, too.
list_router = APIRouter(include_in_schema=False, route_class=PageRoute)
router = APIRouter(prefix="/corrections", include_in_schema=False)

_PAGE = 50
_MAX_VALUES = 10  # of a label that the form names


class CorrectionForm(BaseModel):
    """The form's fields as they were sent; the model of a correction checks them."""

    # Enter means what it says beside the field: to search, if something is written there.
    action: Literal["make", "search", "enter"] = "make"
    which: Literal["stores", "labels", "all"] = "stores"
    store_ids: str = ""
    found: list[str] = []
    search: Text = ""
    labels: str = ""
    begins: Annotated[str, Field(alias="from")] = ""
    ends: Annotated[str, Field(alias="to")] = ""
    zone: str = ""
    treat_as: str = "excluded"
    category: str = "maintenance"
    reason: str = ""

    def wants_search(self) -> bool:
        """Return whether stores are to be searched, before anything is made."""
        return self.action == "search" or (self.action == "enter" and bool(self.search.strip()))

    def stores(self) -> list[str]:
        """Return the ids that were written, one a line, and those that were chosen."""
        written = [line.strip() for line in self.store_ids.splitlines()]
        return list(dict.fromkeys(store for store in (*written, *self.found) if store))

    def correction(self) -> NewCorrection:
        """Return what the form says; raise Invalid, which names the form's fields."""
        if self.zone not in pytz.all_timezones_set:
            raise invalid("not an IANA time zone, such as Europe/Berlin", "body", "zone")
        values: dict[str, Any] = {
            "treat_as": self.treat_as,
            "category": self.category,
            "reason": self.reason,
            "all": self.which == "all",
        }
        if self.which == "stores":
            values["store_ids"] = self.stores()
            if not values["store_ids"]:
                raise invalid("name one store or more", "body", "store_ids")
        elif self.which == "labels":
            values["labels"] = parse_labels(filter(str.strip, self.labels.splitlines()))
            if not values["labels"]:
                raise invalid("name one label or more", "body", "labels")
        for field, text in (("from", self.begins), ("to", self.ends)):
            if text:
                values[field] = from_input(field, text, self.zone, "body")
        return validated(NewCorrection, values)


@list_router.get("/corrections")
async def corrections(request: Request, engine: Engine, cursor: Cursor = None) -> Response:
    """Show all corrections, the last made first."""
    async with engine.connect() as connection:
        found = await list_corrections(connection, limit=_PAGE, cursor=cursor)
        shown = [correction_info(row) for row in found.rows]
        ids = {store_id for one in shown for store_id in (one.store_ids or ())[:MAX_NAMED]}
        names = await names_of(connection, ids)
    return page(
        request,
        "corrections.html",
        corrections=shown,
        names=names,
        whose=whose,
        following=found.next_cursor,
        cursor=cursor,
    )


@router.get("/new")
async def show_form(
    request: Request,
    engine: Engine,
    store_id: Annotated[list[Text], Query(max_length=100)] = [],  # noqa: B006  FastAPI copies it
    named: QueryZone = "",
) -> Response:
    """Show the form, for some stores if the link names them."""
    form = CorrectionForm(store_ids="\n".join(store_id), zone=named_zone(request, named))
    return await _form(request, engine, form)


@router.post("/new")
async def make(
    request: Request,
    engine: Engine,
    caller: CurrentCaller,
    address: ClientAddress,
    form: Annotated[CorrectionForm, Form()],
) -> Response:
    """Make a correction; or search for stores, or say what is wrong, and keep what was written."""
    if form.wants_search():
        return await _form(request, engine, form)
    try:
        await make_correction(engine, form.correction(), who=caller.name, where=address)
    except Invalid as error:
        return await _form(request, engine, form, error)
    return RedirectResponse("/corrections", 303)


async def _form(
    request: Request, engine: AsyncEngine, form: CorrectionForm, refusal: Invalid | None = None
) -> Response:
    searching = form.wants_search()
    async with engine.connect() as connection:
        known = await list_labels(connection, _MAX_VALUES)
        found = Found(0, [])
        if searching:
            found = await find_stores(connection, None, Search(form.search.strip()), 0)
    chosen = form.stores()
    return page(
        request,
        "correction_form.html",
        422 if refusal else 200,
        form=form,
        chosen=chosen,
        searching=searching,
        total=found.total,
        found=[row for row in found.rows if row.store_id not in chosen],
        labels=[f"{key}={value}" for key, values in known.items() for value in values],
        ways=get_args(TreatAs),
        categories=get_args(Category),
        max_reason=MAX_REASON,
        wrong=wrong_fields(refusal),
    )


@router.post("/{correction_id}/revoke")
async def revoke(
    engine: Engine, caller: CurrentCaller, address: ClientAddress, correction_id: Text
) -> Response:
    """Revoke a correction, and go back to the list."""
    await revoke_correction(engine, correction_id, who=caller.name, where=address)
    return RedirectResponse("/corrections", 303)
