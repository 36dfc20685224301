"""Error pages for browsers, with the status, headers and messages of the JSON that others get."""

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response

from openhours.api.dependencies import public_path
from openhours.api.error_responses import problem_response
from openhours.api.negotiation import wants_page
from openhours.web.render import page

Handler = Callable[[Request, Exception], Awaitable[Response]]

_ADVICE = {
    400: "The request could not be read.",
    401: "Sign in to see this page.",
    403: "You may not do this as the user or API key that you are signed in as.",
    404: "It may have been removed, or the address has a mistake.",
    405: "This address does not accept this kind of request.",
    409: "This conflicts with the present state. Reload the page to see it.",
    413: "What you sent is too large.",
    422: "Something in the address or the form is not valid.",
    429: "Wait a little and try again.",
    503: "The database cannot be reached. Nothing is lost; try again in a moment.",
    507: "The disk is full. What you sent was not stored; free some space, then send it again.",
}


def add_error_pages(app: FastAPI) -> None:
    """Answer browsers with pages for all errors that have a handler so far."""
    app.add_exception_handler(Exception, _crash)
    for kind, handler in list(app.exception_handlers.items()):
        app.exception_handlers[kind] = _as_page(handler)


async def _crash(_request: Request, _error: Exception) -> Response:
    # The error goes on to the server, which logs it.
    return problem_response(500, "internal error")


def _as_page(handler: Any) -> Handler:
    async def answer(request: Request, error: Exception) -> Response:
        response: Response = await handler(request, error)
        if response.status_code < 400 or not wants_page(request.scope):
            return response
        if response.status_code == 401 and request.method == "GET":
            return _to_sign_in(request)
        return _error_page(request, response)

    return answer


def _to_sign_in(request: Request) -> Response:
    query = request.scope["query_string"].decode("latin-1")
    here = quote(request.scope["path"].removeprefix(public_path(request)))
    if query:
        here += f"?{query}"
    to = f"/signin?next={quote(here, safe='/')}"
    return RedirectResponse(to, 303, {"Cache-Control": "no-store"})


def _error_page(request: Request, response: Response) -> Response:
    problem = json.loads(bytes(response.body))
    error_page = page(
        request,
        "error.html",
        response.status_code,
        status=response.status_code,
        title=problem["title"],
        advice=_ADVICE.get(
            response.status_code, "Something went wrong on the server; its log says more."
        ),
        problems=_messages(problem),
    )
    copy_headers(response, error_page)
    return error_page


def copy_headers(source: Response, target: Response) -> None:
    """Copy all headers of the source that do not describe its body to the target."""
    for name, value in source.headers.items():
        if name not in ("content-type", "content-length"):
            target.headers[name] = value


def detail_of(response: Response) -> str:
    """Return what a problem response says is wrong."""
    return str(json.loads(bytes(response.body))["detail"])


def _messages(problem: dict[str, Any]) -> list[str]:
    if "errors" in problem:
        return [f"{' → '.join(one['path'][1:])}: {one['message']}" for one in problem["errors"]]
    return [] if problem["detail"] == problem["title"] else [problem["detail"]]
