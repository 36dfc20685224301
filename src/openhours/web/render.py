"""Templates, with what every page needs: who is signed in, and the token its forms carry."""

import secrets
from pathlib import Path

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from openhours.accounts.credentials import Caller
from openhours.accounts.signins import COOKIE, csrf_token, set_cookie

_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
)


def page(request: Request, template: str, status_code: int = 200, **values: object) -> HTMLResponse:
    """A page. Templates find `caller`, and `csrf_token` for `<input name="csrf_token">`."""
    cookie = request.cookies.get(COOKIE)
    # Who has not signed in gets a cookie, too: without one a form could not be told from another
    # site's.
    sent = cookie or secrets.token_urlsafe(32)
    html = _templates.get_template(template).render(
        caller=request.scope.get("openhours.caller", Caller()),
        csrf_token=csrf_token(sent),
        **values,
    )
    response = HTMLResponse(html, status_code, headers={"Cache-Control": "no-store"})
    if cookie is None:
        set_cookie(request, response, sent)
    return response
