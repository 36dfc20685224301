"""`GET /metrics`: the requests of this process, and figures that all processes share.

Requests are counted in each process: Prometheus scrapes every server. What workers do is read
from the database, so any server tells it. No label comes from a client.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import prometheus_client
from fastapi import APIRouter, FastAPI, Response
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from openhours.api.dependencies import HealthEngine
from openhours.db.queue import queue_state

log = logging.getLogger(__name__)

# A package's part of the metrics, read over a borrowed connection; a few rows at most.
Source = Callable[[AsyncConnection], Awaitable[Iterable[Metric]]]

_TIMEOUT = 2.0
_CACHE_TTL = 2.0
_ACTIVITY = "/api/event"
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

# The time when a counter was made is of no use to anyone here, and doubles the text.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]


_Key = tuple[str, str, str]


class _Requests:
    """Counters of the requests that this process answered."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._durations = Histogram(
            "openhours_http_request_duration_seconds",
            "Time from a request's first byte here to its answer's last, by route template.",
            ("method", "route", "status"),
            buckets=_BUCKETS,
            registry=registry,
        )
        self._activity = Counter(
            "user_activity_tracking_api_requests",
            "Requests to the activity API, by route template.",
            ("method", "path", "status"),
            registry=registry,
        )
        self._activity_errors = Counter(
            "user_activity_tracking_api_requests_errors",
            "Requests to the activity API that were answered with an error (4xx or 5xx).",
            ("method", "path", "status"),
            registry=registry,
        )
        self._series: dict[_Key, Histogram] = {}

    def count(self, scope: Scope, status: int, seconds: float) -> None:
        """Count an answered request."""
        template = getattr(scope.get("route"), "path", "unmatched")
        # A client may make up methods; then this would grow, and so would its dictionaries.
        method = scope["method"] if scope["method"] in _METHODS else "other"
        key = (method, template, str(status))
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = self._durations.labels(*key)
        series.observe(seconds)
        if template.startswith(_ACTIVITY):
            self._activity.labels(*key).inc()
            if status >= 400:
                self._activity_errors.labels(*key).inc()


class _Middleware:
    """Times every request, outside of all that could refuse it."""

    def __init__(self, app: ASGIApp, requests: _Requests) -> None:
        self._app = app
        self._requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500  # unless an answer begins

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        started = time.perf_counter()
        try:
            await self._app(scope, receive, send_and_note)
        finally:
            self._requests.count(scope, status, time.perf_counter() - started)


class _Database(Collector):
    """Metrics from the database, read at most every `_CACHE_TTL` seconds, however many scrape."""

    def __init__(self, registry: CollectorRegistry, sources: Sequence[Source]) -> None:
        self._sources = (_measure_queue, *sources)
        self._families: list[Metric] = []
        self._read_at = -_CACHE_TTL
        self._reading = asyncio.Lock()
        registry.register(self)

    def describe(self) -> Iterable[Metric]:
        """Return nothing: which metrics exist depends on the database."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Return what was read last."""
        return self._families

    async def refresh(self, engine: AsyncEngine) -> None:
        """Read anew if it is time; without a database, only that is said."""
        async with self._reading:
            if time.monotonic() - self._read_at < _CACHE_TTL:
                return
            try:
                async with asyncio.timeout(_TIMEOUT):
                    families = await self._read(engine)
                up = 1
            except Exception as error:  # whatever it is: the scrape must tell it, not fail
                log.warning("metrics: the database cannot be read: %r", error)
                families, up = [], 0
            self._families = [
                GaugeMetricFamily(
                    "openhours_database_up", "Whether the database could be read.", value=up
                ),
                *families,
            ]
            self._read_at = time.monotonic()

    async def _read(self, engine: AsyncEngine) -> list[Metric]:
        async with engine.connect() as connection:
            return [family for source in self._sources for family in await source(connection)]


async def _measure_queue(connection: AsyncConnection) -> Iterable[Metric]:
    state = await queue_state(connection)
    depth = GaugeMetricFamily("openhours_queue_depth", "Jobs that wait.", labels=("job",))
    for job, waiting in ({"report": 0, "ingest": 0} | state.queued).items():
        depth.add_metric((job,), waiting)
    workers = GaugeMetricFamily(
        "openhours_workers", "Workers connected to the queue.", value=state.workers
    )
    return depth, workers


def metrics_router(app: FastAPI, sources: Sequence[Source]) -> APIRouter:
    """Return the router of `/metrics`: this process's requests, and the packages' `sources`."""
    registry = CollectorRegistry()
    requests = _Requests(registry)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    database = _Database(registry, sources)
    app.add_middleware(_Middleware, requests=requests)

    content: dict[str, Any] = {"content": {"text/plain": {"schema": {"type": "string"}}}}

    router = APIRouter(tags=["service"])

    @router.get("/metrics", response_class=Response, responses={200: content})
    async def get_metrics(engine: HealthEngine) -> Response:
        """Return metrics for Prometheus; without a database, `openhours_database_up` is 0."""
        await database.refresh(engine)
        return Response(generate_latest(registry), media_type=prometheus_client.CONTENT_TYPE_LATEST)

    return router
