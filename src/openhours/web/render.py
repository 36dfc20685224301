"""Templates, with what every page needs: who is signed in, the token its forms carry, the zone."""

import secrets
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from openhours.accounts.browser_sessions import COOKIE, csrf_token, set_cookie
from openhours.accounts.credentials import Caller
from openhours.web import formatting

HERE = Path(__file__).parent

_templates = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.globals |= {
    name: getattr(formatting, name)
    for name in ("clock", "hours", "many", "minutes", "number", "percent", "span", "store_url")
}


class Static(StaticFiles):
    """Files that browsers ask for again at every use, so that all fit each other."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """As ever: 304 for a file that the browser has."""
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


def page(request: Request, template: str, status_code: int = 200, **values: object) -> HTMLResponse:
    """A page. Templates find `caller`, and `csrf_token` for `<input name="csrf_token">`.

    They write instants as `when(instant)`, in `zone`: the visitor's, if `values` name no other.
    """
    cookie = request.cookies.get(COOKIE)
    # Who has not signed in gets a cookie, too: without one a form could not be told from another
    # site's.
    sent = cookie or secrets.token_urlsafe(32)
    zone = str(values.pop("zone", formatting.zone_of(request)))

    def when(instant: datetime | int | None, bare: bool = False) -> str:
        return formatting.when(instant, zone, bare=bare)

    html = _templates.get_template(template).render(
        path=request.url.path,
        caller=getattr(request.state, "caller", Caller()),
        csrf_token=csrf_token(sent),
        zone=zone,
        when=when,
        **values,
    )
    response = HTMLResponse(
        html, status_code, headers={"Cache-Control": "no-store", "Vary": "Accept"}
    )
    if cookie is None:
        set_cookie(request, response, sent)
    return response
