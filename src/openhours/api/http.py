"""What all routes share: the engine, the settings, a link to the next page, and errors.

Every error is JSON `{"detail": …}` with the usual code; no input is a 500.
"""

import json
import logging
import re
from typing import Annotated, Any

import asyncpg
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.requests import ClientDisconnect
from starlette.routing import compile_path

from openhours.db.engine import DATABASE_AWAY, TryLater, is_database_away, is_disk_full
from openhours.settings import Settings

log = logging.getLogger(__name__)


class _Text(PathConvertor):
    """Whatever stands in a path, slashes and line ends, too, which Starlette's `path` lacks."""

    regex = "(?s:.*)"


register_url_convertor("text", _Text())


def path_pattern(path: str) -> re.Pattern[str]:
    """What a route's path matches, `{name:text}` included."""
    return compile_path(path)[0]


# Asynchronous, for FastAPI would call them on another thread.
async def _engine(request: Request) -> AsyncEngine:
    engine: AsyncEngine = request.app.state.engine
    return engine


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


Engine = Annotated[AsyncEngine, Depends(_engine)]
ServerSettings = Annotated[Settings, Depends(_settings)]


class Problem(BaseModel):
    """A field that is wrong: where it stands, and why."""

    loc: Annotated[list[str], Field(examples=[["body", "user_id"]])]
    msg: str
    type: str


class ErrorAnswer(BaseModel):
    """Every error: what is wrong, in words or field by field."""

    detail: str | list[Problem]


# What any route may answer, for its description.
ERRORS: dict[int | str, dict[str, Any]] = {
    code: {"model": ErrorAnswer, "description": description}
    for code, description in {
        400: "The body is malformed.",
        404: "There is no such thing.",
        413: "The body is too large.",
        415: "The body is of another kind than it should be.",
        422: "A field is wrong; `loc` says which.",
        503: "The database is away; try again.",
        507: "No space is left on a disk; nothing of the request was kept.",
    }.items()
}


def next_page(request: Request, cursor: str) -> dict[str, str]:
    """Return the `Link` header to the page that begins at `cursor`, which replaces any offset.

    Other parameters stay as they are.
    """
    url = request.url.remove_query_params("offset").include_query_params(cursor=cursor)
    return {"Link": f'<{url.path}?{url.query}>; rel="next"'}


def invalid(*place: str, message: str) -> RequestValidationError:
    """What to raise for a field that is wrong, at its place: `"query", "as_of"`."""
    return RequestValidationError(
        [{"loc": place, "msg": message, "type": "value_error", "input": None}]
    )


class SafeJSONResponse(JSONResponse):
    """JSON in ASCII: what a client sent may hold surrogates that UTF-8 cannot carry."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content).encode()


def add_error_handlers(app: FastAPI) -> None:
    """Teach the application to answer errors."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(ClientDisconnect, _broken_off)
    app.add_exception_handler(DBAPIError, _database_error)
    for kind in (*DATABASE_AWAY, asyncpg.DiskFullError):
        app.add_exception_handler(kind, _database_error)


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    problems = [
        {
            "loc": [str(part) for part in problem["loc"]],
            "msg": problem["msg"],
            "type": problem["type"],
        }
        for problem in error.errors()
    ]
    malformed = any(problem["type"] == "json_invalid" for problem in problems)
    return SafeJSONResponse({"detail": problems}, 400 if malformed else 422)


async def _broken_off(_request: Request, _error: Exception) -> JSONResponse:
    return SafeJSONResponse({"detail": "the body ended too early"}, 400)


async def _database_error(request: Request, error: Exception) -> JSONResponse:
    if is_disk_full(error):
        whose = "server" if isinstance(error, OSError) else "database"
        return SafeJSONResponse({"detail": f"no space left on the {whose}'s disk"}, 507)
    if isinstance(error, TryLater):
        return SafeJSONResponse({"detail": str(error)}, 503, {"Retry-After": "1"})
    if is_database_away(error):
        log.warning("the database is away: %s %s", request.method, request.url.path)
        return SafeJSONResponse(
            {"detail": "the database is away; try again"}, 503, {"Retry-After": "1"}
        )
    raise error
