"""Error pages for browsers, with the status, headers and messages of the JSON that others get."""

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response

from openhours.accounts.credentials import Caller
from openhours.api.dependencies import public_path
from openhours.api.error_responses import problem_response
from openhours.api.negotiation import wants_page
from openhours.web.formatting import sentence
from openhours.web.render import TABS, TIMER, page

Handler = Callable[[Request, Exception], Awaitable[Response]]

# Heading and advice of a page.
_WORDS = {
    400: ("This request could not be read", "Reload the page and try again."),
    401: ("Please sign in", "This page is for people who have signed in."),
    403: ("You do not have access", "Sign in as a user, or with an API key, that may do this."),
    404: ("Not found", "It may have been removed, or the address has a mistake."),
    405: ("Not possible here", "This address does not accept this kind of request."),
    409: ("Not possible right now", "Reload the page to see how things are."),
    413: ("Too large", "What you sent is too large."),
    415: ("Not accepted", "What you sent has a type that is not accepted here."),
    422: ("Please check what you entered", "Something in the form or the address is not valid."),
    429: ("Too many requests", "Wait a little and try again."),
    503: ("Temporarily unavailable", "Nothing is lost; try again in a moment."),
    507: ("The disk is full", "Nothing was stored. Free some space, then send it again."),
}
_CRASH = ("Something went wrong", "The error is on the server; its log says more.")


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
    return RedirectResponse(_sign_in_path(request), 303, {"Cache-Control": "no-store"})


def _sign_in_path(request: Request) -> str:
    """Return the path of the form that leads back to the page that was wanted."""
    query = request.scope["query_string"].decode("latin-1")
    here = quote(request.scope["path"].removeprefix(public_path(request)))
    if query:
        here += f"?{query}"
    return f"/signin?next={quote(here, safe='/')}" if request.method == "GET" else "/signin"


def _error_page(request: Request, response: Response) -> Response:
    problem = json.loads(bytes(response.body))
    title, advice = _WORDS.get(response.status_code, _CRASH)
    error_page = page(
        request,
        "error.html",
        response.status_code,
        status=response.status_code,
        title=title,
        advice=advice,
        problems=_messages(problem),
        sign_in=_sign_in_path(request) if response.status_code in (401, 403) else None,
        back=_way_back(request),
    )
    copy_headers(response, error_page)
    return error_page


def _way_back(request: Request) -> tuple[str, str]:
    """Return path and name of the page to which the failed one belongs, or of the first page."""
    path = request.url.path.removeprefix(public_path(request))
    failed = path if request.method == "GET" and not request.url.query else None
    for to, name in TABS[1:]:
        if to != failed and (path == to or path.startswith(f"{to}/")):
            return to, name
    caller: Caller = getattr(request.state, "caller", Caller())
    return TIMER if caller.user is not None and not caller.has("report") else TABS[0]


def copy_headers(source: Response, target: Response) -> None:
    """Copy all headers of the source that do not describe its body to the target."""
    for name, value in source.headers.items():
        if name not in ("content-type", "content-length"):
            target.headers[name] = value


def _messages(problem: dict[str, Any]) -> list[str]:
    if "errors" in problem:
        return [f"{' → '.join(one['path'][1:])}: {one['message']}" for one in problem["errors"]]
    detail = problem["detail"]
    return [] if detail == problem["title"] else [sentence(detail)]
