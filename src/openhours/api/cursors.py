"""A list's pages over HTTP: the parameter that a request sends, and the link of its answer.

Apart from `pagination`, which workers and commands load without FastAPI.
"""

from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import BeforeValidator

from openhours.api.pagination import Page

# A page's form sends an empty field where there is no cursor.
Cursor = Annotated[
    Annotated[
        str | None,
        Query(max_length=400, description="From the `Link` header of the page before."),
    ],
    BeforeValidator(lambda value: value or None),
]


def link_header(request: Request, page: Page[Any]) -> dict[str, str]:
    """Return the `Link` header to the page that follows, if one does; other parameters stay."""
    if page.next_cursor is None:
        return {}
    url = request.url.remove_query_params("offset").include_query_params(cursor=page.next_cursor)
    return {"Link": f'<{url.path}?{url.query}>; rel="next"'}
