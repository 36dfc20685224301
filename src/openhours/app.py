"""The application: assembled from the packages, with a worker process beside it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware

from openhours import __version__
from openhours.access import TABLE, describe_access
from openhours.accounts import api as accounts
from openhours.accounts.access_control import ACCESS, admit
from openhours.accounts.browser_sessions import CSRF_KEY
from openhours.accounts.credentials import ACCOUNTS, Accounts
from openhours.accounts.signing_key import derived_key
from openhours.activity import api as activity
from openhours.activity import recording
from openhours.api import health, index
from openhours.api.body_limit import TooLargeAsProblem
from openhours.api.changes import CHANGES, Changes
from openhours.api.dependencies import ENGINE, HEALTH_ENGINE, SETTINGS, STARTED_AT
from openhours.api.downloads import DOWNLOADS, Downloads
from openhours.api.error_responses import ERRORS, Problem, add_error_handlers
from openhours.api.forwarded import ForwardedHeaders
from openhours.api.metrics import metrics_router
from openhours.api.openapi import describe_answers
from openhours.api.public_path import PublicPath
from openhours.api.security_headers import SecurityHeaders
from openhours.api.slow_bodies import SlowBodies
from openhours.db import database
from openhours.delivery import api as deliveries
from openhours.delivery import metrics as delivery_metrics
from openhours.garbage import leave_what_is_loaded
from openhours.heartbeats import api as heartbeats
from openhours.heartbeats.metrics import pc_metrics
from openhours.ingestion import api as ingestion
from openhours.ingestion import metrics as ingestion_metrics
from openhours.ingestion import notify as ingestion_channels
from openhours.ingestion import upload_api as uploads
from openhours.reports import api as reports
from openhours.reports import calibration_api as report_calibration
from openhours.reports import compare_api as comparisons
from openhours.reports import metrics as report_metrics
from openhours.reports import notify as report_channels
from openhours.reports import outages_api as outages
from openhours.reports import report_api
from openhours.reports import timeline_api as timelines
from openhours.reports.fleet_metrics import FleetMetrics
from openhours.settings import Settings, get_settings
from openhours.stores import api as corrections
from openhours.stores import special_hours_api as special_hours
from openhours.stores import stores_api as stores
from openhours.times import now
from openhours.visits import api as visits
from openhours.visits import metrics as visit_metrics
from openhours.web.errors import add_error_pages
from openhours.web.kept import KEPT, Kept
from openhours.web.routes import PAGES, add_static_files
from openhours.web.running_session import find_running_session
from openhours.work_sessions import api as work_sessions
from openhours.worker.supervisor import WorkerProcess

DESCRIPTION = """\
Tell how long each store (or PC) was really on during the hours it should have been.

1. `POST /ingest/status`, `/ingest/hours`, `/ingest/timezones` and so on take CSV files, again and
   again.
2. `POST /trigger_report` starts a report; `GET /get_report` answers Running, then the CSV.
   Both answer 202 instead of 200 to clients that send `Prefer: respond-async`.

Times are ISO 8601 in UTC with `Z`. Errors are problem details (RFC 9457).
"""
_MAX_BODY_BYTES = 1 << 20
_MAX_FORM_BYTES = 64 << 10
_ACCOUNT_PATHS = (accounts.router.prefix, "/signin", "/signup", "/signout", "/account")
# Of these exist one set a server process.
_WITH_STATE = (heartbeats, visits, recording)
_ENDPOINTS = (
    reports,
    comparisons,
    report_api,
    report_calibration,
    outages,
    deliveries,
    timelines,
    uploads,
    ingestion,
    stores,
    special_hours,
    corrections,
    heartbeats,
    visits,
    activity,
    accounts,
    work_sessions,
    health,
    index,
)


class Application(FastAPI):
    """FastAPI with the access of each route and our errors in its OpenAPI description."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI description; its examples have no instants yet."""
        if self.openapi_schema is None:
            schema = super().openapi()
            describe_access(schema)
            describe_answers(schema)
            problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schema["components"]["schemas"] |= problem.pop("$defs") | {"Problem": problem}
        assert self.openapi_schema is not None
        return self.openapi_schema


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings = SETTINGS.of(app)
    STARTED_AT.set(app, now())
    async with (
        database.opened(settings) as (_, url),
        database.pools(settings, url) as pools,
    ):
        ENGINE.set(app, pools.requests)
        HEALTH_ENGINE.set(app, pools.health)
        ACCOUNTS.set(app, Accounts(pools.writes, settings))
        CSRF_KEY.set(app, derived_key(settings, "csrf tokens"))
        for package in _WITH_STATE:
            package.prepare(app, pools.writes)
        changes = Changes(url, (*report_channels.ALL, *ingestion_channels.ALL))
        CHANGES.set(app, changes)
        DOWNLOADS.set(app, Downloads(settings.data_dir / "downloads"))
        KEPT.set(app, Kept())
        leave_what_is_loaded()
        watch = health.WorkerWatch(pools.health, settings)
        health.WORKER_WATCH.set(app, watch)
        async with asyncio.TaskGroup() as background:
            tasks = [background.create_task(one.run()) for one in (watch, changes)]
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
    """Return the application; it opens the database when it starts, not before.

    Raise LookupError if the access table and the routes differ.
    """
    settings = settings or get_settings()
    app = Application(
        title="openhours",
        version=__version__,
        description=DESCRIPTION,
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        generate_unique_id_function=lambda route: route.name,
        servers=[{"url": settings.public_path}] if settings.public_path else None,
        responses=ERRORS,
        dependencies=[Depends(admit)],
    )
    SETTINGS.set(app, settings)
    ACCESS.set(app, TABLE)
    add_error_handlers(app)
    add_error_pages(app)
    add_static_files(app)
    sources = [
        ingestion_metrics.read_metrics,
        report_metrics.read_metrics,
        FleetMetrics().read_metrics,
        visit_metrics.read_metrics,
        delivery_metrics.read_metrics,
        pc_metrics(timedelta(seconds=settings.heartbeat_expiry_seconds)),
    ]
    metrics = metrics_router(app, sources)
    # Pages first: of two routes with one path, theirs takes only what asks for HTML.
    endpoints = [*(package.router for package in _ENDPOINTS), metrics]
    TABLE.check([*PAGES, *endpoints])
    for router in PAGES:
        app.include_router(
            router, max_body_size=_MAX_FORM_BYTES, dependencies=[Depends(find_running_session)]
        )
    for router in endpoints:
        app.include_router(router, max_body_size=_MAX_BODY_BYTES)
    _add_middleware(app)
    return app


def _add_middleware(app: FastAPI) -> None:
    """Add what surrounds all routes; what is added last is outermost."""
    settings = SETTINGS.of(app)
    app.add_middleware(SlowBodies)
    app.add_middleware(TooLargeAsProblem)
    app.add_middleware(ForwardedHeaders, trusted=settings.trusted_proxies)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
            allow_headers=("Authorization", "Content-Type", "Idempotency-Key", "Prefer"),
            expose_headers=(
                "Accept-Ranges",
                "Content-Disposition",
                "Content-Range",
                "ETag",
                "Link",
                "Location",
                "Preference-Applied",
                "Repr-Digest",
                "Retry-After",
                "X-Report-Status",
                "X-Row-Count",
            ),
        )
    never_stored = tuple(settings.public_path + path for path in _ACCOUNT_PATHS)
    app.add_middleware(SecurityHeaders, behind_tls=settings.behind_tls, never_stored=never_stored)
    if settings.public_path:
        app.add_middleware(PublicPath, path=settings.public_path)


app = create_app()
