"""The application: assembled from the rooms, with a worker process beside it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from openhours import __version__, docs, health, http
from openhours.db import database
from openhours.heartbeats import api as heartbeats
from openhours.reports import api as reports
from openhours.reports import timeline_api as timelines
from openhours.settings import Settings, get_settings
from openhours.stores import api as stores
from openhours.supervisor import WorkerProcess
from openhours.times import now
from openhours.web.site import add_pages

log = logging.getLogger(__name__)

DESCRIPTION = """\
How long each store (or PC) was really on during the hours it should have been.

1. `POST /ingest/status`, `/ingest/hours`, `/ingest/timezones` take CSV files, again and again.
2. `POST /trigger_report` starts a report; `GET /get_report` answers Running, then the CSV.

Times are ISO 8601 in UTC with `Z`. Errors are JSON: `{"detail": …}`.
"""


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    app.state.started_at = now()
    async with database.opened(settings) as (engine, url):
        app.state.engine = engine
        heartbeats.prepare(app.state, engine)
        async with asyncio.TaskGroup() as background:
            tasks = []
            if settings.database_url is None:
                tasks.append(background.create_task(database.keep_running(settings)))
            if settings.worker:
                worker = WorkerProcess(url)
                tasks.append(background.create_task(worker.supervise()))
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application with its rooms; it opens the database when it starts, not before."""
    app = FastAPI(
        title="openhours",
        version=__version__,
        description=DESCRIPTION,
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.settings = settings or get_settings()
    http.add_error_handlers(app)
    docs.add_docs(app)
    add_pages(app)
    for room in (reports, timelines, stores, heartbeats, health):
        app.include_router(room.router)
    return app


app = create_app()
