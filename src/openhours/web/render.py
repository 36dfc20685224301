"""Rendering templates with what every page needs: the caller, the CSRF token, the time zone."""

import secrets
from datetime import datetime
from pathlib import Path

import pytz
from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from openhours.accounts.browser_sessions import csrf_token, sent_cookie, set_cookie
from openhours.accounts.credentials import Caller
from openhours.api.dependencies import public_path
from openhours.times import from_us
from openhours.web import bars, formatting
from openhours.web.running_session import running_session
from openhours.web.static_files import Static

HERE = Path(__file__).parent
STATIC = Static(HERE / "static")
TIMER = ("/timer", "Timer")
# Path and name of each page in the navigation; `/reports/…` belongs to Reports.
TABS = (
    ("/", "Overview"),
    ("/stores", "Stores"),
    ("/hours/special", "Special hours"),
    ("/reports", "Reports"),
    ("/corrections", "Corrections"),
    ("/pcs", "PCs"),
    ("/traffic", "Traffic"),
    ("/activity", "Activity"),
    TIMER,
)

_templates = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.globals |= {"from_us": from_us, "tabs": TABS, "timezones": pytz.common_timezones}
_templates.globals |= {"static": f"/static/{STATIC.version}"}
_templates.globals |= {"uptime_bar": bars.uptime_bar, "uptime_line": bars.uptime_line}
_templates.globals |= {
    name: getattr(formatting, name)
    for name in (
        "ago",
        "between",
        "clock",
        "hours",
        "many",
        "minutes",
        "number",
        "percent",
        "percent_between",
        "query_of",
        "sentence",
        "span",
        "stopwatch",
        "store_url",
        "window_words",
    )
}


def page(request: Request, template: str, status_code: int = 200, **values: object) -> HTMLResponse:
    """Return a page. Templates find `caller`, and `csrf_token` for `<input name="csrf_token">`.

    Paths of ours follow `root`. `wrong` says what is wrong with a form (`fields.html`);
    `running_session` is the caller's, if one runs. Instants are written as `when(instant)`, in
    `zone`: the visitor's, if `values` name no other.
    """
    cookie = sent_cookie(request)
    # A visitor who has not signed in gets a cookie, too: without one a form of ours could not be
    # told from one of another site.
    sent = cookie or secrets.token_urlsafe(32)
    root = public_path(request)
    zone = str(values.pop("zone", formatting.zone_of(request)))
    values = {"wrong": {}, "running_session": running_session(request)} | values

    def when(instant: datetime | int | None, bare: bool = False) -> str:
        return formatting.when(instant, zone, bare=bare)

    html = _templates.get_template(template).render(
        root=root,
        path=request.url.path.removeprefix(root),
        caller=getattr(request.state, "caller", Caller()),
        csrf_token=csrf_token(request, sent),
        zone=zone,
        # It is shown again at once, in the visitor's zone: only a script knows that.
        first_visit=request.method == "GET" and formatting.ZONE_COOKIE not in request.cookies,
        when=when,
        **values,
    )
    response = HTMLResponse(
        html, status_code, headers={"Cache-Control": "no-store", "Vary": "Accept"}
    )
    if cookie is None:
        set_cookie(request, response, sent)
    return response
