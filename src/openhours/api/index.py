"""`GET /` for programs: name, version, and where things are. People get the overview page."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from openhours import __version__
from openhours.api.dependencies import public_path

router = APIRouter(tags=["service"])

LINKS = {
    "openapi": "/openapi.json",
    "docs": "/docs",
    "redoc": "/redoc",
    "health": "/health",
    "metrics": "/metrics",
    "ingest": "/ingest/{kind}",
    "ingestions": "/ingestions",
    "trigger_report": "/trigger_report",
    "get_report": "/get_report/{report_id}",
    "reports": "/reports",
    "stores": "/api/stores",
    "corrections": "/corrections",
    "special_hours": "/special_hours",
    "track": "/track",
    "track_events": "/track/events",
    "visit": "/visit",
    "stats": "/stats",
    "event": "/api/event",
    "events": "/api/events",
    "user": "/api/v1/user",
    "sessions": "/api/v1/sessions/{username}",
}


class Index(BaseModel):
    """Name and version of the service, and its main paths."""

    name: Annotated[str, Field(examples=["openhours"])]
    version: Annotated[str, Field(examples=[__version__])]
    links: Annotated[
        dict[str, str],
        Field(description="Paths; replace `{…}` with a value.", examples=[LINKS]),
    ]


@router.get("/")
async def get_index(request: Request, response: Response) -> Index:
    """Return name, version and the main paths; an `Accept` that names `text/html` gets a page."""
    response.headers["Vary"] = "Accept"
    root = public_path(request)
    links = {name: root + path for name, path in LINKS.items()}
    return Index(name="openhours", version=__version__, links=links)
