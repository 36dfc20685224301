"""`/find`: the search of every page's header, which opens the store if there is only one."""

import re
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import RedirectResponse
from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.agent.names import PREFIX
from openhours.api.dependencies import Engine
from openhours.api.fields import Text
from openhours.stores.search import StoreSearch, list_stores
from openhours.stores.tables import BEATING, Store
from openhours.web.formatting import query_of, store_url

router = APIRouter(include_in_schema=False)

_MAX_LENGTH = 64
_COLUMNS: tuple[Any, ...] = (Store.store_id, Store.feed)
_WORD = re.compile(r"(?P<kind>store|pc)\b[\s#:]*", re.IGNORECASE)
_SPACED_DIGITS = re.compile(r"\d[\d\s]*")


@router.get("/find")
async def find(
    engine: Engine, q: Annotated[Text, Query(max_length=_MAX_LENGTH)] = ""
) -> RedirectResponse:
    """Redirect to the only store that is meant, or to the list of those that match."""
    async with engine.connect() as connection:
        for text in meanings(q):
            found = await _exact(connection, text)
            found = found or (await list_stores(connection, StoreSearch(text), limit=2)).rows
            if len(found) == 1:
                return _opened(found[0])
            if found:
                return _listed(text)
    return _listed(q.strip())


def meanings(text: str) -> list[str]:
    """Return what a person may mean, what was written first: `store 10 03` may mean `1003`."""
    written = text.strip()
    word = _WORD.match(written)
    bare = written[word.end() :] if word else written
    if _SPACED_DIGITS.fullmatch(bare):
        bare = "".join(bare.split())
    found = [written, bare]
    if bare and word and word["kind"].lower() == "pc":
        found.insert(1, PREFIX + bare)
    return list(dict.fromkeys(one for one in found if one))


async def _exact(connection: AsyncConnection, text: str) -> Sequence[Row[Any]]:
    """Return the store with this id, or else the PC of this name; [] if there is neither."""
    query = (
        select(*_COLUMNS)
        .where(Store.store_id.in_((text, PREFIX + text)))
        .order_by(func.length(Store.store_id))
        .limit(1)
    )
    return (await connection.execute(query)).all()


def _opened(store: Row[Any]) -> RedirectResponse:
    # Without a heartbeat it has no page among the PCs.
    if store.feed == BEATING:
        pc = store.store_id.removeprefix(PREFIX)
        return RedirectResponse(f"/pcs{query_of({'pc': pc})}", 303)
    return RedirectResponse(store_url(store.store_id), 303)


def _listed(text: str) -> RedirectResponse:
    return RedirectResponse(f"/stores{query_of({'q': text}) if text else ''}", 303)
