"""`/find`: the search of every page's header, which opens the store if there is only one."""

import re
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import RedirectResponse
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.agent.names import PREFIX
from openhours.api.dependencies import Engine
from openhours.api.fields import Text
from openhours.stores.search import StoreSearch, list_stores
from openhours.stores.tables import Store
from openhours.web.formatting import query_of, store_url

router = APIRouter(include_in_schema=False)

_MAX_LENGTH = 64
_WORD = re.compile(r"(?:store|pc)\b[\s#:]*", re.IGNORECASE)
_SPACED_DIGITS = re.compile(r"\d[\d\s]*")


@router.get("/find")
async def find(
    engine: Engine, q: Annotated[Text, Query(max_length=_MAX_LENGTH)] = ""
) -> RedirectResponse:
    """Redirect to the only store that is meant, or to the list of those that match."""
    texts = meanings(q)
    async with engine.connect() as connection:
        for text in texts:
            store_id = await _exact(connection, text)
            if store_id is not None:
                return _opened(store_id)
        for text in texts:
            found = (await list_stores(connection, StoreSearch(text), limit=2)).rows
            if len(found) == 1:
                return _opened(found[0].store_id)
            if found:
                return _listed(text)
    return _listed(q.strip())


def meanings(text: str) -> list[str]:
    """Return what a person may mean, what was written first: `store 10 03` may mean `1003`."""
    written = text.strip()
    bare = _WORD.sub("", written, count=1) if _WORD.match(written) else written
    if _SPACED_DIGITS.fullmatch(bare):
        bare = "".join(bare.split())
    return list(dict.fromkeys(one for one in (written, bare) if one))


async def _exact(connection: AsyncConnection, text: str) -> str | None:
    query = select(Store.store_id).where(Store.store_id.in_((text, PREFIX + text)))
    return min(await connection.scalars(query), key=len, default=None)


def _opened(store_id: str) -> RedirectResponse:
    if store_id.startswith(PREFIX):
        return RedirectResponse(f"/pcs{query_of({'pc': store_id.removeprefix(PREFIX)})}", 303)
    return RedirectResponse(store_url(store_id), 303)


def _listed(text: str) -> RedirectResponse:
    return RedirectResponse(f"/stores{query_of({'q': text}) if text else ''}", 303)
