"""All pages, assembled."""

from fastapi import FastAPI

from openhours.web import overview, reports, signin, stores
from openhours.web.errors import add_error_pages
from openhours.web.render import HERE, Static


def add_pages(app: FastAPI) -> None:
    """Serve the pages; to be called before the rooms' endpoints are added and after all errors."""
    app.mount("/static", Static(directory=HERE / "static"), name="static")
    for router in (overview.router, stores.router, reports.beside, reports.router, signin.router):
        app.include_router(router)
    add_error_pages(app)
