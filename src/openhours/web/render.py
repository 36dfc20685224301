"""Templates, with what every page needs."""

from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from openhours.web import shown

HERE = Path(__file__).parent

_templates = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.globals |= {
    name: getattr(shown, name)
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
    """A page. Templates write instants as `when(instant)`, in the visitor's zone."""
    zone = shown.zone_of(request)

    def when(instant: datetime | int | None, bare: bool = False) -> str:
        return shown.when(instant, zone, bare=bare)

    html = _templates.get_template(template).render(
        path=request.url.path, csrf_token="", zone=zone, when=when, **values
    )
    return HTMLResponse(html, status_code, headers={"Cache-Control": "no-store", "Vary": "Accept"})
