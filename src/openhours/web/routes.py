"""All pages, assembled."""

from fastapi import FastAPI

from openhours.web.errors import add_error_pages
from openhours.web.pages import activity, overview, pcs, reports, signin, stores, timer, traffic
from openhours.web.render import HERE, Static


def add_pages(app: FastAPI) -> None:
    """Serve the pages; to be called before the rooms' endpoints are added and after all errors."""
    app.mount("/static", Static(directory=HERE / "static"), name="static")
    for pages in (overview, reports):
        app.include_router(pages.beside)
    for pages in (overview, stores, reports, pcs, traffic, activity, timer, signin):
        app.include_router(pages.router)
    add_error_pages(app)
