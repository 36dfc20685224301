"""Every page, and the static files."""

from fastapi import FastAPI

from openhours.web.pages import (
    account,
    activity,
    api_docs,
    compare,
    corrections,
    deliveries,
    files,
    find,
    overview,
    pcs,
    reports,
    signin,
    special_hours,
    store,
    stores,
    timer,
    traffic,
)
from openhours.web.render import STATIC

PAGES = (
    overview.router,
    reports.list_router,
    corrections.list_router,
    deliveries.list_router,
    *(
        pages.router
        for pages in (
            files,
            find,
            stores,
            store,
            reports,
            compare,
            corrections,
            deliveries,
            special_hours,
            pcs,
            traffic,
            activity,
            timer,
            signin,
            account,
            api_docs,
        )
    ),
    # Whatever comes after `/reports/` is an id to it.
    reports.report_router,
)


def add_static_files(app: FastAPI) -> None:
    """Serve style sheets, scripts and pictures."""
    app.mount("/static", STATIC, name="static")
    app.mount("/docs/assets", api_docs.ASSETS, name="docs-assets")
