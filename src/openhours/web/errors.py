"""Errors are pages for browsers: the same status, headers and words as the JSON of all others."""

import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from openhours.api.negotiation import wants_page
from openhours.web.render import page

Handler = Callable[[Request, Exception], Awaitable[Response]]

_ADVICE = {
    400: "The request could not be read.",
    401: "Sign in to see this.",
    403: "You may not see or do this with what you are signed in as.",
    404: "It may have been removed, or the address has a mistake.",
    405: "This address answers to another kind of request.",
    409: "What you asked for does not fit what is there now.",
    413: "What you sent is too large.",
    422: "Something in the address or the form is not valid.",
    429: "Wait a little and try again.",
    503: "The database is away. Nothing is lost; try again in a moment.",
    507: "The disk is full. What you sent was not kept; make room, then send it again.",
}


def add_error_pages(app: FastAPI) -> None:
    """Give browsers pages for all errors that the application can answer so far."""
    app.add_exception_handler(Exception, _crash)
    for kind, handler in list(app.exception_handlers.items()):
        app.exception_handlers[kind] = _as_page(handler)


async def _crash(_request: Request, _error: Exception) -> Response:
    # The error goes on to the server, which logs it.
    return JSONResponse({"detail": "internal error"}, 500)


def _as_page(handler: Any) -> Handler:
    async def answer(request: Request, error: Exception) -> Response:
        response: Response = await handler(request, error)
        if response.status_code < 400 or not wants_page(request.scope):
            return response
        return _error_page(request, response)

    return answer


def _error_page(request: Request, response: Response) -> Response:
    status = response.status_code
    try:
        detail = json.loads(bytes(response.body)).get("detail")
    except (ValueError, AttributeError):
        detail = None
    shown = page(
        request,
        "error.html",
        status,
        status=status,
        title=HTTPStatus(status).phrase,
        advice=_ADVICE.get(status, "Something went wrong on our side; the log says more."),
        problems=_problems(detail),
    )
    for name, value in response.headers.items():
        if name not in ("content-type", "content-length"):
            shown.headers[name] = value
    return shown


def _problems(detail: Any) -> list[str]:
    if isinstance(detail, list):
        return [f"{' → '.join(one['loc'][1:])}: {one['msg']}" for one in detail]
    text = str(detail or "")
    return [text] if text not in ("", "Not Found", "Method Not Allowed") else []
