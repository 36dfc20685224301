"""Answer every error as a problem (RFC 9457): `application/problem+json`.

`errors.py` says what went wrong; here is the one place that knows which status that is.
"""

import logging
from collections.abc import Iterable
from http import HTTPStatus
from typing import Annotated, Any

import asyncpg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from openhours import errors
from openhours.api.json_answers import json_bytes
from openhours.db.engine import (
    DATABASE_AWAY,
    DATABASE_BUSY,
    is_database_away,
    is_database_busy,
    is_disk_full,
)
from openhours.errors import FieldProblem, Invalid, OpenhoursError, readable_message

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

_STATUS: dict[type[OpenhoursError], int] = {
    errors.Malformed: 400,
    errors.Unauthenticated: 401,
    errors.Refused: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.UnsupportedMedia: 415,
    errors.Invalid: 422,
    errors.TooManyRequests: 429,
    errors.Unavailable: 503,
}
_SHOWN_PROBLEMS = 3


class WrongField(BaseModel):
    """A field that cannot be accepted."""

    path: Annotated[
        list[str],
        Field(
            description="Where it stands: `body`, `query`, `path` or `header`, then the names and "
            "positions that lead to it.",
            examples=[["body", "store_ids"]],
        ),
    ]
    message: Annotated[str, Field(examples=["unknown store: 17"])]


class Problem(BaseModel):
    """An error, as problem details (RFC 9457)."""

    type: Annotated[str, Field(examples=["about:blank"])]
    title: Annotated[str, Field(examples=["Unprocessable Content"])]
    status: Annotated[int, Field(examples=[422])]
    detail: Annotated[str, Field(examples=["store_ids: unknown store: 17"])]
    errors: Annotated[
        list[WrongField] | None, Field(description="Present for 422 and malformed JSON only.")
    ] = None


def error_response(description: str) -> dict[str, Any]:
    """Return an OpenAPI response that describes one error of a route."""
    return {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


# What every route may answer, for the OpenAPI description.
ERRORS: dict[int | str, dict[str, Any]] = {
    status: error_response(description)
    for status, description in {
        400: "The request is malformed.",
        404: "Nothing has this id.",
        413: "The body is too large.",
        415: "The body has a media type that is not accepted.",
        422: "A field cannot be accepted; `errors` says which and why.",
        429: "Too many requests; `Retry-After` says when to try again.",
        503: "The database cannot be reached, or is too busy; try again.",
        507: "A disk is full; nothing of the request was kept.",
    }.items()
}


def problem_response(
    status: int, detail: str, headers: dict[str, str] | None = None, **members: object
) -> JSONResponse:
    """Return a problem with this status; `members` are added to it."""
    problem = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **members,
    }
    return _ProblemResponse(problem, status, headers)


class _ProblemResponse(JSONResponse):
    media_type = MEDIA_TYPE

    def render(self, content: Any) -> bytes:
        return json_bytes(content)


def add_error_handlers(app: FastAPI) -> None:
    """Teach the application to answer errors."""
    app.add_exception_handler(OpenhoursError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(ClientDisconnect, _cut_off)
    app.add_exception_handler(DBAPIError, _database_error)
    for kind in (*DATABASE_AWAY, *DATABASE_BUSY, asyncpg.DiskFullError):
        app.add_exception_handler(kind, _database_error)


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, OpenhoursError)
    return refusal_response(error)


def refusal_response(error: OpenhoursError) -> JSONResponse:
    """Return the problem that an error of ours is over HTTP."""
    status = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 500)
    if isinstance(error, Invalid):
        return _invalid(status, error.problems)
    headers = {}
    members: dict[str, object] = {}
    if isinstance(error, errors.Unauthenticated):
        headers["WWW-Authenticate"] = error.challenges
    elif isinstance(error, errors.TooManyRequests):
        headers["Retry-After"] = str(error.retry_after)
    elif isinstance(error, errors.Unavailable):
        headers["Retry-After"] = "1"
    elif isinstance(error, errors.Conflict):
        members = error.details
    return problem_response(status, str(error), headers, **members)


async def _invalid_request(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    malformed = any(problem["type"] == "json_invalid" for problem in found)
    return _invalid(
        400 if malformed else 422,
        [FieldProblem(tuple(one["loc"]), readable_message(one["msg"])) for one in found],
    )


def _invalid(status: int, problems: Iterable[FieldProblem]) -> JSONResponse:
    listed = [
        {"path": [str(part) for part in problem.path], "message": problem.message}
        for problem in problems
    ]
    return problem_response(status, _summary(listed), errors=listed)


def _summary(listed: list[dict[str, Any]]) -> str:
    shown = [
        f"{'.'.join(one['path'][1:] or one['path'])}: {one['message']}".removeprefix(": ")
        for one in listed[:_SHOWN_PROBLEMS]
    ]
    more = len(listed) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more else "")


async def _http_error(_request: Request, error: Exception) -> JSONResponse:
    """Answer what Starlette itself raises: an unknown path, or a method that it has not."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    return problem_response(error.status_code, str(error.detail), headers)


async def _cut_off(_request: Request, _error: Exception) -> JSONResponse:
    return problem_response(400, "the body ended too early")


async def _database_error(request: Request, error: Exception) -> JSONResponse:
    if is_disk_full(error):
        whose = "server" if isinstance(error, OSError) else "database"
        return problem_response(507, f"no space left on the {whose}'s disk")
    if is_database_busy(error):
        log.warning("the database is busy: %s %s", request.method, request.url.path)
        return problem_response(
            503, "the database has too much to do; try again later", {"Retry-After": "5"}
        )
    if is_database_away(error):
        log.warning("the database is away: %s %s", request.method, request.url.path)
        return problem_response(
            503, "the database cannot be reached; try again", {"Retry-After": "1"}
        )
    raise error
