"""The application: assembled from the rooms, with a worker process beside it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from openhours import __version__
from openhours.access import TABLE, describe_access
from openhours.accounts import api as accounts
from openhours.accounts.access_control import Guard
from openhours.accounts.credentials import Accounts
from openhours.activity import api as activity
from openhours.api import health, http, index, metrics
from openhours.api.examples import keep_examples_fresh
from openhours.api.security_headers import SecurityHeaders
from openhours.db import database
from openhours.heartbeats import api as heartbeats
from openhours.ingestion import api as stores
from openhours.ingestion import metrics as store_measures
from openhours.process_pool import collect_garbage_less
from openhours.reports import api as reports
from openhours.reports import metrics as report_measures
from openhours.reports import timeline_api as timelines
from openhours.settings import Settings, get_settings
from openhours.times import now
from openhours.visits import api as visits
from openhours.visits import metrics as visit_measures
from openhours.web.pages import api_docs
from openhours.web.routes import add_pages
from openhours.work_sessions import api as work_sessions
from openhours.work_sessions import overview
from openhours.worker.supervisor import WorkerProcess

log = logging.getLogger(__name__)

DESCRIPTION = """\
How long each store (or PC) was really on during the hours it should have been.

1. `POST /ingest/status`, `/ingest/hours`, `/ingest/timezones` take CSV files, again and again.
2. `POST /trigger_report` starts a report; `GET /get_report` answers Running, then the CSV.
   Both answer 202 instead of 200 to who sends `Prefer: respond-async`.

Times are ISO 8601 in UTC with `Z`. Errors are JSON: `{"detail": …}`.
"""


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    app.state.started_at = now()
    async with database.opened(settings) as (engine, url):
        app.state.engine = engine
        for room in (heartbeats, visits, activity):
            room.prepare(app.state, engine)
        app.state.accounts = Accounts(engine, settings)
        collect_garbage_less()
        watch = app.state.worker_watch = health.WorkerWatch(engine, settings)
        async with asyncio.TaskGroup() as background:
            tasks = [background.create_task(watch.run())]
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


class _App(FastAPI):
    def build_middleware_stack(self) -> ASGIApp:
        return SecurityHeaders(super().build_middleware_stack())


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application with its rooms; it opens the database when it starts, not before."""
    app = _App(
        title="openhours",
        version=__version__,
        description=DESCRIPTION,
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        responses=http.ERRORS,
    )
    app.state.settings = settings or get_settings()
    http.add_error_handlers(app)
    api_docs.add_docs(app)
    add_pages(app)
    measures = (store_measures, report_measures, visit_measures)
    metrics.add_metrics(app, [room.measure for room in measures])
    rooms = (
        reports,
        timelines,
        stores,
        heartbeats,
        visits,
        activity,
        accounts,
        work_sessions,
        overview,
        health,
        index,
    )
    for room in rooms:
        app.include_router(room.router)
    describe_access(app)
    keep_examples_fresh(app)
    _guard(app)
    return app


def _guard(app: FastAPI) -> None:
    settings: Settings = app.state.settings
    # Inside the error handlers, before the router.
    app.router.middleware_stack = Guard(app.router.middleware_stack, TABLE, settings)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=("GET", "POST", "PATCH", "DELETE"),
            allow_headers=("Authorization", "Content-Type", "Idempotency-Key", "Prefer"),
            expose_headers=(
                "Link",
                "Location",
                "Preference-Applied",
                "Retry-After",
                "X-Report-Status",
            ),
        )


app = create_app()
